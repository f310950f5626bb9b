/* See arrange.h. */
#include "index/arrange.h"

#include "base/hash.h"

#include <stdlib.h>

enum { PRIOR_CLASSES = 3 }; /* of about as many posts */

/* What a post is sorted by, and its place. */
typedef struct place {
    uint64_t key;
    uint32_t at;
} place;

static int by_key(const void *a, const void *b) {
    const place *x = a, *y = b;
    if (x->key != y->key) {
        return x->key < y->key ? -1 : 1;
    }
    return (x->at > y->at) - (x->at < y->at);
}

static void sort_places(place *places, uint32_t count) {
    qsort(places, count, sizeof *places, by_key);
}

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

/* The class of each post by prior above its words; equal priors are of one class. */
static void find_keys(const arrange_post *posts, uint32_t count, place *places) {
    uint64_t class = 0, last = 0;
    for (uint32_t i = 0; i < count; i++) {
        places[i] = (place){rank_of_prior(posts[i].prior), i};
    }
    sort_places(places, count);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t due = (uint64_t)i * PRIOR_CLASSES / count;
        class = places[i].key != last ? due : class;
        last = places[i].key;
        places[i].key = class << 32 | posts[places[i].at].words;
    }
}

bool arrange(const arrange_post *posts, uint32_t count, uint32_t *order, bool *as_they_came) {
    uint32_t room = 2;
    while (room < 2 * count) {
        room *= 2;
    }
    place *places = malloc((count + 1u) * sizeof *places);
    uint64_t *taken = calloc(room, sizeof *taken);
    *as_they_came = places && taken && repeats(posts, count, taken, room);
    free(taken);
    if (!places || !taken) {
        free(places);
        return false;
    }
    find_keys(posts, count, places);
    sort_places(places, count);
    for (uint32_t i = 0; i < count; i++) {
        order[i] = *as_they_came ? i : places[i].at;
    }
    free(places);
    return true;
}
