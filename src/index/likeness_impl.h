/* What the files of likeness share; nobody else includes this. */
#ifndef ANP_INDEX_LIKENESS_IMPL_H
#define ANP_INDEX_LIKENESS_IMPL_H

#include "base/bytes.h"
#include "index/chunk_code.h"
#include "index/likeness.h"

/* Bytes that a chunk of so many posts may take. A small one may take more: it is on its way into a
   larger one, where its shingles are shared by more posts. */
static inline size_t likeness_bytes_max(uint32_t count) {
    size_t most = CHUNK_POST_BYTES_MAX;
    return most * (count > CHUNK_POSTS_MIN ? count : CHUNK_POSTS_MIN);
}

/* The maker for a chunk of so many posts. */
void likeness_begin(chunk_maker *m, uint32_t count);

/* Its value, perhaps that of a chunk left out. */
anp_status likeness_finish(chunk_maker *m, uint32_t count, buffer *out, anp_error *err);

#endif
