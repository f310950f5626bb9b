/* Any bytes as a scraped post: what comes out must be a good JSON post that says the same. */
#include "base/limits.h"
#include "fuzz/fuzz.h"
#include "post/post.h"

#include <stdlib.h>

void fuzz_post_scraped(const uint8_t *bytes, size_t size);

static void need(bool holds) {
    if (!holds) {
        abort();
    }
}

void fuzz_post_scraped(const uint8_t *bytes, size_t size) {
    arena perm = {0};
    post p, again;
    buffer text = {0};
    anp_error err = ANP_ERROR_INIT;
    anp_status status =
        post_from_scraped(str_make((const char *)bytes, size), STR("stem"), &perm, &p, &err);
    need(status == ANP_OK || (status == ANP_BAD_POST && err.message[0] && err.position > 0));
    if (status == ANP_OK) {
        need(p.title.len > 0 && p.id.len > 0 && p.id.len <= ID_BYTES_MAX);
        need(post_from_json(p.json, &perm, &again, NULL) == ANP_OK);
        need(str_equal(p.json, again.json) && str_equal(p.body, again.body));
        need(p.value_count == again.value_count);
        need(post_to_text(p.json, &text, NULL) == ANP_OK);
    } else {
        /* Only these are refused: no title, bytes that are not UTF-8, a bad id. */
        need(strstr(err.message, "title") || strstr(err.message, "UTF-8") ||
             strstr(err.message, "id "));
    }
    buffer_free(&text);
    arena_free(&perm);
}
