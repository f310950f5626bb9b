/*
 * The brute-force twin of queries: every post is looked at, nothing is clever, and no code is
 * shared with src.
 *
 * A corpus is posts as arrays of word numbers; a query is a tree of nodes that can be rendered as
 * text in the query language, so that the engine's parser is under test too. Arithmetic follows the
 * contract as it is written down:
 *
 *     idf     = ln(1 + (N - df + 0.5) / (df + 0.5))             double
 *     weight  = boost * idf * 2^20                              to float
 *     norm    = float(k1 (1 - b)) + float(k1 b / max(avg, 1)) * len      float, each step
 *     units   = weight * (tf / (tf + norm))        float, each step, then to the nearest integer
 *     bm25    = sum of units / 2^20
 *     score   = bm25 * (1 + blend * (2 * prior - 1))            double
 *
 * Equal words of one group count as one word with the sum of their boosts.
 */
#ifndef ORACLE_H
#define ORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    ORACLE_WORDS = 72,      /* the vocabulary */
    ORACLE_TEXT_MAX = 60,   /* words of a body */
    ORACLE_POSTS_MAX = 1024, /* versions of posts ever added to a corpus */
    ORACLE_FACETS = 5,
    ORACLE_NODES_MAX = 96,
    ORACLE_CHILDREN_MAX = 6,
    ORACLE_PHRASE_MAX = 4,
};

typedef struct oracle_random {
    uint64_t state; /* not 0 */
} oracle_random;

uint32_t oracle_below(oracle_random *r, uint32_t bound);
bool oracle_chance(oracle_random *r, uint32_t percent);

/* Word i of the vocabulary: invented, lower-case, without suffixes that a stemmer would take. */
void oracle_word(uint32_t i, char out[8]);
const char *oracle_facet(uint32_t i);

typedef struct oracle_post {
    uint32_t id; /* the same id again: an earlier version is dead */
    bool live;
    uint8_t title[8], body[ORACLE_TEXT_MAX];
    uint32_t title_len, body_len;
    int scores[4];      /* -1: not given */
    uint32_t facets;    /* a bit each */
    int reading_time;   /* -1: not given */
    int has_images;     /* -1: not given */
    uint32_t date;      /* 20250131, 0: not given */
} oracle_post;

typedef struct oracle_corpus {
    uint32_t title_weight;
    oracle_post posts[ORACLE_POSTS_MAX]; /* in the order they were added: that of ordinals */
    uint32_t count;
    /*
     * By oracle_prepare: tf[post][field][word] with field 0 combined, 1 title, 2 body; df over
     * live posts.
     */
    uint32_t tf[ORACLE_POSTS_MAX][3][ORACLE_WORDS];
    uint32_t df[3][ORACLE_WORDS];
    uint32_t lengths[ORACLE_POSTS_MAX][3];
    double averages[3];
    uint32_t live;
} oracle_corpus;

void oracle_post_random(oracle_random *r, uint32_t id, oracle_post *out);
/* As a line of JSON; out has room for 2048 bytes. */
void oracle_post_json(oracle_random *r, const oracle_post *post, char *out);
void oracle_prepare(oracle_corpus *corpus);

typedef enum oracle_kind {
    ORACLE_WORD,
    ORACLE_PHRASE,
    ORACLE_FACET,
    ORACLE_NUMBER, /* a column in [low, high] */
    ORACLE_ALL,
    ORACLE_LIST, /* some needed, some excluded, others optional */
    ORACLE_CHAIN, /* joined by AND: none optional */
} oracle_kind;

typedef enum oracle_column {
    ORACLE_QUALITY,
    ORACLE_TIME,
    ORACLE_IMAGES,
    ORACLE_DATE,
} oracle_column;

typedef struct oracle_node {
    oracle_kind kind;
    char occur;          /* '+', '-', ' ' */
    double boost;        /* 1: none typed */
    uint32_t field;      /* 0 any, 1 title, 2 body */
    uint32_t words[ORACLE_PHRASE_MAX];
    uint32_t word_count;
    uint32_t slop;
    uint32_t facet;
    oracle_column column;
    bool has_low, has_high, low_in, high_in;
    uint32_t low, high; /* of dates: 2025, 202501 or 20250131 */
    struct oracle_node *children[ORACLE_CHILDREN_MAX];
    uint32_t child_count;
} oracle_node;

typedef struct oracle_query {
    oracle_node nodes[ORACLE_NODES_MAX];
    uint32_t node_count;
    oracle_node *root; /* NULL: none */
} oracle_query;

/* leaves: about how many. */
void oracle_query_random(oracle_random *r, uint32_t leaves, oracle_query *out);
/* all_words: the default operator is AND. The same choices of spelling for the same state of r. */
void oracle_query_render(oracle_random *r, const oracle_query *query, bool all_words, char *out,
                         size_t room);

typedef struct oracle_settings {
    double k1, b, blend, weights[4];
} oracle_settings;

typedef struct oracle_hit {
    uint32_t post;
    double score, bm25, prior;
} oracle_hit;

/*
 * All matching posts, best first; returns how many. hits has room for ORACLE_POSTS_MAX. filter may
 * be NULL.
 */
uint32_t oracle_run(const oracle_corpus *corpus, const oracle_query *query,
                    const oracle_query *filter, const oracle_settings *settings, oracle_hit *hits);

#endif
