/* An open index, as most commands need it; see cli.h. */
#include "cli/cli.h"

#include <stdlib.h>

const char *cli_db(const args *a) {
    const char *path = a->flags[FLAG_DB].text;
    if (!path) {
        path = getenv("ANPSEARCH_DB");
    }
    return path && *path ? path : "anpsearch.db";
}

int session_open(session *s, const args *a) {
    anp_error err = ANP_ERROR_INIT;
    *s = (session){NULL, NULL};
    anp_status status = anp_index_open(cli_db(a), ANP_OPEN_READ, NULL, &s->index, &err);
    if (status == ANP_OK) {
        status = anp_snapshot_open(s->index, &s->snapshot, &err);
    }
    if (status != ANP_OK) {
        session_close(s);
    }
    return fail_file(status, &err);
}

void session_close(session *s) {
    anp_snapshot_close(s->snapshot);
    anp_index_close(s->index);
    *s = (session){NULL, NULL};
}

uint32_t cli_k(const args *a, uint32_t otherwise) {
    return a->flags[FLAG_K].given ? (uint32_t)a->flags[FLAG_K].count : otherwise;
}

anp_index_options cli_index_options(const args *a) {
    anp_index_options options = ANP_INDEX_OPTIONS_INIT;
    if (a->flags[FLAG_ANALYZER].given) {
        static const anp_analyzer analyzers[] = {ANP_ANALYZER_TECHNICAL, ANP_ANALYZER_PLAIN};
        options.analyzer = analyzers[a->flags[FLAG_ANALYZER].choice];
    }
    options.language = a->flags[FLAG_LANG].text;
    return options;
}
