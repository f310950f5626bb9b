/* The kernels of sketch_scan against a loop over slots that anyone can read. */
#include "base/prng.h"
#include "sketch/sketch.h"
#include "test.h"

#include <stdlib.h>

enum { COUNT_MAX = 200, SEED = 20250611 };

static unsigned slot_of(const uint8_t *sketch, size_t slot) {
    return slot % 2 ? sketch[slot / 2] >> 4 : sketch[slot / 2] & 15;
}

static bool is_all_zero(const uint8_t *sketch) {
    for (size_t i = 0; i < SKETCH_BYTES; i++) {
        if (sketch[i]) {
            return false;
        }
    }
    return true;
}

static unsigned count_slowly(const uint8_t *a, const uint8_t *b) {
    unsigned equal = 0;
    for (size_t slot = 0; slot < SKETCH_SLOTS; slot++) {
        equal += slot_of(a, slot) == slot_of(b, slot);
    }
    return is_all_zero(a) || is_all_zero(b) ? 0 : equal;
}

/* Random sketches, some of them empty, some near the probe, some the probe itself. */
static void fill(prng *random, const uint8_t *probe, uint8_t *sketches, size_t count) {
    for (size_t i = 0; i < count; i++) {
        uint8_t *sketch = sketches + i * SKETCH_BYTES;
        uint32_t kind = prng_below(random, 8);
        uint32_t changed = kind == 1  ? 0
                           : kind < 5 ? prng_below(random, SKETCH_BYTES)
                                      : SKETCH_BYTES;
        memcpy(sketch, probe, SKETCH_BYTES);
        for (uint32_t j = 0; j < changed; j++) {
            sketch[changed == SKETCH_BYTES ? j : prng_below(random, SKETCH_BYTES)] =
                (uint8_t)prng_next(random);
        }
        sketch[SKETCH_BYTES - 1] |= 1; /* as sketch_make: only the empty set has SimHash 0 */
        if (kind == 0) {
            memset(sketch, 0, SKETCH_BYTES);
        }
    }
}

/* Exactly as many bytes as there are, so that a sanitizer sees a read or write behind them. */
static void compare_kernel(const sketch_kernel *kernel, prng *random, size_t count, size_t shift) {
    uint8_t probe[SKETCH_BYTES] = {0};
    uint8_t *block = malloc(count * SKETCH_BYTES + shift);
    uint16_t *equal = malloc((count + 1) * sizeof *equal);
    if (!CHECK(block && equal)) {
        return;
    }
    for (size_t i = 0; i < SKETCH_BYTES && count % 16 != 15; i++) { /* else: an empty probe */
        probe[i] = (uint8_t)prng_next(random) | (i == SKETCH_BYTES - 1);
    }
    fill(random, probe, block + shift, count);
    equal[count] = 54321;
    kernel->scan(probe, block + shift, count, equal);
    for (size_t i = 0; i < count; i++) {
        const uint8_t *sketch = block + shift + i * SKETCH_BYTES;
        if (!CHECK_EQ_INT(equal[i], count_slowly(probe, sketch)) ||
            !CHECK_EQ_INT(sketch_equal_slots(probe, sketch), equal[i])) {
            test_note("kernel %s, seed %d, sketch %zu of %zu, shift %zu", kernel->name, SEED, i,
                      count, shift);
        }
    }
    CHECK_EQ_INT(equal[count], 54321);
    free(block);
    free(equal);
}

static void each_kernel(void) {
    for (const sketch_kernel *kernel = sketch_kernels(); kernel->scan; kernel++) {
        CASE(kernel->name);
        prng random = {SEED};
        for (size_t count = 0; count <= COUNT_MAX; count++) {
            compare_kernel(kernel, &random, count, count % 9);
        }
    }
}

static void known_numbers(void) {
    uint8_t a[SKETCH_BYTES], b[SKETCH_BYTES];
    memset(a, 0x5a, sizeof a);
    memset(b, 0x5a, sizeof b);
    CHECK_EQ_INT(sketch_equal_slots(a, b), 256);
    b[0] = 0x5b;
    CHECK_EQ_INT(sketch_equal_slots(a, b), 255);
    b[127] = 0xa5;
    CHECK_EQ_INT(sketch_equal_slots(a, b), 253);
    b[128] = 0; /* of the SimHash: not a slot */
    CHECK_EQ_INT(sketch_equal_slots(a, b), 253);
    memset(b, 0, sizeof b);
    CHECK_EQ_INT(sketch_equal_slots(b, b), 0);
    memset(a, 0, SKETCH_MINHASH_BYTES); /* all slots 0, but not the empty set */
    CHECK_EQ_INT(sketch_equal_slots(a, a), 256);
    CHECK_EQ_INT(sketch_equal_slots(a, b), 0);
    CHECK_EQ_INT(sketch_equal_slots(b, a), 0);
}

static void chosen_kernel(void) {
    uint8_t probe[SKETCH_BYTES], sketches[COUNT_MAX * SKETCH_BYTES];
    uint16_t equal[COUNT_MAX];
    prng random = {SEED + 1};
    for (size_t i = 0; i < SKETCH_BYTES; i++) {
        probe[i] = (uint8_t)prng_next(&random);
    }
    fill(&random, probe, sketches, COUNT_MAX);
    sketch_scan(probe, sketches, COUNT_MAX, equal);
    for (size_t i = 0; i < COUNT_MAX; i++) {
        CHECK_EQ_INT(equal[i], count_slowly(probe, sketches + i * SKETCH_BYTES));
    }
}

void test_sketch_scan(void) {
    CASE("portable comes first");
    CHECK_EQ_STR(sketch_kernels()->name, "portable");
    each_kernel();
    CASE("numbers counted by hand");
    known_numbers();
    CASE("sketch_scan chooses one");
    chosen_kernel();
}
