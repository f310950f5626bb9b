/*
 * Opening and closing a file, and the registry of those that are open.
 *
 * Order at open: the file's identity, the registry, the medium, the witness, the header (witness.h
 * says why in this order), then LMDB, then the records that make it an index of ours, read through
 * tree.h.
 */
#include "base/error.h"
#include "store/environment.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/vfs.h>
#elif defined(__APPLE__) || defined(__FreeBSD__)
#include <sys/mount.h>
#include <sys/param.h>
#endif

/* Reader slots of the lock file, one a snapshot; 64 bytes each. */
enum { READERS_MAX = 1022 };

/* An open is tried again when the file was replaced meanwhile. */
enum { OPEN_TRIES = 10 };

struct store_registry store_registry = {.mutex = PTHREAD_MUTEX_INITIALIZER};

/* ---- The path and what it lies on ---------------------------------------------------------- */

anp_status environment_resolve(const char *path, bool exists, char **out, anp_error *err) {
    *out = NULL;
    if (!path || !*path) {
        return error_set(err, ANP_INVALID, "cannot open an index: its path is empty");
    }
    if (exists) {
        *out = realpath(path, NULL);
    } else {
        const char *slash = strrchr(path, '/');
        const char *name = slash ? slash + 1 : path;
        char *folder =
            slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
        char *whole = folder ? realpath(folder, NULL) : NULL;
        size_t size = (whole ? strlen(whole) : 0) + strlen(name) + 2;
        *out = whole ? malloc(size) : NULL;
        if (*out) {
            bool root = whole[1] == 0;
            memcpy(*out, whole, strlen(whole));
            (*out)[strlen(whole)] = '/';
            memcpy(*out + strlen(whole) + !root, name, strlen(name) + 1);
        }
        free(whole);
        free(folder);
    }
    if (*out) {
        return ANP_OK;
    }
    if (errno == ENOENT) {
        const char *advice = exists ? "no index is there; check the path, or make one with index"
                                    : "its folder is not there; make it first";
        return error_set(err, ANP_NOT_FOUND, "cannot open %s: %s", path, advice);
    }
    return error_os(err, errno == ENOMEM ? ANP_NOMEM : ANP_IO, errno, "cannot open %s", path);
}

#if defined(__linux__)
/* The numbers of linux/magic.h and of the file systems' own sources. */
static bool is_foreign(int fd) {
    static const uint32_t magics[] = {
        0x6969,     /* NFS */
        0x517b,     /* SMB */
        0xff534d42, /* CIFS */
        0xfe534d42, /* SMB 2 */
        0x01021997, /* 9P */
        0x5346414f, /* AFS */
        0x6b414653, /* AFS of the kernel */
        0x00c36400, /* Ceph */
        0x0bd00bd0, /* Lustre */
        0x47504653, /* GPFS */
        0x01161970, /* GFS2 */
        0x7461636f, /* OCFS2 */
        0x19830326, /* BeeGFS */
        0x73757245, /* Coda */
        0x786f4256, /* folders of a VirtualBox host */
        0xbacbacbc, /* the same of VMware */
    };
    struct statfs info;
    if (fstatfs(fd, &info) != 0) {
        return false;
    }
    for (size_t i = 0; i < sizeof magics / sizeof *magics; i++) {
        if ((uint32_t)info.f_type == magics[i]) {
            return true;
        }
    }
    return false;
}
#elif defined(__APPLE__) || defined(__FreeBSD__)
static bool is_foreign(int fd) {
    struct statfs info;
    return fstatfs(fd, &info) == 0 && !(info.f_flags & MNT_LOCAL);
}
#else
static bool is_foreign(int fd) {
    (void)fd;
    return false;
}
#endif

anp_status environment_check_medium(int fd, const char *path, anp_error *err) {
    if (!is_foreign(fd)) {
        return ANP_OK;
    }
    return error_set(err, ANP_IO,
                     "cannot use %s: it lies on a network file system, where locks and maps are "
                     "not safe; keep it on a local disk",
                     path);
}

anp_status environment_check_pid(const store *s, anp_error *err) {
    if (s->pid == getpid()) {
        return ANP_OK;
    }
    return error_set(err, ANP_INVALID,
                     "cannot use %s: it was opened before a fork; open it in the child", s->path);
}

/* ---- LMDB and the maps --------------------------------------------------------------------- */

/* 0, or the code why not; then nothing is open. */
static int start_once(store *s, unsigned flags) {
    int code = mdb_env_create(&s->env);
    if (!code) {
        code = mdb_env_set_maxdbs(s->env, STORE_TABLES);
    }
    if (!code) {
        code = mdb_env_set_maxreaders(s->env, READERS_MAX);
    }
    if (!code) {
        code = mdb_env_set_mapsize(s->env, s->map_bytes);
    }
    if (!code) {
        code = mdb_env_open(s->env, s->path, flags, 0666);
    }
    if (!code) {
        code = map_make(s);
    }
    if (code && s->env) {
        mdb_env_close(s->env);
        s->env = NULL;
    }
    return code;
}

/* Nobody has written here, nor could: no lock file, and no right to make one. */
static bool may_go_unlocked(const store *s) {
    size_t len = strlen(s->path);
    char *lock = malloc(len + sizeof "-lock");
    if (!lock) {
        return false;
    }
    memcpy(lock, s->path, len);
    memcpy(lock + len, "-lock", sizeof "-lock");
    bool absent = access(lock, F_OK) != 0 && errno == ENOENT;
    free(lock);
    return absent;
}

anp_status environment_start(store *s, unsigned flags, uint64_t file_bytes, anp_error *err) {
    unsigned lmdb = MDB_NOSUBDIR | MDB_NOTLS | (s->writable ? 0 : MDB_RDONLY) |
                    (flags & ENVIRONMENT_PRIVATE ? MDB_NOLOCK : 0);
    size_t least = map_least(file_bytes);
    s->map_bytes = map_first(file_bytes);
    for (;;) {
        int code = start_once(s, lmdb);
        /* EINVAL is what valgrind says to a map that is too large. */
        if ((code == ENOMEM || code == EINVAL) && s->map_bytes / 2 >= least) {
            s->map_bytes /= 2;
        } else if (code == EACCES && !s->writable && !(lmdb & MDB_NOLOCK) && may_go_unlocked(s)) {
            lmdb |= MDB_NOLOCK;
        } else if (code == EACCES) {
            return error_os(err, ANP_IO, code,
                            "cannot open %s: readers note in %s-lock which pages they use; get the "
                            "right to write that file",
                            s->path, s->path);
        } else {
            return code ? store_fail(s, code, "open the pages", err) : ANP_OK;
        }
    }
}

static void close_file(store *s) {
    map_drop(s);
    if (s->env) {
        mdb_env_close(s->env);
        s->env = NULL;
    }
    if (s->witness_fd >= 0) {
        close(s->witness_fd);
        s->witness_fd = -1;
    }
    if (s->fd >= 0) {
        close(s->fd);
        s->fd = -1;
    }
}

void environment_stop(store *s) {
    close_file(s);
    pthread_mutex_destroy(&s->mutex);
    pthread_cond_destroy(&s->changed);
    free(s->seen);
    free(s->path);
    free(s);
}

store *environment_new(char *path, int fd, bool writable) {
    store *s = calloc(1, sizeof *s);
    checksum_seen *seen = calloc(1, sizeof *seen);
    if (!s || !seen) {
        free(s);
        free(seen);
        return NULL;
    }
    s->references = 1;
    s->pid = getpid();
    s->writable = writable;
    s->path = path;
    s->fd = fd;
    s->witness_fd = -1;
    s->seen = seen;
    pthread_mutex_init(&s->mutex, NULL);
    pthread_cond_init(&s->changed, NULL);
    return s;
}

/* ---- Is it one of ours? -------------------------------------------------------------------- */

static anp_status check_format(store_txn *txn, anp_error *err) {
    const char *path = txn->store->path;
    const page_tree *tree;
    str record;
    anp_status status = txn_tree(txn, STORE_META, &tree, err);
    if (status == ANP_OK) {
        status = store_get(txn, STORE_META, store_key_bytes(STR(STORE_FORMAT_KEY)), &record, err);
    }
    if (status == ANP_NOT_FOUND || (status == ANP_OK && record.len != sizeof(uint32_t))) {
        return error_set(err, ANP_FORMAT,
                         "cannot open %s: an LMDB file, but not an index; check the path", path);
    }
    TRY(status);
    uint32_t version = load_u32(record.data);
    if (version != STORE_FORMAT_VERSION) {
        return error_set(err, ANP_FORMAT,
                         "cannot open %s: made by %s version (format %u, this one reads %d); run "
                         "`anpsearch export` of "
                         "that version and index its output anew",
                         path, version > STORE_FORMAT_VERSION ? "a newer" : "an older", version,
                         STORE_FORMAT_VERSION);
    }
    for (int i = 0; i < STORE_TABLES; i++) {
        status = txn_tree(txn, (store_table)i, &tree, err);
        if (status == ANP_NOT_FOUND) {
            return error_corrupt(err, "cannot open %s: table %s is missing; restore a backup", path,
                                 store_table_infos[i].name);
        }
        TRY(status);
    }
    /* A record that is damaged itself stops writers and is verify's business: we can still read. */
    store_tally unused[STORE_TABLES];
    bool torn = false;
    status = table_read_tallies(txn, unused, &torn, err);
    return torn ? status : ANP_OK;
}

static anp_status check_index(store *s, anp_error *err) {
    store_txn *txn;
    TRY(store_begin_read(s, &txn, err));
    anp_status status = check_format(txn, err);
    if (status == ANP_OK && s->writable) {
        return txn_keep_tables(txn, err);
    }
    store_abort(txn);
    return status;
}

/* ---- Open and close ------------------------------------------------------------------------ */

static anp_status open_file(const char *path, bool writable, int *fd, struct stat *info,
                            anp_error *err) {
    if (writable) {
        int probe = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
        if (probe < 0 && errno != EISDIR) {
            return error_os(err, ANP_IO, errno, "cannot open %s for writing", path);
        }
        if (probe >= 0) {
            close(probe);
        }
    }
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not stop us here */
    if (*fd < 0 || fstat(*fd, info) != 0) {
        return error_os(err, ANP_IO, errno, "cannot open %s", path);
    }
    if (!S_ISREG(info->st_mode)) {
        return error_set(err, ANP_FORMAT,
                         "cannot open %s: it is a %s, not an index; check the path", path,
                         S_ISDIR(info->st_mode) ? "directory" : "device or pipe");
    }
    return ANP_OK;
}

/* Of this process: what was opened before a fork is the parent's. */
static store *find_open(const struct stat *info, pid_t pid) {
    for (store *s = store_registry.first; s; s = s->next) {
        if (s->pid == pid && s->device == info->st_dev && s->inode == info->st_ino) {
            return s;
        }
    }
    return NULL;
}

static store *find_path(const char *path, pid_t pid) {
    for (store *s = store_registry.first; s; s = s->next) {
        if (s->pid == pid && strcmp(s->path, path) == 0) {
            return s;
        }
    }
    return NULL;
}

/* A file whose place another one took while it is open here: goes there if it may. */
static bool follows(store *s) {
    return (!replace_noticed(s) || environment_follow(s, NULL) == ANP_OK) &&
           !replace_path_differs(s);
}

/* LMDB opens the path by itself: it must have got the file that we have. */
static anp_status check_same_file(const store *s, anp_error *err) {
    int fd;
    struct stat theirs, ours;
    if (mdb_env_get_fd(s->env, &fd) != 0 || fstat(fd, &theirs) != 0 || fstat(s->fd, &ours) != 0) {
        return error_os(err, ANP_IO, errno, "cannot open %s", s->path);
    }
    if (theirs.st_ino == ours.st_ino && theirs.st_dev == ours.st_dev) {
        return ANP_OK;
    }
    return error_set(err, ANP_BUSY, "cannot open %s: it was replaced just now; try again", s->path);
}

/* When another file takes the path's place in between, the witness may be that of either. */
static anp_status read_header(const store *s, header *h, anp_error *err) {
    witness w, again;
    TRY(witness_read(s->path, &again, err));
    for (int attempt = 0;; attempt++) {
        w = again;
        TRY(header_read(s->fd, s->path, h, err));
        anp_status status = witness_compare(&w, s->path, h, err);
        if (status == ANP_OK) {
            return ANP_OK;
        }
        TRY(witness_read(s->path, &again, err));
        if (attempt == OPEN_TRIES || memcmp(&w, &again, sizeof w) == 0) {
            return status;
        }
    }
}

/* A file that this process has not open. */
static anp_status start_new(store *s, anp_error *err) {
    header h;
    TRY(environment_check_medium(s->fd, s->path, err));
    TRY(read_header(s, &h, err));
    s->page_bytes = h.page_bytes;
    s->file_pages = h.file_bytes / h.page_bytes;
    TRY(environment_start(s, 0, h.file_bytes, err));
    TRY(check_same_file(s, err));
    mdb_reader_check(s->env, NULL);
    return check_index(s, err);
}

/* Takes over path and fd, also on failure. With the registry locked. */
static anp_status open_locked(char *path, int fd, const struct stat *info, bool writable,
                              store **out, anp_error *err) {
    store *s = find_open(info, getpid()), *same = s ? NULL : find_path(path, getpid());
    if (same && follows(same)) {
        s = same;
    }
    if (s) {
        close(fd);
        free(path);
        if (writable && !s->writable) {
            return error_set(err, ANP_BUSY,
                             "cannot open %s for writing: this process has it open for reading; "
                             "close that first",
                             s->path);
        }
        s->references++;
        *out = s;
        return ANP_OK;
    }
    anp_status status = ANP_OK;
    if (same) {
        status = error_set(err, ANP_BUSY,
                           "cannot open %s: the file was replaced while this process had it open; "
                           "close that first",
                           path);
    } else if (!(s = environment_new(path, fd, writable))) {
        status = error_nomem(err, "opening an index");
    }
    if (status != ANP_OK) {
        close(fd);
        free(path);
        return status;
    }
    s->device = info->st_dev;
    s->inode = info->st_ino;
    status = start_new(s, err);
    if (status != ANP_OK) {
        environment_stop(s);
        return status;
    }
    s->next = store_registry.first;
    store_registry.first = s;
    *out = s;
    return ANP_OK;
}

/* *raced: what it found may be a mixture of two files, one having taken the other's place. */
static anp_status open_once(const char *path, bool writable, store **out, bool *raced,
                            anp_error *err) {
    char *whole;
    int fd = -1;
    struct stat info, after;
    TRY(environment_resolve(path, true, &whole, err));
    anp_status status = open_file(whole, writable, &fd, &info, err);
    if (status != ANP_OK) {
        if (fd >= 0) {
            close(fd);
        }
        free(whole);
        return status;
    }
    pthread_mutex_lock(&store_registry.mutex);
    status = open_locked(whole, fd, &info, writable, out, err);
    pthread_mutex_unlock(&store_registry.mutex);
    *raced = (status == ANP_CORRUPT || status == ANP_BUSY) && stat(path, &after) == 0 &&
             (after.st_ino != info.st_ino || after.st_dev != info.st_dev);
    return status;
}

anp_status store_open(const char *path, bool writable, store **out, anp_error *err) {
    bool raced = true;
    anp_status status = ANP_OK;
    *out = NULL;
    for (int attempt = 0; raced && attempt < OPEN_TRIES; attempt++) {
        raced = false;
        status = open_once(path, writable, out, &raced, err);
    }
    return status;
}

/* ---- Following to the file that took this one's place -------------------------------------- */

/* With `moving` held by this thread. After a failure there is nothing left that could be used. */
static anp_status reopen(store *s, anp_error *err) {
    int fd = -1;
    struct stat info;
    anp_status status = open_file(s->path, s->writable, &fd, &info, err);
    if (status != ANP_OK) {
        if (fd >= 0) {
            close(fd);
        }
        return status;
    }
    close_file(s);
    s->fd = fd;
    memset(s->seen, 0, sizeof *s->seen);
    s->generation++;
    s->device = info.st_dev;
    s->inode = info.st_ino;
    s->lost = false; /* by a former attempt */
    status = start_new(s, err);
    s->lost = status != ANP_OK;
    return status;
}

/* Opens what the path names now; also, with `renew`, when that is the same file. */
static anp_status move_on(store *s, bool renew, anp_error *err) {
    bool by_other;
    pthread_mutex_lock(&s->mutex);
    anp_status status =
        s->following && pthread_equal(s->follower, pthread_self())
            ? error_set(err, ANP_BUSY, "cannot open %s: it was replaced twice; try again", s->path)
            : map_hold(s, &by_other, NULL);
    if (status == ANP_OK && !by_other) {
        s->following = true;
        s->follower = pthread_self();
        pthread_mutex_unlock(&s->mutex); /* whoever else comes waits for `moving` */
        for (int attempt = 0; attempt < OPEN_TRIES && (renew || replace_path_differs(s));
             attempt++) {
            status = reopen(s, err);
            renew = false;
        }
        pthread_mutex_lock(&s->mutex);
        s->following = s->moving = false;
        pthread_cond_broadcast(&s->changed);
    } else if (status != ANP_OK && !s->following && renew) {
        status = store_fail(s, MDB_PANIC, "go on", err);
    } else if (status != ANP_OK && !s->following) {
        status = error_set(err, ANP_BUSY,
                           "cannot use %s: it was compacted, and snapshots of its former state are "
                           "open; close them and try again", s->path);
    }
    pthread_mutex_unlock(&s->mutex);
    return status;
}

anp_status environment_follow(store *s, anp_error *err) {
    return move_on(s, false, err);
}

anp_status environment_renew(store *s, anp_error *err) {
    return move_on(s, true, err);
}

uint64_t store_generation(const store *s) {
    return s->generation;
}

void store_close(store *s) {
    /*
     * After a fork: to close LMDB's files here would drop locks that the child may hold by its own
     * open.
     */
    if (!s || s->pid != getpid()) {
        return;
    }
    pthread_mutex_lock(&store_registry.mutex);
    if (--s->references == 0) {
        store **link = &store_registry.first;
        while (*link != s) {
            link = &(*link)->next;
        }
        *link = s->next;
        environment_stop(s);
    }
    pthread_mutex_unlock(&store_registry.mutex);
}

const char *store_path(const store *s) {
    return s->path;
}

bool store_writable(const store *s) {
    return s->writable;
}

anp_status store_file_bytes(store *s, uint64_t *out, anp_error *err) {
    struct stat info;
    if (fstat(s->fd, &info) != 0) {
        return error_os(err, ANP_IO, errno, "cannot ask the size of %s", s->path);
    }
    *out = (uint64_t)info.st_size;
    return ANP_OK;
}
