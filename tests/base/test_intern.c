/* Interning against a list that is searched from its front. */
#include "base/intern.h"
#include "base/prng.h"
#include "test.h"

enum { STEPS = 12000, KEYS_MAX = 2000, KEY_BYTES = 5 };

/* Short keys of few letters, the empty one and zero bytes among them, so that most come again. */
static str random_key(prng *p, char *room) {
    size_t len = prng_below(p, KEY_BYTES + 1);
    for (size_t i = 0; i < len; i++) {
        room[i] = "\0abc\xff"[prng_below(p, 5)];
    }
    return str_make(len ? room : NULL, len);
}

typedef struct twin {
    char bytes[KEYS_MAX][KEY_BYTES];
    size_t lens[KEYS_MAX];
    uint32_t count;
} twin;

static uint32_t twin_find(const twin *t, str key) {
    for (uint32_t i = 0; i < t->count; i++) {
        if (t->lens[i] == key.len && (!key.len || memcmp(t->bytes[i], key.data, key.len) == 0)) {
            return i;
        }
    }
    return INTERN_NONE;
}

/* The long way, whose fetches change nothing. */
static uint32_t add_hashed(intern *table, str key, bool *is_new) {
    uint32_t hash = intern_hash(key);
    intern_fetch_slot(table, hash);
    intern_fetch_key(table, hash);
    intern_fetch_bytes(table, hash);
    return intern_add_hashed(table, key, hash, is_new);
}

static void against_twin(uint64_t seed) {
    static twin t;
    prng p = {seed};
    intern table = {0};
    t.count = 0;
    for (int step = 0; step < STEPS; step++) {
        char room[KEY_BYTES];
        str key = random_key(&p, room);
        uint32_t expected = twin_find(&t, key);
        bool is_new = true, good = CHECK_EQ_INT(intern_find(&table, key), expected);
        if (expected != INTERN_NONE || (t.count < KEYS_MAX && prng_below(&p, 2))) {
            bool add = expected == INTERN_NONE;
            expected = add ? t.count : expected;
            bool *tells = step % 3 ? &is_new : NULL;
            uint32_t number = step % 2 ? add_hashed(&table, key, tells)
                                       : intern_add(&table, key, tells);
            good = CHECK_EQ_INT(number, expected) &&
                   CHECK(step % 3 == 0 || is_new == add) && good;
            if (add) {
                t.lens[t.count] = key.len;
                memcpy(t.bytes[t.count++], room, key.len);
            }
        }
        if (!good) {
            test_note("seed %llu, step %d", (unsigned long long)seed, step);
            break;
        }
        memset(room, 'x', sizeof room); /* the table must have its own copy */
    }
    CHECK_EQ_INT(table.count, t.count);
    for (uint32_t i = 0; i < t.count && i < table.count; i++) {
        CHECK(str_equal(table.keys[i], str_make(t.bytes[i], t.lens[i])));
    }
    intern_free(&table);
    CHECK_EQ_INT(table.count, 0);
}

/* Well past several doublings of slots and keys. */
static void many(void) {
    enum { MANY = 50000 };
    intern table = {0};
    for (uint32_t i = 0; i < MANY; i++) {
        CHECK_EQ_INT(intern_add(&table, str_make((const char *)&i, sizeof i), NULL), i);
    }
    for (uint32_t i = 0; i < MANY; i += 7) {
        CHECK_EQ_INT(intern_find(&table, str_make((const char *)&i, sizeof i)), i);
    }
    uint32_t absent = MANY;
    CHECK(intern_find(&table, str_make((const char *)&absent, sizeof absent)) == INTERN_NONE);
    intern_free(&table);
}

void test_base_intern(void) {
    CASE("numbers in order of first appearance, as a list gives them");
    for (uint64_t seed = 1; seed <= 4; seed++) {
        against_twin(seed);
    }
    CASE("an empty table holds nothing");
    intern empty = {0};
    CHECK(intern_find(&empty, STR("a")) == INTERN_NONE);
    CHECK(intern_find(&empty, (str){NULL, 0}) == INTERN_NONE);
    intern_free(&empty);
    CASE("numbers survive growth");
    many();
}
