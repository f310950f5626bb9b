/* Checking an index: the store's own checks, then what its values say against each other. */
#ifndef ANP_INDEX_VERIFY_H
#define ANP_INDEX_VERIFY_H

#include "index/index.h"

/*
 * One report line (report may be NULL) for each thing that is wrong; *problems counts them. ANP_OK
 * also when some were found. Quick: the file, counts and set-hashes as recorded, the catalog.
 * Full: every value.
 */
anp_status index_verify(index_handle *index, bool full,
                        void (*report)(void *user, const char *line), void *user,
                        uint64_t *problems, anp_error *err);

#endif
