/*
 * The inner loops over sets of ordinals, one file of them for each kind of processor.
 *
 * kernels_body.h is the one source; it is compiled for each level (kernels_portable.c,
 * kernels_avx2.c, …), with a few lines by hand where a level has an instruction that compilers do
 * not find. All give the same results.
 */
#ifndef ANP_POSTINGS_KERNELS_H
#define ANP_POSTINGS_KERNELS_H

#include "base/bytes.h"
#include "base/limits.h"

enum { KERNEL_WORDS = 1024, KERNEL_BLOCK_WORDS = 4, KERNEL_READ_BYTES = 64 };

typedef struct postings_kernels {
    const char *name;

    /*
     * Puts a byte for each 1 of the 256 bits into its lane, 0 into the others. `bytes` are as many
     * as there are 1s; up to KERNEL_READ_BYTES behind them are read.
     */
    void (*expand)(const uint64_t bits[KERNEL_BLOCK_WORDS], const uint8_t *bytes,
                   uint8_t lanes[BLOCK_DOCS]);

    /* Which of `count` <= 256 bytes are `least` or more, as bits, 0 behind them; how many. */
    uint32_t (*at_least)(const uint8_t *bytes, uint32_t count, uint8_t least,
                         uint64_t bits[KERNEL_BLOCK_WORDS]);

    /*
     * Of 64 * words places those with a 1: first | their low, and their byte. How many; up to
     * KERNEL_READ_BYTES numbers behind them are written too.
     */
    uint32_t (*pick)(const uint64_t *bits, uint32_t words, const uint8_t *lows,
                     const uint8_t *bytes, uint16_t first, uint16_t *docs, uint8_t *out);

    /*
     * Codes of 2 or 4 bits, lowest first, as tfs of a byte each (code + 1); count is a multiple of
     * the codes in a byte.
     */
    void (*tfs_of_2)(const uint8_t *codes, uint32_t count, uint8_t *tfs);
    void (*tfs_of_4)(const uint8_t *codes, uint32_t count, uint8_t *tfs);

    /* The 1s of a AND b, of a window's 65,536 ordinals, at any alignment. */
    uint32_t (*and_count)(const uint8_t *a, const uint8_t *b);
    /* The same of so many words, a multiple of KERNEL_BLOCK_WORDS. */
    uint32_t (*and_count_some)(const uint64_t *a, const uint64_t *b, uint32_t words);
    /* a = a AND b, a = a OR b, a = a AND NOT b; the 1s that are left. */
    uint32_t (*and_into)(uint64_t *a, const uint8_t *b);
    uint32_t (*or_into)(uint64_t *a, const uint8_t *b);
    uint32_t (*andnot_into)(uint64_t *a, const uint8_t *b);
    uint32_t (*count)(const uint64_t *a);
    /* The 1s of a block. */
    uint32_t (*block_count)(const uint64_t bits[KERNEL_BLOCK_WORDS]);
    /* Sets the bits of ordinals. */
    void (*set)(uint64_t *a, const uint16_t *docs, uint32_t count);

    /*
     * Where the blocks of a blocked container begin: starts[block] to starts[256], from `high`
     * (format.h) of `words` u64s. Of damaged bits any, but none above `count`.
     */
    void (*starts)(const uint8_t *high, uint32_t words, uint32_t count, uint16_t starts[257]);

    /*
     * Keeps of ascending lows those (or, with `drop`, the others) whose low byte stands in their
     * block's run of a blocked container's bytes; how many. KERNEL_READ_BYTES behind the container
     * are read.
     */
    uint32_t (*keep_docs)(uint16_t *docs, uint32_t count, const uint8_t *container,
                          const uint16_t starts[257], bool drop);

    /* The same, whose bit is 1 (or, with `drop`, 0) of a window's. */
    uint32_t (*keep_in)(uint16_t *docs, uint32_t count, const uint8_t *bits, bool drop);

    /*
     * The bits that the positions of each of `count` postings take, of their numbers of positions
     * and their posts' lengths; false where a post has fewer words than positions.
     */
    bool (*widths_each)(const uint32_t *numbers, const uint32_t *lengths, uint32_t count,
                        uint32_t *each);

    /*
     * Keeps those of `count` starts, each greater than the one before, for which start + offset is
     * among the t > 4 positions whose Elias-Fano form begins at `bit` of bytes; how many. Of few
     * starts whole words of it are passed over.
     */
    uint32_t (*keep)(const uint8_t *bytes, size_t len, uint64_t bit, uint32_t t, uint32_t length,
                     uint32_t offset, uint32_t *starts, uint32_t count);

    /* All of these positions; false where there are fewer than t. Damaged ones may be any. */
    bool (*elias_fano)(const uint8_t *bytes, size_t len, uint64_t bit, uint32_t t, uint32_t length,
                       uint32_t *out);
} postings_kernels;

/* Those that this processor can run, portable first, the best last; how many. */
size_t postings_kernels_all(const postings_kernels *const **all);

const postings_kernels *postings_kernels_best(void);

extern const postings_kernels postings_kernels_portable;
extern const postings_kernels postings_kernels_avx2;
extern const postings_kernels postings_kernels_avx512;

#endif
