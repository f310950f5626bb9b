/*
 * One bit of the file is another: no answer may be silently wrong, verify finds every flip that
 * does harm, and finds nothing in files that are whole.
 */
#include "base/hash.h"
#include "base/prng.h"
#include "faults/work.h"
#include "store/aid.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    FLIPS = 150, FLIPS_FULL = 5000,
    HISTORIES = 6, HISTORIES_FULL = 100,
    POSTS = 90, /* ids that a history draws from */
    ANSWERS = 20 + POSTS,
    PAGE = 4096,
};

/* What an index answers: a hash of each answer, or 0 where it was an error. */
typedef struct answers {
    bool refused; /* at open */
    bool errors;
    uint64_t hashes[ANSWERS];
    uint64_t problems; /* of verify */
    bool unverified;   /* verify itself gave an error */
    char why[300];
} answers;

static answers *told; /* by a child */

static void add_hash(uint64_t *hash, const void *bytes, size_t len) {
    *hash = hash64_seed(bytes, len, *hash + len);
}

static void add_text(uint64_t *hash, const char *text) {
    add_hash(hash, text ? text : "", text ? strlen(text) : 0);
}

static uint64_t hash_results(anp_results *results) {
    uint64_t hash = 1, total = anp_results_total(results);
    add_hash(&hash, &total, sizeof total);
    for (size_t i = 0; i < anp_results_count(results); i++) {
        anp_hit hit = anp_results_hit(results, i);
        add_text(&hash, hit.id);
        add_text(&hash, hit.title);
        add_text(&hash, hit.snippet);
        add_hash(&hash, &hit.score, sizeof hit.score);
        add_hash(&hash, &hit.similarity, sizeof hit.similarity);
    }
    anp_results_free(results);
    return hash ? hash : 1;
}

static uint64_t ask(anp_snapshot *snapshot, const char *query, const char *filter) {
    anp_results *results = NULL;
    anp_query_options options = ANP_QUERY_OPTIONS_INIT;
    options.snippet_words = 12;
    options.filter = filter;
    anp_status status = anp_query(snapshot, query, &options, &results, NULL);
    return status == ANP_OK ? hash_results(results) : 0;
}

static bool hash_line(void *user, const char *json, size_t len) {
    add_hash(user, json, len);
    return true;
}

static void ask_all(anp_snapshot *snapshot, answers *a) {
    static const char *const queries[] = {
        "cache", "queue token", "+cache +queue", "\"cache queue\"", "title:key", "*", "-cache",
        "quality:>=70", "topic:shard", "rollback -deploy alert", "step0z step1z", "latency",
        "body:cache", "body:\"cache queue\"", "queue (cache -deploy) (+shard \"cache queue\")"};
    size_t n = 0;
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        a->hashes[n++] = ask(snapshot, queries[i], NULL);
    }
    a->hashes[n++] = ask(snapshot, "cache owner", "quality:[60 TO 80]");
    anp_results *results = NULL;
    anp_status similar = anp_similar(snapshot, "p00007", NULL, &results, NULL);
    a->hashes[n++] = similar == ANP_OK ? hash_results(results) : similar == ANP_NOT_FOUND ? 2 : 0;
    uint64_t exported = 1;
    a->hashes[n++] = anp_posts_export(snapshot, hash_line, &exported, NULL) == ANP_OK
                         ? exported : 0;
    for (uint32_t i = 0; i < POSTS; i++) {
        char id[16], *json = NULL;
        size_t len = 0;
        uint64_t hash = 1;
        snprintf(id, sizeof id, "p%05u", i);
        anp_status status = anp_post_json(snapshot, id, &json, &len, NULL);
        add_hash(&hash, json ? json : "", len);
        a->hashes[n++] = status == ANP_OK ? hash : status == ANP_NOT_FOUND ? 2 : 0;
        anp_free(json);
    }
    for (size_t i = 0; i < n; i++) {
        a->errors |= a->hashes[i] == 0;
    }
}

static void first_line(void *user, const char *line) {
    answers *a = user;
    if (!a->why[0] && strncmp(line, "note:", 5) != 0) {
        snprintf(a->why, sizeof a->why, "%s", line);
    }
}

static void read_index(const char *path, answers *a) {
    anp_index *index = NULL;
    anp_snapshot *snapshot = NULL;
    anp_error err = ANP_ERROR_INIT;
    if (anp_index_open(path, ANP_OPEN_READ, NULL, &index, &err) != ANP_OK) {
        a->refused = true;
        snprintf(a->why, sizeof a->why, "%.299s", err.message);
        return;
    }
    if (anp_snapshot_open(index, &snapshot, &err) == ANP_OK) {
        ask_all(snapshot, a);
    } else {
        a->errors = true;
    }
    anp_snapshot_close(snapshot);
    anp_status status = anp_index_verify(index, ANP_VERIFY_FULL, first_line, a, &a->problems, &err);
    a->unverified = status != ANP_OK && status != ANP_CORRUPT;
    anp_index_close(index);
}

/* In a child, for a crash must not end the test; its end. */
static int read_in_child(const char *path) {
    memset(told, 0, sizeof *told);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        alarm(30);
        read_index(path, told);
        _exit(0);
    }
    return aid_wait(child);
}

static void check(anp_status status, const anp_error *err) {
    if (!CHECK_EQ_INT(status, ANP_OK)) {
        test_note("%s", err->message);
    }
}

/* Adds, replaces and deletes in batches of any size. */
static void make_history(const char *path, uint64_t seed) {
    prng p = {seed};
    anp_index *index = NULL;
    anp_writer *writer = NULL;
    anp_error err = ANP_ERROR_INIT;
    check(anp_index_open(path, ANP_OPEN_CREATE, NULL, &index, &err), &err);
    check(anp_writer_open(index, &writer, &err), &err);
    uint32_t batches = 2 + prng_below(&p, 9);
    for (uint32_t batch = 0; batch < batches; batch++) {
        uint32_t changes = 1 + prng_below(&p, 40);
        for (uint32_t i = 0; i < changes; i++) {
            char json[WORK_POST_BYTES], id[16];
            uint32_t number = prng_below(&p, POSTS);
            if (prng_below(&p, 4)) {
                size_t len = work_post(json, number, batch);
                check(anp_writer_add(writer, json, len, &err), &err);
            } else {
                snprintf(id, sizeof id, "p%05u", number);
                anp_status status = anp_writer_delete(writer, id, &err);
                CHECK(status == ANP_OK || status == ANP_NOT_FOUND);
            }
        }
        check(anp_writer_commit(writer, &err), &err);
    }
    anp_writer_close(writer);
    anp_index_close(index);
}

static void check_good_files(void) {
    const char *path = aid_path("good.db");
    unsigned alarms = 0, files = work_rounds(HISTORIES, HISTORIES_FULL);
    for (unsigned i = 0; i < files; i++) {
        work_remove(path);
        make_history(path, 1000 + i);
        CHECK_EQ_INT(read_in_child(path), 0);
        alarms += told->problems > 0;
        if (!CHECK(!told->refused && !told->errors && !told->problems && !told->unverified)) {
            test_note("history %u: %s", 1000 + i, told->why);
        }
    }
    work_tell("%u whole files of different histories: false alarms %u", files, alarms);
}

/* A third of them where structure is: headers of pages, the meta pages. */
static uint64_t place_of_flip(prng *p, uint64_t bytes) {
    uint64_t at = prng_next(p) % bytes;
    switch (prng_below(p, 6)) {
    case 0: return at / PAGE * PAGE + prng_below(p, 64);
    case 1: return prng_below(p, 2) * PAGE + prng_below(p, 160);
    default: return at;
    }
}

static void check_flips(void) {
    const char *path = aid_path("flipped.db");
    prng p = {4711};
    make_history(path, 5);
    CHECK_EQ_INT(read_in_child(path), 0);
    answers whole = *told;
    CHECK(!whole.refused && !whole.errors && !whole.problems);
    uint64_t bytes = aid_file_bytes(path);
    unsigned flips = work_rounds(FLIPS, FLIPS_FULL), refused = 0, harmful = 0, found = 0;
    unsigned wrong = 0, harmless = 0, crashed = 0;
    int fd = open(path, O_RDWR);
    CHECK(fd >= 0);
    for (unsigned i = 0; i < flips; i++) {
        uint64_t at = place_of_flip(&p, bytes);
        uint8_t old, bad;
        CHECK(pread(fd, &old, 1, (off_t)at) == 1);
        bad = (uint8_t)(old ^ 1u << prng_below(&p, 8));
        CHECK(pwrite(fd, &bad, 1, (off_t)at) == 1);
        int end = read_in_child(path);
        CHECK(pwrite(fd, &old, 1, (off_t)at) == 1);
        bool differs = false, reached = !told->refused && end == 0;
        for (size_t j = 0; j < ANSWERS && reached; j++) {
            differs |= told->hashes[j] && whole.hashes[j] && told->hashes[j] != whole.hashes[j];
        }
        bool harm = differs || told->errors;
        crashed += end != 0;
        refused += told->refused;
        wrong += differs;
        harmful += harm;
        found += harm && told->problems > 0;
        harmless += reached && !harm && !told->problems;
        if (!CHECK(end == 0 && !differs && !told->unverified &&
                   (!harm || told->problems > 0))) {
            test_note("byte %llu of %llu, %02x for %02x: ended with %d, wrong %d, errors %d, "
                      "problems %llu: %s",
                      (unsigned long long)at, (unsigned long long)bytes, bad, old, end, differs,
                      told->errors, (unsigned long long)told->problems, told->why);
        }
    }
    close(fd);
    CHECK(refused > 0 && harmful > 0 && harmless > 0); /* else it tests nothing */
    work_tell("%u flipped bits: refused at open %u, harmful %u, of these found by verify %u, "
              "answers silently wrong %u, crashes %u, in space that nobody reads %u",
              flips, refused, harmful, found, wrong, crashed, harmless);
}

void test_faults_flips(void) {
    work_take_time();
    told = mmap(NULL, sizeof *told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CASE("no alarm for files that are whole");
    check_good_files();
    CASE("flipped bits");
    check_flips();
}
