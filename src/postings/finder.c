/*
 * The positions of single postings, for phrases.
 *
 *     group      |p p p p X p p p …|     where X begins: the widths of those before it in its
 *                                        group (places_body.h)
 *
 * Few starts are looked for in a long posting without reading it: its Elias-Fano bit vector is
 * walked 56 bits at a time (kernels_body.h).
 */
#include "base/error.h"
#include "postings/kernels.h"
#include "postings/reader.h"
#include "postings/search.h"
#include "postings/widths.h"

/* Numbers of positions of the `count` <= 256 postings from rank `from` on. */
static void numbers_at(positions_finder *f, uint32_t from, uint32_t count, uint32_t *numbers) {
    uint8_t room[LIST_TF_ROOM];
    bool large;
    const uint8_t *tfs = list_tf_bytes(f->list, from, count, room, &large);
    for (uint32_t i = 0; i < count; i++) {
        numbers[i] = tfs[i];
    }
    for (uint32_t i = 0; large && i < count; i++) {
        numbers[i] = tfs[i] == UINT8_MAX ? list_tf(f->list, from + i) : tfs[i];
    }
    if (f->title_weight == 0 || f->list->title_count == 0) {
        return;
    }
    for (uint32_t at = positions_title_from(f, from); at < f->list->title_count; at++) {
        uint32_t i = list_title_rank(f->list, at) - from;
        if (i >= count) {
            break;
        }
        uint64_t less = (uint64_t)f->title_weight * list_title_tf_at(f->list, at);
        numbers[i] = less <= numbers[i] ? numbers[i] - (uint32_t)less : 0;
    }
}

anp_status positions_find(positions_finder *f, const uint16_t *lows, uint32_t count,
                          positions_place *places, anp_error *err) {
    return postings_reader_best()->places(f, lows, count, places)
               ? ANP_OK
               : error_corrupt(err, "a posting has more positions than its post has words");
}

/* The block's postings; false where they are not as many as its bits. */
static bool block_postings(const positions_finder *f, positions_block *b, uint32_t block) {
    uint32_t count = 0;
    for (uint32_t word = 0; word < 4; word++) {
        for (uint64_t left = b->bits[word]; left; left &= left - 1) {
            uint32_t lane = word * 64 + (uint32_t)__builtin_ctzll(left);
            b->lanes[count] = (uint8_t)lane;
            b->lengths[count++] = list_length(&f->lengths, block * BLOCK_DOCS + lane);
        }
    }
    return count == b->to - b->from;
}

/* Where the block's first posting begins, which does not begin a group. */
static anp_status block_begin(positions_finder *f, const positions_block *b, uint32_t block,
                              uint64_t *bit, anp_error *err) {
    uint16_t low = (uint16_t)(block * BLOCK_DOCS + b->lanes[0]);
    positions_place place;
    TRY(positions_find(f, &low, 1, &place, err));
    *bit = place.bit;
    return ANP_OK;
}

anp_status positions_find_block(positions_finder *f, uint32_t block, positions_block *out,
                                anp_error *err) {
    uint32_t each[BLOCK_DOCS];
    uint64_t bit = out->end;
    list_block(f->list, block, &out->from, &out->to);
    uint32_t count = out->to - out->from;
    if (count == 0) {
        memset(out->bits, 0, sizeof out->bits);
        return ANP_OK;
    }
    list_block_bits(f->list, block, out->from, out->to, out->bits);
    if (!block_postings(f, out, block)) {
        return error_corrupt(err, "a block of a list has fewer postings than it says");
    }
    if (out->from % POSITIONS_GROUP && out->from != out->next) {
        TRY(block_begin(f, out, block, &bit, err));
    }
    numbers_at(f, out->from, count, out->numbers);
    if (!postings_kernels_best()->widths_each(out->numbers, out->lengths, count,
                                               each)) {
        return error_corrupt(err, "a posting has more positions than its post has words");
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t rank = out->from + i;
        if (rank % POSITIONS_GROUP == 0) {
            bit = positions_group_offset(f->view, rank / POSITIONS_GROUP) * 8;
        }
        out->at[i] = bit;
        bit += each[i];
    }
    out->next = out->to;
    out->end = bit;
    return ANP_OK;
}

anp_status positions_found(const positions_view *v, const positions_place *place, uint32_t *out,
                           anp_error *err) {
    return positions_read_at(v, place->bit, place->length, place->number, out, err);
}

/* Both ascend. */
static uint32_t keep_common(const uint32_t *positions, uint32_t t, uint32_t offset,
                            uint32_t *starts, uint32_t count) {
    uint32_t kept = 0, at = 0;
    for (uint32_t i = 0; i < count && at < t; i++) {
        uint32_t start = starts[i], want = start + offset;
        while (at < t && positions[at] < want) {
            at++;
        }
        starts[kept] = start;
        kept += at < t && positions[at] == want;
    }
    return kept;
}

anp_status positions_keep(const positions_view *v, const positions_place *place, uint32_t offset,
                          uint32_t *starts, uint32_t *count, anp_error *err) {
    uint32_t t = place->number, length = place->length, few[CIRCLE_MAX];
    if (t <= CIRCLE_MAX) {
        TRY(positions_read_at(v, place->bit, length, t, few, err));
        *count = keep_common(few, t, offset, starts, *count);
        return ANP_OK;
    }
    if (t > length || length > LENGTH_MAX ||
        place->bit + width_of(t, length) > (uint64_t)v->len * 8) {
        return error_corrupt(err, "%u positions in a post of %u words are damaged", t, length);
    }
    *count = postings_kernels_best()->keep(v->bytes, v->len, place->bit, t, length, offset, starts,
                                           *count);
    return ANP_OK;
}
