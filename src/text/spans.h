/*
 * Words found 64 bytes at a time, a bit each: those that ASCII alone decides. Private to this room.
 *
 *     text     Use node.js, naïve C# --x
 *     words    ■■■ ■■■■■■■  ■■■■■ ■  ■      letters, digits, and what joins them
 *     asks            .       ■    ■ ■      characters that are not ASCII, and symbols beside words
 *     found    Use node.js                  up to the first that asks: that word is not found here
 *
 * spans_body.h is the one source, compiled for each kind of processor (spans_portable.c,
 * spans_avx2.c, …); all find the same words.
 */
#ifndef ANP_TEXT_SPANS_H
#define ANP_TEXT_SPANS_H

#include "base/str.h"

/* What may begin or end in one step: room for as many is asked for, and written over. */
enum { SPANS_STEP = 32 };

/*
 * The next words, up to `most`, of a text from *at on: where they start and end, counted from
 * *at; how many. *at is moved behind the last one or further, not over the next word. Where room
 * for SPANS_STEP is left, the next word, or that there is none, has to be found by technical_next
 * or plain_next.
 */
typedef size_t spans_find(str text, size_t *at, uint32_t *starts, uint32_t *ends, size_t most);

typedef struct spans_kernel {
    const char *name;
    spans_find *technical; /* whether capitals cut a word into parts is not asked */
    spans_find *plain;
} spans_kernel;

/* Those that this processor can run, portable first; how many. */
size_t spans_all(const spans_kernel *const **all);
const spans_kernel *spans_best(void);

extern const spans_kernel spans_portable;
extern const spans_kernel spans_avx2;
extern const spans_kernel spans_avx512;

#endif
