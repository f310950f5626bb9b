/* anp-synth: synthetic AlphaNode posts for load tests. Reads the options, runs, tells how it went.
 *
 *     main ─> options
 *          └> output ─> post (what N decides) ─> pools
 *                    └> json, scraped (how it is told) ─> body ─> buffer */
#include "options.h"
#include "output.h"

enum { EXIT_DONE = 0, EXIT_USAGE = 2, EXIT_WRITE = 3 };

int main(int argc, char **argv) {
    synth_options options;
    char message[SYNTH_MESSAGE_BYTES];
    if (!synth_options_parse(&options, argc, argv, message)) {
        fprintf(stderr, "anp-synth: %s\n", message);
        return EXIT_USAGE;
    }
    if (options.help) {
        synth_options_help(stdout);
        return fflush(stdout) == 0 ? EXIT_DONE : EXIT_WRITE;
    }
    if (!synth_output_run(&options, message)) {
        fprintf(stderr, "anp-synth: %s\n", message);
        return EXIT_WRITE;
    }
    return EXIT_DONE;
}
