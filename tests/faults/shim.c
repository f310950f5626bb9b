/*
 * See shim.h. The functions below stand before the C library's own of the same names; those are
 * found with dlsym. State lies in memory shared with the parent, as children die without a word.
 * Threads: counters are atomic, the log is behind a mutex.
 */
#undef _FORTIFY_SOURCE
#include "faults/shim.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#endif

#if defined(SANITIZED) || !defined(__GLIBC__) || !defined(__linux__)

bool shim_works(void) {
    return false;
}

void shim_share(void) {
}

void shim_begin(const shim_plan *plan) {
    (void)plan;
}

void shim_end(void) {
}

void shim_note(uint64_t number) {
    (void)number;
}

const shim_counts *shim_counted(void) {
    static const shim_counts none;
    return &none;
}

const uint8_t *shim_log(size_t *bytes) {
    *bytes = 0;
    return NULL;
}

#else

#include <sys/syscall.h>

enum { SECTOR_BYTES = 512, FILES_MAX = 4096, FDS_MAX = 1024, NAME_BYTES = 256 };
enum { SHIM_LOG_BYTES = 1 << 30 };

/* Shared with the parent. */
typedef struct shared {
    _Atomic uint64_t calls, changes, allocations;
    _Atomic bool fired;
    char what[32];
    shim_counts counts; /* a copy of the above, for the parent */
    size_t log_bytes;
    uint8_t log[];
} shared;

/* Of the child. A file's number is the place of its name when it was first seen. */
static struct state {
    _Atomic bool armed;
    shim_plan plan;
    char folder[512];
    size_t folder_len;
    shared *shared;
    pthread_mutex_t mutex;
    uint32_t file_count;
    char names[FILES_MAX][NAME_BYTES]; /* "": gone */
    int32_t of_fd[FDS_MAX];            /* file number + 1, or -1: the folder, or 0 */
    bool sync_of_fd[FDS_MAX];
} state = {.mutex = PTHREAD_MUTEX_INITIALIZER};

#define REAL(name)                                                                                 \
    static __typeof__(name) *real;                                                                 \
    if (!real) {                                                                                   \
        *(void **)(void *)&real = dlsym(RTLD_NEXT, #name);                                         \
    }

/* The C library's syscall, past our own. */
static long (*raw_syscall(void))(long number, ...) {
    static long (*real)(long number, ...);
    if (!real) {
        *(void **)(void *)&real = dlsym(RTLD_NEXT, "syscall");
    }
    return real;
}
#define raw(...) raw_syscall()(__VA_ARGS__)

bool shim_works(void) {
    return true;
}

void shim_share(void) {
    if (!state.shared) {
        void *memory = mmap(NULL, sizeof(shared) + SHIM_LOG_BYTES, PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        state.shared = memory == MAP_FAILED ? NULL : memory;
    }
}

void shim_begin(const shim_plan *plan) {
    shim_share();
    shared *s = state.shared;
    state.plan = *plan;
    state.folder_len = plan->folder ? strlen(plan->folder) : 0;
    if (plan->folder) {
        memcpy(state.folder, plan->folder, state.folder_len + 1);
    }
    s->calls = s->changes = s->allocations = 0;
    s->fired = false;
    s->what[0] = 0;
    s->log_bytes = 0;
    atomic_store(&state.armed, true);
}

void shim_end(void) {
    atomic_store(&state.armed, false);
}

const shim_counts *shim_counted(void) {
    shared *s = state.shared;
    s->counts = (shim_counts){.calls = s->calls,
                              .changes = s->changes,
                              .allocations = s->allocations,
                              .fired = s->fired};
    memcpy(s->counts.what, s->what, sizeof s->what);
    return &s->counts;
}

const uint8_t *shim_log(size_t *bytes) {
    *bytes = state.shared->log_bytes;
    return state.shared->log;
}

static void fire(const char *what) {
    strncpy(state.shared->what, what, sizeof state.shared->what - 1);
    atomic_store(&state.shared->fired, true);
}

/* ---- The log ------------------------------------------------------------------------------- */

static void put_log(shim_kind kind, uint32_t file, uint64_t offset, bool synced, const void *bytes,
                    size_t len, const void *more, size_t more_len) {
    shared *s = state.shared;
    shim_entry entry = {(uint32_t)kind, file, offset, (uint32_t)(len + more_len), synced};
    size_t room = (sizeof entry + len + more_len + 7) & ~(size_t)7;
    if (!state.plan.log || s->log_bytes + room > (size_t)SHIM_LOG_BYTES) {
        return;
    }
    uint8_t *at = s->log + s->log_bytes;
    memcpy(at, &entry, sizeof entry);
    if (len) {
        memcpy(at + sizeof entry, bytes, len);
    }
    if (more_len) {
        memcpy(at + sizeof entry + len, more, more_len);
    }
    s->log_bytes += room;
}

void shim_note(uint64_t number) {
    if (!atomic_load(&state.armed)) {
        return;
    }
    pthread_mutex_lock(&state.mutex);
    put_log(SHIM_NOTE, 0, number, false, NULL, 0, NULL, 0);
    pthread_mutex_unlock(&state.mutex);
}

/* ---- Which file is it? --------------------------------------------------------------------- */

/* The name below the folder, or NULL. */
static const char *watched(const char *path) {
    if (!state.folder_len || strncmp(path, state.folder, state.folder_len) != 0 ||
        path[state.folder_len] != '/') {
        return NULL;
    }
    return path + state.folder_len + 1;
}

static int32_t find_name(const char *name) {
    for (uint32_t i = 0; i < state.file_count; i++) {
        if (strcmp(state.names[i], name) == 0) {
            return (int32_t)i;
        }
    }
    return -1;
}

static uint32_t add_name(const char *name, shim_kind kind) {
    uint32_t file = state.file_count;
    if (file == FILES_MAX || strlen(name) >= NAME_BYTES) {
        abort();
    }
    strcpy(state.names[file], name);
    state.file_count++;
    put_log(kind, file, 0, false, name, strlen(name) + 1, NULL, 0);
    return file;
}

static int32_t file_of(int fd) {
    return fd >= 0 && fd < FDS_MAX ? state.of_fd[fd] : 0;
}

/* ---- Counting ------------------------------------------------------------------------------ */

/* Counts a call; true when it is the one to fail, errno being set. */
static bool fails(const char *what) {
    if (!atomic_load_explicit(&state.armed, memory_order_relaxed)) {
        return false;
    }
    uint64_t number = atomic_fetch_add(&state.shared->calls, 1) + 1;
    if (number != state.plan.fail_call) {
        return false;
    }
    fire(what);
    errno = state.plan.fail_code;
    return true;
}

static void die(const char *what) {
    fire(what);
    kill(getpid(), SIGKILL);
    for (;;) {
        pause();
    }
}

/* Counts a change; whether it is the one to die at. Dies at once if before it. */
static bool last_change(const char *what) {
    uint64_t number = atomic_fetch_add(&state.shared->changes, 1) + 1;
    bool last = number == state.plan.kill_at_change;
    if (last && state.plan.death == SHIM_BEFORE) {
        die(what);
    }
    return last;
}

static bool armed(void) {
    return atomic_load_explicit(&state.armed, memory_order_relaxed);
}

/* ---- Files --------------------------------------------------------------------------------- */

static void note_open(int fd, const char *path, int flags, bool was) {
    const char *name = watched(path);
    if (fd < 0 || fd >= FDS_MAX) {
        return;
    }
    pthread_mutex_lock(&state.mutex);
    state.of_fd[fd] = 0;
    if (strcmp(path, state.folder) == 0) {
        state.of_fd[fd] = -1;
    } else if (name) {
        int32_t file = find_name(name);
        if (file < 0) {
            file = (int32_t)add_name(name, was ? SHIM_EXISTS : SHIM_CREATE);
        }
        state.of_fd[fd] = file + 1;
        state.sync_of_fd[fd] = flags & (O_DSYNC | O_SYNC);
        if (was && flags & O_TRUNC) {
            put_log(SHIM_TRUNCATE, (uint32_t)file, 0, false, NULL, 0, NULL, 0);
        }
    }
    pthread_mutex_unlock(&state.mutex);
}

static bool exists(const char *path) {
    return raw(SYS_faccessat, AT_FDCWD, path, F_OK) == 0;
}

int open(const char *path, int flags, ...) {
    REAL(open)
    va_list args;
    va_start(args, flags);
    unsigned mode = flags & O_CREAT ? va_arg(args, unsigned) : 0;
    va_end(args);
    if (!armed()) {
        return real(path, flags, mode);
    }
    if (fails("open")) {
        return -1;
    }
    bool was = !(flags & O_CREAT) || exists(path);
    bool last = !was && watched(path) && last_change("open");
    int fd = real(path, flags, mode);
    if (fd >= 0) {
        note_open(fd, path, flags, was);
    }
    if (last) {
        die("open");
    }
    return fd;
}

int openat(int folder, const char *path, int flags, ...) {
    REAL(openat)
    va_list args;
    va_start(args, flags);
    unsigned mode = flags & O_CREAT ? va_arg(args, unsigned) : 0;
    va_end(args);
    return fails("openat") ? -1 : real(folder, path, flags, mode);
}

int close(int fd) {
    REAL(close)
    bool failing = fails("close");
    int code = errno;
    if (armed() && fd >= 0 && fd < FDS_MAX) {
        state.of_fd[fd] = 0;
    }
    int result = real(fd);
    errno = failing ? code : errno;
    return failing ? -1 : result;
}

static void note_write(int fd, const void *bytes, size_t len, uint64_t offset) {
    pthread_mutex_lock(&state.mutex);
    put_log(SHIM_WRITE, (uint32_t)(file_of(fd) - 1), offset, state.sync_of_fd[fd], bytes, len, NULL,
            0);
    pthread_mutex_unlock(&state.mutex);
}

/* Writes what is asked for, or half of its sectors and dies, or dies after it. */
static ssize_t write_at(int fd, const void *bytes, size_t len, off_t offset, bool last,
                        ssize_t (*real)(int, const void *, size_t, off_t)) {
    if (last && state.plan.death == SHIM_HALF) {
        real(fd, bytes, len / 2 & ~(size_t)(SECTOR_BYTES - 1), offset);
        die("half a write");
    }
    ssize_t done = real(fd, bytes, len, offset);
    if (done > 0) {
        note_write(fd, bytes, (size_t)done, (uint64_t)offset);
    }
    if (last) {
        die("write");
    }
    return done;
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t offset) {
    REAL(pwrite)
    if (fails("pwrite")) {
        return -1;
    }
    if (!armed() || file_of(fd) <= 0) {
        return real(fd, bytes, len, offset);
    }
    return write_at(fd, bytes, len, offset, last_change("pwrite"), real);
}

static ssize_t write_here(int fd, const void *bytes, size_t len, off_t offset) {
    (void)offset;
    return raw(SYS_write, fd, bytes, len);
}

ssize_t write(int fd, const void *bytes, size_t len) {
    if (fails("write")) {
        return -1;
    }
    if (!armed() || file_of(fd) <= 0) {
        return write_here(fd, bytes, len, 0);
    }
    off_t offset = raw(SYS_lseek, fd, 0, SEEK_CUR);
    return write_at(fd, bytes, len, offset, last_change("write"), write_here);
}

/* As many single writes: a kill may come between them. */
static ssize_t write_parts(int fd, const struct iovec *parts, int count, off_t offset) {
    ssize_t sum = 0;
    REAL(pwrite)
    for (int i = 0; i < count; i++) {
        ssize_t done = write_at(fd, parts[i].iov_base, parts[i].iov_len, offset + sum,
                                last_change("pwritev"), real);
        if (done < 0) {
            return sum ? sum : -1;
        }
        sum += done;
        if ((size_t)done < parts[i].iov_len) {
            break;
        }
    }
    return sum;
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) {
    REAL(pwritev)
    if (fails("pwritev")) {
        return -1;
    }
    return !armed() || file_of(fd) <= 0 ? real(fd, parts, count, offset)
                                        : write_parts(fd, parts, count, offset);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    REAL(writev)
    if (fails("writev")) {
        return -1;
    }
    if (!armed() || file_of(fd) <= 0) {
        return real(fd, parts, count);
    }
    off_t offset = raw(SYS_lseek, fd, 0, SEEK_CUR);
    ssize_t done = write_parts(fd, parts, count, offset);
    if (done > 0) {
        raw(SYS_lseek, fd, offset + done, SEEK_SET);
    }
    return done;
}

static int sync_file(int fd, const char *what, int (*real)(int)) {
    if (fails(what)) {
        return -1;
    }
    if (!armed() || file_of(fd) == 0) {
        return real(fd);
    }
    bool last = last_change(what);
    int result = real(fd);
    pthread_mutex_lock(&state.mutex);
    int32_t file = file_of(fd);
    put_log(file < 0 ? SHIM_SYNC_FOLDER : SHIM_SYNC, file < 0 ? 0 : (uint32_t)file - 1, 0, true,
            NULL, 0, NULL, 0);
    pthread_mutex_unlock(&state.mutex);
    if (last) {
        die(what);
    }
    return result;
}

int fsync(int fd) {
    REAL(fsync)
    return sync_file(fd, "fsync", real);
}

int fdatasync(int fd) {
    REAL(fdatasync)
    return sync_file(fd, "fdatasync", real);
}

int ftruncate(int fd, off_t len) {
    REAL(ftruncate)
    if (fails("ftruncate")) {
        return -1;
    }
    if (!armed() || file_of(fd) <= 0) {
        return real(fd, len);
    }
    bool last = last_change("ftruncate");
    int result = real(fd, len);
    pthread_mutex_lock(&state.mutex);
    put_log(SHIM_TRUNCATE, (uint32_t)file_of(fd) - 1, (uint64_t)len, false, NULL, 0, NULL, 0);
    pthread_mutex_unlock(&state.mutex);
    if (last) {
        die("ftruncate");
    }
    return result;
}

/* ---- Names --------------------------------------------------------------------------------- */

static void note_names(shim_kind kind, const char *from, const char *to) {
    pthread_mutex_lock(&state.mutex);
    int32_t file = find_name(from);
    uint32_t number = file < 0 ? add_name(from, SHIM_EXISTS) : (uint32_t)file;
    int32_t replaced = to ? find_name(to) : -1;
    if (replaced >= 0) {
        state.names[replaced][0] = 0;
    }
    put_log(kind, number, 0, false, from, strlen(from) + 1, to, to ? strlen(to) + 1 : 0);
    if (kind == SHIM_UNLINK) {
        state.names[number][0] = 0;
    } else if (to) {
        strcpy(state.names[number], to); /* of a link the newer name: the older one goes soon */
    }
    pthread_mutex_unlock(&state.mutex);
}

/* Does a change of names by `done`, whose result it returns. */
static int change_names(const char *what, shim_kind kind, const char *from, const char *to,
                        long number, unsigned flags) {
    if (fails(what)) {
        return -1;
    }
    const char *a = armed() ? watched(from) : NULL, *b = armed() && to ? watched(to) : NULL;
    bool last = a && last_change(what);
    long result = number == SYS_unlinkat ? raw(number, AT_FDCWD, from, flags)
                : number == SYS_linkat   ? raw(number, AT_FDCWD, from, AT_FDCWD, to, flags)
                                         : raw(number, AT_FDCWD, from, AT_FDCWD, to, flags);
    if (result == 0 && a && (b || !to)) {
        note_names(kind, a, b);
    }
    if (last) {
        die(what);
    }
    return (int)result;
}

int rename(const char *from, const char *to) {
    return change_names("rename", SHIM_RENAME, from, to, SYS_renameat2, 0);
}

int renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned flags) {
    (void)from_folder, (void)to_folder; /* ours are whole paths */
    return change_names("renameat2", SHIM_RENAME, from, to, SYS_renameat2, flags);
}

/* What the library asks of the kernel directly is a rename that never overwrites. */
long syscall(long number, ...) {
    long a[6];
    va_list args;
    va_start(args, number);
    for (int i = 0; i < 6; i++) {
        a[i] = va_arg(args, long);
    }
    va_end(args);
    if (number == SYS_renameat2 && armed()) {
        return renameat2((int)a[0], (const char *)a[1], (int)a[2], (const char *)a[3],
                         (unsigned)a[4]);
    }
    return raw(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

int link(const char *from, const char *to) {
    return change_names("link", SHIM_LINK, from, to, SYS_linkat, 0);
}

int unlink(const char *path) {
    return change_names("unlink", SHIM_UNLINK, path, NULL, SYS_unlinkat, 0);
}

int unlinkat(int folder, const char *path, int flags) {
    REAL(unlinkat)
    return fails("unlinkat") ? -1 : real(folder, path, flags);
}

/* ---- All others: they can fail ------------------------------------------------------------- */

ssize_t read(int fd, void *bytes, size_t len) {
    return fails("read") ? -1 : raw(SYS_read, fd, bytes, len);
}

ssize_t pread(int fd, void *bytes, size_t len, off_t offset) {
    REAL(pread)
    return fails("pread") ? -1 : real(fd, bytes, len, offset);
}

off_t lseek(int fd, off_t offset, int whence) {
    return fails("lseek") ? -1 : raw(SYS_lseek, fd, offset, whence);
}

int access(const char *path, int how) {
    return fails("access") ? -1 : (int)raw(SYS_faccessat, AT_FDCWD, path, how);
}

int flock(int fd, int how) {
    return fails("flock") ? -1 : (int)raw(SYS_flock, fd, how);
}

int fcntl(int fd, int command, ...) {
    va_list args;
    va_start(args, command);
    void *argument = va_arg(args, void *);
    va_end(args);
    return fails("fcntl") ? -1 : (int)raw(SYS_fcntl, fd, command, argument);
}

void *mmap(void *at, size_t len, int rights, int flags, int fd, off_t offset) {
    return fails("mmap") ? MAP_FAILED : (void *)raw(SYS_mmap, at, len, rights, flags, fd,
                                                        offset);
}

int msync(void *at, size_t len, int flags) {
    return fails("msync") ? -1 : (int)raw(SYS_msync, at, len, flags);
}

DIR *opendir(const char *path) {
    REAL(opendir)
    return fails("opendir") ? NULL : real(path);
}

DIR *fdopendir(int fd) {
    REAL(fdopendir)
    return fails("fdopendir") ? NULL : real(fd);
}

struct dirent *readdir(DIR *list) {
    REAL(readdir)
    return fails("readdir") ? NULL : real(list);
}

char *realpath(const char *path, char *out) {
    REAL(realpath)
    return fails("realpath") ? NULL : real(path, out);
}

int fstatfs(int fd, struct statfs *info) {
    REAL(fstatfs)
    if (fails("fstatfs")) {
        return -1;
    }
    int result = real(fd, info);
    if (result == 0 && armed() && state.plan.medium) {
        info->f_type = (__typeof__(info->f_type))state.plan.medium;
    }
    return result;
}

int fstatvfs(int fd, struct statvfs *info) {
    REAL(fstatvfs)
    return fails("fstatvfs") ? -1 : real(fd, info);
}

/* What fstat, lstat and stat are called in older C libraries, for which we are built. */
int __fxstat(int version, int fd, struct stat *info) {
    (void)version;
    return fails("fstat") ? -1 : (int)raw(SYS_fstat, fd, info);
}

int __lxstat(int version, const char *path, struct stat *info) {
    (void)version;
    return fails("lstat")
               ? -1 : (int)raw(SYS_newfstatat, AT_FDCWD, path, info, AT_SYMLINK_NOFOLLOW);
}

int __xstat(int version, const char *path, struct stat *info) {
    (void)version;
    return fails("stat") ? -1 : (int)raw(SYS_newfstatat, AT_FDCWD, path, info, 0);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *how, void *(*run)(void *),
                   void *user) {
    REAL(pthread_create)
    return fails("pthread_create") ? EAGAIN : real(thread, how, run, user);
}

/* ---- Memory -------------------------------------------------------------------------------- */

extern void *__libc_malloc(size_t bytes);
extern void *__libc_calloc(size_t count, size_t bytes);
extern void *__libc_realloc(void *memory, size_t bytes);
extern void *__libc_memalign(size_t alignment, size_t bytes);

static bool no_memory(const char *what) {
    if (!atomic_load_explicit(&state.armed, memory_order_relaxed) ||
        atomic_fetch_add(&state.shared->allocations, 1) + 1 != state.plan.fail_allocation) {
        return false;
    }
    fire(what);
    errno = ENOMEM;
    return true;
}

void *malloc(size_t bytes) {
    return no_memory("malloc") ? NULL : __libc_malloc(bytes);
}

void *calloc(size_t count, size_t bytes) {
    return no_memory("calloc") ? NULL : __libc_calloc(count, bytes);
}

void *realloc(void *memory, size_t bytes) {
    return bytes && no_memory("realloc") ? NULL : __libc_realloc(memory, bytes);
}

void *memalign(size_t alignment, size_t bytes) {
    return no_memory("memalign") ? NULL : __libc_memalign(alignment, bytes);
}

void *aligned_alloc(size_t alignment, size_t bytes) {
    return no_memory("aligned_alloc") ? NULL : __libc_memalign(alignment, bytes);
}

int posix_memalign(void **out, size_t alignment, size_t bytes) {
    void *memory = no_memory("posix_memalign") ? NULL : __libc_memalign(alignment, bytes);
    *out = memory;
    return memory ? 0 : ENOMEM;
}

/* ---- As a library for LD_PRELOAD ----------------------------------------------------------- */

#if defined(SHIM_PRELOADED)

static uint64_t number_of(const char *name) {
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : 0;
}

/*
 * SHIM_FOLDER, SHIM_KILL, SHIM_DEATH, SHIM_CALL, SHIM_CODE, SHIM_ALLOCATION, SHIM_MEDIUM: the
 * plan. With SHIM_COUNTS, the name of a file, the counts are put there at the end.
 */
__attribute__((constructor)) static void begin_by_environment(void) {
    shim_begin(&(shim_plan){.folder = getenv("SHIM_FOLDER"),
                            .kill_at_change = number_of("SHIM_KILL"),
                            .death = (shim_death)number_of("SHIM_DEATH"),
                            .fail_call = number_of("SHIM_CALL"),
                            .fail_code = (int)number_of("SHIM_CODE"),
                            .fail_allocation = number_of("SHIM_ALLOCATION"),
                            .medium = (uint32_t)number_of("SHIM_MEDIUM")});
}

__attribute__((destructor)) static void tell_counts(void) {
    const char *path = getenv("SHIM_COUNTS");
    shim_end();
    int fd = path ? open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644) : -1;
    if (fd >= 0) {
        dprintf(fd, "%llu %llu %llu %d %s\n", (unsigned long long)state.shared->calls,
                (unsigned long long)state.shared->changes,
                (unsigned long long)state.shared->allocations, (int)state.shared->fired,
                state.shared->what);
        close(fd);
    }
}

#endif
#endif
