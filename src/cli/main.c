/* The command anpsearch: parses the line, runs the command, returns its exit status. */
#include "cli/cli.h"
#include "cli/progress.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/*
 * Where a standard stream is closed, the next file that is opened gets its number, and messages
 * would be written into the index. So the numbers are taken first; writing to standard output then
 * fails, as it should.
 */
static void hold_standard_streams(void) {
    for (int fd = 0; fd <= 2; fd++) {
        if (fcntl(fd, F_GETFD) == -1 && open("/dev/null", fd == 2 ? O_WRONLY : O_RDONLY) != fd) {
            _exit(EXIT_IO);
        }
    }
}

static int run_help(const args *a, output *out) {
    if (a->word_count == 0) {
        help_overview(out);
        return EXIT_DONE;
    }
    command_id of = command_find(a->words[0]);
    if (of == COMMANDS) {
        args_refuse_command(a->words[0]);
        return EXIT_USAGE;
    }
    help_manual(out, of);
    return EXIT_DONE;
}

static int run_completion(const args *a, output *out) {
    if (strcmp(a->words[0], "bash") != 0) {
        return fail(EXIT_USAGE,
                    "no completion for '%s', only for bash; see: anpsearch help completion",
                    a->words[0]);
    }
    completion_bash(out);
    return EXIT_DONE;
}

static int run_version(output *out) {
    output_format(out, "anpsearch %s\n", anp_version());
    return EXIT_DONE;
}

static int run_none(const args *a, output *out) {
    if (a->flags[FLAG_VERSION].given) {
        return run_version(out);
    }
    if (a->flags[FLAG_MAN].given) {
        man_page(out);
        return EXIT_DONE;
    }
    return fail(EXIT_USAGE, "which command? See: anpsearch help");
}

static int run(const args *a, output *out) {
    if (a->flags[FLAG_HELP].given) {
        help_summary(out, a->command);
        return EXIT_DONE;
    }
    switch (a->command) {
    case COMMAND_INDEX:
        return cmd_index(a);
    case COMMAND_QUERY:
        return cmd_query(a, out);
    case COMMAND_SIMILAR:
        return cmd_similar(a, out);
    case COMMAND_SHOW:
        return cmd_show(a, out);
    case COMMAND_DELETE:
        return cmd_delete(a);
    case COMMAND_STATS:
        return cmd_stats(a, out);
    case COMMAND_TERMS:
        return cmd_terms(a, out);
    case COMMAND_VERIFY:
        return cmd_verify(a, out);
    case COMMAND_COMPACT:
        return cmd_compact(a);
    case COMMAND_BACKUP:
        return cmd_backup(a);
    case COMMAND_EXPORT:
        return cmd_export(a, out);
    case COMMAND_ANALYZE:
        return cmd_analyze(a, out);
    case COMMAND_COMPLETION:
        return run_completion(a, out);
    case COMMAND_HELP:
        return run_help(a, out);
    case COMMAND_VERSION:
        return run_version(out);
    case COMMAND_NONE:
    case COMMANDS:
        break;
    }
    return run_none(a, out);
}

int main(int argc, char **argv) {
    args a;
    output out;
    hold_standard_streams();
    signal(SIGPIPE, SIG_IGN); /* a reader that has gone is an error of writing */
    output_open(&out);
    int status = args_parse(argc, argv, &a) ? run(&a, &out) : EXIT_USAGE;
    if (status == EXIT_INTERRUPTED && progress_terminated()) {
        status = EXIT_TERMINATED;
    }
    args_free(&a);
    return output_close(&out, true, status);
}
