/*
 * Large memory that is read at random: on pages of 2 MB where the system gives them, since with
 * small ones a look-up misses the cache once more, for where its page lies.
 */
#ifndef ANP_BASE_PAGES_H
#define ANP_BASE_PAGES_H

#include <stddef.h>

/* Aligned for any kernel (64 bytes), to be freed by free; NULL when memory is out. Of few bytes it
   is ordinary memory. Any thread. */
void *pages_alloc(size_t bytes);

/* The same, cleared. */
void *pages_zeroed(size_t bytes);

#endif
