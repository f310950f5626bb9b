/* See spill.h. */
#include "index/spill.h"

#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct spill {
    int fd;
    uint64_t bytes;
    char *map; /* NULL while it is written, and of an empty one */
    char folder[256]; /* for messages */
};

static anp_status fail(const spill *s, int code, anp_error *err) {
    if (code == ENOSPC || code == EDQUOT || code == EFBIG) {
        return error_os(err, ANP_NOSPACE, code,
                        "cannot write a temporary file in %s: no space left; compacting "
                        "needs room there for the new index and for its postings a second time",
                        s->folder);
    }
    return error_os(err, ANP_IO, code, "cannot write a temporary file in %s", s->folder);
}

anp_status spill_open(const char *beside, spill **out, anp_error *err) {
    size_t len = strlen(beside);
    spill *s = calloc(1, sizeof *s);
    char *name = malloc(len + sizeof ".spill");
    if (!s || !name) {
        free(s);
        free(name);
        return error_nomem(err, "a temporary file");
    }
    snprintf(name, len + sizeof ".spill", "%s.spill", beside);
    const char *slash = strrchr(beside, '/');
    snprintf(s->folder, sizeof s->folder, "%.*s", slash ? (int)(slash - beside) + 1 : 1,
             slash ? beside : ".");
    s->fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    anp_status status = s->fd >= 0 ? ANP_OK : fail(s, errno, err);
    if (s->fd >= 0) {
        unlink(name);
    }
    free(name);
    if (status != ANP_OK) {
        free(s);
        return status;
    }
    *out = s;
    return ANP_OK;
}

anp_status spill_write(spill *s, const void *bytes, size_t len, anp_error *err) {
    const char *at = bytes;
    s->bytes += len;
    while (len) {
        ssize_t done = write(s->fd, at, len);
        if (done < 0 && errno != EINTR) {
            return fail(s, errno, err);
        }
        at += done > 0 ? done : 0;
        len -= done > 0 ? (size_t)done : 0;
    }
    return ANP_OK;
}

uint64_t spill_bytes(const spill *s) {
    return s->bytes;
}

anp_status spill_map(spill *s, anp_error *err) {
    if (s->bytes) {
        void *map = mmap(NULL, (size_t)s->bytes, PROT_READ, MAP_SHARED, s->fd, 0);
        if (map == MAP_FAILED) {
            return fail(s, errno, err);
        }
        s->map = map;
    }
    return ANP_OK;
}

const char *spill_data(const spill *s) {
    return s->map;
}

void spill_close(spill *s) {
    if (s) {
        if (s->map) {
            munmap(s->map, (size_t)s->bytes);
        }
        close(s->fd);
        free(s);
    }
}
