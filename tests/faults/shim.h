/*
 * Faults on demand: the C library's calls that touch files, and its allocations, pass through here
 * on their way from the library, LMDB, zstd and CRoaring. They can be counted, the n-th can fail or
 * be the last one before SIGKILL, and all that changes files can be written down, so that what a
 * power failure leaves can be worked out afterwards (power.h).
 *
 * Nothing happens until shim_begin, which is called in a child of the test. The same source is also
 * a library for LD_PRELOAD, which reads its plan from the environment: see the end of shim.c.
 */
#ifndef ANP_TESTS_FAULTS_SHIM_H
#define ANP_TESTS_FAULTS_SHIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How a process dies at a change: with it not done, half done (a write), or done. */
typedef enum shim_death { SHIM_BEFORE, SHIM_HALF, SHIM_AFTER, SHIM_DEATHS } shim_death;

/* Numbers count from 1; 0 is never. */
typedef struct shim_plan {
    const char *folder;       /* whole path: changes of its files are counted and written down */
    uint64_t kill_at_change;
    shim_death death;
    uint64_t fail_call;
    int fail_code;            /* an errno */
    uint64_t fail_allocation;
    uint32_t medium;          /* not 0: the magic number that every file system says it has */
    bool log;
} shim_plan;

/* What a process counted; the parent sees it too. */
typedef struct shim_counts {
    uint64_t calls;
    uint64_t changes;
    uint64_t allocations;
    bool fired;         /* the fault that was planned has happened */
    char what[32];      /* the call that it was */
} shim_counts;

/* One entry of the log; `bytes` of a write follow it, or the names, each ended by a NUL. */
typedef enum shim_kind {
    SHIM_EXISTS, /* a file of before: name */
    SHIM_CREATE, /* name */
    SHIM_WRITE,
    SHIM_TRUNCATE, /* to `offset` */
    SHIM_SYNC,
    SHIM_SYNC_FOLDER,
    SHIM_RENAME, /* two names */
    SHIM_LINK,   /* two names */
    SHIM_UNLINK, /* name */
    SHIM_NOTE,   /* the test's own: `offset` */
} shim_kind;

typedef struct shim_entry {
    uint32_t kind;
    uint32_t file;   /* number of the file, from 0 */
    uint64_t offset;
    uint32_t bytes;  /* that follow; the next entry begins 8-byte aligned */
    uint32_t synced; /* a write that is durable when it returns (O_DSYNC) */
} shim_entry;

/* Whether this build can do it: not under sanitizers, nor without glibc. */
bool shim_works(void);

/* Once in the parent: memory that it shares with its children. */
void shim_share(void);

/* In a child. */
void shim_begin(const shim_plan *plan);
void shim_end(void);
void shim_note(uint64_t number);

/* In the parent, after the child has ended. */
const shim_counts *shim_counted(void);
const uint8_t *shim_log(size_t *bytes); /* entries, one behind the other */

#endif
