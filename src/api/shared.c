/* What a hit shares with the probe, as indented text and as JSON: the same numbers, which add
   up. */
#include "api/handles.h"
#include "base/json.h"
#include "similar/shared.h"

static void put_side(const char *name, const char *kind, const shared_side *side, buffer *out) {
    if (!side->counts) {
        return;
    }
    results_line(out, "  %.6f = %s = %.6f shared / %.6f of both\n", side->likeness, name,
                 side->both, side->either);
    for (size_t i = 0; i < side->count; i++) {
        const shared_feature *f = &side->features[i];
        results_line(out, "    %.6f = %.*s (%s in %u posts)\n", f->weight, (int)f->name.len,
                     f->name.data, kind, f->df);
    }
}

void shared_text(const anp_results *r, size_t i, buffer *out) {
    const shared_parts *p = &r->shared[i];
    bool blend = p->text.counts && p->about.counts;
    results_line(out, "%.6f = similarity%s, of %llu posts\n", p->likeness,
                 blend               ? " = 0.4 * text + 0.6 * about"
                 : p->text.counts    ? " = text"
                 : " = about",
                 (unsigned long long)p->posts);
    put_side("about", "a term", &p->about, out);
    put_side("text", "3 words", &p->text, out);
}

static void put_number(buffer *out, const char *key, double value) {
    json_put_key(out, key);
    json_put_double(out, value);
}

static void put_side_json(const char *key, const char *name, const shared_side *side,
                          buffer *out) {
    if (!side->counts) {
        return;
    }
    json_put_key(out, key);
    buffer_put_u8(out, '{');
    put_number(out, "similarity", side->likeness);
    put_number(out, "shared", side->both);
    put_number(out, "either", side->either);
    json_put_key(out, "features");
    buffer_put_u8(out, '[');
    for (size_t i = 0; i < side->count; i++) {
        buffer_put_str(out, i ? STR(",{") : STR("{"));
        json_put_key(out, name);
        json_put_string(out, side->features[i].name);
        put_number(out, "df", side->features[i].df);
        put_number(out, "weight", side->features[i].weight);
        buffer_put_u8(out, '}');
    }
    buffer_put_str(out, STR("]}"));
}

void shared_json(const anp_results *r, size_t i, buffer *out) {
    const shared_parts *p = &r->shared[i];
    static const char *const measures[] = {"blend", "jaccard", "text", "about", "blend"};
    buffer_put_u8(out, '{');
    json_put_key(out, "measure");
    json_put_string(out, str_from(measures[p->measure]));
    put_number(out, "similarity", p->likeness);
    put_number(out, "posts", (double)p->posts);
    put_side_json("about", "term", &p->about, out);
    put_side_json("text", "shingle", &p->text, out);
    buffer_put_u8(out, '}');
}
