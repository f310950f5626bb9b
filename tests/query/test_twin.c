/*
 * The engine against the brute-force twin, through the public API alone: the same ids in the same
 * order with the same scores, for random queries over random corpora that grow, change and shrink
 * in several commits.
 *
 * ANP_TEST_QUERIES says how many queries (default 10,000). A failure is made smaller before it is
 * printed; to see it again, the seed and the number of the corpus are enough.
 */
#include "test.h"

#include "anpsearch.h"
#include "oracle/oracle.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COMMITS = 5, QUERIES_A_COMMIT = 80, TEXT_BYTES_MAX = 4000 };

static const uint64_t seed = 20251121;

/* One comparison: all that must be known to repeat it. */
typedef struct trial {
    oracle_query query, filter;
    oracle_settings settings;
    uint32_t flags, set, k, offset;
    uint64_t spelling; /* state of the generator that renders both texts */
} trial;

typedef struct world {
    oracle_random random;
    oracle_corpus corpus;
    anp_index *index;
    uint32_t ids;     /* handed out */
    uint32_t numbers; /* corpus and commit, for notes */
    uint32_t commit;
    uint32_t compared, selective; /* queries; those that match some posts but not all */
    oracle_hit hits[ORACLE_POSTS_MAX];
    trial trial, smaller;
    char text[TEXT_BYTES_MAX], filter_text[TEXT_BYTES_MAX], why[400];
} world;

/*
 * ---- The corpus, on both sides
 * -----------------------------------------------------------------------------
 */

static bool add_post(world *w, anp_writer *writer, uint32_t id) {
    char json[4096];
    anp_error err = ANP_ERROR_INIT;
    oracle_corpus *c = &w->corpus;
    for (uint32_t i = 0; i < c->count; i++) {
        c->posts[i].live &= c->posts[i].id != id;
    }
    oracle_post *post = &c->posts[c->count++];
    oracle_post_random(&w->random, id, post);
    oracle_post_json(&w->random, post, json);
    if (!CHECK_EQ_INT(anp_writer_add(writer, json, strlen(json), &err), ANP_OK)) {
        test_note("%s: %s", err.message, json);
        return false;
    }
    return true;
}

/* Touches each id at most once a commit, so that the order of ordinals is the order of calls. */
static bool commit_changes(world *w) {
    anp_writer *writer;
    anp_error err = ANP_ERROR_INIT;
    oracle_corpus *c = &w->corpus;
    uint32_t before = c->count, added = w->commit == 0 ? 60 : 20 + oracle_below(&w->random, 50);
    if (!CHECK_EQ_INT(anp_writer_open(w->index, &writer, &err), ANP_OK)) {
        return false;
    }
    bool good = true;
    for (uint32_t i = 0; i < before && good; i++) {
        if (!c->posts[i].live) {
            continue;
        }
        if (oracle_chance(&w->random, 8)) {
            good = add_post(w, writer, c->posts[i].id);
        } else if (oracle_chance(&w->random, 8)) {
            char id[16];
            snprintf(id, sizeof id, "p%u", c->posts[i].id);
            c->posts[i].live = false;
            good = CHECK_EQ_INT(anp_writer_delete(writer, id, &err), ANP_OK);
        }
    }
    for (uint32_t i = 0; i < added && good; i++) {
        good = add_post(w, writer, w->ids++);
    }
    good = good && CHECK_EQ_INT(anp_writer_commit(writer, &err), ANP_OK);
    anp_writer_close(writer);
    oracle_prepare(c);
    return good;
}

/*
 * ---- One query, on both sides
 * ------------------------------------------------------------------------------
 */

static void random_trial(world *w, trial *t) {
    oracle_random *r = &w->random;
    static const oracle_settings defaults = {1.2, 0.75, 0.3, {1, 1, 1, 1}};
    oracle_query_random(r, 1 + oracle_below(r, oracle_chance(r, 20) ? 14 : 5), &t->query);
    t->filter.root = NULL;
    if (oracle_chance(r, 25)) {
        oracle_query_random(r, 1 + oracle_below(r, 3), &t->filter);
    }
    t->settings = defaults;
    t->set = oracle_chance(r, 50) ? 0 : oracle_below(r, 128);
    t->settings.blend = t->set & ANP_SET_BLEND ? 0.95 * oracle_below(r, 11) / 10 : 0.3;
    t->settings.k1 = t->set & ANP_SET_K1 ? 0.3 * oracle_below(r, 11) : 1.2;
    t->settings.b = t->set & ANP_SET_B ? 0.1 * oracle_below(r, 11) : 0.75;
    for (uint32_t i = 0; i < 4; i++) {
        t->settings.weights[i] = t->set & (unsigned)ANP_SET_QUALITY << i ? oracle_below(r, 4) : 1;
    }
    t->flags = oracle_chance(r, 30) ? ANP_QUERY_AND : 0;
    t->flags |= oracle_chance(r, 50) ? ANP_QUERY_STRICT_SYNTAX : 0;
    t->k = oracle_chance(r, 20) ? 2000 : 1 + oracle_below(r, 30);
    t->offset = oracle_chance(r, 70) ? 0 : oracle_below(r, 40);
    t->spelling = r->state;
}

static bool same_number(double a, double b) {
    return a == b || fabs(a - b) <= 1e-9 * fabs(b);
}

static bool check_hit(world *w, const anp_hit *hit, uint32_t rank) {
    const oracle_hit *expected = &w->hits[rank - 1];
    char id[16];
    snprintf(id, sizeof id, "p%u", w->corpus.posts[expected->post].id);
    if (hit->rank == rank && strcmp(hit->id, id) == 0 && same_number(hit->score, expected->score) &&
        same_number(hit->bm25, expected->bm25) && same_number(hit->prior, expected->prior)) {
        return true;
    }
    snprintf(w->why, sizeof w->why,
             "rank %u: %s score %.9f bm25 %.9f prior %.6f, expected rank %u: %s %.9f %.9f %.6f",
             hit->rank, hit->id, hit->score, hit->bm25, hit->prior, rank, id, expected->score,
             expected->bm25, expected->prior);
    return false;
}

static bool check_results(world *w, const trial *t, anp_results *results, uint32_t count) {
    uint32_t listed = count > t->offset ? count - t->offset : 0;
    listed = listed < t->k ? listed : t->k;
    if (anp_results_total(results) != count || anp_results_count(results) != listed) {
        snprintf(w->why, sizeof w->why, "total %llu count %zu, expected %u and %u",
                 (unsigned long long)anp_results_total(results), anp_results_count(results), count,
                 listed);
        return false;
    }
    if (anp_results_note(results)) {
        snprintf(w->why, sizeof w->why, "note: %s", anp_results_note(results));
        return false;
    }
    for (uint32_t i = 0; i < listed; i++) {
        anp_hit hit = anp_results_hit(results, i);
        if (!check_hit(w, &hit, t->offset + i + 1)) {
            return false;
        }
    }
    return true;
}

/* Whether both sides agree; else w->why says how they differ. */
static bool agree(world *w, anp_snapshot *snapshot, const trial *t) {
    oracle_random spelling = {t->spelling};
    anp_error err = ANP_ERROR_INIT;
    anp_results *results;
    oracle_query_render(&spelling, &t->query, t->flags & ANP_QUERY_AND, w->text, sizeof w->text);
    oracle_query_render(&spelling, &t->filter, false, w->filter_text, sizeof w->filter_text);
    if (!strpbrk(w->text, "abcdefghijklmnopqrstuvwxyz")) {
        return true; /* AND, OR, NOT would be words there */
    }
    anp_query_options options = ANP_QUERY_OPTIONS_INIT;
    options.flags = t->flags;
    options.k = t->k;
    options.offset = t->offset;
    options.filter = t->filter.root ? w->filter_text : NULL;
    options.set = t->set;
    options.blend = t->settings.blend;
    options.k1 = t->settings.k1;
    options.b = t->settings.b;
    options.weight_quality = t->settings.weights[0];
    options.weight_freshness = t->settings.weights[1];
    options.weight_depth = t->settings.weights[2];
    options.weight_clarity = t->settings.weights[3];
    if (anp_query(snapshot, w->text, &options, &results, &err) != ANP_OK) {
        snprintf(w->why, sizeof w->why, "%s: %.300s", anp_status_name(err.status), err.message);
        return false;
    }
    uint32_t count = oracle_run(&w->corpus, &t->query, &t->filter, &t->settings, w->hits);
    w->compared++;
    w->selective += count > 0 && count < w->corpus.live;
    bool good = check_results(w, t, results, count);
    anp_results_free(results);
    return good;
}

/*
 * ---- Making a failure smaller
 * ------------------------------------------------------------------------------
 */

/*
 * The same query without child `child` of node `node`. A nested group keeps two children, else it
 * would be no group.
 */
static bool without(const trial *from, uint32_t node, uint32_t child, trial *out) {
    const oracle_node *n = &from->query.nodes[node];
    bool is_root = n == from->query.root;
    uint32_t least = is_root && n->kind == ORACLE_LIST ? 1 : 2;
    if (child >= n->child_count || n->child_count <= least) {
        return false;
    }
    *out = *from;
    out->query.root = out->query.nodes + (from->query.root - from->query.nodes);
    if (from->filter.root) {
        out->filter.root = out->filter.nodes + (from->filter.root - from->filter.nodes);
    }
    for (uint32_t i = 0; i < from->query.node_count; i++) {
        for (uint32_t k = 0; k < from->query.nodes[i].child_count; k++) {
            out->query.nodes[i].children[k] =
                out->query.nodes + (from->query.nodes[i].children[k] - from->query.nodes);
        }
    }
    for (uint32_t i = 0; i < from->filter.node_count && from->filter.root; i++) {
        for (uint32_t k = 0; k < from->filter.nodes[i].child_count; k++) {
            out->filter.nodes[i].children[k] =
                out->filter.nodes + (from->filter.nodes[i].children[k] - from->filter.nodes);
        }
    }
    oracle_node *shrunk = &out->query.nodes[node];
    for (uint32_t i = child; i + 1 < shrunk->child_count; i++) {
        shrunk->children[i] = shrunk->children[i + 1];
    }
    shrunk->child_count--;
    return true;
}

/* Takes out the filter and then children, as long as both sides still differ. */
static void shrink(world *w, anp_snapshot *snapshot) {
    trial *t = &w->trial;
    bool smaller = true;
    oracle_node *filter = t->filter.root;
    t->filter.root = NULL;
    if (agree(w, snapshot, t)) {
        t->filter.root = filter;
    }
    while (smaller) {
        smaller = false;
        for (uint32_t node = 0; node < t->query.node_count && !smaller; node++) {
            for (uint32_t child = 0; child < ORACLE_CHILDREN_MAX && !smaller; child++) {
                if (without(t, node, child, &w->smaller) && !agree(w, snapshot, &w->smaller)) {
                    oracle_node *n = &t->query.nodes[node];
                    for (uint32_t i = child; i + 1 < n->child_count; i++) {
                        n->children[i] = n->children[i + 1];
                    }
                    n->child_count--;
                    smaller = true;
                }
            }
        }
    }
    agree(w, snapshot, t); /* its texts and reason */
}

static bool run_trial(world *w, anp_snapshot *snapshot) {
    trial *t = &w->trial;
    random_trial(w, t);
    if (CHECK(agree(w, snapshot, t))) {
        return true;
    }
    shrink(w, snapshot);
    test_note("seed %llu corpus %u commit %u title weight %u", (unsigned long long)seed, w->numbers,
              w->commit, w->corpus.title_weight);
    test_note("query:  %s", w->text);
    test_note("filter: %s", t->filter.root ? w->filter_text : "");
    const oracle_settings *set = &t->settings;
    test_note("flags %u k %u offset %u k1 %g b %g blend %g weights %g %g %g %g", t->flags, t->k,
              t->offset, set->k1, set->b, set->blend, set->weights[0], set->weights[1],
              set->weights[2], set->weights[3]);
    test_note("%s", w->why);
    return false;
}

/*
 * ---- The test
 * ----------------------------------------------------------------------------------------------
 */

static bool same_word(void *user, const anp_token *token) {
    CHECK_EQ_STR(token->term, user);
    CHECK_EQ_INT(token->position, 0);
    CHECK(!token->stopword);
    return true;
}

static void check_vocabulary(void) {
    CASE("the analyzer leaves the twin's words alone");
    for (uint32_t i = 0; i < ORACLE_WORDS; i++) {
        char word[8];
        oracle_word(i, word);
        CHECK_EQ_INT(anp_analyze(word, strlen(word), NULL, same_word, word, NULL), ANP_OK);
    }
}

/* A corpus from empty, its commits, and the queries after each. False: it failed. */
static bool run_corpus(world *w, uint32_t number, uint32_t *left) {
    static const uint32_t title_weights[] = {3, 0, 1, 5};
    char path[200];
    anp_error err = ANP_ERROR_INIT;
    anp_index_options options = ANP_INDEX_OPTIONS_INIT;
    memset(&w->corpus, 0, sizeof w->corpus);
    w->random.state = seed + number * 0x9e3779b97f4a7c15u;
    w->ids = 0;
    w->numbers = number;
    w->corpus.title_weight = title_weights[number % 4];
    options.title_weight = w->corpus.title_weight;
    options.title_excluded = w->corpus.title_weight == 0;
    snprintf(path, sizeof path, "%s/twin%u.db", test_folder(), number);
    if (!CHECK_EQ_INT(anp_index_open(path, ANP_OPEN_CREATE, &options, &w->index, &err), ANP_OK)) {
        test_note("%s", err.message);
        return false;
    }
    bool good = true;
    for (w->commit = 0; w->commit < COMMITS && *left && good; w->commit++) {
        anp_snapshot *snapshot = NULL;
        good = commit_changes(w) &&
               CHECK_EQ_INT(anp_snapshot_open(w->index, &snapshot, &err), ANP_OK);
        for (uint32_t i = 0; i < QUERIES_A_COMMIT && *left && good; i++, --*left) {
            good = run_trial(w, snapshot);
        }
        anp_snapshot_close(snapshot);
    }
    anp_index_close(w->index);
    return good;
}

void test_query_twin(void) {
    const char *wanted = getenv("ANP_TEST_QUERIES");
    uint32_t left = wanted ? (uint32_t)strtoul(wanted, NULL, 10) : 10000;
    world *w = calloc(1, sizeof *w);
    if (!CHECK(w != NULL)) {
        return;
    }
    check_vocabulary();
    CASE("ids and scores equal those of brute force");
    for (uint32_t number = 1; left && run_corpus(w, number, &left); number++) {
    }
    CHECK(w->selective > w->compared / 2); /* else the queries would prove little */
    free(w);
}
