/* Posts through threads: the order of what is told, where it stops, and that the index is the same
   at any number of threads. */
#include "index/batches.h"

enum { POSTS = 1500, NOTED_MAX = 8192 };

/* What was told, in order. */
typedef struct notes {
    index_writer *writer;
    uint64_t lines[NOTED_MAX];
    anp_status statuses[NOTED_MAX];
    bool held_back[NOTED_MAX];
    char reason[200]; /* the last bad one's */
    uint32_t count;
    uint32_t commit_every;     /* 0: never */
    uint32_t stop_at;          /* UINT32_MAX: never */
    index_handle *interrupted; /* another writer commits to it behind each commit, or NULL */
} notes;

/* Somebody else's commit: all that the writer has cached is stale then. */
static void commit_elsewhere(index_handle *index, uint32_t number) {
    index_writer *w;
    char json[200];
    anp_error err = ANP_ERROR_INIT;
    snprintf(json, sizeof json,
             "{\"id\":\"other%u\",\"title\":\"elsewhere%u\",\"meta\":{\"who%u\":\"x\"},"
             "\"body\":\"w1 w2 other%u\"}", number, number, number, number);
    if (CHECK_EQ_INT(writer_open(index, &w, &err), ANP_OK)) {
        CHECK_EQ_INT(batches_add(w, json, &err), ANP_OK);
        CHECK_EQ_INT(writer_commit(w, &err), ANP_OK);
        writer_close(w);
    }
}

static anp_status note(void *user, const draft_post *p, bool replaced, anp_error *err) {
    notes *n = user;
    (void)replaced;
    if (CHECK(n->count < NOTED_MAX)) {
        n->lines[n->count] = p->line;
        n->statuses[n->count] = p->status;
        n->held_back[n->count] = p->held_back;
    }
    if (p->status != ANP_OK && !p->held_back) {
        snprintf(n->reason, sizeof n->reason, "%s", p->reason);
    }
    if (n->count++ == n->stop_at) {
        return error_set(err, ANP_CANCELLED, "enough");
    }
    if (n->commit_every && n->count % n->commit_every == 0) {
        anp_status status = writer_commit(n->writer, err);
        if (n->interrupted) {
            commit_elsewhere(n->interrupted, n->count);
        }
        return status;
    }
    return ANP_OK;
}

static anp_status add_raw(intake *in, str bytes, uint64_t line, anp_error *err) {
    raw_post raw = {ANP_FORMAT_JSONL, bytes, STR(""), "posts.jsonl", line};
    return intake_add(in, &raw, err);
}

/* Posts [from, to); every 97th is bad, every 89th has an id that was there. */
static anp_status add_posts(intake *in, uint32_t from, uint32_t to, anp_error *err) {
    char json[BATCHES_POST_BYTES];
    for (uint32_t i = from; i < to; i++) {
        size_t len = batches_post(i % 89 ? i : i / 2, json, sizeof json);
        if (i % 97 == 0) {
            len = (size_t)snprintf(json, sizeof json, "{\"title\":\"no id, only word%u\"}", i);
        }
        TRY(add_raw(in, str_make(json, len), i, err));
    }
    return ANP_OK;
}

static intake *open_intake(index_writer *w, unsigned threads, notes *n) {
    intake_options how = {.threads = threads, .queue_bytes = 4 << 20, .took = note, .user = n};
    intake *in = NULL;
    anp_error err = ANP_ERROR_INIT;
    n->writer = w;
    if (!CHECK_EQ_INT(intake_open(w, &how, &in, &err), ANP_OK)) {
        test_note("%s", err.message);
    }
    return in;
}

static notes *new_notes(uint32_t commit_every) {
    notes *n = calloc(1, sizeof *n);
    n->commit_every = commit_every;
    n->stop_at = UINT32_MAX;
    return n;
}

/* The whole corpus. Its sums; with `elsewhere` others commit in between. */
static batches_sums take_all(const char *name, unsigned threads, uint32_t commit_every,
                             bool elsewhere) {
    index_handle *index = batches_index(name);
    notes *n = new_notes(commit_every);
    index_writer *w;
    anp_error err = ANP_ERROR_INIT;
    CHECK_EQ_INT(writer_open(index, &w, NULL), ANP_OK);
    n->interrupted = elsewhere ? index : NULL;
    intake *in = open_intake(w, threads, n);
    CHECK_EQ_INT(add_posts(in, 0, POSTS, &err), ANP_OK);
    CHECK_EQ_INT(intake_drain(in, &err), ANP_OK);
    CHECK_EQ_INT(writer_commit(w, &err), ANP_OK);
    intake_close(in);
    writer_close(w);
    CHECK_EQ_INT(n->count, POSTS);
    for (uint32_t i = 0; i < n->count; i++) {
        bool good = CHECK_EQ_INT(n->lines[i], i) && CHECK_EQ_INT(n->held_back[i], 0) &&
                    CHECK_EQ_INT(n->statuses[i], i % 97 ? ANP_OK : ANP_BAD_POST);
        if (!good) {
            break;
        }
    }
    CHECK(strstr(n->reason, "id") != NULL);
    batches_sums sums = batches_sum(index);
    free(n);
    index_close(index);
    return sums;
}

static void same_index(uint32_t commit_every, bool elsewhere) {
    char name[40];
    batches_sums first = {{0}};
    for (unsigned threads = 1; threads <= 4; threads += threads) {
        snprintf(name, sizeof name, "same-%u-%d-%u", commit_every, elsewhere, threads);
        batches_sums sums = take_all(name, threads, commit_every, elsewhere);
        if (threads == 1) {
            first = sums;
        }
        batches_compare(&first, &sums, true);
    }
}

/* Posts that come one by one have the same numbers; few enough that no dictionary is trained. */
static void as_one_by_one(void) {
    enum { FEW = DICTIONARY_SAMPLES > 700 ? 700 : DICTIONARY_SAMPLES - 1 };
    index_handle *indexes[2] = {batches_index("one-by-one"), batches_index("by-intake")};
    batches_sums sums[2];
    char json[BATCHES_POST_BYTES];
    index_writer *w;
    anp_error err = ANP_ERROR_INIT;
    notes *n = new_notes(0);
    CHECK_EQ_INT(writer_open(indexes[0], &w, NULL), ANP_OK);
    for (uint32_t i = 0; i < FEW; i++) {
        batches_post(i, json, sizeof json);
        CHECK_EQ_INT(batches_add(w, json, &err), ANP_OK);
    }
    CHECK_EQ_INT(writer_commit(w, &err), ANP_OK);
    writer_close(w);
    /* Half by an intake, half one by one, with the same writer. */
    CHECK_EQ_INT(writer_open(indexes[1], &w, NULL), ANP_OK);
    intake *in = open_intake(w, 3, n);
    for (uint32_t i = 0; i < FEW / 2; i++) {
        size_t len = batches_post(i, json, sizeof json);
        CHECK_EQ_INT(add_raw(in, str_make(json, len), i, &err), ANP_OK);
    }
    CHECK_EQ_INT(intake_drain(in, &err), ANP_OK);
    for (uint32_t i = FEW / 2; i < FEW; i++) {
        batches_post(i, json, sizeof json);
        CHECK_EQ_INT(batches_add(w, json, &err), ANP_OK);
    }
    CHECK_EQ_INT(writer_commit(w, &err), ANP_OK);
    intake_close(in);
    writer_close(w);
    for (int i = 0; i < 2; i++) {
        sums[i] = batches_sum(indexes[i]);
        index_close(indexes[i]);
    }
    batches_compare(&sums[0], &sums[1], true);
    free(n);
}

/* Adds a post in JSON and sees what becomes of it; in NULL: by the writer alone. */
static void add_json(index_writer *w, intake *in, const char *json, anp_status expected) {
    anp_error err = ANP_ERROR_INIT;
    anp_status status = in ? intake_add_json(in, str_from(json), &err) : batches_add(w, json, &err);
    if (!CHECK_EQ_INT(status, expected)) {
        test_note("%s", err.message);
    }
}

/* Batches of 3, 200 and 5 posts: some bad, some that replace one of the same batch, one deleted
   while others are on their way. threads 0: without an intake. */
static batches_sums take_json(unsigned threads) {
    char name[40], json[BATCHES_POST_BYTES];
    anp_error err = ANP_ERROR_INIT;
    index_writer *w;
    intake *in = NULL;
    snprintf(name, sizeof name, "json-%u", threads);
    index_handle *index = batches_index(name);
    CHECK_EQ_INT(writer_open(index, &w, NULL), ANP_OK);
    if (threads) {
        intake_options how = {.threads = threads, .queue_bytes = 100 << 10};
        CHECK_EQ_INT(intake_open(w, &how, &in, &err), ANP_OK);
    }
    for (uint32_t i = 0; i < 208; i++) {
        batches_post(i % 31 == 30 ? i - 20 : i, json, sizeof json);
        add_json(w, in, json, ANP_OK);
        if (i % 40 == 0) {
            add_json(w, in, "{\"title\":\"no id, only\"}", ANP_BAD_POST);
        }
        bool end = i == 2 || i == 202 || i == 207;
        if (i == 150 || end) {
            CHECK(!in || i % 40 == 0 || !intake_empty(in));
            CHECK(!in || intake_drain(in, &err) == ANP_OK);
            CHECK(!in || intake_empty(in));
        }
        if (i == 150) {
            CHECK_EQ_INT(writer_delete(w, STR("p148"), &err), ANP_OK);
        }
        if (end) {
            CHECK_EQ_INT(writer_commit(w, &err), ANP_OK);
        }
    }
    intake_close(in);
    writer_close(w);
    batches_sums sums = batches_sum(index);
    index_close(index);
    return sums;
}

static void as_they_come(void) {
    /* Where the dictionary is made amid these posts, posts that come one by one meet it earlier. */
    unsigned least = DICTIONARY_SAMPLES > 208 ? 0 : 1;
    batches_sums first = take_json(least);
    for (unsigned threads = least + 1; threads <= 4; threads++) {
        batches_sums sums = take_json(threads);
        batches_compare(&first, &sums, true);
    }
}

/* Whether groups were made: with small windows they must be. */
static void check_merged(index_handle *index) {
    store_txn *txn;
    catalog c;
    CHECK_EQ_INT(store_begin_read(index_store(index), &txn, NULL), ANP_OK);
    if (CHECK_EQ_INT(catalog_load(txn, &c, NULL), ANP_OK)) {
        CHECK(WINDOW_DOCS > 64 || c.state.group_end > 0);
        catalog_free(&c);
    }
    store_abort(txn);
}

/* Batches of any size up to windows' ends and behind them; a writer goes now and then, with what a
   thread has made ahead, and at times with posts that are not committed. */
static batches_sums merge_aside(unsigned threads) {
    enum { COMMITS = 24, POSTS_MOST = 160, LIFE = 13 };
    char name[40], json[BATCHES_POST_BYTES];
    anp_error err = ANP_ERROR_INIT;
    prng p = {9};
    index_writer *w = NULL;
    intake *in;
    intake_options how = {.threads = threads, .queue_bytes = 100 << 10, .aside = true};
    snprintf(name, sizeof name, "aside-%u", threads);
    index_handle *index = batches_index(name);
    for (uint32_t commit = 0, next = 0; commit < COMMITS; commit++) {
        if (!w) {
            CHECK_EQ_INT(writer_open(index, &w, NULL), ANP_OK);
            CHECK_EQ_INT(intake_open(w, &how, &in, &err), ANP_OK);
        }
        bool lost = commit % LIFE == LIFE - 1;
        for (uint32_t i = 1 + prng_below(&p, POSTS_MOST); i > 0; i--) {
            uint32_t number = prng_below(&p, 9) ? next++ : prng_below(&p, next + 1);
            batches_post(number, json, sizeof json);
            add_json(w, in, json, ANP_OK);
        }
        CHECK(lost || intake_drain(in, &err) == ANP_OK);
        CHECK(lost || writer_commit(w, &err) == ANP_OK);
        if (lost || commit % LIFE == 5) {
            intake_close(in);
            writer_close(w);
            w = NULL;
        }
    }
    if (w) {
        intake_close(in);
        writer_close(w);
    }
    check_merged(index);
    batches_sums sums = batches_sum(index);
    index_close(index);
    return sums;
}

static void merges_aside(void) {
    batches_sums first = merge_aside(1); /* none aside */
    for (unsigned threads = 2; threads <= 4; threads++) {
        batches_sums sums = merge_aside(threads);
        batches_compare(&first, &sums, false); /* commits are fewer */
    }
}

/* A post whose bytes allow too many words is counted at once; the others stay. */
static void long_title(void) {
    enum { WORDS = TITLE_WORDS_MAX + 1 };
    index_handle *index = batches_index("long-title");
    buffer json = {0};
    index_writer *w;
    intake *in;
    anp_error err = ANP_ERROR_INIT;
    intake_options how = {.threads = 2, .queue_bytes = 1 << 20};
    CHECK_EQ_INT(writer_open(index, &w, NULL), ANP_OK);
    CHECK_EQ_INT(intake_open(w, &how, &in, &err), ANP_OK);
    add_json(w, in, "{\"id\":\"a\",\"title\":\"A\",\"body\":\"x\"}", ANP_OK);
    for (int more = 0; more <= 1; more++) {
        json.len = 0;
        buffer_put_str(&json, STR("{\"id\":\"b\",\"body\":\"x\",\"title\":\""));
        for (int i = 0; i < WORDS - 1 + more; i++) {
            buffer_put_str(&json, STR("w "));
        }
        buffer_put_str(&json, STR("\"}"));
        buffer_put_u8(&json, 0);
        add_json(w, in, (const char *)json.data, more ? ANP_BAD_POST : ANP_OK);
        add_json(w, in, "{\"id\":\"a\",\"title\":\"A\",\"body\":\"x\"}", ANP_OK);
    }
    CHECK_EQ_INT(intake_drain(in, &err), ANP_OK);
    CHECK_EQ_INT(writer_pending_posts(w), 4);
    CHECK_EQ_INT(writer_commit(w, &err), ANP_OK);
    intake_close(in);
    writer_close(w);
    batches_sum(index);
    buffer_free(&json);
    index_close(index);
}

/* The posts before the one that stopped it are the writer's; nothing is told after it. */
static void stops(unsigned threads) {
    index_handle *index = batches_index(threads == 1 ? "stop1" : "stop4");
    notes *n = new_notes(0);
    index_writer *w;
    anp_error err = ANP_ERROR_INIT;
    CHECK_EQ_INT(writer_open(index, &w, NULL), ANP_OK);
    intake *in = open_intake(w, threads, n);
    n->stop_at = 194; /* a bad one: 192 were taken */
    anp_status status = add_posts(in, 0, 1000, &err);
    status = status == ANP_OK ? intake_drain(in, &err) : status;
    CHECK_EQ_INT(status, ANP_CANCELLED);
    CHECK_EQ_STR(err.message, "enough");
    err = (anp_error)ANP_ERROR_INIT;
    CHECK_EQ_INT(add_raw(in, STR("{\"id\":\"late\"}"), 5, &err), ANP_CANCELLED);
    CHECK_EQ_INT(intake_drain(in, &err), ANP_CANCELLED);
    CHECK_EQ_STR(err.message, "enough");
    CHECK_EQ_INT(n->count, 195);
    CHECK_EQ_INT(writer_pending_posts(w), 192);
    intake_close(in);
    CHECK_EQ_INT(writer_commit(w, &err), ANP_OK);
    CHECK_EQ_INT(writer_pending_posts(w), 0);
    writer_close(w);
    batches_sum(index);
    free(n);
    index_close(index);
}

/* What was added and not yet taken is dropped. */
static void closes_early(void) {
    index_handle *index = batches_index("early");
    notes *n = new_notes(0);
    index_writer *w;
    anp_error err = ANP_ERROR_INIT;
    CHECK_EQ_INT(writer_open(index, &w, NULL), ANP_OK);
    intake *in = open_intake(w, 3, n);
    CHECK_EQ_INT(add_posts(in, 1, 900, &err), ANP_OK);
    uint32_t taken = n->count;
    intake_close(in);
    CHECK_EQ_INT(n->count, taken);
    CHECK(taken < 899);
    in = open_intake(w, 3, n);
    CHECK_EQ_INT(intake_drain(in, &err), ANP_OK); /* of nothing */
    intake_close(in);
    CHECK_EQ_INT(writer_commit(w, &err), ANP_OK);
    writer_close(w);
    batches_sum(index);
    free(n);
    index_close(index);
}

/* Posts without a byte, and as many small bad ones as a batch of bytes alone would hold. */
static void tiny_posts(void) {
    index_handle *index = batches_index("tiny");
    notes *n = new_notes(0);
    index_writer *w;
    anp_error err = ANP_ERROR_INIT;
    CHECK_EQ_INT(writer_open(index, &w, NULL), ANP_OK);
    intake *in = open_intake(w, 1, n);
    for (uint32_t i = 0; i < 1200; i++) {
        CHECK_EQ_INT(add_raw(in, (str){"", 0}, i, &err), ANP_OK);
    }
    CHECK(n->count > 500); /* memory of posts is counted, not their bytes alone */
    CHECK_EQ_INT(intake_drain(in, &err), ANP_OK);
    CHECK_EQ_INT(n->count, 1200);
    intake_close(in);
    CHECK_EQ_INT(writer_commit(w, &err), ANP_OK);
    writer_close(w);
    free(n);
    index_close(index);
}

/* A commit that fails must not take the dictionary from the drafts that are being made. */
static void lost_batch(void) {
    index_handle *index = batches_index("lost");
    notes *n = new_notes(0);
    index_writer *w;
    anp_error err = ANP_ERROR_INIT;
    draft_options before = {0}, after = {0};
    CHECK_EQ_INT(writer_open(index, &w, NULL), ANP_OK);
    intake *in = open_intake(w, 2, n);
    CHECK_EQ_INT(add_posts(in, 0, POSTS, &err), ANP_OK);
    CHECK_EQ_INT(intake_drain(in, &err), ANP_OK);
    CHECK_EQ_INT(writer_commit(w, &err), ANP_OK);
    CHECK_EQ_INT(writer_draft_options(w, &before, &err), ANP_OK);
    CHECK(before.dictionary != NULL && !before.samples);
    uint32_t id = before.dictionary ? dictionary_id(before.dictionary) : 0;
    commit_elsewhere(index, 1);
    CHECK_EQ_INT(writer_draft_options(w, &after, &err), ANP_OK);
    CHECK(after.dictionary && dictionary_id(after.dictionary) == id);
    CHECK(before.dictionary && dictionary_id(before.dictionary) == id); /* still there */
    intake_close(in);
    writer_close(w);
    free(n);
    index_close(index);
}

void test_index_intake(void) {
    CASE("one batch is the same at any number of threads");
    same_index(0, false);
    CASE("so are many");
    same_index(110, false);
    CASE("so are many with others' between them");
    same_index(110, true);
    CASE("and the same as posts one by one");
    as_one_by_one();
    CASE("so are posts in JSON, however many threads read them");
    as_they_come();
    CASE("so is an index that threads merge while they come");
    merges_aside();
    CASE("too long a title is refused at once");
    long_title();
    CASE("a stop: what stood before it is kept, nothing after it is told");
    stops(1);
    stops(4);
    CASE("closed early");
    closes_early();
    CASE("posts of no bytes");
    tiny_posts();
    CASE("others' commits leave the dictionary to the drafts");
    lost_batch();
}
