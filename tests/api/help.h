/* What the tests of the public API share: an index in the test's folder, posts, a clean bill. */
#ifndef ANP_TESTS_API_HELP_H
#define ANP_TESTS_API_HELP_H

#include "anpsearch.h"
#include "test.h"

#include <stdio.h>
#include <string.h>

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
