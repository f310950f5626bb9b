/*
 * The end of every path into a unit: values in key order go in, values and packs (pack.h) come out.
 */
#ifndef ANP_INDEX_UNIT_PUT_H
#define ANP_INDEX_UNIT_PUT_H

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
