/*
 * See lexicon.h. Forms of up to 16 bytes are compared as two registers inside their slot, in one
 * cache line with all that is known of them; longer ones are interned.
 */
#include "text/lexicon.h"

#include "base/bytes.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/intern.h"
#include "text/word.h"

#include <sys/mman.h>

enum {
    KEY_BYTES_MAX = 16,
    SLOTS_AT_FIRST = 1 << 12,
    FORMS_FULL = 1 << 19, /* of them the slots take 32 MB, the rest some 20 MB */
    SCRATCH_BYTES = 4096,
    HUGE_PAGE_BYTES = 2 << 20,
    CUTS = 128, /* forms that are looked up at a time, so that the cache's misses overlap */
};

/* What becomes of a form. */
typedef struct meaning {
    uint64_t hash;
    uint32_t word; /* NO_WORD: it folds to nothing and takes no position */
} meaning;

#define NO_WORD UINT32_MAX

typedef struct slot {
    uint64_t key[KEY_BYTES_MAX / 8];
    uint32_t tag; /* length, shape and number of parts; 0: free */
    uint32_t word;
    uint64_t hash;
} slot;

_Static_assert(sizeof(slot) == 32, "two slots a cache line");

struct lexicon {
    analyzer *analyzer;
    lexicon_holds holds;
    slot *slots;
    size_t mask;
    size_t used;
    VEC(uint32_t) lists;
    intern terms;
    intern long_forms;
    VEC(meaning) long_meanings; /* by number of a long form */
    VEC(uint32_t) long_tags;
    arena scratch;
    arena_mark start;
};

/*
 * Cleared slots. A large table is read at random: with pages of 2 MB, where the system gives them,
 * a look-up does not miss the cache twice. The system clears them: 64 MB less to write.
 */
static slot *new_slots(size_t count) {
    size_t bytes = count * sizeof(slot);
    if (bytes < HUGE_PAGE_BYTES) {
        return calloc(count, sizeof(slot));
    }
    void *slots = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (slots == MAP_FAILED) {
        return NULL;
    }
#if defined(MADV_HUGEPAGE)
    madvise(slots, bytes, MADV_HUGEPAGE); /* no matter if it is refused */
#endif
    return slots;
}

static void free_slots(slot *slots, size_t count) {
    if (slots && count * sizeof(slot) >= HUGE_PAGE_BYTES) {
        munmap(slots, count * sizeof(slot));
    } else {
        free(slots);
    }
}

static bool clear(lexicon *l) {
    free_slots(l->slots, l->mask + 1);
    l->slots = new_slots(SLOTS_AT_FIRST);
    l->mask = SLOTS_AT_FIRST - 1;
    l->used = 0;
    l->lists.count = l->long_meanings.count = l->long_tags.count = 0;
    intern_free(&l->terms);
    intern_free(&l->long_forms);
    return l->slots != NULL;
}

lexicon *lexicon_open(analyzer *a, lexicon_holds holds) {
    lexicon *l = calloc(1, sizeof *l);
    if (!l) {
        return NULL;
    }
    l->analyzer = a;
    l->holds = holds;
    if (!clear(l) || !arena_alloc(&l->scratch, SCRATCH_BYTES)) {
        lexicon_close(l);
        return NULL;
    }
    l->start = (arena_mark){l->scratch.head, 0};
    return l;
}

void lexicon_close(lexicon *l) {
    if (l) {
        free_slots(l->slots, l->mask + 1);
        free(l->lists.items);
        free(l->long_meanings.items);
        free(l->long_tags.items);
        intern_free(&l->terms);
        intern_free(&l->long_forms);
        arena_free(&l->scratch);
        free(l);
    }
}

void lexicon_clear(lexicon *l) {
    clear(l); /* without memory the next lexicon_read says so */
}

bool lexicon_full(const lexicon *l) {
    return l->used + l->long_forms.count > FORMS_FULL;
}

void lexicon_text_free(lexicon_text *text) {
    free(text->words);
    free(text->hashes);
    *text = (lexicon_text){0};
}

const uint32_t *lexicon_lists(const lexicon *l) {
    return l->lists.items;
}

uint32_t lexicon_term_count(const lexicon *l) {
    return l->terms.count;
}

str lexicon_term(const lexicon *l, uint32_t term) {
    return l->terms.keys[term];
}

/* ---- A form met for the first time --------------------------------------------------------- */

static anp_status add_terms(lexicon *l, const text_token *tokens, size_t count, uint32_t *word,
                            anp_error *err) {
    uint32_t list = (uint32_t)l->lists.count;
    *word = NO_WORD;
    if (list >= LEXICON_LIST - count - 1 || (count > 1 && !vec_push(&l->lists, (uint32_t)count))) {
        return error_nomem(err, "a lexicon");
    }
    for (size_t i = 0; i < count; i++) {
        uint32_t term = intern_add(&l->terms, tokens[i].term, NULL);
        if (term >= LEXICON_LIST || (count > 1 && !vec_push(&l->lists, term))) {
            return error_nomem(err, "a lexicon");
        }
        *word = count == 1 ? term : LEXICON_LIST | list;
    }
    return ANP_OK;
}

static uint64_t hash_of(str folded) {
    return hash64(folded.data, folded.len);
}

/* The terms of a word are distinct: the analyzer gives none twice. */
static anp_status add_meaning(lexicon *l, str text, const text_word *form, meaning *out,
                              anp_error *err) {
    const text_token *tokens;
    size_t count;
    TRY(analyzer_tokens(l->analyzer, text, form, &l->scratch, &tokens, &count, err));
    TRY(add_terms(l, tokens, count, &out->word, err));
    out->hash = count && l->holds == LEXICON_BOTH ? hash_of(tokens[0].folded) : 0;
    return ANP_OK;
}

static anp_status add_hash(lexicon *l, str text, const text_word *form, meaning *out,
                           anp_error *err) {
    str folded;
    if (!analyzer_folded(l->analyzer, text, form, &l->scratch, &folded)) {
        return error_nomem(err, "a lexicon");
    }
    *out = folded.len ? (meaning){hash_of(folded), 0} : (meaning){0, NO_WORD};
    return ANP_OK;
}

static anp_status add_form(lexicon *l, str text, const text_word *form, meaning *out,
                           anp_error *err) {
    anp_status status = l->holds == LEXICON_HASHES ? add_hash(l, text, form, out, err)
                                                   : add_meaning(l, text, form, out, err);
    arena_rewind(&l->scratch, l->start);
    return status;
}

/* ---- Looking up ---------------------------------------------------------------------------- */

/* From KEY_BYTES_MAX - len on, the mask of the first len bytes of a key. */
static const uint8_t KEY_MASKS[2 * KEY_BYTES_MAX] = {[0 ... KEY_BYTES_MAX - 1] = 0xff};

/* The form's bytes in two registers, zero-padded. Where the text goes on for as many they are
   loaded whole and cut: no branch on the form's length, which no processor guesses. */
static inline void load_key(str text, size_t start, size_t len, uint64_t key[2]) {
    char copy[KEY_BYTES_MAX] = {0};
    const char *p = text.data + start;
    if (text.len - start < KEY_BYTES_MAX) {
        memcpy(copy, p, len);
        p = copy;
    }
    const uint8_t *mask = KEY_MASKS + KEY_BYTES_MAX - len;
    key[0] = load_u64(p) & load_u64(mask);
    key[1] = load_u64(p + 8) & load_u64(mask + 8);
}

/* Each bit of the form has a say in the lower ones, which are all that is used. */
static inline size_t place_of(const uint64_t key[2], uint32_t tag) {
    uint64_t x = key[0] ^ key[1] * 0x9e3779b97f4a7c15u ^ tag;
    x ^= x >> 32;
    x *= 0xbf58476d1ce4e5b9u;
    return (size_t)(x ^ x >> 29);
}

/* The form's slot, or the free one where it belongs. */
static inline slot *probe(slot *slots, size_t mask, size_t place, const uint64_t key[2],
                          uint32_t tag) {
    for (size_t at = place & mask;; at = (at + 1) & mask) {
        slot *s = &slots[at];
        if (s->tag == 0 || (s->tag == tag && s->key[0] == key[0] && s->key[1] == key[1])) {
            return s;
        }
    }
}

static bool grow(lexicon *l) {
    size_t mask = l->mask * 4 + 3;
    slot *grown = new_slots(mask + 1);
    if (!grown) {
        return false;
    }
    for (size_t i = 0; i <= l->mask; i++) {
        if (l->slots[i].tag) {
            slot old = l->slots[i];
            *probe(grown, mask, place_of(old.key, old.tag), old.key, old.tag) = old;
        }
    }
    free_slots(l->slots, l->mask + 1);
    l->slots = grown;
    l->mask = mask;
    return true;
}

/* What the form is besides its bytes: the same bytes are cut the same way nearly always, but a
   word's surroundings have a say. */
static inline uint32_t tag_of(size_t len, word_shape shape, uint32_t parts) {
    return (uint32_t)(len & 0xff) | (uint32_t)shape << 8 | parts << 10 | 1u << 31;
}

/* A form that was cut out and not yet looked up. */
typedef struct cut {
    uint64_t key[2]; /* of a form of up to KEY_BYTES_MAX bytes */
    size_t place;
    size_t start;
    uint32_t len;
    uint32_t tag;
} cut;

/* Has the slot of a form fetched into the cache, but of a long one. */
static inline void prepare(const lexicon *l, str text, size_t start, size_t len, word_shape shape,
                           uint32_t parts, cut *c) {
    c->start = start;
    c->len = (uint32_t)len;
    c->tag = tag_of(len, shape, parts);
    c->place = 0;
    if (len <= KEY_BYTES_MAX) {
        load_key(text, start, len, c->key);
        c->place = place_of(c->key, c->tag);
        __builtin_prefetch(&l->slots[c->place & l->mask]);
    }
}

/* Cuts out the next forms, those of ASCII many at a time. They are looked up as ordinary ones; one
   that is not is cut out anew when it is met first. How many. */
static size_t cut_forms(const lexicon *l, str text, size_t *at, cut *cuts) {
    uint32_t starts[CUTS], ends[CUTS];
    text_word form;
    size_t count = 0;
    for (;;) {
        size_t from = *at;
        size_t found = analyzer_spans(l->analyzer, text, at, starts, ends, CUTS - count);
        for (size_t i = 0; i < found; i++) {
            prepare(l, text, from + starts[i], ends[i] - starts[i], WORD_ORDINARY, 0,
                    &cuts[count + i]);
        }
        count += found;
        if (count > CUTS - ANALYZER_SPANS_STEP || !analyzer_next(l->analyzer, text, at, &form)) {
            return count;
        }
        prepare(l, text, form.start, form.end - form.start, form.shape, form.part_count,
                &cuts[count++]);
    }
}

/* The form is cut out once more: it is met for the first time. */
static anp_status cut_anew(lexicon *l, str text, const cut *c, meaning *out, anp_error *err) {
    text_word form;
    size_t at = c->start;
    analyzer_next(l->analyzer, text, &at, &form);
    return add_form(l, text, &form, out, err);
}

static anp_status find_anew(lexicon *l, str text, const cut *c, slot *s, meaning *out,
                            anp_error *err) {
    TRY(cut_anew(l, text, c, out, err));
    *s = (slot){{c->key[0], c->key[1]}, c->tag, out->word, out->hash};
    return ++l->used * 4 <= l->mask * 3 || grow(l) ? ANP_OK : error_nomem(err, "a lexicon");
}

static anp_status find_long(lexicon *l, str text, const cut *c, meaning *out, anp_error *err) {
    bool is_new;
    uint32_t number =
        intern_add(&l->long_forms, str_make(text.data + c->start, c->len), &is_new);
    if (number == INTERN_NONE) {
        return error_nomem(err, "a lexicon");
    }
    if (!is_new && l->long_tags.items[number] == c->tag) {
        *out = l->long_meanings.items[number];
        return ANP_OK;
    }
    TRY(cut_anew(l, text, c, out, err));
    if (!is_new) {
        return ANP_OK; /* the same bytes, cut another way: not kept */
    }
    return vec_push(&l->long_meanings, *out) && vec_push(&l->long_tags, c->tag)
               ? ANP_OK
               : error_nomem(err, "a lexicon");
}

/* What find_first did not find. */
static anp_status find_form(lexicon *l, str text, const cut *c, meaning *out, anp_error *err) {
    if (c->len > KEY_BYTES_MAX) {
        return find_long(l, text, c, out, err);
    }
    slot *s = probe(l->slots, l->mask, c->place, c->key, c->tag);
    if (!s->tag) {
        return find_anew(l, text, c, s, out, err);
    }
    *out = (meaning){s->hash, s->word};
    return ANP_OK;
}

/* Most forms were met before and stand where they belong: their slot, or NULL. One branch. */
static inline const slot *find_first(const lexicon *l, const cut *c) {
    const slot *s = &l->slots[c->place & l->mask];
    bool is = c->len <= KEY_BYTES_MAX &&
              ((s->key[0] ^ c->key[0]) | (s->key[1] ^ c->key[1]) | (s->tag ^ c->tag)) == 0;
    return is ? s : NULL;
}

static bool reserve(lexicon_text *t, size_t need) {
    if (need <= t->capacity) {
        return true;
    }
    size_t capacity = 2 * need + 256;
    uint32_t *words = realloc(t->words, capacity * sizeof *words);
    t->words = words ? words : t->words;
    uint64_t *hashes = realloc(t->hashes, capacity * sizeof *hashes);
    t->hashes = hashes ? hashes : t->hashes;
    t->capacity = words && hashes ? capacity : t->capacity;
    return words && hashes;
}

/* Appends what became of the forms; there is room. ANP_LIMIT where one follows the last word that a
   text may have. */
static anp_status look_up(lexicon *l, str text, const cut *cuts, size_t count, lexicon_text *out,
                          anp_error *err) {
    uint32_t *words = out->words;
    uint64_t *hashes = out->hashes;
    uint32_t most = analyzer_words_max(l->analyzer);
    size_t n = out->count, before = 0;
    for (size_t i = 0; i < count; i++) {
        before = n;
        const slot *s = find_first(l, &cuts[i]);
        meaning found;
        if (s) {
            found = (meaning){s->hash, s->word};
        } else {
            TRY(find_form(l, text, &cuts[i], &found, err));
        }
        words[n] = found.word; /* one that takes no position is overwritten */
        hashes[n] = found.hash;
        n += found.word != NO_WORD;
    }
    out->count = n;
    return before < most ? ANP_OK
                         : error_set(err, ANP_LIMIT,
                                     "a text has more than %u words; split it", most);
}

anp_status lexicon_read(lexicon *l, str text, lexicon_text *out, anp_error *err) {
    cut cuts[CUTS];
    size_t at = 0, count;
    out->count = 0;
    if (!l->slots) {
        return error_nomem(err, "a lexicon");
    }
    while ((count = cut_forms(l, text, &at, cuts)) > 0) {
        if (!reserve(out, out->count + count)) {
            return error_nomem(err, "the words of a text");
        }
        TRY(look_up(l, text, cuts, count, out, err));
    }
    return ANP_OK;
}
