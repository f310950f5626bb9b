/*
 * One list without a corpus in memory: for a process that asks once.
 *
 *     chunks ─> dfs of all features ─> weights ─> every live post compared in full ─> k
 *               (first pass, threads)            (second pass, threads; by class)
 *
 * The same answers as the finder's, to the bit: both add up whole numbers. Cost: every post of the
 * index, some 0.2 µs of a processor each and 15 where no chunk has it; memory, what is decoded.
 */
#ifndef ANP_SIMILAR_SCAN_H
#define ANP_SIMILAR_SCAN_H

#include "similar/similar.h"

/* Whether chunks have nearly all posts, so that a scan costs less than to load a corpus. */
anp_status scan_pays(snapshot *s, bool *pays, anp_error *err);

/* As similar_to_post and similar_to_text; options as for similar_open. */
anp_status scan_to_post(snapshot *s, uint32_t docno, const similar_request *request,
                        const corpus_options *options, arena *perm, similar_answer *out,
                        anp_error *err);
anp_status scan_to_text(snapshot *s, str body, const similar_request *request,
                        const corpus_options *options, arena *perm, similar_answer *out,
                        anp_error *err);

#endif
