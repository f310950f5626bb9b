/*
 * An area: the postings of a batch of posts, put from the order of posts into that of terms.
 *
 *     post 0   cache 3 7 | redis 1 …        cache   0: 3 7 │ 2: 5
 *     post 1   redis 4 …               ─>   redis   0: 1   │ 1: 4
 *     post 2   cache 5 …                    …
 *
 * Two passes: how many bytes each term takes, then each posting to its place; a posting's payload
 * is copied as it is. The posts are cut into parts, one a thread, and a part's postings of a term
 * stand behind those of the parts before it: the same bytes come out whatever the parts.
 */
#ifndef ANP_INDEX_AREA_H
#define ANP_INDEX_AREA_H

#include "base/pool.h"
#include "base/vec.h"
#include "index/forward.h"

typedef struct area_term {
    uint32_t number;
    uint32_t count; /* postings of the combined text */
    size_t end;     /* of its postings */
} area_term;

/* Told of an area's terms, once all are known; the postings are not there yet. */
typedef struct area_hook {
    void (*measured)(void *user);
    void *user;
} area_hook;

typedef struct area {
    VEC(area_term) terms; /* ascending by number */
    uint8_t *bytes;       /* postings: u16 low, payload */
    size_t len;
    size_t capacity; /* of bytes */
} area;

/*
 * Zero at first, or as another use left it: then its memory serves again, since fresh pages cost as
 * much as what is put there. The first post's low is low_first; titles: they are part of the
 * combined text. pool may be NULL. Memory: the postings and their lows; while it works 8 bytes a
 * thread, and 4, for each term that the posts' drafters know. Free with area_free in any case.
 * ANP_CORRUPT, ANP_NOMEM.
 */
anp_status area_make(area *a, pool *p, const forward_view *posts, uint32_t count,
                     uint16_t low_first, bool titles, const area_hook *hook, anp_error *err);
void area_free(area *a);

#endif
