/* See work.h. */
#include "faults/work.h"

#include "base/error.h"
#include "base/prng.h"
#include "store/aid.h"
#include "test.h"

#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum {
    ADD_POSTS = 4,       /* posts of a step of "add" */
    REPLACE_POSTS = 5,
    DELETE_POSTS = 6,
    BUILD_POSTS = 250,
    SMALL_POSTS = 60,
    LOG_POSTS = LOG_POSTS_MAX - 6, /* a few more fill the log, so that it is folded */
    JUDGED_QUERIES = 4,
    SOME_POSTS = WORK_SMALL ? GROUP_WINDOWS * WINDOW_DOCS + WINDOW_DOCS + 30 : SMALL_POSTS,
    /* "mix" begins so far before its end, in the last window of the first group. */
    WINDOW_ROOM = WORK_SMALL ? WINDOW_DOCS + 42 : 0,
    MIX_STEPS = WORK_SMALL ? 24 : 4,
};

static double now_ms(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec * 1e3 + (double)at.tv_nsec * 1e-6;
}

unsigned work_rounds(unsigned usual, unsigned full) {
    const char *how = getenv("ANP_FAULTS");
    return how && strcmp(how, "full") == 0 ? full : usual;
}

bool work_wanted(const char *name) {
    const char *only = getenv("ANP_SCENARIO");
    return !only || strstr(name, only);
}

void work_take_time(void) {
    unsigned seconds = work_rounds(0, 4 * 3600);
    if (seconds) {
        alarm(seconds);
    }
}

void work_tell(const char *format, ...) {
    va_list args;
    if (work_rounds(0, 1)) {
        va_start(args, format);
        vprintf(format, args);
        va_end(args);
        putchar('\n');
        fflush(stdout);
    }
}

/* ---- Posts --------------------------------------------------------------------------------- */

/* A post is a function of its number and of the step that puts it. */
size_t work_post(char out[WORK_POST_BYTES], uint32_t number, uint32_t step) {
    static const char *const words[] = {
        "cache",  "queue",  "token", "index", "shard",  "replica", "log",    "retry",
        "budget", "latency", "key",  "owner", "deploy", "rollback", "metric", "alert"};
    prng p = {(uint64_t)number << 20 | step};
    int len = snprintf(out, WORK_POST_BYTES,
                       "{\"id\":\"p%05u\",\"title\":\"%s %s %u\",\"body\":\"step%uz "
                       "first%ux%u",
                       number, words[prng_below(&p, 16)], words[prng_below(&p, 16)], number, step,
                       number, step);
    uint32_t count = 12 + prng_below(&p, 60);
    for (uint32_t i = 0; i < count; i++) {
        len += snprintf(out + len, WORK_POST_BYTES - (size_t)len, " %s%s",
                        words[prng_below(&p, 16)], i % 9 == 8 ? "." : "");
    }
    len += snprintf(out + len, WORK_POST_BYTES - (size_t)len,
                    " last%ux%u\",\"meta\":{\"topic\":\"%s\",\"score\":{\"quality\":%u}}}", number,
                    step, words[number % 16], 50 + number % 50);
    return (size_t)len;
}

static anp_status add_post(work *w, uint32_t number, uint32_t step, anp_error *err) {
    char json[WORK_POST_BYTES];
    return anp_writer_add(w->writer, json, work_post(json, number, step), err);
}

static void put(model *m, uint32_t number, uint32_t step) {
    m->put_by[number] = step + 1;
    m->end = number >= m->end ? number + 1 : m->end;
}

/* Steps of posts that the base brought. */
enum { BASE_STEP = 9000 };

static void base_model(const scenario *s, model *m) {
    memset(m, 0, sizeof *m);
    for (uint32_t i = 0; i < s->base_posts; i++) {
        put(m, i, BASE_STEP);
    }
}

static void model_after(const scenario *s, unsigned steps, model *m) {
    base_model(s, m);
    for (unsigned i = 0; i < steps; i++) {
        s->change(m, i);
    }
}

/* ---- Scenarios ----------------------------------------------------------------------------- */

static anp_status commit(work *w, anp_status status, anp_error *err) {
    return status == ANP_OK ? anp_writer_commit(w->writer, err) : status;
}

/* Bulk: one import of many posts, acknowledged when it returns. */
static void change_build(model *m, unsigned step) {
    put(m, m->end, step);
}

static anp_status run_build(work *w, const scenario *s, unsigned step, anp_error *err) {
    char name[500];
    const char *paths[] = {name};
    anp_import_options options = ANP_IMPORT_OPTIONS_INIT;
    anp_import_report report;
    (void)step;
    snprintf(name, sizeof name, "%s.jsonl", w->path);
    options.threads = 1;
    anp_status status = anp_writer_import(w->writer, paths, 1, &options, &report, err);
    if (status == ANP_OK && report.posts_added + report.posts_replaced != s->steps) {
        if (err) {
            snprintf(err->message, sizeof err->message, "%llu posts were taken, %llu skipped",
                     (unsigned long long)report.posts_added,
                     (unsigned long long)report.posts_skipped);
        }
        return ANP_BAD_POST; /* a fault must not make posts bad */
    }
    return status;
}

static void change_add(model *m, unsigned step) {
    for (uint32_t i = 0; i < ADD_POSTS; i++) {
        put(m, m->end, step);
    }
}

static anp_status add_some(work *w, const scenario *s, unsigned step, anp_error *err) {
    anp_status status = ANP_OK;
    for (uint32_t i = 0; i < ADD_POSTS && status == ANP_OK; i++) {
        status = add_post(w, s->base_posts + step * ADD_POSTS + i, step, err);
    }
    return status;
}

static anp_status run_add(work *w, const scenario *s, unsigned step, anp_error *err) {
    return commit(w, add_some(w, s, step, err), err);
}

static uint32_t replaced(unsigned step, uint32_t i) {
    return (step * 7 + i * 11) % SMALL_POSTS;
}

static void change_replace(model *m, unsigned step) {
    for (uint32_t i = 0; i < REPLACE_POSTS; i++) {
        put(m, replaced(step, i), step);
    }
}

static anp_status replace_some(work *w, unsigned step, anp_error *err) {
    anp_status status = ANP_OK;
    for (uint32_t i = 0; i < REPLACE_POSTS && status == ANP_OK; i++) {
        status = add_post(w, replaced(step, i), step, err);
    }
    return status;
}

static anp_status run_replace(work *w, const scenario *s, unsigned step, anp_error *err) {
    (void)s;
    return commit(w, replace_some(w, step, err), err);
}

static void change_delete(model *m, unsigned step) {
    for (uint32_t i = 0; i < DELETE_POSTS; i++) {
        m->put_by[step * DELETE_POSTS + i] = 0;
    }
}

static anp_status delete_some(work *w, unsigned step, anp_error *err) {
    anp_status status = ANP_OK;
    for (uint32_t i = 0; i < DELETE_POSTS && status == ANP_OK; i++) {
        char id[16];
        snprintf(id, sizeof id, "p%05u", step * DELETE_POSTS + i);
        status = anp_writer_delete(w->writer, id, err);
        /* A step that is done again finds its own work. */
        status = status == ANP_NOT_FOUND ? ANP_OK : status;
    }
    return status;
}

static anp_status run_delete(work *w, const scenario *s, unsigned step, anp_error *err) {
    (void)s;
    return commit(w, delete_some(w, step, err), err);
}

/* All of them in one batch. With small windows the last window of a group is filled, and more. */
static void change_mix(model *m, unsigned step) {
    change_add(m, step);
    change_replace(m, step);
    change_delete(m, step);
}

static anp_status run_mix(work *w, const scenario *s, unsigned step, anp_error *err) {
    TRY(add_some(w, s, step, err));
    TRY(replace_some(w, step, err));
    return commit(w, delete_some(w, step, err), err);
}

static const char *const beside[] = {"", "-lock", ".witness", ".jsonl"};
enum { BESIDE_INDEX = 3 }; /* the first ones go with an index */

/* The name of a copy, with what the step before left there taken away. */
static const char *fresh_copy(const work *w) {
    static char copy[500];
    char name[520];
    snprintf(copy, sizeof copy, "%s.copy", w->path);
    for (int i = 0; i < BESIDE_INDEX; i++) {
        snprintf(name, sizeof name, "%s%s", copy, beside[i]);
        unlink(name);
    }
    return copy;
}

static anp_status run_backup(work *w, const scenario *s, unsigned step, anp_error *err) {
    TRY(run_add(w, s, step, err));
    return anp_index_backup(w->index, fresh_copy(w), NULL, NULL, err);
}

/* With dead posts in it; posts move in windows, over all, or not at all. */
static anp_status run_compact(work *w, const scenario *s, unsigned step, anp_error *err) {
    anp_compact_options options = ANP_COMPACT_OPTIONS_INIT;
    options.threads = 1;
    options.reorder = step % 3 == 1;
    options.keep_order = step % 3 == 2;
    TRY(run_replace(w, s, step, err));
    return anp_index_compact(w->index, s->copies ? fresh_copy(w) : NULL, &options, NULL, err);
}

const scenario scenarios[] = {
    {"build", 0, BUILD_POSTS, true, change_build, run_build, false},
    {WORK_SMALL ? "merge" : "mix", SOME_POSTS - WINDOW_ROOM, MIX_STEPS, false, change_mix, run_mix,
     false},
#if !(WORK_SMALL) /* else merge does what these do */
    {"add", SMALL_POSTS, 6, false, change_add, run_add, false},
    {"fold", LOG_POSTS, 4, false, change_add, run_add, false},
    {"replace", SMALL_POSTS, 6, false, change_replace, run_replace, false},
#endif
    {"delete", SMALL_POSTS, 6, false, change_delete, run_delete, false},
    {"compact", SOME_POSTS, 3, false, change_replace, run_compact, false},
    {"compact to", SOME_POSTS, 2, false, change_replace, run_compact, true},
    {"backup", SOME_POSTS, 3, false, change_add, run_backup, true},
    {0},
};

/* ---- Running ------------------------------------------------------------------------------- */

static void write_source(const scenario *s, const char *path) {
    char name[500], json[WORK_POST_BYTES];
    snprintf(name, sizeof name, "%s.jsonl", path);
    FILE *file = fopen(name, "w");
    for (uint32_t i = 0; file && i < s->steps; i++) {
        fprintf(file, "%.*s\n", (int)work_post(json, i, i), json);
    }
    CHECK(file && fclose(file) == 0);
}

void work_prepare(const scenario *s, const char *path) {
    anp_error err = ANP_ERROR_INIT;
    work w = {.path = path};
    if (s->one_batch) {
        write_source(s, path);
    }
    if (!s->base_posts) {
        return;
    }
    anp_status status = anp_index_open(path, ANP_OPEN_CREATE, NULL, &w.index, &err);
    status = status == ANP_OK ? anp_writer_open(w.index, &w.writer, &err) : status;
    for (uint32_t i = 0; i < s->base_posts && status == ANP_OK; i++) {
        status = add_post(&w, i, BASE_STEP, &err);
        if (status == ANP_OK && i % 1000 == 20) {
            status = anp_writer_commit(w.writer, &err);
        }
    }
    if (!CHECK_EQ_INT(commit(&w, status, &err), ANP_OK)) {
        test_note("%s: %s", s->name, err.message);
    }
    anp_writer_close(w.writer);
    anp_index_close(w.index);
}

anp_status work_run(const scenario *s, const char *path, unsigned from,
                    void (*told)(void *user, unsigned steps), void *user, anp_error *err) {
    work w = {.path = path};
    anp_status status = anp_index_open(path, ANP_OPEN_CREATE, NULL, &w.index, err);
    if (status == ANP_OK) {
        status = anp_writer_open(w.index, &w.writer, err);
    }
    unsigned end = s->one_batch ? 1 : s->steps;
    for (unsigned step = from; step < end && status == ANP_OK; step++) {
        status = s->run(&w, s, step, err);
        if (status == ANP_OK && told) {
            told(user, s->one_batch ? s->steps : step + 1);
        }
    }
    anp_writer_close(w.writer);
    anp_index_close(w.index);
    return status;
}

static bool count_line(void *user, const char *json, size_t len) {
    (void)json, (void)len;
    ++*(unsigned *)user;
    return true;
}

anp_status work_read(const char *path, anp_error *err) {
    anp_index *index = NULL;
    anp_snapshot *snapshot = NULL;
    anp_results *results = NULL;
    anp_query_options options = ANP_QUERY_OPTIONS_INIT;
    uint64_t problems = 0;
    unsigned exported = 0;
    char *text = NULL;
    size_t len;
    options.snippet_words = 20;
    options.filter = "quality:>=60 topic:cache";
    anp_status status = anp_index_open(path, ANP_OPEN_READ, NULL, &index, err);
    status = status == ANP_OK ? anp_snapshot_open(index, &snapshot, err) : status;
    if (status == ANP_OK) {
        status = anp_query(snapshot, "+cache \"queue token\" -nothing title:key shard", &options,
                           &results, err);
        if (status == ANP_OK && !anp_results_json(results)) { /* its own way to say it */
            status = error_nomem(err, "the results as JSON");
        }
        anp_results_free(results);
    }
    if (status == ANP_OK) {
        status = anp_similar(snapshot, "p00040", NULL, &results, err);
        if (status == ANP_OK) {
            anp_results_free(results);
        }
    }
    status = status == ANP_OK ? anp_post_text(snapshot, "p00041", &text, &len, err) : status;
    anp_free(text);
    status = status == ANP_OK ? anp_posts_export(snapshot, count_line, &exported, err) : status;
    anp_snapshot_close(snapshot);
    status = status == ANP_OK
                 ? anp_index_verify(index, ANP_VERIFY_FULL, NULL, NULL, &problems, err) : status;
    anp_index_close(index);
    return status;
}

/* ---- Judging ------------------------------------------------------------------------------- */

static bool wrong(verdict *v, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool wrong(verdict *v, const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(v->why, sizeof v->why, format, args);
    va_end(args);
    return false;
}

/* Whether the post is there as the model says. */
static bool same_post(anp_snapshot *snapshot, const model *m, uint32_t number, verdict *v) {
    char id[16], first[40], last[40], *json = NULL;
    size_t len;
    anp_error err = ANP_ERROR_INIT;
    snprintf(id, sizeof id, "p%05u", number);
    anp_status status = anp_post_json(snapshot, id, &json, &len, &err);
    if (status != ANP_OK && status != ANP_NOT_FOUND) {
        v->refused = true;
        return wrong(v, "post %s: %s", id, err.message);
    }
    uint32_t step = m->put_by[number];
    snprintf(first, sizeof first, " first%ux%u ", number, step - 1);
    snprintf(last, sizeof last, " last%ux%u\"", number, step - 1);
    bool same = step == 0 ? status == ANP_NOT_FOUND
                          : status == ANP_OK && strstr(json, first) && strstr(json, last);
    anp_free(json);
    return same || wrong(v, "post %s is not that of step %d", id, (int)step - 1);
}

/* What is left of a batch, by query and by model. */
static bool same_count(anp_snapshot *snapshot, const model *m, uint32_t step, verdict *v) {
    char query[24];
    uint64_t expected = 0;
    anp_results *results = NULL;
    anp_query_options options = ANP_QUERY_OPTIONS_INIT;
    anp_error err = ANP_ERROR_INIT;
    options.flags = ANP_QUERY_COUNT_ONLY;
    for (uint32_t i = 0; i < m->end; i++) {
        expected += m->put_by[i] == step + 1;
    }
    snprintf(query, sizeof query, "step%uz", step);
    if (anp_query(snapshot, query, &options, &results, &err) != ANP_OK) {
        v->refused = true;
        return wrong(v, "query %s: %s", query, err.message);
    }
    uint64_t found = anp_results_total(results);
    anp_results_free(results);
    return found == expected || wrong(v, "query %s: %llu hits, %llu expected", query,
                                      (unsigned long long)found, (unsigned long long)expected);
}

/* Of a large index only every 41st post that no step touches. */
static bool same_state(anp_snapshot *snapshot, const scenario *s, unsigned steps, uint64_t live,
                       verdict *v) {
    static model m, most;
    uint64_t expected = 0;
    model_after(s, steps, &m);
    model_after(s, s->steps, &most);
    for (uint32_t i = 0; i < m.end; i++) {
        expected += m.put_by[i] != 0;
    }
    if (live != expected) {
        return wrong(v, "%llu live posts, %llu expected after %u steps", (unsigned long long)live,
                     (unsigned long long)expected, steps);
    }
    for (uint32_t i = 0; i < most.end; i++) {
        bool touched = most.put_by[i] != BASE_STEP + 1;
        if ((touched || i % 41 == 0 || s->base_posts < 500) && !same_post(snapshot, &m, i, v)) {
            return false;
        }
    }
    for (uint32_t i = 0; i < JUDGED_QUERIES; i++) {
        if (!same_count(snapshot, &m, steps > i ? steps - i : 0, v)) {
            return false;
        }
    }
    return same_count(snapshot, &m, BASE_STEP, v);
}

static void first_line(void *user, const char *line) {
    verdict *v = user;
    if (!v->why[0] && strncmp(line, "note:", 5) != 0) {
        wrong(v, "verify: %s", line);
    }
}

static void judge_open(anp_index *index, const scenario *s, unsigned acknowledged, verdict *v) {
    anp_snapshot *snapshot = NULL;
    anp_stats stats = ANP_STATS_INIT;
    anp_error err = ANP_ERROR_INIT;
    anp_status status = anp_index_verify(index, ANP_VERIFY_FULL, first_line, v, &v->problems, &err);
    if (status != ANP_OK && status != ANP_CORRUPT) {
        v->refused = true;
        wrong(v, "verify: %s", err.message);
        return;
    }
    if (anp_snapshot_open(index, &snapshot, &err) != ANP_OK ||
        anp_snapshot_stats(snapshot, &stats, &err) != ANP_OK) {
        v->refused = true;
        wrong(v, "snapshot: %s", err.message);
        anp_snapshot_close(snapshot);
        return;
    }
    /* A step changes the number of posts or it does not: try what is allowed. */
    unsigned most = s->one_batch ? s->steps : acknowledged + 1;
    most = most < s->steps ? most : s->steps;
    bool found = false;
    verdict last = *v;
    for (unsigned steps = acknowledged; steps <= most && !found && !last.refused; steps++) {
        last = *v;
        if (s->one_batch && stats.posts_live != steps + s->base_posts && steps < most) {
            continue;
        }
        found = same_state(snapshot, s, steps, stats.posts_live, &last);
        v->steps = steps;
    }
    if (!found) {
        v->lost = !last.refused;
        v->refused = last.refused;
        memcpy(v->why, last.why, sizeof v->why);
    }
    anp_snapshot_close(snapshot);
}

/* A copy is whole or not there, and of a state that was to be copied. */
static void judge_copy(const scenario *s, const char *path, unsigned acknowledged, verdict *v) {
    char copy[500];
    anp_index *index = NULL;
    snprintf(copy, sizeof copy, "%s.copy", path);
    anp_error err = ANP_ERROR_INIT;
    anp_status status = anp_index_open(copy, ANP_OPEN_READ, NULL, &index, &err);
    if (status == ANP_NOT_FOUND && acknowledged < s->steps) {
        return;
    }
    if (status != ANP_OK) {
        v->refused = true;
        wrong(v, "open the copy: %s", err.message);
        return;
    }
    verdict of_copy = {0};
    unsigned least = acknowledged < s->steps ? 1 : s->steps; /* the last one stays */
    judge_open(index, s, acknowledged > least ? acknowledged : least, &of_copy);
    anp_index_close(index);
    if (of_copy.lost || of_copy.refused || of_copy.problems) {
        v->lost |= of_copy.lost;
        v->refused |= of_copy.refused;
        v->problems += of_copy.problems;
        wrong(v, "the copy: %.250s", of_copy.why);
    }
}

verdict work_judge_here(const scenario *s, const char *path, unsigned acknowledged) {
    verdict v = {0};
    anp_index *index = NULL;
    anp_error err = ANP_ERROR_INIT;
    double start = now_ms();
    anp_status status = anp_index_open(path, ANP_OPEN_WRITE, NULL, &index, &err);
    v.open_ms = now_ms() - start;
    if (status == ANP_NOT_FOUND) {
        v.absent = true;
        v.lost = acknowledged > 0 || s->base_posts > 0;
        wrong(&v, "there is no index");
    } else if (status != ANP_OK) {
        v.refused = true;
        wrong(&v, "open: %s", err.message);
    } else {
        judge_open(index, s, acknowledged, &v);
    }
    anp_index_close(index);
    if (s->copies) {
        judge_copy(s, path, acknowledged, &v);
    }
    return v;
}

verdict work_judge(const scenario *s, const char *path, unsigned acknowledged) {
    static verdict *shared;
    if (!shared) {
        shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
                      0);
    }
    memset(shared, 0, sizeof *shared);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        alarm(60);
        *shared = work_judge_here(s, path, acknowledged);
        _exit(0);
    }
    int end = aid_wait(child);
    if (end != 0) {
        shared->lost = true;
        wrong(shared, "the judge ended with %d", end);
    }
    return *shared;
}

/* ---- Files --------------------------------------------------------------------------------- */

void work_copy(const char *from, const char *to) {
    char old[500], new[500];
    for (size_t i = 0; i < sizeof beside / sizeof *beside; i++) {
        snprintf(old, sizeof old, "%s%s", from, beside[i]);
        snprintf(new, sizeof new, "%s%s", to, beside[i]);
        unlink(new);
        if (access(old, F_OK) == 0) {
            CHECK(aid_copy(old, new));
        }
    }
}

void work_remove(const char *path) {
    char name[500];
    for (size_t i = 0; i < sizeof beside / sizeof *beside; i++) {
        snprintf(name, sizeof name, "%s%s", path, beside[i]);
        unlink(name);
        snprintf(name, sizeof name, "%s.copy%s", path, beside[i]);
        unlink(name);
    }
}

void work_sweep(const char *path) {
    char folder[500], name[800];
    const char *slash = strrchr(path, '/');
    snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path);
    DIR *list = opendir(folder);
    if (!CHECK(list != NULL)) {
        return;
    }
    for (struct dirent *entry; (entry = readdir(list)) != NULL;) {
        if (strncmp(entry->d_name, slash + 1, strlen(slash + 1)) == 0) {
            snprintf(name, sizeof name, "%s/%s", folder, entry->d_name);
            unlink(name);
        }
    }
    closedir(list);
}
