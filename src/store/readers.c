/*
 * Snapshots that hold the file back.
 *
 * A commit writes the pages it changes anew, and takes for that what former commits gave back, but
 * only up to the oldest snapshot that somebody still reads: what was given back since grows the
 * file. So a verification or a backup of some seconds beside a writer that never rests doubled and
 * tripled the file, which never shrinks again.
 *
 *     file ──────────── in use ────────────┬─ given back, free ─┬─ given back, held ─┐
 *                                                               └ since the oldest snapshot
 *
 * A writer whose last commit grew the file waits a little before the next one, once the file is a
 * quarter larger than what is in use: until no snapshot is older than the last commit, but never
 * longer than WAIT_MS, and not without end for one and the same snapshot. With a writer that never
 * pauses, 8 readers, verify and backup one after the other on two busy processors (faults/soak) the
 * file was 2.3 to 2.5 times what is in use after a minute; now 1.7 to 1.9, and less as it grows.
 */
#include "store/environment.h"

#include <stdio.h>
#include <time.h>

enum {
    WAIT_MS = 50,
    WAITS_MAX = 1200, /* for one snapshot: a minute in all */
    SLACK_BYTES = 4 << 20, /* a file so much larger is nothing to wait for */
};

static int take_line(const char *line, void *user) {
    uint64_t *oldest = user;
    unsigned long long pid, thread, number;
    if (sscanf(line, "%llu %llx %llu", &pid, &thread, &number) == 3 && number < *oldest) {
        *oldest = number;
    }
    return 0;
}

uint64_t readers_oldest(const store *s) {
    uint64_t oldest = UINT64_MAX;
    mdb_reader_list(s->env, take_line, &oldest);
    return oldest;
}

/* Older than the last commit; UINT64_MAX: none is. */
static uint64_t find_holder(const store *s) {
    MDB_envinfo info;
    uint64_t oldest = readers_oldest(s);
    return mdb_env_info(s->env, &info) == 0 && oldest < info.me_last_txnid ? oldest : UINT64_MAX;
}

void readers_wait(store *s) {
    uint64_t holder = find_holder(s);
    if (holder == UINT64_MAX) {
        return;
    }
    if (holder != s->holder) {
        s->holder = holder;
        s->waits = 0;
    }
    if (s->waits == WAITS_MAX) {
        return;
    }
    s->waits++;
    for (int i = 0; i < WAIT_MS && find_holder(s) != UINT64_MAX; i++) {
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
}

bool readers_hold_back(const page_meta *newest, const page_meta *before, uint64_t used_pages) {
    uint64_t slack = (uint64_t)SLACK_BYTES / newest->free.page_bytes;
    return newest->last_page > before->last_page && used_pages <= newest->last_page &&
           newest->last_page > used_pages + used_pages / 4 + slack;
}
