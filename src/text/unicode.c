/*
 * See unicode.h. What the libraries get wrong, and is put right here (each has its test):
 *   - regex folds I to dotless i, as Turkish does: fold_points folds ASCII itself;
 *   - lexbor leaves combining marks unordered at the very beginning of a text: normalise_piece puts
 * a starter before them and takes it off again;
 *   - lexbor's ordering of marks is quadratic: see MARKS_MAX.
 * Checked against other implementations: folding of every code point of Unicode 14 with Perl's
 * NFKC_Casefold, the four normalisation forms of 680,000 random strings with Python's unicodedata.
 */
#include "text/unicode.h"

#include "base/vec.h"

#include <_regex_unicode.h>
#include <lexbor/unicode/unicode.h>

#include <string.h>

enum {
    /* Of the Stream-Safe format: no word of a language has more than a third of it. */
    MARKS_MAX = 30,
    QUICK_CHECK_YES = 1,
    FOLDED_MAX = RE_MAX_FOLDED, /* code points that one folds to */
    CASES_MAX = RE_MAX_CASES,
};

static const uint8_t break_classes[] = {
    [RE_WBREAK_OTHER] = BREAK_OTHER,
    [RE_WBREAK_LF] = BREAK_LF,
    [RE_WBREAK_NEWLINE] = BREAK_NEWLINE,
    [RE_WBREAK_CR] = BREAK_CR,
    [RE_WBREAK_WSEGSPACE] = BREAK_SPACE,
    [RE_WBREAK_DOUBLEQUOTE] = BREAK_DOUBLE_QUOTE,
    [RE_WBREAK_SINGLEQUOTE] = BREAK_SINGLE_QUOTE,
    [RE_WBREAK_MIDNUM] = BREAK_MID_NUM,
    [RE_WBREAK_MIDNUMLET] = BREAK_MID_BOTH,
    [RE_WBREAK_NUMERIC] = BREAK_NUMERIC,
    [RE_WBREAK_MIDLETTER] = BREAK_MID_LETTER,
    [RE_WBREAK_ALETTER] = BREAK_LETTER,
    [RE_WBREAK_EXTENDNUMLET] = BREAK_CONNECTOR,
    [RE_WBREAK_FORMAT] = BREAK_FORMAT,
    [RE_WBREAK_EXTEND] = BREAK_EXTEND,
    [RE_WBREAK_HEBREWLETTER] = BREAK_HEBREW,
    [RE_WBREAK_ZWJ] = BREAK_ZWJ,
    [RE_WBREAK_KATAKANA] = BREAK_KATAKANA,
    [RE_WBREAK_REGIONALINDICATOR] = BREAK_REGIONAL,
};

unicode_break unicode_word_break(uint32_t point) {
    uint32_t value = re_get_word_break(point);
    return value < sizeof break_classes ? (unicode_break)break_classes[value] : BREAK_OTHER;
}

bool unicode_is_pictographic(uint32_t point) {
    return re_get_extended_pictographic(point) != 0;
}

static unsigned category_traits(uint32_t point) {
    switch (re_get_general_category(point)) {
    case RE_PROP_LU:
    case RE_PROP_LT:
        return UNICODE_LETTER | UNICODE_UPPER;
    case RE_PROP_LL:
        return UNICODE_LETTER | UNICODE_LOWER;
    case RE_PROP_LM:
    case RE_PROP_LO:
        return UNICODE_LETTER;
    case RE_PROP_ND:
    case RE_PROP_NL:
    case RE_PROP_NO:
        return UNICODE_NUMBER;
    case RE_PROP_MN:
    case RE_PROP_MC:
    case RE_PROP_ME:
        return UNICODE_MARK;
    default:
        return 0;
    }
}

unsigned unicode_traits(uint32_t point) {
    return category_traits(point) | (re_get_alphabetic(point) ? UNICODE_ALPHABETIC : 0);
}

size_t unicode_lower(uint32_t point, uint32_t out[2]) {
    if (point < 0x80) {
        out[0] = point >= 'A' && point <= 'Z' ? point | 0x20 : point;
        return 1;
    }
    out[0] = point;
    if (point == 0x130) { /* I with dot: the one character whose lower case is two */
        out[0] = 'i';
        out[1] = 0x307;
        return 2;
    }
    if (!re_get_uppercase(point) && re_get_general_category(point) != RE_PROP_LT) {
        return 1;
    }
    /* Folding is lower-casing but for Cherokee, whose capitals fold to themselves. */
    out[0] = re_get_simple_case_folding(point);
    if (out[0] == point) {
        uint32_t cases[CASES_MAX];
        int count = re_get_all_cases(point, cases);
        for (int i = 1; i < count; i++) {
            if (re_get_lowercase(cases[i])) {
                out[0] = cases[i];
            }
        }
    }
    return 1;
}

/* A starter that stays as it is, whatever its neighbours. */
static bool is_stable(uint32_t point) {
    return re_get_nfkc_quick_check(point) == QUICK_CHECK_YES &&
           re_get_canonical_combining_class(point) == 0 &&
           !re_get_default_ignorable_code_point(point);
}

void unicode_info_fill(unicode_info *info, uint32_t point) {
    uint32_t lower[2], folded[FOLDED_MAX];
    bool one = unicode_lower(point, lower) == 1;
    info->tag = point + 1;
    info->lower = one ? lower[0] : 0;
    info->word_break = (uint8_t)unicode_word_break(point);
    info->traits = (uint8_t)unicode_traits(point);
    info->simple = re_get_full_case_folding(point, folded) == 1 && is_stable(folded[0]) &&
                   !re_get_default_ignorable_code_point(point);
    info->folded = folded[0];
}

typedef VEC(uint32_t) points;

struct unicode_folder {
    unicode_cache *cache;
    points folded;
    points normal;
    bool failed; /* the library's callback ran out of memory */
    lxb_unicode_normalizer_t *normalizer;
};

unicode_folder *unicode_folder_new(unicode_cache *cache) {
    unicode_folder *f = calloc(1, sizeof *f);
    if (!f) {
        return NULL;
    }
    f->cache = cache;
    f->normalizer = lxb_unicode_normalizer_create();
    if (!f->normalizer) {
        free(f);
        return NULL;
    }
    if (lxb_unicode_normalizer_init(f->normalizer, LXB_UNICODE_NFKC) != LXB_STATUS_OK) {
        lxb_unicode_normalizer_destroy(f->normalizer, true);
        free(f);
        return NULL;
    }
    return f;
}

void unicode_folder_free(unicode_folder *f) {
    if (!f) {
        return;
    }
    lxb_unicode_normalizer_destroy(f->normalizer, true);
    free(f->folded.items);
    free(f->normal.items);
    free(f);
}

/*
 * Folds `in` into f->folded, without ignorables. *stable: what came out is normal, and folding it
 * again changes nothing.
 */
static bool fold_points(unicode_folder *f, const uint32_t *in, size_t count, bool *stable) {
    points *to = &f->folded;
    to->count = 0;
    *stable = true;
    if (!vec_reserve(to, count * FOLDED_MAX)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (in[i] < 0x80) {
            bool upper = in[i] >= 'A' && in[i] <= 'Z';
            to->items[to->count++] = upper ? in[i] | 0x20 : in[i];
            continue;
        }
        const unicode_info *info = unicode_look(f->cache, in[i]);
        if (info->simple) {
            to->items[to->count++] = info->folded;
        } else if (!re_get_default_ignorable_code_point(in[i])) {
            to->count += (size_t)re_get_full_case_folding(in[i], to->items + to->count);
            *stable = false;
        }
    }
    return true;
}

static lxb_status_t collect(const lxb_codepoint_t *made, size_t count, void *user) {
    unicode_folder *f = user;
    if (!vec_reserve(&f->normal, f->normal.count + count)) {
        f->failed = true;
        return LXB_STATUS_ERROR_MEMORY_ALLOCATION;
    }
    memcpy(f->normal.items + f->normal.count, made, count * sizeof *made);
    f->normal.count += count;
    return LXB_STATUS_OK;
}

/* NFKC of one piece, appended to f->normal. */
static bool normalise_piece(unicode_folder *f, const uint32_t *in, size_t count) {
    static const uint32_t starter = 0; /* U+0000 combines with nothing */
    size_t before = f->normal.count;
    lxb_status_t status = lxb_unicode_normalize_cp(f->normalizer, &starter, 1, collect, f, false);
    if (status == LXB_STATUS_OK) {
        status = lxb_unicode_normalize_cp(f->normalizer, in, count, collect, f, true);
    }
    lxb_unicode_normalizer_clean(f->normalizer);
    if (status != LXB_STATUS_OK || f->failed || f->normal.count <= before) {
        f->failed = false;
        return false;
    }
    f->normal.count--;
    memmove(f->normal.items + before, f->normal.items + before + 1,
            (f->normal.count - before) * sizeof *f->normal.items);
    return true;
}

static bool normalise(unicode_folder *f, const uint32_t *in, size_t count) {
    size_t from = 0, marks = 0;
    f->normal.count = 0;
    for (size_t i = 0; i < count; i++) {
        marks = re_get_canonical_combining_class(in[i]) ? marks + 1 : 0;
        if (marks > MARKS_MAX) {
            if (!normalise_piece(f, in + from, i - from)) {
                return false;
            }
            from = i;
            marks = 1;
        }
    }
    return normalise_piece(f, in + from, count - from);
}

/*
 * Fold and normalise, twice: normalising brings out capitals (a squared MHz) and ignorables that
 * were hidden in compatibility forms. A third round changes nothing (a test goes through every code
 * point).
 */
bool unicode_fold(unicode_folder *f, const uint32_t *in, size_t count, const uint32_t **out,
                  size_t *out_count) {
    const uint32_t *source = in;
    for (int round = 0; round < 2; round++) {
        bool stable;
        if (!fold_points(f, source, count, &stable)) {
            return false;
        }
        if (stable) {
            *out = f->folded.items;
            *out_count = f->folded.count;
            return true;
        }
        if (!normalise(f, f->folded.items, f->folded.count)) {
            return false;
        }
        source = f->normal.items;
        count = f->normal.count;
    }
    *out = source;
    *out_count = count;
    return true;
}
