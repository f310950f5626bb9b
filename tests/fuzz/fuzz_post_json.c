/* Any bytes as a JSON post: read, written, read again, shown. */
#include "base/limits.h"
#include "fuzz/fuzz.h"
#include "post/post.h"

#include <math.h>
#include <stdlib.h>

void fuzz_post_json(const uint8_t *bytes, size_t size);

static void need(bool holds) {
    if (!holds) {
        abort();
    }
}

static void check_values(const post *p, const post *again) {
    need(p->value_count == again->value_count && p->value_count <= POST_FIELDS_MAX);
    for (size_t i = 0; i < p->value_count; i++) {
        const post_value *a = &p->values[i], *b = &again->values[i];
        need(str_equal(a->name, b->name) && a->kind == b->kind && str_equal(a->text, b->text));
        need(a->name.len > 0 && a->name.len <= FIELD_NAME_BYTES_MAX);
        need(a->text.len <= FACET_BYTES_MAX);
        need(a->kind == POST_VALUE_NUMBER ? a->text.len == 0 : a->text.len > 0);
        need(isfinite(a->number) && a->number == b->number);
    }
}

static void check_good(const post *p, arena *perm) {
    post again;
    str title, body;
    buffer text = {0};
    need(p->id.len > 0 && p->id.len <= ID_BYTES_MAX);
    need(post_from_json(p->json, perm, &again, NULL) == ANP_OK);
    need(str_equal(p->json, again.json) && str_equal(p->id, again.id));
    need(str_equal(p->topic, again.topic) && str_equal(p->problem, again.problem));
    need(p->stack_count == again.stack_count && p->reviewed == again.reviewed);
    for (int i = 0; i < POST_SCORES; i++) {
        need(p->scores[i] >= 0 && p->scores[i] <= 100 && p->scores[i] == again.scores[i]);
    }
    check_values(p, &again);
    need(post_title_body(p->json, perm, &title, &body, NULL) == ANP_OK);
    need(str_equal(title, p->title) && str_equal(body, p->body));
    need(post_to_text(p->json, &text, NULL) == ANP_OK);
    buffer_free(&text);
}

void fuzz_post_json(const uint8_t *bytes, size_t size) {
    str json = str_make((const char *)bytes, size);
    arena perm = {0};
    post p;
    str title, body;
    buffer text = {0};
    anp_error err = ANP_ERROR_INIT;
    anp_status status = post_from_json(json, &perm, &p, &err);
    need(status == ANP_OK || (status == ANP_BAD_POST && err.message[0] && err.position <= size));
    if (status == ANP_OK) {
        check_good(&p, &perm);
    }
    /* As a stored post these bytes may be damaged, but never more than that. */
    status = post_title_body(json, &perm, &title, &body, &err);
    need(status == ANP_OK || status == ANP_CORRUPT);
    status = post_to_text(json, &text, &err);
    need(status == ANP_OK || status == ANP_CORRUPT);
    buffer_free(&text);
    arena_free(&perm);
}
