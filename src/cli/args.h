/*
 * The command line, parsed: which command, the value of each option, the words that are no options.
 */
#ifndef ANP_CLI_ARGS_H
#define ANP_CLI_ARGS_H

#include "cli/flags.h"

typedef struct flag_value {
    bool given;
    const char *text; /* as typed; NULL for a switch */
    uint64_t count;   /* of counts and bytes */
    double number;    /* of numbers */
    int choice;       /* of choices: which word */
} flag_value;

typedef struct args {
    command_id command;
    flag_value flags[FLAGS];
    const char **words; /* not options, in order */
    size_t word_count;
    const char **ids; /* the values of FLAG_IDS */
    size_t id_count;
} args;

/*
 * False after a message when the line is wrong. The texts are those of argv; give the arrays back
 * with args_free in either case. Of an option that stands twice the last one counts, except that
 * ids add up.
 */
bool args_parse(int argc, char **argv, args *out);
void args_free(args *a);

/* False after the message for a name that is no command. */
bool args_refuse_command(const char *name);

/* A decimal number that is finite and has no blanks around it: `text` up to `end`. */
bool args_number(const char *text, const char *end, double *out);

#endif
