/* Paths as the user gave them to the files that are to be read. */
#ifndef ANP_POST_WALK_H
#define ANP_POST_WALK_H

#include "anpsearch.h"
#include "base/arena.h"

/* Directories inside each other: a loop of mounts ends here. */
enum { WALK_DEPTH_MAX = 256 };

typedef struct walk_file {
    const char *path; /* "-" is standard input */
    anp_format format;
    const anp_error *unreadable; /* why, in words that do not name it; NULL: is to be read */
} walk_file;

typedef struct walk {
    walk_file *items;
    size_t count;
    size_t capacity;
    uint64_t bytes_total; /* sizes of all; meaningless unless sized */
    bool sized;           /* all are regular files */
    arena memory;         /* owns the paths */
} walk;

/*
 * Looks at every path, in order. A file comes as it is named; a directory gives its files with a
 * known ending, and those of its directories, in byte order of the names; hidden ones, links to
 * directories and what is no regular file are passed over. With a format given all files have that
 * one, else by their ending; ANP_INVALID for a named file whose ending is unknown. ANP_NOT_FOUND
 * or ANP_IO for a path in `paths` that is missing or must not be read; what a directory holds and
 * cannot be read (a dangling link, no permission) is an item that says so. Free with walk_free, on
 * errors too.
 */
anp_status walk_paths(walk *w, const char *const *paths, size_t path_count, anp_format format,
                      anp_error *err);
void walk_free(walk *w);

#endif
