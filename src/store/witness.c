/* See witness.h. */
#include "store/witness.h"

#include "base/bytes.h"
#include "base/error.h"
#include "base/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define WITNESS_MAGIC UINT64_C(0x31746977706e6100) /* "\0anpwit1" */

enum { TXN_AT = 8, META_HASH_AT = 16, PAGE_BYTES_AT = 24, CHECK_AT = 56, READ_TRIES = 20 };

/* malloc'd; NULL when memory is out. */
static char *name_of(const char *path) {
    size_t len = strlen(path);
    char *name = malloc(len + sizeof WITNESS_SUFFIX);
    if (name) {
        memcpy(name, path, len);
        memcpy(name + len, WITNESS_SUFFIX, sizeof WITNESS_SUFFIX);
    }
    return name;
}

static bool decode(const uint8_t bytes[WITNESS_BYTES], witness *out) {
    if (load_u64(bytes) != WITNESS_MAGIC || load_u64(bytes + CHECK_AT) != hash64(bytes, CHECK_AT)) {
        return false;
    }
    out->txn = load_u64(bytes + TXN_AT);
    out->meta_hash = load_u64(bytes + META_HASH_AT);
    return true;
}

static bool all_zeros(const uint8_t *bytes, size_t len) {
    for (size_t i = 0; i < len; i++) {
        if (bytes[i]) {
            return false;
        }
    }
    return true;
}

anp_status witness_read(const char *path, witness *out, anp_error *err) {
    *out = (witness){0};
    char *name = name_of(path);
    if (!name) {
        return error_nomem(err, "opening an index");
    }
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        anp_status status = ANP_OK;
        if (errno != ENOENT) {
            status = error_os(err, ANP_IO, errno, "cannot open %s", name);
        }
        free(name);
        return status;
    }
    /* Again when it was being written just now. */
    for (int attempt = 0; attempt < READ_TRIES && !out->valid; attempt++) {
        uint8_t bytes[WITNESS_BYTES];
        ssize_t len = pread(fd, bytes, sizeof bytes, 0);
        /* Not so an empty one, or one of zeros: its maker was killed, or power failed. */
        out->exists = len > 0 && !all_zeros(bytes, (size_t)len);
        out->valid = len == WITNESS_BYTES && decode(bytes, out);
    }
    close(fd);
    free(name);
    return ANP_OK;
}

anp_status witness_compare(const witness *w, const char *path, const header *h, anp_error *err) {
    const page_meta *newest = header_newest(h);
    if (!w->valid) {
        return ANP_OK;
    }
    if (w->txn > newest->txn) {
        return error_corrupt(
            err,
            "cannot open %s: it was put back to commit %llu, commit %llu was witnessed; if you "
            "restored an older copy, remove %s" WITNESS_SUFFIX,
            path, (unsigned long long)newest->txn, (unsigned long long)w->txn, path);
    }
    if (newest->txn - w->txn < PAGE_META_COUNT &&
        w->meta_hash != header_meta_hash(&h->metas[w->txn & 1])) {
        return error_corrupt(
            err,
            "cannot open %s: its header differs from what was witnessed at commit %llu; restore a "
            "backup, or remove %s" WITNESS_SUFFIX " if this is another copy",
            path, (unsigned long long)w->txn, path);
    }
    return ANP_OK;
}

int witness_open(const char *path) {
    char *name = name_of(path);
    if (!name) {
        return -1;
    }
    int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    free(name);
    return fd;
}

bool witness_write(int fd, const page_meta *meta) {
    uint8_t bytes[WITNESS_BYTES] = {0};
    store_u64(bytes, WITNESS_MAGIC);
    store_u64(bytes + TXN_AT, meta->txn);
    store_u64(bytes + META_HASH_AT, header_meta_hash(meta));
    store_u64(bytes + PAGE_BYTES_AT, meta->free.page_bytes);
    store_u64(bytes + CHECK_AT, hash64(bytes, CHECK_AT));
    ssize_t len;
    do {
        len = pwrite(fd, bytes, sizeof bytes, 0);
    } while (len < 0 && errno == EINTR);
    return len == WITNESS_BYTES;
}

bool witness_remove(const char *path) {
    char *name = name_of(path);
    bool removed = name && unlink(name) == 0;
    free(name);
    return removed;
}
