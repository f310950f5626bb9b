/*
 * What digests of lists say beside a slow twin that reads all postings of each list: the best
 * impact, the 2^i-th best, how many postings the list names. Of words in all posts and in few, of
 * segments and of the log; the combined text, bodies and titles.
 */
#include "index/cells.h"

#include "index/batches.h"
#include "rank/bounds.h"

enum { UNIT_POSTS = WINDOW_BITS < 12 ? 90 : 9000, LOG_POSTS = 11 };

/* Most words of a post are of forty, so that tfs differ. */
static void add_some(index_handle *index, prng *p, uint32_t first, uint32_t count) {
    index_writer *w;
    char json[2000];
    if (!CHECK_EQ_INT(writer_open(index, &w, NULL), ANP_OK)) {
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t words = 5 + prng_below(p, 120);
        size_t at = (size_t)snprintf(json, sizeof json, "{\"id\":\"p%u\",\"title\":\"w%u of all\","
                                     "\"body\":\"all", first + i, prng_below(p, 40));
        for (uint32_t k = 0; k < words; k++) {
            uint32_t word = prng_below(p, 1 + prng_below(p, 40));
            at += (size_t)snprintf(json + at, sizeof json - at, " w%u", word);
        }
        snprintf(json + at, sizeof json - at, "\",\"meta\":{\"score\":{\"quality\":%u,"
                 "\"freshness\":%u,\"depth\":50,\"clarity\":90}}}",
                 prng_below(p, 101), prng_below(p, 101));
        CHECK_EQ_INT(batches_add(w, json, NULL), ANP_OK);
    }
    CHECK_EQ_INT(writer_commit(w, NULL), ANP_OK);
    writer_close(w);
}

/* ---- The twin -------------------------------------------------------------------------------- */

static int by_impact(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return (x < y) - (x > y);
}

typedef struct impacts {
    uint32_t count;
    float plain[WINDOW_DOCS], blended[WINDOW_DOCS]; /* the greatest first */
} impacts;

static void find_impacts(snapshot *s, const term_lists *term, const cell_list *list,
                         impacts *out) {
    static uint16_t docs[WINDOW_DOCS];
    static uint32_t tfs[WINDOW_DOCS];
    const rank_settings build = RANK_BUILD_SETTINGS;
    const cell *c = &cells_all(s, &(uint32_t){0})[list->cell];
    rank_norm norm = rank_norm_make(build.k1, build.b, list->length_average);
    CHECK_EQ_INT(cells_open(s, c, NULL), ANP_OK);
    out->count = list_docs(&list->list, docs);
    list_tfs(&list->list, tfs);
    for (uint32_t i = 0; i < out->count; i++) {
        double scores[RANK_SCORES];
        uint32_t length = cell_length(c, term->field, snapshot_title_weight(s), docs[i]);
        cell_scores(c, docs[i], scores);
        double factor = rank_factor(build.blend, rank_prior(build.weights, scores));
        out->plain[i] = rank_saturation(tfs[i], rank_norm_of(norm, length));
        out->blended[i] = (float)((double)out->plain[i] * factor / (double)RANK_BUILD_FACTOR_MAX);
    }
    qsort(out->plain, out->count, sizeof *out->plain, by_impact);
    qsort(out->blended, out->count, sizeof *out->blended, by_impact);
}

/* A number of 16 bits is this one, rounded up or down. */
static bool stands_for(uint16_t number, float value, bool up) {
    const float spare = 0.1f; /* for floats that were rounded */
    float more = (float)number - value * 65535;
    return more >= (up ? -spare : -1 - spare) && more <= (up ? 1 + spare : spare);
}

static bool check_digest(const list_digest *digest, const cell_list *list, const impacts *have) {
    const list_view *view = &list->list;
    bool bounded = digest->seed_count > 0;
    uint32_t named = 0;
    if (!CHECK_EQ_INT(digest->cell, list->cell) || !CHECK_EQ_INT(bounded, view->bounds != NULL)) {
        return false;
    }
    if (!bounded) {
        return CHECK_EQ_INT(digest->champions + digest->runners, 0);
    }
    bool same = CHECK(fabs((double)digest->length_average - list->length_average) < 1e-4) &&
                CHECK(stands_for(digest->impact_max, have->plain[0], true)) &&
                CHECK(stands_for(digest->blended_max, have->blended[0], true));
    for (uint32_t i = 0; i < digest->seed_count && same; i++) {
        uint32_t rank = (1u << i) - 1;
        bool is_there = rank < have->count;
        same = CHECK(stands_for(digest->seeds[0][i], is_there ? have->plain[rank] : 0, false)) &&
               CHECK(stands_for(digest->seeds[1][i], is_there ? have->blended[rank] : 0, false));
    }
    if (view->champions) {
        named = list_champions(view->count, view->brief) + list_runners(view->count, view->brief);
    }
    return same && CHECK_EQ_INT(digest->champions + digest->runners, named);
}

/* Of how many lists digests say something. */
static uint32_t check_term(snapshot *s, index_field field, const char *word) {
    static impacts have;
    const term_lists *term;
    uint32_t bounded = 0;
    if (!CHECK_EQ_INT(cells_term(s, field, str_from(word), &term, NULL), ANP_OK)) {
        return 0;
    }
    for (uint32_t i = 0; i < term->count; i++) {
        find_impacts(s, term, &term->lists[i], &have);
        bounded += term->digests[i].seed_count > 0;
        if (!check_digest(&term->digests[i], &term->lists[i], &have)) {
            test_note("%s in field %d, cell %u", word, (int)field, term->lists[i].cell);
            return bounded;
        }
    }
    return bounded;
}

void test_index_cells(void) {
    prng p = {20261202};
    index_handle *index = batches_index("cells");
    snapshot *s;
    uint32_t bounded = 0;
    add_some(index, &p, 0, UNIT_POSTS);
    add_some(index, &p, UNIT_POSTS, LOG_POSTS);
    if (!CHECK_EQ_INT(snapshot_open(index, &s, NULL), ANP_OK) ||
        !CHECK_EQ_INT(cells_begin(s, NULL), ANP_OK)) {
        return;
    }
    CASE("digests");
    for (uint32_t i = 0; i <= 40; i++) {
        char word[8] = "all";
        snprintf(word, sizeof word, i < 40 ? "w%u" : "all", i);
        bounded += check_term(s, INDEX_TEXT, word);
        bounded += check_term(s, INDEX_BODY, word);
        bounded += check_term(s, INDEX_TITLE, word);
    }
    CHECK(bounded > (WINDOW_BITS < 12 ? 0 : 40));
    snapshot_close(s);
    index_close(index);
}
