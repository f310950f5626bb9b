/*
 * What the files of this room share: the insides of store.h's handles, and the registry. Nobody
 * else includes it.
 */
#ifndef ANP_STORE_ENVIRONMENT_H
#define ANP_STORE_ENVIRONMENT_H

#include "store/checksum.h"
#include "store/store.h"
#include "store/tree.h"
#include "store/witness.h"

#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#define STORE_FORMAT_KEY "format" /* in meta: u32 STORE_FORMAT_VERSION */
#define STORE_TALLY_KEY "tables"  /* in meta: see schema.h */

/* A row of the record "tables". */
typedef struct store_tally {
    uint64_t entries;
    uint64_t set_hash;
} store_tally;

struct store {
    store *next; /* in the registry */
    unsigned references;
    _Atomic dev_t device;
    _Atomic ino_t inode;
    pid_t pid; /* that opened it: LMDB must not be used across fork */
    bool writable;
    char *path;     /* resolved, so that every name of the file has the same lock and witness */
    int fd;         /* of the index, read-only; for the header and the size */
    int witness_fd; /* -1 until the first write */
    MDB_env *env;
    MDB_dbi dbis[STORE_TABLES]; /* of a writable one */
    uint32_t page_bytes;
    checksum_seen *seen;

    /*
     * Our own map of the file, as large as LMDB's: what tree.h reads. Both move together, see
     * map.c.
     */
    const uint8_t *map;
    size_t map_bytes;
    _Atomic uint64_t file_pages; /* the file has at least as many */

    _Atomic bool held_back;   /* by snapshots of others: readers.c; by the last write */
    _Atomic uint64_t holder;  /* the oldest snapshot that was waited for, */
    _Atomic unsigned waits;   /* and how often */

    _Atomic uint32_t read_on; /* values, by store_read_on */
    _Atomic uint64_t others_bytes; /* resident, of mapped files, when none was of this one */

    _Atomic uint64_t generation; /* grows when another file took this one's place */

    pthread_mutex_t mutex; /* of what follows */
    pthread_cond_t changed;
    unsigned active; /* transactions, and calls that begin one */
    bool moving;     /* the map: none may begin */
    bool following;  /* likewise, but for the thread that follows to the new file (replace.c) */
    pthread_t follower;
    bool lost;       /* the map could not be made again: whoever begins tries */
    bool writing;
    pthread_t writer;
};

struct store_txn {
    store *store;
    MDB_txn *mdb;
    bool write;
    bool dirty;  /* something to commit */
    bool failed; /* a write went wrong: it cannot be committed */
    uint64_t number;
    tree_view view; /* of the commit that it began with */
    page_meta meta; /* the same */
    page_tree trees[STORE_TABLES];
    bool tree_known[STORE_TABLES];
    bool written[STORE_TABLES];        /* differs from the view: read it through LMDB */
    store_tally tallies[STORE_TABLES]; /* of a write transaction */
};

/*
 * The library's only global: the open files of this process, one for each (device, inode). LMDB,
 * opened twice in one process, loses its locks at the first close. The hooks are for tests alone
 * and empty otherwise.
 */
struct store_registry {
    pthread_mutex_t mutex;
    store *first;
    size_t hook_map_bytes; /* not 0: the map's size */
    void (*hook_step)(
        void *user,
        const char *step); /* called between the steps of store_create and store_commit */
    void *hook_user;
};
extern struct store_registry store_registry;

static inline void environment_step(const char *step) {
    if (store_registry.hook_step) {
        store_registry.hook_step(store_registry.hook_user, step);
    }
}

/* environment.c */

enum { ENVIRONMENT_PRIVATE = 1 /* a file that nobody else knows yet: no lock file */ };

/* Takes over path and fd when it succeeds; NULL when memory is out. */
store *environment_new(char *path, int fd, bool writable);

/* Opens LMDB and the maps on the file behind s->fd. */
anp_status environment_start(store *s, unsigned flags, uint64_t file_bytes, anp_error *err);

/* Closes and frees all of it, also what was only begun. */
void environment_stop(store *s);

/*
 * Closes the file and opens the one that the path names now: after a replacement (replace.c). Waits
 * a while for the process's transactions to end, else ANP_BUSY. The caller has none.
 */
anp_status environment_follow(store *s, anp_error *err);
anp_status environment_check_pid(const store *s, anp_error *err);

/*
 * After a write of LMDB's meta page has failed LMDB serves nobody any more: it is closed and opened
 * again, as in following. The caller's own transaction must not be active; ANP_IO when others do
 * not end.
 */
anp_status environment_renew(store *s, anp_error *err);

/* The whole path of a file: its folder resolved; the file itself too when it exists. malloc'd. */
anp_status environment_resolve(const char *path, bool exists, char **out, anp_error *err);

/* ANP_IO on network file systems, where locks and maps are not kept in step between machines. */
anp_status environment_check_medium(int fd, const char *path, anp_error *err);

/* create.c: a file in a temporary name beside the one that it will have */

typedef struct making {
    char *path;     /* whole */
    char *temp;     /* beside it */
    int folder;     /* fd */
    int fd;         /* of temp; holds the flock */
    page_meta meta; /* of the commit that was made */
} making;

/*
 * Makes temp for m->path (which the caller sets, with both fds -1), and removes what killed makers
 * left. ANP_BUSY when m->path must be `absent` and is not.
 */
anp_status making_begin(making *m, bool absent, anp_error *err);

/* Gives it its name, durably: ANP_BUSY, and nothing is overwritten, when that is taken. */
anp_status making_publish(making *m, anp_error *err);

/* Writes the witness of m->meta. */
void making_witness(const making *m);

/* Closes and frees; removes the file unless it was published. */
void making_end(making *m, bool published);

/* map.c */

/* What to try first; the caller halves it while memory for it is refused, down to map_least. */
size_t map_first(uint64_t file_bytes);
size_t map_least(uint64_t file_bytes);
int map_make(store *s); /* 0 or an errno */
void map_drop(store *s);

/*
 * Makes both maps larger, after another process has made the file so. The caller's own transaction
 * must not be active.
 */
anp_status map_grow(store *s, anp_error *err);

/*
 * Takes `moving`, with the mutex locked, when no transaction is active; ANP_BUSY when they do not
 * end. *by_other: another thread had it, and it is done.
 */
anp_status map_hold(store *s, bool *by_other, anp_error *err);

/* verify.c */

/*
 * Reads a finished file that is no index yet back from its disk and checks all of it, as
 * store_verify does in full, against the tables' counts and set-hashes as they were put. ANP_IO
 * when it is not what was written. `path` is for the messages.
 */
anp_status verify_file(const char *path, int fd, const page_meta *meta,
                       const store_tally tallies[STORE_TABLES], anp_error *err);

/* replace.c */

/* Whether the path names another file than the one that is open. */
bool replace_path_differs(const store *s);

/* The same, and it took our file's place by replace_begin: go there by environment_follow. */
bool replace_noticed(const store *s);

/*
 * Whether the file that a write transaction belongs to was replaced; takes the last steps of that
 * if they are due.
 */
anp_status replace_check(store_txn *txn, bool *replaced, anp_error *err);

/*
 * Puts the finished file `temp`, whose newest meta page is given, in the place of the one that txn
 * (which has changed nothing) writes to; ends txn.
 */
anp_status replace_begin(const char *temp, const page_meta *meta, store_txn *txn, anp_error *err);

/* fail.c: an LMDB or system code as a status. `what` completes "cannot …". */
anp_status store_fail(const store *s, int code, const char *what, anp_error *err);

/* Damage that the tree reader found in a table. */
anp_status store_fault(const store *s, const char *table, const tree_fault *fault, anp_error *err);

/* readers.c */

/* The number of the oldest commit that a snapshot of any process shows; UINT64_MAX: none. */
uint64_t readers_oldest(const store *s);

/* Whether the next commit should wait for readers, by the two newest meta pages and the pages in
   use. */
bool readers_hold_back(const page_meta *newest, const page_meta *before, uint64_t used_pages);

/* Waits for them, a bounded time. Between transactions; counted in `active`. */
void readers_wait(store *s);

/* txn.c */

/* The first transaction of a new file: makes every table. */
anp_status txn_begin_first(store *s, store_txn **out, anp_error *err);

/* One try to begin a write; *replaced: then there is no transaction, the file was replaced. */
anp_status txn_try_write(store *s, store_txn **out, bool *replaced, anp_error *err);

/* Commits without the witness; frees txn. */
anp_status txn_commit(store_txn *txn, anp_error *err);

/*
 * Opens LMDB's handles of all tables for the life of the environment, and ends the (read)
 * transaction.
 */
anp_status txn_keep_tables(store_txn *txn, anp_error *err);

/*
 * The tree of a table as the transaction found it; ANP_NOT_FOUND (no error text) when there is no
 * such table.
 */
anp_status txn_tree(store_txn *txn, store_table table, const page_tree **out, anp_error *err);

/*
 * The meta page of a commit that is complete, whole, from the map; false when a later one is there
 * or on its way.
 */
bool txn_meta(const store *s, uint64_t number, page_meta *out);

/*
 * ANP_CORRUPT when the header joins parts of two commits, as a torn write of it would leave it: the
 * record "tables" and the newest entry of the free list must both be of its own.
 */
anp_status txn_check_header(store_txn *txn, anp_error *err);

/* table.c */

/* Puts the records of meta that belong to the store; not counted for STORE_TALLY_KEY. */
anp_status table_put_own(store_txn *txn, str key, str payload, anp_error *err);

enum { TALLY_RECORD_BYTES = 8 + STORE_TABLES * (int)sizeof(store_tally) };

/* The record as bytes. */
void table_write_tallies(uint64_t commit, const store_tally tallies[STORE_TABLES],
                         uint8_t out[TALLY_RECORD_BYTES]);

/*
 * The record "tables". ANP_CORRUPT also when it is whole but of another commit than the
 * transaction's: *torn tells (may be NULL).
 */
anp_status table_read_tallies(store_txn *txn, store_tally out[STORE_TABLES], bool *torn,
                              anp_error *err);

/* The tree of a table that every index has; ANP_CORRUPT when it is missing. */
anp_status table_tree(store_txn *txn, store_table table, const page_tree **out, anp_error *err);

/* A write that failed half-way, with LMDB's code or an errno, must not be committed. */
anp_status table_fail_write(store_txn *txn, int code, const char *what, anp_error *err);
/* Whether the transaction may write. */
anp_status table_check_write(const store_txn *txn, anp_error *err);

/*
 * Checks a raw value that was found under key; `viewed`: through the transaction's view, not LMDB.
 */
anp_status table_check_value(store_txn *txn, store_table table, str key, str raw, bool viewed,
                             str *payload, anp_error *err);

/*
 * Whether a value from LMDB lies whole in its pages: a damaged length must not lead us out of them.
 */
bool table_value_fits(const store_txn *txn, const MDB_val *value);

/* The key's bytes, as they stand in the file; they live as long as *key. */
static inline str table_key_bytes(store_table table, const store_key *key) {
    return store_table_infos[table].key_kind == STORE_KEY_U64
               ? str_make((const char *)&key->number, sizeof key->number)
               : key->bytes;
}

#endif
