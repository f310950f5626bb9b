/*
 * The two meta pages, read with pread and judged before LMDB may map the file: LMDB itself opens a
 * truncated file (and dies on the first missing page), and takes a flipped transaction number for
 * an older or newer commit.
 */
#ifndef ANP_STORE_HEADER_H
#define ANP_STORE_HEADER_H

#include "anpsearch.h"
#include "store/page.h"
#include "store/tree.h"

typedef struct header {
    page_meta metas[PAGE_META_COUNT];
    unsigned newest; /* which of the two counts */
    uint32_t page_bytes;
    uint64_t file_bytes;
} header;

/*
 * Reads both meta pages as they stood at one moment, others may be committing, and checks them and
 * the file's size. ANP_FORMAT: no LMDB file or of another version; ANP_CORRUPT: it was one. `path`
 * is for the messages.
 */
anp_status header_read(int fd, const char *path, header *out, anp_error *err);

/* The hash of a meta page that the witness keeps. */
uint64_t header_meta_hash(const page_meta *meta);

static inline const page_meta *header_newest(const header *h) {
    return &h->metas[h->newest];
}

#endif
