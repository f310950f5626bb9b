/* See arrange.h. */
#include "index/arrange.h"

#include "base/hash.h"
#include "base/sort.h"

#include <stdlib.h>

enum {
    PRIOR_CLASSES = 3, /* of about as many posts */
    WORDS_BITS = 30,
    WORDS_MOST = (1 << WORDS_BITS) - 1,
};

/* Whether ids may be the same: those whose hashes are. taken: a table of them, all 0, of a power of
   two above count. */
static bool repeats(const arrange_post *posts, uint32_t count, uint64_t *taken, uint32_t room) {
    for (uint32_t i = 0; i < count; i++) {
        uint64_t hash = hash64(posts[i].id.data, posts[i].id.len) | 1;
        uint32_t at = (uint32_t)(hash >> 32) & (room - 1);
        while (taken[at] && taken[at] != hash) {
            at = (at + 1) & (room - 1);
        }
        if (taken[at]) {
            return true;
        }
        taken[at] = hash;
    }
    return false;
}

static uint32_t rank_of_prior(float prior) {
    const float most = 1 << 20;
    float worse = (1 - prior) * most; /* the best first */
    return worse > 0 ? (uint32_t)(worse < most ? worse : most) : 0; /* NaN: 0 */
}

/* Makes keys above places, in the order of the keys, into the classes of these above the words, in
   the order of places. Equal keys are of one class. */
static void put_classes(const arrange_post *posts, uint32_t count, const uint64_t *by_prior,
                        uint64_t *items) {
    uint64_t class = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = (uint32_t)by_prior[i];
        bool is_new = i && by_prior[i] >> 32 != by_prior[i - 1] >> 32;
        uint32_t words = posts[at].words < WORDS_MOST ? posts[at].words : WORDS_MOST;
        class = is_new ? (uint64_t)i * PRIOR_CLASSES / count : class;
        items[at] = (class << WORDS_BITS | words) << 32 | at;
    }
}

static void find_order(const arrange_post *posts, uint32_t count, uint64_t *items,
                       uint64_t *spare, uint32_t *order) {
    for (uint32_t i = 0; i < count; i++) {
        items[i] = (uint64_t)rank_of_prior(posts[i].prior) << 32 | i;
    }
    const uint64_t *by_prior = sort_by_upper(items, spare, count);
    uint64_t *other = by_prior == items ? spare : items;
    put_classes(posts, count, by_prior, other);
    const uint64_t *sorted = sort_by_upper(other, other == items ? spare : items, count);
    for (uint32_t i = 0; i < count; i++) {
        order[i] = (uint32_t)sorted[i];
    }
}

bool arrange(const arrange_post *posts, uint32_t count, uint32_t *order, bool *as_they_came) {
    uint32_t room = 2;
    while (room < 2 * count) {
        room *= 2;
    }
    uint64_t *items = calloc((size_t)room + count, sizeof *items); /* ids first, then keys */
    if (!items) {
        return false;
    }
    *as_they_came = repeats(posts, count, items, room);
    if (*as_they_came) {
        for (uint32_t i = 0; i < count; i++) {
            order[i] = i;
        }
    } else {
        find_order(posts, count, items, items + room, order);
    }
    free(items);
    return true;
}
