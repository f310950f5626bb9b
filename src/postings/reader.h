/*
 * Reading the sections of a list in place: ordinals, ranks, tfs. What list.h promises of each
 * function holds here; list.c only picks the table of this processor.
 *
 * reader_body.h is the one source, compiled for each level (reader_portable.c, reader_avx2.c, …):
 * bits are counted and found by one instruction where a level has it. All give the same results
 * for lists that list_validate accepts; of damaged ones any, inside the value and the arrays.
 */
#ifndef ANP_POSTINGS_READER_H
#define ANP_POSTINGS_READER_H

#include "postings/kernels.h"
#include "postings/list.h"

typedef struct postings_reader {
    const char *name;
    uint32_t (*docs)(const list_view *view, uint16_t *docs);
    /* The ordinal of one rank below count, of a list that is no bitset. */
    uint16_t (*doc)(const list_view *view, uint32_t rank);
    uint32_t (*rank)(const list_view *view, uint16_t low);
    /* The same, when block() has told the ranks [from, to) of its block. */
    uint32_t (*rank_in)(const list_view *view, uint32_t from, uint32_t to, uint16_t low);
    void (*block)(const list_view *view, uint32_t block, uint32_t *from, uint32_t *to);
    void (*block_bits)(const list_view *view, uint32_t block, uint32_t from, uint32_t to,
                       uint64_t bits[4]);
    /*
     * The ordinals of a block that are in all of `count` lists, the first of them a blocked
     * container and none an array, into docs, which has room for BLOCK_DOCS of them and
     * KERNEL_READ_BYTES; how many. starts: by list, as the kernel of that name says; of a bitset
     * not looked at.
     */
    uint32_t (*block_common)(const list_view *const *lists, const uint16_t *const *starts,
                             uint32_t count, uint32_t block, uint16_t *docs);
    uint32_t (*tf)(const list_view *view, uint32_t rank);
    void (*tfs_at)(const list_view *view, uint32_t from, uint32_t count, uint32_t *tfs);
    const uint8_t *(*tf_bytes)(const list_view *view, uint32_t from, uint32_t count,
                               uint8_t room[LIST_TF_ROOM], bool *large);
    /* The same, and which of them are `least` or more, as bits; how many. */
    uint32_t (*tfs_least)(const list_view *view, uint32_t from, uint32_t count, uint8_t least,
                          uint8_t room[LIST_TF_ROOM + KERNEL_READ_BYTES], const uint8_t **tfs,
                          bool *large, uint64_t bits[KERNEL_BLOCK_WORDS]);
    /* The tfs of 16 ordinals, those of a strip, each in its place: 255 for 255 and more, 0 for one
       that is not in the list. Whether one may be more than 255. Of a list with bounds. */
    bool (*strip_tfs)(const list_view *view, uint32_t strip, uint8_t tfs[LIST_STRIP_DOCS]);
    /*
     * The tfs of those ordinals of a block that are `wanted` (bits), one behind the other, as
     * bytes: 255 for 255 and more, 0 for one that is not in the list. Whether one is 255. Up to
     * KERNEL_READ_BYTES behind them are written too. all: what tfs_of_all gave, or NULL.
     */
    bool (*tfs_of)(const list_view *view, const uint8_t *all, uint32_t block,
                   const uint64_t wanted[KERNEL_BLOCK_WORDS], uint8_t *tfs);
    /* The same, each in its place: those that are not wanted have theirs or 0. Whether one may be
       255. */
    bool (*lane_tfs_of)(const list_view *view, const uint8_t *all, uint32_t block,
                        const uint64_t wanted[KERNEL_BLOCK_WORDS],
                        uint8_t tfs[BLOCK_DOCS]);
    /* As tfs_of, of `count` <= 256 ordinals in any order. starts: of a blocked container, as the
       kernel of that name says; NULL: not known. */
    bool (*tfs_of_docs)(const list_view *view, const uint8_t *all, const uint16_t *starts,
                        const uint16_t *docs, uint32_t count, uint8_t *tfs);
    /* Of all postings, by rank; room for KERNEL_READ_BYTES behind them, which may be read and
       written. */
    void (*tfs_of_all)(const list_view *view, uint8_t *tfs);
    /* positions_find; false where it says ANP_CORRUPT. */
    bool (*places)(positions_finder *finder, const uint16_t *lows, uint32_t count,
                   positions_place *places);
} postings_reader;

/* Those that this processor can run, portable first, the best last; how many. */
size_t postings_readers_all(const postings_reader *const **all);

const postings_reader *postings_reader_best(void);

extern const postings_reader postings_reader_portable;
extern const postings_reader postings_reader_avx2;
extern const postings_reader postings_reader_avx512;

#endif
