/*
 * LMDB's codes in our words.
 *
 * A full disk reaches us as EIO (LMDB turns a short write into it), so after any write error the
 * file system is asked whether there is room. An LMDB error code is negative, a system's is an
 * errno.
 */
#include "base/error.h"
#include "store/environment.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

/* A write that found less than this left was cut for want of room, not by a fault of the disk. */
enum { ROOM_LEAST_BYTES = 1 << 20 };

static bool disk_is_full(const store *s) {
    struct statvfs room;
    return fstatvfs(s->fd, &room) == 0 &&
           (uint64_t)room.f_bavail * room.f_frsize < (uint64_t)ROOM_LEAST_BYTES;
}

static bool file_limit_reached(const store *s) {
    struct rlimit limit;
    struct stat info;
    return getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
           fstat(s->fd, &info) == 0 &&
           (uint64_t)info.st_size + ROOM_LEAST_BYTES > (uint64_t)limit.rlim_cur;
}

static anp_status fail_system(const store *s, int code, const char *what, anp_error *err) {
    bool write_error = code == EIO || code == ENOSPC || code == EDQUOT || code == EFBIG;
    if (code == ENOMEM) {
        return error_set(err, ANP_NOMEM,
                         "cannot %s of %s: out of memory; free memory or raise ulimit -v", what,
                         s->path);
    }
    if (write_error && (code == EFBIG || file_limit_reached(s))) {
        return error_os(err, ANP_NOSPACE, code,
                        "cannot %s of %s: the limit of a file's size (ulimit -f) is reached; raise "
                        "it and try again, "
                        "nothing committed is lost",
                        what, s->path);
    }
    if (write_error && (code != EIO || disk_is_full(s))) {
        return error_os(err, ANP_NOSPACE, code,
                        "cannot %s of %s: no space left on its disk; free some and try again, "
                        "nothing committed is "
                        "lost",
                        what, s->path);
    }
    return error_os(err, ANP_IO, code, "cannot %s of %s", what, s->path);
}

anp_status store_fail(const store *s, int code, const char *what, anp_error *err) {
    switch (code) {
    case MDB_MAP_FULL:
        return error_set(err, ANP_LIMIT,
                         "cannot %s of %s: its map of %zu MiB is full; end all transactions, close "
                         "and open it again "
                         "(a larger map is chosen then), or raise ulimit -v",
                         what, s->path, s->map_bytes >> 20);
    case MDB_TXN_FULL:
        return error_set(err, ANP_LIMIT,
                         "cannot %s of %s: too much in one transaction; commit in smaller steps",
                         what, s->path);
    case MDB_READERS_FULL:
        return error_set(
            err, ANP_BUSY,
            "cannot %s of %s: all reader slots are taken; close snapshots and try again", what,
            s->path);
    case MDB_MAP_RESIZED:
        return error_set(
            err, ANP_BUSY,
            "cannot %s of %s: another process made it larger; end other transactions and try again",
            what, s->path);
    case MDB_PANIC:
        return error_set(
            err, ANP_IO,
            "cannot %s of %s: an earlier write failed; end all transactions and try again, nothing "
            "committed is lost",
            what, s->path);
    case MDB_BAD_TXN:
        return error_set(err, ANP_INVALID,
                         "cannot %s of %s: an earlier error ended the transaction; begin anew",
                         what, s->path);
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
        return error_set(err, ANP_FORMAT, "cannot %s of %s: %s; is %s-lock another program's?",
                         what, s->path, mdb_strerror(code), s->path);
    default:
        break;
    }
    if (code > 0) {
        return fail_system(s, code, what, err);
    }
    return error_corrupt(err, "cannot %s of %s: %s; verify it, restore a backup", what, s->path,
                         mdb_strerror(code));
}

anp_status store_fault(const store *s, const char *table, const tree_fault *fault, anp_error *err) {
    return error_corrupt(err, "%s is damaged: %s, page %llu, table %s; verify it, restore a backup",
                         s->path, fault->what, (unsigned long long)fault->page, table);
}
