/*
 * The one table of commands and options. The parser (args.c), `--help` (help.c), the man page
 * (man.c) and the shell completion (completion.c) are all made from it: an option that is not here
 * does not exist, and one that is here is in all four.
 */
#ifndef ANP_CLI_FLAGS_H
#define ANP_CLI_FLAGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum command_id {
    COMMAND_NONE, /* before the command's name */
    COMMAND_INDEX,
    COMMAND_QUERY,
    COMMAND_SIMILAR,
    COMMAND_SHOW,
    COMMAND_DELETE,
    COMMAND_STATS,
    COMMAND_TERMS,
    COMMAND_VERIFY,
    COMMAND_COMPACT,
    COMMAND_BACKUP,
    COMMAND_EXPORT,
    COMMAND_ANALYZE,
    COMMAND_COMPLETION,
    COMMAND_HELP,
    COMMAND_VERSION,
    COMMANDS,
} command_id;

typedef struct command {
    const char *name;
    const char *synopsis; /* what follows the name, without common options */
    int words_min;        /* arguments that are not options */
    int words_max;
    const char *help;   /* one line */
    const char *manual; /* paragraphs, a blank line between two */
} command;

extern const command commands[COMMANDS];

typedef enum flag_kind {
    FLAG_SWITCH, /* takes no value */
    FLAG_TEXT,
    FLAG_TEXTS,  /* one value or more, until the next option */
    FLAG_FILE,   /* text that names a file */
    FLAG_COUNT,  /* a whole number, min to max */
    FLAG_NUMBER, /* a decimal number, min to max */
    FLAG_BYTES,  /* a whole number with K, M or G behind it */
    FLAG_CHOICE, /* one of the words of `value`, which | stands between */
} flag_kind;

/* Several flags share a name where commands mean different things by it. */
typedef enum flag_id {
    FLAG_DB,
    FLAG_HELP,
    FLAG_VERSION,
    FLAG_MAN,

    FLAG_INDEX_FORMAT,
    FLAG_ANALYZER,
    FLAG_LANG,
    FLAG_TITLE_WEIGHT,
    FLAG_STORE,
    FLAG_REQUIRE_REVIEWED,
    FLAG_STRICT,
    FLAG_REBUILD,
    FLAG_THREADS,
    FLAG_MEMORY,

    FLAG_K,
    FLAG_OFFSET,
    FLAG_FILTER,
    FLAG_OPERATOR,
    FLAG_COUNT_ONLY,
    FLAG_SNIPPET,
    FLAG_EXPLAIN,
    FLAG_TRACE,
    FLAG_BLEND,
    FLAG_WEIGHTS,
    FLAG_K1,
    FLAG_B,
    FLAG_STOPWORDS,
    FLAG_STRICT_SYNTAX,
    FLAG_QUERIES,
    FLAG_QUERY_FORMAT,

    FLAG_ID,
    FLAG_DRAFT,
    FLAG_ALL,
    FLAG_CLUSTERS,
    FLAG_EXACT,
    FLAG_MIN,
    FLAG_MEASURE,
    FLAG_SIMILAR_FORMAT,

    FLAG_IDS,
    FLAG_REORDER,
    FLAG_KEEP_ORDER,
    FLAG_QUICK,
    FLAG_FULL,
    FLAG_OUT,
    FLAG_JSON,
    FLAGS,
} flag_id;

typedef struct flag {
    const char *name; /* without dashes; NULL: it has a letter only */
    char letter;      /* 0: it has a name only */
    flag_kind kind;
    const char *value;  /* what stands for the value in texts; of a choice: the words */
    double min, max;    /* of counts and numbers, both allowed */
    uint32_t commands;  /* bits of command_id */
    const char *help;   /* one line */
    const char *manual; /* the rest that the manual says; NULL: nothing */
} flag;

extern const flag flags[FLAGS];

/*
 * The line of help as that command means it, and what it alone says behind the manual of all (NULL:
 * nothing).
 */
const char *flag_help(flag_id id, command_id of);
const char *flag_own_manual(flag_id id, command_id of);

static inline bool flag_belongs(flag_id id, command_id to) {
    return (flags[id].commands >> to & 1) != 0;
}

/*
 * The option of that command with this name (len bytes) or this letter; FLAGS when there is none.
 */
flag_id flag_find(command_id of, const char *name, size_t len);
flag_id flag_find_letter(command_id of, char letter);

/* The number of the word in a choice's value, or -1. */
int flag_choice(flag_id id, const char *word);

/* COMMANDS when there is none of that name. */
command_id command_find(const char *name);

/* Whether a name is one of DESIGN that this version does not have. */
bool command_is_later(const char *name);
bool flag_is_later(command_id of, const char *name);

/* The known name that takes the fewest edits; NULL when those are too many for a guess. */
const char *command_nearest(const char *name);
const char *flag_nearest(command_id of, const char *name);

#endif
