/*
 * What a long command shows, and hears: a bar on standard error when that is a terminal, and
 * Ctrl-C or SIGTERM.
 */
#ifndef ANP_CLI_PROGRESS_H
#define ANP_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct progress {
    bool terminal;
    bool shown; /* a bar stands in the last line */
    double start;
    double last; /* when it was drawn */
} progress;

void progress_begin(progress *p);

/*
 * Draws the bar, ten times a second at most: `posts` so far, and how much of the whole is done, in
 * any unit (whole 0: not known).
 */
void progress_show(progress *p, uint64_t posts, uint64_t done, uint64_t whole);

/* The same for work that counts no posts: what it does, and how far it is. */
void progress_show_step(progress *p, const char *step, uint64_t done, uint64_t whole);

/*
 * Takes the bar away, so that something else can be written; the next progress_show draws it again.
 */
void progress_clear(progress *p);

double progress_seconds(const progress *p);

/*
 * From now on the first Ctrl-C is only noted, and the first SIGTERM; a second one kills as usual.
 * Where one is ignored, as Ctrl-C in the background of a script, it stays so.
 */
void progress_catch_interrupt(void);
bool progress_interrupted(void);

/* Whether it was SIGTERM. */
bool progress_terminated(void);

#endif
