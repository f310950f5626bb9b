/* See aid.h. Slow and obvious on purpose; shares no code with src/store but its checksum. */
#include "store/aid.h"

#include "base/bytes.h"
#include "base/hash.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#if defined(__linux__)
#include <sched.h>
#include <sys/mount.h>
#endif
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

const char *aid_path(const char *name) {
    static char buffers[8][400];
    static unsigned turn;
    char *path = buffers[turn++ % 8];
    snprintf(path, sizeof buffers[0], "%s/%s", test_folder(), name);
    return path;
}

void aid_remove(const char *path) {
    static const char *const ends[] = {"", "-lock", ".witness"};
    char name[450];
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        snprintf(name, sizeof name, "%s%s", path, ends[i]);
        unlink(name);
    }
}

void aid_create(const char *path) {
    anp_error err = ANP_ERROR_INIT;
    if (!CHECK_EQ_INT(store_create(path, NULL, NULL, &err), ANP_OK)) {
        test_note("%s", err.message);
    }
}

store *aid_open(const char *path, bool writable) {
    anp_error err = ANP_ERROR_INIT;
    store *s = NULL;
    if (!CHECK_EQ_INT(store_open(path, writable, &s, &err), ANP_OK)) {
        test_note("%s", err.message);
    }
    return s;
}

static void print_line(void *user, const char *line) {
    if (*(bool *)user && strncmp(line, "note:", 5) != 0) {
        test_note("%s", line);
    }
}

uint64_t aid_verify(store *s, bool full, bool loud) {
    anp_error err = ANP_ERROR_INIT;
    uint64_t problems = 0;
    if (!CHECK_EQ_INT(store_verify(s, full, print_line, &loud, &problems, &err), ANP_OK)) {
        test_note("%s", err.message);
    }
    return problems;
}

bool aid_copy(const char *from, const char *to) {
    char bytes[1 << 16];
    int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    ssize_t len = 0;
    while (in >= 0 && out >= 0 && (len = read(in, bytes, sizeof bytes)) > 0) {
        if (write(out, bytes, (size_t)len) != len) {
            len = -1;
            break;
        }
    }
    bool done = in >= 0 && out >= 0 && len == 0;
    if (in >= 0) {
        close(in);
    }
    if (out >= 0) {
        close(out);
    }
    return done;
}

uint64_t aid_file_bytes(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 ? (uint64_t)info.st_size : 0;
}

#if defined(__linux__)
bool aid_mount(const char *folder, const char *options) {
    return mkdir(folder, 0755) == 0 && unshare(CLONE_NEWNS) == 0 &&
           mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("tmpfs", folder, "tmpfs", 0, options) == 0;
}
#else
bool aid_mount(const char *folder, const char *options) {
    (void)folder, (void)options;
    return false;
}
#endif

int aid_wait(pid_t child) {
    int status = 0;
    if (waitpid(child, &status, 0) != child) {
        return -1000;
    }
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

/* ---- The twin ------------------------------------------------------------------------------ */

static bool numbered(store_table table) {
    return store_table_infos[table].key_kind == STORE_KEY_U64;
}

static str key_of(store_table table, const store_key *key) {
    return numbered(table) ? str_make((const char *)&key->number, 8) : key->bytes;
}

store_key twin_key(const twin_entry *e) {
    return numbered(e->table) ? store_key_u64(load_u64(e->key))
                              : store_key_bytes(str_make(e->key, e->key_len));
}

static int compare(const twin_entry *e, store_table table, str key) {
    if (e->table != table) {
        return e->table < table ? -1 : 1;
    }
    if (numbered(table)) {
        uint64_t a = load_u64(e->key), b = load_u64(key.data);
        return (a > b) - (a < b);
    }
    return str_compare(str_make(e->key, e->key_len), key);
}

/* The place of the first entry that is not less. */
static size_t place_of(const twin *t, store_table table, str key) {
    size_t low = 0, high = t->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (compare(&t->entries[middle], table, key) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static char *copy_bytes(const char *bytes, size_t len) {
    char *copy = malloc(len + 1);
    if (!copy) {
        abort();
    }
    if (len) {
        memcpy(copy, bytes, len);
    }
    return copy;
}

const twin_entry *twin_find(const twin *t, store_table table, store_key key) {
    str bytes = key_of(table, &key);
    size_t at = place_of(t, table, bytes);
    return at < t->count && compare(&t->entries[at], table, bytes) == 0 ? &t->entries[at] : NULL;
}

void twin_put(twin *t, store_table table, store_key key, str value) {
    str bytes = key_of(table, &key);
    size_t at = place_of(t, table, bytes);
    if (at < t->count && compare(&t->entries[at], table, bytes) == 0) {
        free(t->entries[at].value);
    } else {
        if (t->count == t->capacity) {
            t->capacity = t->capacity * 2 + 64;
            t->entries = realloc(t->entries, t->capacity * sizeof *t->entries);
            if (!t->entries) {
                abort();
            }
        }
        memmove(t->entries + at + 1, t->entries + at, (t->count - at) * sizeof *t->entries);
        t->count++;
        t->entries[at].table = table;
        t->entries[at].key_len = bytes.len;
        memcpy(t->entries[at].key, bytes.data, bytes.len);
    }
    t->entries[at].len = value.len;
    t->entries[at].value = copy_bytes(value.data, value.len);
}

bool twin_delete(twin *t, store_table table, store_key key) {
    str bytes = key_of(table, &key);
    size_t at = place_of(t, table, bytes);
    if (at >= t->count || compare(&t->entries[at], table, bytes) != 0) {
        return false;
    }
    free(t->entries[at].value);
    t->count--;
    memmove(t->entries + at, t->entries + at + 1, (t->count - at) * sizeof *t->entries);
    return true;
}

twin twin_copy(const twin *t) {
    twin copy = {malloc((t->count + 1) * sizeof *t->entries), t->count, t->count + 1};
    if (!copy.entries) {
        abort();
    }
    for (size_t i = 0; i < t->count; i++) {
        copy.entries[i] = t->entries[i];
        copy.entries[i].value = copy_bytes(t->entries[i].value, t->entries[i].len);
    }
    return copy;
}

void twin_free(twin *t) {
    for (size_t i = 0; i < t->count; i++) {
        free(t->entries[i].value);
    }
    free(t->entries);
    *t = (twin){0};
}

/* The checksum, as schema.h and checksum.h define it in words. */
static uint64_t checksum(store_table table, str key, str value) {
    uint64_t seed = hash64_seed(key.data, key.len, ((uint64_t)table << 56) ^ value.len);
    return hash64_seed(value.data, value.len, seed);
}

void twin_tally(const twin *t, store_table table, uint64_t *entries, uint64_t *set_hash) {
    *entries = *set_hash = 0;
    for (size_t i = 0; i < t->count; i++) {
        const twin_entry *e = &t->entries[i];
        if (e->table == table) {
            ++*entries;
            *set_hash += checksum(table, str_make(e->key, e->key_len), str_make(e->value, e->len));
        }
    }
    if (table == STORE_META) {
        uint32_t version = STORE_FORMAT_VERSION;
        ++*entries;
        *set_hash += checksum(table, STR("format"), str_make((const char *)&version, 4));
    }
}

static bool differs(const char *what, store_table table, str key) {
    if (numbered(table)) {
        test_note("%s: table %s, key %llu", what, store_table_infos[table].name,
                  (unsigned long long)load_u64(key.data));
    } else {
        test_note("%s: table %s, key '%.*s'", what, store_table_infos[table].name, (int)key.len,
                  key.data);
    }
    return false;
}

static bool own_record(store_table table, str key) {
    return table == STORE_META && (str_equal(key, STR("format")) || str_equal(key, STR("tables")));
}

static bool same_table(store_txn *txn, const twin *t, store_table table) {
    store_cursor *cursor;
    store_key key = numbered(table) ? store_key_u64(0) : store_key_bytes((str){0});
    str value;
    size_t at = place_of(t, table, numbered(table) ? str_make("\0\0\0\0\0\0\0", 8) : (str){0});
    if (store_cursor_open(txn, table, &cursor, NULL) != ANP_OK) {
        return differs("no cursor", table, STR("????????"));
    }
    anp_status status = store_seek(cursor, key, &key, &value, NULL);
    bool same = true;
    for (; same && status == ANP_OK; status = store_next(cursor, &key, &value, NULL)) {
        str bytes = key_of(table, &key);
        if (own_record(table, bytes)) {
            continue;
        }
        if (at >= t->count || compare(&t->entries[at], table, bytes) != 0) {
            same = differs("not in the twin", table, bytes);
        } else if (!str_equal(value, str_make(t->entries[at].value, t->entries[at].len))) {
            same = differs("other value", table, bytes);
        }
        at++;
    }
    store_cursor_close(cursor);
    if (same && status != ANP_NOT_FOUND) {
        test_note("the cursor ended with status %d", status);
        return false;
    }
    if (same && at < t->count && t->entries[at].table == table) {
        return differs("missing", table, str_make(t->entries[at].key, t->entries[at].key_len));
    }
    return same;
}

/* The entry's own key, and one that is a little less and not there, both lead to the entry. */
static bool reached(store_txn *txn, const twin *t, size_t i) {
    const twin_entry *e = &t->entries[i], *before = i ? e - 1 : NULL;
    store_key key = twin_key(e), found;
    str value, want = str_make(e->value, e->len), bytes = str_make(e->key, e->key_len);
    if (store_get_at_least(txn, e->table, key, &found, &value, NULL) != ANP_OK ||
        !str_equal(key_of(e->table, &found), bytes) || !str_equal(value, want)) {
        return differs("get_at_least differs", e->table, bytes);
    }
    bool least = numbered(e->table) ? key.number == 0 : key.bytes.len == 1;
    if (numbered(e->table)) {
        key.number--;
    } else {
        key.bytes.len--;
    }
    str less = key_of(e->table, &key);
    if (least || e->table == STORE_META || /* which has records of its own in between */
        (before && before->table == e->table && compare(before, e->table, less) >= 0)) {
        return true;
    }
    if (store_get_at_least(txn, e->table, key, &found, &value, NULL) != ANP_OK ||
        !str_equal(key_of(e->table, &found), bytes) || !str_equal(value, want)) {
        return differs("get_at_least of a lesser key differs", e->table, bytes);
    }
    return true;
}

bool aid_same(store_txn *txn, const twin *t) {
    for (int table = 0; table < STORE_TABLES; table++) {
        if (!same_table(txn, t, (store_table)table)) {
            return false;
        }
    }
    for (size_t i = 0; i < t->count; i++) {
        const twin_entry *e = &t->entries[i];
        str value;
        if (store_get(txn, e->table, twin_key(e), &value, NULL) != ANP_OK ||
            !str_equal(value, str_make(e->value, e->len))) {
            return differs("get differs", e->table, str_make(e->key, e->key_len));
        }
        if (!reached(txn, t, i)) {
            return false;
        }
    }
    return true;
}
