/*
 * Compression of stored posts: zstd frames that carry their size, small ones by a trained
 * dictionary.
 *
 * Posts of one site repeat each other more than themselves: with a dictionary of 64 KB trained on
 * a thousand of them a synthesised post of 4.7 KB takes 311 bytes instead of 2,174, and is
 * compressed in 5 µs instead of 28.
 */
#ifndef ANP_STORE_COMPRESS_H
#define ANP_STORE_COMPRESS_H

#include "anpsearch.h"
#include "base/arena.h"
#include "base/bytes.h"

/* A trained dictionary, ready for use; never changed, so any number of threads may share it. */
typedef struct dictionary dictionary;

/*
 * Trains a dictionary on samples that lie one behind the other in `samples`; its bytes are appended
 * to out. ANP_NOT_FOUND (without error text) when they are too few or too unlike: do without one.
 */
anp_status dictionary_train(const buffer *samples, const size_t *sizes, size_t count, buffer *out,
                            anp_error *err);

/* Of the bytes that dictionary_train made, which are copied. */
anp_status dictionary_open(str bytes, dictionary **out, anp_error *err);
void dictionary_close(dictionary *d); /* NULL is allowed */

/* Not 0; frames name their dictionary by it. */
uint32_t dictionary_id(const dictionary *d);

typedef struct compressor compressor;

/* One a thread. NULL when memory is out. */
compressor *compressor_open(void);
void compressor_close(compressor *c);

/* Appends one frame to out; d may be NULL. */
anp_status compressor_write(compressor *c, const dictionary *d, str bytes, buffer *out,
                            anp_error *err);

/* The id of the dictionary that a frame needs; 0: none. */
uint32_t compressor_dictionary_of(str frame);

/*
 * The bytes of one frame, into perm; d is the dictionary that it needs, or NULL. Frames of more
 * than limit bytes are ANP_CORRUPT before anything is allocated.
 */
anp_status compressor_read(compressor *c, const dictionary *d, str frame, size_t limit, arena *perm,
                           str *out, anp_error *err);

#endif
