/* Every decision about post N, made before a byte is written: both formats tell the same post. */
#ifndef SYNTH_POST_H
#define SYNTH_POST_H

#include <stdbool.h>
#include <stdint.h>

#include "buffer.h"
#include "pools.h"

enum {
    SYNTH_IMAGES_MAX = 5,
    SYNTH_PARAGRAPHS_MIN = 5, /* with the final notes */
    SYNTH_PARAGRAPHS_MAX = 9
};

#define SYNTH_NUMBER_MAX 999999999999u

typedef struct synth_sizes {
    uint32_t stacks;
    uint32_t problems;
} synth_sizes;

typedef enum synth_image_source {
    SYNTH_DUMMYIMAGE,
    SYNTH_PLACEHOLD,
    SYNTH_PICSUM,
    SYNTH_UNSPLASH,
    SYNTH_LOREMFLICKR,
    SYNTH_IMAGE_SOURCES
} synth_image_source;

typedef struct synth_image {
    synth_image_source source;
    uint64_t photo; /* picks the picture where the source has no seed */
} synth_image;

/* One section as this post shows it: some of its paragraphs, in this post's order. */
typedef struct synth_part {
    const synth_section *section;
    size_t count;
    uint8_t order[SYNTH_SECTION_PARAGRAPHS_MAX];
} synth_part;

typedef struct synth_post {
    uint64_t number;
    char stack[SYNTH_NAME_MAX];
    char problem[SYNTH_NAME_MAX];
    const synth_stack *facts; /* area, language and tools; its name may be half of a composed one */

    const synth_opening *opening;
    const char *ending;
    const char *scenario;
    const char *const *checklist;
    const synth_snippet *snippet; /* NULL: no code */
    synth_part parts[SYNTH_SECTIONS];
    size_t part_count;
    uint32_t paragraphs;
    synth_image images[SYNTH_IMAGES_MAX];
    uint32_t image_count;
    bool bare; /* scraped without meta box, blank lines, images and code */

    const char *difficulty;
    uint32_t reading_time;
    uint32_t view_count;
    uint32_t quality, freshness, depth, clarity;
    const char *status;
    uint32_t version_minor, version_patch;
    uint32_t reviewed_year, reviewed_month, reviewed_day;
    uint32_t reference_tail;
    bool image_heavy;
    bool needs_human_review;
    uint64_t hash_high; /* the hash is 24 hexadecimal digits: 16 of these ... */
    uint32_t hash_low;  /* ... and 8 of these */
    uint64_t file_hash;
} synth_post;

/* Makes post `number`; cannot fail. Sizes are 1 to SYNTH_STACKS_MAX and SYNTH_PROBLEMS_MAX. */
void synth_post_make(synth_post *post, uint64_t number, synth_sizes sizes);

/* A template of pools.h with this post's problem, stack and scenario. */
void synth_post_add_template(synth_buffer *buffer, const synth_post *post, const char *text);

void synth_post_add_id(synth_buffer *buffer, const synth_post *post);
void synth_post_add_title(synth_buffer *buffer, const synth_post *post);
void synth_post_add_version(synth_buffer *buffer, const synth_post *post);
void synth_post_add_reviewed(synth_buffer *buffer, const synth_post *post);
void synth_post_add_reference(synth_buffer *buffer, const synth_post *post);
void synth_post_add_hash(synth_buffer *buffer, const synth_post *post);

#endif
