/*
 * Posting lists and positions out of damaged bytes.
 *
 * An even first byte: the rest is taken as a list as it is. An odd one chooses a list that was
 * built well, and the rest damages it by threes: where (two bytes), what to flip. Positions are
 * read with whatever list came out.
 */
#include "fuzz/fuzz.h"
#include "postings/reader.h"
#include "postings/sample.h"

#include <string.h>

enum { TITLE_WEIGHT = 3, READS = 64, EXPECT_MAX = 4096 };

void fuzz_postings_list(const uint8_t *bytes, size_t size);

static void need(bool holds) {
    if (!holds) {
        abort();
    }
}

/* What a list says of itself must hold together where it was found valid. */
static void check_valid(const list_view *v, const uint16_t *docs, const uint32_t *tfs) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < v->count; i++) {
        need(i == 0 || docs[i - 1] < docs[i]);
        need(list_rank(v, docs[i]) == i);
        need(tfs[i] > 0 && list_tf(v, i) == tfs[i]);
        sum += tfs[i];
    }
    need(v->tf_sum == (sum > UINT32_MAX ? UINT32_MAX : sum));
}

/* Each post is as long as its ordinal says; those below 32,768 have far too few words. */
static uint32_t *lengths_make(void) {
    uint32_t *lengths = malloc(LIST_DOCS * sizeof *lengths);
    need(lengths != NULL);
    for (uint32_t low = 0; low < (uint32_t)LIST_DOCS; low++) {
        lengths[low] = low < 32768 ? low % 7 : low * 50;
    }
    return lengths;
}

static void read_positions(str value, const list_view *list, const uint16_t *docs) {
    positions_view v;
    uint32_t *out = malloc(EXPECT_MAX * sizeof *out), *words = lengths_make();
    list_lengths lengths = {words, sizeof *words, sizeof *words, 0, 0, LIST_DOCS};
    need(out != NULL);
    if (positions_view_open(value, list->count, &v, NULL) == ANP_OK) {
        for (uint32_t rank = 0; rank < list->count && rank < READS; rank++) {
            uint64_t of_title = (uint64_t)TITLE_WEIGHT * list_title_tf(list, rank);
            uint64_t expect = list_tf(list, rank) - of_title;
            expect = expect < EXPECT_MAX ? expect : EXPECT_MAX;
            anp_status status = positions_read(&v, list, &lengths, TITLE_WEIGHT, docs[rank], rank,
                                               (uint32_t)expect, out, NULL);
            need(status == ANP_OK || status == ANP_CORRUPT);
            for (uint32_t i = 1; status == ANP_OK && i < expect; i++) {
                need(out[i] > out[i - 1]);
            }
        }
    }
    free(out);
    free(words);
}

/* What list.h has no function for, by every reader. */
static void read_by_all(const list_view *v, const uint16_t *docs, const uint32_t *tfs, bool valid) {
    const postings_reader *const *readers;
    size_t count = postings_readers_all(&readers);
    for (size_t i = 0; i < count; i++) {
        for (uint32_t rank = 0; rank < v->count; rank += 1 + rank / 3) {
            uint8_t room[LIST_TF_ROOM + KERNEL_READ_BYTES];
            uint64_t bits[KERNEL_BLOCK_WORDS];
            const uint8_t *bytes;
            bool large;
            uint32_t some = v->count - rank < BLOCK_DOCS ? v->count - rank : BLOCK_DOCS;
            some = 1 + rank % some;
            uint32_t found =
                readers[i]->tfs_least(v, rank, some, 3, room, &bytes, &large, bits);
            need(found <= some && (!valid || (bits[0] & 1) == (tfs[rank] >= 3)));
            if (v->container_kind != LIST_BITSET) {
                uint16_t low = readers[i]->doc(v, rank);
                need(!valid || low == docs[rank]);
            }
        }
    }
}

/* The tfs of some ordinals, by every reader. */
static void read_wanted(const list_view *v, const uint16_t *docs, const uint32_t *tfs, bool valid) {
    const postings_reader *const *readers;
    size_t count = postings_readers_all(&readers);
    uint8_t *all = malloc((size_t)v->count + KERNEL_READ_BYTES);
    uint16_t starts[LIST_BLOCKS + 1];
    need(all != NULL);
    bool blocked = v->container_kind == LIST_BLOCKED;
    if (blocked) {
        postings_kernels_best()->starts(v->high, list_high_words(v->count), v->count, starts);
    }
    for (size_t i = 0; i < 2 * count; i++) {
        const postings_reader *reader = readers[i / 2];
        uint8_t out[BLOCK_DOCS + KERNEL_READ_BYTES];
        const uint64_t wanted[KERNEL_BLOCK_WORDS] = {UINT64_MAX, 1, 0x8000000000000101, 0xff00};
        uint32_t some = v->count < BLOCK_DOCS ? v->count : BLOCK_DOCS;
        reader->tfs_of_all(v, all);
        reader->tfs_of_docs(v, i % 2 ? all : NULL, blocked ? starts : NULL, docs, some, out);
        for (uint32_t k = 0; k < some; k++) {
            need(!valid || out[k] == (tfs[k] < 255 ? tfs[k] : 255));
        }
        for (uint32_t block = 0; block < (uint32_t)LIST_BLOCKS; block += 1 + block / 4) {
            reader->tfs_of(v, i % 2 ? all : NULL, block, wanted, out);
            reader->lane_tfs_of(v, i % 2 ? all : NULL, block, wanted, out);
        }
    }
    free(all);
}

/* Blocks, and ordinals that are kept, of any bytes; of a valid list they are its own. */
static void read_blocks(const list_view *v, const uint16_t *docs, const uint32_t *tfs, bool valid) {
    uint32_t next = 0;
    for (uint32_t block = 0; block < (uint32_t)LIST_BLOCKS; block++) {
        uint32_t from, to;
        uint64_t bits[4];
        uint8_t room[LIST_TF_ROOM];
        bool large;
        list_block(v, block, &from, &to);
        need(from <= to && to <= v->count && to - from <= BLOCK_DOCS);
        need(!valid || from == to || from == next);
        list_block_bits(v, block, from, to, bits);
        const uint8_t *bytes = list_tf_bytes(v, from, to - from, room, &large);
        for (uint32_t rank = from; rank < to; rank++) {
            uint32_t low = docs[rank] % BLOCK_DOCS;
            need(!valid || bits[low / 64] >> (low % 64) & 1);
            need(!valid || bytes[rank - from] == (tfs[rank] < 255 ? tfs[rank] : 255));
        }
        next += to - from;
    }
    need(!valid || next == v->count);
    read_by_all(v, docs, tfs, valid);
    read_wanted(v, docs, tfs, valid);
    uint16_t some[READS];
    for (uint32_t i = 0; i < READS; i++) {
        some[i] = (uint16_t)(i * 1021);
    }
    uint32_t kept = list_keep(v, some, READS, false);
    need(kept <= READS);
    for (uint32_t i = 0; i < kept; i++) {
        need(!valid || list_rank(v, some[i]) != UINT32_MAX);
    }
}

/* A posting's positions, and starts that are kept. */
static void read_place(const positions_view *v, const positions_place *place, uint32_t *out) {
    uint32_t starts[3] = {0, 1, 9}, count = 3;
    if (place->number <= EXPECT_MAX) {
        anp_status status = positions_found(v, place, out, NULL);
        need(status == ANP_OK || status == ANP_CORRUPT);
    }
    anp_status status =
        place->number ? positions_keep(v, place, place->number % 3, starts, &count, NULL) : ANP_OK;
    need(status == ANP_OK ? count <= 3 : status == ANP_CORRUPT);
}

/* Of some ordinals, that may ascend or not: by every reader. */
static void find_places(const positions_finder *of, const uint16_t *docs, uint32_t *out) {
    const postings_reader *const *readers;
    size_t count = postings_readers_all(&readers);
    for (size_t i = 0; i < 2 * count; i++) {
        positions_finder finder = *of;
        uint16_t lows[READS];
        positions_place places[READS];
        uint32_t some = 0;
        for (uint32_t rank = 0; rank < of->list->count && some < READS;
             rank += i % 2 ? 1 + rank / 7 : 1) {
            lows[some++] = docs[rank];
        }
        bool found = readers[i / 2]->places(&finder, lows, some, places);
        for (uint32_t k = 0; k < some && found; k++) {
            read_place(of->view, &places[k], out);
        }
    }
}

static void read_block(const positions_view *v, const positions_block *block, anp_status found,
                       uint32_t *out) {
    uint64_t total = 0;
    for (uint32_t i = 0; found == ANP_OK && i < block->to - block->from; i++) {
        total += block->numbers[i];
    }
    if (found == ANP_OK && total <= EXPECT_MAX) {
        anp_status status = positions_read_block(v, block, out, NULL);
        need(status == ANP_OK || status == ANP_CORRUPT);
    }
}

/* Postings found many at a time, and whole blocks of them. */
static void find_positions(str value, const list_view *list, const uint16_t *docs) {
    positions_view v;
    uint32_t *out = malloc(EXPECT_MAX * sizeof *out), *words = lengths_make();
    need(out != NULL);
    if (positions_view_open(value, list->count, &v, NULL) == ANP_OK) {
        positions_finder finder = {
            .list = list, .view = &v, .title_weight = TITLE_WEIGHT,
            .lengths = {words, sizeof *words, sizeof *words, 0, 0, LIST_DOCS}};
        find_places(&finder, docs, out);
        positions_block block = {0};
        for (uint32_t number = 0; number < LIST_BLOCKS; number += 1 + number % 5) {
            anp_status status = positions_find_block(&finder, number, &block, NULL);
            need(status == ANP_OK || status == ANP_CORRUPT);
            for (uint32_t i = 0; i < BLOCK_DOCS && status == ANP_OK; i += 3) {
                uint16_t low = (uint16_t)(number * BLOCK_DOCS + i);
                positions_place place = positions_take(&block, low);
                read_place(&v, &place, out);
            }
            read_block(&v, &block, status, out);
        }
    }
    free(out);
    free(words);
}

/* The second half of a list. */
static void append_run(const positions_input *all, const positions_view *view,
                       const list_view *list, const uint16_t *docs) {
    uint32_t first = list->count / 2, words[POSITIONS_GROUP], before = first % POSITIONS_GROUP;
    positions_part part = {.view = *view, .count = list->count - first, .first = first};
    positions_input input = {part.count, docs + first, all->counts + first, NULL, all->lengths};
    buffer out = {0};
    for (uint32_t i = 0; i < before; i++) {
        words[i] = list_length(&all->lengths, docs[first - before + i]);
    }
    anp_status status =
        positions_begin(view, list, TITLE_WEIGHT, first, words, &part.bit, NULL);
    if (status == ANP_OK) {
        status = positions_append(&input, &part, 1, &out, NULL);
    }
    need(status == ANP_OK || status == ANP_CORRUPT);
    buffer_free(&out);
}

/* Copied as they are, by who merges lists. */
static void append_positions(str value, const list_view *list, const uint16_t *docs,
                             uint32_t *tfs) {
    positions_part part = {.count = list->count};
    uint32_t *words = lengths_make();
    buffer out = {0};
    if (positions_view_open(value, list->count, &part.view, NULL) == ANP_OK) {
        list_less_titles(list, TITLE_WEIGHT, 0, list->count, tfs);
        positions_input input = {list->count, docs, tfs, NULL,
                                 {words, sizeof *words, sizeof *words, 0, 0, LIST_DOCS}};
        anp_status status = positions_append(&input, &part, 1, &out, NULL);
        need(status == ANP_OK || status == ANP_CORRUPT);
        append_run(&input, &part.view, list, docs);
    }
    buffer_free(&out);
    free(words);
}

static void read_list(str value) {
    list_view v;
    anp_error err = ANP_ERROR_INIT;
    anp_status status = list_view_open(value, &v, &err);
    if (status != ANP_OK) {
        need(status == ANP_CORRUPT && err.message[0]);
        return;
    }
    uint16_t *docs = malloc(v.count * sizeof *docs);
    uint32_t *tfs = malloc(v.count * sizeof *tfs);
    buffer shown = {0};
    need(docs && tfs);
    memset(docs, 0, v.count * sizeof *docs);
    uint32_t count = list_docs(&v, docs);
    need(count <= v.count);
    list_tfs(&v, tfs);
    list_print(&v, &shown);
    for (uint32_t low = 0; low < (uint32_t)LIST_DOCS; low += 97) {
        uint32_t rank = list_rank(&v, (uint16_t)low);
        need(rank == UINT32_MAX || rank < v.count);
    }
    bool valid = list_validate(&v, &err) == ANP_OK;
    if (valid) {
        need(count == v.count);
        check_valid(&v, docs, tfs);
    }
    read_blocks(&v, docs, tfs, valid);
    read_positions(v.positions.data ? v.positions : value, &v, docs);
    find_positions(v.positions.data ? v.positions : value, &v, docs);
    append_positions(v.positions.data ? v.positions : value, &v, docs, tfs);
    buffer_free(&shown);
    free(docs);
    free(tfs);
}

/* A list by number: every size class, with and without tf and bounds, its positions joined. */
static void build(uint8_t number, buffer *out) {
    static const uint32_t sizes[] = {1, 2, 8, 9, 40, 64, 255, 256, 1024, 4095, 6000, 9000};
    prng p = {number};
    sample s;
    buffer apart = {0};
    uint32_t count = sizes[number % 12], *titles = calloc(count, sizeof *titles), total = 0;
    need(sample_make(&p, count, (sample_tfs)(number / 12 % SAMPLE_KINDS), number & 1, &s) &&
         titles);
    bool bounds = number & 64, brief = number & 2 && count < LIST_BRIEF_POSTS;
    for (uint32_t i = 0; i < count; i++) {
        titles[i] = i % 5 == 0;
    }
    list_build(&(list_input){count, s.docs, number & 128 ? s.tfs : NULL,
                             bounds ? s.impacts : NULL, bounds ? s.blended : NULL, titles, brief},
               out);
    uint32_t *words = lengths_make(), *places = malloc(count * 9 * sizeof *places);
    need(places != NULL);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t length = words[s.docs[i]];
        s.tfs[i] = i % 9 < length ? i % 9 : length;
        for (uint32_t j = 0; j < s.tfs[i]; j++) {
            places[total++] = j + (length - s.tfs[i]) / 2;
        }
    }
    positions_input input = {count, s.docs, s.tfs, places,
                             {words, sizeof *words, sizeof *words, 0, 0, LIST_DOCS}};
    need(positions_build(&input, &apart, NULL) == ANP_OK);
    positions_join(out, 0, str_make((const char *)apart.data, apart.len));
    sample_free(&s);
    buffer_free(&apart);
    free(titles);
    free(words);
    free(places);
}

void fuzz_postings_list(const uint8_t *bytes, size_t size) {
    if (size < 2) {
        return;
    }
    if (bytes[0] % 2 == 0) {
        read_list(str_make((const char *)bytes + 1, size - 1));
        return;
    }
    buffer list = {0};
    build(bytes[1], &list);
    need(!list.failed);
    for (size_t at = 2; at + 3 <= size; at += 3) {
        size_t where = load_u16(bytes + at);
        /* Every other time into the header, which decides most. */
        list.data[at % 2 ? where % list.len : where % LIST_HEAD_BYTES % list.len] ^= bytes[at + 2];
    }
    size_t len = size % 3 == 1 ? list.len - size % list.len : list.len;
    uint8_t *exact = malloc(len);
    need(exact != NULL);
    memcpy(exact, list.data, len);
    read_list(str_make((const char *)exact, len));
    free(exact);
    buffer_free(&list);
}
