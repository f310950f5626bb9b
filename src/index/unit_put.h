/*
 * The end of every path into a unit: values in key order go in, values and packs (pack.h) come out.
 */
#ifndef ANP_INDEX_UNIT_PUT_H
#define ANP_INDEX_UNIT_PUT_H

#include "base/vec.h"
#include "index/pack.h"
#include "index/unit.h"

/*
 * Where a unit's values go: a transaction, or memory, so that threads that own no transaction can
 * build units too. The value is the caller's and only valid during the call.
 */
typedef struct unit_sink {
    anp_status (*put)(void *user, store_table table, uint64_t key, str value, anp_error *err);
    void *user;
} unit_sink;

typedef struct unit_held_value {
    store_table table;
    uint64_t key;
    size_t len;
} unit_held_value;

/* Values held in memory, in the order in which they came. Zero: empty. */
typedef struct unit_held {
    buffer values; /* one behind the other */
    VEC(unit_held_value) list;
} unit_held;

/* Copies values there. */
unit_sink unit_held_sink(unit_held *held);

/* Puts all and forgets them; after a failure they stay. */
anp_status unit_held_put(unit_held *held, unit_sink sink, anp_error *err);
void unit_held_free(unit_held *held);

/* Puts into a transaction. `append`: the unit's keys are greater than all in its tables. */
typedef struct unit_txn_sink {
    store_txn *txn;
    bool append;
} unit_txn_sink;

unit_sink unit_sink_of_txn(unit_txn_sink *target);

typedef struct unit_packer {
    unit_sink sink;
    unit_level level;
    uint32_t number;
    uint64_t bytes; /* of values put so far */
    struct {
        pack_builder pack;
        uint64_t last; /* its last entry's key */
    } open[STORE_TABLES]; /* at most one pack is held back for each table */
    buffer scratch;
} unit_packer;

/* Not a copy: a packer's pack must be empty. */
void unit_packer_init(unit_packer *p, unit_sink sink, unit_level level, uint32_t number);
void unit_packer_free(unit_packer *p);

/* Keys ascend in each table. */
anp_status unit_packer_put(unit_packer *p, uint64_t inner, str value, anp_error *err);

/* Puts what is held back. */
anp_status unit_packer_finish(unit_packer *p, anp_error *err);

#endif
