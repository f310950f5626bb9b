/*
 * The known keys of a post's meta, in the order of the contract (DESIGN section 4): one table for
 * the canonical JSON (order), the scraped meta box (labels) and the text for people (order and
 * labels).
 */
#ifndef ANP_POST_META_H
#define ANP_POST_META_H

#include "base/str.h"

/* How the meta box writes a key down. JSON posts may hold any type under any key. */
typedef enum meta_kind {
    META_KIND_TEXT,   /* labelVALUE */
    META_KIND_NUMBER, /* the same; a JSON number where it is one */
    META_KIND_LIST,   /* label, then a bullet an entry */
    META_KIND_MAP,    /* label, then bullets of key: value */
    META_KIND_MAPS,   /* the same for a list of maps; each begins at the key `first` */
} meta_kind;

typedef struct meta_key {
    str key;   /* in JSON */
    str label; /* in the box */
    meta_kind kind;
    bool boxed; /* the box has this label; the other keys come from JSON or from the topic */
    str first;  /* of META_KIND_MAPS */
    bool all_numbers; /* of META_KIND_MAP: every value that can be a number is one, */
    str numbers[2];   /* or those of these keys */
} meta_key;

enum {
    META_TOPIC, META_PROBLEM, META_STACK, META_AREA, META_SUMMARY, META_OUTLINE, META_BRIEF,
    META_TOOLS, META_CODE_LANGUAGE, META_DIFFICULTY, META_READING_TIME, META_VIEW_COUNT, META_SCORE,
    META_REVISION, META_REFERENCE, META_HASH, META_FLAGS, META_CHECKLIST, META_ENTITIES,
    META_IMAGES, META_PAYLOAD, META_NOTES,
    META_KEYS
};

extern const meta_key meta_keys[META_KEYS];

/*
 * The number of a key, or META_KEYS when it is not a known one. `hint` is tried first: pass one
 * more than the last answer and keys in the order of the contract cost one comparison each.
 */
size_t meta_find(str key, size_t hint);

#endif
