/*
 * What the commands share: each takes the parsed line and standard output, and returns the exit
 * status.
 *
 * The whole room sees anpsearch.h and base alone: what it can do, every program that links the
 * library can.
 */
#ifndef ANP_CLI_CLI_H
#define ANP_CLI_CLI_H

#include "anpsearch.h"
#include "cli/args.h"
#include "cli/output.h"

int cmd_index(const args *a);
int cmd_query(const args *a, output *out);
int cmd_similar(const args *a, output *out);
int cmd_show(const args *a, output *out);
int cmd_delete(const args *a);
int cmd_export(const args *a, output *out);
int cmd_stats(const args *a, output *out);
int cmd_terms(const args *a, output *out);
int cmd_verify(const args *a, output *out);
int cmd_compact(const args *a);
int cmd_backup(const args *a);
int cmd_analyze(const args *a, output *out);

/* --db, else the environment's ANPSEARCH_DB, else anpsearch.db. */
const char *cli_db(const args *a);

/* An index and one state of it. */
typedef struct session {
    anp_index *index;
    anp_snapshot *snapshot;
} session;

/* EXIT_DONE, or another status after a message; then nothing is open. */
int session_open(session *s, const args *a);
void session_close(session *s);

/* -k, or `otherwise`. */
uint32_t cli_k(const args *a, uint32_t otherwise);

/* The common settings of an index and of analyze. */
anp_index_options cli_index_options(const args *a);

/* For standard output: `anpsearch help`, `help COMMAND` and `COMMAND --help`. */
void help_overview(output *out);
void help_summary(output *out, command_id of);
void help_manual(output *out, command_id of);

/* The man page in roff. */
void man_page(output *out);

void completion_bash(output *out);

/* "-k", "--offset" or "-h, --help", with the value behind it: " N"; for texts. */
enum { FLAG_TITLE_BYTES = 80 };
void flag_title(flag_id id, char out[FLAG_TITLE_BYTES]);

#endif
