/*
 * What is done to an index while faults come, and how its state is judged afterwards. Through the
 * public functions only.
 *
 * A scenario is a row of steps; a step is one batch, acknowledged when its commit has returned. A
 * model tells what must be in the index after each step: which posts, in which version. Every post
 * names the step that put it ("step7z") so that a query counts what is left of a batch.
 */
#ifndef ANP_TESTS_FAULTS_WORK_H
#define ANP_TESTS_FAULTS_WORK_H

#include "anpsearch.h"
#include "base/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether this is a build in which an index of whole windows and a group is soon made
   (tools/small.txt). */
#define WORK_SMALL (WINDOW_BITS < 10)

enum { WORK_POSTS_MAX = 20000, WORK_POST_BYTES = 4000 };

/* Writes post `number` as step `step` puts it, as JSON; its length. */
size_t work_post(char out[WORK_POST_BYTES], uint32_t number, uint32_t step);

/* What is in the index: for each post the step that put it, plus 1; 0: it is not there. */
typedef struct model {
    uint32_t put_by[WORK_POSTS_MAX];
    uint32_t end; /* posts from here on were never there */
} model;

typedef struct work {
    const char *path;
    anp_index *index;
    anp_writer *writer;
    unsigned step;
} work;

typedef struct scenario {
    const char *name;
    uint32_t base_posts; /* of the index that it begins with; 0: it makes one */
    unsigned steps;
    /* What may be found: not only whole steps but any number of them, acknowledged at the end. */
    bool one_batch;
    void (*change)(model *m, unsigned step);                                  /* the model */
    anp_status (*run)(work *w, const struct scenario *s, unsigned step, anp_error *err);
    bool copies; /* each step also leaves a copy of the index at path.copy */
} scenario;

/*
 * Every scenario that writes; the end has no name. A new operation is one more line of it. A build
 * with small windows (-Dsmall) has one more, in which windows and a group are merged.
 */
extern const scenario scenarios[];

/* What reads: query, similar list, a post, export, verify. */
anp_status work_read(const char *path, anp_error *err);

/* Makes the index that the scenario begins with at path, if it has one. */
void work_prepare(const scenario *s, const char *path);

/* Opens, does steps from `from` on, each of them told to `told` when acknowledged, and closes. */
anp_status work_run(const scenario *s, const char *path, unsigned from,
                    void (*told)(void *user, unsigned steps), void *user, anp_error *err);

/* How an index was found. */
typedef struct verdict {
    bool lost;      /* less than was acknowledged, or half a batch, or wrong answers */
    bool refused;   /* it cannot be opened, or a reading gave an error */
    uint64_t problems; /* of verify */
    bool absent;    /* there is none */
    unsigned steps; /* that it holds */
    double open_ms;
    char why[300];
} verdict;

/*
 * Judges the index at path in a process of its own, so that nothing of this one's state helps;
 * `acknowledged` steps must be there, and one more may.
 */
verdict work_judge(const scenario *s, const char *path, unsigned acknowledged);

/* The same in this process. */
verdict work_judge_here(const scenario *s, const char *path, unsigned acknowledged);

/* Copies an index with what lies beside it, or removes it. */
void work_copy(const char *from, const char *to);
void work_remove(const char *path);

/* Removes it with all that killed processes left beside it. */
void work_sweep(const char *path);

/* Rounds of a test: `usual` when all tests run, `full` with ANP_FAULTS=full. */
unsigned work_rounds(unsigned usual, unsigned full);

/* Whether ANP_SCENARIO, where it is set, names this one: for parts of long runs. */
bool work_wanted(const char *scenario);

/* Before long rounds: the test may take hours then. */
void work_take_time(void);

/* A line of figures, printed with ANP_FAULTS=full only. */
void work_tell(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
