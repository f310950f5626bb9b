/* See draft.h. */
#include "index/draft.h"

#include "base/error.h"
#include "base/intern.h"
#include "index/about.h"
#include "sketch/sketch.h"
#include "text/lexicon.h"
#include "text/word.h"

#include <math.h>

enum {
    TERM_WEIGHT = 5, /* of a posting: its term's number and its size, about */
    SAMPLE_BYTES_MAX = 16 << 10, /* of one post */
    SCRATCH_BYTES = 256 << 10,   /* kept from post to post, so that most need no malloc */
    FIELDS_FOLLOWED = 256,
};

/* Facet values, or fields; many are of one post. More leave the cache. The tests are also built
   with few. */
#ifndef DRAFT_META_FULL
#define DRAFT_META_FULL (1 << 13)
#endif

/* Where a term stands among those of the post in hand. */
typedef struct place {
    uint32_t stamp; /* of that post */
    uint32_t group;
} place;

/* A term of the post in hand. */
typedef struct group {
    uint32_t term;
    uint32_t body_tf, title_tf;
    uint32_t body_next, title_next; /* where its next position goes */
} group;

/* A facet value of the post in hand. */
typedef struct facet_key {
    size_t value;   /* its place in the draft */
    size_t at, len; /* among the facets' bytes */
    uint32_t hash;
} facet_key;

/* What a draft took. */
typedef struct draft_room {
    size_t kept, stored, values, features;
} draft_room;

struct drafter {
    bool stores;
    analyzer *analyzer;
    lexicon *lexicon;
    about *about; /* NULL where posts are not stored */
    compressor *compressor;
    sketch_scratch sketch;
    intern fields;
    intern facets;
    bool restart;                                     /* before the next draft */
    uint32_t terms_told, fields_told, facets_told;    /* in drafts so far */
    uint32_t last_field; /* of the last value */
    uint32_t next_fields[FIELDS_FOLLOWED]; /* which stood behind each last */
    VEC(facet_key) facet_keys;
    buffer facet_bytes;
    uint32_t stamp;
    VEC(place) places; /* by term */
    VEC(group) groups;
    VEC(uint32_t) hits; /* group of each occurrence, title first */
    VEC(uint32_t) positions;
    lexicon_text title, body;
    draft_room last; /* of the draft that was finished last */
    arena scratch;
    arena_mark start;
};

anp_status drafter_open(const catalog_settings *settings, drafter **out, anp_error *err) {
    drafter *d = calloc(1, sizeof *d);
    if (!d) {
        return error_nomem(err, "analysing posts");
    }
    d->stores = settings->store == ANP_STORE_ALL;
    d->restart = true;
    anp_status status = analyzer_open(settings->analyzer, settings->language, &d->analyzer, err);
    if (status == ANP_OK) {
        d->lexicon = lexicon_open(d->analyzer, d->stores ? LEXICON_BOTH : LEXICON_TERMS);
        d->compressor = compressor_open();
        d->about = d->stores ? about_open(d->analyzer) : NULL;
        if (!d->lexicon || !d->compressor || !d->about != !d->stores ||
            !arena_alloc(&d->scratch, SCRATCH_BYTES)) {
            status = error_nomem(err, "analysing posts");
        }
    }
    if (status != ANP_OK) {
        drafter_close(d);
        return status;
    }
    d->start = (arena_mark){d->scratch.head, 0};
    *out = d;
    return ANP_OK;
}

void drafter_close(drafter *d) {
    if (d) {
        lexicon_close(d->lexicon);
        about_close(d->about);
        analyzer_close(d->analyzer);
        compressor_close(d->compressor);
        sketch_scratch_free(&d->sketch);
        intern_free(&d->fields);
        intern_free(&d->facets);
        free(d->facet_keys.items);
        buffer_free(&d->facet_bytes);
        free(d->places.items);
        free(d->groups.items);
        free(d->hits.items);
        free(d->positions.items);
        lexicon_text_free(&d->title);
        lexicon_text_free(&d->body);
        arena_free(&d->scratch);
        free(d);
    }
}

void drafter_restart(drafter *d) {
    d->restart = true;
}

/* A draft that grows is copied again and again. */
static void make_room(const drafter *d, draft *out) {
    const draft_room *last = &d->last; /* drafts of one source are alike: an eighth more will do, */
    buffer_reserve(&out->kept, last->kept / 4 * 3); /* and half more is what a buffer takes */
    buffer_reserve(&out->stored, last->stored / 4 * 3);
    vec_reserve(&out->values, last->values / 8 * 9);
    vec_reserve(&out->features, last->features / 8 * 9);
}

void draft_begin(drafter *d, draft *out) {
    make_room(d, out);
    if (lexicon_full(d->lexicon)) {
        d->restart = true;
    }
    out->restarted = d->restart;
    out->meta_restarted = d->restart || d->facets.count > DRAFT_META_FULL ||
                          d->fields.count > DRAFT_META_FULL;
    if (out->restarted) {
        lexicon_clear(d->lexicon);
        if (d->about) {
            about_renew(d->about);
        }
        d->terms_told = 0;
        d->places.count = 0;
        d->restart = false;
    }
    if (out->meta_restarted) {
        intern_free(&d->fields);
        intern_free(&d->facets);
        d->fields_told = d->facets_told = 0;
    }
}

/* ---- Meta ---------------------------------------------------------------------------------- */

static bool is_field(const drafter *d, uint32_t field, str name, uint8_t kind) {
    if (field >= d->fields.count) {
        return false;
    }
    str key = d->fields.keys[field];
    return (uint8_t)key.data[0] == kind && str_equal(str_slice(key, 1, key.len), name);
}

/* The name behind a byte for the kind. Posts have their fields in the same order: mostly it is the
   field that stood behind the last one before, or, in a list, the last one again. */
static uint32_t number_field(drafter *d, str name, uint8_t kind) {
    uint32_t last = d->last_field, *next = &d->next_fields[last % FIELDS_FOLLOWED];
    if (is_field(d, last, name, kind)) {
        return last;
    }
    if (!is_field(d, *next, name, kind)) {
        char key[1 + FIELD_NAME_BYTES_MAX] = {(char)kind};
        memcpy(key + 1, name.data, name.len);
        *next = intern_add(&d->fields, str_make(key, 1 + name.len), NULL);
    }
    d->last_field = *next;
    return *next;
}

/* The text behind its field's number, to be numbered with the post's others. */
static bool add_facet(drafter *d, uint32_t field, str text, size_t value) {
    size_t at = d->facet_bytes.len;
    buffer_put_u32(&d->facet_bytes, field);
    buffer_put_str(&d->facet_bytes, text);
    if (d->facet_bytes.failed) {
        return false;
    }
    str key = str_make((const char *)d->facet_bytes.data + at, d->facet_bytes.len - at);
    facet_key added = {value, at, key.len, intern_hash(key)};
    intern_fetch_slot(&d->facets, added.hash);
    return vec_push(&d->facet_keys, added);
}

static bool number_facets(drafter *d, draft *out) {
    const facet_key *keys = d->facet_keys.items;
    size_t count = d->facet_keys.count;
    for (size_t i = 0; i < count; i++) {
        intern_fetch_key(&d->facets, keys[i].hash);
    }
    for (size_t i = 0; i < count; i++) {
        intern_fetch_bytes(&d->facets, keys[i].hash);
    }
    for (size_t i = 0; i < count; i++) {
        str key = str_make((const char *)d->facet_bytes.data + keys[i].at, keys[i].len);
        uint32_t number = intern_add_hashed(&d->facets, key, keys[i].hash, NULL);
        if (number == INTERN_NONE) {
            return false;
        }
        out->values.items[keys[i].value].facet = number;
    }
    return true;
}

static bool add_value(drafter *d, const post_value *from, draft *out) {
    uint8_t kind = from->kind == POST_VALUE_TEXT     ? FIELD_TEXT
                   : from->kind == POST_VALUE_NUMBER ? FIELD_NUMBER
                                                     : FIELD_DATE | FIELD_TEXT;
    if (from->name.len == 0 || from->name.len > FIELD_NAME_BYTES_MAX) {
        return true; /* kept in the post and shown, but not filtered on */
    }
    draft_value value = {number_field(d, from->name, kind), DRAFT_NONE, NAN};
    if (value.field == INTERN_NONE) {
        return false;
    }
    if (kind & FIELD_TEXT && from->text.len <= FACET_BYTES_MAX &&
        !add_facet(d, value.field, from->text, out->values.count)) {
        return false;
    }
    if (kind != FIELD_TEXT) {
        value.number = from->number;
    }
    return vec_push(&out->values, value);
}

static bool add_values(drafter *d, const post *article, draft *out) {
    d->facet_keys.count = d->facet_bytes.len = 0;
    for (size_t i = 0; i < article->value_count; i++) {
        if (!add_value(d, &article->values[i], out)) {
            return false;
        }
    }
    return number_facets(d, out);
}

/* ---- Terms --------------------------------------------------------------------------------- */

static bool prepare(drafter *d) {
    size_t terms = lexicon_term_count(d->lexicon), had = d->places.count;
    if (++d->stamp == 0) { /* all stamps are old again */
        memset(d->places.items, 0, had * sizeof *d->places.items);
        d->stamp = 1;
    }
    if (terms > had) {
        if (!vec_reserve(&d->places, terms)) {
            return false;
        }
        memset(d->places.items + had, 0, (terms - had) * sizeof *d->places.items);
        d->places.count = terms;
    }
    d->groups.count = d->hits.count = 0;
    return true;
}

/* The group of a term, made when it is the term's first occurrence; room was made. */
static inline uint32_t find_group(drafter *d, uint32_t term) {
    place *p = &d->places.items[term];
    if (p->stamp != d->stamp) {
        *p = (place){d->stamp, (uint32_t)d->groups.count};
        d->groups.items[d->groups.count++] = (group){.term = term};
    }
    return p->group;
}

/* How many terms a text has, counting every occurrence; what is known of them is fetched into the
   cache meanwhile. */
static size_t count_occurrences(const drafter *d, const lexicon_text *text) {
    const uint32_t *lists = lexicon_lists(d->lexicon);
    size_t occurrences = text->count;
    for (size_t i = 0; i < text->count; i++) {
        uint32_t word = text->words[i];
        if (word & LEXICON_LIST) {
            occurrences += lists[word & ~LEXICON_LIST] - 1;
        } else {
            __builtin_prefetch(&d->places.items[word]);
        }
    }
    return occurrences;
}

static bool group_text(drafter *d, const lexicon_text *text, bool title) {
    const uint32_t *lists = lexicon_lists(d->lexicon), *terms;
    size_t occurrences = count_occurrences(d, text);
    if (!vec_reserve(&d->groups, d->groups.count + occurrences) ||
        !vec_reserve(&d->hits, d->hits.count + occurrences)) {
        return false;
    }
    uint32_t *hit = d->hits.items + d->hits.count;
    for (size_t i = 0; i < text->count; i++) {
        uint32_t count = lexicon_terms_of(lists, &text->words[i], &terms);
        for (uint32_t t = 0; t < count; t++) {
            uint32_t number = find_group(d, terms[t]);
            d->groups.items[number].title_tf += title;
            d->groups.items[number].body_tf += !title;
            *hit++ = number;
        }
    }
    d->hits.count += occurrences;
    return true;
}

/* Each occurrence's position behind the others of its group: the body's first, then the
   title's. */
static size_t place_text(drafter *d, const lexicon_text *text, size_t hit, bool title) {
    const uint32_t *lists = lexicon_lists(d->lexicon), *terms;
    for (size_t i = 0; i < text->count; i++) {
        for (uint32_t t = lexicon_terms_of(lists, &text->words[i], &terms); t > 0; t--) {
            group *g = &d->groups.items[d->hits.items[hit++]];
            uint32_t *next = title ? &g->title_next : &g->body_next;
            d->positions.items[(*next)++] = (uint32_t)i;
        }
    }
    return hit;
}

static bool place_positions(drafter *d) {
    uint32_t at = 0;
    if (!vec_reserve(&d->positions, d->hits.count)) {
        return false;
    }
    for (size_t i = 0; i < d->groups.count; i++) {
        group *g = &d->groups.items[i];
        g->body_next = at;
        g->title_next = at + g->body_tf;
        at += g->body_tf + g->title_tf;
    }
    size_t hit = place_text(d, &d->title, 0, true);
    place_text(d, &d->body, hit, false);
    return true;
}

static uint8_t *put_positions(uint8_t *to, const uint32_t *positions, uint32_t count) {
    uint32_t expected = 0;
    for (uint32_t i = 0; i < count; i++) {
        to = varint_write_near(to, positions[i] - expected);
        expected = positions[i] + 1;
    }
    return to;
}

/* As forward_view has it: number, bytes of the payload, payload. */
static bool put_terms(drafter *d, draft *out, draft_post *made) {
    enum { GROUP_BYTES_MAX = 5 * 4, POSITION_BYTES_MAX = 5, SIZE_BYTES_MAX = 5 };
    const uint32_t *positions = d->positions.items;
    uint8_t *start = buffer_reserve(&out->kept, d->groups.count * GROUP_BYTES_MAX +
                                                    d->hits.count * POSITION_BYTES_MAX +
                                                    SIZE_BYTES_MAX);
    uint8_t *to = start;
    if (!start) {
        return false;
    }
    for (size_t i = 0; i < d->groups.count; i++) {
        const group *g = &d->groups.items[i];
        to = varint_write_near(to, g->term);
        uint8_t *payload = to + 1, *end; /* a size of one byte, most often */
        end = varint_write_near(payload, g->body_tf);
        end = varint_write_near(end, g->title_tf);
        end = put_positions(end, positions, g->body_tf);
        end = put_positions(end, positions + g->body_tf, g->title_tf);
        positions += g->body_tf + g->title_tf;
        size_t size = (size_t)(end - payload);
        made->weight += TERM_WEIGHT + size;
        if (size < 0x80) {
            *to = (uint8_t)size;
            to = end;
        } else {
            uint8_t bytes[VARINT_BYTES_MAX];
            size_t more = (size_t)(varint_write(bytes, size) - bytes);
            memmove(to + more, payload, size);
            memcpy(to, bytes, more);
            to += more + size;
        }
    }
    made->terms_len = (size_t)(to - start);
    made->term_count = (uint32_t)d->groups.count;
    out->kept.len += made->terms_len;
    return true;
}

static anp_status put_sketch(drafter *d, draft *out, anp_error *err) {
    uint8_t sketch[SKETCH_BYTES];
    TRY(sketch_of_words(d->body.hashes, d->body.count, &d->sketch, sketch, err));
    buffer_put(&out->kept, sketch, sizeof sketch);
    return ANP_OK;
}

/* After the sketch, which leaves the shingles. */
static anp_status put_features(drafter *d, const post *article, draft *out, draft_post *made,
                               anp_error *err) {
    about_strings strings = {.title = article->title,
                             .topic = article->topic,
                             .problem = article->problem,
                             .stack = article->stack,
                             .stack_count = article->stack_count,
                             .lexicon = d->lexicon,
                             .title_words = &d->title};
    const uint64_t *terms;
    size_t term_count, shingles = d->sketch.count;
    TRY(about_terms(d->about, &strings, &terms, &term_count, err));
    if (!vec_reserve(&out->features, out->features.count + shingles + term_count + 1)) {
        return error_nomem(err, "a post's shingles");
    }
    uint64_t *to = out->features.items + out->features.count;
    if (shingles) {
        memcpy(to, d->sketch.room, shingles * sizeof *to);
    }
    if (term_count) {
        memcpy(to + shingles, terms, term_count * sizeof *to);
    }
    made->feature_at = out->features.count;
    made->shingle_count = (uint32_t)shingles;
    made->about_count = (uint32_t)term_count;
    out->features.count += shingles + term_count;
    return ANP_OK;
}

/* ---- A post -------------------------------------------------------------------------------- */

static anp_status put_stored(drafter *d, const draft_options *options, const post *article,
                             draft *out, draft_post *made, anp_error *err) {
    made->stored_at = out->stored.len;
    buffer_put_u8(&out->stored, (uint8_t)article->id.len);
    buffer_put_str(&out->stored, article->id);
    if (d->stores) {
        TRY(compressor_write(d->compressor, options->dictionary, article->json, &out->stored, err));
    }
    made->stored_len = out->stored.len - made->stored_at;
    if (options->samples && d->stores) {
        size_t len = article->json.len < SAMPLE_BYTES_MAX ? article->json.len : SAMPLE_BYTES_MAX;
        made->sample_at = out->samples.len;
        made->sample_len = len;
        buffer_put(&out->samples, article->json.data, len);
    }
    return ANP_OK;
}

static anp_status append(drafter *d, const draft_options *options, const post *article, draft *out,
                         draft_post *made, anp_error *err) {
    made->id = arena_str(&out->memory, article->id);
    made->head = (forward_head){(uint32_t)d->title.count, (uint32_t)d->body.count, {0}};
    for (int i = 0; i < POST_SCORES; i++) {
        made->head.scores[i] = (float)article->scores[i];
    }
    made->value_from = out->values.count;
    if (!add_values(d, article, out)) {
        return error_nomem(err, "a post's meta");
    }
    made->value_count = out->values.count - made->value_from;
    made->kept_at = out->kept.len;
    if (d->stores) {
        TRY(put_sketch(d, out, err));
        TRY(put_features(d, article, out, made, err));
    }
    made->terms_at = out->kept.len;
    if (!prepare(d) || !group_text(d, &d->title, true) || !group_text(d, &d->body, false) ||
        !place_positions(d) || !put_terms(d, out, made)) {
        return error_nomem(err, "a post's terms");
    }
    TRY(put_stored(d, options, article, out, made, err));
    return made->id.data && !out->kept.failed && !out->stored.failed && !out->samples.failed
               ? ANP_OK
               : error_nomem(err, "a post");
}

/* Strings that the drafter numbered since its last draft. */
static anp_status tell_fresh(drafter *d, draft *out, anp_error *err) {
    bool held = true;
    for (; held && d->terms_told < lexicon_term_count(d->lexicon); d->terms_told++) {
        str copy = arena_str(&out->memory, lexicon_term(d->lexicon, d->terms_told));
        held = copy.data && vec_push(&out->terms, copy);
    }
    for (; held && d->fields_told < d->fields.count; d->fields_told++) {
        str copy = arena_str(&out->memory, d->fields.keys[d->fields_told]);
        held = copy.data && vec_push(&out->fields, ((draft_field){str_slice(copy, 1, copy.len),
                                                                  (uint8_t)copy.data[0]}));
    }
    for (; held && d->facets_told < d->facets.count; d->facets_told++) {
        str copy = arena_str(&out->memory, d->facets.keys[d->facets_told]);
        held = copy.data && vec_push(&out->facets, ((draft_facet){load_u32(copy.data),
                                                                  str_slice(copy, 4, copy.len)}));
    }
    return held ? ANP_OK : error_nomem(err, "the vocabulary");
}

/* More words than `most`? They are counted only where the bytes allow as many. */
static bool has_more_words(drafter *d, str text, size_t most) {
    text_word word;
    size_t at = 0, count = 0;
    while (text.len > most && count <= most && analyzer_next(d->analyzer, text, &at, &word)) {
        count++;
    }
    return count > most;
}

bool drafter_must_count(const drafter *d, const post *article) {
    return article->title.len > TITLE_WORDS_MAX ||
           article->body.len > analyzer_words_max(d->analyzer);
}

/* Before the lexicon sees a word: posts that are left out leave no terms behind, and so the index's
   numbers do not depend on which drafter met them. */
static anp_status check_words(drafter *d, const post *article, anp_error *err) {
    uint32_t most = analyzer_words_max(d->analyzer);
    if (has_more_words(d, article->title, TITLE_WORDS_MAX)) {
        return error_set(err, ANP_BAD_POST,
                         "the title has more than %d words; is it the body?", TITLE_WORDS_MAX);
    }
    if (has_more_words(d, article->body, most)) {
        return error_set(err, ANP_BAD_POST, "the body has more than %u words; split it", most);
    }
    return ANP_OK;
}

static anp_status read_words(drafter *d, const post *article, anp_error *err) {
    TRY(lexicon_read(d->lexicon, article->title, &d->title, err));
    return lexicon_read(d->lexicon, article->body, &d->body, err);
}

anp_status draft_post_add(drafter *d, const draft_options *options, const post *article, draft *out,
                          anp_error *err) {
    draft_post made = {.status = ANP_OK};
    TRY(check_words(d, article, err));
    anp_status status = read_words(d, article, err);
    if (status == ANP_OK) {
        status = append(d, options, article, out, &made, err);
    }
    if (status == ANP_OK) {
        status = tell_fresh(d, out, err);
    }
    if (status == ANP_OK && !vec_push(&out->posts, made)) {
        status = error_nomem(err, "a batch of posts");
    }
    if (status != ANP_OK) {
        d->restart = true;
    }
    return status;
}

static anp_status leave_out(const raw_post *raw, uint64_t line, bool held_back,
                            const anp_error *reason, draft *out, anp_error *err) {
    draft_post made = {.status = ANP_BAD_POST, .held_back = held_back, .file = raw->file,
                       .line = line};
    if (!held_back) {
        made.reason = arena_str(&out->memory, str_from(reason->message)).data;
    }
    bool held = (held_back || made.reason) && vec_push(&out->posts, made);
    return held ? ANP_OK : error_nomem(err, "a batch of posts");
}

anp_status draft_raw_add(drafter *d, const draft_options *options, const raw_post *raw, draft *out,
                         anp_error *err) {
    anp_error reason = ANP_ERROR_INIT;
    post article;
    uint64_t line;
    anp_status status = raw_post_read(raw, !d->stores, &d->scratch, &article, &line, &reason);
    bool held_back = status == ANP_OK && options->require_reviewed && !article.reviewed;
    if (status == ANP_OK && !held_back) {
        status = draft_post_add(d, options, &article, out, &reason);
    }
    if (status == ANP_BAD_POST || held_back) {
        status = leave_out(raw, line, held_back, &reason, out, &reason);
    } else if (status == ANP_OK) {
        out->posts.items[out->posts.count - 1].file = raw->file;
        out->posts.items[out->posts.count - 1].line = line;
    }
    arena_rewind(&d->scratch, d->start);
    if (status != ANP_OK && err) {
        *err = reason;
    }
    return status;
}

void draft_drop_features(draft *d) {
    free(d->features.items);
    d->features.items = NULL;
    d->features.count = d->features.capacity = 0;
}

static void drop_strings(draft *d) {
    free(d->terms.items);
    free(d->fields.items);
    free(d->facets.items);
    d->terms.items = NULL;
    d->fields.items = NULL;
    d->facets.items = NULL;
    d->terms.count = d->terms.capacity = 0;
    d->fields.count = d->fields.capacity = 0;
    d->facets.count = d->facets.capacity = 0;
    arena_free(&d->memory);
}

void draft_drop_taken(draft *d) {
    buffer_free(&d->stored);
    buffer_free(&d->samples);
    draft_drop_features(d);
    drop_strings(d);
    free(d->values.items);
    d->values.items = NULL;
    d->values.count = d->values.capacity = 0;
}

void draft_finish(drafter *d, draft *out) {
    uint8_t *fitting = out->kept.len ? realloc(out->kept.data, out->kept.len) : NULL;
    if (fitting) {
        out->kept.data = fitting;
        out->kept.capacity = out->kept.len;
    }
    d->last = (draft_room){out->kept.len, out->stored.len, out->values.count, out->features.count};
}

void draft_free(draft *d) {
    draft_drop_taken(d);
    free(d->posts.items);
    buffer_free(&d->kept);
    *d = (draft){0};
}
