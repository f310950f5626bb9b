/* The posts, made by several threads and written in order.
 *
 * A worker takes the next chunk of numbers, makes it into a buffer of its own, waits until all
 * earlier chunks are written, and writes. So memory is one chunk a thread, and the bytes do not
 * depend on the number of threads. In a folder each post is a file and no one waits.
 *
 * A regular file appears under its name only when it is complete: until then it is FILE.partial. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif

#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "render.h"

enum { CHUNK_POSTS = 64, PATH_BYTES = 4096 };

typedef struct run {
    const synth_options *options;
    int fd; /* of the stream; unused with a folder */
    pthread_mutex_t lock;
    pthread_cond_t turn;
    uint64_t next_chunk;    /* to be taken */
    uint64_t written_chunk; /* to be written next */
    bool failed;
    char *message;
} run;

static void fail(run *r, const char *what, const char *object, int code) {
    pthread_mutex_lock(&r->lock);
    if (!r->failed) {
        r->failed = true;
        snprintf(r->message, SYNTH_MESSAGE_BYTES, "can't %s %.120s: %s", what, object,
                 strerror(code));
    }
    pthread_cond_broadcast(&r->turn);
    pthread_mutex_unlock(&r->lock);
}

/* 0, or the errno. */
static int write_all(int fd, const char *data, size_t len) {
    while (len > 0) {
        ssize_t done = write(fd, data, len);
        if (done < 0 && errno != EINTR) {
            return errno;
        }
        if (done > 0) {
            data += done;
            len -= (size_t)done;
        }
    }
    return 0;
}

static bool write_in_turn(run *r, uint64_t chunk, const synth_buffer *buffer) {
    pthread_mutex_lock(&r->lock);
    while (r->written_chunk != chunk && !r->failed) {
        pthread_cond_wait(&r->turn, &r->lock);
    }
    bool go_on = !r->failed;
    pthread_mutex_unlock(&r->lock);
    if (!go_on) {
        return false;
    }
    int code = write_all(r->fd, buffer->data, buffer->len);
    if (code != 0) {
        const char *out = r->options->out;
        fail(r, "write", out == NULL ? "standard output" : out, code);
        return false;
    }
    pthread_mutex_lock(&r->lock);
    r->written_chunk++;
    pthread_cond_broadcast(&r->turn);
    pthread_mutex_unlock(&r->lock);
    return true;
}

/* A bare post has no id inside: its file is named by the id alone, so that readers, which then take
 * the name, find the same id as in JSON. */
static void name_file(char path[PATH_BYTES], const char *dir, const synth_post *post) {
    if (post->bare) {
        snprintf(path, PATH_BYTES, "%s/%06llu.txt", dir, (unsigned long long)post->number);
    } else {
        snprintf(path, PATH_BYTES, "%s/%06llu_%016llx.txt", dir, (unsigned long long)post->number,
                 (unsigned long long)post->file_hash);
    }
}

static bool write_file(run *r, const synth_post *post, const synth_buffer *buffer) {
    char path[PATH_BYTES];
    name_file(path, r->options->dir, post);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) {
        fail(r, "create", path, errno);
        return false;
    }
    int code = write_all(fd, buffer->data, buffer->len);
    if (close(fd) != 0 && code == 0) {
        code = errno;
    }
    if (code != 0) {
        fail(r, "write", path, code);
    }
    return code == 0;
}

static bool make_chunk(run *r, uint64_t chunk, synth_buffer *buffer, synth_buffer *scratch) {
    const synth_options *o = r->options;
    uint64_t first = chunk * CHUNK_POSTS;
    uint64_t end = o->count - first < CHUNK_POSTS ? o->count : first + CHUNK_POSTS;
    bool ok = true;
    buffer->len = 0;
    for (uint64_t i = first; i < end && ok; i++) {
        synth_post post;
        synth_post_make(&post, o->from + i, o->sizes);
        if (o->format == SYNTH_JSONL) {
            synth_render_json(buffer, &post, scratch);
        } else {
            synth_render_scraped(buffer, &post);
        }
        if (buffer->failed) {
            fail(r, "make", "a post", ENOMEM);
            return false;
        }
        if (o->dir != NULL) {
            ok = write_file(r, &post, buffer);
            buffer->len = 0;
        }
    }
    return ok && (o->dir != NULL || write_in_turn(r, chunk, buffer));
}

static void *work(void *argument) {
    run *r = argument;
    uint64_t chunks = (r->options->count + CHUNK_POSTS - 1) / CHUNK_POSTS;
    synth_buffer buffer = {0};
    synth_buffer scratch = {0};
    for (bool ok = true; ok;) {
        pthread_mutex_lock(&r->lock);
        uint64_t chunk = r->next_chunk++;
        ok = chunk < chunks && !r->failed;
        pthread_mutex_unlock(&r->lock);
        ok = ok && make_chunk(r, chunk, &buffer, &scratch);
    }
    synth_buffer_free(&buffer);
    synth_buffer_free(&scratch);
    return NULL;
}

/* The calling thread is one of the workers; a thread that can't be had is done without. */
static void work_all(run *r) {
    uint32_t more = r->options->threads - 1;
    pthread_t *threads = calloc(more + 1, sizeof *threads);
    uint32_t started = 0;
    while (threads != NULL && started < more &&
           pthread_create(&threads[started], NULL, work, r) == 0) {
        started++;
    }
    work(r);
    while (started > 0) {
        pthread_join(threads[--started], NULL);
    }
    free(threads);
}

static bool is_special(const char *path) {
    struct stat found;
    return stat(path, &found) == 0 && !S_ISREG(found.st_mode);
}

static void run_into_file(run *r) {
    const char *out = r->options->out;
    char partial[PATH_BYTES];
    bool direct = is_special(out); /* a pipe or a device: nothing to rename */
    int len = snprintf(partial, sizeof partial, "%s%s", out, direct ? "" : ".partial");
    if (len < 0 || (size_t)len >= sizeof partial) {
        fail(r, "create", out, ENAMETOOLONG);
        return;
    }
    r->fd = open(partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (r->fd < 0) {
        fail(r, "create", partial, errno);
        return;
    }
    work_all(r);
    if (close(r->fd) != 0) {
        fail(r, "write", partial, errno);
    }
    if (!direct && !r->failed && rename(partial, out) != 0) {
        fail(r, "rename the finished file to", out, errno);
    }
    if (!direct && r->failed) {
        unlink(partial);
    }
}

static void run_into_folder(run *r) {
    const char *dir = r->options->dir;
    if (strlen(dir) > PATH_BYTES - 64) {
        fail(r, "make the folder", dir, ENAMETOOLONG);
        return;
    }
    if (mkdir(dir, 0777) != 0 && errno != EEXIST) {
        fail(r, "make the folder", dir, errno);
        return;
    }
    work_all(r);
}

bool synth_output_run(const synth_options *options, char message[SYNTH_MESSAGE_BYTES]) {
    run r = {.options = options, .fd = STDOUT_FILENO, .message = message};
    pthread_mutex_init(&r.lock, NULL);
    pthread_cond_init(&r.turn, NULL);
    if (options->dir != NULL) {
        run_into_folder(&r);
    } else if (options->out != NULL) {
        run_into_file(&r);
    } else {
        work_all(&r);
    }
    pthread_cond_destroy(&r.turn);
    pthread_mutex_destroy(&r.lock);
    return !r.failed;
}
