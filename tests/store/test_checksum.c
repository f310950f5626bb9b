/* Marks of what was found right: known again, and nothing else is. */
#include "test.h"

#include "base/prng.h"
#include "store/checksum.h"

#include <stdlib.h>

static void marks(checksum_seen *seen, uint32_t count, uint32_t known_least) {
    const uint64_t seed = 1414213;
    prng put = {seed}, ask = {seed}, other = {seed + 1};
    uint32_t known = 0, strange = 0, gone = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t mark = prng_next(&put);
        checksum_mark(seen, mark);
        gone += !checksum_is_marked(seen, mark);
    }
    for (uint32_t i = 0; i < count; i++) {
        known += checksum_is_marked(seen, prng_next(&ask));
        strange += checksum_is_marked(seen, prng_next(&other));
    }
    CHECK_EQ_INT(gone, 0);
    CHECK_EQ_INT(strange, 0);
    CHECK(known >= known_least);
}

/* Whether only the first slots were used. */
static bool lie_together(const checksum_seen *seen) {
    bool further = false;
    for (uint32_t i = CHECKSUM_SEEN_FIRST; i < (uint32_t)CHECKSUM_SEEN_SLOTS; i++) {
        further |= seen->marks[i] != 0;
    }
    return !further;
}

void test_store_checksum(void) {
    static const struct {
        uint32_t count, known_least;
        bool together;
    } table[] = {{1, 1, true}, {500, 420, true}, {1000, 750, true}, {20000, 16000, false}};
    CASE("marks are known again, the first ones lie together");
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        checksum_seen *seen = calloc(1, sizeof *seen);
        if (CHECK(seen)) {
            marks(seen, table[i].count, table[i].known_least);
            CHECK_EQ_INT(lie_together(seen), table[i].together);
        }
        free(seen);
    }
}
