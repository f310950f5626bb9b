/*
 * Putting a rewritten file in the place of the index, while other processes have the index open.
 *
 *     finish the new file, sync            PATH.create-PID-N: a sweep removes it if we are killed
 *     rename it to PATH.compacted          not in use yet; the next writer's open removes it
 *     commit "replaced" in the old file    the turning point: from here on nobody writes there
 *     remove the witness, sync the folder  it is of the old file
 *     rename PATH.compacted to PATH        atomic
 *     sync the folder, write the witness
 *
 * The new file is not another index, it is the next commit of this one: its meta page bears the
 * very number that the commit of "replaced" has in the old file. So the lock file stays: the
 * writers' mutex goes on guarding, readers' slots go on counting, and the number of the last commit
 * that stands in it is right for both files. Whoever has the old file open
 *
 *   - and reads, keeps its view: nobody writes to those pages any more;
 *   - and begins to read, gets the old file's last commit while it is the new one's as well, else
 *     finds that the number of the last commit is none of its file, and follows;
 *   - and begins to write, finds the record "replaced", or the other file under the path, and
 *     follows.
 *
 * To follow is to close the file and open what the path names now, in the same handle, when no
 * transaction of the process is active (as map_grow). The last steps are done by whoever holds the
 * writers' lock and finds the record while the path still names the old file: the compaction itself
 * or, if it was killed, the next writer. If the file that the record tells of is not there (the old
 * one was copied at that moment), it takes the record out and goes on with the old file.
 */
#include "base/error.h"
#include "store/environment.h"
#include "store/rewrite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define REPLACED_KEY "replaced" /* in meta: u64 hash of the new file's meta page */
#define REPLACED_SUFFIX ".compacted"

static char *new_name(const char *path) {
    size_t len = strlen(path);
    char *name = malloc(len + sizeof REPLACED_SUFFIX);
    if (name) {
        memcpy(name, path, len);
        memcpy(name + len, REPLACED_SUFFIX, sizeof REPLACED_SUFFIX);
    }
    return name;
}

/* Whether the path names another file than the one that is open. */
bool replace_path_differs(const store *s) {
    struct stat there, here;
    return stat(s->path, &there) == 0 && fstat(s->fd, &here) == 0 &&
           (there.st_ino != here.st_ino || there.st_dev != here.st_dev);
}

/*
 * Removes a new file whose maker was killed before it could mark ours. Under the writers' lock and
 * without a mark nobody else has use for it. One that has a witness is somebody's index.
 */
static void remove_leftover(const store *s) {
    char *name = new_name(s->path);
    struct stat info;
    witness w;
    if (name && lstat(name, &info) == 0 && S_ISREG(info.st_mode) &&
        witness_read(name, &w, NULL) == ANP_OK && !w.exists) {
        unlink(name);
    }
    free(name);
}

static anp_status read_mark(store_txn *txn, bool *found, uint64_t *hash, anp_error *err) {
    str record;
    store_key key = store_key_bytes(STR(REPLACED_KEY));
    anp_status status = store_get(txn, STORE_META, key, &record, err);
    *found = status == ANP_OK && record.len == sizeof *hash;
    *hash = *found ? load_u64(record.data) : 0;
    return status == ANP_NOT_FOUND ? ANP_OK : status;
}

/* Nobody writes to a file that was replaced: its header and pages stand still. */
bool replace_noticed(const store *s) {
    header h;
    uint64_t hash;
    bool found = false;
    if (!replace_path_differs(s) || header_read(s->fd, s->path, &h, NULL) != ANP_OK) {
        return false;
    }
    store_txn last = {.store = (store *)(uintptr_t)s, .meta = *header_newest(&h)};
    uint64_t pages = h.file_bytes / h.page_bytes, mapped = s->map_bytes / h.page_bytes;
    last.view = (tree_view){s->map, h.page_bytes, pages < mapped ? pages : mapped};
    return read_mark(&last, &found, &hash, NULL) == ANP_OK && found;
}

/* ---- The last steps ------------------------------------------------------------------------ */

static void sync_folder(const char *path) {
    char *folder = strdup(path), *slash = folder ? strrchr(folder, '/') : NULL;
    if (slash) {
        slash[slash == folder] = 0;
        int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd >= 0) {
            fsync(fd);
            close(fd);
        }
    }
    free(folder);
}

/* Whether `name` is the file that the record tells of. */
static bool is_promised(const char *name, uint64_t hash, page_meta *meta) {
    header h;
    int fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    bool same = fd >= 0 && header_read(fd, name, &h, NULL) == ANP_OK &&
                header_meta_hash(header_newest(&h)) == hash;
    if (same) {
        *meta = *header_newest(&h);
    }
    if (fd >= 0) {
        close(fd);
    }
    return same;
}

/* With the writers' lock. *done: the path names the new file; false: there is none. */
static anp_status finish(const store *s, uint64_t hash, bool *done, anp_error *err) {
    page_meta meta;
    *done = replace_path_differs(s);
    char *name = *done ? NULL : new_name(s->path);
    if (*done || (name && !is_promised(name, hash, &meta))) {
        free(name);
        return ANP_OK;
    }
    if (!name) {
        return error_nomem(err, "opening an index");
    }
    if (witness_remove(s->path)) {
        sync_folder(s->path);
    }
    environment_step("unwitnessed");
    if (rename(name, s->path) != 0) {
        anp_status status = error_os(err, ANP_IO, errno, "cannot rename %s to %s", name, s->path);
        free(name);
        return status;
    }
    free(name);
    environment_step("replaced");
    sync_folder(s->path);
    making m = {.path = s->path, .meta = meta};
    making_witness(&m);
    environment_step("rewitnessed");
    *done = true;
    return ANP_OK;
}

anp_status replace_check(store_txn *txn, bool *replaced, anp_error *err) {
    uint64_t hash;
    TRY(read_mark(txn, replaced, &hash, err));
    if (!*replaced) {
        if (txn->store->witness_fd < 0) { /* the first write after an open */
            remove_leftover(txn->store);
        }
        return ANP_OK;
    }
    TRY(finish(txn->store, hash, replaced, err));
    if (*replaced) {
        return ANP_OK;
    }
    return store_delete(txn, STORE_META, store_key_bytes(STR(REPLACED_KEY)), err);
}

/* ---- The first steps ----------------------------------------------------------------------- */

/* Ends txn in any case. */
static anp_status put_mark(store_txn *txn, uint64_t hash, anp_error *err) {
    uint8_t record[8];
    store_u64(record, hash);
    anp_status status = store_put(txn, STORE_META, store_key_bytes(STR(REPLACED_KEY)),
                                  str_make((const char *)record, sizeof record), false, err);
    if (status != ANP_OK) {
        store_abort(txn);
        return status;
    }
    return txn_commit(txn, err); /* without the witness: that one is about to go */
}

/* An index that somebody keeps under the name, as its witness tells, is not overwritten. */
static anp_status take_name(const char *temp, const char *name, anp_error *err) {
    witness w;
    TRY(witness_read(name, &w, err));
    if (w.exists) {
        return error_set(err, ANP_BUSY, "cannot compact: %s is in the way; move it", name);
    }
    return rename(temp, name) == 0 ? ANP_OK : error_os(err, ANP_IO, errno,
                                                       "cannot rename %s to %s", temp, name);
}

anp_status replace_begin(const char *temp, const page_meta *meta, store_txn *txn, anp_error *err) {
    store *s = txn->store;
    char *name = new_name(s->path);
    anp_status status =
        name ? take_name(temp, name, err) : error_nomem(err, "compacting an index");
    if (status != ANP_OK) {
        store_abort(txn);
        free(name);
        return status;
    }
    sync_folder(s->path);
    environment_step("moved");
    status = put_mark(txn, header_meta_hash(meta), err);
    if (status != ANP_OK) {
        unlink(name);
        free(name);
        return status;
    }
    free(name);
    environment_step("marked");
    bool replaced;
    status = txn_try_write(s, &txn, &replaced, err); /* takes the last steps, unless others did */
    if (status == ANP_OK && !replaced) {
        store_abort(txn);
        status = error_set(err, ANP_IO, "cannot compact %s: the new file has gone", s->path);
    }
    return status;
}
