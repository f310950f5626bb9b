/*
 * What the drivers of peers in C and C++ share: the corpus, the words, queries, the protocol.
 *
 *     PEER build DOCS.jsonl INDEX [THREADS [MEMORY_MB]]
 *     PEER bench INDEX QUERIES.tsv COMMAND,... [REPEATS [BUDGET_US]]
 *     PEER query INDEX             COMMAND, a tab and a query on each line of standard input
 *
 * Text, analysis and output are those of tantivy/src/main.rs, the stemmer is that of deps/. A
 * query that a peer cannot say counts as -1. Not for other uses: a failure ends the process.
 */
#ifndef PEER_DRIVER_H
#define PEER_DRIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { HITS_MAX = 10000, CLAUSES_MAX = 64, WORDS_MAX = 64, WORD_BYTES = 256 };

void give_up(const char *what, const char *why) __attribute__((noreturn));

/* ---- Words: maximal runs of letters and digits, lower-cased; terms: stemmed ------------------ */

typedef struct word {
    const char *folded;
    size_t folded_len;
    const char *term;
    size_t term_len;
    size_t start, end; /* bytes of the text */
} word;

/* Calls visit for each word of the text until it returns false; its strings live until then. */
void words_visit(const char *text, size_t len, bool (*visit)(void *user, const word *w),
                 void *user);

/* ---- Queries ------------------------------------------------------------------------------- */

typedef enum need { NEED_SHOULD, NEED_MUST, NEED_NOT } need;

/* One word, or a phrase in quotes. */
typedef struct clause {
    need need;
    size_t count;
    char folded[WORDS_MAX][WORD_BYTES];
    char terms[WORDS_MAX][WORD_BYTES];
} clause;

typedef struct parsed {
    size_t count;
    size_t of[3]; /* how many clauses of each need */
    clause clauses[CLAUSES_MAX];
} parsed;

typedef struct command {
    size_t k; /* 0: only the total */
    bool counts;
} command;

typedef struct hit {
    char id[WORD_BYTES]; /* only when asked for */
    double score;
} hit;

typedef struct answer {
    int64_t total; /* when the command counts; -1: this peer cannot say this query */
    size_t count;
    hit hits[HITS_MAX];
} answer;

/* ---- A peer --------------------------------------------------------------------------------- */

typedef struct peer {
    const char *name; /* with its version */
    void (*create)(const char *folder);
    void (*add)(const char *id, const char *text, size_t len);
    void (*commit)(void); /* all is searchable */
    void (*merge)(void);  /* as small and quick as it gets, and closed */
    void (*open)(const char *folder);
    void (*ask)(const parsed *query, const command *command, bool ids, answer *out);
} peer;

int peer_main(const peer *p, int argc, char **argv);

#ifdef __cplusplus
}
#endif

#endif
