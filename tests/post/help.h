/* What the tests of this room share: posts from literals, and their values by name. */
#ifndef ANP_TESTS_POST_HELP_H
#define ANP_TESTS_POST_HELP_H

#include "base/bytes.h"
#include "base/limits.h"
#include "base/prng.h"
#include "post/post.h"
#include "test.h"

#include <stdio.h>
#include <stdlib.h>

/* The bytes as a C string, for CHECK_EQ_STR; malloc'd and never freed before the process ends. */
static inline const char *text_of(str s) {
    static void *kept[4096];
    static size_t count;
    char *copy = malloc(s.len + 1);
    if (!copy) {
        abort();
    }
    if (s.len) {
        memcpy(copy, s.data, s.len);
    }
    copy[s.len] = 0;
    free(kept[count % 4096]);
    kept[count++ % 4096] = copy;
    return copy;
}

/* Reads a JSON post that must be good. */
static inline post json_post(const char *json, arena *perm) {
    post found = {0};
    anp_error err = ANP_ERROR_INIT;
    if (!CHECK_EQ_INT(post_from_json(str_from(json), perm, &found, &err), ANP_OK)) {
        test_note("%s: %s", json, err.message);
    }
    return found;
}

/* Reads a scraped post that must be good. */
static inline post scraped_post(const char *text, arena *perm) {
    post found = {0};
    anp_error err = ANP_ERROR_INIT;
    if (!CHECK_EQ_INT(post_from_scraped(str_from(text), STR("stem"), perm, &found, &err), ANP_OK)) {
        test_note("%s", err.message);
    }
    return found;
}

/* The n-th value of that name as `text`, `12` for a number, `date@seconds` for a date, or "-". */
static inline const char *value_of(const post *p, const char *name, int n) {
    for (size_t i = 0; i < p->value_count; i++) {
        const post_value *value = &p->values[i];
        if (!str_equal(value->name, str_from(name)) || n-- > 0) {
            continue;
        }
        char number[64];
        snprintf(number, sizeof number, "%.17g", value->number);
        if (value->kind == POST_VALUE_NUMBER) {
            return text_of(str_from(number));
        }
        if (value->kind == POST_VALUE_DATE) {
            char both[400];
            snprintf(both, sizeof both, "%.*s@%s", (int)value->text.len, value->text.data, number);
            return text_of(str_from(both));
        }
        return text_of(value->text);
    }
    return "-";
}

/* A whole file, NUL-terminated, malloc'd; NULL when it is not there. */
static inline char *read_file(const char *path, size_t *len) {
    FILE *file = fopen(path, "rb");
    if (!file) {
        return NULL;
    }
    buffer all = {0};
    for (;;) {
        uint8_t *at = buffer_reserve(&all, 65536);
        size_t n = at ? fread(at, 1, 65535, file) : 0;
        if (!n) {
            break;
        }
        all.len += n;
    }
    fclose(file);
    *len = all.len;
    all.data[all.len] = 0;
    return (char *)all.data;
}

#endif
