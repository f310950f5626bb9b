/* The meta fields that the contract names (DESIGN section 4), by full name: known to every
   index. */
#ifndef ANP_POST_FIELDS_H
#define ANP_POST_FIELDS_H

#include "post/post.h"

typedef struct post_field {
    const char *name;
    post_value_kind kind; /* DATE: text too */
} post_field;

enum { POST_FIELD_COUNT = 40 };

extern const post_field post_fields[POST_FIELD_COUNT];

#endif
