/* Varints at their borders, cut and too long; the growable buffer against a plain array. */
#include "base/bytes.h"
#include "base/prng.h"
#include "test.h"

enum { ROUNDS = 20000, TWIN_BYTES = 1 << 16 };

/* A number of any bit length. */
static uint64_t random_number(prng *p) {
    return prng_next(p) >> prng_below(p, 64);
}

static void varint_round_trip(uint64_t v) {
    uint8_t bytes[VARINT_BYTES_MAX + VARINT_NEAR_BYTES] = {0}, *end = varint_write(bytes, v);
    size_t len = (size_t)(end - bytes), bits = 1;
    uint64_t back = ~v;
    uint32_t narrow = 7;
    while (bits < 64 && v >> bits) {
        bits++;
    }
    bool good = CHECK_EQ_INT(len, (bits + 6) / 7) && CHECK(varint_read(bytes, end, &back) == end) &&
                CHECK(back == v);
    if (v <= UINT32_MAX) {
        uint8_t near[VARINT_BYTES_MAX];
        good = CHECK(varint_read_u32(bytes, end, &narrow) == end) && CHECK(narrow == v) && good;
        for (int behind = 0; behind < 256; behind += 85) { /* does not matter */
            memset(end, behind, VARINT_NEAR_BYTES);
            good = CHECK(varint_read_near(bytes, end, &narrow) == end) && CHECK(narrow == v) &&
                   good;
        }
        good = CHECK_EQ_INT(varint_write_near(near, (uint32_t)v) - near, len) &&
               CHECK(memcmp(near, bytes, len) == 0) && good;
    } else {
        good = CHECK(varint_read_u32(bytes, end, &narrow) == NULL) && good;
        good = CHECK(varint_read_near(bytes, end, &narrow) == NULL) && good;
    }
    for (size_t cut = 0; cut < len; cut++) {
        good = CHECK(varint_read(bytes, bytes + cut, &back) == NULL) && good;
        good = CHECK(varint_read_u32(bytes, bytes + cut, &narrow) == NULL) && good;
        good = CHECK(varint_read_near(bytes, bytes + cut, &narrow) == NULL) && good;
    }
    if (!good) {
        test_note("the number is %llu", (unsigned long long)v);
    }
}

static void varints(void) {
    prng p = {21};
    for (unsigned shift = 0; shift < 64; shift++) {
        varint_round_trip((uint64_t)1 << shift);
        varint_round_trip(((uint64_t)1 << shift) - 1);
    }
    varint_round_trip(UINT64_MAX);
    for (int round = 0; round < ROUNDS; round++) {
        varint_round_trip(random_number(&p));
    }
}

static void too_long(void) {
    uint8_t bytes[12];
    uint64_t v = 0;
    uint32_t narrow = 0;
    memset(bytes, 0xff, sizeof bytes);
    bytes[9] = 1; /* the 64th bit */
    CHECK(varint_read(bytes, bytes + 10, &v) == bytes + 10 && v == UINT64_MAX);
    for (int last = 2; last < 0x80; last++) {
        bytes[9] = (uint8_t)last; /* bits behind the 64th */
        CHECK(varint_read(bytes, bytes + 10, &v) == NULL);
    }
    bytes[9] = 0x80;
    bytes[10] = 0; /* an eleventh byte, of no value */
    CHECK(varint_read(bytes, bytes + 11, &v) == NULL);
    memset(bytes, 0xff, sizeof bytes);
    CHECK(varint_read(bytes, bytes + 12, &v) == NULL);
    bytes[4] = 0x10; /* 2^32 and more */
    CHECK(varint_read_u32(bytes, bytes + 5, &narrow) == NULL);
    bytes[4] = 0x0f;
    CHECK(varint_read_u32(bytes, bytes + 5, &narrow) == bytes + 5 && narrow == UINT32_MAX);
    /* Zeros behind the last bit are allowed: a reader that skips by ending bytes agrees. */
    memcpy(bytes, "\x85\x80\x00", 3);
    CHECK(varint_read(bytes, bytes + 3, &v) == bytes + 3 && v == 5);
}

static void integers(void) {
    uint8_t bytes[16] = {0};
    store_u16(bytes + 1, 0x1234);
    store_u32(bytes + 3, 0x56789abc);
    store_u64(bytes + 7, 0x0123456789abcdef);
    CHECK(memcmp(bytes, "\0\x34\x12\xbc\x9a\x78\x56\xef\xcd\xab\x89\x67\x45\x23\x01\0", 16) == 0);
    CHECK_EQ_INT(load_u16(bytes + 1), 0x1234);
    CHECK_EQ_INT(load_u32(bytes + 3), 0x56789abc);
    CHECK(load_u64(bytes + 7) == 0x0123456789abcdef);
}

/* The same bytes to both, written out by hand for the twin. */
static size_t put_both(prng *p, buffer *b, uint8_t *twin) {
    uint64_t v = random_number(p);
    uint8_t bytes[64];
    size_t len = prng_below(p, 64), at = 0;
    switch (prng_below(p, 6)) {
    case 0: buffer_put_u8(b, (uint8_t)v); len = 1; break;
    case 1: buffer_put_u16(b, (uint16_t)v); len = 2; break;
    case 2: buffer_put_u32(b, (uint32_t)v); len = 4; break;
    case 3: buffer_put_u64(b, v); len = 8; break;
    case 4:
        buffer_put_varint(b, v);
        for (; v >= 128; v /= 128) {
            twin[at++] = (uint8_t)(v % 128 + 128);
        }
        twin[at++] = (uint8_t)v;
        return at;
    default:
        memset(bytes, (int)(v & 0xff), len);
        buffer_put(b, bytes, len);
        memcpy(twin, bytes, len);
        return len;
    }
    for (; at < len; at++, v >>= 8) {
        twin[at] = (uint8_t)v;
    }
    return len;
}

static void buffers(uint64_t seed) {
    static uint8_t twin[TWIN_BYTES];
    prng p = {seed};
    buffer b = {0};
    size_t len = 0;
    while (len < TWIN_BYTES - 64) {
        len += put_both(&p, &b, twin + len);
        if (!CHECK_EQ_INT(b.len, len)) {
            break;
        }
    }
    CHECK(!b.failed && b.capacity >= b.len);
    if (!CHECK(b.len == len && memcmp(b.data, twin, len) == 0)) {
        test_note("seed %llu", (unsigned long long)seed);
    }
    buffer_free(&b);
    CHECK(b.data == NULL && b.len == 0 && b.capacity == 0);
}

static void failed_buffer(void) {
    buffer b = {0};
    buffer_put_str(&b, STR("kept"));
    buffer_put(&b, NULL, 0);
    buffer_put_str(&b, (str){NULL, 0});
    b.failed = true;
    buffer_put_str(&b, STR("dropped"));
    buffer_put_u8(&b, 1);
    buffer_put_varint(&b, 300);
    CHECK(buffer_reserve(&b, 1) == NULL);
    CHECK_EQ_INT(b.len, 4);
    CHECK(memcmp(b.data, "kept", 4) == 0);
    buffer_free(&b);
    CHECK(!b.failed);
}

void test_base_bytes(void) {
    CASE("fixed integers are little-endian at any address");
    integers();
    CASE("varints read back, their cuts do not");
    varints();
    CASE("varints of more than 64 or 32 bits are refused");
    too_long();
    CASE("a buffer holds what an array would");
    for (uint64_t seed = 1; seed <= 10; seed++) {
        buffers(seed);
    }
    CASE("a failed buffer drops what comes");
    failed_buffer();
}
