/* The kernels and readers of this processor against loops over single ordinals; blocks of lists
   against whole lists. */
#include "base/prng.h"
#include "postings/kernels.h"
#include "postings/reader.h"
#include "postings/sample.h"
#include "test.h"

#include <stdlib.h>

enum { SEED = 4711, ROUNDS = 60 };

static bool bit(const uint64_t *words, uint32_t at) {
    return words[at / 64] >> (at % 64) & 1;
}

static void fill(prng *r, uint64_t *words, size_t count) {
    uint32_t thin = prng_below(r, 5);
    for (size_t i = 0; i < count; i++) {
        words[i] = prng_next(r);
        for (uint32_t k = 0; k < thin; k++) {
            words[i] &= prng_next(r);
        }
    }
}

static void check_expand(const postings_kernels *k, prng *r) {
    uint64_t bits[KERNEL_BLOCK_WORDS];
    uint8_t bytes[BLOCK_DOCS + KERNEL_READ_BYTES], lanes[BLOCK_DOCS];
    fill(r, bits, KERNEL_BLOCK_WORDS);
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)prng_next(r);
    }
    k->expand(bits, bytes, lanes);
    uint32_t rank = 0;
    for (uint32_t i = 0; i < BLOCK_DOCS; i++) {
        if (!CHECK_EQ_INT(lanes[i], bit(bits, i) ? bytes[rank] : 0)) {
            test_note("kernel %s, lane %u", k->name, i);
            return;
        }
        rank += bit(bits, i);
    }
}

static void check_at_least(const postings_kernels *k, prng *r) {
    uint64_t bits[KERNEL_BLOCK_WORDS];
    uint32_t count = prng_below(r, BLOCK_DOCS + 1);
    uint8_t *bytes = malloc(count + 1), least = (uint8_t)prng_next(r); /* so that ASan looks */
    for (uint32_t i = 0; i < count; i++) {
        bytes[i] = (uint8_t)(prng_below(r, 2) ? least - 1 + prng_below(r, 3) : prng_next(r));
    }
    uint32_t found = k->at_least(bytes, count, least, bits), expected = 0;
    for (uint32_t i = 0; i < BLOCK_DOCS; i++) {
        if (!CHECK_EQ_INT(bit(bits, i), i < count && bytes[i] >= least)) {
            test_note("kernel %s, byte %u of %u", k->name, i, count);
            break;
        }
        expected += bit(bits, i);
    }
    CHECK_EQ_INT(found, expected);
    free(bytes);
}

static void check_pick(const postings_kernels *k, prng *r) {
    uint64_t bits[KERNEL_BLOCK_WORDS];
    uint8_t lows[BLOCK_DOCS], bytes[BLOCK_DOCS], out[BLOCK_DOCS + KERNEL_READ_BYTES];
    uint16_t docs[BLOCK_DOCS + KERNEL_READ_BYTES], first = (uint16_t)(prng_below(r, 256) << 8);
    uint32_t words = prng_below(r, KERNEL_BLOCK_WORDS + 1), picked = 0;
    fill(r, bits, KERNEL_BLOCK_WORDS);
    for (uint32_t i = 0; i < BLOCK_DOCS; i++) {
        lows[i] = (uint8_t)prng_next(r);
        bytes[i] = (uint8_t)prng_next(r);
    }
    uint32_t count = k->pick(bits, words, lows, bytes, first, docs, out);
    for (uint32_t i = 0; i < 64 * words; i++) {
        if (bit(bits, i)) {
            CHECK_EQ_INT(docs[picked], first | lows[i]);
            CHECK_EQ_INT(out[picked++], bytes[i]);
        }
    }
    CHECK_EQ_INT(count, picked);
}

static void check_sets(const postings_kernels *k, prng *r) {
    static uint64_t a[KERNEL_WORDS], both[KERNEL_WORDS], either[KERNEL_WORDS], less[KERNEL_WORDS];
    static uint8_t b[KERNEL_WORDS * 8 + 1];
    uint32_t counts[4] = {0};
    fill(r, a, KERNEL_WORDS);
    fill(r, both, KERNEL_WORDS);
    memcpy(b + 1, both, sizeof both);
    for (uint32_t i = 0; i < (uint32_t)KERNEL_WORDS * 64; i++) {
        counts[0] += bit(a, i) && bit(both, i);
        counts[1] += bit(a, i) || bit(both, i);
        counts[2] += bit(a, i) && !bit(both, i);
        counts[3] += bit(a, i);
    }
    uint32_t some = KERNEL_BLOCK_WORDS * (1 + prng_below(r, 9)), in_some = 0;
    for (uint32_t i = 0; i < some * 64; i++) {
        in_some += bit(a, i) && bit(both, i);
    }
    CHECK_EQ_INT(k->and_count_some(a, both, some), in_some);
    memcpy(both, a, sizeof a);
    memcpy(either, a, sizeof a);
    memcpy(less, a, sizeof a);
    CHECK_EQ_INT(k->and_count((const uint8_t *)a, b + 1), counts[0]);
    CHECK_EQ_INT(k->and_into(both, b + 1), counts[0]);
    CHECK_EQ_INT(k->or_into(either, b + 1), counts[1]);
    CHECK_EQ_INT(k->andnot_into(less, b + 1), counts[2]);
    CHECK_EQ_INT(k->count(a), counts[3]);
    uint32_t by_blocks = 0;
    for (uint32_t word = 0; word < (uint32_t)KERNEL_WORDS; word += KERNEL_BLOCK_WORDS) {
        by_blocks += k->block_count(a + word);
    }
    CHECK_EQ_INT(by_blocks, counts[3]);
    static uint16_t docs[KERNEL_WORDS * 64];
    uint32_t doc_count = 0;
    for (uint32_t i = 0; i < (uint32_t)KERNEL_WORDS * 64; i++) {
        docs[doc_count] = (uint16_t)i;
        doc_count += b[1 + i / 8] >> (i % 8) & 1;
    }
    memcpy(either, a, sizeof a);
    k->set(either, docs, doc_count);
    CHECK_EQ_INT(k->count(either), counts[1]);
    for (uint32_t i = 0; i < (uint32_t)KERNEL_WORDS; i++) {
        uint64_t y = load_u64(b + 1 + 8 * i);
        if (!CHECK(both[i] == (a[i] & y) && either[i] == (a[i] | y) && less[i] == (a[i] & ~y))) {
            test_note("kernel %s, word %u", k->name, i);
            return;
        }
    }
}

/* ---- Kernels of lists and positions -------------------------------------------------------- */

static void check_codes(const postings_kernels *k, prng *r) {
    uint8_t codes[BLOCK_DOCS / 2], tfs[BLOCK_DOCS + 8];
    uint32_t count = 4 * (1 + prng_below(r, BLOCK_DOCS / 4));
    for (size_t i = 0; i < sizeof codes; i++) {
        codes[i] = (uint8_t)prng_next(r);
    }
    k->tfs_of_2(codes, count, tfs);
    for (uint32_t i = 0; i < count; i++) {
        CHECK_EQ_INT(tfs[i], (codes[i / 4] >> (i % 4 * 2) & 3) + 1);
    }
    k->tfs_of_4(codes, count, tfs);
    for (uint32_t i = 0; i < count; i++) {
        CHECK_EQ_INT(tfs[i], (codes[i / 2] >> (i % 2 * 4) & 15) + 1);
    }
}

/* Where the blocks of a blocked list begin, and ordinals kept and dropped by it. */
static void check_keep_docs(const postings_kernels *k, prng *r) {
    sample s;
    buffer bytes = {0};
    list_view v;
    uint16_t starts[LIST_BLOCKS + 1], docs[600], kept[600];
    bool brief = LIST_BRIEF_POSTS > LIST_BITSET_FROM && prng_below(r, 2);
    uint32_t most = brief ? LIST_BRIEF_POSTS : LIST_BITSET_FROM, asked = 0;
    uint32_t count = LIST_BLOCKED_FROM + prng_below(r, most - LIST_BLOCKED_FROM);
    if (!CHECK(sample_make(r, count, SAMPLE_ONES, prng_below(r, 4) == 0, &s))) {
        return;
    }
    list_build(&(list_input){.count = count, .docs = s.docs, .tfs = s.tfs, .brief = brief},
               &bytes);
    uint8_t behind[KERNEL_READ_BYTES] = {0};
    buffer_put(&bytes, behind, sizeof behind); /* which the kernel may read */
    str value = str_make((const char *)bytes.data, bytes.len - sizeof behind);
    CHECK_EQ_INT(list_view_open(value, &v, NULL), ANP_OK);
    k->starts(v.high, list_high_words(count), count, starts);
    for (uint32_t block = 0, rank = 0; block <= (uint32_t)LIST_BLOCKS; block++) {
        while (rank < count && s.docs[rank] / BLOCK_DOCS < block) {
            rank++;
        }
        CHECK_EQ_INT(starts[block], rank);
    }
    for (uint32_t low = prng_below(r, 100); low < 65536 && asked < 600; asked++) {
        docs[asked] = (uint16_t)low;
        low += 1 + prng_below(r, 200);
    }
    for (int drop = 0; drop < 2; drop++) {
        memcpy(kept, docs, sizeof docs);
        uint32_t left = k->keep_docs(kept, asked, v.container, starts, drop), want = 0;
        for (uint32_t i = 0; i < asked; i++) {
            if ((list_rank(&v, docs[i]) != UINT32_MAX) != (bool)drop) {
                CHECK(want < left && kept[want] == docs[i]);
                want++;
            }
        }
        CHECK_EQ_INT(left, want);
    }
    buffer_free(&bytes);
    sample_free(&s);
}

static void check_keep_in(const postings_kernels *k, prng *r) {
    static uint64_t words[KERNEL_WORDS];
    uint16_t docs[600], kept[600];
    bool drop = prng_below(r, 2);
    uint32_t asked = prng_below(r, 600), want = 0;
    fill(r, words, KERNEL_WORDS);
    for (uint32_t i = 0; i < asked; i++) {
        docs[i] = kept[i] = (uint16_t)prng_below(r, LIST_DOCS);
    }
    uint32_t left = k->keep_in(kept, asked, (const uint8_t *)words, drop);
    for (uint32_t i = 0; i < asked; i++) {
        if ((bool)(words[docs[i] / 64] >> docs[i] % 64 & 1) != drop) {
            CHECK(want < left && kept[want] == docs[i]);
            want++;
        }
    }
    CHECK_EQ_INT(left, want);
}

/* One posting of many positions, in its Elias-Fano form. */
static void check_keep(const postings_kernels *k, prng *r) {
    enum { MOST = 700 };
    uint32_t t = 5 + prng_below(r, MOST - 5), step = 1 + prng_below(r, 40), starts[MOST], want = 0;
    uint32_t positions[MOST], all[MOST], offset = prng_below(r, 4), place = offset;
    uint32_t part = 1 + prng_below(r, prng_below(r, 2) ? 3 : 90), asked = 0; /* many; few */
    for (uint32_t i = 0; i < t; i++) {
        positions[i] = place += 1 + prng_below(r, prng_below(r, 200) ? step : 4000);
        uint32_t start = place + prng_below(r, 2) - offset;
        if (prng_below(r, part) == 0 && (!asked || start > all[asked - 1])) {
            all[asked++] = start;
        }
    }
    memcpy(starts, all, asked * sizeof *all);
    uint32_t length = place + 2 + prng_below(r, 5000);
    uint16_t doc = 0;
    buffer bytes = {0};
    positions_input input = {1, &doc, &t, positions, {&length, 4, 4, 0, 0, 1}};
    CHECK_EQ_INT(positions_build(&input, &bytes, NULL), ANP_OK);
    uint32_t numbers[3] = {0, t, t}, lengths[3] = {length, length, length}, each[3];
    CHECK(k->widths_each(numbers, lengths, 3, each));
    CHECK(each[0] == 0 && each[1] == each[2] && (each[1] + 7) / 8 == bytes.len);
    lengths[1] = t - 1;
    CHECK(!k->widths_each(numbers, lengths, 3, each));
    uint32_t kept = k->keep(bytes.data, bytes.len, 0, t, length, offset, starts, asked);
    for (uint32_t i = 0; i < asked; i++) {
        bool there = false;
        for (uint32_t j = 0; j < t; j++) {
            there |= positions[j] == all[i] + offset;
        }
        if (there) {
            CHECK(want < kept && starts[want] == all[i]);
            want++;
        }
    }
    CHECK_EQ_INT(kept, want);
    buffer_free(&bytes);
}

/* ---- Blocks of lists ----------------------------------------------------------------------- */

static bool check_block(const postings_reader *reader, const list_view *v, const sample *s,
                        uint32_t block, uint32_t *rank) {
    uint32_t from, to, first = *rank;
    uint64_t bits[4], want[4] = {0};
    while (*rank < s->count && s->docs[*rank] / BLOCK_DOCS == block) {
        want[s->docs[*rank] % BLOCK_DOCS / 64] |= (uint64_t)1 << (s->docs[*rank] % 64);
        ++*rank;
    }
    reader->block(v, block, &from, &to);
    if (!CHECK_EQ_INT(to - from, *rank - first) || (to > from && !CHECK_EQ_INT(from, first))) {
        return false;
    }
    reader->block_bits(v, block, from, to, bits);
    for (uint32_t i = from; i < to && v->container_kind != LIST_BITSET; i++) {
        if (!CHECK_EQ_INT(list_block_doc(v, block, i), s->docs[i])) {
            return false;
        }
    }
    return CHECK(memcmp(bits, want, sizeof bits) == 0);
}

static bool check_bytes(const postings_reader *reader, const list_view *v, const sample *s,
                        uint32_t from, uint32_t count) {
    uint8_t room[LIST_TF_ROOM];
    bool large, any = false;
    const uint8_t *tfs = reader->tf_bytes(v, from, count, room, &large);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t tf = s->tfs[from + i];
        any |= tf > UINT8_MAX;
        if (!CHECK_EQ_INT(tfs[i], tf < UINT8_MAX ? tf : UINT8_MAX)) {
            return false;
        }
    }
    return CHECK(large || !any);
}

static bool check_least(const postings_reader *reader, const list_view *v, const sample *s,
                        uint32_t from, uint32_t count, uint8_t least) {
    uint8_t room[LIST_TF_ROOM + KERNEL_READ_BYTES];
    uint64_t bits[KERNEL_BLOCK_WORDS];
    const uint8_t *tfs;
    bool large, any = false;
    uint32_t found = reader->tfs_least(v, from, count, least, room, &tfs, &large, bits), want = 0;
    for (uint32_t i = 0; i < (uint32_t)BLOCK_DOCS; i++) {
        uint32_t tf = i < count ? s->tfs[from + i] : 0;
        any |= tf > UINT8_MAX;
        want += tf >= least;
        if (!CHECK_EQ_INT(bits[i / 64] >> i % 64 & 1, tf >= least) ||
            (i < count && !CHECK_EQ_INT(tfs[i], tf < UINT8_MAX ? tf : UINT8_MAX))) {
            test_note("posting %u of %u from %u on, least %u", i, count, from, least);
            return false;
        }
    }
    return CHECK(large || !any) && CHECK_EQ_INT(found, want);
}

static uint8_t as_byte(uint32_t tf) {
    return tf < UINT8_MAX ? (uint8_t)tf : UINT8_MAX;
}

/* The tfs of strips: of 16 ordinals each, in their places. */
static bool check_strips(const postings_reader *reader, const list_view *v, const sample *s) {
    uint8_t want[LIST_DOCS] = {0}, tfs[LIST_STRIP_DOCS];
    bool more[LIST_STRIPS] = {false};
    for (uint32_t i = 0; i < s->count; i++) {
        want[s->docs[i]] = as_byte(s->tfs[i]);
        more[s->docs[i] / LIST_STRIP_DOCS] |= s->tfs[i] > UINT8_MAX;
    }
    for (uint32_t strip = 0; strip < (uint32_t)LIST_STRIPS && v->strips; strip++) {
        const uint8_t *at = want + (size_t)strip * LIST_STRIP_DOCS;
        bool large = reader->strip_tfs(v, strip, tfs);
        if (!CHECK(memcmp(tfs, at, sizeof tfs) == 0) ||
            !CHECK(large || !more[strip])) {
            test_note("strip %u", strip);
            return false;
        }
    }
    return true;
}

/* All ordinals, and of some, there or not, the rank and the tf. */
static bool check_ranks(const postings_reader *reader, const list_view *v, const sample *s,
                        prng *r) {
    static uint16_t docs[LIST_DOCS];
    static uint32_t ranks[LIST_DOCS];
    bool good = CHECK_EQ_INT(reader->docs(v, docs), s->count) &&
                CHECK(memcmp(docs, s->docs, s->count * sizeof *docs) == 0);
    for (uint32_t low = 0; low < (uint32_t)LIST_DOCS; low++) {
        ranks[low] = UINT32_MAX;
    }
    for (uint32_t i = 0; i < s->count; i++) {
        ranks[s->docs[i]] = i;
    }
    for (uint32_t i = 0; i < 500 && good; i++) {
        uint32_t rank = prng_below(r, s->count), low = prng_below(r, LIST_DOCS);
        low = i % 2 ? low : s->docs[rank];
        uint32_t from, to;
        reader->block(v, low / BLOCK_DOCS, &from, &to);
        good = CHECK_EQ_INT(reader->rank(v, (uint16_t)low), ranks[low]) &&
               CHECK_EQ_INT(reader->rank_in(v, from, to, (uint16_t)low), ranks[low]) &&
               CHECK_EQ_INT(reader->tf(v, rank), s->tfs[rank]) &&
               (v->container_kind == LIST_BITSET ||
                CHECK_EQ_INT(reader->doc(v, rank), s->docs[rank]));
    }
    return good;
}

/* The tf of an ordinal as a byte, 0 where it is not there. */
static uint8_t byte_of(const sample *s, uint32_t low) {
    uint32_t from = 0, to = s->count;
    while (from < to) {
        uint32_t middle = from + (to - from) / 2;
        if (s->docs[middle] < low) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return from < s->count && s->docs[from] == low ? as_byte(s->tfs[from]) : 0;
}

static bool check_wanted_bytes(const sample *s, const uint16_t *docs, uint32_t count,
                               const uint8_t *tfs, bool large, const char *what) {
    bool any = false;
    for (uint32_t i = 0; i < count; i++) {
        any |= tfs[i] == UINT8_MAX;
        if (!CHECK_EQ_INT(tfs[i], byte_of(s, docs[i]))) {
            test_note("%s: number %u of %u, ordinal %u", what, i, count, docs[i]);
            return false;
        }
    }
    return CHECK_EQ_INT(large, any);
}

/* Some ordinals of the block of a posting: of its postings only, or others too. */
static bool check_wanted(const postings_reader *reader, const list_view *v, const sample *s,
                         const uint8_t *all, const uint16_t *starts, prng *r) {
    uint64_t wanted[KERNEL_BLOCK_WORDS] = {0};
    uint16_t docs[BLOCK_DOCS], mixed[BLOCK_DOCS];
    uint8_t tfs[BLOCK_DOCS + KERNEL_READ_BYTES];
    uint32_t block = s->docs[prng_below(r, s->count)] / BLOCK_DOCS, count = 0;
    uint32_t part = 1 + prng_below(r, 9), strangers = prng_below(r, 2);
    for (uint32_t low = block * BLOCK_DOCS; low < (block + 1) * BLOCK_DOCS; low++) {
        if (prng_below(r, part) == 0 && (strangers || byte_of(s, low))) {
            wanted[low % BLOCK_DOCS / 64] |= (uint64_t)1 << low % 64;
            docs[count++] = (uint16_t)low;
        }
    }
    bool large = reader->tfs_of(v, all, block, wanted, tfs);
    bool good = check_wanted_bytes(s, docs, count, tfs, large, "of a block");
    large = reader->lane_tfs_of(v, all, block, wanted, tfs);
    for (uint32_t i = 0; i < (uint32_t)BLOCK_DOCS && good; i++) {
        bool asked = wanted[i / 64] >> i % 64 & 1;
        uint8_t want = byte_of(s, block * BLOCK_DOCS + i);
        good = CHECK(tfs[i] == want || (!asked && tfs[i] == 0)) &&
               CHECK(large || tfs[i] < UINT8_MAX);
    }
    count = prng_below(r, BLOCK_DOCS + 1);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t rank = prng_below(r, s->count);
        mixed[i] = strangers ? (uint16_t)prng_below(r, LIST_DOCS) : s->docs[rank];
    }
    large = reader->tfs_of_docs(v, all, starts, mixed, count, tfs);
    return good && check_wanted_bytes(s, mixed, count, tfs, large, "of any");
}

/* A list of a sample, and where its blocks begin. */
typedef struct sampled {
    sample s;
    buffer bytes;
    list_view view;
    uint16_t starts[LIST_BLOCKS + 1];
} sampled;

static bool sampled_make(sampled *out, uint32_t count, bool brief, prng *r) {
    const postings_kernels *const *kernels;
    out->bytes = (buffer){0};
    if (!CHECK(sample_make(r, count, SAMPLE_ONES, prng_below(r, 2), &out->s))) {
        return false;
    }
    list_build(&(list_input){.count = count, .docs = out->s.docs, .tfs = out->s.tfs,
                             .brief = brief},
               &out->bytes);
    str value = str_make((const char *)out->bytes.data, out->bytes.len);
    bool good = CHECK_EQ_INT(list_view_open(value, &out->view, NULL), ANP_OK);
    postings_kernels_all(&kernels);
    if (good && out->view.container_kind == LIST_BLOCKED) {
        kernels[0]->starts(out->view.high, list_high_words(count), count, out->starts);
    }
    return good;
}

/* What a block of a blocked list has in common with lists of other sizes. */
static void check_common(const postings_reader *reader, prng *r) {
    static const uint32_t sizes[][3] = {
        {64, 64, 4096}, {600, 4000, 30000}, {4095, 4095, 65536}, {3000, 100, 50000},
        {5000, 6000, 8191}, {3000, 7000, 8000}}; /* brief, or left out where they cannot be */
    static sampled all[3];
    const list_view *lists[3];
    const uint16_t *starts[3];
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        bool brief = sizes[i][2] > LIST_BITSET_FROM && sizes[i][2] < LIST_BRIEF_POSTS;
        bool good = brief || sizes[i][0] < LIST_BITSET_FROM;
        for (int k = 0; k < 3; k++) {
            good &= sampled_make(&all[k], sizes[i][k], brief, r);
            lists[k] = &all[k].view;
            starts[k] = all[k].starts;
        }
        for (uint32_t block = 0; block < (uint32_t)LIST_BLOCKS && good; block++) {
            uint16_t docs[BLOCK_DOCS + KERNEL_READ_BYTES];
            uint32_t count = reader->block_common(lists, starts, 3, block, docs), at = 0;
            for (uint32_t low = block * BLOCK_DOCS; low < (block + 1) * BLOCK_DOCS; low++) {
                if (byte_of(&all[0].s, low) && byte_of(&all[1].s, low) &&
                    byte_of(&all[2].s, low)) {
                    good = good && CHECK(at < count && docs[at] == low);
                    at++;
                }
            }
            good = good && CHECK_EQ_INT(count, at);
        }
        for (int k = 0; k < 3; k++) {
            buffer_free(&all[k].bytes);
            sample_free(&all[k].s);
        }
    }
}

static bool check_all_wanted(const postings_reader *reader, const list_view *v, const sample *s,
                             prng *r) {
    static uint8_t all[LIST_DOCS + KERNEL_READ_BYTES];
    uint16_t starts[LIST_BLOCKS + 1];
    bool good = true, blocked = v->container_kind == LIST_BLOCKED;
    reader->tfs_of_all(v, all);
    for (uint32_t i = 0; i < s->count && good; i++) {
        good = CHECK_EQ_INT(all[i], as_byte(s->tfs[i]));
    }
    if (blocked) {
        postings_kernels_best()->starts(v->high, list_high_words(v->count), v->count, starts);
    }
    for (uint32_t i = 0; i < 12 && good; i++) {
        good = check_wanted(reader, v, s, i % 2 ? all : NULL, blocked && i % 3 ? starts : NULL, r);
    }
    return good;
}

static void check_list(const postings_reader *reader, uint32_t count, sample_tfs kind, bool dense,
                       prng *r) {
    sample s;
    buffer bytes = {0};
    list_view v;
    if (!CHECK(sample_make(r, count, kind, dense, &s))) {
        return;
    }
    list_input input = {.count = s.count, .docs = s.docs, .tfs = s.tfs,
                        .brief = kind % 2 && s.count < LIST_BRIEF_POSTS};
    list_build(&input, &bytes);
    anp_status opened =
        list_view_open(str_make((const char *)bytes.data, bytes.len), &v, NULL);
    bool good = CHECK_EQ_INT(opened, ANP_OK);
    uint32_t rank = 0;
    for (uint32_t block = 0; block < (uint32_t)LIST_BLOCKS && good; block++) {
        good = check_block(reader, &v, &s, block, &rank);
    }
    good = good && check_ranks(reader, &v, &s, r) && check_all_wanted(reader, &v, &s, r);
    for (uint32_t i = 0; i < 200 && good; i++) {
        uint32_t from = prng_below(r, s.count), left = s.count - from;
        uint32_t some = 1 + prng_below(r, left < BLOCK_DOCS ? left : BLOCK_DOCS);
        good = check_bytes(reader, &v, &s, from, some) &&
               check_least(reader, &v, &s, from, i % 2 ? some : some % 64,
                           (uint8_t)(1 + prng_below(r, i % 3 ? 5 : 255)));
    }
    if (!good) {
        test_note("reader %s, seed %d, %u postings, kind %d", reader->name, SEED, count, (int)kind);
    }
    buffer_free(&bytes);
    if (good) {
        input.impacts = s.impacts;
        input.blended = s.blended;
        list_build(&input, &bytes);
        str value = str_make((const char *)bytes.data, bytes.len);
        CHECK(list_view_open(value, &v, NULL) == ANP_OK && check_strips(reader, &v, &s));
    }
    buffer_free(&bytes);
    sample_free(&s);
}

void test_postings_kernels(void) {
    const postings_kernels *const *all;
    size_t count = postings_kernels_all(&all);
    prng r = {SEED};
    CASE("sets and lanes");
    CHECK_EQ_STR(all[0]->name, "portable");
    for (size_t i = 0; i < count; i++) {
        for (int round = 0; round < ROUNDS; round++) {
            check_expand(all[i], &r);
            check_at_least(all[i], &r);
            check_pick(all[i], &r);
            check_sets(all[i], &r);
            check_codes(all[i], &r);
            check_keep_docs(all[i], &r);
            check_keep_in(all[i], &r);
            check_keep(all[i], &r);
        }
    }
    CASE("blocks of lists");
    const postings_reader *const *readers;
    size_t reader_count = postings_readers_all(&readers);
    CHECK_EQ_STR(readers[0]->name, "portable");
    for (size_t k = 0; k < reader_count; k++) {
        check_common(readers[k], &r);
    }
    static const uint32_t sizes[] = {1, 3, 8, 9, 63, 64, 100, 255, 256, 2000, 4095, 4096, 8191,
                                     9000, 40000, 65536};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        for (int kind = 0; kind < SAMPLE_KINDS; kind++) {
            for (size_t k = 0; k < reader_count; k++) {
                check_list(readers[k], sizes[i], (sample_tfs)kind, prng_below(&r, 2), &r);
            }
        }
    }
}
