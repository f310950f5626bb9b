/* The five real posts that everything here is modelled on, where the shared folder is at hand. */
#include "help.h"

#include <dirent.h>

#define SEEDS "../shared/seeds/"

static bool read_seed(const char *name, arena *perm, post *out) {
    size_t len;
    char path[200];
    snprintf(path, sizeof path, SEEDS "%s.txt", name);
    char *text = read_file(path, &len);
    anp_error err = ANP_ERROR_INIT;
    if (!CHECK(text != NULL)) {
        return false;
    }
    bool good = post_from_scraped(str_make(text, len), str_from(name), perm, out, &err) == ANP_OK;
    if (!CHECK(good)) {
        test_note("%s: %s", path, err.message);
    }
    free(text);
    return good;
}

static void check_values(const post *p, const char *const (*rows)[2], size_t count) {
    for (size_t i = 0; i < count; i++) {
        int n = 0;
        for (size_t j = 0; j < i; j++) {
            n += strcmp(rows[j][0], rows[i][0]) == 0;
        }
        if (!CHECK_EQ_STR(value_of(p, rows[i][0], n), rows[i][1])) {
            test_note("%s %d", rows[i][0], n);
        }
    }
    CHECK_EQ_INT(p->value_count, count);
}

/* NULL stands for prose, of which only the length is looked at. */
static const char *const rows_9715[][2] = {
    {"topic", "debugging cache invalidation / python services"},
    {"problem", "debugging cache invalidation"},
    {"stack", "python services"},
    {"stack", "backend"},
    {"stack", "python"},
    {"area", "backend"},
    {"summary", NULL},
    {"outline.context", "with simple rollback steps"},
    {"outline.problem", "debugging cache invalidation"},
    {"outline.stack", "python services"},
    {"outline.action", "measure first, change carefully, document the result"},
    {"brief", NULL},
    {"tools", "fastapi"},
    {"tools", "pytest"},
    {"tools", "uvicorn"},
    {"tools", "ruff"},
    {"tools", "git"},
    {"tools", "logs"},
    {"code_language", "python"},
    {"difficulty", "beginner"},
    {"reading_time", "10"},
    {"view_count", "589026"},
    {"score.quality", "88"},
    {"score.freshness", "81"},
    {"score.depth", "71"},
    {"score.clarity", "98"},
    {"revision.status", "drafted"},
    {"revision.version", "1.9.7"},
    {"revision.last_reviewed", "2026-02-24@1771891200"},
    {"reference", "anp-ref-009715-8121"},
    {"hash", "f50b0410c5e640ff69c68572"},
    {"flags.ai_generated_style", "1"},
    {"flags.has_images", "0"},
    {"flags.image_heavy", "0"},
    {"flags.needs_human_review", "1"},
    {"checklist", "capture the current behavior"},
    {"checklist", "create a safe backup"},
    {"checklist", "test the smallest change"},
    {"checklist", "watch logs after release"},
    {"checklist", "write the final note"},
    {"entities.name", "python services"},
    {"entities.type", "stack"},
    {"entities.name", "backend"},
    {"entities.type", "area"},
    {"entities.name", "debugging cache invalidation"},
    {"entities.type", "problem"},
    {"payload.source_id", "alphanode-009715"},
    {"payload.generator", "anp content synthesizer"},
    {"payload.paragraphs", "8"},
    {"payload.scenario", "with simple rollback steps"},
    {"payload.seed", "9715"},
    {"notes", NULL},
    {"notes", NULL},
    {"notes", NULL},
};

static void check_9715(void) {
    enum { ROWS = sizeof rows_9715 / sizeof *rows_9715 };
    const char *filled[ROWS][2];
    arena perm = {0};
    post p;
    CASE("009715, every field");
    if (!read_seed("000_db75540a810207b7", &perm, &p)) {
        return;
    }
    for (size_t i = 0; i < ROWS; i++) { /* prose is only looked at by its ends, below */
        filled[i][0] = rows_9715[i][0];
        filled[i][1] = rows_9715[i][1];
        if (!rows_9715[i][1]) {
            int n = strcmp(rows_9715[i][0], "notes") ? 0 : (int)(i + 3 - ROWS);
            filled[i][1] = value_of(&p, rows_9715[i][0], n);
        }
    }
    check_values(&p, (const char *const(*)[2])filled, ROWS);
    CHECK_EQ_INT(strlen(value_of(&p, "summary", 0)), 185);
    CHECK_EQ_INT(strlen(value_of(&p, "brief", 0)), 202);
    CHECK_EQ_INT(strlen(value_of(&p, "notes", 2)), 83);
    CHECK_EQ_STR(text_of(p.id), "009715");
    CHECK(!p.reviewed);
    CHECK(strstr(text_of(p.body),
                 "\n\nfrom fastapi import FastAPI\napp = FastAPI()\n\n@app.get('/health')\n"
                 "def health():\n    return {'ok': True}\n\nthe practical approach\n\n"));
    CHECK(strstr(text_of(p.body), "\n\n- capture the current behavior\n- create a safe backup\n"));
    CHECK(str_ends(p.body, STR("future maintenance is easier.")));
    arena_free(&perm);
}

static void check_18394(void) {
    static const char *const images[5][2] = {
        {"dummyimage.com", "https://dummyimage.com/1200x630/111827/"
                           "ffffff.png&text=debugging+cache+invalidation+with+redi"},
        {"placehold.co",
         "https://placehold.co/1200x630/png?text=debugging+cache+invalidation+with+redis+ca"},
        {"picsum.photos", "https://picsum.photos/seed/anp-018396/1200/630"},
        {"unsplash", "https://images.unsplash.com/"
                     "photo-1555949963-aa79dcee981c?auto=format&fit=crop&w=1200&q=80"},
        {"unsplash", "https://images.unsplash.com/"
                     "photo-1555066931-4365d14bab8c?auto=format&fit=crop&w=1200&q=80"},
    };
    static const char *const tools[] = {"redis", "ttl",  "cache keys", "object cache",
                                        "git",   "logs", "-"};
    arena perm = {0};
    post p;
    CASE("018394: five images, three entities, six tools");
    if (!read_seed("003_65010ee0a5573fe7", &perm, &p)) {
        return;
    }
    CHECK_EQ_STR(text_of(p.id), "018394");
    for (int i = 0; i < 5; i++) {
        char caption[100];
        snprintf(caption, sizeof caption,
                 "debugging cache invalidation with redis caching visual reference %d", i + 1);
        CHECK_EQ_STR(value_of(&p, "images.source", i), images[i][0]);
        CHECK_EQ_STR(value_of(&p, "images.url", i), images[i][1]);
        CHECK_EQ_STR(value_of(&p, "images.caption", i), caption);
        const char *once = strstr(text_of(p.body), caption);
        CHECK(once && !strstr(once + 1, caption));
    }
    CHECK_EQ_STR(value_of(&p, "images.source", 5), "-");
    CHECK(!strstr(text_of(p.body), "image source:"));
    for (int i = 0; i < 7; i++) {
        CHECK_EQ_STR(value_of(&p, "tools", i), tools[i]);
    }
    CHECK_EQ_STR(value_of(&p, "entities.name", 2), "debugging cache invalidation");
    CHECK_EQ_STR(value_of(&p, "entities.type", 2), "problem");
    CHECK_EQ_STR(value_of(&p, "entities.name", 3), "-");
    CHECK_EQ_INT(p.value_count, 69);
    CHECK_EQ_STR(value_of(&p, "area", 0), "database");
    CHECK_EQ_INT(p.stack_count, 3);
    CHECK_NEAR(p.scores[POST_FRESHNESS], 90, 0);
    CHECK(p.reviewed);
    arena_free(&perm);
}

static void check_others(void) {
    arena perm = {0};
    post p;
    CASE("the post without meta box");
    if (read_seed("002_3f691aee7286b7f2", &perm, &p)) {
        CHECK_EQ_STR(text_of(p.id), "002_3f691aee7286b7f2");
        CHECK_EQ_STR(
            text_of(p.title),
            "field notes on choosing cache boundaries for python services: maintenance guide");
        CHECK_EQ_INT(p.value_count, 0);
        CHECK(str_starts(p.body, STR("many teams notice ")));
        CHECK(strstr(text_of(p.body), "\n\nproduction checks\n\nmonitoring should"));
        CHECK(strstr(text_of(p.body),
                     "\n\n- capture the current behavior\n- create a safe backup\n- test"));
        CHECK_EQ_INT(p.scores[POST_DEPTH], 50);
    }
    CASE("the other two");
    if (read_seed("001_7f47631a7f80a107", &perm, &p)) {
        CHECK_EQ_STR(text_of(p.id), "025680");
        CHECK_EQ_STR(value_of(&p, "images.url", 0),
                     "https://picsum.photos/seed/anp-025680/1200/630");
        CHECK_EQ_INT(p.value_count, 57);
    }
    if (read_seed("004_6ae898197e03ae52", &perm, &p)) {
        CHECK_EQ_STR(text_of(p.id), "028315");
        CHECK_EQ_STR(value_of(&p, "images.source", 0), "loremflickr.com");
        CHECK_EQ_INT(p.value_count, 57);
    }
    arena_free(&perm);
}

void test_post_seeds(void) {
    CASE("the five seeds");
    DIR *dir = opendir(SEEDS);
    if (!dir) {
        SKIP("no ../shared/seeds beside this checkout");
    }
    closedir(dir);
    check_9715();
    check_18394();
    check_others();
}
