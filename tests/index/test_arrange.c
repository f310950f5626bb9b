/* The order of a run: classes of prior, the best first, then words; and where ids repeat, none. */
#include "index/arrange.h"

#include "base/prng.h"
#include "test.h"

#include <math.h>
#include <stdio.h>

enum { POSTS = 1000 };

static char ids[POSTS][8];

static void make_posts(prng *random, uint32_t priors, arrange_post *posts) {
    for (uint32_t i = 0; i < POSTS; i++) {
        int len = snprintf(ids[i], sizeof ids[i], "p%u", i);
        posts[i] = (arrange_post){.id = str_make(ids[i], (size_t)len),
                                  .prior = (float)prng_below(random, priors) / 100,
                                  .words = prng_below(random, 300)};
    }
}

/* Where the class of a place ends: places of a class ascend by words, and by place of equal ones;
   no prior of a class is above one of the class before. */
static uint32_t class_end(const arrange_post *posts, const uint32_t *order, uint32_t from) {
    uint32_t end = from + 1;
    while (end < POSTS && (posts[order[end]].words > posts[order[end - 1]].words ||
                           (posts[order[end]].words == posts[order[end - 1]].words &&
                            order[end] > order[end - 1]))) {
        end++;
    }
    return end;
}

static bool is_permutation(const uint32_t *order) {
    bool seen[POSTS] = {false};
    for (uint32_t i = 0; i < POSTS; i++) {
        if (order[i] >= POSTS || seen[order[i]]) {
            return false;
        }
        seen[order[i]] = true;
    }
    return true;
}

static void check_classes(const arrange_post *posts, uint32_t expected) {
    uint32_t order[POSTS], classes = 0;
    bool kept;
    float worst = INFINITY;
    if (!CHECK(arrange(posts, POSTS, order, &kept) && !kept) || !CHECK(is_permutation(order))) {
        return;
    }
    for (uint32_t from = 0, end; from < POSTS; from = end, classes++) {
        float best = -INFINITY, least = INFINITY;
        end = class_end(posts, order, from);
        for (uint32_t i = from; i < end; i++) {
            best = fmaxf(best, posts[order[i]].prior);
            least = fminf(least, posts[order[i]].prior);
        }
        CHECK(best < worst);
        worst = least;
        CHECK(expected < 3 || end - from > POSTS / 4);
    }
    CHECK_EQ_INT(classes, expected);
}

void test_index_arrange(void) {
    prng random = {7};
    arrange_post posts[POSTS];
    uint32_t order[POSTS];
    bool kept;
    CASE("many priors");
    make_posts(&random, 101, posts);
    check_classes(posts, 3);
    CASE("two priors, one");
    make_posts(&random, 2, posts);
    check_classes(posts, 2);
    make_posts(&random, 1, posts);
    check_classes(posts, 1);
    CASE("priors that are none");
    for (uint32_t i = 0; i < POSTS; i++) {
        posts[i].prior = i % 3 == 0 ? NAN : i % 3 == 1 ? -1e30f : 1e30f;
    }
    CHECK(arrange(posts, POSTS, order, &kept) && is_permutation(order));
    CASE("an id twice: as they came");
    posts[POSTS - 1].id = posts[3].id;
    CHECK(arrange(posts, POSTS, order, &kept) && kept);
    for (uint32_t i = 0; i < POSTS; i++) {
        CHECK_EQ_INT(order[i], i);
    }
    CASE("one, none");
    CHECK(arrange(posts, 1, order, &kept) && order[0] == 0);
    CHECK(arrange(posts, 0, order, &kept));
}
