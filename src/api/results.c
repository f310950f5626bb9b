/* Results: what a query or a similar list gave, and its JSON. */
#include "api/handles.h"
#include "base/json.h"
#include "text/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

uint64_t clock_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

anp_results *results_new(results_kind kind) {
    arena memory = {0};
    anp_results *r = arena_new(&memory, anp_results);
    if (r) {
        r->memory = memory;
        r->kind = kind;
        r->timed = true;
    }
    return r;
}

void results_line(buffer *out, const char *format, ...) {
    char line[1024];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    buffer_put(out, line, len < (int)sizeof line ? (size_t)len : sizeof line - 1);
}

const char *results_text(anp_results *r, str text) {
    return text.data ? arena_str(&r->memory, text).data : "";
}

str results_utf8(anp_results *r, str text) {
    /* A bad byte becomes three at most. */
    char *copy = arena_alloc(&r->memory, text.len * 3 + 1), *to = copy;
    for (size_t at = 0; copy && at < text.len;) {
        if ((uint8_t)text.data[at] < 0x80) {
            *to++ = text.data[at++];
        } else {
            to = utf8_encode(to, utf8_decode(text, at, &at));
        }
    }
    if (!copy) {
        return (str){NULL, 0};
    }
    *to = 0;
    return str_make(copy, (size_t)(to - copy));
}

void anp_results_free(anp_results *r) {
    if (r) {
        arena memory = r->memory;
        free(r->json);
        arena_free(&memory);
    }
}

size_t anp_results_count(const anp_results *r) {
    return r->count;
}

uint64_t anp_results_total(const anp_results *r) {
    return r->total;
}

uint64_t anp_results_took_us(const anp_results *r) {
    return r->took_us;
}

anp_hit anp_results_hit(const anp_results *r, size_t i) {
    return r->hits[i];
}

const char *anp_results_subject(const anp_results *r, const char **title) {
    if (title) {
        *title = r->title;
    }
    return r->subject.data;
}

const char *anp_results_note(const anp_results *r) {
    return r->note;
}

const char *anp_results_trace(const anp_results *r) {
    return r->trace;
}

const char *anp_results_explanation(const anp_results *results, size_t i) {
    anp_results *r = (anp_results *)(uintptr_t)results; /* fills a cache that callers cannot see */
    if (!r->explanation_texts || i >= r->count || (!r->shared && !r->explanations[i])) {
        return NULL;
    }
    if (!r->explanation_texts[i]) {
        buffer text = {0};
        if (r->shared) {
            shared_text(r, i, &text);
        } else {
            explanation_text(r, i, &text);
        }
        r->explanation_texts[i] =
            text.failed ? NULL : results_text(r, str_make((const char *)text.data, text.len));
        buffer_free(&text);
    }
    return r->explanation_texts[i];
}

static void put_number(buffer *out, const char *key, double value) {
    json_put_key(out, key);
    json_put_double(out, value);
}

static void put_text(buffer *out, const char *key, const char *value) {
    json_put_key(out, key);
    json_put_string(out, str_from(value));
}

static void put_hit(const anp_results *r, size_t i, buffer *out) {
    const anp_hit *hit = &r->hits[i];
    buffer_put_str(out, i ? STR(",{") : STR("{"));
    json_put_key(out, "rank");
    json_put_u64(out, hit->rank);
    put_text(out, "id", hit->id);
    if (r->kind != RESULTS_QUERY) {
        put_number(out, "similarity", hit->similarity);
    } else {
        put_number(out, "score", hit->score);
        put_number(out, "bm25", hit->bm25);
        put_number(out, "prior", hit->prior);
    }
    put_text(out, "title", hit->title);
    if (hit->snippet) {
        put_text(out, "snippet", hit->snippet);
    }
    if (r->shared || (r->explanations && r->explanations[i])) {
        json_put_key(out, "explain");
        if (r->shared) {
            shared_json(r, i, out);
        } else {
            explanation_json(r, i, out);
        }
    }
    buffer_put_u8(out, '}');
}

/* A group of near-duplicates: the one that represents it, then the others. */
static void put_cluster(const anp_results *r, buffer *out) {
    buffer_put_u8(out, '{');
    json_put_key(out, "representative");
    json_put_string(out, r->subject);
    put_text(out, "title", r->title);
    json_put_key(out, "size");
    json_put_u64(out, r->count + 1);
    json_put_key(out, "posts");
    buffer_put_u8(out, '[');
    for (size_t i = 0; i < r->count; i++) {
        put_hit(r, i, out);
    }
    buffer_put_str(out, str_make("]}", 3)); /* with the terminating NUL */
}

static void put_results(const anp_results *r, buffer *out) {
    if (r->kind == RESULTS_CLUSTER) {
        put_cluster(r, out);
        return;
    }
    buffer_put_u8(out, '{');
    json_put_key(out, r->kind == RESULTS_QUERY ? "query" : "id");
    if (r->subject.data) {
        json_put_string(out, r->subject);
    } else {
        buffer_put_str(out, STR("null"));
    }
    if (r->kind == RESULTS_QUERY) {
        json_put_key(out, "total");
        json_put_u64(out, r->total);
    }
    if (!r->count_only) {
        if (r->timed) {
            json_put_key(out, "took_us");
            json_put_u64(out, r->took_us);
        }
        json_put_key(out, "hits");
        buffer_put_u8(out, '[');
        for (size_t i = 0; i < r->count; i++) {
            put_hit(r, i, out);
        }
        buffer_put_u8(out, ']');
        if (r->kind == RESULTS_QUERY) {
            json_put_key(out, "suggestion");
            buffer_put_str(out, STR("null"));
        }
    }
    buffer_put_str(out, str_make("}", 2)); /* with the terminating NUL */
}

const char *anp_results_json(anp_results *r) {
    if (!r->json) {
        buffer out = {0};
        put_results(r, &out);
        if (out.failed) {
            buffer_free(&out);
            return NULL;
        }
        r->json = (char *)out.data;
    }
    return r->json;
}
