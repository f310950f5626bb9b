/* See tail.h. */
#include "index/tail.h"

#include "base/error.h"

/* Copies every record behind the others; offsets become pointers once the buffer no longer
   moves. */
static anp_status gather(store_txn *txn, const catalog_state *state, size_t *offsets, buffer *all,
                         anp_error *err) {
    uint32_t count = state->docno_end - state->log_first;
    for (uint32_t i = 0; i < count; i++) {
        str record;
        anp_status status =
            store_get(txn, STORE_LOG, store_key_u64(state->log_first + i), &record, err);
        if (status == ANP_NOT_FOUND) {
            return error_corrupt(err, "the log lacks post %u; restore a backup",
                                 state->log_first + i);
        }
        if (status != ANP_OK) {
            return status;
        }
        offsets[i] = all->len;
        buffer_put_str(all, record);
    }
    offsets[count] = all->len;
    return all->failed ? error_nomem(err, "reading the log") : ANP_OK;
}

anp_status tail_records(store_txn *txn, const catalog_state *state, str **records, char **bytes,
                        anp_error *err) {
    uint32_t count = state->docno_end - state->log_first;
    buffer all = {0};
    size_t *offsets = malloc((count + 1u) * sizeof *offsets);
    str *found = malloc((count + 1u) * sizeof *found);
    anp_status status = ANP_OK;
    if (!offsets || !found) {
        status = error_nomem(err, "reading the log");
    } else {
        status = gather(txn, state, offsets, &all, err);
    }
    if (status != ANP_OK) {
        free(offsets);
        free(found);
        buffer_free(&all);
        return status;
    }
    for (uint32_t i = 0; i < count; i++) {
        found[i] = str_make((const char *)all.data + offsets[i], offsets[i + 1] - offsets[i]);
    }
    free(offsets);
    *records = found;
    *bytes = (char *)all.data;
    return ANP_OK;
}

anp_status tail_load(store_txn *txn, const catalog_state *state, tail **out, anp_error *err) {
    tail *t = calloc(1, sizeof *t);
    str *records = NULL;
    if (!t) {
        return error_nomem(err, "reading the log");
    }
    t->first = state->log_first;
    t->count = state->docno_end - state->log_first;
    t->version = store_txn_number(txn);
    t->references = 1;
    anp_status status = tail_records(txn, state, &records, &t->bytes, err);
    if (status == ANP_OK) {
        status = invert(records, t->count, &t->in, err);
    }
    free(records);
    if (status != ANP_OK) {
        tail_free(t);
        return status;
    }
    *out = t;
    return ANP_OK;
}

void tail_free(tail *t) {
    if (t) {
        invert_free(&t->in);
        free(t->bytes);
        free(t);
    }
}
