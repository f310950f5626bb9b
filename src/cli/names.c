/* Names that are wrong: what was meant, or that it comes later. See flags.h. */
#include "cli/flags.h"

#include <string.h>

typedef struct later_flag {
    command_id of;
    const char *name;
} later_flag;

/* KEEP IN STEP: DESIGN section 9. What exists is in the tables of flags.c, and goes from here. */
static const char *const later_commands[] = {"suggest", "eval", "serve"};
static const later_flag later_flags[] = {
    {COMMAND_QUERY, "facets"},     {COMMAND_QUERY, "sort"},    {COMMAND_QUERY, "fuzzy"},
    {COMMAND_VERIFY, "accept"},    {COMMAND_DELETE, "filter"},
};

bool command_is_later(const char *name) {
    for (size_t i = 0; i < sizeof later_commands / sizeof *later_commands; i++) {
        if (strcmp(later_commands[i], name) == 0) {
            return true;
        }
    }
    return false;
}

bool flag_is_later(command_id of, const char *name) {
    for (size_t i = 0; i < sizeof later_flags / sizeof *later_flags; i++) {
        if (later_flags[i].of == of && strcmp(later_flags[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* Levenshtein's distance, a row at a time; longer texts are compared by their beginning. */
static unsigned distance(const char *a, const char *b) {
    enum { LEN_MAX = 32 };
    unsigned row[LEN_MAX + 1];
    size_t a_len = strnlen(a, LEN_MAX), b_len = strnlen(b, LEN_MAX);
    for (unsigned j = 0; j <= b_len; j++) {
        row[j] = j;
    }
    for (unsigned i = 1; i <= a_len; i++) {
        unsigned diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            unsigned best = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            best = row[j] + 1 < best ? row[j] + 1 : best;
            row[j] = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
        }
    }
    return row[b_len];
}

/* A name that shares hardly a letter is not what was meant. */
static bool is_near(unsigned edits, const char *name) {
    size_t len = strlen(name);
    return edits < len && (edits <= 2 || edits <= len / 3);
}

const char *command_nearest(const char *name) {
    command_id best = COMMAND_QUERY;
    for (command_id id = COMMAND_NONE + 1; id < COMMANDS; id++) {
        if (distance(name, commands[id].name) < distance(name, commands[best].name)) {
            best = id;
        }
    }
    return is_near(distance(name, commands[best].name), name) ? commands[best].name : NULL;
}

const char *flag_nearest(command_id of, const char *name) {
    flag_id best = FLAG_HELP; /* belongs to all */
    for (flag_id id = 0; id < FLAGS; id++) {
        if (flag_belongs(id, of) && flags[id].name &&
            distance(name, flags[id].name) < distance(name, flags[best].name)) {
            best = id;
        }
    }
    return is_near(distance(name, flags[best].name), name) ? flags[best].name : NULL;
}
