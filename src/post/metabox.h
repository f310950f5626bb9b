/* The meta box of a scraped post, line by line to JSON. */
#ifndef ANP_POST_METABOX_H
#define ANP_POST_METABOX_H

#include "base/bytes.h"
#include "post/meta.h"

enum {
    BOX_KEYS_MAX = 64,      /* of one map; further ones go to `unlabelled` */
    BOX_KEY_BYTES_MAX = 64, /* what is longer is no key but prose */
};

/* A key as it stands in JSON. */
typedef struct metabox_key {
    uint8_t len;
    char bytes[BOX_KEY_BYTES_MAX];
} metabox_key;

typedef struct metabox {
    buffer *out;          /* "key":value,… so far: the inside of meta's object */
    buffer unlabelled;    /* "line","line": what fitted nothing */
    uint32_t seen;        /* a bit for each label that was */
    const meta_key *open; /* the label whose value is being read, NULL before the first */
    bool in_item;         /* a map of a list of maps is open */
    bool in_value;        /* out ends in a string that the next line may go on */
    bool numeric;         /* that string becomes a number, if it is one, when it is done */
    size_t value_at;      /* where in out it begins */
    size_t key_count;     /* of the open map */
    metabox_key keys[BOX_KEYS_MAX];
    str source_id; /* of the payload; a view of its line */
} metabox;

/*
 * `out` gets the inside of the meta object: call metabox_line for each line of the box, then
 * metabox_finish.
 */
void metabox_begin(metabox *box, buffer *out);
void metabox_line(metabox *box, str line);
/* Memory that ran out shows in out->failed. */
void metabox_finish(metabox *box);

#endif
