/*
 * The strings of a table of numbers and its runs as one sequence: walked, verified. All blocks in
 * hand are compared only when the source that gave the last string gets above the least of the
 * others, so a walk costs little more than reading the blocks.
 */
#include "index/numbers_impl.h"

/* ---- One source ---------------------------------------------------------------------------- */

static str text_of(const merged_source *s) {
    return str_make(s->w.text, s->w.len);
}

static anp_status last_missing(const merged_source *s, anp_error *err) {
    return error_corrupt(err, "the last block of table %s is missing; restore a backup",
                         store_table_infos[s->table].name);
}

/* The block that `text` falls into. ANP_NOT_FOUND: the table is empty, or its last block is gone;
   of a run also when there is none of this number: then s->run is the next one's. */
static anp_status seek_block(merged_source *s, store_txn *txn, str text, str *block,
                             anp_error *err) {
    store_key key;
    if (s->run < 0) {
        TRY(store_get_at_least(txn, s->table, store_key_bytes(text), &key, block, err));
        s->key = key.bytes;
    } else {
        unsigned run = (unsigned)s->run;
        TRY(runs_block(txn, s->table, &run, text, &s->key, block, err));
        s->run = (int)run;
    }
    return s->key.len <= NUMBERS_TEXT_BYTES_MAX ? ANP_OK : numbers_damaged(s->table, err);
}

/* The block behind the one in hand. */
static anp_status next_block(merged_source *s, store_txn *txn, anp_error *err) {
    char after[NUMBERS_TEXT_BYTES_MAX + 1]; /* the least string above the key */
    int run = s->run;
    str block;
    memcpy(after, s->key.data, s->key.len);
    after[s->key.len] = 0;
    s->below = s->key;
    if (store_is_writing(txn)) { /* else it may be for a query */
        store_read_on(txn);
    }
    anp_status status = seek_block(s, txn, str_make(after, s->below.len + 1), &block, err);
    if (status == ANP_NOT_FOUND || (status == ANP_OK && s->run != run)) {
        return last_missing(s, err);
    }
    if (status == ANP_OK) {
        numbers_walker_open(&s->w, block);
    }
    return status;
}

static anp_status source_next(merged_source *s, store_txn *txn, anp_error *err) {
    while (!numbers_walker_next(&s->w)) {
        if (!numbers_walker_whole(&s->w)) {
            return numbers_damaged(s->table, err);
        }
        if (str_equal(s->key, ABOVE_ALL)) {
            s->ended = true;
            return ANP_OK;
        }
        TRY(next_block(s, txn, err));
    }
    return ANP_OK;
}

/* ANP_NOT_FOUND: nothing to read there. */
static anp_status open_source(merged_source *s, store_txn *txn, str from, anp_error *err) {
    str block;
    TRY(seek_block(s, txn, from, &block, err));
    numbers_walker_open(&s->w, block);
    do {
        TRY(source_next(s, txn, err));
    } while (!s->ended && str_compare(text_of(s), from) < 0);
    return ANP_OK;
}

/* ---- All of them --------------------------------------------------------------------------- */

static anp_status add_source(merged *m, merged_source s, str from, int *run, anp_error *err) {
    TRY(open_source(&s, m->txn, from, err));
    *run = s.run;
    return vec_push(&m->sources, s) ? ANP_OK : error_nomem(err, "walking the vocabulary");
}

anp_status merged_open(merged *m, store_txn *txn, store_table table, int first_run, str from,
                       anp_error *err) {
    int run = first_run < 0 ? -1 : first_run - 1;
    *m = (merged){.txn = txn, .at = SIZE_MAX};
    from = from.len ? from : str_make("", 1); /* a byte 0: the least string */
    anp_status status = ANP_OK;
    if (first_run < 0) {
        status = add_source(m, (merged_source){.table = table, .run = -1}, from, &run, err);
        status = status == ANP_NOT_FOUND ? ANP_OK : status; /* then there are no runs, or damage */
    }
    while (status == ANP_OK) {
        merged_source s = {.table = runs_of(table), .run = run + 1};
        status = add_source(m, s, from, &run, err);
    }
    return status == ANP_NOT_FOUND ? ANP_OK : status;
}

/* The source with the least string, and the one with the least of the others. */
static void choose(merged *m) {
    merged_source *first = NULL, *second = NULL;
    for (size_t i = 0; i < m->sources.count; i++) {
        merged_source *s = &m->sources.items[i];
        if (s->ended) {
            continue;
        }
        if (!first || str_compare(text_of(s), text_of(first)) < 0) {
            second = first;
            first = s;
        } else if (!second || str_compare(text_of(s), text_of(second)) < 0) {
            second = s;
        }
    }
    m->at = first ? (size_t)(first - m->sources.items) : SIZE_MAX;
    m->second = second;
}

anp_status merged_next(merged *m, str *text, uint32_t *number, anp_error *err) {
    merged_source *s = m->at == SIZE_MAX ? NULL : &m->sources.items[m->at];
    if (s) {
        TRY(source_next(s, m->txn, err));
    }
    if (!s || s->ended || (m->second && str_compare(text_of(s), text_of(m->second)) >= 0)) {
        choose(m);
        if (m->at == SIZE_MAX) {
            return ANP_NOT_FOUND;
        }
        s = &m->sources.items[m->at];
    }
    *text = text_of(s);
    *number = s->w.number;
    return ANP_OK;
}

anp_status merged_next_apart(merged *m, str *text, anp_error *err) {
    if (m->at == SIZE_MAX) {
        m->at = 0;
    } else if (m->at < m->sources.count) {
        TRY(source_next(&m->sources.items[m->at], m->txn, err));
    }
    while (m->at < m->sources.count && m->sources.items[m->at].ended) {
        m->at++;
    }
    if (m->at == m->sources.count) {
        return ANP_NOT_FOUND;
    }
    *text = text_of(&m->sources.items[m->at]);
    return ANP_OK;
}

void merged_close(merged *m) {
    free(m->sources.items);
    *m = (merged){.at = SIZE_MAX};
}

anp_status numbers_walk(store_txn *txn, store_table table, str from,
                        bool (*visit)(void *user, str text, uint32_t number), void *user,
                        anp_error *err) {
    merged m;
    str text;
    uint32_t number;
    if (from.len > NUMBERS_TEXT_BYTES_MAX) {
        return ANP_OK; /* no string is as long */
    }
    anp_status status = merged_open(&m, txn, table, -1, from, err);
    while (status == ANP_OK) {
        status = merged_next(&m, &text, &number, err);
        if (status == ANP_OK && !visit(user, text, number)) {
            break;
        }
    }
    merged_close(&m);
    return status == ANP_NOT_FOUND ? ANP_OK : status;
}

/* ---- Verifying ----------------------------------------------------------------------------- */

typedef struct checker {
    merged m;
    uint8_t *given; /* a bit a number */
    uint32_t end, count;
    size_t before_len; /* of the string before, whose bytes are: */
    char before[NUMBERS_TEXT_BYTES_MAX];
} checker;

/* Above the string before, whichever source that came of; in the block where it is looked for. */
static bool check_entry(checker *c, str text, uint32_t number) {
    const merged_source *s = &c->m.sources.items[c->m.at];
    bool fits = text.len > 0 && str_compare(text, str_make(c->before, c->before_len)) > 0 &&
                str_compare(text, s->below) > 0 && str_compare(text, s->key) <= 0 &&
                number < c->end && !(c->given[number >> 3] >> (number & 7) & 1);
    if (fits) {
        c->given[number >> 3] |= (uint8_t)(1u << (number & 7));
        c->count++;
        memcpy(c->before, text.data, text.len);
        c->before_len = text.len;
    }
    return fits;
}

static anp_status check_strings(checker *c, store_txn *txn, store_table table, anp_error *err) {
    str text;
    uint32_t number;
    TRY(merged_open(&c->m, txn, table, -1, (str){NULL, 0}, err));
    anp_status status;
    while ((status = merged_next(&c->m, &text, &number, err)) == ANP_OK) {
        if (!check_entry(c, text, number)) {
            return numbers_damaged(c->m.sources.items[c->m.at].table, err);
        }
    }
    return status == ANP_NOT_FOUND ? ANP_OK : status;
}

anp_status numbers_verify(store_txn *txn, store_table table, uint32_t end, anp_error *err) {
    checker c = {.given = calloc(end / 8u + 1u, 1), .end = end};
    if (!c.given) {
        return error_nomem(err, "checking a table of numbers");
    }
    anp_status status = check_strings(&c, txn, table, err);
    if (status == ANP_OK && c.count != end) {
        status = error_corrupt(err, "table %s has %u strings where %u were numbered",
                               store_table_infos[table].name, c.count, end);
    }
    merged_close(&c.m);
    free(c.given);
    return status;
}
