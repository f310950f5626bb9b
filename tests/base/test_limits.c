/* Limits that lean on each other or on the width of a field. */
#include "base/limits.h"
#include "base/prng.h"
#include "rank/bm25.h"
#include "test.h"

void test_base_limits(void) {
    CASE("windows cut ordinals without rest");
    prng p = {41};
    CHECK(WINDOW_BITS >= 1 && WINDOW_BITS <= 16);
    for (int round = 0; round < 1000; round++) {
        uint32_t docno = (uint32_t)prng_next(&p);
        CHECK_EQ_INT(docno >> WINDOW_BITS << WINDOW_BITS | window_low(docno), docno);
        CHECK((uint32_t)window_low(docno) < WINDOW_DOCS);
    }
    CHECK_EQ_INT(DOCNO_MAX, UINT32_MAX - 65536); /* the widest window's worth of sentinels */

    CASE("limits fit the bytes that hold them");
    CHECK(ID_BYTES_MAX <= UINT8_MAX && TERM_BYTES_MAX <= UINT8_MAX);
    CHECK(FACET_BYTES_MAX <= UINT8_MAX && FIELD_NAME_BYTES_MAX <= UINT8_MAX);
    CHECK(TITLE_WORDS_MAX <= UINT16_MAX);
    /* A combined tf is exact in 32 bits: a body and the heaviest title of one word. */
    CHECK((uint64_t)POST_WORDS_MAX + (uint64_t)TITLE_WEIGHT_MAX * TITLE_WORDS_MAX <= UINT32_MAX);
    CHECK((uint32_t)(float)POST_WORDS_MAX == (uint32_t)POST_WORDS_MAX);

    CASE("the largest score of a query fits its 63 bits");
    double idf = rank_idf(DOCNO_MAX, 1);
    CHECK((double)QUERY_CLAUSES_MAX * (BOOST_MAX * idf * RANK_ONE + 1) < 9.2e18);
    CHECK(rank_contribution(rank_weight(BOOST_MAX, idf), 1, 0) > 0);
}
