/* XXH3 of long inputs by instructions that not every processor has: the same numbers. */
#ifndef ANP_BASE_HASH_KERNELS_H
#define ANP_BASE_HASH_KERNELS_H

#include <stddef.h>
#include <stdint.h>

typedef uint64_t hash_seeded(const void *bytes, size_t len, uint64_t seed);

hash_seeded hash_seeded_avx2;
hash_seeded hash_seeded_avx512;

#endif
