/*
 * The one door to CRoaring. See bitmap.h.
 *
 * CRoaring (5.2) does not check most of its allocations. So it gets its memory from us: when there
 * is none, we leave CRoaring by longjmp out of the allocation, and the set that was being worked on
 * is marked as failed. What it had half done is given back all the same: every block of memory is
 * linked into the list of the set that it was made for, so that a failed set is freed block by
 * block, without a look at its contents.
 *
 *     bitmap ── blocks ⇄ block ⇄ block ⇄ …       block: links, start, bytes │ what CRoaring got
 *
 * Invariant: every call that may allocate is made by work_on, so that `current` is set.
 */
#include "postings/bitmap.h"

#include "base/limits.h"

#include <pthread.h>
#include <roaring.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

typedef struct block {
    struct block *next, *before;
    void *start; /* what malloc gave; before the block where alignment asks for it */
    size_t bytes;
} block;

struct bitmap {
    roaring_bitmap_t *set;
    bool failed;
    block blocks; /* the list's head */
};

typedef struct scope {
    bitmap *owner;
    jmp_buf escape;
} scope;

static _Thread_local scope *current;

/* ---- Memory for CRoaring ------------------------------------------------------------------- */

static void link_block(block *b, void *start, size_t bytes, block *head) {
    *b = (block){head->next, head, start, bytes};
    head->next->before = b;
    head->next = b;
}

static void unlink_block(block *b) {
    b->next->before = b->before;
    b->before->next = b->next;
}

static void *get_memory(size_t bytes) {
    block *b = bytes <= SIZE_MAX - sizeof *b ? malloc(sizeof *b + bytes) : NULL;
    if (!b) {
        longjmp(current->escape, 1);
    }
    link_block(b, b, bytes, &current->owner->blocks);
    return b + 1;
}

static void *get_zeros(size_t count, size_t size) {
    size_t bytes = 0;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        longjmp(current->escape, 1);
    }
    return memset(get_memory(bytes), 0, bytes);
}

/* The block stands right before the aligned place. */
static void *get_aligned(size_t alignment, size_t bytes) {
    size_t room = alignment > sizeof(block) ? alignment : sizeof(block);
    void *start = NULL;
    if (bytes > SIZE_MAX - room || posix_memalign(&start, alignment, room + bytes) != 0) {
        longjmp(current->escape, 1);
    }
    block *b = (block *)(void *)((char *)start + room) - 1;
    link_block(b, start, bytes, &current->owner->blocks);
    return b + 1;
}

static void give_back(void *memory) {
    if (memory) {
        block *b = (block *)memory - 1;
        unlink_block(b);
        free(b->start);
    }
}

static void *get_more(void *memory, size_t bytes) {
    void *more = get_memory(bytes);
    if (memory) {
        size_t held = ((block *)memory - 1)->bytes;
        memcpy(more, memory, held < bytes ? held : bytes);
        give_back(memory);
    }
    return more;
}

static void give_croaring_our_memory(void) {
    roaring_init_memory_hook((roaring_memory_t){.malloc = get_memory,
                                                .realloc = get_more,
                                                .calloc = get_zeros,
                                                .free = give_back,
                                                .aligned_malloc = get_aligned,
                                                .aligned_free = give_back});
}

/* What work_on is to do; which of the fields count depends on the work. */
typedef struct job {
    void (*work)(bitmap *set, const struct job *job);
    const bitmap *other;
    const void *bytes;
    size_t len;
    uint64_t from, to;
} job;

/* Does the job unless memory ends; false and failed for good then, or when it was before. */
static bool work_on(bitmap *set, const job *j) {
    scope s = {.owner = set};
    if (set->failed || (j->other && j->other->failed)) {
        set->failed = true;
        return false;
    }
    current = &s;
    if (setjmp(s.escape) == 0) {
        j->work(set, j);
    } else {
        set->failed = true;
    }
    current = NULL;
    return !set->failed;
}

static bitmap *make(const job *j) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, give_croaring_our_memory);
    bitmap *set = malloc(sizeof *set);
    if (!set) {
        return NULL;
    }
    set->set = NULL;
    set->failed = false;
    set->blocks = (block){.next = &set->blocks, .before = &set->blocks};
    if (!work_on(set, j)) {
        bitmap_free(set);
        return NULL;
    }
    return set;
}

/* ---- Making and freeing -------------------------------------------------------------------- */

static void do_new(bitmap *set, const job *j) {
    (void)j;
    set->set = roaring_bitmap_create();
}

bitmap *bitmap_new(void) {
    return make(&(job){.work = do_new});
}

static void do_copy(bitmap *set, const job *j) {
    set->set = roaring_bitmap_copy(j->other->set);
}

bitmap *bitmap_copy(const bitmap *set) {
    return make(&(job){.work = do_copy, .other = set});
}

void bitmap_free(bitmap *set) {
    if (!set) {
        return;
    }
    while (set->blocks.next != &set->blocks) {
        give_back(set->blocks.next + 1);
    }
    free(set);
}

bool bitmap_failed(const bitmap *set) {
    return set->failed;
}

/* ---- Changing ------------------------------------------------------------------------------ */

static void do_add(bitmap *set, const job *j) {
    roaring_bitmap_add(set->set, (uint32_t)j->from);
}

bool bitmap_add(bitmap *set, uint32_t docno) {
    return work_on(set, &(job){.work = do_add, .from = docno});
}

static void do_remove(bitmap *set, const job *j) {
    roaring_bitmap_remove(set->set, (uint32_t)j->from);
}

bool bitmap_remove(bitmap *set, uint32_t docno) {
    return work_on(set, &(job){.work = do_remove, .from = docno});
}

static void do_add_range(bitmap *set, const job *j) {
    roaring_bitmap_add_range(set->set, j->from, j->to);
}

bool bitmap_add_range(bitmap *set, uint64_t from, uint64_t to) {
    return from >= to ? !set->failed
                      : work_on(set, &(job){.work = do_add_range, .from = from, .to = to});
}

static void do_add_window(bitmap *set, const job *j) {
    const uint16_t *low = j->bytes;
    uint32_t docs[256];
    for (size_t from = 0; from < j->len; from += 256) {
        size_t some = j->len - from < 256 ? j->len - from : 256;
        for (size_t i = 0; i < some; i++) {
            docs[i] = (uint32_t)j->from + low[from + i];
        }
        roaring_bitmap_add_many(set->set, some, docs);
    }
}

bool bitmap_add_window(bitmap *set, uint32_t base, const uint16_t *low, size_t count) {
    return work_on(set, &(job){.work = do_add_window, .bytes = low, .len = count, .from = base});
}

static void do_and(bitmap *set, const job *j) {
    roaring_bitmap_and_inplace(set->set, j->other->set);
}

bool bitmap_and(bitmap *a, const bitmap *b) {
    return work_on(a, &(job){.work = do_and, .other = b});
}

static void do_or(bitmap *set, const job *j) {
    roaring_bitmap_or_inplace(set->set, j->other->set);
}

bool bitmap_or(bitmap *a, const bitmap *b) {
    return work_on(a, &(job){.work = do_or, .other = b});
}

static void do_andnot(bitmap *set, const job *j) {
    roaring_bitmap_andnot_inplace(set->set, j->other->set);
}

bool bitmap_andnot(bitmap *a, const bitmap *b) {
    return work_on(a, &(job){.work = do_andnot, .other = b});
}

/* ---- Asking: nothing here allocates -------------------------------------------------------- */

bool bitmap_contains(const bitmap *set, uint32_t docno) {
    return !set->failed && roaring_bitmap_contains(set->set, docno);
}

uint64_t bitmap_count(const bitmap *set) {
    return set->failed ? 0 : roaring_bitmap_get_cardinality(set->set);
}

uint64_t bitmap_count_range(const bitmap *set, uint64_t from, uint64_t to) {
    return set->failed ? 0 : roaring_bitmap_range_cardinality(set->set, from, to);
}

uint64_t bitmap_and_count(const bitmap *a, const bitmap *b) {
    return a->failed || b->failed ? 0 : roaring_bitmap_and_cardinality(a->set, b->set);
}

bool bitmap_next(const bitmap *set, uint32_t from, uint32_t *docno) {
    roaring_uint32_iterator_t at;
    if (set->failed) {
        return false;
    }
    roaring_iterator_init(set->set, &at);
    if (!roaring_uint32_iterator_move_equalorlarger(&at, from)) {
        return false;
    }
    *docno = at.current_value;
    return true;
}

size_t bitmap_window(const bitmap *set, uint32_t from, uint16_t *out) {
    roaring_uint32_iterator_t at;
    size_t count = 0;
    uint64_t end = (uint64_t)from + WINDOW_DOCS;
    if (set->failed) {
        return 0;
    }
    roaring_iterator_init(set->set, &at);
    if (!roaring_uint32_iterator_move_equalorlarger(&at, from)) {
        return 0;
    }
    uint32_t some[256];
    for (;;) {
        uint32_t got = roaring_uint32_iterator_read(&at, some, 256);
        for (uint32_t i = 0; i < got; i++) {
            if (some[i] >= end) {
                return count;
            }
            out[count++] = (uint16_t)(some[i] - from);
        }
        if (got < 256) {
            return count;
        }
    }
}

/* ---- As bytes ------------------------------------------------------------------------------ */

size_t bitmap_bytes(const bitmap *set) {
    return set->failed ? 0 : roaring_bitmap_portable_size_in_bytes(set->set);
}

size_t bitmap_write(const bitmap *set, char *out) {
    return set->failed ? 0 : roaring_bitmap_portable_serialize(set->set, out);
}

/* Leaves no set when the bytes are none. */
static void do_read(bitmap *set, const job *j) {
    const char *reason = NULL;
    roaring_bitmap_t *read = roaring_bitmap_portable_deserialize_safe(j->bytes, j->len);
    bool whole = read && roaring_bitmap_portable_size_in_bytes(read) == j->len;
    if (whole && roaring_bitmap_internal_validate(read, &reason)) {
        set->set = read;
    }
}

anp_status bitmap_load(const void *bytes, size_t len, bitmap **out) {
    *out = make(&(job){.work = do_read, .bytes = bytes, .len = len});
    if (!*out) {
        return ANP_NOMEM;
    }
    if (!(*out)->set) {
        bitmap_free(*out);
        *out = NULL;
        return ANP_CORRUPT;
    }
    return ANP_OK;
}

bitmap *bitmap_read(const void *bytes, size_t len) {
    bitmap *set = NULL;
    return bitmap_load(bytes, len, &set) == ANP_OK ? set : NULL;
}
