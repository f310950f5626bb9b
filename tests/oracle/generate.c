/* Random posts and queries for oracle.h, and their text forms. */
#include "oracle/oracle.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

uint32_t oracle_below(oracle_random *r, uint32_t bound) {
    r->state ^= r->state << 13; /* xorshift64 */
    r->state ^= r->state >> 7;
    r->state ^= r->state << 17;
    return (uint32_t)((r->state >> 16) % bound);
}

bool oracle_chance(oracle_random *r, uint32_t percent) {
    return oracle_below(r, 100) < percent;
}

void oracle_word(uint32_t i, char out[8]) {
    static const char *const starts[] = {"br", "dr", "kl", "gr", "pl", "vr"};
    static const char *const middles[] = {"a", "o", "u", "i"};
    static const char *const ends[] = {"k", "m", "p"};
    snprintf(out, 8, "%s%s%s", starts[i % 6], middles[i / 6 % 4], ends[i / 24 % 3]);
}

const char *oracle_facet(uint32_t i) {
    static const char *const facets[ORACLE_FACETS] =
        {"alpha", "beta gamma", "Delta", "c++", "x/y-z"};
    return facets[i];
}

/* Small numbers often: word 0 in most posts, word 71 in few. */
static uint32_t zipf(oracle_random *r) {
    uint32_t top = 1 + oracle_below(r, ORACLE_WORDS);
    return oracle_below(r, 1 + oracle_below(r, top));
}

/*
 * ---- Posts
 * -------------------------------------------------------------------------------------------------
 */

static uint32_t random_date(oracle_random *r) {
    uint32_t year = 2023 + oracle_below(r, 3), month = 1 + oracle_below(r, 12);
    return year * 10000 + month * 100 + 1 + oracle_below(r, 28);
}

void oracle_post_random(oracle_random *r, uint32_t id, oracle_post *out) {
    memset(out, 0, sizeof *out);
    out->id = id;
    out->live = true;
    out->title_len = oracle_below(r, 7);
    out->body_len = oracle_chance(r, 5) ? 0 : oracle_below(r, ORACLE_TEXT_MAX + 1);
    for (uint32_t i = 0; i < out->title_len; i++) {
        out->title[i] = (uint8_t)zipf(r);
    }
    for (uint32_t i = 0; i < out->body_len; i++) {
        out->body[i] = (uint8_t)zipf(r);
    }
    for (int i = 0; i < 4; i++) {
        out->scores[i] = oracle_chance(r, 70) ? (int)oracle_below(r, 101) : -1;
    }
    out->facets = oracle_below(r, 1u << ORACLE_FACETS) & oracle_below(r, 1u << ORACLE_FACETS);
    out->reading_time = oracle_chance(r, 80) ? (int)oracle_below(r, 15) : -1;
    out->has_images = oracle_chance(r, 80) ? (int)oracle_below(r, 2) : -1;
    out->date = oracle_chance(r, 80) ? random_date(r) : 0;
}

/* Words of a text; capitals and punctuation must not matter. */
static int put_words(oracle_random *r, const uint8_t *words, uint32_t count, char *out) {
    static const char *const gaps[] = {" ", " ", " ", ". ", ", ", "\\n", " (", ") "};
    char *at = out;
    for (uint32_t i = 0; i < count; i++) {
        char word[8];
        oracle_word(words[i], word);
        if (oracle_chance(r, 20)) {
            word[0] = (char)(word[0] - 'a' + 'A');
        }
        at += sprintf(at, "%s%s", i ? gaps[oracle_below(r, 8)] : "", word);
    }
    return (int)(at - out);
}

void oracle_post_json(oracle_random *r, const oracle_post *p, char *out) {
    static const char *const names[] = {"quality", "freshness", "depth", "clarity"};
    char *at = out;
    at += sprintf(at, "{\"id\":\"p%u\",\"title\":\"", p->id);
    at += put_words(r, p->title, p->title_len, at);
    at += sprintf(at, "\",\"body\":\"");
    at += put_words(r, p->body, p->body_len, at);
    at += sprintf(at, "\",\"meta\":{\"stack\":[");
    for (uint32_t i = 0, n = 0; i < ORACLE_FACETS; i++) {
        if (p->facets >> i & 1) {
            at += sprintf(at, "%s\"%s\"", n++ ? "," : "", oracle_facet(i));
        }
    }
    at += sprintf(at, "],\"score\":{");
    for (int i = 0, n = 0; i < 4; i++) {
        if (p->scores[i] >= 0) {
            at += sprintf(at, "%s\"%s\":%d", n++ ? "," : "", names[i], p->scores[i]);
        }
    }
    at += sprintf(at, "}");
    if (p->reading_time >= 0) {
        at += sprintf(at, ",\"reading_time\":%d", p->reading_time);
    }
    if (p->has_images >= 0) {
        at += sprintf(at, ",\"flags\":{\"has_images\":%d}", p->has_images);
    }
    if (p->date) {
        at += sprintf(at, ",\"revision\":{\"last_reviewed\":\"%04u-%02u-%02u\"}", p->date / 10000,
                      p->date / 100 % 100, p->date % 100);
    }
    sprintf(at, "}}");
}

/*
 * ---- Queries
 * -----------------------------------------------------------------------------------------------
 */

static oracle_node *new_node(oracle_query *q) {
    oracle_node *n = &q->nodes[q->node_count++];
    memset(n, 0, sizeof *n);
    n->boost = 1;
    return n;
}

static uint32_t random_bound(oracle_random *r, oracle_column column) {
    switch (column) {
    case ORACLE_QUALITY:
        return oracle_below(r, 101);
    case ORACLE_TIME:
        return oracle_below(r, 16);
    case ORACLE_IMAGES:
        return oracle_below(r, 2);
    case ORACLE_DATE:
    default:
        break;
    }
    uint32_t date = random_date(r), digits = oracle_below(r, 3);
    return digits == 0 ? date / 10000 : digits == 1 ? date / 100 : date;
}

static void random_number(oracle_random *r, oracle_node *n) {
    n->kind = ORACLE_NUMBER;
    n->column = (oracle_column)oracle_below(r, 4);
    n->low = random_bound(r, n->column);
    n->high = random_bound(r, n->column);
    n->low_in = oracle_chance(r, 50);
    n->high_in = oracle_chance(r, 50);
    n->has_low = oracle_chance(r, 70);
    n->has_high = oracle_chance(r, 70);
    if (oracle_chance(r, 30)) { /* equality */
        n->high = n->low;
        n->low_in = n->high_in = n->has_low = n->has_high = true;
    }
}

static void random_leaf(oracle_random *r, oracle_node *n) {
    static const double boosts[] = {0.25, 0.5, 2, 3.5, 10};
    uint32_t kind = oracle_below(r, 100);
    n->field = oracle_chance(r, 25) ? 1 + oracle_below(r, 2) : 0;
    n->word_count = 1;
    n->words[0] = zipf(r);
    if (kind < 60) {
        n->kind = ORACLE_WORD;
    } else if (kind < 82) {
        n->kind = ORACLE_PHRASE;
        n->word_count = 2 + oracle_below(r, ORACLE_PHRASE_MAX - 1);
        n->slop = oracle_chance(r, 50) ? 0 : 1 + oracle_below(r, 8);
        for (uint32_t i = 1; i < n->word_count; i++) {
            n->words[i] = zipf(r) / 2;
        }
    } else if (kind < 90) {
        n->kind = ORACLE_FACET;
        n->facet = oracle_below(r, ORACLE_FACETS);
    } else if (kind < 98) {
        random_number(r, n);
    } else {
        n->kind = ORACLE_ALL;
    }
    if (oracle_chance(r, 15)) {
        n->boost = boosts[oracle_below(r, 5)];
    }
}

static oracle_node *random_group(oracle_random *r, oracle_query *q, uint32_t leaves,
                                 uint32_t depth) {
    static const char signs[] = {' ', ' ', ' ', ' ', '+', '+', '-'};
    oracle_node *group = new_node(q);
    group->kind = oracle_chance(r, 60) ? ORACLE_LIST : ORACLE_CHAIN;
    uint32_t more = leaves < 2 ? 1 : leaves < ORACLE_CHILDREN_MAX ? leaves - 1 : 5;
    uint32_t count = 2 + oracle_below(r, more);
    for (uint32_t i = 0; i < count && q->node_count + 8 < ORACLE_NODES_MAX; i++) {
        oracle_node *child;
        if (depth < 3 && leaves > 2 && oracle_chance(r, 25)) {
            child = random_group(r, q, leaves / 2, depth + 1);
            child->boost = oracle_chance(r, 15) ? 1.5 : 1;
        } else {
            random_leaf(r, child = new_node(q));
        }
        child->occur = signs[oracle_below(r, sizeof signs)];
        if (group->kind == ORACLE_CHAIN && child->occur == ' ') {
            child->occur = '+';
        }
        group->children[group->child_count++] = child;
    }
    return group;
}

void oracle_query_random(oracle_random *r, uint32_t leaves, oracle_query *out) {
    out->node_count = 0;
    if (leaves > 1) {
        out->root = random_group(r, out, leaves, 0);
        return;
    }
    oracle_node *root = out->root = new_node(out);
    root->kind = ORACLE_LIST;
    random_leaf(r, root->children[root->child_count++] = new_node(out));
    root->children[0]->occur = oracle_chance(r, 80) ? ' ' : oracle_chance(r, 50) ? '+' : '-';
}

/*
 * ---- As text
 * -----------------------------------------------------------------------------------------------
 */

typedef struct writer {
    oracle_random *r;
    bool all_words;
    char *at, *end;
} writer;

static void put(writer *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(writer *w, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int len = vsnprintf(w->at, (size_t)(w->end - w->at), format, args);
    va_end(args);
    w->at = len < w->end - w->at ? w->at + len : w->end - 1;
}

static void put_bound(writer *w, oracle_column column, uint32_t value) {
    if (column == ORACLE_IMAGES && oracle_chance(w->r, 50)) {
        put(w, "%s", value ? "true" : "false");
    } else if (column != ORACLE_DATE || value < 10000) {
        put(w, "%u", value);
    } else if (value < 1000000) {
        put(w, "%u-%02u", value / 100, value % 100);
    } else {
        put(w, "%u-%02u-%02u", value / 10000, value / 100 % 100, value % 100);
    }
}

static void put_number(writer *w, const oracle_node *n) {
    static const char *const names[4][2] = {{"quality", "score.quality"},
                                            {"reading_time", "reading_time"},
                                            {"has_images", "flags.has_images"},
                                            {"last_reviewed", "revision.last_reviewed"}};
    put(w, "%s:", names[n->column][oracle_below(w->r, 2)]);
    bool equal = n->has_low && n->has_high && n->low == n->high && n->low_in && n->high_in;
    if (equal && oracle_chance(w->r, 80)) {
        put(w, "%s", oracle_chance(w->r, 30) ? "=" : "");
        put_bound(w, n->column, n->low);
    } else if (n->has_low != n->has_high && oracle_chance(w->r, 70)) {
        put(w, "%s", n->has_low ? (n->low_in ? ">=" : ">") : (n->high_in ? "<=" : "<"));
        put_bound(w, n->column, n->has_low ? n->low : n->high);
    } else {
        put(w, "%s", n->low_in ? "[" : "{");
        n->has_low ? put_bound(w, n->column, n->low) : put(w, "*");
        put(w, " TO ");
        n->has_high ? put_bound(w, n->column, n->high) : put(w, "*");
        put(w, "%s", n->high_in ? "]" : "}");
    }
}

static void put_words_of(writer *w, const oracle_node *n) {
    for (uint32_t i = 0; i < n->word_count; i++) {
        char word[8];
        oracle_word(n->words[i], word);
        if (oracle_chance(w->r, 10)) {
            word[1] = (char)(word[1] - 'a' + 'A');
        }
        put(w, "%s%s", i ? " " : "", word);
    }
}

static void put_node(writer *w, const oracle_node *n, bool parentheses);

static void put_leaf(writer *w, const oracle_node *n) {
    static const char *const fields[] = {"", "title:", "body:"};
    if (n->kind == ORACLE_NUMBER) {
        put_number(w, n);
    } else if (n->kind == ORACLE_FACET) {
        const char *value = oracle_facet(n->facet);
        bool quotes = strchr(value, ' ') || oracle_chance(w->r, 50);
        put(w, "stack:%s%s%s", quotes ? "\"" : "", value, quotes ? "\"" : "");
    } else if (n->kind == ORACLE_ALL) {
        put(w, "*");
    } else {
        bool quotes = n->kind == ORACLE_PHRASE || oracle_chance(w->r, 10);
        put(w, "%s%s", fields[n->field], quotes ? "\"" : "");
        put_words_of(w, n);
        put(w, "%s", quotes ? "\"" : "");
        if (n->slop) {
            put(w, "~%u", n->slop);
        }
    }
}

static void put_sign(writer *w, char occur) {
    const char *excluded = oracle_chance(w->r, 50) ? "-" : "NOT ";
    put(w, "%s", occur == '+' ? "+" : occur == '-' ? excluded : "");
}

/* Optional clauses side by side or with OR; where side by side means AND, always with OR. */
static void put_list(writer *w, const oracle_node *n) {
    for (uint32_t i = 0; i < n->child_count; i++) {
        const oracle_node *child = n->children[i];
        bool chain = child->kind == ORACLE_CHAIN && child->occur == ' ' && child->boost == 1;
        put(w, "%s", i == 0 ? "" : w->all_words || oracle_chance(w->r, 30) ? " OR " : " ");
        put_sign(w, child->occur);
        put_node(w, child, !chain || child->child_count < 2 || oracle_chance(w->r, 50));
    }
}

static void put_chain(writer *w, const oracle_node *n) {
    for (uint32_t i = 0; i < n->child_count; i++) {
        const oracle_node *child = n->children[i];
        put(w, "%s", i == 0 ? "" : w->all_words && oracle_chance(w->r, 50) ? " " : " AND ");
        put_sign(w, child->occur == '-' ? '-' : ' ');
        put_node(w, child, true);
    }
}

static void put_node(writer *w, const oracle_node *n, bool parentheses) {
    bool group = n->kind == ORACLE_LIST || n->kind == ORACLE_CHAIN;
    put(w, "%s", group && parentheses ? "(" : "");
    if (n->kind == ORACLE_LIST) {
        put_list(w, n);
    } else if (n->kind == ORACLE_CHAIN) {
        put_chain(w, n);
    } else {
        put_leaf(w, n);
    }
    put(w, "%s", group && parentheses ? ")" : "");
    if (n->boost != 1) {
        put(w, "^%g", n->boost);
    }
}

void oracle_query_render(oracle_random *r, const oracle_query *query, bool all_words, char *out,
                         size_t room) {
    writer w = {r, all_words, out, out + room};
    out[0] = 0;
    if (query->root) {
        put_node(&w, query->root, false);
    }
}
