/* See driver.h. */
#include "driver.h"

#include <dirent.h>
#include <libstemmer.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <wchar.h>
#include <wctype.h>
#include <yyjson.h>

#ifdef __cplusplus
#error "compiled as C"
#endif

void give_up(const char *what, const char *why) {
    fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static FILE *open_file(const char *path) {
    FILE *file = fopen(path, "r");
    if (!file) give_up(path, "cannot be read");
    return file;
}

/* The next line without its newline, or NULL at the end. */
static char *next_line(FILE *file, char **line, size_t *room, size_t *len) {
    ssize_t got = getline(line, room, file);
    if (got < 0) return NULL;
    if (got > 0 && (*line)[got - 1] == '\n') (*line)[--got] = 0;
    *len = (size_t)got;
    return *line;
}

/* ---- Words --------------------------------------------------------------------------------- */

/* One code point, or 0xFFFD for a byte that is no UTF-8. Moves *at on. */
static wint_t decode(const unsigned char *text, size_t len, size_t *at) {
    unsigned char first = text[(*at)++];
    if (first < 0x80) return first;
    int more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : first >= 0xC2 ? 1 : 0;
    wint_t c = first & (0x3F >> more);
    if (more == 0 || *at + (size_t)more > len) return 0xFFFD;
    while (more-- > 0) {
        if ((text[*at] & 0xC0) != 0x80) return 0xFFFD;
        c = c << 6 | (text[(*at)++] & 0x3F);
    }
    return c;
}

static size_t encode(wint_t c, char *out) {
    if (c < 0x80) return out[0] = (char)c, 1;
    if (c < 0x800) return out[0] = (char)(0xC0 | c >> 6), out[1] = (char)(0x80 | (c & 0x3F)), 2;
    size_t n = 0;
    if (c < 0x10000) {
        out[n++] = (char)(0xE0 | c >> 12);
    } else {
        out[n++] = (char)(0xF0 | c >> 18);
        out[n++] = (char)(0x80 | (c >> 12 & 0x3F));
    }
    out[n++] = (char)(0x80 | (c >> 6 & 0x3F));
    out[n++] = (char)(0x80 | (c & 0x3F));
    return n;
}

static bool is_word(wint_t c) {
    if (c < 0x80) return (c | 32) - 'a' < 26 || c - '0' < 10;
    return iswalnum(c);
}

static struct sb_stemmer *stemmer(void) {
    static struct sb_stemmer *english;
    if (!english && !(english = sb_stemmer_new("english", NULL))) give_up("stemmer", "no memory");
    return english;
}

void words_visit(const char *text, size_t len, bool (*visit)(void *user, const word *w),
                 void *user) {
    static char *folded;
    static size_t room;
    const unsigned char *bytes = (const unsigned char *)text;
    size_t at = 0, start = 0, n = 0;
    bool inside = false;
    while (at < len || inside) {
        size_t before = at;
        wint_t c = at < len ? decode(bytes, len, &at) : ' ';
        if (n + 8 > room && !(folded = realloc(folded, room = 2 * room + 1024))) abort();
        if (is_word(c)) {
            if (!inside) start = before, n = 0, inside = true;
            n += encode(c < 0x80 ? c | (c - 'A' < 26 ? 32 : 0) : towlower(c), folded + n);
        } else if (inside) {
            const sb_symbol *term = sb_stemmer_stem(stemmer(), (sb_symbol *)folded, (int)n);
            word w = {folded, n, (const char *)term, (size_t)sb_stemmer_length(stemmer()), start,
                      before};
            inside = false;
            if (!visit(user, &w)) return;
        }
    }
}

/* ---- Queries ------------------------------------------------------------------------------- */

static bool take_word(void *user, const word *w) {
    clause *c = user;
    if (c->count == WORDS_MAX || w->folded_len >= WORD_BYTES) give_up("query", "too long");
    memcpy(c->folded[c->count], w->folded, w->folded_len);
    c->folded[c->count][w->folded_len] = 0;
    memcpy(c->terms[c->count], w->term, w->term_len);
    c->terms[c->count++][w->term_len] = 0;
    return true;
}

static void parse(const char *text, parsed *out) {
    memset(out->of, 0, sizeof out->of);
    out->count = 0;
    for (const char *at = text; *(at += strspn(at, " "));) {
        if (out->count == CLAUSES_MAX) give_up(text, "too many clauses");
        clause *c = &out->clauses[out->count];
        c->need = *at == '+' ? NEED_MUST : *at == '-' ? NEED_NOT : NEED_SHOULD;
        at += c->need != NEED_SHOULD;
        bool quoted = *at == '"';
        at += quoted;
        size_t len = strcspn(at, quoted ? "\"" : " ");
        c->count = 0;
        words_visit(at, len, take_word, c);
        at += len + (quoted && at[len] == '"');
        if (c->count) out->of[c->need]++, out->count++;
    }
    if (!out->count) give_up(text, "a query without words");
}

static command command_of(const char *name, size_t len) {
    command c = {0, true};
    if (len == 5 && !memcmp(name, "COUNT", 5)) return c;
    if (len < 5 || memcmp(name, "TOP_", 4)) give_up(name, "no such command");
    char *end;
    c.k = strtoul(name + 4, &end, 10);
    c.counts = (size_t)(end - name) < len;
    if (c.k == 0 || c.k > HITS_MAX || (c.counts && strncmp(end, "_COUNT", 6)))
        give_up(name, "no such command");
    return c;
}

/* ---- The protocol -------------------------------------------------------------------------- */

static uint64_t folder_bytes(const char *folder) {
    uint64_t bytes = 0;
    DIR *list = opendir(folder);
    if (!list) give_up(folder, "cannot be listed");
    for (struct dirent *entry; (entry = readdir(list));) {
        char path[4096];
        struct stat about;
        if (entry->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (stat(path, &about)) give_up(path, "is gone");
        bytes += S_ISDIR(about.st_mode) ? folder_bytes(path) : (uint64_t)about.st_size;
    }
    closedir(list);
    return bytes;
}

/* The string at the first of these keys that is there, "" when none is. */
static const char *string_at(yyjson_val *object, const char *const *keys, size_t *len) {
    for (; *keys; keys++) {
        yyjson_val *value = yyjson_obj_get(object, *keys);
        if (yyjson_is_str(value)) return *len = yyjson_get_len(value), yyjson_get_str(value);
    }
    return *len = 0, "";
}

static int build(const peer *p, const char *corpus, const char *folder) {
    static const char *const id[] = {"id", NULL}, *const title[] = {"title", NULL},
                             *const body[] = {"body", "text", "content", NULL};
    if (mkdir(folder, 0777)) give_up(folder, "is there already, or cannot be made");
    FILE *file = open_file(corpus);
    double start = now();
    p->create(folder);
    char *line = NULL, *text = NULL;
    size_t room = 0, len, text_room = 0;
    uint64_t documents = 0, raw = 0;
    while (next_line(file, &line, &room, &len)) {
        yyjson_doc *doc = yyjson_read(line, len, 0);
        if (!doc) give_up(corpus, "a line is no JSON");
        size_t id_len, title_len, body_len;
        const char *i = string_at(yyjson_doc_get_root(doc), id, &id_len);
        const char *t = string_at(yyjson_doc_get_root(doc), title, &title_len);
        const char *b = string_at(yyjson_doc_get_root(doc), body, &body_len);
        size_t bytes = title_len + 1 + body_len;
        if (bytes > text_room && !(text = realloc(text, text_room = 2 * bytes))) abort();
        memcpy(text, t, title_len);
        text[title_len] = '\n';
        memcpy(text + title_len + 1, b, body_len);
        p->add(i, text, bytes);
        yyjson_doc_free(doc);
        documents++, raw += bytes;
    }
    p->commit();
    double committed = now() - start;
    p->merge();
    double seconds = now() - start;
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("{\"peer\":\"%s\",\"docs\":%llu,\"raw_bytes\":%llu,\"threads\":1,"
           "\"commit_seconds\":%.3f,\"seconds\":%.3f,\"mb_per_s\":%.2f,\"peak_bytes\":%llu,"
           "\"index_bytes\":%llu}\n",
           p->name, (unsigned long long)documents, (unsigned long long)raw, committed, seconds,
           (double)raw / 1e6 / seconds, (unsigned long long)usage.ru_maxrss * 1024,
           (unsigned long long)folder_bytes(folder));
    return 0;
}

static answer found;
static parsed query;

/* For each command a pass to warm up, then each query REPEATS times, or (after three) until
   BUDGET_US are spent on it: the least counts. Parsing is timed, as in the other drivers. */
static void bench_query(const peer *p, const command *c, const char *text, int repeats,
                        double budget_us, double *least_us) {
    double spent = 0;
    for (int run = 0; run < repeats && (run < 3 || spent <= budget_us); run++) {
        double start = now();
        parse(text, &query);
        p->ask(&query, c, false, &found);
        double us = (now() - start) * 1e6;
        if (run == 0 || us < *least_us) *least_us = us;
        spent += us;
    }
}

static int bench(const peer *p, const char *folder, const char *queries, const char *commands,
                 int repeats, double budget_us) {
    p->open(folder);
    char *line = NULL, *tab;
    size_t room = 0, len;
    for (const char *name = commands; *name; name += strspn(name, ",")) {
        size_t name_len = strcspn(name, ",");
        command c = command_of(name, name_len);
        for (int warm = 1; warm >= 0; warm--) {
            FILE *file = open_file(queries);
            while (next_line(file, &line, &room, &len)) {
                if (!(tab = strchr(line, '\t'))) continue;
                double us = 0;
                bench_query(p, &c, tab + 1, warm ? 1 : repeats, budget_us, &us);
                if (warm) continue;
                int64_t n = c.counts || found.total < 0 ? found.total : (int64_t)found.count;
                printf("%.*s\t%s\t%lld\t%.3f\n", (int)name_len, name, line, (long long)n, us);
            }
            fclose(file);
        }
        name += name_len;
    }
    return 0;
}

/* Answers line by line: the total where there is one, then `id:score` of each hit. */
static int serve(const peer *p, const char *folder) {
    p->open(folder);
    char *line = NULL, *tab;
    size_t room = 0, len;
    while (next_line(stdin, &line, &room, &len)) {
        if (!(tab = strchr(line, '\t'))) give_up("query", "no tab between command and query");
        command c = command_of(line, (size_t)(tab - line));
        parse(tab + 1, &query);
        p->ask(&query, &c, true, &found);
        const char *between = "";
        if (c.counts) printf("%lld", (long long)found.total), between = "\t";
        for (size_t i = 0; i < found.count; i++, between = "\t") {
            printf("%s%s:%.5f", between, found.hits[i].id, found.hits[i].score);
        }
        printf("\n");
        fflush(stdout);
    }
    return 0;
}

int peer_main(const peer *p, int argc, char **argv) {
    setlocale(LC_CTYPE, "C.UTF-8");
    const char *verb = argc > 2 ? argv[1] : "";
    if (!strcmp(verb, "build") && argc > 3) return build(p, argv[2], argv[3]);
    if (!strcmp(verb, "query")) return serve(p, argv[2]);
    if (!strcmp(verb, "bench") && argc > 4)
        return bench(p, argv[2], argv[3], argv[4], argc > 5 ? atoi(argv[5]) : 10,
                     argc > 6 ? atof(argv[6]) : 1e6);
    fprintf(stderr, "usage: build DOCS INDEX | bench INDEX QUERIES COMMANDS [REPEATS [BUDGET_US]] "
                    "| query INDEX\n");
    return 2;
}
