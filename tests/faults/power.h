/*
 * What a power failure may leave of some files, worked out from the log of what was written to
 * them (shim.h).
 *
 * Of each write that no later sync covers any sector of 512 bytes may have reached the disk or not,
 * in any order; a file may have grown before its bytes came (then zeros stand there). Of changes of
 * names that no sync of the folder covers any may have happened. A write to a file opened with
 * O_DSYNC is durable when it has returned, and it alone.
 */
#ifndef ANP_TESTS_FAULTS_POWER_H
#define ANP_TESTS_FAULTS_POWER_H

#include "base/prng.h"
#include "faults/shim.h"

typedef struct power power;

/*
 * The log is borrowed; files that were there before are read from `base`, a folder with the same
 * names.
 */
power *power_open(const uint8_t *log, size_t bytes, const char *base);
void power_close(power *p);

/*
 * Goes on to the next entry of the log: it is under way now, all before it have returned. NULL at
 * the end.
 */
const shim_entry *power_next(power *p);

/* The last number that was noted: what was acknowledged. */
unsigned power_noted(const power *p);

/* Bytes of the entry under way. */
const uint8_t *power_bytes(const power *p);

/* One of the many folders that may be found now. */
void power_image(const power *p, prng *random, const char *folder);

/*
 * The folder in which all that was written before the entry under way is there, and of the entry
 * itself, a write, those bytes for which `taken` is not 0.
 */
void power_torn(const power *p, const uint8_t *taken, const char *folder);

/* Whether the entry under way belongs to the file of that name. */
bool power_is_of(const power *p, const char *name);

#endif
