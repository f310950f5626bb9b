/* What the parts of numbers.h share: numbers.c, numbers_filter.c, numbers_join.c,
   numbers_merged.c, numbers_runs.c, numbers_sort.c. */
#ifndef ANP_INDEX_NUMBERS_IMPL_H
#define ANP_INDEX_NUMBERS_IMPL_H

#include "base/error.h"
#include "index/numbers.h"

/* Above every string: terms are UTF-8, values begin with the number of a field. */
#define ABOVE_ALL STR("\xff\xff\xff")

static inline store_table runs_of(store_table table) {
    return table == STORE_TERMS ? STORE_TERMS_RUNS : STORE_VALUES_RUNS;
}

static inline anp_status numbers_damaged(store_table table, anp_error *err) {
    return error_corrupt(err, "a block of table %s is damaged; verify the index, restore a backup",
                         store_table_infos[table].name);
}

/*
 * Puts sorted strings, none of which is there, into the blocks of the table itself, until *bytes
 * are written, which it counts down to 0; *taken: how many strings, at least one.
 */
anp_status numbers_put(store_txn *txn, store_table table, const numbered *sorted, size_t count,
                       unsigned bits, size_t *bytes, size_t *taken, anp_error *err);

/* Puts strings in byte order; false when memory is out. */
bool numbers_sort(numbered *strings, size_t count);

/* ---- Runs ---------------------------------------------------------------------------------- */

/*
 * The block of a run that text falls into, and its key without the run's byte. When there is no
 * such run, that of the next one that there is: *run tells. ANP_NOT_FOUND (no error text): none.
 */
anp_status runs_block(store_txn *txn, store_table runs, unsigned *run, str text, str *key,
                      str *block, anp_error *err);

/* Numbers of runs are below this. */
enum { RUN_END = 16, RUN_KEY_BYTES_MAX = 2 + NUMBERS_TEXT_BYTES_MAX };

/* Puts sorted strings as blocks of a run; the last one under last_key. */
anp_status runs_put_blocks(store_txn *txn, store_table runs, unsigned run, numbered *sorted,
                           size_t count, unsigned bits, str last_key, bool append, anp_error *err);

/*
 * Makes the last runs one, as many as have few blocks in all (n->join_blocks), where that is worth
 * it; *joined tells.
 */
anp_status runs_join(numbers *n, store_txn *txn, bool *joined, anp_error *err);

/* Looks into all runs. */
anp_status runs_find(store_txn *txn, store_table runs, str text, uint32_t *number, anp_error *err);

/*
 * Puts the fresh strings as a run, or into the newest one, if that is the better way for as many;
 * *put tells. Sets
 * n->merge_due.
 */
anp_status runs_put(numbers *n, store_txn *txn, numbered *sorted, size_t count, bool *put,
                    anp_error *err);

/* ---- The filter ---------------------------------------------------------------------------- */

/* Whether it says that no string of this hash (hash64) has a number yet. */
bool filter_excludes(const numbers *n, uint64_t hash);

/* Fetches what that looks at into the cache. */
void filter_fetch(const numbers *n, uint64_t hash);

/* Of a string that just got one. */
void filter_add(numbers *n, uint64_t hash);

/* A look-up was in vain: the filter is built once that pays. In a transaction that has not yet
   written the table or its runs. */
anp_status filter_note_vain(numbers *n, store_txn *txn, anp_error *err);

void filter_drop(numbers *n);

/* ---- All strings in byte order ------------------------------------------------------------- */

/* The blocks of the table itself or of a run, one behind the other. */
typedef struct merged_source {
    store_table table; /* that the blocks are read of */
    int run;           /* -1: it has none */
    str below;         /* key of the block before the one in hand, empty before the first */
    str key;           /* of the block in hand, without the run's byte */
    bool ended;
    numbers_walker w; /* its string: the source's next */
} merged_source;

typedef struct merged {
    store_txn *txn;
    VEC(merged_source) sources;
    size_t at;           /* the source whose string was given last; SIZE_MAX before the first */
    const merged_source *second; /* has the least string of all others; NULL: there is none */
} merged;

/*
 * From the first string on that is not less than `from`, of the runs from first_run on; -1: of the
 * table too. Blocks are read in place: the transaction has written neither table before, but may
 * write them meanwhile. merged_close in any case.
 */
anp_status merged_open(merged *m, store_txn *txn, store_table table, int first_run, str from,
                       anp_error *err);

/* ANP_NOT_FOUND (no error text) at the end. text: until the next call. */
anp_status merged_next(merged *m, str *text, uint32_t *number, anp_error *err);

/* The same, all strings of the table, then those of each run: half the cost where no order of all
   is needed. A walk uses this one or that. */
anp_status merged_next_apart(merged *m, str *text, anp_error *err);

void merged_close(merged *m);

#endif
