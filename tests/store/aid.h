/*
 * What the store's tests share: a twin of the store (a sorted array of entries that is copied for
 * each transaction), and helpers for paths, files and children.
 */
#ifndef ANP_TESTS_STORE_AID_H
#define ANP_TESTS_STORE_AID_H

#include "base/prng.h"
#include "store/store.h"
#include "test.h"

#include <sys/types.h>

/* A path in the test's folder; kept in one of eight buffers that take turns. */
const char *aid_path(const char *name);

/* Removes an index and what lies beside it. */
void aid_remove(const char *path);

/* Makes an index without records of its own and checks that it went well. */
void aid_create(const char *path);

/* Opens and checks that it went well; NULL when not. */
store *aid_open(const char *path, bool writable);

/* How many problems verify finds; prints their lines, notes apart, when `loud`. */
uint64_t aid_verify(store *s, bool full, bool loud);

bool aid_copy(const char *from, const char *to);
uint64_t aid_file_bytes(const char *path);

/*
 * Mounts a tmpfs that only this process and its children see and that ends with them; false when
 * that cannot be.
 */
bool aid_mount(const char *folder, const char *options);

/* Waits for a child: its exit status, or -signal. */
int aid_wait(pid_t child);

/* ---- The twin ------------------------------------------------------------------------------ */

typedef struct twin_entry {
    store_table table;
    size_t key_len;
    char key[520];
    size_t len;
    char *value;
} twin_entry;

typedef struct twin {
    twin_entry *entries; /* by table, then key */
    size_t count;
    size_t capacity;
} twin;

void twin_put(twin *t, store_table table, store_key key, str value);
bool twin_delete(twin *t, store_table table, store_key key);
const twin_entry *twin_find(const twin *t, store_table table, store_key key);
twin twin_copy(const twin *t);
void twin_free(twin *t);

/*
 * What the record "tables" must say, worked out from scratch: meta's own row leaves out the record,
 * not the format.
 */
void twin_tally(const twin *t, store_table table, uint64_t *entries, uint64_t *set_hash);

/*
 * How a store differs from the twin; tells the first difference. Reads every entry by get and by
 * cursor.
 */
bool aid_same(store_txn *txn, const twin *t);

store_key twin_key(const twin_entry *e);

#endif
