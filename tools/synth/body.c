/* The body of a post, and its images.
 *
 *     intro                         read and boxed: blocks parted by a blank line, bare: by none
 *     the first two captions
 *     section ... code behind the first ... section
 *     implementation checklist
 *     the other captions            boxed: directly under the list and under each other
 *     final notes
 *
 * A caption stands once in `read`; in `boxed` a second line repeats it with its source. */
#include "render.h"

enum { IMAGES_ABOVE = 2 };

const synth_look synth_look_read = {"\n\n", "- ", false};
const synth_look synth_look_boxed = {"\n\n", "  \xe2\x80\xa2 ", true};
const synth_look synth_look_bare = {"\n", "- ", false};

static const char *const SOURCES[SYNTH_IMAGE_SOURCES] = {
    [SYNTH_DUMMYIMAGE] = "dummyimage.com",   [SYNTH_PLACEHOLD] = "placehold.co",
    [SYNTH_PICSUM] = "picsum.photos",        [SYNTH_UNSPLASH] = "unsplash",
    [SYNTH_LOREMFLICKR] = "loremflickr.com",
};

const char *synth_render_image_source(const synth_post *post, uint32_t index) {
    return SOURCES[post->images[index].source];
}

void synth_render_caption(synth_buffer *buffer, const synth_post *post, uint32_t index) {
    synth_post_add_template(buffer, post, "{p} with {s} illustration ");
    synth_buffer_add_number(buffer, index + 1, 1);
}

/* Addresses of the form that each source uses; nothing ever loads them. */
void synth_render_image_url(synth_buffer *buffer, const synth_post *post, uint32_t index) {
    enum { DUMMYIMAGE_TEXT = 38, PLACEHOLD_TEXT = 42 };
    const synth_image *image = &post->images[index];
    uint64_t seed = post->number + index;
    char text[2 * SYNTH_NAME_MAX + 8] = {0};
    size_t len = strlen(post->problem);
    memcpy(text, post->problem, len);
    memcpy(text + len, " with ", 6);
    memcpy(text + len + 6, post->stack, strlen(post->stack));
    switch (image->source) {
    case SYNTH_DUMMYIMAGE:
        synth_buffer_add_text(buffer, "https://dummyimage.com/1200x630/111827/ffffff.png&text=");
        synth_buffer_add_query(buffer, text, DUMMYIMAGE_TEXT);
        return;
    case SYNTH_PLACEHOLD:
        synth_buffer_add_text(buffer, "https://placehold.co/1200x630/png?text=");
        synth_buffer_add_query(buffer, text, PLACEHOLD_TEXT);
        return;
    case SYNTH_PICSUM:
        synth_buffer_add_text(buffer, "https://picsum.photos/seed/anp-");
        synth_buffer_add_number(buffer, seed, 6);
        synth_buffer_add_text(buffer, "/1200/630");
        return;
    case SYNTH_LOREMFLICKR:
        synth_buffer_add_text(buffer, "https://loremflickr.com/1200/630/code,developer?lock=");
        synth_buffer_add_number(buffer, seed, 1);
        return;
    case SYNTH_UNSPLASH:
    case SYNTH_IMAGE_SOURCES:
        break;
    }
    synth_buffer_add_text(buffer, "https://images.unsplash.com/photo-");
    synth_buffer_add_number(buffer, 1500000000000u + image->photo % 100000000000u, 13);
    synth_buffer_add_text(buffer, "-");
    synth_buffer_add_hex(buffer, image->photo >> 16, 12);
    synth_buffer_add_text(buffer, "?auto=format&fit=crop&w=1200&q=80");
}

static void add_captions(synth_buffer *buffer, const synth_post *post, const synth_look *look,
                         uint32_t from, uint32_t to, const char *first_gap) {
    for (uint32_t i = from; i < to && i < post->image_count; i++) {
        const char *next_gap = look->sources_named ? "\n" : look->gap;
        synth_buffer_add_text(buffer, i == from ? first_gap : next_gap);
        synth_render_caption(buffer, post, i);
        if (look->sources_named) {
            synth_buffer_add_text(buffer, "\n");
            synth_render_caption(buffer, post, i);
            synth_buffer_add_text(buffer, ". image source: ");
            synth_buffer_add_text(buffer, synth_render_image_source(post, i));
        }
    }
}

/* Paragraphs are numbered through all sections, from 1: every third gets the clause about the
 * stack, else every fourth the one about the approach. */
static void add_paragraph(synth_buffer *buffer, const synth_post *post, const char *text,
                          size_t number) {
    synth_buffer_add_text(buffer, text);
    if (number % 3 == 0) {
        synth_buffer_add_text(buffer, " ");
        synth_post_add_template(buffer, post, synth_case_clause);
    } else if (number % 4 == 0) {
        synth_buffer_add_text(buffer, " ");
        synth_buffer_add_text(buffer, synth_approach_clause);
    }
}

static void add_sections(synth_buffer *buffer, const synth_post *post, const synth_look *look) {
    size_t number = 0;
    for (size_t i = 0; i < post->part_count; i++) {
        const synth_part *part = &post->parts[i];
        synth_buffer_add_text(buffer, look->gap);
        synth_buffer_add_text(buffer, part->section->heading);
        for (size_t k = 0; k < part->count; k++) {
            synth_buffer_add_text(buffer, look->gap);
            add_paragraph(buffer, post, part->section->paragraphs[part->order[k]], ++number);
        }
        if (i == 0 && post->snippet != NULL) {
            synth_buffer_add_text(buffer, look->gap);
            synth_buffer_add_text(buffer, post->snippet->lines);
        }
    }
}

void synth_render_body(synth_buffer *buffer, const synth_post *post, const synth_look *look) {
    synth_post_add_template(buffer, post, post->opening->intro);
    add_captions(buffer, post, look, 0, IMAGES_ABOVE, look->gap);
    add_sections(buffer, post, look);

    synth_buffer_add_text(buffer, look->gap);
    synth_buffer_add_text(buffer, "implementation checklist");
    for (size_t i = 0; i < SYNTH_CHECKS; i++) {
        synth_buffer_add_text(buffer, i == 0 ? look->gap : "\n");
        synth_buffer_add_text(buffer, look->bullet);
        synth_buffer_add_text(buffer, post->checklist[i]);
    }
    add_captions(buffer, post, look, IMAGES_ABOVE, SYNTH_IMAGES_MAX,
                 look->sources_named ? "\n" : look->gap);

    synth_buffer_add_text(buffer, look->gap);
    synth_buffer_add_text(buffer, "final notes");
    synth_buffer_add_text(buffer, look->gap);
    synth_post_add_template(buffer, post, synth_final_notes);
}
