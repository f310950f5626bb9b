/* The man page, anpsearch(1), from the table of flags.c. */
#include "cli/cli.h"

#include <string.h>

/* Text as roff: no line of it is a request, dashes and backslashes stand for themselves. */
static void print_text(output *out, const char *text) {
    bool line_start = true;
    for (; *text; text++) {
        if (line_start && (*text == '.' || *text == '\'')) {
            output_text(out, "\\&");
        }
        line_start = false;
        if (text[0] == '\n' && text[1] == '\n') {
            output_text(out, "\n.PP\n");
            text++;
            line_start = true;
        } else if (*text == '-') {
            output_text(out, "\\-");
        } else if (*text == '\\') {
            output_text(out, "\\e");
        } else if (*text == '~' || *text == '^') {
            output_text(out, *text == '~' ? "\\(ti" : "\\(ha");
        } else {
            output_bytes(out, text, 1);
        }
    }
    output_text(out, "\n");
}

static void print_commands(output *out) {
    output_text(out, ".SH COMMANDS\n");
    for (command_id id = COMMAND_NONE + 1; id < COMMANDS; id++) {
        const command *c = &commands[id];
        output_text(out, ".SS ");
        output_text(out, c->name);
        output_text(out, *c->synopsis ? " " : "");
        print_text(out, c->synopsis);
        print_text(out, c->help);
        if (c->manual) {
            output_text(out, ".PP\n");
            print_text(out, c->manual);
        }
    }
}

/* "Of index and analyze." */
static void print_owners(output *out, flag_id of) {
    bool first = true;
    output_text(out, "Of ");
    for (command_id id = COMMAND_NONE + 1; id < COMMANDS; id++) {
        if (flag_belongs(of, id)) {
            output_format(out, "%s\\fB%s\\fR", first ? "" : ", ", commands[id].name);
            first = false;
        }
    }
    output_text(out, ".\n");
}

/* "terms: at most N terms", for each command that means something of its own. */
static void print_own_texts(output *out, flag_id id) {
    for (command_id of = COMMAND_NONE + 1; of < COMMANDS; of++) {
        const char *help = flag_help(id, of), *manual = flag_own_manual(id, of);
        if (help != flags[id].help) {
            output_format(out, ".br\n\\fB%s\\fR: ", commands[of].name);
            print_text(out, help);
        }
        if (manual) {
            output_format(out, ".br\n\\fB%s\\fR: ", commands[of].name);
            print_text(out, manual);
        }
    }
}

static void print_flags(output *out) {
    char title[FLAG_TITLE_BYTES];
    output_text(out, ".SH OPTIONS\n");
    for (flag_id id = 0; id < FLAGS; id++) {
        flag_title(id, title);
        output_text(out, ".TP\n.B ");
        print_text(out, title);
        print_text(out, flags[id].help);
        if (flags[id].manual) {
            output_text(out, ".br\n");
            print_text(out, flags[id].manual);
        }
        print_own_texts(out, id);
        if (!flag_belongs(id, COMMAND_NONE)) {
            output_text(out, ".br\n");
            print_owners(out, id);
        }
    }
}

void man_page(output *out) {
    output_format(out, ".TH ANPSEARCH 1 \"\" \"anpsearch %s\" \"User Commands\"\n", anp_version());
    output_text(out, ".SH NAME\nanpsearch \\- full\\-text search and similar posts for technical "
                     "articles\n"
                     ".SH SYNOPSIS\n.B anpsearch\n.I COMMAND\n[\\fIOPTIONS\\fR] [\\fIARGS\\fR]\n"
                     ".SH DESCRIPTION\n");
    print_text(
        out,
        "Keeps posts in one index file, finds them by words, and lists those that repeat each "
        "other. Results go to standard output, everything else to standard error.\n\n"
        "Options may stand before or after the arguments; --name=value and --name value are the "
        "same; -- ends the options. An option that takes several values takes them until the next "
        "option.");
    print_commands(out);
    print_flags(out);
    output_text(out,
                ".SH EXIT STATUS\n"
                ".TP\n0\nDone.\n"
                ".TP\n1\nNothing found: no hit, or an id that is not there.\n"
                ".TP\n2\nWrong usage, or a query that does not parse.\n"
                ".TP\n3\nThe index or a file cannot be read or written, or is damaged.\n"
                ".TP\n4\nSome posts were skipped, or \\-\\-strict stopped.\n"
                ".TP\n130\nCtrl\\-C; what was committed stays.\n"
                ".TP\n143\nThe same by SIGTERM.\n"
                ".SH ENVIRONMENT\n"
                ".TP\nANPSEARCH_DB\nThe index file where no \\-\\-db is given.\n"
                ".TP\nNO_COLOR\nNo bold letters on a terminal.\n"
                ".SH FILES\n"
                ".TP\nanpsearch.db\nThe index file by default. Beside an index PATH stand "
                "PATH\\-lock and PATH.witness: move or delete the three together, while no process "
                "uses them, and keep them off network file systems.\n"
                ".SH EXAMPLES\n.nf\n"
                "anpsearch index posts.jsonl\n"
                "anpsearch query \"cache invalidation\" \\-\\-filter \"quality:>=80\"\n"
                "anpsearch similar \\-\\-id 009715 \\-k 5\n"
                "anpsearch similar \\-\\-all \\-\\-out similar.jsonl\n"
                "anpsearch show \\-\\-id 009715 \\-\\-json\n"
                ".fi\n");
}
