/* See factors.h. */
#include "index/factors.h"

#include "base/error.h"
#include "index/snapshot_impl.h"
#include "rank/lanes.h"

enum { COLUMNS = 16 /* of posts of a block: each keeps its own most, so that they are vectors */ };

struct factor_set {
    snapshot *snapshot;
    rank_settings settings;
    rank_prior_bound now, build;
    uint64_t used; /* when: sets->clock */
    const cell *first;     /* of all cells; by number, NULL: not asked for: */
    cell_factors **cells;
    coded_factors **coded;
    best_posts **best;
    arena memory;
};

struct factor_sets {
    factor_set sets[FACTORS_KEPT];
    uint64_t clock;
};

static anp_status nomem(anp_error *err) {
    return error_nomem(err, "the priors of a query");
}

void factors_free(factor_sets *sets) {
    for (int i = 0; sets && i < FACTORS_KEPT; i++) {
        arena_free(&sets->sets[i].memory);
    }
    free(sets);
}

static bool has_settings(const factor_set *set, const rank_settings *settings) {
    bool same = set->used && set->settings.blend == settings->blend;
    for (int i = 0; i < RANK_SCORES; i++) {
        same &= set->settings.weights[i] == settings->weights[i];
    }
    return same;
}

/* Forgets what the set is of now. */
static anp_status make_set(snapshot *s, const rank_settings *settings, factor_set *set,
                           anp_error *err) {
    const rank_settings build = RANK_BUILD_SETTINGS;
    uint32_t count;
    arena_free(&set->memory);
    *set = (factor_set){.snapshot = s, .settings = *settings,
                        .now = rank_prior_bound_make(settings),
                        .build = rank_prior_bound_make(&build)};
    set->first = cells_all(s, &count);
    set->cells = (cell_factors **)arena_array(&set->memory, void *, count + 1);
    set->coded = (coded_factors **)arena_array(&set->memory, void *, count + 1);
    set->best = (best_posts **)arena_array(&set->memory, void *, count + 1);
    return set->cells && set->coded && set->best ? ANP_OK : nomem(err);
}

anp_status factors_find(snapshot *s, const rank_settings *settings, factor_set **out,
                        anp_error *err) {
    if (!s->factors) {
        s->factors = calloc(1, sizeof *s->factors);
    }
    if (!s->factors) {
        return nomem(err);
    }
    factor_set *sets = s->factors->sets, *oldest = sets;
    *out = NULL;
    for (int i = 0; i < FACTORS_KEPT && !*out; i++) {
        *out = has_settings(&sets[i], settings) ? &sets[i] : NULL;
        oldest = sets[i].used < oldest->used ? &sets[i] : oldest;
    }
    if (!*out) {
        TRY(make_set(s, settings, oldest, err));
        *out = oldest;
    }
    (*out)->used = ++s->factors->clock;
    return ANP_OK;
}

/* ---- Of cells and blocks --------------------------------------------------------------------- */

/* The posts of a block: their factors, now and by those of the build. */
typedef struct block_factors {
    uint32_t from, end; /* lows */
    float now[RANK_LANES] __attribute__((aligned(64)));
    float build[RANK_LANES] __attribute__((aligned(64)));
} block_factors;

static float factor_of(const float linear[RANK_SCORES + 1], const double scores[RANK_SCORES]) {
    float factor = linear[RANK_SCORES];
    for (int i = 0; i < RANK_SCORES; i++) {
        factor += linear[i] * (float)scores[i];
    }
    return factor;
}

/* What is not of the cell gets the factors of the nearest one that is. */
static void read_block(const factor_set *set, const cell *c, uint32_t block, block_factors *f) {
    const rank_lanes *lanes = rank_lanes_best();
    uint32_t low = block * BLOCK_DOCS;
    f->from = low > c->from ? low : c->from;
    f->end = low + BLOCK_DOCS < c->end ? low + BLOCK_DOCS : c->end;
    if (c->score_bytes == RANK_SCORES && f->end - f->from == BLOCK_DOCS) {
        const uint8_t *scores = cell_scores_at(c, low);
        lanes->factors(scores, set->now.linear, f->now);
        lanes->factors(scores, set->build.linear, f->build);
        return;
    }
    for (uint32_t i = 0; i < BLOCK_DOCS; i++) {
        double scores[RANK_SCORES];
        uint32_t at = low + i < f->from ? f->from : low + i < f->end ? low + i : f->end - 1;
        cell_scores(c, at, scores);
        f->now[i] = factor_of(set->now.linear, scores);
        f->build[i] = factor_of(set->build.linear, scores);
    }
}

/* Adds a block to the cell's. */
static void add_block(cell_factors *out, uint32_t block, const block_factors *f) {
    float most[COLUMNS], least[COLUMNS], ratio_most[COLUMNS], ratio_least[COLUMNS];
    for (uint32_t i = 0; i < COLUMNS; i++) {
        most[i] = least[i] = f->now[i];
        ratio_most[i] = ratio_least[i] = f->now[i] / f->build[i];
    }
    for (uint32_t at = COLUMNS; at < RANK_LANES; at += COLUMNS) {
        for (uint32_t i = 0; i < COLUMNS; i++) {
            float now = f->now[at + i], ratio = now / f->build[at + i];
            most[i] = now > most[i] ? now : most[i];
            least[i] = now < least[i] ? now : least[i];
            ratio_most[i] = ratio > ratio_most[i] ? ratio : ratio_most[i];
            ratio_least[i] = ratio < ratio_least[i] ? ratio : ratio_least[i];
        }
    }
    for (uint32_t i = 1; i < COLUMNS; i++) {
        most[0] = most[i] > most[0] ? most[i] : most[0];
        least[0] = least[i] < least[0] ? least[i] : least[0];
        ratio_most[0] = ratio_most[i] > ratio_most[0] ? ratio_most[i] : ratio_most[0];
        ratio_least[0] = ratio_least[i] < ratio_least[0] ? ratio_least[i] : ratio_least[0];
    }
    out->blocks[block] = most[0] * RANK_BOUND_ROUND;
    out->ratios[block] = ratio_most[0] * RANK_BOUND_ROUND;
    out->most.most = fmaxf(out->most.most, out->blocks[block]);
    out->most.ratio = fmaxf(out->most.ratio, out->ratios[block]);
    out->least = fminf(out->least, least[0] / RANK_BOUND_ROUND);
    out->ratio_least = fminf(out->ratio_least, ratio_least[0] / RANK_BOUND_ROUND);
}

/* As if no post had scores. */
static void fill_neutral(cell_factors *out) {
    *out = (cell_factors){.neutral = true, .most = {1, 1}, .least = 1, .ratio_least = 1};
    for (uint32_t block = 0; block < LIST_BLOCKS; block++) {
        out->blocks[block] = out->ratios[block] = 1;
    }
}

anp_status factors_of_cell(factor_set *set, const cell *c, const cell_factors **out,
                           anp_error *err) {
    cell_factors **of = &set->cells[c - set->first];
    *out = *of;
    if (*of) {
        return ANP_OK;
    }
    TRY(cells_open(set->snapshot, c, err));
    cell_factors *made = arena_new(&set->memory, cell_factors);
    if (!made) {
        return nomem(err);
    }
    fill_neutral(made);
    if (c->score_bytes) {
        made->neutral = false;
        made->most = (rank_factors){0, 0};
        made->least = made->ratio_least = INFINITY;
        for (uint32_t block = c->from / BLOCK_DOCS; block * BLOCK_DOCS < c->end; block++) {
            block_factors f;
            read_block(set, c, block, &f);
            add_block(made, block, &f);
        }
    }
    *out = *of = made;
    return ANP_OK;
}

/* ---- Codes ----------------------------------------------------------------------------------- */

static factor_codes codes_of(float low, float high) {
    return (factor_codes){low, high > low ? 253 / (high - low) : 0};
}

static uint8_t greatest(const uint8_t *codes) {
    uint8_t most = 0;
    for (uint32_t i = 0; i < LIST_STRIP_DOCS; i++) {
        most = codes[i] > most ? codes[i] : most;
    }
    return most;
}

static void add_codes(coded_factors *out, uint32_t block, const block_factors *f) {
    const uint32_t first = block * (BLOCK_DOCS / LIST_STRIP_DOCS);
    uint8_t most[BLOCK_DOCS], ratios[BLOCK_DOCS];
    uint8_t *posts = out->posts + (size_t)block * BLOCK_DOCS * 2;
    for (uint32_t i = 0; i < BLOCK_DOCS; i++) {
        float ratio = f->now[i] / f->build[i];
        most[i] = (uint8_t)factor_code(out->most_codes, f->now[i] * RANK_BOUND_ROUND);
        ratios[i] = (uint8_t)factor_code(out->ratio_codes, ratio * RANK_BOUND_ROUND);
    }
    for (uint32_t i = 0; i < BLOCK_DOCS; i++) {
        posts[2 * i] = most[i];
        posts[2 * i + 1] = ratios[i];
    }
    for (uint32_t i = 0; i < BLOCK_DOCS / LIST_STRIP_DOCS; i++) {
        out->most[first + i] = greatest(most + (size_t)i * LIST_STRIP_DOCS);
        out->ratios[first + i] = greatest(ratios + (size_t)i * LIST_STRIP_DOCS);
    }
}

anp_status factors_codes(factor_set *set, const cell *c, const coded_factors **out,
                         anp_error *err) {
    coded_factors **of = &set->coded[c - set->first];
    const cell_factors *factors;
    *out = *of;
    if (*of) {
        return ANP_OK;
    }
    TRY(factors_of_cell(set, c, &factors, err));
    coded_factors *made = arena_new(&set->memory, coded_factors);
    if (!made) {
        return nomem(err);
    }
    made->most_codes = codes_of(factors->least, factors->most.most);
    made->ratio_codes = codes_of(factors->ratio_least, factors->most.ratio);
    for (uint32_t block = c->from / BLOCK_DOCS; block * BLOCK_DOCS < c->end; block++) {
        block_factors f;
        read_block(set, c, block, &f);
        add_codes(made, block, &f);
    }
    *out = *of = made;
    return ANP_OK;
}

/* ---- Best posts ------------------------------------------------------------------------------ */

/* What decides their order. */
typedef struct ranked_post {
    float factor;
    uint16_t low;
} ranked_post;

static int by_factor(const void *a, const void *b) {
    const ranked_post *x = a, *y = b;
    return x->factor != y->factor ? (x->factor < y->factor) - (x->factor > y->factor)
                                  : (x->low > y->low) - (x->low < y->low);
}

/* About from which factor on there are as many posts as are wanted, or more. */
static float factor_from(const factor_set *set, const cell *c, const cell_factors *of) {
    enum { STEPS = 4096 };
    uint32_t counts[STEPS] = {0}, found = 0, step = STEPS;
    float scale = (STEPS - 1) / (of->most.most - of->least);
    for (uint32_t block = c->from / BLOCK_DOCS; block * BLOCK_DOCS < c->end; block++) {
        block_factors f;
        read_block(set, c, block, &f);
        for (uint32_t low = f.from; low < f.end; low++) {
            float at = (f.now[low % BLOCK_DOCS] - of->least) * scale;
            uint32_t here = at > 0 ? (uint32_t)at : 0;
            counts[here < STEPS ? here : STEPS - 1]++;
        }
    }
    while (step && found < FACTORS_BEST) {
        found += counts[--step];
    }
    return of->least + (float)step / scale;
}

/* Those that have so much, in their order, in `memory`; NULL: that is out. */
static ranked_post *rank_posts(const factor_set *set, const cell *c, float least, arena *memory,
                               uint32_t *count) {
    ranked_post *posts = arena_alloc(memory, (c->end - c->from) * sizeof *posts);
    *count = 0;
    for (uint32_t block = c->from / BLOCK_DOCS; posts && block * BLOCK_DOCS < c->end; block++) {
        block_factors f;
        read_block(set, c, block, &f);
        for (uint32_t low = f.from; low < f.end; low++) {
            float factor = f.now[low % BLOCK_DOCS];
            posts[*count] = (ranked_post){factor, (uint16_t)low};
            *count += factor >= least;
        }
    }
    if (posts) {
        qsort(posts, *count, sizeof *posts, by_factor);
    }
    return posts;
}

/* What rounding may take from a factor that stands for a step. */
#define STEP_ROUND 0.001f

anp_status factors_best(factor_set *set, const cell *c, const best_posts **out, anp_error *err) {
    best_posts **of = &set->best[c - set->first];
    const cell_factors *factors;
    arena scratch = {0};
    uint32_t count;
    *out = *of;
    if (*of) {
        return ANP_OK;
    }
    TRY(factors_of_cell(set, c, &factors, err));
    best_posts *best = arena_new(&set->memory, best_posts);
    float least = factors->most.most - factors->least > STEP_ROUND
                      ? factor_from(set, c, factors) - STEP_ROUND : 0;
    ranked_post *posts = rank_posts(set, c, least, &scratch, &count);
    if (best && posts) {
        best->count = count < (uint32_t)FACTORS_BEST ? count : (uint32_t)FACTORS_BEST;
        for (uint32_t i = 0; i < best->count; i++) {
            best->lows[i] = posts[i].low;
            best->most[i] = posts[i].factor * RANK_BOUND_ROUND;
        }
        *out = *of = best;
    }
    arena_free(&scratch);
    return *out ? ANP_OK : nomem(err);
}
