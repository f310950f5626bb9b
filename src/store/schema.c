/* See schema.h. The order is that of store_table and of the record "tables". */
#include "store/schema.h"

const store_table_info store_table_infos[STORE_TABLES] = {
    [STORE_META] = {"meta", STORE_KEY_BYTES},
    [STORE_IDS] = {"ids", STORE_KEY_BYTES},
    [STORE_POSTS] = {"posts", STORE_KEY_U64},
    [STORE_TERMS] = {"terms", STORE_KEY_BYTES},
    [STORE_VALUES] = {"values", STORE_KEY_BYTES},
    [STORE_TERMS_RUNS] = {"terms_runs", STORE_KEY_BYTES},
    [STORE_VALUES_RUNS] = {"values_runs", STORE_KEY_BYTES},
    [STORE_LOG] = {"log", STORE_KEY_U64},
    [STORE_SEGMENTS] = {"segments", STORE_KEY_U64},
    [STORE_SEGMENT_POSITIONS] = {"segment_positions", STORE_KEY_U64},
    [STORE_POSTINGS] = {"postings", STORE_KEY_U64},
    [STORE_POSITIONS] = {"positions", STORE_KEY_U64},
    [STORE_FACETS] = {"facets", STORE_KEY_U64},
    [STORE_GROUP_POSTINGS] = {"group_postings", STORE_KEY_U64},
    [STORE_GROUP_POSITIONS] = {"group_positions", STORE_KEY_U64},
    [STORE_GROUP_FACETS] = {"group_facets", STORE_KEY_U64},
    [STORE_COLUMNS] = {"columns", STORE_KEY_U64},
    [STORE_SKETCHES] = {"sketches", STORE_KEY_U64},
    [STORE_PAIRS] = {"pairs", STORE_KEY_U64},
    [STORE_SHINGLES] = {"shingles", STORE_KEY_U64},
    [STORE_DELETED] = {"deleted", STORE_KEY_U64},
};
