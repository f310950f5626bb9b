/*
 * Queries while a window is being merged: a merge takes positions from its segments before readers
 * leave their lists. So phrases are asked at every step that it can end with, by the evaluator and
 * in full, of new snapshots and of one that has stayed open, with what it remembers; and beside an
 * index that is not merged, while posts of both are deleted and replaced.
 */
#include "index/cells.h"
#include "index/snapshot_impl.h"
#include "index/staged.h"
#include "index/verify.h"
#include "query/query.h"

enum { QUERIES = 16, HITS = 30, SEED = 20261130 };

typedef struct asked {
    char text[96];
    uint64_t total;
    size_t count;
    uint32_t docnos[HITS];
    double scores[HITS];
} asked;

static uint32_t random_word(prng *p) {
    return prng_below(p, prng_below(p, STAGED_WORDS) + 1);
}

/* A phrase of two or three words, in the text, the title or the body, exact or near, alone or
   beside another word. */
static void make_query(prng *p, char *out, size_t room) {
    static const char *const fronts[] = {"", "", "title:", "body:"};
    static const char *const backs[] = {"", "", "~3", " w1x", " -w7x"};
    size_t len = (size_t)snprintf(out, room, "%s\"", fronts[prng_below(p, 4)]);
    for (uint32_t i = 0, count = 2 + prng_below(p, 2); i < count; i++) {
        len += (size_t)snprintf(out + len, room - len, "%sw%ux", i ? " " : "", random_word(p));
    }
    snprintf(out + len, room - len, "\"%s", backs[prng_below(p, 5)]);
}

static bool ask(snapshot *s, const char *text, bool in_full, asked *out) {
    arena memory = {0};
    query_answer answer;
    anp_error err = ANP_ERROR_INIT;
    query_request request = {.text = str_from(text), .filter = STR(""), .k = HITS,
                             .rank = RANK_SETTINGS_DEFAULT, .in_full = in_full,
                             .flags = ANP_QUERY_KEEP_STOPWORDS};
    bool good = CHECK_EQ_INT(query_run(s, &request, &memory, &answer, &err), ANP_OK);
    if (good) {
        out->total = answer.total;
        out->count = answer.hit_count;
        for (size_t i = 0; i < answer.hit_count; i++) {
            out->docnos[i] = answer.hits[i].ordinal;
            out->scores[i] = answer.hits[i].score;
        }
    } else {
        test_note("%s: %s", text, err.message);
    }
    arena_free(&memory);
    return good;
}

static bool same(const asked *a, const asked *b) {
    bool equal = a->total == b->total && a->count == b->count;
    for (size_t i = 0; equal && i < a->count; i++) {
        equal = a->docnos[i] == b->docnos[i] && a->scores[i] == b->scores[i];
    }
    return equal;
}

/* Every query, each in one of the two ways. */
static bool ask_all(snapshot *s, prng *p, const asked *wanted) {
    bool good = true;
    for (uint32_t i = 0; i < QUERIES && good; i++) {
        asked have;
        bool in_full = prng_below(p, 4) == 0;
        good = ask(s, wanted[i].text, in_full, &have) && CHECK(same(&have, &wanted[i]));
        if (!good) {
            test_note("seed %d: %s, in full %d: %zu of %llu hits, not %zu of %llu; merged to %llx",
                      SEED, wanted[i].text, in_full, have.count, (unsigned long long)have.total,
                      wanted[i].count, (unsigned long long)wanted[i].total,
                      (unsigned long long)s->merged);
        }
    }
    return good;
}

/* How many terms have lost the positions of their segments' lists, if these were apart. */
static uint32_t count_taken(const snapshot *s) {
    uint32_t taken = 0;
    for (uint32_t term = 0; s->merging != MERGE_NONE && term < s->cat.state.term_end; term++) {
        unit_entry entry = snapshot_term_entry(INDEX_TEXT, term);
        taken += snapshot_inner_key((uint32_t)s->merging, entry) < s->merged;
    }
    return taken;
}

static void check_steps(index_handle *index, prng *p, const asked *wanted) {
    snapshot *s, *former = NULL;
    catalog c;
    uint32_t taken = 0, steps = 0;
    bool good = true;
    while (good && staged_step(index, 1 + prng_below(p, 300), &c)) {
        catalog_free(&c);
        steps++;
        good = CHECK_EQ_INT(snapshot_open(index, &s, NULL), ANP_OK);
        if (!good) {
            break;
        }
        taken += count_taken(s);
        good = ask_all(s, p, wanted) && (!former || ask_all(former, p, wanted));
        if (former && prng_below(p, 8)) {
            snapshot_close(s);
        } else {
            snapshot_close(former);
            former = s;
        }
    }
    if (good) {
        catalog_free(&c);
    }
    snapshot_close(former);
    CHECK(WINDOW_BITS > 8 || (steps > 100 && taken > 100));
}

/* Deletes and replaces the same posts of two indexes. */
static bool change_both(prng *p, index_handle *const both[2]) {
    uint64_t seed = prng_next(p);
    uint32_t count = 1 + prng_below(p, 3);
    for (int i = 0; i < 2; i++) {
        prng same_for_both = {seed};
        index_writer *w;
        if (!CHECK_EQ_INT(writer_open(both[i], &w, NULL), ANP_OK)) {
            return false;
        }
        for (uint32_t k = 0; k < count; k++) {
            uint32_t id = prng_below(&same_for_both, staged_posts(1));
            char text[32];
            snprintf(text, sizeof text, "id-%u", id);
            anp_status gone = ANP_OK;
            bool good = true;
            if (prng_below(&same_for_both, 3)) {
                gone = writer_delete(w, str_from(text), NULL);
                good = CHECK(gone == ANP_OK || gone == ANP_NOT_FOUND); /* already */
            } else {
                good = staged_add(&same_for_both, id, w);
            }
            if (!good) {
                writer_close(w);
                return false;
            }
        }
        CHECK_EQ_INT(writer_commit(w, NULL), ANP_OK);
        writer_close(w);
        staged_forgive(both[i]);
    }
    return true;
}

/* One index is merged, a step at a time, the other one is not; posts of both go and come. */
static void check_changes(uint64_t seed) {
    char paths[2][512];
    prng p = {seed};
    index_handle *both[2];
    snapshot *s;
    catalog c;
    for (int i = 0; i < 2; i++) {
        snprintf(paths[i], sizeof paths[i], "%s/changing-%d.db", test_folder(), i);
        both[i] = staged_open(paths[i], seed, 1);
        if (!both[i]) {
            return;
        }
    }
    uint32_t steps = 0;
    bool good = true, pending = true;
    while (good && pending) {
        uint32_t most = prng_below(&p, 4) ? 300 : 3000;
        pending = staged_step(both[0], 1 + prng_below(&p, most), &c);
        catalog_free(&c);
        steps++;
        good = prng_below(&p, 3) || change_both(&p, both);
        asked wanted[QUERIES];
        good = good && CHECK_EQ_INT(snapshot_open(both[1], &s, NULL), ANP_OK);
        for (uint32_t i = 0; good && i < QUERIES; i++) {
            make_query(&p, wanted[i].text, sizeof wanted[i].text);
            good = ask(s, wanted[i].text, prng_below(&p, 2), &wanted[i]);
        }
        if (good) {
            snapshot_close(s);
            good = CHECK_EQ_INT(snapshot_open(both[0], &s, NULL), ANP_OK);
        }
        if (good) {
            good = ask_all(s, &p, wanted);
            snapshot_close(s);
        }
        if (good && prng_below(&p, 30) == 0) {
            uint64_t problems = 1;
            CHECK_EQ_INT(index_verify(both[0], true, NULL, NULL, &problems, NULL), ANP_OK);
            good = CHECK_EQ_INT(problems, 0);
        }
    }
    if (!good) {
        test_note("seed %llu, step %u", (unsigned long long)seed, steps);
    }
    CHECK(WINDOW_BITS > 8 || steps > 50);
    index_close(both[0]);
    index_close(both[1]);
}

void test_query_merging(void) {
    char path[512];
    prng p = {SEED};
    asked wanted[QUERIES];
    uint32_t found = 0;
    snapshot *s;
    snprintf(path, sizeof path, "%s/merging.db", test_folder());
    index_handle *index = staged_open(path, SEED, 1);
    if (!index || !CHECK_EQ_INT(snapshot_open(index, &s, NULL), ANP_OK)) {
        return;
    }
    CASE("phrases before the merge, in both ways");
    for (uint32_t i = 0; i < QUERIES; i++) {
        asked full;
        make_query(&p, wanted[i].text, sizeof wanted[i].text);
        CHECK(ask(s, wanted[i].text, false, &wanted[i]) && ask(s, wanted[i].text, true, &full) &&
              same(&full, &wanted[i]));
        found += wanted[i].count > 1;
    }
    snapshot_close(s);
    CHECK(found > QUERIES / 2);
    CASE("the same after every step");
    check_steps(index, &p, wanted);
    index_close(index);
    CASE("the same of posts that go and come meanwhile");
    check_changes(SEED);
}
