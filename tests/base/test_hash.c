/* Hashes of any length are XXH3's, whatever instructions made them. */
#include "base/cpu.h"
#include "base/hash.h"
#include "base/hash_kernels.h"
#include "base/prng.h"
#include "test.h"

#include <stdlib.h>

enum { BYTES = 70000 };

void test_base_hash(void) {
    prng p = {1};
    uint8_t *bytes = malloc(BYTES);
    if (!CHECK(bytes != NULL)) {
        return;
    }
    for (size_t i = 0; i < BYTES; i++) {
        bytes[i] = (uint8_t)prng_next(&p);
    }
    CASE("the same at every level of the processor");
#if defined(__x86_64__)
    for (int i = 0; i < 300; i++) {
        size_t len = i < 100 ? 1000 + (size_t)i : prng_below(&p, BYTES);
        uint64_t seed = prng_next(&p), sum = hash64_seed(bytes, len, seed);
        CHECK(cpu_best() < CPU_AVX2 || hash_seeded_avx2(bytes, len, seed) == sum);
        CHECK(cpu_best() < CPU_AVX512 || hash_seeded_avx512(bytes, len, seed) == sum);
    }
#endif
    CASE("numbers that are known");
    for (size_t i = 0; i < BYTES; i++) {
        bytes[i] = (uint8_t)(i * 7);
    }
    CHECK(hash64_seed(bytes, 100, 5) == UINT64_C(0xd137572f0bfeba15));
    CHECK(hash64_seed(bytes, 1023, 5) == UINT64_C(0xbebf6c95369ab4ea));
    CHECK(hash64_seed(bytes, 1024, 5) == UINT64_C(0x9ed894f79f52a6f5));
    CHECK(hash64_seed(bytes, BYTES, 5) == UINT64_C(0x6330f5f4534ef15c));
    free(bytes);
}
