/*
 * Orders of posts: each post once; topics side by side, down to blocks; better priors first, then
 * shorter posts, where there are enough for classes; the same by any number of threads; within
 * little memory too.
 */
#include "base/limits.h"
#include "base/prng.h"
#include "index/forward.h"
#include "index/reorder.h"
#include "test.h"

#include <stdlib.h>

enum {
    TOPICS = 8,
    NO_TOPIC = TOPICS,
    LEAF = WINDOW_BITS < 12 ? 4 : 256, /* KEEP IN STEP: LEAF_BITS of reorder.c */
    TOPIC_POSTS = 4 * LEAF,
    TOPIC_WORDS = 40,
    COMMON_WORDS = 40,
    TERMS = COMMON_WORDS + TOPICS * TOPIC_WORDS,
    CLASS = WINDOW_DOCS / 16,
};

typedef struct world {
    uint32_t count;
    buffer bytes;
    size_t *ends;    /* of records */
    uint64_t done, whole, most; /* what was asked; asked no more beyond `most` */
} world;

static str record(void *user, uint32_t post) {
    const world *w = user;
    size_t from = post ? w->ends[post - 1] : 0;
    return str_make((const char *)w->bytes.data + from, w->ends[post] - from);
}

static bool ask(void *user, uint64_t done, uint64_t whole) {
    world *w = user;
    CHECK(done > w->done && done <= whole);
    w->done = done;
    w->whole = whole;
    return done <= w->most;
}

/* Its terms are every fourth or so of the topic's and of the common ones; of no topic: none. */
static void add(world *w, prng *p, forward_head head, uint32_t topic) {
    forward_hit hits[TERMS];
    forward_input input = {.head = head, .hits = hits};
    for (uint32_t term = 0; term < TERMS; term++) {
        uint32_t of = term < COMMON_WORDS ? topic : (term - COMMON_WORDS) / TOPIC_WORDS;
        if (topic != NO_TOPIC && of == topic && prng_below(p, 4) == 0) {
            hits[input.hit_count] = forward_hit_make(term, false, (uint32_t)input.hit_count);
            input.hit_count++;
        }
    }
    forward_build(&input, &w->bytes);
    w->ends[w->count++] = w->bytes.len;
}

static world world_of(uint32_t posts) {
    return (world){.ends = malloc(posts * sizeof(size_t)), .most = UINT64_MAX};
}

static void free_world(world *w) {
    buffer_free(&w->bytes);
    free(w->ends);
}

static anp_status order_of(world *w, unsigned threads, uint64_t memory, uint32_t *order) {
    pool *helpers = pool_open(threads);
    reorder_input input = {.count = w->count, .term_end = TERMS, .title_weight = 1,
                           .memory_bytes = memory, .pool = helpers, .record = record, .ask = ask,
                           .user = w};
    w->done = 0;
    anp_status status = reorder(&input, order, NULL);
    pool_close(helpers);
    return status;
}

static void check_each_once(const uint32_t *order, uint32_t count) {
    bool *seen = calloc(count, sizeof *seen);
    uint32_t found = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (CHECK(order[i] < count) && !seen[order[i]]) {
            seen[order[i]] = true;
            found++;
        }
    }
    CHECK_EQ_INT(found, count);
    free(seen);
}

/* Posts of all topics by turns. */
static world topics(uint32_t count) {
    prng p = {5};
    world w = world_of(count);
    for (uint32_t i = 0; i < count; i++) {
        add(&w, &p, (forward_head){.body_words = 20}, i % TOPICS);
    }
    return w;
}

static void together(void) {
    uint32_t count = TOPICS * TOPIC_POSTS, changes = 0;
    uint32_t *order = malloc(count * sizeof *order), *other = malloc(count * sizeof *order);
    world w = topics(count);
    CASE("topics share blocks");
    CHECK_EQ_INT(order_of(&w, 0, UINT32_MAX, order), ANP_OK);
    check_each_once(order, count);
    CHECK_EQ_INT(w.done, w.whole);
    for (uint32_t i = 1; i < count; i++) {
        changes += order[i] % TOPICS != order[i - 1] % TOPICS;
    }
    CHECK(changes < count / 50 + TOPICS);
    CASE("any number of threads");
    CHECK_EQ_INT(order_of(&w, 3, UINT32_MAX, other), ANP_OK);
    CHECK(memcmp(order, other, count * sizeof *order) == 0);
    CASE("little memory");
    CHECK_EQ_INT(order_of(&w, 2, 1, other), ANP_OK);
    check_each_once(other, count);
    CHECK_EQ_INT(w.done, w.whole);
    CASE("stopped");
    w.most = w.whole / 2;
    CHECK_EQ_INT(order_of(&w, 2, UINT32_MAX, other), ANP_CANCELLED);
    free_world(&w);
    free(order);
    free(other);
}

/* Posts that are alike but for priors or lengths, by turns: those of one kind come first. */
static void classes(bool scored) {
    uint32_t count = 2 * CLASS, first = 0;
    uint32_t *order = malloc(count * sizeof *order);
    prng p = {6};
    world w = world_of(count);
    for (uint32_t i = 0; i < count; i++) {
        forward_head head = {.body_words = scored || i % 2 ? 100 : 200};
        for (int s = 0; s < 4; s++) {
            head.scores[s] = scored && i % 2 == 0 ? 20 : 80;
        }
        add(&w, &p, head, 0);
    }
    CHECK_EQ_INT(order_of(&w, 2, UINT32_MAX, order), ANP_OK);
    check_each_once(order, count);
    for (uint32_t i = 0; i < CLASS; i++) {
        first += order[i] % 2;
    }
    CHECK_EQ_INT(first, CLASS);
    free_world(&w);
    free(order);
}

/* What differs little is one class, and stays as it came in where no words move it. */
static void alike(void) {
    uint32_t count = 2 * CLASS, moved = 0;
    uint32_t *order = malloc(count * sizeof *order);
    prng p = {7};
    world w = world_of(count);
    for (uint32_t i = 0; i < count; i++) {
        add(&w, &p, (forward_head){.body_words = 100 + prng_below(&p, 10)}, NO_TOPIC);
    }
    CHECK_EQ_INT(order_of(&w, 2, UINT32_MAX, order), ANP_OK);
    for (uint32_t i = 0; i < count; i++) {
        moved += order[i] != i;
    }
    CHECK_EQ_INT(moved, 0);
    free_world(&w);
    free(order);
}

void test_index_reorder(void) {
    together();
    CASE("better posts first");
    classes(true);
    CASE("short posts first");
    classes(false);
    CASE("alike");
    alike();
}
