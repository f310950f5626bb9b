/* The command line of anp-synth. One table makes the parser and the help. */
#ifndef SYNTH_OPTIONS_H
#define SYNTH_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "post.h"

typedef enum synth_format { SYNTH_JSONL, SYNTH_SCRAPED } synth_format;

typedef struct synth_options {
    uint64_t from;
    uint64_t count;
    synth_format format;
    const char *out; /* NULL: standard output */
    const char *dir; /* NULL: no folder */
    synth_sizes sizes;
    uint32_t threads;
    bool help;
} synth_options;

enum { SYNTH_MESSAGE_BYTES = 256 };

/* False where the line makes no sense: `message` then says what is wrong and what is wanted. */
bool synth_options_parse(synth_options *options, int argc, char **argv,
                         char message[SYNTH_MESSAGE_BYTES]);
void synth_options_help(FILE *to);

#endif
