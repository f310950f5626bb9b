/*
 * Queries by the search-benchmark-game's protocol, through the public header only, in one process.
 *
 *     bench_query [OPTIONS] [POSTS...]      posts into an index of its own, compacted; then queries
 *     bench_query [OPTIONS] --db INDEX      an index that is there
 *
 * Without POSTS the project's samples, and bench/queries.txt: a run that shows that it runs. For
 * each command a pass to warm up, then each query REPEATS times, or (after three) until BUDGET_US
 * are spent on it; the least counts. Timed is the whole call, parsing and giving back included.
 * Prints mean, p50 and p99 in microseconds by command and kind of query; with --threads, queries a
 * second of the whole list over so many threads, a snapshot each.
 *
 *   --queries FILE      {"query": ...} a line as in the game, or KIND, tab, query, or a query
 *   --commands A,B      of COUNT, TOP_k, TOP_k_COUNT
 *   --repeats N         10      --budget-us N   1000000
 *   --blend X           0       --weights Q,F,D,C    --k1 X    --b X    --stopwords none|english
 *   --threads 1,2       none    --seconds X     1: of each such measure
 *   --format tsv        as peers/ print it: command, kind, query, found, microseconds
 *   --out FILE          a raw run, JSON Lines
 *   --kinds             prints KIND, tab, query of every query, and asks none
 *   --serve             answers COMMAND, tab, query on each line of standard input: as peers/ do
 *
 * The kind follows from how a query is written. A file with fewer than ten single words (the game
 * has one) lends them from its unions: each different word is a query.
 */
#include <anpsearch.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { TERMS_LEAST = 10, COMMANDS_MAX = 16, THREADS_MAX = 64 };

typedef enum kind { TERM, INTERSECTION, UNION, PHRASE, MIXED, NEGATED, KINDS } kind;
static const char *const kind_names[KINDS] = {"term",   "intersection", "union",
                                              "phrase", "mixed",        "negated"};

typedef struct query {
    char *text;
    kind kind;
    uint64_t found;
    double us;
} query;

typedef struct command {
    char name[32];
    uint32_t k; /* 0: only the total */
    bool counts;
} command;

typedef struct bench {
    const char *db, *queries_path, *format, *out_path;
    const char *const *posts;
    size_t post_paths;
    bool kinds_only, serve;
    int repeats;
    double budget_us, seconds;
    int threads[COMMANDS_MAX];
    size_t thread_counts;
    command commands[COMMANDS_MAX];
    size_t command_count;
    anp_query_options options;
    query *queries;
    size_t query_count, query_room;
    anp_index *index;
    FILE *out;
    char folder[64]; /* of an index of our own */
} bench;

_Noreturn static void give_up(const char *what, const char *why) {
    fprintf(stderr, "bench_query: %s: %s\n", what, why);
    exit(1);
}

static void must(anp_status status, const anp_error *err, const char *what) {
    if (status) give_up(what, err->message);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* ---- Queries ------------------------------------------------------------------------------- */

/* How it is written: clauses with +, - or neither, each a word or a phrase in quotes. */
static kind kind_of(const char *text) {
    size_t needed = 0, barred = 0, free = 0, phrases = 0;
    for (const char *at = text; *(at += strspn(at, " "));) {
        if (*at == '+') needed++;
        else if (*at == '-') barred++;
        else free++;
        at += *at == '+' || *at == '-';
        bool quoted = *at == '"';
        phrases += quoted;
        at += quoted;
        at += strcspn(at, quoted ? "\"" : " ");
        at += quoted && *at;
    }
    if (barred) return NEGATED;
    if (needed + free == 1) return phrases ? PHRASE : TERM;
    if (phrases || (needed && free)) return MIXED;
    return needed ? INTERSECTION : UNION;
}

static void add_query(bench *b, const char *text, size_t len, int kind_or_none) {
    if (b->query_count == b->query_room) {
        b->query_room = 2 * b->query_room + 64;
        b->queries = realloc(b->queries, b->query_room * sizeof *b->queries);
        if (!b->queries) give_up("queries", "no memory");
    }
    query q = {.text = strndup(text, len)};
    q.kind = kind_or_none < 0 ? kind_of(q.text) : (kind)kind_or_none;
    for (size_t i = 0; i < b->query_count; i++) {
        if (strcmp(b->queries[i].text, q.text) == 0 && b->queries[i].kind == q.kind) {
            free(q.text);
            return;
        }
    }
    b->queries[b->query_count++] = q;
}

/* The value of "query" in a line of JSON, unescaped in place; NULL when there is none. */
static char *json_query(char *line) {
    char *at = strstr(line, "\"query\"");
    if (!at || !(at = strchr(at + strlen("\"query\""), '"'))) return NULL;
    char *text = ++at, *to = at;
    while (*at && *at != '"') {
        if (*at != '\\') {
            *to++ = *at++;
            continue;
        }
        unsigned code = 0;
        if (at[1] != 'u') {
            *to++ = at[1] == 'n' || at[1] == 't' ? ' ' : at[1];
            at += at[1] ? 2 : 1;
        } else if (sscanf(at + 2, "%4x", &code) == 1) {
            at += 6; /* six bytes become three at most */
            if (code >= 0x800) *to++ = (char)(0xE0 | code >> 12);
            if (code >= 0x80) *to++ = (char)(code >= 0x800 ? 0x80 | (code >> 6 & 63)
                                                            : 0xC0 | code >> 6);
            *to++ = (char)(code >= 0x80 ? 0x80 | (code & 63) : code);
        } else {
            return NULL;
        }
    }
    *to = 0;
    return text;
}

static int kind_named(const char *name, size_t len) {
    for (int k = 0; k < KINDS; k++) {
        if (strlen(kind_names[k]) == len && memcmp(kind_names[k], name, len) == 0) return k;
    }
    return -1;
}

static void lend_terms(bench *b) {
    size_t terms = 0, before = b->query_count;
    for (size_t i = 0; i < before; i++) terms += b->queries[i].kind == TERM;
    if (terms >= TERMS_LEAST) return;
    for (size_t i = 0; i < before; i++) {
        if (b->queries[i].kind != UNION) continue;
        for (const char *at = b->queries[i].text; *(at += strspn(at, " ")); at += strcspn(at, " "))
            add_query(b, at, strcspn(at, " "), TERM);
    }
}

static void read_queries(bench *b) {
    FILE *file = fopen(b->queries_path, "r");
    if (!file) give_up(b->queries_path, "cannot be read");
    char *line = NULL;
    size_t room = 0;
    bool told = false; /* kinds are given */
    while (getline(&line, &room, file) >= 0) {
        line[strcspn(line, "\r\n")] = 0;
        char *tab = strchr(line, '\t');
        if (line[0] == 0 || line[0] == '#') continue;
        if (line[0] == '{') {
            char *text = json_query(line);
            if (!text) give_up(line, "no query in it");
            add_query(b, text, strlen(text), -1);
        } else if (tab) {
            int k = kind_named(line, (size_t)(tab - line));
            if (k < 0) give_up(line, "no such kind of query");
            add_query(b, tab + 1, strlen(tab + 1), k);
            told = true;
        } else {
            add_query(b, line, strlen(line), -1);
        }
    }
    free(line);
    fclose(file);
    if (!told) lend_terms(b);
}

/* ---- Asking -------------------------------------------------------------------------------- */

/* The one place that knows how a command is said in the header. */
static anp_query_options options_of(const bench *b, const command *c) {
    anp_query_options options = b->options;
    options.k = c->k;
    if (c->k == 0) options.flags |= ANP_QUERY_COUNT_ONLY;
    if (!c->counts) options.flags |= ANP_QUERY_NO_TOTAL;
    options.flags |= ANP_QUERY_ORDINALS; /* as the peers' collectors */
    return options;
}

static anp_results *ask(anp_snapshot *snapshot, const anp_query_options *options,
                        const char *text) {
    anp_error err = ANP_ERROR_INIT;
    anp_results *results;
    must(anp_query(snapshot, text, options, &results, &err), &err, text);
    return results;
}

static uint64_t found_in(const command *c, const anp_results *results) {
    return c->counts ? anp_results_total(results) : anp_results_count(results);
}

static anp_snapshot *snapshot_of(const bench *b) {
    anp_error err = ANP_ERROR_INIT;
    anp_snapshot *snapshot;
    must(anp_snapshot_open(b->index, &snapshot, &err), &err, "snapshot");
    return snapshot;
}

static void time_query(const bench *b, anp_snapshot *snapshot, const command *c, query *q) {
    anp_query_options options = options_of(b, c);
    double spent = 0;
    for (int run = 0; run < b->repeats && (run < 3 || spent <= b->budget_us); run++) {
        double start = now();
        anp_results *results = ask(snapshot, &options, q->text);
        uint64_t found = found_in(c, results);
        anp_results_free(results);
        double us = (now() - start) * 1e6;
        if (run == 0 || us < q->us) q->us = us;
        q->found = found;
        spent += us;
    }
}

static void time_command(const bench *b, anp_snapshot *snapshot, const command *c) {
    anp_query_options options = options_of(b, c);
    for (size_t i = 0; i < b->query_count; i++) {
        anp_results_free(ask(snapshot, &options, b->queries[i].text));
    }
    for (size_t i = 0; i < b->query_count; i++) time_query(b, snapshot, c, &b->queries[i]);
}

/* Answers line by line: the total where there is one, then `id:score` of each hit. */
static command command_of(const char *name, size_t len);
static void serve(const bench *b) {
    anp_snapshot *snapshot = snapshot_of(b);
    char *line = NULL;
    size_t room = 0;
    while (getline(&line, &room, stdin) >= 0) {
        line[strcspn(line, "\r\n")] = 0;
        char *tab = strchr(line, '\t');
        if (!tab) give_up(line, "no tab between command and query");
        command c = command_of(line, (size_t)(tab - line));
        anp_query_options options = options_of(b, &c);
        options.flags &= ~(uint32_t)ANP_QUERY_ORDINALS;
        anp_results *results = ask(snapshot, &options, tab + 1);
        const char *between = "";
        if (c.counts) {
            printf("%llu", (unsigned long long)anp_results_total(results));
            between = "\t";
        }
        for (size_t i = 0; i < anp_results_count(results); i++, between = "\t") {
            anp_hit hit = anp_results_hit(results, i);
            printf("%s%s:%.5f", between, hit.id, hit.score);
        }
        printf("\n");
        fflush(stdout);
        anp_results_free(results);
    }
    free(line);
    anp_snapshot_close(snapshot);
}

/* ---- The list over threads ------------------------------------------------------------------ */

typedef struct batch {
    const bench *b;
    anp_query_options options;
    atomic_size_t next;
    double end;
} batch;

/* Each takes the next query until time is up; that the end is ragged is one query's worth. */
static void *batch_worker(void *user) {
    batch *t = user;
    anp_snapshot *snapshot = snapshot_of(t->b);
    while (now() < t->end) {
        size_t i = atomic_fetch_add_explicit(&t->next, 1, memory_order_relaxed);
        anp_results_free(ask(snapshot, &t->options, t->b->queries[i % t->b->query_count].text));
    }
    anp_snapshot_close(snapshot);
    return NULL;
}

static double batch_per_second(const bench *b, const command *c, int threads) {
    batch t = {.b = b, .options = options_of(b, c)};
    double start = now();
    t.end = start + b->seconds;
    pthread_t workers[THREADS_MAX];
    for (int i = 0; i < threads; i++) {
        if (pthread_create(&workers[i], NULL, batch_worker, &t)) give_up("thread", "no more");
    }
    for (int i = 0; i < threads; i++) pthread_join(workers[i], NULL);
    return (double)atomic_load(&t.next) / (now() - start);
}

/* ---- What is printed ------------------------------------------------------------------------ */

static int by_size(const void *x, const void *y) {
    double a = *(const double *)x, b = *(const double *)y;
    return (a > b) - (a < b);
}

static void print_raw(FILE *out, const bench *b, const command *c) {
    for (size_t i = 0; i < b->query_count; i++) {
        const query *q = &b->queries[i];
        fprintf(out, "{\"measure\":\"query\",\"command\":\"%s\",\"kind\":\"%s\",\"query\":\"",
                c->name, kind_names[q->kind]);
        for (const char *at = q->text; *at; at++) {
            fprintf(out, *at == '"' || *at == '\\' ? "\\%c" : "%c", *at);
        }
        fprintf(out, "\",\"found\":%llu,\"us\":%.3f}\n", (unsigned long long)q->found, q->us);
    }
}

/* One row of the table, and its cells of the raw run. */
static void print_row(const bench *b, const command *c, double *room) {
    printf("| %-13s |", c->name);
    for (int k = 0; k < KINDS; k++) {
        size_t n = 0;
        double sum = 0;
        for (size_t i = 0; i < b->query_count; i++) {
            if ((int)b->queries[i].kind == k) sum += room[n++] = b->queries[i].us;
        }
        if (n == 0) {
            printf(" %24s |", "");
            continue;
        }
        qsort(room, n, sizeof *room, by_size);
        double mean = sum / (double)n, p50 = room[n / 2], p99 = room[n * 99 / 100];
        char cell[64];
        snprintf(cell, sizeof cell, "%.1f / %.1f / %.1f", mean, p50, p99);
        printf(" %24s |", cell);
        if (b->out) {
            fprintf(b->out, "{\"measure\":\"cell\",\"command\":\"%s\",\"kind\":\"%s\",",
                    c->name, kind_names[k]);
            fprintf(b->out, "\"queries\":%zu,\"mean_us\":%.3f,\"p50_us\":%.3f,", n, mean, p50);
            fprintf(b->out, "\"p99_us\":%.3f}\n", p99);
        }
    }
    printf("\n");
}

static void print_head(const bench *b) {
    size_t counts[KINDS] = {0};
    for (size_t i = 0; i < b->query_count; i++) counts[b->queries[i].kind]++;
    printf("| us, mean / p50 / p99 |");
    for (int k = 0; k < KINDS; k++) printf(" %s (%zu) |", kind_names[k], counts[k]);
    printf("\n|---|");
    for (int k = 0; k < KINDS; k++) printf("--:|");
    printf("\n");
}

static void run(bench *b) {
    bool tsv = strcmp(b->format, "tsv") == 0;
    double *room = malloc((b->query_count + 1) * sizeof *room);
    if (!room || b->query_count == 0) give_up(b->queries_path, "no queries");
    anp_snapshot *snapshot = snapshot_of(b);
    if (!tsv) print_head(b);
    for (size_t i = 0; i < b->command_count; i++) {
        const command *c = &b->commands[i];
        time_command(b, snapshot, c);
        for (size_t j = 0; tsv && j < b->query_count; j++) {
            const query *q = &b->queries[j];
            printf("%s\t%s\t%s\t%llu\t%.3f\n", c->name, kind_names[q->kind], q->text,
                   (unsigned long long)q->found, q->us);
        }
        if (!tsv) print_row(b, c, room);
        if (b->out) print_raw(b->out, b, c);
        fflush(stdout);
    }
    anp_snapshot_close(snapshot);
    for (size_t i = 0; i < b->command_count; i++) {
        for (size_t t = 0; t < b->thread_counts; t++) {
            double speed = batch_per_second(b, &b->commands[i], b->threads[t]);
            if (!tsv) {
                printf("%s%s, %d threads: %.0f queries/s\n", i + t ? "" : "\n",
                       b->commands[i].name, b->threads[t], speed);
            }
            if (b->out) {
                fprintf(b->out, "{\"measure\":\"batch\",\"command\":\"%s\",\"threads\":%d,"
                                "\"queries_per_s\":%.1f}\n",
                        b->commands[i].name, b->threads[t], speed);
            }
        }
    }
    free(room);
}

/* ---- Options ------------------------------------------------------------------------------- */

static command command_of(const char *name, size_t len) {
    command c = {.counts = true};
    if (len >= sizeof c.name) give_up(name, "no such command");
    memcpy(c.name, name, len);
    if (strcmp(c.name, "COUNT") == 0) return c;
    char *end = c.name;
    if (strncmp(c.name, "TOP_", 4) == 0) c.k = (uint32_t)strtoul(c.name + 4, &end, 10);
    c.counts = strcmp(end, "_COUNT") == 0;
    if (c.k == 0 || (*end && !c.counts)) give_up(c.name, "no such command");
    return c;
}

static void take_commands(bench *b, const char *list) {
    b->command_count = 0;
    for (const char *at = list; *at; at += strcspn(at, ","), at += *at == ',') {
        if (b->command_count == COMMANDS_MAX) give_up(list, "too many commands");
        b->commands[b->command_count++] = command_of(at, strcspn(at, ","));
    }
}

static void take_threads(bench *b, const char *list) {
    for (const char *at = list; *at; at += strcspn(at, ","), at += *at == ',') {
        int n = atoi(at);
        if (n < 1 || n > THREADS_MAX || b->thread_counts == COMMANDS_MAX)
            give_up(list, "no numbers of threads");
        b->threads[b->thread_counts++] = n;
    }
}

static bool take_scoring(anp_query_options *o, const char *name, const char *value) {
    if (strcmp(name, "--blend") == 0) {
        o->blend = atof(value);
    } else if (strcmp(name, "--k1") == 0) {
        o->k1 = atof(value);
        o->set |= ANP_SET_K1;
    } else if (strcmp(name, "--b") == 0) {
        o->b = atof(value);
        o->set |= ANP_SET_B;
    } else if (strcmp(name, "--weights") == 0) {
        if (sscanf(value, "%lf,%lf,%lf,%lf", &o->weight_quality, &o->weight_freshness,
                   &o->weight_depth, &o->weight_clarity) != 4)
            give_up(value, "not four numbers");
        o->set |= ANP_SET_QUALITY | ANP_SET_FRESHNESS | ANP_SET_DEPTH | ANP_SET_CLARITY;
    } else if (strcmp(name, "--stopwords") == 0) {
        if (strcmp(value, "english") == 0) o->flags &= ~(uint32_t)ANP_QUERY_KEEP_STOPWORDS;
        else if (strcmp(value, "none")) give_up(value, "not none or english");
    } else {
        return false;
    }
    return true;
}

static void take_options(bench *b, int argc, char **argv) {
    int i = 1;
    for (; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
        const char *name = argv[i];
        if (strcmp(name, "--kinds") == 0) {
            b->kinds_only = true;
            continue;
        }
        if (strcmp(name, "--serve") == 0) {
            b->serve = true;
            continue;
        }
        if (++i == argc) give_up(name, "unknown, or without its value: see bench/bench_query.c");
        const char *value = argv[i];
        if (strcmp(name, "--db") == 0) b->db = value;
        else if (strcmp(name, "--queries") == 0) b->queries_path = value;
        else if (strcmp(name, "--commands") == 0) take_commands(b, value);
        else if (strcmp(name, "--repeats") == 0) b->repeats = atoi(value);
        else if (strcmp(name, "--budget-us") == 0) b->budget_us = atof(value);
        else if (strcmp(name, "--threads") == 0) take_threads(b, value);
        else if (strcmp(name, "--seconds") == 0) b->seconds = atof(value);
        else if (strcmp(name, "--format") == 0) b->format = value;
        else if (strcmp(name, "--out") == 0) b->out_path = value;
        else if (!take_scoring(&b->options, name, value))
            give_up(name, "no such option: see the top of bench/bench_query.c");
    }
    static const char *const samples[] = {"data/samples.jsonl", "data/posts"};
    b->posts = i < argc ? (const char *const *)argv + i : samples;
    b->post_paths = i < argc ? (size_t)(argc - i) : 2;
    if (b->repeats < 1) give_up("--repeats", "less than 1");
}

/* ---- An index of our own ------------------------------------------------------------------- */

/* As the peers index: one field, plain words, nothing stored; packed. */
static void build(bench *b) {
    anp_error err = ANP_ERROR_INIT;
    anp_index_options options = ANP_INDEX_OPTIONS_INIT;
    options.analyzer = ANP_ANALYZER_PLAIN;
    options.store = ANP_STORE_NONE;
    options.title_weight = 1;
    const char *base = getenv("TMPDIR");
    snprintf(b->folder, sizeof b->folder, "%.40s/bench_query.XXXXXX", base ? base : "/tmp");
    if (!mkdtemp(b->folder)) give_up(b->folder, "cannot be made");
    char path[96];
    snprintf(path, sizeof path, "%s/posts.db", b->folder);
    anp_writer *writer;
    must(anp_index_open(path, ANP_OPEN_CREATE, &options, &b->index, &err), &err, path);
    must(anp_writer_open(b->index, &writer, &err), &err, path);
    anp_import_report report;
    must(anp_writer_import(writer, b->posts, b->post_paths, NULL, &report, &err), &err, *b->posts);
    anp_writer_close(writer);
    must(anp_index_compact(b->index, NULL, NULL, NULL, &err), &err, path);
    fprintf(stderr, "%llu posts, %.1f s\n", (unsigned long long)report.posts_added,
            report.seconds);
}

static void remove_index(const bench *b) {
    static const char *const ends[] = {"", "-lock", ".witness"};
    if (!b->folder[0]) return;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        char path[112];
        snprintf(path, sizeof path, "%s/posts.db%s", b->folder, ends[i]);
        unlink(path);
    }
    rmdir(b->folder);
}

int main(int argc, char **argv) {
    static bench b = {
        .queries_path = "bench/queries.txt",
        .format = "table",
        .repeats = 10,
        .budget_us = 1e6,
        .seconds = 1,
        .options = {.size = sizeof(anp_query_options),
                    .flags = ANP_QUERY_KEEP_STOPWORDS,
                    .set = ANP_SET_BLEND},
    };
    take_commands(&b, "COUNT,TOP_10,TOP_100,TOP_1000,TOP_10_COUNT");
    take_options(&b, argc, argv);
    if (!b.serve) read_queries(&b);
    for (size_t i = 0; b.kinds_only && i < b.query_count; i++) {
        printf("%s\t%s\n", kind_names[b.queries[i].kind], b.queries[i].text);
    }
    if (b.kinds_only) return 0;
    if (b.out_path && !(b.out = fopen(b.out_path, "w"))) give_up(b.out_path, "cannot be written");
    anp_error err = ANP_ERROR_INIT;
    if (b.db) must(anp_index_open(b.db, ANP_OPEN_READ, NULL, &b.index, &err), &err, b.db);
    else build(&b);
    if (b.serve) serve(&b);
    else run(&b);
    if (b.out && fclose(b.out)) give_up(b.out_path, "cannot be written");
    anp_index_close(b.index);
    remove_index(&b);
    return 0;
}
