/* A post as bytes. The body is written by one function for both formats, so that a reader of
 * scraped text and a reader of JSON Lines get the same post. */
#ifndef SYNTH_RENDER_H
#define SYNTH_RENDER_H

#include "post.h"

/* How a body looks: what stands between blocks and before a bullet, and whether a caption is told a
 * second time with its source. */
typedef struct synth_look {
    const char *gap;
    const char *bullet;
    bool sources_named;
} synth_look;

extern const synth_look synth_look_read;  /* as readers give it back, and JSON carries it */
extern const synth_look synth_look_boxed; /* as scraped with a meta box */
extern const synth_look synth_look_bare;  /* as scraped without one */

void synth_render_body(synth_buffer *buffer, const synth_post *post, const synth_look *look);
void synth_render_scraped(synth_buffer *buffer, const synth_post *post);

/* One line, with its newline. `scratch` holds the body on its way; its old content is dropped. */
void synth_render_json(synth_buffer *buffer, const synth_post *post, synth_buffer *scratch);

/* Image `index` counts from 0. */
void synth_render_caption(synth_buffer *buffer, const synth_post *post, uint32_t index);
void synth_render_image_url(synth_buffer *buffer, const synth_post *post, uint32_t index);
const char *synth_render_image_source(const synth_post *post, uint32_t index);

#endif
