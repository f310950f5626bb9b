/*
 * How much address space the file gets, and growing it.
 *
 * LMDB maps a fixed size at open and a commit beyond it fails, so the map is chosen far too large:
 * 128 GiB or twice the file. It costs addresses, not memory. Where addresses are short (ulimit -v,
 * valgrind) it is halved down to 256 MiB. Every process chooses for itself; when one has taken the
 * file past another's map, that one must map anew, and may only when none of its transactions is
 * active: LMDB does not check that, we do.
 */
#include "base/error.h"
#include "store/environment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MAP_USUAL_BYTES ((uint64_t)128 << 30)
#define MAP_LEAST_BYTES ((uint64_t)256 << 20)

/*
 * How long growing waits for other transactions of the process. A thread that holds one itself must
 * get BUSY.
 */
enum { GROW_WAIT_SECONDS = 2 };

/* The least power of two, at least MAP_LEAST_BYTES, that is not less. */
static uint64_t round_up(uint64_t bytes) {
    uint64_t size = MAP_LEAST_BYTES;
    while (size < bytes && size < (uint64_t)1 << 62) {
        size *= 2;
    }
    return size;
}

size_t map_least(uint64_t file_bytes) {
    return store_registry.hook_map_bytes ? store_registry.hook_map_bytes
                                         : (size_t)round_up(2 * file_bytes);
}

size_t map_first(uint64_t file_bytes) {
    if (store_registry.hook_map_bytes) {
        return store_registry.hook_map_bytes;
    }
    uint64_t size = MAP_USUAL_BYTES;
    struct rlimit limit;
    if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
        while (size > (uint64_t)limit.rlim_cur / 8 && size > MAP_LEAST_BYTES) {
            size /= 2; /* we map twice, and the program wants memory too */
        }
    }
    uint64_t least = map_least(file_bytes);
    return (size_t)(size > least ? size : least);
}

int map_make(store *s) {
    void *map = mmap(NULL, s->map_bytes, PROT_READ, MAP_SHARED, s->fd, 0);
    if (map == MAP_FAILED) {
        return errno;
    }
    s->map = map;
    return 0;
}

void map_drop(store *s) {
    if (s->map) {
        munmap((void *)(uintptr_t)s->map, s->map_bytes);
        s->map = NULL;
    }
}

/* Whether two maps of this size can be had: LMDB has unmapped the old one when it finds out. */
static bool can_map(const store *s, size_t bytes) {
    void *first = mmap(NULL, bytes, PROT_READ, MAP_SHARED, s->fd, 0);
    void *second = mmap(NULL, bytes, PROT_READ, MAP_SHARED, s->fd, 0);
    bool both = first != MAP_FAILED && second != MAP_FAILED;
    if (first != MAP_FAILED) {
        munmap(first, bytes);
    }
    if (second != MAP_FAILED) {
        munmap(second, bytes);
    }
    return both;
}

/* With no transaction active. */
static anp_status remake(store *s, anp_error *err) {
    struct stat info;
    if (fstat(s->fd, &info) != 0) {
        return error_os(err, ANP_IO, errno, "cannot ask the size of %s", s->path);
    }
    uint64_t file_bytes = (uint64_t)info.st_size;
    size_t bytes = (size_t)round_up(2 * file_bytes);
    while (bytes < s->map_bytes) {
        bytes *= 2;
    }
    while (!can_map(s, bytes)) {
        bytes /= 2;
        if (bytes < file_bytes || bytes <= s->map_bytes) {
            return error_set(err, ANP_NOMEM,
                             "cannot map %s, now %llu MiB: no addresses left; raise ulimit -v",
                             s->path, (unsigned long long)(file_bytes >> 20));
        }
    }
    int code = mdb_env_set_mapsize(s->env, bytes);
    if (code) {
        s->lost = true;
        return store_fail(s, code, "map the pages", err);
    }
    map_drop(s);
    s->map_bytes = bytes;
    code = map_make(s);
    s->lost = code != 0;
    return code ? store_fail(s, code, "map the pages", err) : ANP_OK;
}

static struct timespec deadline(void) {
    struct timespec at;
    clock_gettime(CLOCK_REALTIME, &at);
    at.tv_sec += GROW_WAIT_SECONDS;
    return at;
}

anp_status map_hold(store *s, bool *by_other, anp_error *err) {
    *by_other = s->moving;
    if (s->moving) {
        while (s->moving) {
            pthread_cond_wait(&s->changed, &s->mutex);
        }
        return ANP_OK;
    }
    s->moving = true;
    struct timespec until = deadline();
    int waited = 0;
    while (s->active > 0 && waited != ETIMEDOUT) {
        waited = pthread_cond_timedwait(&s->changed, &s->mutex, &until);
    }
    if (s->active == 0) {
        return ANP_OK;
    }
    s->moving = false;
    pthread_cond_broadcast(&s->changed);
    return store_fail(s, MDB_MAP_RESIZED, "read the newest commit", err);
}

anp_status map_grow(store *s, anp_error *err) {
    bool by_other;
    pthread_mutex_lock(&s->mutex);
    anp_status status = map_hold(s, &by_other, err);
    if (status == ANP_OK && !by_other) {
        status = remake(s, err);
        s->moving = false;
        pthread_cond_broadcast(&s->changed);
    }
    pthread_mutex_unlock(&s->mutex);
    return status;
}

/*
 * Where LMDB has mapped the file, which it does not tell: a value of a committed page points into
 * the map, and the page that it is in begins with its number.
 */
static uint8_t *lmdb_map(const store_txn *txn) {
    MDB_val key = {sizeof STORE_FORMAT_KEY - 1, STORE_FORMAT_KEY}, value;
    if (mdb_get(txn->mdb, txn->store->dbis[STORE_META], &key, &value) != 0) {
        return NULL;
    }
    uintptr_t page = (uintptr_t)value.mv_data / txn->store->page_bytes * txn->store->page_bytes;
    uint64_t number = load_u64((const void *)page);
    return (uint8_t *)(page - number * txn->store->page_bytes);
}

/* Of mapped files, this process's; 0 where the system does not tell. */
static uint64_t resident_bytes(void) {
    char text[128] = {0};
    unsigned long long shared = 0;
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        ssize_t len = read(fd, text, sizeof text - 1);
        close(fd);
        if (len <= 0 || sscanf(text, "%*u %*u %llu", &shared) != 1) {
            return 0;
        }
    }
    return (uint64_t)shared * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* More than `above` of our pages: what was resident when they had just been forgotten, another
   file that the process maps, is none of ours. */
static bool is_much(store *s, uint64_t above) {
    uint64_t resident = resident_bytes(), others = atomic_load(&s->others_bytes);
    if (resident < others) {
        atomic_store(&s->others_bytes, resident);
        others = resident;
    }
    return resident - others > above;
}

/* Then who begins a transaction may have to wait, for those of its own thread too. */
static bool is_moving(store *s) {
    pthread_mutex_lock(&s->mutex);
    bool moving = s->moving || s->lost;
    pthread_mutex_unlock(&s->mutex);
    return moving;
}

void store_forget_pages(store *s, uint64_t above) {
    store_txn *txn;
    if ((above && !is_much(s, above)) || is_moving(s) ||
        store_begin_read(s, &txn, NULL) != ANP_OK) {
        return;
    }
    size_t bytes = (size_t)atomic_load(&s->file_pages) * s->page_bytes;
    uint8_t *theirs = txn->mdb ? lmdb_map(txn) : NULL;
    if (theirs && bytes) {
        madvise(theirs, bytes, MADV_DONTNEED);
    }
    if (s->map && bytes) {
        madvise((void *)(uintptr_t)s->map, bytes < s->map_bytes ? bytes : s->map_bytes,
                MADV_DONTNEED);
    }
    store_abort(txn);
    atomic_store(&s->others_bytes, resident_bytes());
}

void store_read_on(store_txn *txn) {
    enum { VALUES = 8, RESIDENT_BYTES = 80 << 20 };
    if (atomic_fetch_add(&txn->store->read_on, 1) % VALUES == VALUES - 1) {
        store_forget_pages(txn->store, RESIDENT_BYTES);
    }
}
