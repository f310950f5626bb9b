/*
 * The public API as its header tells it: the tour, C and C++ compilers, names, analysis.
 */
#include "api/help.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

/* tour.h is the tour of anpsearch.h, byte by byte: the case below compares them. */
int tour_main(void);
#define main tour_main
#include "api/tour.h"
#undef main

static bool read_file(const char *path, char *out, size_t size) {
    FILE *file = fopen(path, "rb");
    if (!file) {
        return false;
    }
    size_t len = fread(out, 1, size - 1, file);
    out[len] = 0;
    fclose(file);
    return len < size - 1;
}

/* ---- The tour ------------------------------------------------------------------------------ */

/* The code in the comment at the header's top: from the #include to the brace that ends main. */
static void extract_tour(const char *header, char *out) {
    static const char margin[] = " *     ";
    const char *at = strstr(header, " *     #include <anpsearch.h>\n");
    *out = 0;
    while (at && *at) {
        const char *end = strchr(at, '\n');
        size_t len = (size_t)(end - at), cut = len < strlen(margin) ? len : strlen(margin);
        strncat(out, at + cut, len - cut);
        strcat(out, "\n");
        at = len == strlen(margin) + 1 && at[cut] == '}' ? NULL : end + 1;
    }
}

static void tour(void) {
    static char header[100000], told[100000], compiled[100000], printed[200];
    char path[300], before[1000];
    anp_error err = ANP_ERROR_INIT;
    CHECK(read_file("include/anpsearch.h", header, sizeof header));
    CHECK(read_file("tests/api/tour.h", compiled, sizeof compiled));
    extract_tour(header, told);
    CHECK_EQ_STR(told, compiled);
    /* It works on posts.db of the working directory, and prints. */
    if (!CHECK(getcwd(before, sizeof before) != NULL) || !CHECK_EQ_INT(chdir(test_folder()), 0)) {
        return;
    }
    fflush(stdout);
    int out = dup(STDOUT_FILENO);
    snprintf(path, sizeof path, "%s/tour.txt", test_folder());
    CHECK(freopen(path, "wb", stdout) != NULL);
    int status = tour_main();
    fflush(stdout);
    dup2(out, STDOUT_FILENO);
    close(out);
    CHECK_EQ_INT(chdir(before), 0);
    CHECK_EQ_INT(status, 0);
    CHECK(read_file(path, printed, sizeof printed));
    /* One post, one word of it: idf ln(1 + 0.5 / 1.5), tf 3 in a text of 3 * 2 + 3 words. */
    char expected[100];
    snprintf(expected, sizeof expected, "%.2f 1 Cache rules\n", log(1 + 0.5 / 1.5) * 3 / (3 + 1.2));
    CHECK_EQ_STR(printed, expected);
    anp_index *index = NULL;
    snprintf(path, sizeof path, "%s/posts.db", test_folder());
    CHECK_EQ_INT(anp_index_open(path, ANP_OPEN_READ, NULL, &index, &err), ANP_OK);
    anp_index_close(index);
}

static bool have(const char *compiler) {
    char command[100];
    snprintf(command, sizeof command, "%s --version >/dev/null 2>&1", compiler);
    return system(command) == 0;
}

static void check_compiles(const char *command, const char *source) {
    char path[300], line[1000], said[4000] = "";
    snprintf(path, sizeof path, "%s/source", test_folder());
    FILE *file = fopen(path, "wb");
    if (!CHECK(file != NULL)) {
        return;
    }
    fputs(source, file);
    fclose(file);
    snprintf(line, sizeof line, "%s -fsyntax-only -Wall -Werror -I include %s >%s.said 2>&1",
             command, path, path);
    if (!CHECK_EQ_INT(system(line), 0)) {
        snprintf(path, sizeof path, "%s/source.said", test_folder());
        read_file(path, said, sizeof said);
        test_note("%s: %s", line, said);
    }
}

static void tour_in_c(void) {
    static char header[100000], told[100000];
    if (!have("cc")) {
        SKIP("no C compiler named cc");
    }
    CHECK(read_file("include/anpsearch.h", header, sizeof header));
    extract_tour(header, told);
    check_compiles("cc -x c -std=c99 -pedantic -Wextra", told);
    check_compiles("cc -x c -std=c17 -pedantic -Wextra -Wconversion -Wstrict-prototypes", told);
    check_compiles("cc -x c -std=c17", "#include <anpsearch.h>\n"
                   "anp_stats a = ANP_STATS_INIT; anp_import_options b = ANP_IMPORT_OPTIONS_INIT;\n"
                   "anp_query_options c = ANP_QUERY_OPTIONS_INIT;\n"
                   "anp_similar_options d = ANP_SIMILAR_OPTIONS_INIT;\n"
                   "anp_index_options e = ANP_INDEX_OPTIONS_INIT; anp_error f = ANP_ERROR_INIT;\n");
}

static void header_in_cpp(void) {
    if (!have("c++")) {
        SKIP("no C++ compiler named c++");
    }
    check_compiles("c++ -x c++ -std=c++11 -pedantic -Wextra", "#include <anpsearch.h>\n"
                   "static_assert(ANP_OK == 0, \"pinned\");\n"
                   "int main() { return anp_version()[0] == '0' ? 0 : 1; }\n");
    check_compiles("c++ -x c++ -std=c++20", "#include <anpsearch.h>\n"
                   "anp_stats a = ANP_STATS_INIT; anp_import_options b = ANP_IMPORT_OPTIONS_INIT;\n"
                   "anp_query_options c = ANP_QUERY_OPTIONS_INIT;\n"
                   "anp_similar_options d = ANP_SIMILAR_OPTIONS_INIT;\n"
                   "anp_index_options e = ANP_INDEX_OPTIONS_INIT; anp_error f = ANP_ERROR_INIT;\n");
}

/* ---- Names --------------------------------------------------------------------------------- */

static void names(void) {
    static const char *const pinned[] = {
        "ANP_OK",      "ANP_NOT_FOUND", "ANP_INVALID", "ANP_SYNTAX", "ANP_IO",
        "ANP_CORRUPT", "ANP_FORMAT",    "ANP_LIMIT",   "ANP_NOMEM",  "ANP_BUSY",
        "ANP_NOSPACE", "ANP_BAD_POST",  "ANP_CANCELLED", "ANP_UNSUPPORTED"};
    static char header[100000];
    int count = sizeof pinned / sizeof *pinned;
    char version[40];
    for (int i = 0; i < count; i++) {
        CHECK_EQ_STR(anp_status_name((anp_status)i), pinned[i]);
    }
    CHECK_EQ_STR(anp_status_name((anp_status)count), "unknown status");
    CHECK_EQ_STR(anp_status_name((anp_status)-1), "unknown status");
    /* Each value of the header's enum is one of those. */
    CHECK(read_file("include/anpsearch.h", header, sizeof header));
    const char *at = strstr(header, "typedef enum anp_status {");
    const char *end = at ? strchr(at, '}') : NULL;
    int found = 0;
    for (at = at ? strstr(at, "ANP_") : NULL; at && at < end; at = strstr(at + 4, "ANP_")) {
        char name[40];
        int value;
        if (sscanf(at, "%39[A-Z_] = %d", name, &value) == 2) {
            CHECK_EQ_STR(anp_status_name((anp_status)value), name);
            found++;
        }
    }
    CHECK_EQ_INT(found, count);
    snprintf(version, sizeof version, "%d.%d.%d", ANP_VERSION_MAJOR, ANP_VERSION_MINOR,
             ANP_VERSION_PATCH);
    CHECK_EQ_STR(anp_version(), version);
}

/* ---- Analysis ------------------------------------------------------------------------------ */

static bool no_token(void *user, const anp_token *token) {
    (void)user, (void)token;
    return true;
}

typedef struct token_list {
    char text[500];
    int stop_at;
} token_list;

static bool list_token(void *user, const anp_token *t) {
    token_list *list = user;
    size_t len = strlen(list->text);
    snprintf(list->text + len, sizeof list->text - len, "%s>%s>%s %s@%u[%d,%d]%s; ", t->source,
             t->folded, t->term, t->kind, t->position, (int)t->start, (int)t->end,
             t->stopword ? "!" : "");
    return --list->stop_at != 0;
}

static void analysis(void) {
    token_list list = {"", -1};
    anp_error err;
    anp_index_options options = ANP_INDEX_OPTIONS_INIT;
    CHECK_EQ_INT(anp_analyze("The Caches", 10, NULL, list_token, &list, NULL), ANP_OK);
    CHECK_EQ_STR(list.text, "The>the>the word@0[0,3]!; Caches>caches>cach word@1[4,10]; ");
    list = (token_list){"", 1};
    options.language = "none";
    CHECK_EQ_INT(anp_analyze("Caches the", 10, &options, list_token, &list, NULL), ANP_OK);
    CHECK_EQ_STR(list.text, "Caches>caches>caches word@0[0,6]; ");
    CHECK_EQ_INT(anp_analyze(NULL, 0, NULL, list_token, &list, NULL), ANP_OK);
    options.language = "volapuk";
    REFUSED(anp_analyze("a", 1, &options, no_token, NULL, &err));
    options.language = NULL;
    options.analyzer = (anp_analyzer)9;
    REFUSED(anp_analyze("a", 1, &options, no_token, NULL, &err));
}

void test_api_api(void) {
    CASE("the header's tour is what runs here, and it runs");
    tour();
    CASE("the tour compiles as C");
    tour_in_c();
    CASE("the header compiles as C++");
    header_in_cpp();
    CASE("every status has its name");
    names();
    CASE("analysis, token by token");
    analysis();
}
