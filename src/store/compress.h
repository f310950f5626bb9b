/* Compression of stored posts: zstd frames that carry their size. */
#ifndef ANP_STORE_COMPRESS_H
#define ANP_STORE_COMPRESS_H

#include "anpsearch.h"
#include "base/arena.h"
#include "base/bytes.h"

typedef struct compressor compressor;

/* One a thread. NULL when memory is out. */
compressor *compressor_open(void);
void compressor_close(compressor *c);

/* Appends one frame to out. */
anp_status compressor_write(compressor *c, str bytes, buffer *out, anp_error *err);

/* The bytes of one frame, into perm. Frames of more than limit bytes are ANP_CORRUPT before
   anything is allocated. */
anp_status compressor_read(compressor *c, str frame, size_t limit, arena *perm, str *out,
                           anp_error *err);

#endif
