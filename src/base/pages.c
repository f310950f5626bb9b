/* See pages.h. */
#include "base/pages.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { LINE_BYTES = 64, HUGE_PAGE_BYTES = 2 << 20 };

void *pages_alloc(size_t bytes) {
    void *memory = NULL;
    size_t align = bytes < 2 * HUGE_PAGE_BYTES ? LINE_BYTES : HUGE_PAGE_BYTES;
    if (posix_memalign(&memory, align, bytes + LINE_BYTES) != 0) {
        return NULL;
    }
#if defined(MADV_HUGEPAGE)
    if (align == HUGE_PAGE_BYTES) {
        madvise(memory, bytes, MADV_HUGEPAGE); /* no matter if it is refused */
    }
#endif
    return memory;
}

void *pages_zeroed(size_t bytes) {
    void *memory = pages_alloc(bytes);
    return memory ? memset(memory, 0, bytes) : NULL;
}
