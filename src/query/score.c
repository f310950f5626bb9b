/*
 * Full evaluation: every posting of every term of the query is looked at. See score.h.
 *
 * Memory: one window of sums (512 KiB) and its matches. Cost: postings of all terms in windows with
 * matches.
 */
#include "query/score.h"

#include <stdlib.h>

static anp_status nomem(anp_error *err) {
    return error_nomem(err, "the scores of a query");
}

/*
 * ---- What scores
 * -------------------------------------------------------------------------------------------
 */

typedef struct maker {
    snapshot *snapshot;
    const rank_settings *rank;
    scorer_list *list;
} maker;

static void add_term(maker *m, const plan_node *node, const plan_term *term, const bitmap *where,
                     size_t first_of_group) {
    if (!term->df) {
        return; /* in no live post */
    }
    scorer_list *list = m->list;
    for (size_t i = first_of_group; i < list->count; i++) {
        if (list->items[i].term == term) {
            list->items[i].boost += node->boost;
            return;
        }
    }
    list->items[list->count++] =
        (scorer){.term = term, .node = node, .where = where, .boost = node->boost};
}

/* The terms of a group first, then what stands in it with a set of its own. */
static void add_group(maker *m, const plan_node *group) {
    size_t first = m->list->count;
    for (const plan_node *node = group->first; node; node = node->next) {
        if (node->kind == PLAN_TERM && node->occur != QUERY_MUST_NOT) {
            add_term(m, node, node->terms[0], group->match, first);
        }
    }
    for (const plan_node *node = group->first; node; node = node->next) {
        if (node->occur == QUERY_MUST_NOT || node->kind == PLAN_TERM) {
            continue;
        }
        first = m->list->count;
        if (node->kind == PLAN_GROUP) {
            add_group(m, node);
        } else if (node->kind == PLAN_PHRASE) {
            for (uint32_t i = 0; i < node->term_count; i++) {
                add_term(m, node, node->terms[i], node->match, first);
            }
        } else {
            m->list->items[m->list->count++] =
                (scorer){.node = node, .where = node->match, .boost = node->boost,
                         .constant = (int64_t)llrint(node->boost * RANK_ONE)};
        }
    }
}

anp_status scorers_make(snapshot *s, const query_plan *plan, const rank_settings *rank, arena *perm,
                        scorer_list *out, anp_error *err) {
    maker m = {.snapshot = s, .rank = rank, .list = out};
    *out = (scorer_list){.items = arena_array(perm, scorer, plan->clause_count + 1)};
    if (!out->items) {
        return nomem(err);
    }
    if (plan->root) {
        add_group(&m, plan->root);
    }
    for (size_t i = 0; i < out->count; i++) {
        scorer *item = &out->items[i];
        if (item->term) {
            double average = snapshot_length_average(s, item->term->field);
            item->norm = rank_norm_make(rank->k1, rank->b, average);
            item->idf = rank_idf(snapshot_post_count(s), item->term->df);
            item->weight = rank_weight(item->boost, item->idf);
        }
    }
    return ANP_OK;
}

/*
 * ---- One window
 * --------------------------------------------------------------------------------------------
 */

enum { WHERE_WORDS = (WINDOW_DOCS + 63) / 64 };

typedef struct window_scores {
    int64_t sums[WINDOW_DOCS];
    uint64_t hits[WHERE_WORDS];  /* the posts to score, a bit each; their sums alone are set */
    uint64_t where[WHERE_WORDS]; /* those of the scorer in hand */
    uint16_t docs[WINDOW_DOCS];  /* scratch */
    uint16_t hit_docs[WINDOW_DOCS];
    uint32_t hit_count;
} window_scores;

static void set_bits(uint64_t *words, const uint16_t *docs, size_t count) {
    memset(words, 0, WHERE_WORDS * sizeof *words);
    for (size_t i = 0; i < count; i++) {
        words[docs[i] / 64] |= (uint64_t)1 << (docs[i] % 64);
    }
}

static void set_hits(window_scores *w, const bitmap *posts, uint32_t first) {
    w->hit_count = (uint32_t)bitmap_window(posts, first, w->hit_docs);
    set_bits(w->hits, w->hit_docs, w->hit_count);
    for (uint32_t i = 0; i < w->hit_count; i++) {
        w->sums[w->hit_docs[i]] = 0;
    }
}

static void set_where(window_scores *w, const bitmap *where, uint32_t first) {
    set_bits(w->where, w->docs, bitmap_window(where, first, w->docs));
    for (uint32_t word = 0; word < WHERE_WORDS; word++) {
        w->where[word] &= w->hits[word];
    }
}

static bool counts_in(const window_scores *w, uint32_t doc) {
    return w->where[doc / 64] >> (doc % 64) & 1;
}

static anp_status add_postings(snapshot *s, const scorer *item, uint32_t window,
                               const window_columns *columns, window_scores *w, arena *scratch,
                               anp_error *err) {
    arena_mark mark = arena_save(scratch);
    window_postings postings;
    const uint32_t *lengths = columns->lengths[item->term->field];
    TRY(snapshot_postings(s, item->term->field, item->term->number, window, scratch, &postings,
                          err));
    for (uint32_t i = 0; i < postings.count; i++) {
        uint32_t doc = postings.docs[i];
        if (counts_in(w, doc)) {
            float norm = rank_norm_of(item->norm, lengths[doc]);
            w->sums[doc] += rank_contribution(item->weight, postings.tfs[i], norm);
        }
    }
    arena_rewind(scratch, mark);
    return ANP_OK;
}

static void add_constant(const scorer *item, window_scores *w) {
    for (uint32_t word = 0; word < WHERE_WORDS; word++) {
        for (uint64_t bits = w->where[word]; bits; bits &= bits - 1) {
            w->sums[word * 64 + (uint32_t)__builtin_ctzll(bits)] += item->constant;
        }
    }
}

static double prior_of(const window_columns *columns, uint32_t doc, const rank_settings *rank) {
    double scores[RANK_SCORES];
    for (int i = 0; i < RANK_SCORES; i++) {
        scores[i] = (double)columns->scores[doc][i];
    }
    return rank_prior(rank->weights, scores);
}

static anp_status score_window(snapshot *s, const scorer_list *scorers, const bitmap *posts,
                               const rank_settings *rank, uint32_t window, window_scores *w,
                               arena *scratch, top_list *top, anp_error *err) {
    uint32_t first = window << WINDOW_BITS;
    const bitmap *where = NULL;
    window_columns columns;
    if (!bitmap_count_range(posts, first, (uint64_t)first + WINDOW_DOCS)) {
        return ANP_OK;
    }
    set_hits(w, posts, first);
    TRY(snapshot_columns_of(s, window, w->hit_docs, w->hit_count, &columns, err));
    for (size_t i = 0; i < scorers->count; i++) {
        const scorer *item = &scorers->items[i];
        if (item->where != where) {
            where = item->where;
            set_where(w, where, first);
        }
        if (item->term) {
            TRY(add_postings(s, item, window, &columns, w, scratch, err));
        } else {
            add_constant(item, w);
        }
    }
    for (uint32_t i = 0; i < w->hit_count; i++) {
        uint32_t doc = w->hit_docs[i];
        double prior = prior_of(&columns, doc, rank);
        double score = rank_blend(w->sums[doc], rank->blend, prior);
        top_offer(top, score, prior, w->sums[doc], first + doc);
    }
    return ANP_OK;
}

anp_status score_run(snapshot *s, const scorer_list *scorers, const bitmap *posts,
                     const rank_settings *rank, top_list *top, anp_error *err) {
    window_scores *w = malloc(sizeof *w);
    arena scratch = {0};
    anp_status status = w ? ANP_OK : nomem(err);
    for (uint32_t window = 0; window < snapshot_window_count(s) && status == ANP_OK; window++) {
        status = score_window(s, scorers, posts, rank, window, w, &scratch, top, err);
    }
    arena_free(&scratch);
    free(w);
    return status;
}

anp_status score_posting(snapshot *s, const plan_term *term, uint32_t docno, arena *scratch,
                         uint32_t *tf, uint32_t *length, anp_error *err) {
    arena_mark mark = arena_save(scratch);
    uint32_t window = docno >> WINDOW_BITS, doc = window_low(docno);
    window_columns columns;
    window_postings postings;
    *tf = 0;
    uint16_t low = (uint16_t)doc;
    TRY(snapshot_columns_of(s, window, &low, 1, &columns, err));
    *length = columns.lengths[term->field][doc];
    TRY(snapshot_postings(s, term->field, term->number, window, scratch, &postings, err));
    for (uint32_t i = 0; i < postings.count && postings.docs[i] <= doc; i++) {
        *tf = postings.docs[i] == doc ? postings.tfs[i] : 0;
    }
    arena_rewind(scratch, mark);
    return ANP_OK;
}
