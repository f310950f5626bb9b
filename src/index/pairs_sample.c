/*
 * Which pairs of a unit have lists: what a sample of its blocks says of them. See pairs_make.h.
 *
 *     a block of 32 ─> posts of each pair ─┬─> bytes of its list ─┐
 *                      posts of each word ─┴─> looks it saves ────┴─> worth ─> levels ─> the best
 *
 * Of most pairs the sample has no post, but many hold both words of some: "round table" in a
 * thousand posts of a window where round stands, and one list of two bytes says where. They are
 * taken to have what such pairs have on average.
 */
#include "base/error.h"
#include "index/pairs_impl.h"
#include "postings/kernels.h"

#include <assert.h>
#include <math.h>

enum {
    SAMPLE_PART = 32,        /* one block of so many is looked at to choose pairs */
    SAMPLE_POSTS_MIN = 4096, /* of fewer posts, all are */
    SAMPLE_BLOCKS_MAX = SAMPLE_POSTS_MIN / BLOCK_DOCS + 1,
    LEVEL_BITS = 10, /* what a pair is worth is told apart to a 1024th */
    LEVELS = 64 << LEVEL_BITS,
};

/* Its place among so many, one after the other: where posts are sorted by length in as many blocks
   (arrange.h), or were bisected (reorder.h), blocks at one place are alike. */
static const uint8_t sample_places[] = {18, 6, 26, 10, 30, 2, 22, 14};

/* A unit's sample, and what it says of pairs. */
typedef struct sample {
    uint32_t blocks;
    uint16_t block[SAMPLE_BLOCKS_MAX];
    uint64_t *holders; /* by word: its posts in these blocks */
    double part;       /* of the unit's text that it has: posts of a block may be long or short */
    double unseen;     /* postings of a pair of which it has none, on average */
} sample;

static_assert(LIST_BLOCKS / SAMPLE_PART < SAMPLE_BLOCKS_MAX, "a window's sample has room");

/* What lists are chosen by, one after the other. */
enum { BY_COST, BY_BYTE, CHOICES };

typedef struct estimate {
    double bytes; /* of its list, the entry included */
    uint32_t levels[CHOICES];
} estimate;

/* What all pairs are worth. */
typedef struct levels {
    uint16_t (*of)[CHOICES];         /* by pair */
    double bytes[CHOICES][LEVELS];   /* of all lists of a level */
} levels;

static uint32_t level_of(uint64_t worth) {
    uint32_t top = 63 - (uint32_t)__builtin_clzll(worth | 1);
    uint64_t rest = worth ^ (uint64_t)1 << top;
    rest = top > LEVEL_BITS ? rest >> (top - LEVEL_BITS) : rest << (LEVEL_BITS - top);
    return top << LEVEL_BITS | ((uint32_t)rest & ((1u << LEVEL_BITS) - 1));
}

/* About what a list takes, its entry included. count: of its postings, a part of one: it may not be
   there; holders: postings of the rarer word. */
static double list_bytes(double count, uint32_t holders) {
    if (count <= (double)LIST_SMALL_MAX) {
        return (count < 1 ? count : 1) * 9 + 2 * count;
    }
    double others = holders > count ? holders - count : 0;
    uint32_t apart = (uint32_t)(others / count);
    uint32_t low = apart ? 31 - (uint32_t)__builtin_clz(apart) : 0;
    return 8 + PAIRS_RANKS_HEAD + (count * (low + 1) + others / (1u << low)) / 8;
}

/* Posts of the sample that hold both words. */
static uint32_t common_posts(const sample *s, const postings_kernels *kernels, uint32_t first,
                             uint32_t second) {
    size_t words = (size_t)s->blocks * KERNEL_BLOCK_WORDS;
    return kernels->and_count_some(s->holders + first * words, s->holders + second * words,
                                   (uint32_t)words);
}

/*
 * A list saves a look at the positions of all posts that hold both words, each of which costs the
 * more the more often these are. So the most expensive pairs have lists, whatever they take.
 *
 * Then those that save most for a byte, where a phrase is asked for the more often the more posts
 * have it, but not in proportion: the best posts of many are found soon.
 */
static estimate estimate_pair(const pairs_maker *m, const sample *s,
                              const postings_kernels *kernels, uint32_t first, uint32_t second) {
    uint32_t common = common_posts(s, kernels, first, second);
    if (common == 0) {
        return (estimate){0};
    }
    uint32_t seen = m->pairs[m->rows[first].number + second - 1].count;
    uint32_t a = m->postings_of[first], b = m->postings_of[second];
    double count = seen ? seen / s->part : s->unseen, bytes = list_bytes(count, a < b ? a : b);
    double root = sqrt(count < 1 ? 1 : count), often = root * sqrt(sqrt(root)); /* ^ 5/8 */
    double saved = common / s->part;
    return (estimate){bytes, {level_of((uint64_t)(saved * ((double)a + b))),
                              level_of((uint64_t)(1024 * saved * often / (bytes + 1)))}};
}

/* As many postings are of pairs unseen, by and large, as of pairs of which the sample has one. */
static double unseen_postings(const pairs_maker *m, double part) {
    uint32_t none = 0, one = 0;
    for (uint32_t i = 0; i < m->pair_count; i++) {
        none += m->pairs[i].count == 0;
        one += m->pairs[i].count == 1;
    }
    return none ? one / part / none : 0;
}

static void estimate_all(const pairs_maker *m, const sample *s, levels *l) {
    const postings_kernels *kernels = postings_kernels_best();
    for (uint32_t first = 1; first <= m->count; first++) {
        for (uint32_t second = 1; second <= m->rows[first].reach; second++) {
            uint32_t number = m->rows[first].number + second - 1;
            estimate e = estimate_pair(m, s, kernels, first, second);
            for (int by = 0; by < CHOICES; by++) {
                l->of[number][by] = (uint16_t)e.levels[by];
                l->bytes[by][e.levels[by]] += e.bytes;
            }
        }
    }
}

/* The level from which on all lists take no more than the budget, which is less by them then. */
static uint32_t least_level(const double bytes[LEVELS], double *budget) {
    uint32_t least = LEVELS;
    while (least > 1 && bytes[least - 1] <= *budget) {
        *budget -= bytes[--least];
    }
    return least;
}

/* Pairs that cost so much without have lists, and their bytes are not asked for again. */
static void choose_by_cost(pairs_maker *m, const sample *s, uint32_t least, levels *l) {
    const postings_kernels *kernels = postings_kernels_best();
    for (uint32_t first = 1; first <= m->count; first++) {
        for (uint32_t second = 1; second <= m->rows[first].reach; second++) {
            uint32_t number = m->rows[first].number + second - 1;
            if (l->of[number][BY_COST] >= least) {
                estimate e = estimate_pair(m, s, kernels, first, second);
                l->bytes[BY_BYTE][e.levels[BY_BYTE]] -= e.bytes;
                pairs_put_bit(m->counted, number, true);
            }
        }
    }
}

static anp_status choose_pairs(pairs_maker *m, const pairs_source *source, const sample *s,
                               anp_error *err) {
    levels *l = calloc(1, sizeof *l);
    uint16_t(*of)[CHOICES] = malloc((m->pair_count + 1u) * sizeof *of);
    if (!l || !of) {
        free(l);
        free(of);
        return error_nomem(err, "pairs of words");
    }
    l->of = of;
    estimate_all(m, s, l);
    double first = (double)(source->words / PAIRS_FIRST_WORDS), left = first;
    memset(m->counted, 0, (m->pair_count / 64 + 1u) * sizeof *m->counted);
    choose_by_cost(m, s, least_level(l->bytes[BY_COST], &left), l);
    left += (double)(source->words / PAIRS_BUDGET_WORDS) - first;
    uint32_t least = least_level(l->bytes[BY_BYTE], &left);
    for (uint32_t i = 0; i < m->pair_count; i++) {
        if (of[i][BY_BYTE] >= least) {
            pairs_put_bit(m->counted, i, true);
        }
    }
    free(l);
    free(of);
    return ANP_OK;
}

static anp_status show_sample(pairs_maker *m, const pairs_source *source, sample *s,
                              anp_error *err) {
    uint32_t every = source->posts < SAMPLE_POSTS_MIN ? 1 : SAMPLE_PART;
    uint32_t first = pairs_first_block(source);
    for (uint32_t block = first; block < pairs_end_block(source); block++) {
        uint32_t at = block - first, place = sample_places[at / every % sizeof sample_places];
        if (at % every == place % every) {
            s->block[s->blocks++] = (uint16_t)block;
            TRY(source->show(source->user, m, block, 1, err));
        }
    }
    pairs_end_group(m);
    s->part = m->shown && m->shown < source->words ? (double)m->shown / (double)source->words : 1;
    return ANP_OK;
}

/* The posts of words in its blocks, side by side. */
static anp_status gather_holders(const pairs_maker *m, sample *s, anp_error *err) {
    size_t blocks = ((size_t)m->count + 1) * s->blocks;
    s->holders = malloc(blocks * KERNEL_BLOCK_WORDS * sizeof *s->holders + 1);
    if (!s->holders) {
        return error_nomem(err, "pairs of words");
    }
    for (size_t i = 0; i < blocks; i++) {
        const uint64_t *of_word = m->holders + i / s->blocks * HOLDER_WORDS;
        memcpy(s->holders + i * KERNEL_BLOCK_WORDS,
               of_word + (size_t)s->block[i % s->blocks] * KERNEL_BLOCK_WORDS,
               KERNEL_BLOCK_WORDS * sizeof *s->holders);
    }
    return ANP_OK;
}

anp_status pairs_sample(pairs_maker *m, const pairs_source *source, anp_error *err) {
    sample s = {0};
    for (uint32_t i = 0; i < m->pair_count; i++) {
        pairs_put_bit(m->counted, i, true);
    }
    TRY(pairs_count_anew(m, err));
    TRY(source->begin(source->user, m, err));
    TRY(show_sample(m, source, &s, err));
    TRY(gather_holders(m, &s, err));
    s.unseen = unseen_postings(m, s.part);
    anp_status status = choose_pairs(m, source, &s, err);
    free(s.holders);
    return status;
}
