/*
 * SQLite's FTS5 as a peer: one contentless table, our own tokenizer in it, `optimize` at the end.
 *
 * Its own bm25(): its idf is ln((N - df + 0.5) / (df + 0.5)), at least 1e-6, and a phrase is one
 * unit, so the order of hits differs from the others' where a word is frequent. "+a b" (b only
 * ranks) cannot be said in its language.
 */
#include "../../driver.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 10000, SQL_BYTES = 1 << 16 };

static sqlite3 *db;
static sqlite3_stmt *insert_text, *insert_id, *ask_count, *ask_top, *ask_id;
static long long documents;

static void must(int status, const char *what) {
    if (status != SQLITE_OK && status != SQLITE_DONE && status != SQLITE_ROW)
        give_up(what, sqlite3_errmsg(db));
}

static void run(const char *sql) {
    must(sqlite3_exec(db, sql, NULL, NULL, NULL), sql);
}

static sqlite3_stmt *prepare(const char *sql) {
    sqlite3_stmt *statement;
    must(sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL), sql);
    return statement;
}

/* ---- The tokenizer ------------------------------------------------------------------------- */

typedef struct tokens {
    void *context;
    int (*emit)(void *, int, const char *, int, int, int);
    int status;
} tokens;

static bool emit(void *user, const word *w) {
    tokens *t = user;
    t->status = t->emit(t->context, 0, w->term, (int)w->term_len, (int)w->start, (int)w->end);
    return t->status == SQLITE_OK;
}

static int tokenize(Fts5Tokenizer *self, void *context, int flags, const char *text, int len,
                    int (*token)(void *, int, const char *, int, int, int)) {
    (void)self, (void)flags;
    tokens t = {context, token, SQLITE_OK};
    words_visit(text, (size_t)len, emit, &t);
    return t.status;
}

static int tokenizer_new(void *user, const char **words, int count, Fts5Tokenizer **out) {
    (void)user, (void)words, (void)count;
    static int one;
    *out = (Fts5Tokenizer *)&one;
    return SQLITE_OK;
}

static void tokenizer_delete(Fts5Tokenizer *self) {
    (void)self;
}

static void open_db(const char *folder, int flags) {
    char path[4096];
    snprintf(path, sizeof path, "%s/fts5.db", folder);
    must(sqlite3_open_v2(path, &db, flags | SQLITE_OPEN_NOMUTEX, NULL), path);
    fts5_api *api = NULL;
    sqlite3_stmt *get = prepare("select fts5(?1)");
    must(sqlite3_bind_pointer(get, 1, &api, "fts5_api_ptr", NULL), "fts5");
    must(sqlite3_step(get), "fts5");
    sqlite3_finalize(get);
    if (!api) give_up("fts5", "is not in this SQLite");
    fts5_tokenizer plain = {tokenizer_new, tokenizer_delete, tokenize};
    must(api->xCreateTokenizer(api, "plain", NULL, &plain, NULL), "tokenizer");
    run("pragma cache_size = -1000000; pragma mmap_size = 68719476736");
}

/* ---- Building ------------------------------------------------------------------------------ */

static void create(const char *folder) {
    open_db(folder, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    run("pragma journal_mode = off; pragma synchronous = off;"
        "create virtual table posts using fts5(text, content = '', tokenize = 'plain');"
        "create table ids(ordinal integer primary key, id text); begin");
    insert_text = prepare("insert into posts(rowid, text) values(?1, ?2)");
    insert_id = prepare("insert into ids values(?1, ?2)");
}

static void add(const char *id, const char *text, size_t len) {
    documents++;
    sqlite3_bind_int64(insert_text, 1, documents);
    sqlite3_bind_text(insert_text, 2, text, (int)len, SQLITE_STATIC);
    must(sqlite3_step(insert_text), "insert");
    sqlite3_reset(insert_text);
    sqlite3_bind_int64(insert_id, 1, documents);
    sqlite3_bind_text(insert_id, 2, id, -1, SQLITE_STATIC);
    must(sqlite3_step(insert_id), "insert");
    sqlite3_reset(insert_id);
}

static void commit(void) {
    run("commit");
}

static void merge(void) {
    sqlite3_finalize(insert_text), sqlite3_finalize(insert_id);
    run("insert into posts(posts) values('optimize'); vacuum");
    must(sqlite3_close(db), "close");
}

/* ---- Asking -------------------------------------------------------------------------------- */

static void open_folder(const char *folder) {
    open_db(folder, SQLITE_OPEN_READONLY);
    ask_count = prepare("select count(*) from posts where posts match ?1");
    ask_top = prepare("select rowid, rank from posts where posts match ?1 order by rank limit ?2");
    ask_id = prepare("select id from ids where ordinal = ?1");
}

/* The clauses of one need, joined; false when there are none. */
static bool join(const parsed *q, need which, const char *between, char **at) {
    bool any = false;
    for (size_t i = 0; i < q->count; i++) {
        const clause *c = &q->clauses[i];
        if (c->need != which) continue;
        *at += sprintf(*at, "%s\"", any ? between : "(");
        for (size_t w = 0; w < c->count; w++) *at += sprintf(*at, w ? " %s" : "%s", c->folded[w]);
        *at += sprintf(*at, "\"");
        any = true;
    }
    if (any) *at += sprintf(*at, ")");
    return any;
}

static const char *expression(const parsed *q) {
    static char sql[SQL_BYTES];
    char *at = sql;
    if (q->of[NEED_MUST] && q->of[NEED_SHOULD]) return NULL;
    if (!q->of[NEED_MUST] && !q->of[NEED_SHOULD]) return NULL;
    if (!join(q, NEED_MUST, " AND ", &at)) join(q, NEED_SHOULD, " OR ", &at);
    if (q->of[NEED_NOT]) {
        at += sprintf(at, " NOT ");
        join(q, NEED_NOT, " OR ", &at);
    }
    return sql;
}

static void name_hit(hit *h, long long ordinal) {
    sqlite3_bind_int64(ask_id, 1, ordinal);
    must(sqlite3_step(ask_id), "id");
    snprintf(h->id, sizeof h->id, "%s", (const char *)sqlite3_column_text(ask_id, 0));
    sqlite3_reset(ask_id);
}

static void ask(const parsed *q, const command *c, bool ids, answer *out) {
    const char *match = expression(q);
    out->total = match ? 0 : -1;
    out->count = 0;
    if (!match) return;
    if (c->k) {
        sqlite3_bind_text(ask_top, 1, match, -1, SQLITE_STATIC);
        sqlite3_bind_int64(ask_top, 2, (long long)c->k);
        int status;
        while ((status = sqlite3_step(ask_top)) == SQLITE_ROW) {
            hit *h = &out->hits[out->count++];
            h->score = -sqlite3_column_double(ask_top, 1);
            if (ids) name_hit(h, sqlite3_column_int64(ask_top, 0));
        }
        must(status, match);
        sqlite3_reset(ask_top);
    }
    if (c->counts) {
        sqlite3_bind_text(ask_count, 1, match, -1, SQLITE_STATIC);
        must(sqlite3_step(ask_count), match);
        out->total = sqlite3_column_int64(ask_count, 0);
        sqlite3_reset(ask_count);
    }
}

int main(int argc, char **argv) {
    static char name[64];
    snprintf(name, sizeof name, "SQLite %s FTS5", sqlite3_libversion());
    peer sqlite = {name, create, add, commit, merge, open_folder, ask};
    return peer_main(&sqlite, argc, argv);
}
