/*
 * Pairs of words out of damaged bytes: read, and made of damaged posts.
 *
 * An even first byte: the rest is a value as it is. An odd one: the rest damages a record built
 * well, by threes (where, in two bytes; what to flip), and pairs are made of two such posts.
 */
#include "fuzz/fuzz.h"
#include "index/pairs_make.h"
#include "index/records.h"
#include "postings/format.h"

#include <string.h>

void fuzz_pairs(const uint8_t *bytes, size_t size);

enum { NUMBERS = 40 };

static void need(bool holds) {
    if (!holds) {
        abort();
    }
}

static void read_head(str value) {
    pairs_head head;
    if (pairs_head_open(value, &head, NULL) == ANP_OK) {
        for (uint32_t i = 0; i <= NUMBERS * NUMBERS; i++) {
            pairs_head_meet(&head, i / NUMBERS, i % NUMBERS);
        }
    }
}

/* As ranks in lists of some lengths: what is picked ascends as they do. */
static void pick(str bytes) {
    static const uint32_t counts[] = {0, 1, 2, 9, 64, 1000, LIST_DOCS};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        uint32_t count = counts[i], kept = 0;
        uint16_t *lows = malloc(count * sizeof *lows + 1);
        need(lows != NULL);
        for (uint32_t low = 0; low < count; low++) {
            lows[low] = (uint16_t)low;
        }
        if (pairs_pick(bytes, lows, count, &kept, NULL) == ANP_OK) {
            need(kept > 0 && kept <= count && lows[kept - 1] < count);
            for (uint32_t at = 1; at < kept; at++) {
                need(lows[at] > lows[at - 1]);
            }
        }
        free(lows);
    }
}

/* What validates can be used; the rest is at least not read beyond its end. */
static void read_value(str value) {
    pairs_view view;
    anp_error err = ANP_ERROR_INIT;
    if (pairs_view_open(value, &view, &err) != ANP_OK) {
        need(err.status == ANP_CORRUPT && err.message[0]);
        return;
    }
    bool whole = pairs_validate(&view, NULL) == ANP_OK;
    for (uint32_t i = 0; i < view.count; i++) {
        list_view list;
        str bytes = {NULL, 0};
        bool there = pairs_bytes(&view, i, &bytes, NULL) == ANP_OK;
        bool ranks = there && pairs_are_ranks(bytes);
        bool opened = there && !ranks && list_view_open(bytes, &list, NULL) == ANP_OK;
        need(opened || ranks || !whole);
        if (ranks) {
            pick(bytes);
        }
        if (opened) {
            uint16_t *docs = malloc(list.count * sizeof *docs);
            need(docs && list_docs(&list, docs) <= list.count);
            free(docs);
        }
        need(!whole || pairs_find(&view, pairs_second(&view, i)) == i);
    }
}

static anp_status take(void *user, store_table table, uint64_t key, str value, anp_error *err) {
    (void)user, (void)err;
    need(table == STORE_SEGMENTS && unit_key_kind(key) == UNIT_PAIR);
    if (unit_key_number(key) == PAIRS_HEAD) {
        pairs_head head;
        need(pairs_head_open(value, &head, NULL) == ANP_OK);
    } else {
        pairs_view view;
        need(pairs_view_open(value, &view, NULL) == ANP_OK);
        need(pairs_validate(&view, NULL) == ANP_OK);
    }
    return ANP_OK;
}

static void make(str record) {
    const unit_info info = {.count = 2, .level = UNIT_SEGMENT};
    arena memory = {0};
    forward_view views[2];
    anp_error err = ANP_ERROR_INIT;
    if (forward_view_open(record, &memory, &views[0], &err) == ANP_OK) {
        pairs_word words[NUMBERS];
        for (uint32_t i = 0; i < NUMBERS; i++) {
            words[i] = (pairs_word){i, 2};
        }
        views[1] = views[0];
        pairs_words chosen = pairs_choose(words, NUMBERS, 2);
        anp_status status =
            pairs_make_of_posts((unit_sink){take, NULL}, &info, 1, views, &chosen, &err);
        need(status == ANP_OK || (status == ANP_CORRUPT && err.message[0]));
    }
    arena_free(&memory);
}

void fuzz_pairs(const uint8_t *bytes, size_t size) {
    if (size == 0) {
        return;
    }
    if (bytes[0] % 2 == 0) {
        size_t len = size - 1;
        char *exact = malloc(len ? len : 1); /* so that a read beyond it is seen */
        need(exact != NULL);
        memcpy(exact, bytes + 1, len);
        read_value(str_make(exact, len));
        read_head(str_make(exact, len));
        free(exact);
        return;
    }
    prng p = {bytes[0]};
    record_parts parts = {0};
    record_make(&p, NUMBERS, &parts);
    parts.input.head.body_words = parts.input.head.title_words = 1 << 12;
    for (size_t i = 0; i < parts.input.hit_count; i++) {
        parts.hits[i] &= ~(forward_hit)0x7ffff000; /* places below that */
    }
    parts.input.hit_count = record_distinct(parts.hits, parts.input.hit_count);
    parts.bytes.len = 0;
    forward_build(&parts.input, &parts.bytes);
    for (size_t i = 1; i + 3 <= size && parts.bytes.len; i += 3) {
        parts.bytes.data[load_u16(bytes + i) % parts.bytes.len] ^= bytes[i + 2];
    }
    make(str_make((const char *)parts.bytes.data, parts.bytes.len));
    buffer_free(&parts.bytes);
}
