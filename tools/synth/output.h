/* Makes the posts that the options ask for and puts them where they belong. */
#ifndef SYNTH_OUTPUT_H
#define SYNTH_OUTPUT_H

#include "options.h"

/* False: `message` says what could not be written, and why. */
bool synth_output_run(const synth_options *options, char message[SYNTH_MESSAGE_BYTES]);

#endif
