/* The numbers behind a hit, as indented text and as JSON. Both print the same ones, and they add
   up. */
#include "api/handles.h"
#include "base/json.h"

static const char *const score_names[RANK_SCORES] = {"quality", "freshness", "depth", "clarity"};

static void put_part(const query_part *part, const query_explanation *e, buffer *out) {
    if (part->constant) {
        results_line(out, "    %.6f = %.*s: boost\n", part->score, (int)part->name.len,
                     part->name.data);
        return;
    }
    results_line(out,
                 "    %.6f = %.*s: boost %g * idf %.6f (df %llu of %llu) * tf %u / "
                 "(tf + norm %.6f; length %u, average %.2f)\n",
                 part->score, (int)part->name.len, part->name.data, part->boost, part->idf,
                 (unsigned long long)part->df, (unsigned long long)e->post_count, part->tf,
                 part->norm, part->length, part->length_average);
}

void explanation_text(const anp_results *r, size_t i, buffer *out) {
    const query_explanation *e = r->explanations[i];
    const anp_hit *hit = &r->hits[i];
    results_line(out, "%.6f = score = bm25 %.6f * factor %.6f\n", hit->score, hit->bm25, e->factor);
    results_line(out, "  %.6f = bm25 (k1 %g, b %g), the sum of\n", hit->bm25, r->rank.k1,
                 r->rank.b);
    for (size_t p = 0; p < e->part_count; p++) {
        put_part(&e->parts[p], e, out);
    }
    results_line(out, "  %.6f = factor = 1 + blend %g * (2 * prior %.6f - 1)\n", e->factor,
                 r->rank.blend, e->prior);
    results_line(out, "    %.6f = prior, the mean of", e->prior);
    for (int s = 0; s < RANK_SCORES; s++) {
        results_line(out, "%s %s %g/100 (weight %g)", s ? "," : "", score_names[s], e->scores[s],
                     r->rank.weights[s]);
    }
    results_line(out, "\n");
}

static void put_number(buffer *out, const char *key, double value) {
    json_put_key(out, key);
    json_put_double(out, value);
}

static void put_part_json(const query_part *part, buffer *out) {
    buffer_put_u8(out, '{');
    json_put_key(out, "term");
    json_put_string(out, part->name);
    put_number(out, "boost", part->boost);
    if (!part->constant) {
        put_number(out, "df", (double)part->df);
        put_number(out, "idf", part->idf);
        put_number(out, "tf", part->tf);
        put_number(out, "length", part->length);
        put_number(out, "length_average", part->length_average);
        put_number(out, "norm", part->norm);
    }
    put_number(out, "score", part->score);
    buffer_put_u8(out, '}');
}

void explanation_json(const anp_results *r, size_t i, buffer *out) {
    const query_explanation *e = r->explanations[i];
    const anp_hit *hit = &r->hits[i];
    buffer_put_u8(out, '{');
    put_number(out, "score", hit->score);
    put_number(out, "bm25", hit->bm25);
    put_number(out, "factor", e->factor);
    put_number(out, "blend", r->rank.blend);
    put_number(out, "prior", e->prior);
    put_number(out, "k1", r->rank.k1);
    put_number(out, "b", r->rank.b);
    put_number(out, "posts", (double)e->post_count);
    json_put_key(out, "scores");
    buffer_put_u8(out, '{');
    for (int s = 0; s < RANK_SCORES; s++) {
        put_number(out, score_names[s], e->scores[s]);
    }
    buffer_put_u8(out, '}');
    json_put_key(out, "weights");
    buffer_put_u8(out, '{');
    for (int s = 0; s < RANK_SCORES; s++) {
        put_number(out, score_names[s], r->rank.weights[s]);
    }
    buffer_put_u8(out, '}');
    json_put_key(out, "terms");
    buffer_put_u8(out, '[');
    for (size_t p = 0; p < e->part_count; p++) {
        if (p) {
            buffer_put_u8(out, ',');
        }
        put_part_json(&e->parts[p], out);
    }
    buffer_put_str(out, STR("]}"));
}
