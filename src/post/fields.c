/*
 * See fields.h. A query on one of these is a query on a field also while no post has it, and finds
 * nothing then; without this list it would be taken as words.
 */
#include "post/fields.h"

#define T POST_VALUE_TEXT
#define N POST_VALUE_NUMBER
#define D POST_VALUE_DATE

const post_field post_fields[POST_FIELD_COUNT] = {
    {"topic", T},
    {"problem", T},
    {"stack", T},
    {"area", T},
    {"summary", T},
    {"outline.context", T},
    {"outline.problem", T},
    {"outline.stack", T},
    {"outline.action", T},
    {"brief", T},
    {"tools", T},
    {"code_language", T},
    {"difficulty", T},
    {"reading_time", N},
    {"view_count", N},
    {"score.quality", N},
    {"score.freshness", N},
    {"score.depth", N},
    {"score.clarity", N},
    {"revision.status", T},
    {"revision.version", T},
    {"revision.last_reviewed", D},
    {"reference", T},
    {"hash", T},
    {"flags.ai_generated_style", N},
    {"flags.has_images", N},
    {"flags.image_heavy", N},
    {"flags.needs_human_review", N},
    {"checklist", T},
    {"entities.name", T},
    {"entities.type", T},
    {"images.source", T},
    {"images.url", T},
    {"images.caption", T},
    {"payload.source_id", T},
    {"payload.generator", T},
    {"payload.paragraphs", N},
    {"payload.scenario", T},
    {"payload.seed", N},
    {"notes", T},
};
