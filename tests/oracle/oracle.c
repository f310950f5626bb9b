/* Matching and scoring by the book. See oracle.h. */
#include "oracle/oracle.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/*
 * ---- The corpus' numbers
 * -----------------------------------------------------------------------------------
 */

void oracle_prepare(oracle_corpus *c) {
    double totals[3] = {0};
    memset(c->tf, 0, sizeof c->tf);
    memset(c->df, 0, sizeof c->df);
    c->live = 0;
    for (uint32_t p = 0; p < c->count; p++) {
        const oracle_post *post = &c->posts[p];
        for (uint32_t i = 0; i < post->title_len; i++) {
            c->tf[p][1][post->title[i]]++;
            c->tf[p][0][post->title[i]] += c->title_weight;
        }
        for (uint32_t i = 0; i < post->body_len; i++) {
            c->tf[p][2][post->body[i]]++;
            c->tf[p][0][post->body[i]]++;
        }
        c->lengths[p][0] = post->body_len + c->title_weight * post->title_len;
        c->lengths[p][1] = post->title_len;
        c->lengths[p][2] = post->body_len;
        if (!post->live) {
            continue;
        }
        c->live++;
        for (int field = 0; field < 3; field++) {
            totals[field] += c->lengths[p][field];
            for (int word = 0; word < ORACLE_WORDS; word++) {
                c->df[field][word] += c->tf[p][field][word] > 0;
            }
        }
    }
    for (int field = 0; field < 3; field++) {
        c->averages[field] = c->live ? totals[field] / c->live : 0;
    }
}

/*
 * ---- Does it match?
 * ----------------------------------------------------------------------------------------
 */

/* Tries every place for the words from `word` on. */
static bool phrase_from(const oracle_node *n, const uint8_t *text, uint32_t len, uint32_t word,
                        int *places) {
    int low = 0, high = 0;
    for (uint32_t i = 0; i < word; i++) {
        int shifted = places[i] - (int)i;
        low = i == 0 || shifted < low ? shifted : low;
        high = i == 0 || shifted > high ? shifted : high;
    }
    if (high - low > (int)n->slop) {
        return false;
    }
    if (word == n->word_count) {
        return true;
    }
    for (uint32_t at = 0; at < len; at++) {
        bool is_free = text[at] == n->words[word];
        for (uint32_t i = 0; i < word && is_free; i++) {
            is_free = places[i] != (int)at;
        }
        if (is_free) {
            places[word] = (int)at;
            if (phrase_from(n, text, len, word + 1, places)) {
                return true;
            }
        }
    }
    return false;
}

static bool phrase_in(const oracle_node *n, const oracle_corpus *c, uint32_t post, int field) {
    int places[ORACLE_PHRASE_MAX];
    const oracle_post *p = &c->posts[post];
    for (uint32_t i = 0; i < n->word_count; i++) {
        if (!c->tf[post][field][n->words[i]]) {
            return false;
        }
    }
    bool title = field == 1;
    return title ? phrase_from(n, p->title, p->title_len, 0, places)
                 : phrase_from(n, p->body, p->body_len, 0, places);
}

/* A date cut to as many digits as the literal has. */
static uint32_t cut(uint32_t date, uint32_t literal) {
    return literal < 10000 ? date / 10000 : literal < 1000000 ? date / 100 : date;
}

static bool in_range(const oracle_node *n, const oracle_post *p) {
    bool given, is_date = n->column == ORACLE_DATE;
    int value = 0;
    switch (n->column) {
    case ORACLE_QUALITY:
        given = p->scores[0] >= 0;
        value = p->scores[0];
        break;
    case ORACLE_TIME:
        given = p->reading_time >= 0;
        value = p->reading_time;
        break;
    case ORACLE_IMAGES:
        given = p->has_images >= 0;
        value = p->has_images;
        break;
    case ORACLE_DATE:
    default:
        given = p->date > 0;
        break;
    }
    if (!given) {
        return false;
    }
    if (n->has_low) {
        uint32_t v = is_date ? cut(p->date, n->low) : (uint32_t)value;
        if (n->low_in ? v < n->low : v <= n->low) {
            return false;
        }
    }
    if (n->has_high) {
        uint32_t v = is_date ? cut(p->date, n->high) : (uint32_t)value;
        if (n->high_in ? v > n->high : v >= n->high) {
            return false;
        }
    }
    return true;
}

static bool matches(const oracle_node *n, const oracle_corpus *c, uint32_t post) {
    switch (n->kind) {
    case ORACLE_WORD:
        return c->tf[post][n->field][n->words[0]] > 0;
    case ORACLE_PHRASE:
        if (n->field != 2 && (n->field == 1 || c->title_weight) && phrase_in(n, c, post, 1)) {
            return true;
        }
        return n->field != 1 && phrase_in(n, c, post, 2);
    case ORACLE_FACET:
        return c->posts[post].facets >> n->facet & 1;
    case ORACLE_NUMBER:
        return in_range(n, &c->posts[post]);
    case ORACLE_ALL:
        return true;
    case ORACLE_LIST:
    case ORACLE_CHAIN:
        break;
    }
    bool any_needed = false, any_optional = false, optional = false;
    for (uint32_t i = 0; i < n->child_count; i++) {
        const oracle_node *child = n->children[i];
        bool hit = matches(child, c, post);
        if ((child->occur == '-' && hit) || (child->occur == '+' && !hit)) {
            return false;
        }
        any_needed |= child->occur == '+';
        any_optional |= child->occur == ' ';
        optional |= child->occur == ' ' && hit;
    }
    return any_needed || !any_optional || optional;
}

/*
 * ---- What does it score?
 * -----------------------------------------------------------------------------------
 */

typedef struct scorer {
    const oracle_corpus *c;
    const oracle_settings *s;
    uint32_t post;
} scorer;

static long long word_units(const scorer *x, uint32_t field, uint32_t word, double boost) {
    double n = x->c->live, df = x->c->df[field][word];
    uint32_t count = x->c->tf[x->post][field][word];
    if (!count) {
        return 0;
    }
    double average = x->c->averages[field] > 1 ? x->c->averages[field] : 1;
    float weight = (float)(boost * log(1 + (n - df + 0.5) / (df + 0.5)) * 1048576);
    float base = (float)(x->s->k1 * (1 - x->s->b));
    float slope = (float)(x->s->k1 * x->s->b / average);
    float tf = (float)count, length = (float)x->c->lengths[x->post][field];
    volatile float step = slope * length; /* volatile: no fused operations, whatever the compiler */
    step = base + step;
    step = tf + step;
    step = tf / step;
    step = weight * step;
    return lrintf(step);
}

/* Words of one group or phrase with the boosts of equal ones added up. */
typedef struct tally {
    uint32_t fields[ORACLE_CHILDREN_MAX], words[ORACLE_CHILDREN_MAX];
    double boosts[ORACLE_CHILDREN_MAX];
    uint32_t count;
} tally;

static void count_word(tally *t, uint32_t field, uint32_t word, double boost) {
    uint32_t i = 0;
    while (i < t->count && (t->fields[i] != field || t->words[i] != word)) {
        i++;
    }
    if (i == t->count) {
        t->fields[i] = field;
        t->words[i] = word;
        t->boosts[i] = 0;
        t->count++;
    }
    t->boosts[i] += boost;
}

static long long tally_units(const scorer *x, const tally *t) {
    long long units = 0;
    for (uint32_t i = 0; i < t->count; i++) {
        units += word_units(x, t->fields[i], t->words[i], t->boosts[i]);
    }
    return units;
}

/* A group that matches. */
static long long group_units(const scorer *x, const oracle_node *group, double boost) {
    tally words = {0};
    long long units = 0;
    for (uint32_t i = 0; i < group->child_count; i++) {
        const oracle_node *n = group->children[i];
        double b = boost * n->boost;
        if (n->occur == '-' || !matches(n, x->c, x->post)) {
            continue;
        }
        if (n->kind == ORACLE_WORD) {
            count_word(&words, n->field, n->words[0], b);
        } else if (n->kind == ORACLE_PHRASE) {
            tally phrase = {0};
            for (uint32_t w = 0; w < n->word_count; w++) {
                count_word(&phrase, n->field, n->words[w], b);
            }
            units += tally_units(x, &phrase);
        } else if (n->kind == ORACLE_LIST || n->kind == ORACLE_CHAIN) {
            units += group_units(x, n, b);
        } else {
            units += llrint(b * 1048576);
        }
    }
    return units + tally_units(x, &words);
}

static double prior_of(const oracle_post *p, const double weights[4]) {
    double sum = 0, total = 0;
    for (int i = 0; i < 4; i++) {
        sum += weights[i] * ((p->scores[i] < 0 ? 50 : p->scores[i]) / 100.0);
        total += weights[i];
    }
    return total > 0 ? sum / total : 0.5;
}

static int by_score(const void *a, const void *b) {
    const oracle_hit *x = a, *y = b;
    if (x->score != y->score) {
        return x->score > y->score ? -1 : 1;
    }
    return x->post < y->post ? -1 : x->post > y->post;
}

uint32_t oracle_run(const oracle_corpus *c, const oracle_query *query, const oracle_query *filter,
                    const oracle_settings *settings, oracle_hit *hits) {
    uint32_t count = 0;
    for (uint32_t post = 0; query->root && post < c->count; post++) {
        if (!c->posts[post].live || !matches(query->root, c, post) ||
            (filter && filter->root && !matches(filter->root, c, post))) {
            continue;
        }
        scorer x = {c, settings, post};
        oracle_hit *hit = &hits[count++];
        hit->post = post;
        hit->bm25 = (double)group_units(&x, query->root, query->root->boost) / 1048576;
        hit->prior = prior_of(&c->posts[post], settings->weights);
        hit->score = hit->bm25 * (1 + settings->blend * (2 * hit->prior - 1));
    }
    qsort(hits, count, sizeof *hits, by_score);
    return count;
}
