/*
 * Adding to an index that is there, through the public header only. Each prints one JSON object.
 *
 *     bench_incremental singles   DB POSTS.jsonl COUNT         one post a commit
 *     bench_incremental batches   DB POSTS.jsonl COUNT SIZE    COUNT commits of SIZE posts
 *     bench_incremental snapshots DB POSTS.jsonl COUNT SIZE    the same, a snapshot after each
 *     bench_incremental replace   DB POSTS.jsonl COMMITS       all lines, in any order
 *
 * singles: from the JSON to a query that finds the post: add, commit, open a snapshot, ask for a
 * word that this post alone has; each must find exactly one. By turns with the least that two
 * synced writes take on this disk. batches: parsing and analysis included; the slowest batch has
 * the folds and merges. snapshots: what the first snapshot after a commit costs, by the posts in
 * the log. replace: the lines, shuffled, in equal commits.
 *
 * Every post gets a word of its own at the front of its body, so that none is like one that was
 * there, and the vocabulary grows with them, as that of real posts does.
 */
#include <anpsearch.h>

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { WORD_BYTES = 40 };

typedef struct line {
    const char *start;
    size_t len;
} line;

typedef struct lines {
    line *items;
    size_t count;
} lines;

typedef struct bench {
    anp_index *index;
    anp_writer *writer;
    lines posts;
    char *post; /* where a line and its word are put together */
    uint64_t words;
    char word[WORD_BYTES];
} bench;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

_Noreturn static void give_up(const char *what, const char *why) {
    fprintf(stderr, "bench_incremental: %s: %s\n", what, why);
    exit(1);
}

static void must(anp_status status, const anp_error *err, const char *what) {
    if (status != ANP_OK) give_up(what, err->message);
}

/* ---- Posts ---------------------------------------------------------------------------------- */

/* The file stays mapped; *longest is the longest line. */
static lines read_lines(const char *path, size_t *longest) {
    struct stat info;
    int fd = open(path, O_RDONLY);
    if (fd < 0 || fstat(fd, &info) != 0 || info.st_size == 0) give_up(path, "cannot be read");
    size_t size = (size_t)info.st_size;
    const char *at = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0), *end;
    if (at == MAP_FAILED) give_up(path, "cannot be mapped");
    close(fd);
    lines all = {NULL, 0};
    for (end = at + size; at < end;) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        if (!stop) stop = end;
        if ((all.count & (all.count - 1)) == 0) { /* full at every power of two */
            size_t room = all.count ? all.count * 2 : 1;
            all.items = realloc(all.items, room * sizeof *all.items);
            if (!all.items) give_up(path, "out of memory");
        }
        all.items[all.count++] = (line){at, (size_t)(stop - at)};
        if (all.items[all.count - 1].len > *longest) *longest = all.items[all.count - 1].len;
        at = stop + 1;
    }
    return all;
}

/* splitmix64: the order is the same on every machine. */
static void shuffle(lines *all) {
    uint64_t state = 9715;
    for (size_t i = all->count; i > 1; i--) {
        uint64_t z = state += 0x9e3779b97f4a7c15u;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        z ^= z >> 31;
        size_t j = z % i;
        line kept = all->items[i - 1];
        all->items[i - 1] = all->items[j];
        all->items[j] = kept;
    }
}

/* A word of letters only, which no analyzer splits or stems; the time is part of it, so that a
   second run on the same index makes others. */
static void make_word(bench *b) {
    uint64_t parts[] = {(uint64_t)time(NULL), b->words++};
    char *at = b->word;
    for (int i = 0; i < 2; i++) {
        *at++ = 'z';
        for (uint64_t rest = parts[i]; rest; rest >>= 4) {
            *at++ = (char)('a' + rest % 16);
        }
    }
    *at++ = 'z';
    *at = 0;
}

/* Adds a line with a word of its own at the front of its body. */
static void add(bench *b, const line *from) {
    static const char field[] = "\"body\":\"";
    const char *body = memmem(from->start, from->len, field, sizeof field - 1);
    if (!body) give_up("a post", "no \"body\":\" in it");
    anp_error err = ANP_ERROR_INIT;
    size_t head = (size_t)(body - from->start) + sizeof field - 1;
    make_word(b);
    size_t word = strlen(b->word), len = 0;
    memcpy(b->post, from->start, head), len += head;
    memcpy(b->post + len, b->word, word), len += word;
    b->post[len++] = ' ';
    memcpy(b->post + len, from->start + head, from->len - head), len += from->len - head;
    must(anp_writer_add(b->writer, b->post, len, &err), &err, "add");
}

static void commit(bench *b) {
    anp_error err = ANP_ERROR_INIT;
    must(anp_writer_commit(b->writer, &err), &err, "commit");
}

static anp_snapshot *look(bench *b) {
    anp_error err = ANP_ERROR_INIT;
    anp_snapshot *snapshot;
    must(anp_snapshot_open(b->index, &snapshot, &err), &err, "snapshot");
    return snapshot;
}

/* The last post that was added must be the only one with its word. */
static void find_last(bench *b, anp_snapshot *snapshot) {
    anp_error err = ANP_ERROR_INIT;
    anp_query_options options = ANP_QUERY_OPTIONS_INIT;
    anp_results *results;
    options.k = 1;
    must(anp_query(snapshot, b->word, &options, &results, &err), &err, "query");
    if (anp_results_total(results) != 1) give_up(b->word, "not found exactly once");
    anp_results_free(results);
}

static anp_stats stats_of(anp_snapshot *snapshot) {
    anp_error err = ANP_ERROR_INIT;
    anp_stats stats = ANP_STATS_INIT;
    must(anp_snapshot_stats(snapshot, &stats, &err), &err, "stats");
    return stats;
}

/* ---- Numbers -------------------------------------------------------------------------------- */

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double *seconds_for(size_t count) {
    double *seconds = calloc(count + 1, sizeof *seconds);
    if (!seconds) give_up("times", "out of memory");
    return seconds;
}

/* Sorts. */
static void print_times(const char *name, double *seconds, size_t count) {
    qsort(seconds, count, sizeof *seconds, by_size);
    printf(",\"%s\":{\"p50_us\":%.1f,\"p99_us\":%.1f,\"most_us\":%.1f}", name,
           seconds[count / 2] * 1e6, seconds[count * 99 / 100] * 1e6, seconds[count - 1] * 1e6);
}

static void print_head(bench *b, const char *measure) {
    anp_snapshot *snapshot = look(b);
    anp_stats stats = stats_of(snapshot);
    printf("{\"measure\":\"%s\",\"posts_before\":%" PRIu64 ",\"file_before\":%" PRIu64, measure,
           stats.posts_live, stats.file_bytes);
    anp_snapshot_close(snapshot);
}

static void print_end(bench *b) {
    anp_snapshot *snapshot = look(b);
    anp_stats stats = stats_of(snapshot);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf(",\"posts_after\":%" PRIu64 ",\"file_after\":%" PRIu64 ",\"log_posts\":%" PRIu64
           ",\"peak_bytes\":%ld}\n",
           stats.posts_live, stats.file_bytes, stats.log_posts, usage.ru_maxrss * 1024);
    anp_snapshot_close(snapshot);
}

/* ---- What is measured ----------------------------------------------------------------------- */

/* Two synced writes: pages and then a meta page, as a durable commit of any kind needs them. */
static double least(int file, int synced, size_t turn) {
    static char pages[8192];
    double start = now();
    if (pwrite(file, pages, sizeof pages, (off_t)(8192 + turn % 50 * 8192)) < 0 ||
        fdatasync(file) != 0 || pwrite(synced, pages, 136, 0) < 0) {
        give_up("synced writes", "failed");
    }
    return now() - start;
}

static void singles(bench *b, const char *db, size_t count) {
    enum { ADD, COMMIT, SNAPSHOT, QUERY, ALL, LEAST, PHASES };
    static const char *const names[] = {"add", "commit", "snapshot", "query", "all", "least"};
    double *took[PHASES];
    for (int phase = 0; phase < PHASES; phase++) {
        took[phase] = seconds_for(count);
    }
    char path[4096];
    snprintf(path, sizeof path, "%s.least", db);
    int file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    int synced = open(path, O_WRONLY | O_DSYNC);
    if (file < 0 || synced < 0) give_up(path, "cannot be written");
    for (size_t i = 0; i < count; i++) {
        double at[ALL + 1];
        at[ADD] = now();
        add(b, &b->posts.items[i]);
        at[COMMIT] = now();
        commit(b);
        at[SNAPSHOT] = now();
        anp_snapshot *snapshot = look(b);
        at[QUERY] = now();
        find_last(b, snapshot);
        at[ALL] = now();
        anp_snapshot_close(snapshot);
        for (int phase = ADD; phase < ALL; phase++) {
            took[phase][i] = at[phase + 1] - at[phase];
        }
        took[ALL][i] = at[ALL] - at[ADD];
        took[LEAST][i] = least(file, synced, i);
    }
    close(file);
    close(synced);
    unlink(path);
    printf(",\"count\":%zu", count);
    for (int phase = 0; phase < PHASES; phase++) {
        print_times(names[phase], took[phase], count);
        free(took[phase]);
    }
}

static void batches(bench *b, size_t count, size_t size) {
    double *took = seconds_for(count), start = now();
    for (size_t i = 0; i < count; i++) {
        double began = now();
        for (size_t j = 0; j < size; j++) {
            add(b, &b->posts.items[i * size + j]);
        }
        commit(b);
        took[i] = now() - began;
    }
    double all = now() - start;
    anp_snapshot *snapshot = look(b);
    find_last(b, snapshot);
    anp_snapshot_close(snapshot);
    printf(",\"count\":%zu,\"size\":%zu,\"seconds\":%.4f,\"posts_per_s\":%.0f", count, size, all,
           (double)(count * size) / all);
    print_times("batch", took, count);
    free(took);
}

static void snapshots(bench *b, size_t count, size_t size) {
    double *first = seconds_for(count), *again = seconds_for(count);
    printf(",\"count\":%zu,\"size\":%zu,\"by_log\":[", count, size);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < size; j++) {
            add(b, &b->posts.items[i * size + j]);
        }
        commit(b);
        double start = now();
        anp_snapshot *snapshot = look(b);
        find_last(b, snapshot);
        first[i] = now() - start;
        uint64_t log_posts = stats_of(snapshot).log_posts;
        anp_snapshot_close(snapshot);
        start = now();
        snapshot = look(b);
        find_last(b, snapshot);
        again[i] = now() - start;
        anp_snapshot_close(snapshot);
        printf("%s[%" PRIu64 ",%.1f]", i ? "," : "", log_posts, first[i] * 1e6);
    }
    printf("]");
    print_times("first", first, count);
    print_times("again", again, count);
    free(first);
    free(again);
}

static void replace(bench *b, size_t commits) {
    double *took = seconds_for(commits), start = now();
    shuffle(&b->posts);
    for (size_t i = 0; i < commits; i++) {
        double began = now();
        size_t from = b->posts.count * i / commits, to = b->posts.count * (i + 1) / commits;
        for (size_t j = from; j < to; j++) {
            add(b, &b->posts.items[j]);
        }
        commit(b);
        took[i] = now() - began;
    }
    double all = now() - start;
    printf(",\"count\":%zu,\"replaced\":%zu,\"seconds\":%.4f,\"posts_per_s\":%.0f", commits,
           b->posts.count, all, (double)b->posts.count / all);
    print_times("commit", took, commits);
    free(took);
}

int main(int argc, char **argv) {
    anp_error err = ANP_ERROR_INIT;
    bench b = {0};
    size_t longest = 0;
    if (argc < 5) give_up("usage", "singles|batches|snapshots|replace DB POSTS COUNT [SIZE]");
    const char *measure = argv[1], *db = argv[2];
    size_t count = strtoul(argv[4], NULL, 10), size = argc > 5 ? strtoul(argv[5], NULL, 10) : 1;
    b.posts = read_lines(argv[3], &longest);
    b.post = malloc(longest + WORD_BYTES + 1);
    if (!b.post || count == 0 || size == 0) give_up("usage", "COUNT and SIZE are 1 or more");
    if (b.posts.count < count * size) give_up(argv[3], "too few posts");
    must(anp_index_open(db, ANP_OPEN_WRITE, NULL, &b.index, &err), &err, "open");
    must(anp_writer_open(b.index, &b.writer, &err), &err, "writer");
    print_head(&b, measure);
    if (strcmp(measure, "singles") == 0) singles(&b, db, count);
    else if (strcmp(measure, "batches") == 0) batches(&b, count, size);
    else if (strcmp(measure, "snapshots") == 0) snapshots(&b, count, size);
    else if (strcmp(measure, "replace") == 0) replace(&b, count);
    else give_up(measure, "no such measure");
    print_end(&b);
    anp_writer_close(b.writer);
    anp_index_close(b.index);
    free(b.posts.items);
    free(b.post);
    return 0;
}
