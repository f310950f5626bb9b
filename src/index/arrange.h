/*
 * The order in which posts of a large import get their ordinals: like posts side by side, so that a
 * block's bounds are nearer to what its posts have, and whole blocks of them lose.
 *
 *     as they come     ▂▇▁▅▃▇▂▆▁▄▇▃     4 posts a block: each has a short post and a long one
 *     arranged         ▁▁▂▂▃▃▄▅▆▇▇▇
 *
 * A run of some thousands is cut into classes by prior, the best first; in a class the posts with
 * fewer words come first. `compact` does more, all over the index (index/reorder.h).
 */
#ifndef ANP_INDEX_ARRANGE_H
#define ANP_INDEX_ARRANGE_H

#include "base/str.h"

/* What of a post counts. */
typedef struct arrange_post {
    str id;
    float prior;    /* 0 to 1 */
    uint32_t words; /* of the combined text */
} arrange_post;

/*
 * order[0, count) becomes the places of posts in their new order. Where two posts have the same id
 * all stay as they came, for the later one replaces the other: *as_they_came. false: memory is out.
 */
bool arrange(const arrange_post *posts, uint32_t count, uint32_t *order, bool *as_they_came);

#endif
