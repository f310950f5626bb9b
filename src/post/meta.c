/* See meta.h. KEEP IN STEP: the enum there. */
#include "post/meta.h"

#define S(literal) {(literal), sizeof(literal) - 1}

const meta_key meta_keys[META_KEYS] = {
    [META_TOPIC] = {.key = S("topic"), .label = S("topic"), .boxed = true},
    [META_PROBLEM] = {.key = S("problem"), .label = S("problem")},
    [META_STACK] = {.key = S("stack"), .label = S("stack"), .kind = META_KIND_LIST, .boxed = true},
    [META_AREA] = {.key = S("area"), .label = S("area")},
    [META_SUMMARY] = {.key = S("summary"), .label = S("summary"), .boxed = true},
    [META_OUTLINE] = {.key = S("outline"), .label = S("ai outline"), .kind = META_KIND_MAP,
                      .boxed = true},
    [META_BRIEF] = {.key = S("brief"), .label = S("ai brief"), .boxed = true},
    [META_TOOLS] = {.key = S("tools"), .label = S("tools"), .kind = META_KIND_LIST, .boxed = true},
    [META_CODE_LANGUAGE] = {.key = S("code_language"), .label = S("code language"), .boxed = true},
    [META_DIFFICULTY] = {.key = S("difficulty"), .label = S("difficulty"), .boxed = true},
    [META_READING_TIME] = {.key = S("reading_time"), .label = S("reading time"),
                           .kind = META_KIND_NUMBER, .boxed = true},
    [META_VIEW_COUNT] = {.key = S("view_count"), .label = S("view count"),
                         .kind = META_KIND_NUMBER, .boxed = true},
    [META_SCORE] = {.key = S("score"), .label = S("score"), .kind = META_KIND_MAP, .boxed = true,
                    .all_numbers = true},
    [META_REVISION] = {.key = S("revision"), .label = S("revision"), .kind = META_KIND_MAP,
                       .boxed = true},
    [META_REFERENCE] = {.key = S("reference"), .label = S("reference"), .boxed = true},
    [META_HASH] = {.key = S("hash"), .label = S("hash"), .boxed = true},
    [META_FLAGS] = {.key = S("flags"), .label = S("flags"), .kind = META_KIND_MAP, .boxed = true,
                    .all_numbers = true},
    [META_CHECKLIST] = {.key = S("checklist"), .label = S("checklist"), .kind = META_KIND_LIST,
                        .boxed = true},
    [META_ENTITIES] = {.key = S("entities"), .label = S("entities"), .kind = META_KIND_MAPS,
                       .boxed = true, .first = S("name")},
    [META_IMAGES] = {.key = S("images"), .label = S("image sources"), .kind = META_KIND_MAPS,
                     .boxed = true, .first = S("source")},
    [META_PAYLOAD] = {.key = S("payload"), .label = S("payload"), .kind = META_KIND_MAP,
                      .boxed = true, .numbers = {S("paragraphs"), S("seed")}},
    [META_NOTES] = {.key = S("notes"), .label = S("notes"), .kind = META_KIND_LIST, .boxed = true},
};

size_t meta_find(str key, size_t hint) {
    for (size_t step = 0; step < META_KEYS; step++) {
        size_t i = (hint + step) % META_KEYS;
        if (str_equal(meta_keys[i].key, key)) {
            return i;
        }
    }
    return META_KEYS;
}
