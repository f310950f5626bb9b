/* anp_analyze: the analyzer's stages, shown. */
#include "api/handles.h"
#include "base/error.h"
#include "text/analyzer.h"

static bool show(const analyzer *a, str text, const text_token *token, arena *scratch,
                 bool (*visit)(void *user, const anp_token *token), void *user, anp_status *status,
                 anp_error *err) {
    static const char *const kinds[] = {"word", "whole", "part"};
    anp_token out = {.source = arena_str(scratch, str_slice(text, token->start, token->end)).data,
                     .folded = arena_str(scratch, token->folded).data,
                     .term = arena_str(scratch, token->term).data,
                     .kind = kinds[token->kind],
                     .position = token->position,
                     .start = token->start,
                     .end = token->end,
                     .stopword = analyzer_is_stopword(a, token->folded)};
    if (!out.source || !out.folded || !out.term) {
        *status = error_nomem(err, "analysing a text");
        return false;
    }
    return visit(user, &out);
}

anp_status anp_analyze(const char *text, size_t len, const anp_index_options *options,
                       bool (*visit)(void *user, const anp_token *token), void *user,
                       anp_error *err) {
    analyzer *a;
    text_tokens tokens;
    arena scratch = {0};
    if ((!text && len) || !visit) {
        return error_set(err, ANP_INVALID, "%s is missing (NULL); pass it",
                         visit ? "the text" : "visit");
    }
    anp_index_options taken = ANP_INDEX_OPTIONS_INIT;
    if (options) {
        TRY(options_take(&taken, sizeof taken, options, err));
    }
    anp_analyzer kind = taken.analyzer ? taken.analyzer : ANP_ANALYZER_TECHNICAL;
    const char *language = taken.language ? taken.language : "english";
    TRY(analyzer_open(kind, language, &a, err));
    str source = str_make(text, len);
    anp_status status = analyzer_run(a, source, &scratch, &tokens, err);
    for (size_t i = 0; status == ANP_OK && i < tokens.count; i++) {
        if (!show(a, source, &tokens.items[i], &scratch, visit, user, &status, err)) {
            break;
        }
    }
    arena_free(&scratch);
    analyzer_close(a);
    return status;
}
