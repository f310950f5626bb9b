/*
 * See walk.h. Permissions are asked with access(), not by opening: opening a pipe would already
 * read from it.
 */
#include "post/walk.h"
#include "base/error.h"
#include "base/vec.h"
#include "post/formats.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

typedef VEC(const char *) names;

static anp_status missing(anp_error *err, int code, const char *path) {
    return error_os(err, code == ENOENT ? ANP_NOT_FOUND : ANP_IO, code, "cannot read %s", path);
}

static anp_status add_file(walk *w, const char *path, anp_format format, const struct stat *info,
                           anp_error *err) {
    if (access(path, R_OK) != 0) {
        return missing(err, errno, path);
    }
    w->sized &= S_ISREG(info->st_mode);
    w->bytes_total += S_ISREG(info->st_mode) ? (uint64_t)info->st_size : 0;
    walk_file file = {path, format, NULL};
    return vec_push(w, file) ? ANP_OK : error_nomem(err, "the list of files");
}

/* What a directory holds and cannot be read is told of in its turn, and does not end the walk. */
static anp_status add_unreadable(walk *w, const char *path, const anp_error *why, anp_error *err) {
    anp_error *kept = arena_alloc(&w->memory, sizeof *kept);
    if (!kept) {
        return error_nomem(err, "the list of files");
    }
    *kept = (anp_error)ANP_ERROR_INIT;
    if (why->os_code) {
        error_os(kept, ANP_IO, why->os_code, "cannot read it");
    } else {
        error_set(kept, ANP_IO, "%s", why->message);
    }
    walk_file file = {path, ANP_FORMAT_AUTO, kept};
    return vec_push(w, file) ? ANP_OK : error_nomem(err, "the list of files");
}

static int compare_names(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static anp_status list(DIR *dir, const char *path, arena *perm, names *out, anp_error *err) {
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(dir);
        if (!entry) {
            break;
        }
        if (entry->d_name[0] == '.') {
            continue;
        }
        const char *name = arena_str(perm, str_from(entry->d_name)).data;
        if (!name || !vec_push(out, name)) {
            return error_nomem(err, "the list of files");
        }
    }
    return errno ? missing(err, errno, path) : ANP_OK;
}

static anp_status walk_directory(walk *w, const char *path, anp_format format, int depth,
                                 anp_error *err);

static anp_status add_entry(walk *w, const char *full, anp_format format, int depth,
                            anp_error *err) {
    struct stat info;
    if (lstat(full, &info) != 0) {
        return errno == ENOENT ? ANP_OK : missing(err, errno, full); /* gone since: not there */
    }
    if (S_ISDIR(info.st_mode)) {
        return walk_directory(w, full, format, depth + 1, err);
    }
    const import_format *known = format_of_name(full);
    if (!known) {
        return ANP_OK;
    }
    if (S_ISLNK(info.st_mode) && stat(full, &info) != 0) {
        return missing(err, errno, full);
    }
    if (!S_ISREG(info.st_mode)) {
        return ANP_OK;
    }
    return add_file(w, full, format ? format : known->format, &info, err);
}

static anp_status walk_entry(walk *w, const char *path, const char *name, anp_format format,
                             int depth, anp_error *err) {
    const char *slash = str_ends(str_from(path), STR("/")) ? "" : "/";
    const char *full = arena_format(&w->memory, "%s%s%s", path, slash, name).data;
    anp_error why = ANP_ERROR_INIT;
    if (!full) {
        return error_nomem(err, "the list of files");
    }
    anp_status status = add_entry(w, full, format, depth, &why);
    if (status == ANP_NOMEM) {
        return error_nomem(err, "the list of files");
    }
    return status == ANP_OK ? ANP_OK : add_unreadable(w, full, &why, err);
}

static anp_status walk_directory(walk *w, const char *path, anp_format format, int depth,
                                 anp_error *err) {
    if (depth > WALK_DEPTH_MAX) {
        return error_set(err, ANP_IO, "it is more than %d directories deep; name it to read it",
                         WALK_DEPTH_MAX);
    }
    DIR *dir = opendir(path);
    if (!dir) {
        return missing(err, errno, path);
    }
    names entries = {0};
    anp_status listed = list(dir, path, &w->memory, &entries, err);
    anp_status status = ANP_OK;
    closedir(dir);
    if (entries.count) {
        qsort(entries.items, entries.count, sizeof *entries.items, compare_names);
    }
    for (size_t i = 0; i < entries.count && status == ANP_OK; i++) {
        status = walk_entry(w, path, entries.items[i], format, depth, err);
    }
    free(entries.items);
    return status == ANP_OK ? listed : status;
}

static anp_status walk_named(walk *w, const char *path, anp_format format, anp_error *err) {
    struct stat info;
    if (strcmp(path, "-") == 0) {
        walk_file file = {path, format ? format : ANP_FORMAT_JSONL, NULL};
        w->sized = false;
        return vec_push(w, file) ? ANP_OK : error_nomem(err, "the list of files");
    }
    if (stat(path, &info) != 0) {
        return missing(err, errno, path);
    }
    if (S_ISDIR(info.st_mode)) {
        return walk_directory(w, path, format, 1, err);
    }
    const import_format *known = format_of_name(path);
    if (!format && !known) {
        return error_set(err, ANP_INVALID,
                         "cannot tell the format of %s by its name; "
                         "give --format scraped, jsonl or json",
                         path);
    }
    return add_file(w, path, format ? format : known->format, &info, err);
}

anp_status walk_paths(walk *w, const char *const *paths, size_t path_count, anp_format format,
                      anp_error *err) {
    *w = (walk){.sized = true};
    for (size_t i = 0; i < path_count; i++) {
        TRY(walk_named(w, paths[i], format, err));
    }
    return ANP_OK;
}

void walk_free(walk *w) {
    free(w->items);
    arena_free(&w->memory);
}
