/* See rebuild.h. */
#include "cli/rebuild.h"

#include "cli/output.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NUMBER_BYTES = 32, DIGITS_MAX = 9 };

/* KEEP IN STEP: the names in anpsearch.h, "Dangers". */
static const char LOCK[] = "-lock";
static const char WITNESS[] = ".witness";
static const char REBUILD[] = ".rebuild-"; /* then the process's number */

/* malloc'd; NULL when memory is out. */
static char *join(const char *path, const char *suffix) {
    size_t path_len = strlen(path), suffix_len = strlen(suffix);
    char *name = malloc(path_len + suffix_len + 1);
    if (name) {
        memcpy(name, path, path_len);
        memcpy(name + path_len, suffix, suffix_len + 1);
    }
    return name;
}

static void remove_beside(const char *path, const char *suffix) {
    char *name = join(path, suffix);
    if (name) {
        unlink(name);
        free(name);
    }
}

/* Moves FROM+suffix to TO+suffix; what does not exist needs no move. */
static bool move(const char *from, const char *to, const char *suffix) {
    char *old = join(from, suffix), *new = join(to, suffix);
    bool moved = old && new && (rename(old, new) == 0 || (errno == ENOENT && *suffix));
    if (!moved) {
        fail(EXIT_IO, "cannot put the new index %s in place of %s: %s", from, to,
             old && new ? strerror(errno) : "out of memory");
    }
    free(old);
    free(new);
    return moved;
}

/* malloc'd; NULL when memory is out. */
static char *folder_of(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
}

/* Makes the new names survive a power failure. */
static void sync_folder(const char *path) {
    char *folder = folder_of(path);
    int fd = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
    free(folder);
}

/*
 * Whether a file of that name beside `base` is left from a process that no longer lives. What bears
 * this process's own number is too: it has built nothing yet.
 */
static bool is_left(const char *name, const char *base) {
    size_t base_len = strlen(base);
    if (strncmp(name, base, base_len) != 0 ||
        strncmp(name + base_len, REBUILD, sizeof REBUILD - 1) != 0) {
        return false;
    }
    const char *digits = name + base_len + sizeof REBUILD - 1;
    size_t len = strspn(digits, "0123456789");
    const char *suffix = digits + len;
    if (len == 0 || len > DIGITS_MAX ||
        (*suffix && strcmp(suffix, LOCK) != 0 && strcmp(suffix, WITNESS) != 0)) {
        return false;
    }
    pid_t process = (pid_t)strtol(digits, NULL, 10);
    return process == getpid() || (process > 0 && kill(process, 0) != 0 && errno == ESRCH);
}

/* Removes what killed rebuilds of `target` left; what cannot be removed stays. */
static void remove_left(const char *target) {
    const char *slash = strrchr(target, '/');
    char *folder = folder_of(target);
    DIR *dir = folder ? opendir(folder) : NULL;
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        if (is_left(entry->d_name, slash ? slash + 1 : target)) {
            unlinkat(dirfd(dir), entry->d_name, 0);
        }
    }
    if (dir) {
        closedir(dir);
    }
    free(folder);
}

bool rebuild_begin(rebuild *r, const char *path) {
    char suffix[NUMBER_BYTES];
    snprintf(suffix, sizeof suffix, "%s%ld", REBUILD, (long)getpid());
    r->target = realpath(path, NULL);
    if (!r->target) {
        r->target = strdup(path); /* there is no old one */
    }
    r->path = r->target ? join(r->target, suffix) : NULL;
    if (!r->path) {
        return fail_usage("cannot rebuild %s: out of memory", path);
    }
    remove_left(r->target);
    return true;
}

bool rebuild_finish(rebuild *r) {
    remove_beside(r->target, WITNESS);
    bool done = move(r->path, r->target, LOCK) && move(r->path, r->target, "") &&
                move(r->path, r->target, WITNESS);
    sync_folder(r->target);
    return done;
}

void rebuild_drop(rebuild *r) {
    unlink(r->path);
    remove_beside(r->path, LOCK);
    remove_beside(r->path, WITNESS);
}

void rebuild_free(rebuild *r) {
    free(r->target);
    free(r->path);
}
