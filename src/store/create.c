/*
 * Making an index so that it is there whole or not at all.
 *
 *     make PATH.create-PID-N and flock it     the lock of a killed creator is gone: the next one
 *                                             removes its file
 *     tables, format, init's records, commit  LMDB's first commit is the one that a power failure
 *     fsync the file                          can spoil: so it happens where nobody looks
 *     remove the witness of an earlier index  and sync the folder
 *     rename to PATH unless that exists       atomic; the loser gets ANP_BUSY
 *     fsync the folder, write the witness     killed before: the first writer makes it
 *
 * LMDB uses no lock file here: the temporary name is known to us alone.
 */
#include "base/error.h"
#include "store/environment.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/syscall.h>
#endif

#define CREATE_INFIX ".create-"

enum {
    NAME_EXTRA_BYTES = 48, /* of CREATE_INFIX, two numbers, NUL */
    NAME_TRIES = 1000,
};

/* ---- Leftovers ----------------------------------------------------------------------------- */

/* Removes a file whose maker is dead: nobody holds its lock. */
static void sweep_one(int folder, const char *name) {
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
    if (fd < 0) {
        return;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
        unlinkat(folder, name, 0);
    }
    close(fd);
}

static bool is_leftover(const char *name, const char *base) {
    size_t len = strlen(base);
    return strncmp(name, base, len) == 0 &&
           strncmp(name + len, CREATE_INFIX, sizeof CREATE_INFIX - 1) == 0;
}

static void sweep(int folder, const char *base) {
    int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = copy >= 0 ? fdopendir(copy) : NULL;
    if (!list) {
        if (copy >= 0) {
            close(copy);
        }
        return;
    }
    for (const struct dirent *entry; (entry = readdir(list));) {
        if (is_leftover(entry->d_name, base)) {
            sweep_one(folder, entry->d_name);
        }
    }
    closedir(list);
}

/* ---- The steps ----------------------------------------------------------------------------- */

/*
 * A new file of our own, locked; a sweeper may take it before the lock is ours, then the next
 * number is tried.
 */
static anp_status make_temp(making *m, anp_error *err) {
    size_t size = strlen(m->path) + NAME_EXTRA_BYTES;
    m->temp = malloc(size);
    if (!m->temp) {
        return error_nomem(err, "making an index");
    }
    for (int n = 0; n < NAME_TRIES; n++) {
        struct stat info;
        snprintf(m->temp, size, "%s" CREATE_INFIX "%ld-%d", m->path, (long)getpid(), n);
        m->fd = open(m->temp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (m->fd < 0 && errno != EEXIST) {
            return error_os(err, errno == ENOSPC ? ANP_NOSPACE : ANP_IO, errno, "cannot make %s",
                            m->temp);
        }
        if (m->fd < 0) {
            continue;
        }
        if (flock(m->fd, LOCK_EX | LOCK_NB) == 0 && fstat(m->fd, &info) == 0 && info.st_nlink > 0) {
            return ANP_OK;
        }
        close(m->fd);
        m->fd = -1;
    }
    return error_set(err, ANP_BUSY, "cannot make %s: its temporary names are all taken; try again",
                     m->path);
}

static anp_status fill(store *s, anp_status (*init)(void *user, store_txn *txn, anp_error *err),
                       void *user, page_meta *meta, anp_error *err) {
    uint8_t format[4];
    store_txn *txn;
    store_u32(format, STORE_FORMAT_VERSION);
    TRY(txn_begin_first(s, &txn, err));
    anp_status status =
        table_put_own(txn, STR(STORE_FORMAT_KEY), str_make((const char *)format, 4), err);
    if (status == ANP_OK && init) {
        status = init(user, txn, err);
    }
    if (status != ANP_OK) {
        store_abort(txn);
        return status;
    }
    environment_step("filled");
    uint64_t number = store_txn_number(txn);
    TRY(txn_commit(txn, err));
    if (!txn_meta(s, number, meta)) {
        return error_corrupt(
            err, "cannot make %s: what was written reads back differently; check the disk",
            s->path);
    }
    return ANP_OK;
}

/* Everything inside the temporary file. */
static anp_status build(making *m, anp_status (*init)(void *user, store_txn *txn, anp_error *err),
                        void *user, anp_error *err) {
    char *path = strdup(m->temp);
    int fd = open(m->temp, O_RDONLY | O_CLOEXEC);
    store *s = path && fd >= 0 ? environment_new(path, fd, true) : NULL;
    if (!s) {
        free(path);
        if (fd >= 0) {
            close(fd);
        }
        return error_nomem(err, "making an index");
    }
    anp_status status = environment_start(s, ENVIRONMENT_PRIVATE, 0, err);
    if (status == ANP_OK) {
        s->page_bytes = (uint32_t)sysconf(_SC_PAGESIZE) > PAGE_BYTES_MAX
                            ? PAGE_BYTES_MAX
                            : (uint32_t)sysconf(_SC_PAGESIZE);
        environment_step("opened");
        status = fill(s, init, user, &m->meta, err);
    }
    environment_stop(s);
    if (status == ANP_OK && fsync(m->fd) != 0) {
        status = error_os(err, ANP_IO, errno, "cannot sync %s", m->temp);
    }
    return status;
}

/* Renames without overwriting; errno EEXIST when the name is taken. */
static bool rename_new(const char *from, const char *to) {
#if defined(__linux__) && defined(SYS_renameat2)
    enum { NOREPLACE = 1 };
    if (syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, NOREPLACE) == 0) {
        return true;
    }
    if (errno != ENOSYS && errno != EINVAL) {
        return false;
    }
#endif
    return link(from, to) == 0 && unlink(from) == 0;
}

anp_status making_publish(making *m, anp_error *err) {
    environment_step("synced");
    /* Of an index that is gone: it would make ours look old. Somebody may have removed it just now;
       that must be durable as well. */
    if (access(m->path, F_OK) != 0) {
        witness_remove(m->path);
        fsync(m->folder);
    }
    environment_step("cleared");
    if (!rename_new(m->temp, m->path)) {
        if (errno == EEXIST) {
            return error_set(err, ANP_BUSY, "cannot make %s: somebody else just did; open it",
                             m->path);
        }
        return error_os(err, ANP_IO, errno, "cannot rename %s to %s", m->temp, m->path);
    }
    environment_step("published");
    if (fsync(m->folder) != 0 && errno != EINVAL) { /* EINVAL: folders cannot be synced here */
        return error_os(err, ANP_IO, errno, "cannot sync the folder of %s", m->path);
    }
    environment_step("folder");
    making_witness(m);
    environment_step("witnessed");
    return ANP_OK;
}

void making_witness(const making *m) {
    int fd = witness_open(m->path);
    if (fd >= 0) {
        witness_write(fd, &m->meta);
        fsync(fd);
        close(fd);
    }
}

anp_status making_begin(making *m, bool absent, anp_error *err) {
    char *slash = strrchr(m->path, '/');
    struct stat info;
    if (absent && lstat(m->path, &info) == 0) {
        return error_set(err, ANP_BUSY,
                         "cannot make %s: it exists already, and nothing is overwritten", m->path);
    }
    *slash = 0;
    m->folder = open(slash == m->path ? "/" : m->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    *slash = '/';
    if (m->folder < 0) {
        return error_os(err, ANP_IO, errno, "cannot open the folder of %s", m->path);
    }
    TRY(environment_check_medium(m->folder, m->path, err));
    sweep(m->folder, slash + 1);
    TRY(make_temp(m, err));
    environment_step("made");
    return ANP_OK;
}

void making_end(making *m, bool published) {
    if (m->fd >= 0) {
        if (!published) {
            unlink(m->temp);
        }
        close(m->fd);
    }
    if (m->folder >= 0) {
        close(m->folder);
    }
    free(m->temp);
    free(m->path);
}

anp_status store_create(const char *path,
                        anp_status (*init)(void *user, store_txn *txn, anp_error *err), void *user,
                        anp_error *err) {
    making m = {.folder = -1, .fd = -1};
    TRY(environment_resolve(path, false, &m.path, err));
    anp_status status = making_begin(&m, true, err);
    if (status == ANP_OK) {
        status = build(&m, init, user, err);
    }
    if (status == ANP_OK) {
        status = making_publish(&m, err);
    }
    making_end(&m, status == ANP_OK);
    return status;
}
