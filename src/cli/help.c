/* Texts for people from the table of flags.c. */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

enum { TEXT_COLUMNS = 78, OPTION_COLUMN = 26 };

void flag_title(flag_id id, char out[FLAG_TITLE_BYTES]) {
    const flag *f = &flags[id];
    char letter[8] = "", name[FLAG_TITLE_BYTES / 2] = "";
    if (f->letter) {
        snprintf(letter, sizeof letter, "-%c", f->letter);
    }
    if (f->name) {
        snprintf(name, sizeof name, "--%s", f->name);
    }
    snprintf(out, FLAG_TITLE_BYTES, "%s%s%s%s%s", letter, f->letter && f->name ? ", " : "", name,
             f->value ? " " : "", f->value ? f->value : "");
}

/* Wraps at blanks; every line begins with `indent` blanks; a blank line ends a paragraph. */
static void print_wrapped(output *out, const char *text, int indent) {
    int column = 0;
    while (*text) {
        size_t len = strcspn(text, " \n");
        if (column && column + 1 + (int)len > TEXT_COLUMNS) {
            output_text(out, "\n");
            column = 0;
        }
        output_format(out, "%*s%.*s", column ? 1 : indent, "", (int)len, text);
        column += (column ? 1 : indent) + (int)len;
        text += len;
        if (strncmp(text, "\n\n", 2) == 0) {
            output_text(out, "\n\n");
            column = 0;
        }
        text += strspn(text, " \n");
    }
    output_text(out, "\n");
}

static void print_synopsis(output *out, command_id of) {
    const command *c = &commands[of];
    output_format(out, "usage: anpsearch %s%s[OPTIONS]%s%s\n", c->name, *c->name ? " " : "",
                  *c->synopsis ? " " : "", c->synopsis);
}

static void print_options(output *out, command_id of, bool with_manual) {
    char title[FLAG_TITLE_BYTES];
    output_text(out, "\noptions:\n");
    for (flag_id id = 0; id < FLAGS; id++) {
        if (!flag_belongs(id, of)) {
            continue;
        }
        flag_title(id, title);
        if (with_manual) {
            output_format(out, "  %s\n", title);
            print_wrapped(out, flag_help(id, of), 6);
            if (flags[id].manual) {
                print_wrapped(out, flags[id].manual, 6);
            }
            if (flag_own_manual(id, of)) {
                print_wrapped(out, flag_own_manual(id, of), 6);
            }
        } else if (strlen(title) > OPTION_COLUMN - 4) {
            output_format(out, "  %s\n%*s%s\n", title, OPTION_COLUMN, "", flag_help(id, of));
        } else {
            output_format(out, "  %-*s%s\n", OPTION_COLUMN - 2, title, flag_help(id, of));
        }
    }
}

void help_overview(output *out) {
    output_text(out, "anpsearch: full-text search and similar posts for technical articles\n\n"
                     "usage: anpsearch COMMAND [OPTIONS] [ARGS]\n\ncommands:\n");
    for (command_id id = COMMAND_NONE + 1; id < COMMANDS; id++) {
        output_format(out, "  %-*s%s\n", OPTION_COLUMN - 2, commands[id].name, commands[id].help);
    }
    print_options(out, COMMAND_NONE, false);
    output_text(
        out, "\n"
             "anpsearch COMMAND --help lists the options of a command, anpsearch help COMMAND\n"
             "explains them.\n\n"
             "exit status: 0 done; 1 nothing found; 2 wrong usage or query; 3 the index or a\n"
             "file cannot be read or written, or is damaged; 4 posts were skipped; 130 Ctrl-C;\n"
             "143 SIGTERM\n");
}

void help_summary(output *out, command_id of) {
    if (of == COMMAND_NONE) {
        help_overview(out);
        return;
    }
    print_synopsis(out, of);
    output_format(out, "\n%s\n", commands[of].help);
    print_options(out, of, false);
    output_format(out, "\nmore: anpsearch help %s\n", commands[of].name);
}

void help_manual(output *out, command_id of) {
    print_synopsis(out, of);
    output_text(out, "\n");
    print_wrapped(out, commands[of].help, 0);
    if (commands[of].manual) {
        output_text(out, "\n");
        print_wrapped(out, commands[of].manual, 0);
    }
    print_options(out, of, true);
}
