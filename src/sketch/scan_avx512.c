/* sketch_scan with AVX-512: 128 slots a register; the equal ones are bits of two masks. */
#include "sketch/scan.h"

#if defined(__x86_64__)

#include <immintrin.h>

static int count_equal(__m512i probe, const uint8_t *bytes) {
    __m512i x = _mm512_xor_si512(probe, _mm512_loadu_si512(bytes));
    __mmask64 low = _mm512_testn_epi8_mask(x, _mm512_set1_epi8(0x0f));
    __mmask64 high = _mm512_testn_epi8_mask(x, _mm512_set1_epi8((char)0xf0));
    return __builtin_popcountll(low) + __builtin_popcountll(high);
}

void scan_avx512(const uint8_t *probe, const uint8_t *sketches, size_t count, uint16_t *equal) {
    bool probe_is_empty = scan_is_empty(probe);
    __m512i first = _mm512_loadu_si512(probe);
    __m512i second = _mm512_loadu_si512(probe + 64);
    for (size_t i = 0; i < count; i++, sketches += SKETCH_BYTES) {
        int total = count_equal(first, sketches) + count_equal(second, sketches + 64);
        equal[i] = probe_is_empty || scan_is_empty(sketches) ? 0 : (uint16_t)total;
    }
}

#endif
