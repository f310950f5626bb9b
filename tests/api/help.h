/* What the tests of the public API share: an index in the test's folder, posts, a clean bill. */
#ifndef ANP_TESTS_API_HELP_H
#define ANP_TESTS_API_HELP_H

#include "anpsearch.h"
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static inline anp_index *open_index(const char *name, unsigned flags,
                                    const anp_index_options *options) {
    char path[300];
    anp_error err = ANP_ERROR_INIT;
    anp_index *index = NULL;
    snprintf(path, sizeof path, "%s/%s.db", test_folder(), name);
    if (!CHECK_EQ_INT(anp_index_open(path, flags, options, &index, &err), ANP_OK)) {
        test_note("%s", err.message);
    }
    return index;
}

/* A file of the test's folder, malloc'd; NULL when it can't be read. */
static inline char *read_whole(const char *name, const char *ending, size_t *len) {
    char path[400];
    struct stat is;
    snprintf(path, sizeof path, "%s/%s%s", test_folder(), name, ending);
    FILE *f = fopen(path, "r");
    if (!CHECK(f != NULL) || !CHECK_EQ_INT(stat(path, &is), 0)) {
        return NULL;
    }
    *len = (size_t)is.st_size;
    char *bytes = malloc(*len + 1);
    CHECK_EQ_INT(fread(bytes, 1, *len, f), *len);
    fclose(f);
    return bytes;
}

static inline bool add(anp_writer *w, const char *json) {
    anp_error err = ANP_ERROR_INIT;
    bool good = CHECK_EQ_INT(anp_writer_add(w, json, strlen(json), &err), ANP_OK);
    if (!good) {
        test_note("%s", err.message);
    }
    return good;
}

#define REFUSED(call)                                    \
    do {                                                 \
        err = (anp_error)ANP_ERROR_INIT;                 \
        CHECK_EQ_INT((call), ANP_INVALID);               \
        CHECK_EQ_INT(err.status, ANP_INVALID);           \
        CHECK(err.message[0] && !strchr(err.message, '\n')); \
    } while (0)

static inline void note_line(void *user, const char *line) {
    ++*(int *)user;
    test_note("verify: %s", line);
}

static inline void check_verifies(anp_index *index) {
    for (int depth = ANP_VERIFY_QUICK; depth <= ANP_VERIFY_FULL; depth++) {
        uint64_t problems = 99;
        int lines = 0;
        CHECK_EQ_INT(anp_index_verify(index, depth, note_line, &lines, &problems, NULL), ANP_OK);
        CHECK_EQ_INT(problems, 0);
        CHECK_EQ_INT(lines, 0);
    }
    CHECK_EQ_INT(anp_index_verify(index, ANP_VERIFY_FULL, NULL, NULL, NULL, NULL), ANP_OK);
}

#endif
