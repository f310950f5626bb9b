/*
 * The source of a kernel (spans.h), to be compiled once a file: SPANS is its name, SPANS_NAME that
 * of its processors.
 *
 *     bytes ─> what each is, a mask a kind ─> words, what asks ─> first bits of words: starts
 *                                                                 the bits behind them: ends
 *
 * Starts and ends are two lists that match by place, so that a word over the border of a step is
 * nothing special. By UAX #29 a mark joins what stands at its sides by what they are, in ASCII
 * nothing further off has a say; technical.c joins at full stops, too.
 */
#include "text/spans.h"

#if defined(__SSE2__)
#include <immintrin.h>
#endif

enum {
    STEP_BYTES = 64,
    REACH_BYTES = 32 << 10, /* a call: no word that is longer is found */
};

/* A bit for each of 64 bytes, none behind the text's end. */
typedef struct marks {
    uint64_t letter, digit, beyond;      /* beyond ASCII */
    uint64_t stop, colon, quote, comma;  /* and the semicolon */
    uint64_t under, dash, hash, plus;
} marks;

/* ---- What the bytes are -------------------------------------------------------------------- */

#if defined(__AVX512VBMI__)

enum { LETTER = 1, DIGIT = 2, STOP = 4, COLON = 8, QUOTE = 16, COMMA = 32, UNDER = 64 };

static const uint8_t kinds[128] = {
    ['a' ... 'z'] = LETTER, ['A' ... 'Z'] = LETTER, ['0' ... '9'] = DIGIT, ['.'] = STOP,
    [':'] = COLON,          ['\''] = QUOTE,         [','] = COMMA,         [';'] = COMMA,
    ['_'] = UNDER,
};

static inline marks look(str text, size_t at, bool technical) {
    marks m = {0};
    size_t left = at < text.len ? text.len - at : 0;
    uint64_t held = left >= STEP_BYTES ? ~(uint64_t)0 : _bzhi_u64(~(uint64_t)0, (unsigned)left);
    __m512i bytes = _mm512_maskz_loadu_epi8(held, text.data + (held ? at : 0));
    m.beyond = _mm512_movepi8_mask(bytes);
    __m512i kind = _mm512_maskz_permutex2var_epi8(~m.beyond, _mm512_loadu_si512(kinds), bytes,
                                                  _mm512_loadu_si512(kinds + 64));
    m.letter = _mm512_test_epi8_mask(kind, _mm512_set1_epi8(LETTER));
    m.digit = _mm512_test_epi8_mask(kind, _mm512_set1_epi8(DIGIT));
    if (technical) {
        m.stop = _mm512_test_epi8_mask(kind, _mm512_set1_epi8(STOP));
        m.colon = _mm512_test_epi8_mask(kind, _mm512_set1_epi8(COLON));
        m.quote = _mm512_test_epi8_mask(kind, _mm512_set1_epi8(QUOTE));
        m.comma = _mm512_test_epi8_mask(kind, _mm512_set1_epi8(COMMA));
        m.under = _mm512_test_epi8_mask(kind, _mm512_set1_epi8(UNDER));
        m.dash = _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8('-'));
        m.hash = _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8('#'));
        m.plus = _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8('+'));
    }
    return m;
}

#elif defined(__SSE2__)

#if defined(__AVX2__)
typedef uint8_t lanes __attribute__((vector_size(32)));

static inline uint64_t bits(lanes bytes, unsigned at) {
    return (uint64_t)(uint32_t)_mm256_movemask_epi8((__m256i)bytes) << at;
}
#else
typedef uint8_t lanes __attribute__((vector_size(16)));

static inline uint64_t bits(lanes bytes, unsigned at) {
    return (uint64_t)(uint32_t)_mm_movemask_epi8((__m128i)bytes) << at;
}
#endif

static inline lanes is(lanes bytes, uint8_t c) {
    return (lanes)(bytes == c);
}

/* first <= byte < first + count. */
static inline lanes within(lanes bytes, uint8_t first, uint8_t count) {
    return (lanes)(bytes - first < count);
}

static inline marks look(str text, size_t at, bool technical) {
    marks m = {0};
    char copy[STEP_BYTES] = {0};
    size_t left = at < text.len ? text.len - at : 0;
    const char *from = text.data + at;
    if (left < STEP_BYTES) {
        if (left == 0) {
            return m;
        }
        memcpy(copy, from, left);
        from = copy;
    }
    for (unsigned i = 0; i < STEP_BYTES; i += (unsigned)sizeof(lanes)) {
        lanes bytes;
        memcpy(&bytes, from + i, sizeof bytes);
        m.letter |= bits(within(bytes | 0x20, 'a', 26), i);
        m.digit |= bits(within(bytes, '0', 10), i);
        m.beyond |= bits(bytes, i);
        if (technical) {
            m.stop |= bits(is(bytes, '.'), i);
            m.colon |= bits(is(bytes, ':'), i);
            m.quote |= bits(is(bytes, '\''), i);
            m.comma |= bits(is(bytes, ',') | is(bytes, ';'), i);
            m.under |= bits(is(bytes, '_'), i);
            m.dash |= bits(is(bytes, '-'), i);
            m.hash |= bits(is(bytes, '#'), i);
            m.plus |= bits(is(bytes, '+'), i);
        }
    }
    return m;
}

#else

static inline marks look(str text, size_t at, bool technical) {
    marks m = {0};
    (void)technical;
    for (unsigned i = 0; i < STEP_BYTES && at + i < text.len; i++) {
        uint64_t bit = (uint64_t)1 << i;
        char c = text.data[at + i];
        switch (c) {
        case '.': m.stop |= bit; break;
        case ':': m.colon |= bit; break;
        case '\'': m.quote |= bit; break;
        case ',':
        case ';': m.comma |= bit; break;
        case '_': m.under |= bit; break;
        case '-': m.dash |= bit; break;
        case '#': m.hash |= bit; break;
        case '+': m.plus |= bit; break;
        default:
            m.beyond |= (uint8_t)c >= 0x80 ? bit : 0;
            m.digit |= c >= '0' && c <= '9' ? bit : 0;
            m.letter |= (c | 0x20) >= 'a' && (c | 0x20) <= 'z' ? bit : 0;
        }
    }
    return m;
}

#endif

/* ---- What is a word ------------------------------------------------------------------------ */

/* Of the byte before a step, one bit each. */
typedef struct before {
    uint64_t letter, digit, word;
} before;

static inline uint64_t ahead(uint64_t here, uint64_t next) {
    return here >> 1 | next << 63;
}

/* Words by technical_next; *asks: what it has to look at, in or beside a word. */
static inline uint64_t join(const marks *m, const marks *next, const before *b, uint64_t *asks) {
    uint64_t both = m->letter | m->digit;
    uint64_t letter_before = m->letter << 1 | b->letter, digit_before = m->digit << 1 | b->digit;
    uint64_t letter_ahead = ahead(m->letter, next->letter);
    uint64_t digit_ahead = ahead(m->digit, next->digit);
    uint64_t both_before = letter_before | digit_before, both_ahead = letter_ahead | digit_ahead;
    uint64_t letters = letter_before & letter_ahead, digits = digit_before & digit_ahead;
    uint64_t joined = (m->stop & both_before & both_ahead) | (m->colon & letters) |
                      (m->comma & digits) | (m->quote & (letters | digits));
    uint64_t words = both | m->under | joined;
    uint64_t word_before = words << 1 | b->word;
    uint64_t mark = m->stop | m->colon | m->quote | m->comma;
    *asks = m->beyond | (mark & ahead(m->beyond, next->beyond)) |
            (m->stop & ~both_before & both_ahead) |              /* .net */
            (m->dash & ahead(m->dash, next->dash)) |             /* --flag */
            ((m->hash | (m->plus & ahead(m->plus, next->plus))) & word_before) | /* c# c++ */
            (m->under & ~word_before);                           /* _ alone is no word */
    return words;
}

/* ---- Where words stand --------------------------------------------------------------------- */

/* base and the number of each bit that is set; how many. May write SPANS_STEP of them. */
static inline size_t put(uint32_t *to, uint64_t set, uint32_t base) {
    size_t count = (size_t)__builtin_popcountll(set);
#if defined(__AVX512VBMI2__)
    static const uint8_t numbers[64] = {
        0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
        22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43,
        44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63};
    __m512i found = _mm512_maskz_compress_epi8(set, _mm512_loadu_si512(numbers));
    __m512i from = _mm512_set1_epi32((int)base);
    __m512i first = _mm512_cvtepu8_epi32(_mm512_castsi512_si128(found));
    _mm512_storeu_si512(to, _mm512_add_epi32(first, from));
    if (count > 16) {
        __m512i second = _mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32(found, 1));
        _mm512_storeu_si512(to + 16, _mm512_add_epi32(second, from));
    }
#else
    for (; set; set &= set - 1) {
        *to++ = base + (uint32_t)__builtin_ctzll(set);
    }
#endif
    return count;
}

static inline size_t find(str text, size_t *at, uint32_t *starts, uint32_t *ends, size_t most,
                          bool technical) {
    size_t from = *at, base = from, opened = 0, closed = 0;
    size_t limit = text.len - from > REACH_BYTES ? from + REACH_BYTES : text.len;
    before b = {0};
    marks here = look(text, base, technical);
    while (base < limit && opened + SPANS_STEP <= most) {
        marks next = look(text, base + STEP_BYTES, technical);
        uint64_t asks = here.beyond, words = here.letter | here.digit;
        if (technical) {
            words = join(&here, &next, &b, &asks);
        }
        uint64_t word_before = words << 1 | b.word;
        uint64_t first = words & ~word_before, behind = ~words & word_before;
        uint64_t seen = asks ? (asks & -asks) - 1 : ~(uint64_t)0;
        opened += put(starts + opened, first & seen, (uint32_t)(base - from));
        closed += put(ends + closed, behind & seen, (uint32_t)(base - from));
        if (asks) {
            base += (size_t)__builtin_ctzll(asks);
            break;
        }
        b = (before){here.letter >> 63, here.digit >> 63, words >> 63};
        here = next;
        base += STEP_BYTES;
    }
    if (opened > closed && base >= text.len) { /* it ends with the text, at a step's border */
        ends[closed++] = (uint32_t)(text.len - from);
    } else if (opened > closed) {
        base = from + starts[closed];
    }
    *at = base < text.len ? base : text.len;
    return closed;
}

static size_t technical(str text, size_t *at, uint32_t *starts, uint32_t *ends, size_t most) {
    return find(text, at, starts, ends, most, true);
}

static size_t plain(str text, size_t *at, uint32_t *starts, uint32_t *ends, size_t most) {
    return find(text, at, starts, ends, most, false);
}

const spans_kernel SPANS = {.name = SPANS_NAME, .technical = technical, .plain = plain};
