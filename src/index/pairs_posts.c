/* Pairs of words out of posts by number: each post's words put to their places, then looked
   through. See pairs_make.h. */
#include "base/error.h"
#include "index/pairs_impl.h"

/* What a drafter's numbers of terms, which many posts share, are called here. */
typedef struct names_map {
    const uint32_t *map;
    uint64_t *asked; /* by number: a bit where it is a word, for most are none */
    uint32_t *words;
} names_map;

typedef struct source {
    const unit_info *info;
    const forward_view *posts;
    bool titles; /* pairs are looked for there too */
    VEC(names_map) maps;
    size_t hand; /* of the last post's map */
} source;

/* ---- Numbers of terms ---------------------------------------------------------------------- */

static void free_maps(source *s) {
    for (size_t i = 0; i < s->maps.count; i++) {
        free(s->maps.items[i].words);
        free(s->maps.items[i].asked);
    }
    s->maps.count = s->hand = 0;
}

/* The map of a post, or maps.count. */
static size_t find_map(const source *s, const uint32_t *map) {
    size_t at = s->hand;
    if (at < s->maps.count && s->maps.items[at].map == map) {
        return at;
    }
    for (at = 0; at < s->maps.count && s->maps.items[at].map != map; at++) {
    }
    return at;
}

static anp_status begin(void *user, const pairs_maker *m, anp_error *err) {
    source *s = user;
    free_maps(s);
    for (uint32_t i = 0; i < s->info->count; i++) {
        const forward_view *post = &s->posts[i];
        s->hand = find_map(s, post->map);
        if (!post->map || s->hand < s->maps.count) {
            continue;
        }
        names_map names = {post->map, calloc(post->map_count / 64 + 1u, sizeof *names.asked),
                           malloc((post->map_count + 1u) * sizeof *names.words)};
        if (!names.asked || !names.words || !vec_push(&s->maps, names)) {
            free(names.asked);
            free(names.words);
            return error_nomem(err, "pairs of words");
        }
        for (uint32_t t = 0; t < post->map_count; t++) {
            names.words[t] = pairs_word_of(m, post->map[t]);
            names.asked[t / 64] |= (uint64_t)(names.words[t] > 0) << t % 64;
        }
    }
    return ANP_OK;
}

/* ---- Posts --------------------------------------------------------------------------------- */

/* tf words from *at on; false when the bytes are damaged. inside: VARINT_NEAR_BYTES behind the end
   may be read. */
static inline __attribute__((always_inline)) bool
stand(pairs_maker *m, uint32_t word, const uint8_t **at, const uint8_t *end, bool inside,
      uint32_t tf, size_t from, uint32_t places) {
    uint64_t place = 0;
    for (uint32_t i = 0; i < tf; i++) {
        uint32_t delta;
        *at = inside ? varint_read_near(*at, end, &delta) : varint_read_u32(*at, end, &delta);
        if (!*at) {
            return false;
        }
        place += delta + (i > 0);
        if (place >= places) {
            return false;
        }
        pairs_stand(m, word, from + place);
    }
    return true;
}

/* A word's places in the body, and behind them in the title. */
static inline __attribute__((always_inline)) bool
stand_in_post(const source *s, pairs_maker *m, uint32_t word, uint16_t low, str payload,
              const forward_view *post, bool inside) {
    const uint8_t *at = (const uint8_t *)payload.data, *end = at + payload.len;
    const forward_head *head = &post->head;
    uint32_t body_tf, title_tf;
    at = varint_read_u32(at, end, &body_tf);
    at = at ? varint_read_u32(at, end, &title_tf) : NULL;
    if (at && (body_tf || (s->titles && title_tf))) {
        pairs_hold(m, word, low);
    }
    return at && stand(m, word, &at, end, inside, body_tf, 0, head->body_words) &&
           (!s->titles ||
            stand(m, word, &at, end, inside, title_tf, head->body_words, head->title_words));
}

/* The next word that is asked for; 0 at the end. names: NULL in a post without a map. */
static uint32_t next_word(const pairs_maker *m, const names_map *names, forward_walk *walk,
                          str *payload) {
    uint32_t number, word = 0;
    while (!word && forward_walk_next(walk, &number, payload)) {
        if (!names) {
            word = pairs_word_of(m, number);
        } else if (names->asked[number / 64] >> number % 64 & 1) {
            word = names->words[number];
        }
        walk->term = names ? 0 : walk->term; /* a drafter's numbers are no differences */
    }
    return word;
}

static anp_status show_post(source *s, pairs_maker *m, uint32_t post, anp_error *err) {
    const forward_view *view = &s->posts[post];
    const forward_head *head = &view->head;
    uint16_t low = window_low(s->info->first + post);
    forward_walk walk = forward_walk_open(view);
    uint32_t word, title_words = s->titles ? head->title_words : 0;
    const names_map *names = NULL;
    str payload;
    if (head->body_words > POST_WORDS_MAX || title_words > POST_WORDS_MAX) {
        return error_corrupt(err, "a forward record is damaged");
    }
    if (view->map) {
        s->hand = find_map(s, view->map);
        names = &s->maps.items[s->hand];
        walk.map = NULL;
    }
    TRY(pairs_begin(m, (size_t)head->body_words + title_words, err));
    pairs_turn_to(m, low);
    while ((word = next_word(m, names, &walk, &payload))) {
        bool inside = view->terms_end - walk.at >= VARINT_NEAR_BYTES;
        if (!(inside ? stand_in_post(s, m, word, low, payload, view, true)
                     : stand_in_post(s, m, word, low, payload, view, false))) {
            return error_corrupt(err, "a forward record is damaged");
        }
    }
    pairs_count_body(m, head->body_words);
    TRY(pairs_end(m, low, 0, head->body_words, err));
    return pairs_end(m, low, head->body_words, title_words, err);
}

static anp_status show(void *user, pairs_maker *m, uint32_t block, uint32_t count,
                       anp_error *err) {
    source *s = user;
    uint32_t first = window_low(s->info->first), low = block * BLOCK_DOCS;
    for (uint32_t end = low + count * BLOCK_DOCS; low < end; low++) {
        if (low >= first && low - first < s->info->count) {
            TRY(show_post(s, m, low - first, err));
        }
    }
    return ANP_OK;
}

anp_status pairs_make_of_posts(unit_sink sink, const unit_info *info, uint32_t title_weight,
                               const forward_view *posts, const pairs_words *words,
                               anp_error *err) {
    source s = {.info = info, .posts = posts, .titles = title_weight > 0};
    pairs_unit_sink target = {sink, info};
    uint64_t total = 0;
    for (uint32_t i = 0; i < info->count; i++) {
        total += (uint64_t)posts[i].head.body_words + posts[i].head.title_words;
    }
    pairs_source all = {begin, show, NULL, &s, window_low(info->first), info->count, total};
    anp_status status = pairs_make(&all, words, pairs_sink_of_unit(&target), err);
    free_maps(&s);
    free(s.maps.items);
    return status;
}
