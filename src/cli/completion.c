/* A completion script for bash from the table of flags.c. */
#include "cli/cli.h"

#include <string.h>

static void print_names(output *out, command_id of) {
    for (flag_id id = 0; id < FLAGS; id++) {
        if (flag_belongs(id, of)) {
            if (flags[id].name) {
                output_format(out, " --%s", flags[id].name);
            } else {
                output_format(out, " -%c", flags[id].letter);
            }
        }
    }
}

/* One pattern a choice: after `query --format` these words. */
static void print_choices(output *out) {
    for (command_id of = COMMAND_NONE + 1; of < COMMANDS; of++) {
        for (flag_id id = 0; id < FLAGS; id++) {
            if (!flag_belongs(id, of) || flags[id].kind != FLAG_CHOICE) {
                continue;
            }
            output_format(out, "    '%s --%s') words='", commands[of].name, flags[id].name);
            for (const char *at = flags[id].value; *at; at++) {
                output_bytes(out, *at == '|' ? " " : at, 1);
            }
            output_text(out, "' ;;\n");
        }
    }
}

void completion_bash(output *out) {
    output_text(out, "# bash completion for anpsearch: source <(anpsearch completion bash)\n"
                     "_anpsearch() {\n"
                     "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n"
                     "    local command= words= i\n"
                     "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
                     "        case ${COMP_WORDS[i]} in\n"
                     "        --db) i=$((i + 1)) ;;\n"
                     "        -*) ;;\n"
                     "        *) command=${COMP_WORDS[i]}; break ;;\n"
                     "        esac\n"
                     "    done\n"
                     "    case \"$command $before\" in\n");
    print_choices(out);
    output_text(out, "    *)\n        case $command in\n        '') words='");
    for (command_id id = COMMAND_NONE + 1; id < COMMANDS; id++) {
        output_format(out, "%s%s", id == COMMAND_NONE + 1 ? "" : " ", commands[id].name);
    }
    print_names(out, COMMAND_NONE);
    output_text(out, "' ;;\n");
    for (command_id id = COMMAND_NONE + 1; id < COMMANDS; id++) {
        output_format(out, "        %s) words='", commands[id].name);
        print_names(out, id);
        output_text(out, "' ;;\n");
    }
    output_text(out, "        esac ;;\n"
                     "    esac\n"
                     "    COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
                     "}\n"
                     "complete -o bashdefault -o default -F _anpsearch anpsearch\n");
}
