/*
 * What is optional beside others and is no word: phrases, values, groups with words that they need.
 *
 *     redis "owner note"       a post with the phrase scores owner, note and redis, if it is there;
 *                              others score redis alone
 *
 *     chosen       redis +"owner note"  ─> the k best ─┐  of a post that both have,
 *     left out     redis                ─> the k best ─┴─ its greater score ─> the k best
 *
 * Each choice of such parts is a query of its own, in which they are required and the others are
 * left out. In none does a post score more than in the whole query, and in the one that chooses
 * just what it matches it scores as much. So a post that comes before another one in a choice comes
 * before it in the whole, and the k best of the whole are among the k best of the choices. What the
 * k-th best post of some choices has is the threshold that the next one begins with: most of them
 * find nothing that reaches it. Of more than four parts lists are cut instead (where.c).
 *
 * Where nothing is required, a post matches if it matches in some choice: the bits of all words,
 * and of each part by itself, are put together and counted.
 */
#include "base/vec.h"
#include "query/evaluation.h"

#include <string.h>

/* ---- Counting ------------------------------------------------------------------------------ */

/* Adds the matches of a choice to the bits of all cells. */
static anp_status add_matches(evaluation *e, uint64_t *words) {
    uint64_t *union_words = eval_words(e);
    if (!union_words) {
        return eval_nomem(e);
    }
    for (uint32_t i = 0; i < e->cell_count; i++, words += KERNEL_WORDS) {
        eval_cell *ec = &e->cells[i];
        if (!eval_requires(e) && !e->driver) {
            TRY(eval_union_words(e, ec, union_words));
            e->sets->or_into(words, (const uint8_t *)union_words);
            continue;
        }
        TRY(eval_find_candidates(e, ec));
        TRY(eval_phrases_keep(e, ec));
        if (ec->count) {
            TRY(eval_candidate_words(e, ec));
            e->sets->or_into(words, (const uint8_t *)ec->words);
        }
    }
    return ANP_OK;
}

static anp_status add_choice(const evaluation *whole, uint32_t chosen, uint64_t *words,
                             bool *known) {
    evaluation e = *whole;
    e.chosen = chosen;
    anp_status status = eval_prepare(&e, known);
    if (status == ANP_OK && *known && !eval_is_empty(&e)) {
        status = add_matches(&e, words);
    }
    eval_close(&e);
    return status;
}

static anp_status count_any(const evaluation *e, uint32_t choices, uint64_t *total, bool *known) {
    uint32_t cell_count;
    cells_all(e->snapshot, &cell_count);
    uint64_t *words = arena_calloc(e->memory, (size_t)cell_count * KERNEL_WORDS, sizeof *words);
    if (!words) {
        return eval_nomem(e);
    }
    TRY(add_choice(e, 0, words, known));
    for (uint32_t i = 0; i < choices && *known; i++) {
        TRY(add_choice(e, 1u << i, words, known));
    }
    *total = 0;
    for (uint32_t i = 0; i < cell_count && *known; i++) {
        *total += e->sets->count(words + (size_t)i * KERNEL_WORDS);
    }
    return ANP_OK;
}

/* ---- Ranking ------------------------------------------------------------------------------- */

typedef VEC(scored) scored_posts;

/* By ordinal; of a post's scores the greatest first. */
static int by_post(const void *a, const void *b) {
    const scored *x = a, *y = b;
    if (x->docno != y->docno) {
        return x->docno < y->docno ? -1 : 1;
    }
    return (x->units < y->units) - (x->units > y->units);
}

static int by_score(const void *a, const void *b) {
    const scored *x = a, *y = b;
    if (x->score < y->score || x->score > y->score) {
        return x->score > y->score ? -1 : 1;
    }
    return (x->docno > y->docno) - (x->docno < y->docno);
}

/* Leaves the k best, each post once, in their order. */
static void keep_best(scored_posts *posts, size_t k) {
    size_t kept = 0;
    if (posts->count == 0) {
        return;
    }
    qsort(posts->items, posts->count, sizeof *posts->items, by_post);
    for (size_t i = 0; i < posts->count; i++) {
        if (!kept || posts->items[i].docno != posts->items[kept - 1].docno) {
            posts->items[kept++] = posts->items[i];
        }
    }
    qsort(posts->items, kept, sizeof *posts->items, by_score);
    posts->count = kept < k ? kept : k;
}

/* The best of a choice, put among those of others. */
static anp_status rank_choice(const evaluation *whole, uint32_t chosen, bool count,
                              scored_posts *posts, uint64_t *total, bool *known) {
    evaluation e = *whole;
    evaluate_request request = *whole->request;
    top_list top = {0};
    request.count = count;
    e.request = &request;
    e.chosen = chosen;
    e.top = &top;
    if (posts->count == request.k) {
        e.theta = eval_threshold(posts->items[request.k - 1].score);
    }
    TRY(eval_run(&e, total, known));
    if (!*known || !top.count) {
        return ANP_OK;
    }
    top_sort(&top, e.memory);
    if (!vec_reserve(posts, posts->count + top.count)) {
        return eval_nomem(&e);
    }
    memcpy(posts->items + posts->count, top.items, top.count * sizeof *top.items);
    posts->count += top.count;
    keep_best(posts, request.k);
    return ANP_OK;
}

static anp_status offer_best(const evaluation *e, const scored_posts *posts) {
    if (!top_make(e->top, posts->count, e->memory)) {
        return eval_nomem(e);
    }
    for (size_t i = 0; i < posts->count; i++) {
        const scored *post = &posts->items[i];
        top_offer(e->top, post->score, post->prior, post->units, post->docno);
    }
    return ANP_OK;
}

/* Choices in their order, each once. */
typedef struct ranking {
    const evaluation *e;
    scored_posts posts;
    uint32_t done; /* a bit each */
    bool count;
    uint64_t *total;
    bool *known;
} ranking;

/* That which leaves all out says how many posts match, where something is required. */
static anp_status take_choice(ranking *r, uint32_t chosen) {
    if (r->done >> chosen & 1 || !*r->known) {
        return ANP_OK;
    }
    r->done |= 1u << chosen;
    return rank_choice(r->e, chosen, r->count && !chosen, &r->posts, r->total, r->known);
}

/* The greatest scores first: what chooses all; where few posts have all that, each part by itself
   finds a threshold for the rest. */
static anp_status take_choices(ranking *r, uint32_t choices) {
    uint32_t all = (1u << choices) - 1;
    TRY(take_choice(r, all));
    for (uint32_t i = 0; i < choices && r->posts.count < r->e->request->k; i++) {
        TRY(take_choice(r, 1u << i));
    }
    for (uint32_t chosen = all + 1; chosen-- > 0;) {
        TRY(take_choice(r, chosen));
    }
    return ANP_OK;
}

static anp_status rank_all(const evaluation *e, uint32_t choices, bool count, uint64_t *total,
                           bool *known) {
    ranking r = {.e = e, .count = count, .total = total, .known = known};
    anp_status status = take_choices(&r, choices);
    if (status == ANP_OK && *known) {
        status = offer_best(e, &r.posts);
    }
    free(r.posts.items);
    return status;
}

anp_status eval_alternatives(const evaluation *e, uint32_t choices, bool requires, uint64_t *total,
                             bool *known) {
    *known = true;
    if (e->request->k) {
        TRY(rank_all(e, choices, requires && e->request->count, total, known));
    } else if (requires) {
        evaluation only = *e; /* what is required decides */
        return eval_run(&only, total, known);
    }
    bool counts = e->request->count || !e->request->k;
    return *known && counts && !requires ? count_any(e, choices, total, known) : ANP_OK;
}
