/* Index and snapshot handles, statistics, terms, verify. */
#include "api/handles.h"
#include "base/error.h"
#include "index/verify.h"
#include "text/analyzer.h"

#include <stdlib.h>

static anp_status invalid(anp_error *err, const char *what) {
    return error_set(err, ANP_INVALID, "%s is missing (NULL); pass it", what);
}

anp_status anp_index_open(const char *path, unsigned flags, const anp_index_options *options,
                          anp_index **out, anp_error *err) {
    if (!path || !out) {
        return invalid(err, path ? "out" : "the path");
    }
    if (flags != ANP_OPEN_READ && flags != ANP_OPEN_WRITE && flags != ANP_OPEN_CREATE) {
        return error_set(err, ANP_INVALID, "open flags %u are unknown; give one of ANP_OPEN_…",
                         flags);
    }
    anp_index_options taken = ANP_INDEX_OPTIONS_INIT;
    if (options) {
        TRY(options_take(&taken, sizeof taken, options, err));
    }
    anp_index *index = calloc(1, sizeof *index);
    if (!index) {
        return error_nomem(err, "opening an index");
    }
    if (pthread_mutex_init(&index->mutex, NULL) != 0) {
        free(index);
        return error_nomem(err, "opening an index");
    }
    anp_status status = index_open(path, flags, options ? &taken : NULL, &index->inner, err);
    if (status != ANP_OK) {
        pthread_mutex_destroy(&index->mutex);
        free(index);
        return status;
    }
    *out = index;
    return ANP_OK;
}

void anp_index_close(anp_index *index) {
    if (index) {
        similar_close(index->similar);
        pthread_mutex_destroy(&index->mutex);
        index_close(index->inner);
        free(index);
    }
}

anp_status anp_snapshot_open(anp_index *index, anp_snapshot **out, anp_error *err) {
    if (!index || !out) {
        return invalid(err, index ? "out" : "the index");
    }
    anp_snapshot *s = calloc(1, sizeof *s);
    if (!s) {
        return error_nomem(err, "a snapshot");
    }
    s->index = index;
    anp_status status = snapshot_open(index->inner, &s->inner, err);
    if (status != ANP_OK) {
        free(s);
        return status;
    }
    *out = s;
    return ANP_OK;
}

void anp_snapshot_close(anp_snapshot *s) {
    if (s) {
        similar_close(s->similar);
        by_sketch_close(s->sketches);
        snapshot_close(s->inner);
        arena_free(&s->memory);
        free(s);
    }
}

anp_status anp_snapshot_stats(anp_snapshot *s, anp_stats *stats, anp_error *err) {
    if (!s || !stats) {
        return invalid(err, s ? "stats" : "the snapshot");
    }
    if (stats->size < sizeof stats->size) {
        return error_set(err, ANP_INVALID, "the size of stats is not set; initialise it with "
                         "ANP_STATS_INIT");
    }
    snapshot_statistics have;
    anp_table_stats *tables = arena_array(&s->memory, anp_table_stats, STORE_TABLES);
    if (!tables) {
        return error_nomem(err, "statistics");
    }
    TRY(snapshot_statistics_of(s->inner, &have, err));
    for (int i = 0; i < STORE_TABLES; i++) {
        tables[i] = (anp_table_stats){store_table_infos[i].name, have.tables[i].entries,
                                      have.tables[i].bytes};
    }
    anp_stats all = {.size = stats->size < sizeof all ? stats->size : sizeof all,
                         .format_version = STORE_FORMAT_VERSION,
                         .analyzer = have.settings->analyzer,
                         .store = have.settings->store,
                         .language = have.settings->language,
                         .title_weight = have.settings->title_weight,
                         .posts_live = snapshot_post_count(s->inner),
                         .posts_deleted = have.deleted,
                         .terms = have.terms,
                         .words = have.words,
                         .length_average = snapshot_length_average(s->inner, INDEX_TEXT),
                         .file_bytes = have.file_bytes,
                         .log_posts = have.log_posts,
                         .segments = have.segments,
                         .windows = have.windows,
                         .table_count = STORE_TABLES,
                         .tables = tables};
    memcpy(stats, &all, all.size);
    return ANP_OK;
}

/* ---- Terms --------------------------------------------------------------------------------- */

typedef struct term_walk {
    snapshot *snapshot;
    str prefix;
    bool (*visit)(void *user, const anp_term *term);
    void *user;
    anp_status status;
    anp_error *err;
} term_walk;

static bool visit_term(void *user, str term, uint32_t number) {
    term_walk *walk = user;
    char text[TERM_BYTES_MAX + 1];
    anp_term out = {.text = text};
    if (!str_starts(term, walk->prefix) || term.len > TERM_BYTES_MAX) {
        return false;
    }
    walk->status = snapshot_term_stats(walk->snapshot, INDEX_TEXT, number, &out.df, &out.cf,
                                       walk->err);
    if (walk->status != ANP_OK) {
        return false;
    }
    memcpy(text, term.data, term.len);
    text[term.len] = 0;
    return out.df == 0 || walk->visit(walk->user, &out);
}

anp_status anp_snapshot_terms(anp_snapshot *s, const char *prefix,
                              bool (*visit)(void *user, const anp_term *term), void *user,
                              anp_error *err) {
    if (!s || !visit) {
        return invalid(err, s ? "visit" : "the snapshot");
    }
    /* Folded as a word would be, but not stemmed: a prefix is seldom a whole word. */
    arena scratch = {0};
    text_tokens tokens = {0};
    str folded = str_from(prefix ? prefix : "");
    analyzer *a = snapshot_analyzer(s->inner);
    anp_status status = a ? analyzer_run(a, folded, &scratch, &tokens, err)
                          : error_nomem(err, "listing terms");
    if (status == ANP_OK && tokens.count) {
        folded = tokens.items[0].folded;
    }
    term_walk walk = {s->inner, folded, visit, user, ANP_OK, err};
    if (status == ANP_OK) {
        status = snapshot_terms(s->inner, folded, visit_term, &walk, err);
    }
    arena_free(&scratch);
    return status == ANP_OK ? walk.status : status;
}

anp_status anp_index_verify(anp_index *index, int depth,
                            void (*report)(void *user, const char *line), void *user,
                            uint64_t *problems, anp_error *err) {
    uint64_t found = 0;
    if (!index) {
        return invalid(err, "the index");
    }
    TRY(index_verify(index->inner, depth != ANP_VERIFY_QUICK, report, user, &found, err));
    if (problems) {
        *problems = found;
    }
    return found == 0 ? ANP_OK
                      : error_set(err, ANP_CORRUPT,
                                  "the index has %llu problem(s); restore a backup, "
                                  "or export what is whole and rebuild",
                                  (unsigned long long)found);
}
