/*
 * Scores of strips that can win, 16 of them at once, 256 posts: terms are added in the order of
 * what they have at most, until no post can win with what is left.
 */
#include "query/strips.h"

enum {
    BATCH = RANK_LANES / STRIP_DOCS, /* strips */
    STRIPS_A_WORD = 64 / STRIP_DOCS,
    FETCHED = 4, /* terms whose tfs are fetched ahead */
};

/* Strips whose posts are scored together. */
typedef struct strip_batch {
    strip_cell *s;
    const strips_posts *posts;
    uint32_t count;
    uint16_t strips[BATCH];
    uint32_t rests[BATCH]; /* numbers of terms that are not yet added */
    bool normed[EVAL_FIELDS];
    uint64_t alive[RANK_LANE_WORDS];
    uint8_t tfs[RANK_LANES];
    float norms[EVAL_FIELDS][RANK_LANES] __attribute__((aligned(64)));
    float factors[RANK_LANES] __attribute__((aligned(64)));
    float least[RANK_LANES] __attribute__((aligned(64)));
    int32_t sums[RANK_LANES] __attribute__((aligned(64)));
} strip_batch;

/* 16 entries of so many bytes. */
static void copy_entries(uint8_t *to, const uint8_t *from, uint32_t width) {
    switch (width) {
    case 1: memcpy(to, from, STRIP_DOCS); break;
    case 2: memcpy(to, from, STRIP_DOCS * 2); break;
    default: memcpy(to, from, STRIP_DOCS * 4); break;
    }
}

/* The entries of 16 posts a strip, of a column of the cell, one strip behind the other. */
static rank_lengths gather(const strip_batch *b, const rank_lengths *all, uint8_t *room) {
    const cell *c = b->s->ec->c;
    uint32_t width = all->width;
    for (uint32_t i = 0; i < b->count && all->times; i++, room += (size_t)STRIP_DOCS * width) {
        uint32_t low = (uint32_t)b->strips[i] * STRIP_DOCS, end = low + STRIP_DOCS;
        if (low >= c->from && end <= c->end) {
            copy_entries(room, all->entries + (size_t)(low - c->from) * width, width);
            continue;
        }
        uint32_t from = low > c->from ? low : c->from;
        end = end < c->end ? end : c->end;
        memcpy(room + (size_t)(from - low) * width,
               all->entries + (size_t)(from - c->from) * width, (size_t)(end - from) * width);
    }
    return (rank_lengths){NULL, width, all->base, all->times};
}

static const float *norms_of(strip_batch *b, const eval_term *term) {
    const evaluation *e = b->s->e;
    index_field field = term->lists->field;
    if (!b->normed[field]) {
        uint8_t rooms[2][RANK_LANES * sizeof(uint32_t)] = {{0}};
        rank_lengths all[2], parts[2];
        b->normed[field] = true;
        eval_lengths_of(e, b->s->ec->c, term, b->s->ec->c->from, all);
        for (int i = 0; i < 2; i++) {
            parts[i] = gather(b, &all[i], rooms[i]);
            parts[i].entries = rooms[i];
        }
        e->lanes->norms(parts, term->norm, b->norms[field]);
    }
    return b->norms[field];
}

static void find_post_factors(strip_batch *b) {
    const evaluation *e = b->s->e;
    const cell *c = b->s->ec->c;
    uint8_t room[RANK_LANES * RANK_SCORES] = {0};
    if (e->prior.blends) {
        gather(b, &(rank_lengths){c->scores, RANK_SCORES, 0, 1}, room);
        e->lanes->factors(room, e->prior.linear, b->factors);
    }
}

/* The posts of the strips that are to be scored. */
static void find_alive(strip_batch *b) {
    memset(b->alive, 0, sizeof b->alive);
    for (uint32_t i = 0; i < b->count; i++) {
        b->alive[i / STRIPS_A_WORD] |= (uint64_t)b->posts->strips[b->strips[i]]
                                       << i % STRIPS_A_WORD * STRIP_DOCS;
    }
}

/* Those of strip i that can still win. */
static uint32_t alive_in(const strip_batch *b, uint32_t i) {
    return b->alive[i / STRIPS_A_WORD] >> i % STRIPS_A_WORD * STRIP_DOCS & UINT16_MAX;
}

/* The post in a lane. */
static uint16_t low_of(const strip_batch *b, uint32_t lane) {
    return (uint16_t)(b->strips[lane / STRIP_DOCS] * STRIP_DOCS + lane % STRIP_DOCS);
}

/* Contributions whose tf does not fit a byte, in place of those made with 255. */
static void mend_large(strip_batch *b, const eval_lane *lane, const float *norms) {
    for (uint32_t i = 0; i < (uint32_t)RANK_LANES; i++) {
        if (b->tfs[i] == UINT8_MAX) {
            b->sums[i] += eval_more_at(b->s->e, lane, low_of(b, i), norms[i]);
        }
    }
}

/* Leaves those that can win with what is not yet added; how many. */
static uint32_t keep_alive(strip_batch *b) {
    const evaluation *e = b->s->e;
    for (uint32_t i = 0; i < b->count; i++) {
        float units = strips_units(e, b->rests[i]);
        float need = strips_need(b->s, b->strips[i] / RANK_STRIPS) * EVAL_SUM_ROUND;
        for (uint32_t lane = i * STRIP_DOCS; lane < (i + 1) * STRIP_DOCS; lane++) {
            b->least[lane] = need - units * b->factors[lane];
        }
    }
    return e->lanes->reach_each(b->sums, e->prior.blends ? b->factors : NULL, b->least, b->alive);
}

/* The tfs of a list that is no bitset, post by post. */
static bool find_listed_tfs(strip_batch *b, const eval_lane *lane) {
    uint16_t docs[RANK_LANES + KERNEL_READ_BYTES];
    uint8_t places[RANK_LANES];
    uint32_t count = 0;
    for (uint32_t i = 0; i < b->count; i++) {
        for (uint32_t left = alive_in(b, i) & strips_posts_of(lane->strips, b->strips[i]); left;
             left &= left - 1) {
            places[count] = (uint8_t)(i * STRIP_DOCS + (uint32_t)__builtin_ctz(left));
            docs[count] = low_of(b, places[count]);
            count++;
        }
    }
    return strips_put_tfs(b->s->e, lane, docs, places, count, b->tfs);
}

/* The tfs of a bitset, strip by strip. */
static bool find_tfs(strip_batch *b, const eval_lane *lane) {
    bool large = false;
    for (uint32_t i = 0; i < b->count; i++) {
        uint8_t *tfs = b->tfs + (size_t)i * STRIP_DOCS;
        if (alive_in(b, i) & strips_posts_of(lane->strips, b->strips[i])) {
            large |= b->s->e->lists->strip_tfs(&lane->in->list, b->strips[i], tfs);
        } else {
            memset(tfs, 0, STRIP_DOCS);
        }
    }
    memset(b->tfs + (size_t)b->count * STRIP_DOCS, 0, (size_t)(BATCH - b->count) * STRIP_DOCS);
    return large;
}

/* Adds a term; how many posts can still win. */
static uint32_t add_lane(strip_batch *b, const eval_lane *lane) {
    const evaluation *e = b->s->e;
    const float *norms = norms_of(b, lane->term);
    bool large = lane->in->list.container_kind == LIST_BITSET ? find_tfs(b, lane)
                                                              : find_listed_tfs(b, lane);
    for (uint32_t i = 0; i < b->count; i++) {
        b->rests[i] -= strips_number(lane, b->strips[i]);
    }
    e->lanes->add(b->tfs, norms, lane->term->weight, b->sums);
    if (large) {
        mend_large(b, lane, norms);
    }
    if (e->trace) {
        e->trace->probes += (uint64_t)b->count * STRIP_DOCS;
    }
    return keep_alive(b);
}

/* ---- What the next strips need ------------------------------------------------------------- */

static void fetch_entry(const list_lengths *lengths, uint32_t low) {
    const uint8_t *at = lengths->entries;
    if (lengths->count) {
        __builtin_prefetch(at + (size_t)(low - lengths->first) * lengths->stride);
    }
}

/* Where its tfs are, nearly, of the terms that are added first; its lengths and scores. */
static void fetch_strip(const strip_cell *s, uint32_t strip) {
    const eval_cell *ec = s->ec;
    const cell *c = ec->c;
    uint32_t block = strip / RANK_STRIPS, low = strip * STRIP_DOCS;
    for (uint32_t i = ec->lane_count, end = i > FETCHED ? i - FETCHED : 0; i-- > end;) {
        const list_view *list = &ec->by_most[i]->in->list;
        if (list->container_kind == LIST_BITSET) {
            const uint8_t *ranks = list->ranks + (size_t)block * sizeof(uint16_t);
            uint32_t from = load_u16(ranks), to = list->count;
            to = block + 1 < EVAL_CELL_BLOCKS ? load_u16(ranks + sizeof(uint16_t)) : to;
            uint32_t rank = from + (to - from) * (strip % RANK_STRIPS) / RANK_STRIPS;
            __builtin_prefetch(list->tf_codes + (size_t)rank * list->tf_bits / 8);
        }
    }
    if (low >= c->from && low < c->end) {
        fetch_entry(&c->body, low);
        fetch_entry(&c->title, low);
        if (s->e->prior.blends) {
            __builtin_prefetch(c->scores + (size_t)(low - c->from) * RANK_SCORES);
        }
    }
}

/* ---- Batches ------------------------------------------------------------------------------- */

static void offer_alive(strip_batch *b) {
    for (uint32_t word = 0; word < (uint32_t)RANK_LANE_WORDS; word++) {
        for (uint64_t left = b->alive[word]; left; left &= left - 1) {
            uint32_t lane = word * 64 + (uint32_t)__builtin_ctzll(left);
            eval_offer(b->s->e, b->s->ec, low_of(b, lane), b->sums[lane], b->factors[lane]);
        }
    }
}

static void score_batch(strip_batch *b) {
    uint32_t left = b->count;
    memset(b->normed, 0, sizeof b->normed);
    memset(b->sums, 0, sizeof b->sums);
    find_alive(b);
    find_post_factors(b);
    for (uint32_t i = b->s->ec->lane_count; i-- > 0 && left;) {
        left = add_lane(b, b->s->ec->by_most[i]);
    }
    offer_alive(b);
    if (b->s->e->trace) {
        b->s->e->trace->strips += b->count;
    }
}

void strips_score_batches(strip_cell *s, const strips_posts *posts, const uint16_t *strips,
                          uint32_t count) {
    strip_batch b;
    b.s = s;
    b.posts = posts;
    memset(b.norms, 0, sizeof b.norms);
    for (uint32_t i = 0; i < (uint32_t)RANK_LANES; i++) {
        b.factors[i] = 1;
    }
    for (uint32_t from = 0; from < count; from += b.count) {
        b.count = count - from < BATCH ? count - from : BATCH;
        for (uint32_t i = 0; i < b.count; i++) {
            b.strips[i] = strips[from + i];
            b.rests[i] = s->sums[b.strips[i]];
        }
        for (uint32_t i = from + b.count; i < count && i < from + b.count + BATCH; i++) {
            fetch_strip(s, strips[i]);
        }
        score_batch(&b);
    }
}
