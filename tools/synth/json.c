/* A post as one line of JSON, keys in the order in which the design lists them.
 *
 * Names, sentences and addresses of the pools hold no byte that JSON escapes; only the body is
 * escaped (newlines, and the quotes and backslashes of code). The test reads every kind back. */
#include "render.h"

static void text(synth_buffer *buffer, const char *before, const char *value) {
    synth_buffer_add_text(buffer, before);
    synth_buffer_add(buffer, "\"", 1);
    synth_buffer_add_text(buffer, value);
    synth_buffer_add(buffer, "\"", 1);
}

static void number(synth_buffer *buffer, const char *before, uint64_t value) {
    synth_buffer_add_text(buffer, before);
    synth_buffer_add_number(buffer, value, 1);
}

static void list(synth_buffer *buffer, const char *before, const char *const *items, size_t count) {
    synth_buffer_add_text(buffer, before);
    for (size_t i = 0; i < count && items[i] != NULL; i++) {
        text(buffer, i == 0 ? "[" : ",", items[i]);
    }
    synth_buffer_add(buffer, "]", 1);
}

static void add_about(synth_buffer *buffer, const synth_post *post) {
    const char *const stack[] = {post->stack, post->facts->area, post->facts->language};
    synth_post_add_template(buffer, post, "\"topic\":\"{p} / {s}\",\"problem\":\"{p}\"");
    list(buffer, ",\"stack\":", stack, 3);
    text(buffer, ",\"area\":", post->facts->area);
    synth_buffer_add_text(buffer, ",\"summary\":\"");
    synth_post_add_template(buffer, post, synth_summary);
    text(buffer, "\",\"outline\":{\"context\":", post->scenario);
    text(buffer, ",\"problem\":", post->problem);
    text(buffer, ",\"stack\":", post->stack);
    text(buffer, ",\"action\":", synth_action);
    text(buffer, "},\"brief\":", synth_brief);
    list(buffer, ",\"tools\":", post->facts->tools, SYNTH_TOOLS_MAX);
    text(buffer, ",\"code_language\":", post->facts->language);
    text(buffer, ",\"difficulty\":", post->difficulty);
    number(buffer, ",\"reading_time\":", post->reading_time);
    number(buffer, ",\"view_count\":", post->view_count);
}

static void add_state(synth_buffer *buffer, const synth_post *post) {
    number(buffer, ",\"score\":{\"quality\":", post->quality);
    number(buffer, ",\"freshness\":", post->freshness);
    number(buffer, ",\"depth\":", post->depth);
    number(buffer, ",\"clarity\":", post->clarity);
    text(buffer, "},\"revision\":{\"status\":", post->status);
    synth_buffer_add_text(buffer, ",\"version\":\"");
    synth_post_add_version(buffer, post);
    synth_buffer_add_text(buffer, "\",\"last_reviewed\":\"");
    synth_post_add_reviewed(buffer, post);
    synth_buffer_add_text(buffer, "\"},\"reference\":\"");
    synth_post_add_reference(buffer, post);
    synth_buffer_add_text(buffer, "\",\"hash\":\"");
    synth_post_add_hash(buffer, post);
    number(buffer, "\",\"flags\":{\"ai_generated_style\":", 1);
    number(buffer, ",\"has_images\":", post->image_count > 0);
    number(buffer, ",\"image_heavy\":", post->image_heavy);
    number(buffer, ",\"needs_human_review\":", post->needs_human_review);
    synth_buffer_add_text(buffer, "}");
}

static void add_lists(synth_buffer *buffer, const synth_post *post) {
    list(buffer, ",\"checklist\":", post->checklist, SYNTH_CHECKS);
    text(buffer, ",\"entities\":[{\"name\":", post->stack);
    text(buffer, ",\"type\":\"stack\"},{\"name\":", post->facts->area);
    text(buffer, ",\"type\":\"area\"},{\"name\":", post->problem);
    synth_buffer_add_text(buffer, ",\"type\":\"problem\"}]");
    for (uint32_t i = 0; i < post->image_count; i++) {
        synth_buffer_add_text(buffer, i == 0 ? ",\"images\":[" : ",");
        text(buffer, "{\"source\":", synth_render_image_source(post, i));
        synth_buffer_add_text(buffer, ",\"url\":\"");
        synth_render_image_url(buffer, post, i);
        synth_buffer_add_text(buffer, "\",\"caption\":\"");
        synth_render_caption(buffer, post, i);
        synth_buffer_add_text(buffer, i + 1 == post->image_count ? "\"}]" : "\"}");
    }
    synth_buffer_add_text(buffer, ",\"payload\":{\"source_id\":\"alphanode-");
    synth_post_add_id(buffer, post);
    synth_buffer_add_text(buffer, "\",\"generator\":\"anp content synthesizer\"");
    number(buffer, ",\"paragraphs\":", post->paragraphs);
    text(buffer, ",\"scenario\":", post->scenario);
    number(buffer, ",\"seed\":", post->number);
    list(buffer, "},\"notes\":", synth_notes, SYNTH_NOTES);
}

void synth_render_json(synth_buffer *buffer, const synth_post *post, synth_buffer *scratch) {
    scratch->len = 0;
    synth_render_body(scratch, post, &synth_look_read);
    synth_buffer_add_text(buffer, "{\"id\":\"");
    synth_post_add_id(buffer, post);
    synth_buffer_add_text(buffer, "\",\"title\":\"");
    synth_post_add_title(buffer, post);
    synth_buffer_add_text(buffer, "\",\"body\":\"");
    synth_buffer_add_json(buffer, scratch->data, scratch->len);
    synth_buffer_add_text(buffer, "\",\"meta\":{");
    add_about(buffer, post);
    add_state(buffer, post);
    add_lists(buffer, post);
    synth_buffer_add_text(buffer, "}}\n");
    buffer->failed = buffer->failed || scratch->failed;
}
