/*
 * index --rebuild: a new index in a name of its own beside the old one, put in its place when
 * whole.
 *
 *     PATH.rebuild-PID  PATH.rebuild-PID-lock  PATH.rebuild-PID.witness     while it grows
 *
 * The three names cannot change all at once. The order makes a kill between any two steps harmless:
 * first the old witness goes (an index without one is fine), then the lock file (which only matters
 * while somebody has the index open), then the index in one atomic step, last the new witness. Who
 * has the old index open keeps it, with its old lock file. Only who opens it within these
 * microseconds may get an index with the wrong lock.
 */
#ifndef ANP_CLI_REBUILD_H
#define ANP_CLI_REBUILD_H

#include "anpsearch.h"

#include <stdbool.h>

typedef struct rebuild {
    char *target; /* links followed */
    char *path;   /* where to build */
} rebuild;

/*
 * Also removes what rebuilds of the same index left that were killed: files whose process no longer
 * lives (on this machine; keep an index off network file systems). False after a message.
 */
bool rebuild_begin(rebuild *r, const char *path);

/* The index at r->path must be closed. False after a message; the old index is then still there. */
bool rebuild_finish(rebuild *r);

/* Removes what was built. */
void rebuild_drop(rebuild *r);

void rebuild_free(rebuild *r);

#endif
