/*
 * The style that a program can check: `tidy ROOT`, run by `zig build check`.
 *
 *   - src/ is built in floors (tools/rooms.txt): an include may not climb, nor cross to a room of
 *     the same floor, nor take a foreign header past its door.
 *   - Lines of C, Zig and scripts: at most 100 columns, no tab, no blank at the end, a newline at
 *     the end of the file.
 *   - A C file is at most 40 KB. A function over 70 lines is a warning: sometimes it is right.
 *
 * `tidy --self-test` plants one of each fault in a tree of its own, and fails unless it finds
 * exactly them.
 *
 * The reader goes line by line and knows no C: a function begins with a line that starts in
 * column 1, has a `)` and ends in `{`; it ends with a `}` in column 1.
 */
#include <dirent.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    COLUMNS_MAX = 100,
    FUNCTION_LINES_MAX = 70,
    FILE_BYTES_MAX = 40 * 1000,
    ROOMS_MAX = 64,
    WORDS_MAX = 16,
    WORD_BYTES_MAX = 64,
    LINE_BYTES_MAX = 4096,
    PATH_BYTES_MAX = 1024
};

struct words {
    char word[WORDS_MAX][WORD_BYTES_MAX];
    int count;
};

struct room {
    int floor;
    char name[WORD_BYTES_MAX];
    struct words only, door;
};

static struct room rooms[ROOMS_MAX];
static int room_count;
static int errors, warnings;
static bool silent; /* the messages of planted faults are of no interest */

static void complain(int *counter, const char *kind, const char *path, int line, const char *format,
                     va_list arguments) {
    (*counter)++;
    if (silent) return;
    printf("%s:%d: %s: ", path, line, kind);
    vprintf(format, arguments);
    putchar('\n');
}

__attribute__((format(printf, 3, 4))) static void error_at(const char *path, int line,
                                                           const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    complain(&errors, "error", path, line, format, arguments);
    va_end(arguments);
}

__attribute__((format(printf, 3, 4))) static void warn_at(const char *path, int line,
                                                          const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    complain(&warnings, "warning", path, line, format, arguments);
    va_end(arguments);
}

static bool has_word(const struct words *words, const char *word) {
    for (int i = 0; i < words->count; i++) {
        if (strcmp(words->word[i], word) == 0) return true;
    }
    return false;
}

/* Whether a foreign header is one that the door names, or in a folder that it names. */
static bool opens(const struct words *door, const char *header) {
    for (int i = 0; i < door->count; i++) {
        const char *word = door->word[i];
        size_t length = strlen(word);
        if (strcmp(word, header) == 0) return true;
        if (length > 0 && word[length - 1] == '/' && strncmp(word, header, length) == 0)
            return true;
    }
    return false;
}

static const struct room *find_room(const char *name) {
    for (int i = 0; i < room_count; i++) {
        if (strcmp(rooms[i].name, name) == 0) return &rooms[i];
    }
    return NULL;
}

static bool read_rooms(const char *path) {
    char line[LINE_BYTES_MAX];
    FILE *file = fopen(path, "r");
    if (!file) {
        perror(path);
        return false;
    }
    room_count = 0;
    while (fgets(line, sizeof line, file) && room_count < ROOMS_MAX) {
        struct room room = {0};
        struct words *target = NULL;
        char *word = strtok(line, " \t\n");
        if (!word || word[0] == '#') continue;
        room.floor = atoi(word);
        word = strtok(NULL, " \t\n");
        snprintf(room.name, sizeof room.name, "%s", word ? word : "");
        while ((word = strtok(NULL, " \t\n"))) {
            if (strcmp(word, "only") == 0) target = &room.only;
            else if (strcmp(word, "door") == 0) target = &room.door;
            else if (target && target->count < WORDS_MAX)
                snprintf(target->word[target->count++], WORD_BYTES_MAX, "%s", word);
        }
        rooms[room_count++] = room;
    }
    fclose(file);
    return room_count > 0;
}

/* One #include of a file of `room`; quoted tells "x" from <x>. */
static void check_include(const char *path, int line, const struct room *room, const char *header,
                          bool quoted) {
    char folder[WORD_BYTES_MAX];
    const char *slash = strchr(header, '/');
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - header) : 0, header);
    const struct room *other = find_room(folder);
    if (other && quoted) {
        if (other == room) return;
        if (other->floor == room->floor)
            error_at(path, line,
                     "room %s may not include %s: both are on floor %d and do not know each other",
                     room->name, header, room->floor);
        else if (other->floor > room->floor)
            error_at(path, line,
                     "room %s (floor %d) may not include %s (floor %d): includes go down only",
                     room->name, room->floor, header, other->floor);
        else if (room->only.count > 0 && !has_word(&room->only, other->name))
            error_at(path, line, "room %s may not include %s: it uses anpsearch.h and %s only",
                     room->name, header, room->only.word[0]);
        return;
    }
    if (strcmp(header, "anpsearch.h") == 0 || opens(&room->door, header)) return;
    if (quoted) {
        error_at(path, line, "include our headers as \"room/file.h\", others as <file.h>: \"%s\"",
                 header);
        return;
    }
    for (int i = 0; i < room_count; i++) {
        if (opens(&rooms[i].door, header)) {
            error_at(path, line, "room %s may not include <%s>: its door is the room %s",
                     room->name, header, rooms[i].name);
            return;
        }
    }
}

static bool ends_with(const char *text, const char *end) {
    size_t length = strlen(text), end_length = strlen(end);
    return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

/* Columns are characters, not bytes: bytes that continue a UTF-8 character are not counted. */
static int columns(const char *line) {
    int count = 0;
    for (; *line; line++) count += ((unsigned char)*line & 0xC0) != 0x80;
    return count;
}

static void check_line(const char *path, int number, char *line) {
    size_t length = strlen(line);
    if (length == 0 || line[length - 1] != '\n')
        error_at(path, number, "no newline at the end (or a line too long)");
    else line[--length] = 0;
    if (columns(line) > COLUMNS_MAX)
        error_at(path, number, "%d columns; %d are the limit", columns(line), COLUMNS_MAX);
    if (strchr(line, '\t')) error_at(path, number, "a tab; indent by 4 spaces");
    if (length > 0 && (line[length - 1] == ' ' || line[length - 1] == '\r'))
        error_at(path, number, "a blank at the end");
}

/* A file below src/ROOM is checked for includes as well; elsewhere room is null. */
static void check_file(const char *path, const struct room *room) {
    char line[LINE_BYTES_MAX], header[256];
    char quote;
    struct stat info;
    int number = 0, function_start = 0;
    bool is_c = ends_with(path, ".c") || ends_with(path, ".h");
    FILE *file = fopen(path, "r");
    if (!file || fstat(fileno(file), &info) != 0) {
        error_at(path, 0, "cannot be read");
        if (file) fclose(file);
        return;
    }
    if (is_c && info.st_size > FILE_BYTES_MAX)
        error_at(path, 0, "%ld bytes; %d are the limit: split it by noun", (long)info.st_size,
                 FILE_BYTES_MAX);
    while (fgets(line, sizeof line, file)) {
        check_line(path, ++number, line);
        if (!is_c) continue;
        if (room && sscanf(line, " # include %c%255[^\">]", &quote, header) == 2 &&
            (quote == '"' || quote == '<'))
            check_include(path, number, room, header, quote == '"');
        if (line[0] == '}') {
            if (function_start && number - function_start - 1 > FUNCTION_LINES_MAX)
                warn_at(path, function_start, "a function of %d lines; %d are the aim",
                        number - function_start - 1, FUNCTION_LINES_MAX);
            function_start = 0;
        } else if (line[0] != ' ' && line[0] != '#' && line[0] != '/' && ends_with(line, "{") &&
                   strchr(line, ')')) {
            function_start = number;
        }
    }
    fclose(file);
}

/* Is this a file whose style is ours to check? Scripts have no ending; their first line tells. */
static bool is_source(const char *path) {
    char start[2] = {0};
    const char *name = strrchr(path, '/');
    if (ends_with(path, ".c") || ends_with(path, ".h") || ends_with(path, ".zig")) return true;
    if (strchr(name ? name : path, '.')) return false;
    FILE *file = fopen(path, "r");
    if (!file) return false;
    size_t read = fread(start, 1, 2, file);
    fclose(file);
    return read == 2 && start[0] == '#' && start[1] == '!';
}

static int by_name(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void walk(const char *folder, const struct room *room) {
    struct dirent **entries;
    struct stat info;
    int count = scandir(folder, &entries, NULL, by_name);
    for (int i = 0; i < count; i++) {
        char path[PATH_BYTES_MAX];
        const char *name = entries[i]->d_name;
        snprintf(path, sizeof path, "%s/%s", folder, name);
        if (name[0] != '.' && stat(path, &info) == 0) {
            if (S_ISDIR(info.st_mode)) walk(path, room);
            else if (is_source(path)) check_file(path, room);
        }
        free(entries[i]);
    }
    if (count >= 0) free(entries);
}

/* Every folder of src/ must be a room. */
static void walk_rooms(const char *src) {
    struct dirent **entries;
    struct stat info;
    int count = scandir(src, &entries, NULL, by_name);
    for (int i = 0; i < count; i++) {
        char path[PATH_BYTES_MAX];
        const char *name = entries[i]->d_name;
        snprintf(path, sizeof path, "%s/%s", src, name);
        if (name[0] != '.' && stat(path, &info) == 0 && S_ISDIR(info.st_mode)) {
            const struct room *room = find_room(name);
            if (!room) error_at(path, 0, "no room of tools/rooms.txt");
            else walk(path, room);
        }
        free(entries[i]);
    }
    if (count >= 0) free(entries);
}

static int check_tree(const char *root) {
    static const char *const others[] = {"include", "tests", "bench", "tools"};
    char path[PATH_BYTES_MAX];
    errors = warnings = 0;
    snprintf(path, sizeof path, "%s/tools/rooms.txt", root);
    if (!read_rooms(path)) return -1;
    snprintf(path, sizeof path, "%s/src", root);
    walk_rooms(path);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", root, others[i]);
        walk(path, NULL);
    }
    snprintf(path, sizeof path, "%s/build.zig", root);
    if (access(path, R_OK) == 0) check_file(path, NULL);
    return errors;
}

/* The test of this program. */

struct plant {
    const char *path, *text;
    int errors, warnings;
};

static const struct plant plants[] = {
    {"src/text/good.c",
     "#include \"text/chain.h\"\n#include \"base/str.h\"\n"
     "#include \"anpsearch.h\"\n#include <stdio.h>\n",
     0, 0},
    {"src/store/door.c", "#include <lmdb.h>\n#include <zstd.h>\n", 0, 0},
    {"src/text/folder.c", "#include <lexbor/unicode/unicode.h>\n", 0, 0},
    {"src/cli/main.c", "#include \"base/str.h\"\n#include \"anpsearch.h\"\n", 0, 0},
    {"src/base/climbs.c", "#include \"index/writer.h\"\n", 1, 0},
    {"src/text/crosses.c", "#include \"store/env.h\"\n", 1, 0},
    {"src/query/crosses.c", "  #  include \"similar/scan.h\"\n", 1, 0},
    {"src/cli/deep.c", "#include \"query/parse.h\"\n", 1, 0},
    {"src/index/lmdb.c", "#include <lmdb.h>\n", 1, 0},
    {"src/sketch/lexbor.c", "#include <lexbor/unicode/unicode.h>\n", 1, 0},
    {"src/rank/bare.c", "#include \"bm25.h\"\n", 1, 0},
    {"src/attic/old.c", "\n", 1, 0},
    {"tests/blank.c", "int x; \n", 1, 0},
    {"tests/tab.c", "\tint x;\n", 1, 0},
    {"tests/newline.c", "int x;", 1, 0},
    {"tools/script", "#!/bin/sh\n\ttrue\n", 1, 0},
    {"tools/notes.txt", "no source: \t \n", 0, 0},
};

/* Writes text to root/path, making the folders. */
static bool plant_file(const char *root, const char *path, const char *text) {
    char full[PATH_BYTES_MAX];
    snprintf(full, sizeof full, "%s/%s", root, path);
    for (char *slash = strchr(full + strlen(root) + 1, '/'); slash;
         slash = strchr(slash + 1, '/')) {
        *slash = 0;
        mkdir(full, 0777);
        *slash = '/';
    }
    FILE *file = fopen(full, "w");
    if (!file) return false;
    bool written = fputs(text, file) >= 0;
    return fclose(file) == 0 && written;
}

/* Checks a tree with this one file; it and its message must be as expected. */
static bool finds(const char *root, const char *path, const char *text, int want_errors,
                  int want_warnings) {
    char full[PATH_BYTES_MAX];
    snprintf(full, sizeof full, "%s/%s", root, path);
    bool right = plant_file(root, path, text) && check_tree(root) == want_errors &&
                 warnings == want_warnings;
    if (!right)
        printf("self-test: %s: found %d errors and %d warnings, expected %d and %d\n", path, errors,
               warnings, want_errors, want_warnings);
    remove(full);
    char *slash = strrchr(full, '/');
    *slash = 0;
    rmdir(full); /* a folder that is no room is itself an error */
    return right;
}

static int self_test(void) {
    char root[] = "/tmp/anp-tidy-XXXXXX", table[LINE_BYTES_MAX] = {0}, command[64];
    static char long_text[FILE_BYTES_MAX + 100];
    bool right = true;
    FILE *file = fopen("tools/rooms.txt", "r");
    if (!file || fread(table, 1, sizeof table - 1, file) == 0 || !mkdtemp(root)) {
        perror("self-test");
        return 1;
    }
    fclose(file);
    right &= plant_file(root, "tools/rooms.txt", table);
    for (size_t i = 0; i < sizeof plants / sizeof plants[0]; i++)
        right &= finds(root, plants[i].path, plants[i].text, plants[i].errors, plants[i].warnings);

    memset(long_text, 'x', COLUMNS_MAX + 1);
    strcpy(long_text + COLUMNS_MAX + 1, "\n");
    right &= finds(root, "tests/long.c", long_text, 1, 0);
    right &= finds(root, "tests/limit.c", long_text + 1, 0, 0);
    memset(long_text, '\n', FILE_BYTES_MAX + 1);
    long_text[FILE_BYTES_MAX + 1] = 0;
    right &= finds(root, "tests/large.c", long_text, 1, 0);
    for (int lines = FUNCTION_LINES_MAX; lines <= FUNCTION_LINES_MAX + 1; lines++) {
        strcpy(long_text, "int f(void) {\n");
        for (int i = 0; i < lines; i++) strcat(long_text, "\n");
        strcat(long_text, "}\n");
        right &= finds(root, "tests/function.c", long_text, 0, lines > FUNCTION_LINES_MAX);
    }
    snprintf(command, sizeof command, "rm -rf %s", root);
    return system(command) != 0 || !right;
}

int main(int argc, char **argv) {
    if (argc == 2 && strcmp(argv[1], "--self-test") == 0) {
        silent = true;
        return self_test();
    }
    if (argc != 2 || check_tree(argv[1]) < 0) {
        fprintf(stderr, "usage: tidy ROOT | tidy --self-test, from the project's root\n");
        return 2;
    }
    if (errors) printf("tidy: %d errors\n", errors);
    return errors > 0;
}
