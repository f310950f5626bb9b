/* Random postings as plain arrays: what the lists in tests and benches are made of. */
#ifndef ANP_TESTS_POSTINGS_SAMPLE_H
#define ANP_TESTS_POSTINGS_SAMPLE_H

#include "base/prng.h"
#include "postings/list.h"

#include <stdlib.h>

/* How tfs are drawn. */
typedef enum sample_tfs {
    SAMPLE_ONES,  /* all 1 */
    SAMPLE_SMALL, /* 1 to 4, mostly 1 */
    SAMPLE_MIXED, /* small ones, one in fifty up to 2^20 */
    SAMPLE_BROAD, /* 1 to 400 */
    SAMPLE_EDGES, /* most have a code of 4 bits; the rest lie about the borders of widths */
    SAMPLE_HUGE,  /* all above 255 */
    SAMPLE_HALF,  /* half 1 or 2, half about 255 */
    SAMPLE_BYTES, /* small ones, one in twelve up to 200: exceptions of a byte */
    SAMPLE_KINDS
} sample_tfs;

/* Freed with sample_free. */
typedef struct sample {
    uint32_t count;
    uint16_t *docs;
    uint32_t *tfs;
    float *impacts;
    float *blended;
} sample;

static inline uint32_t sample_tf(prng *p, sample_tfs kind) {
    static const uint32_t edges[] = {3, 4, 14, 15, 16, 17, 254, 255, 256, 257};
    switch (kind) {
    case SAMPLE_EDGES: return prng_below(p, 9) ? 1 + prng_below(p, 15) : edges[prng_below(p, 10)];
    case SAMPLE_SMALL: return 1 + prng_below(p, 1 + prng_below(p, 4));
    case SAMPLE_MIXED: return 1 + (prng_below(p, 50) ? prng_below(p, 5) : prng_below(p, 1 << 20));
    case SAMPLE_BYTES: return 1 + prng_below(p, prng_below(p, 12) ? 3 : 200);
    case SAMPLE_BROAD: return 1 + prng_below(p, 400);
    case SAMPLE_HALF: return 1 + prng_below(p, 2) + prng_below(p, 2) * (100 + prng_below(p, 260));
    case SAMPLE_HUGE: return 256 + prng_below(p, 70000);
    default: return 1;
    }
}

/* `count` of the 65,536 ordinals, each set equally likely, or (dense) as low as they can lie. */
static inline void sample_docs(prng *p, uint32_t count, bool dense, uint16_t *docs) {
    uint32_t taken = 0, span = dense ? count + count / 8 : LIST_DOCS;
    span = span > LIST_DOCS ? (uint32_t)LIST_DOCS : span;
    for (uint32_t low = 0; low < span && taken < count; low++) {
        if (prng_below(p, span - low) < count - taken) {
            docs[taken++] = (uint16_t)low;
        }
    }
}

static inline bool sample_make(prng *p, uint32_t count, sample_tfs kind, bool dense, sample *out) {
    *out = (sample){count, calloc(count, sizeof *out->docs), calloc(count, sizeof *out->tfs),
                    calloc(count, sizeof *out->impacts), calloc(count, sizeof *out->blended)};
    if (!out->docs || !out->tfs || !out->impacts || !out->blended) {
        return false;
    }
    sample_docs(p, count, dense, out->docs);
    for (uint32_t i = 0; i < count; i++) {
        float norm = 0.3f + 2 * (float)prng_unit(p), tf = (float)(out->tfs[i] = sample_tf(p, kind));
        out->impacts[i] = tf / (tf + norm);
        out->blended[i] = out->impacts[i] * (0.7f + 0.6f * (float)prng_unit(p));
    }
    return true;
}

static inline void sample_free(sample *s) {
    free(s->docs);
    free(s->tfs);
    free(s->impacts);
    free(s->blended);
}

#endif
