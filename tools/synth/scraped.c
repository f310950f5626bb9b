/* A post as the site's pages look once scraped. Parsers depend on the labels: they are the site's.
 *
 *     | |                            a table rule, one cell an image above; absent without images
 *
 *     TITLE
 *
 *     BODY (body.c)
 *
 *     alphanode post meta
 *
 *     topicPROBLEM / STACK           a label is glued to its value
 *     ai outline                     a label alone opens a list
 *       • context: SCENARIO
 *     ...
 *
 *     Similar Posts                  no newline behind it
 *
 * A bare post is title and body, line under line, and nothing else. */
#include "render.h"

#define ITEM "  \xe2\x80\xa2 "
#define INNER "    \xe2\x80\xa2 " /* an item of a list of maps */

enum { IMAGES_IN_RULE = 2 };

static void line(synth_buffer *buffer, const char *label, const char *value) {
    synth_buffer_add_text(buffer, label);
    synth_buffer_add_text(buffer, value);
    synth_buffer_add(buffer, "\n", 1);
}

static void number_line(synth_buffer *buffer, const char *label, uint64_t value) {
    synth_buffer_add_text(buffer, label);
    synth_buffer_add_number(buffer, value, 1);
    synth_buffer_add(buffer, "\n", 1);
}

static void template_line(synth_buffer *buffer, const char *label, const synth_post *post,
                          const char *text) {
    synth_buffer_add_text(buffer, label);
    synth_post_add_template(buffer, post, text);
    synth_buffer_add(buffer, "\n", 1);
}

static void list(synth_buffer *buffer, const char *label, const char *const *items, size_t count) {
    line(buffer, label, "");
    for (size_t i = 0; i < count && items[i] != NULL; i++) {
        line(buffer, ITEM, items[i]);
    }
}

static void add_about(synth_buffer *buffer, const synth_post *post) {
    const char *const stack[] = {post->stack, post->facts->area, post->facts->language};
    template_line(buffer, "topic", post, "{p} / {s}");
    template_line(buffer, "summary", post, synth_summary);
    line(buffer, "ai outline", "");
    line(buffer, ITEM "context: ", post->scenario);
    line(buffer, ITEM "problem: ", post->problem);
    line(buffer, ITEM "stack: ", post->stack);
    line(buffer, ITEM "recommended action: ", synth_action);
    line(buffer, "ai brief", synth_brief);
    list(buffer, "stack", stack, 3);
    list(buffer, "tools", post->facts->tools, SYNTH_TOOLS_MAX);
    line(buffer, "code language", post->facts->language);
    line(buffer, "difficulty", post->difficulty);
    number_line(buffer, "reading time", post->reading_time);
    number_line(buffer, "view count", post->view_count);
}

static void add_state(synth_buffer *buffer, const synth_post *post) {
    line(buffer, "score", "");
    number_line(buffer, ITEM "quality: ", post->quality);
    number_line(buffer, ITEM "freshness: ", post->freshness);
    number_line(buffer, ITEM "depth: ", post->depth);
    number_line(buffer, ITEM "clarity: ", post->clarity);
    line(buffer, "revision", "");
    line(buffer, ITEM "status: ", post->status);
    synth_buffer_add_text(buffer, ITEM "version: ");
    synth_post_add_version(buffer, post);
    synth_buffer_add_text(buffer, "\n" ITEM "last reviewed: ");
    synth_post_add_reviewed(buffer, post);
    synth_buffer_add_text(buffer, "\nreference");
    synth_post_add_reference(buffer, post);
    synth_buffer_add_text(buffer, "\nhash");
    synth_post_add_hash(buffer, post);
    synth_buffer_add_text(buffer, "\n");
    line(buffer, "flags", "");
    number_line(buffer, ITEM "ai generated style: ", 1);
    number_line(buffer, ITEM "has images: ", post->image_count > 0);
    number_line(buffer, ITEM "image heavy: ", post->image_heavy);
    number_line(buffer, ITEM "needs human review: ", post->needs_human_review);
}

static void add_lists(synth_buffer *buffer, const synth_post *post) {
    list(buffer, "checklist", post->checklist, SYNTH_CHECKS);
    line(buffer, "entities", "");
    line(buffer, INNER "name: ", post->stack);
    line(buffer, INNER "type: ", "stack");
    line(buffer, INNER "name: ", post->facts->area);
    line(buffer, INNER "type: ", "area");
    line(buffer, INNER "name: ", post->problem);
    line(buffer, INNER "type: ", "problem");
    if (post->image_count > 0) {
        line(buffer, "image sources", "");
    }
    for (uint32_t i = 0; i < post->image_count; i++) {
        line(buffer, INNER "source: ", synth_render_image_source(post, i));
        synth_buffer_add_text(buffer, INNER "url: ");
        synth_render_image_url(buffer, post, i);
        synth_buffer_add_text(buffer, "\n" INNER "caption: ");
        synth_render_caption(buffer, post, i);
        synth_buffer_add_text(buffer, "\n");
    }
    line(buffer, "payload", "");
    synth_buffer_add_text(buffer, ITEM "source id: alphanode-");
    synth_post_add_id(buffer, post);
    synth_buffer_add_text(buffer, "\n" ITEM "generator: anp content synthesizer\n");
    number_line(buffer, ITEM "paragraphs: ", post->paragraphs);
    line(buffer, ITEM "scenario: ", post->scenario);
    number_line(buffer, ITEM "seed: ", post->number);
    list(buffer, "notes", synth_notes, SYNTH_NOTES);
}

void synth_render_scraped(synth_buffer *buffer, const synth_post *post) {
    if (post->bare) {
        synth_post_add_title(buffer, post);
        synth_buffer_add_text(buffer, "\n");
        synth_render_body(buffer, post, &synth_look_bare);
        return;
    }
    for (uint32_t i = 0; i < post->image_count && i < IMAGES_IN_RULE; i++) {
        synth_buffer_add_text(buffer, i == 0 ? "| |" : " |");
    }
    synth_buffer_add_text(buffer, post->image_count > 0 ? "\n\n" : "");
    synth_post_add_title(buffer, post);
    synth_buffer_add_text(buffer, "\n\n");
    synth_render_body(buffer, post, &synth_look_boxed);
    synth_buffer_add_text(buffer, "\n\nalphanode post meta\n\n");
    add_about(buffer, post);
    add_state(buffer, post);
    add_lists(buffer, post);
    synth_buffer_add_text(buffer, "\nSimilar Posts");
}
