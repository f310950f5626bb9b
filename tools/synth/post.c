/* Post N as a pure function of N.
 *
 * Stack, problem, checklist and opening follow N by modulo, as the site's posts show them; all else
 * is drawn from one stream seeded by N. So the order of the draws is part of the format: a new draw
 * goes behind the last one.
 *
 *     N ──> mod ──> stack, problem, checklist, opening (title and intro together)
 *      └──> draws ─> look ─> sections ─> images ─> code ─> scores, dates, hashes
 *
 * Sections are shuffled, and paragraphs inside their section; they are taken in that order until
 * the count is reached, so the last section is often cut short. */
#include "post.h"

#include "prng.h"

/* How many images a post has: each entry is as likely as any other. */
static const uint8_t IMAGE_COUNTS[16] = {0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 3, 4, 5, 5};

static const char *const DIFFICULTIES[3] = {"beginner", "intermediate", "advanced"};
static const char *const STATUSES[3] = {"drafted", "reviewed", "expanded"};

enum {
    BARE_IN_16 = 2,
    CODE_IN_16 = 5,
    IMAGE_HEAVY = 4, /* images */
    FIRST_YEAR = 2020,
    REVIEW_MONTHS = 79, /* January 2020 to July 2026 */
    REVIEW_DAYS = 28    /* the days that every month has */
};

static uint32_t gcd(uint32_t a, uint32_t b) {
    while (b != 0) {
        uint32_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* N mod stacks and N mod problems meet in every pair only if the sizes share no divisor (31 and 33
 * do not). Where they do, the problem moves on by one after each full round. */
static size_t problem_index(uint64_t number, synth_sizes sizes) {
    uint32_t shared = gcd(sizes.stacks, sizes.problems);
    uint64_t round = (uint64_t)sizes.stacks / shared * sizes.problems;
    uint64_t shift = shared > 1 ? number / round : 0;
    return (size_t)((number + shift) % sizes.problems);
}

static void join(char name[SYNTH_NAME_MAX], const char *first, const char *second) {
    size_t len = 0;
    for (; *first != '\0' && len < SYNTH_NAME_MAX - 2; first++) {
        name[len++] = *first;
    }
    if (*second != '\0') {
        name[len++] = ' ';
    }
    for (; *second != '\0' && len < SYNTH_NAME_MAX - 1; second++) {
        name[len++] = *second;
    }
    name[len] = '\0';
}

/* Composed names walk both words at once: neighbours differ in both, and each pair comes once. */
static void pick_stack(synth_post *post, size_t index) {
    if (index < SYNTH_STACKS) {
        post->facts = &synth_stacks[index];
        join(post->stack, post->facts->name, "");
        return;
    }
    size_t rest = index - SYNTH_STACKS;
    size_t domain = rest % SYNTH_DOMAINS;
    post->facts = &synth_kinds[(rest / SYNTH_DOMAINS + domain) % SYNTH_KINDS];
    join(post->stack, synth_domains[domain], post->facts->name);
}

static void pick_problem(synth_post *post, size_t index) {
    if (index < SYNTH_PROBLEMS) {
        join(post->problem, synth_problems[index], "");
        return;
    }
    size_t rest = index - SYNTH_PROBLEMS;
    size_t object = rest % SYNTH_OBJECTS;
    size_t gerund = (rest / SYNTH_OBJECTS + object) % SYNTH_GERUNDS;
    join(post->problem, synth_gerunds[gerund], synth_objects[object]);
}

static void shuffle(synth_prng *prng, uint8_t *order, size_t count) {
    for (size_t i = 0; i < count; i++) {
        order[i] = (uint8_t)i;
    }
    for (size_t i = count; i > 1; i--) {
        size_t other = synth_prng_below(prng, (uint32_t)i);
        uint8_t kept = order[i - 1];
        order[i - 1] = order[other];
        order[other] = kept;
    }
}

static void pick_sections(synth_post *post, synth_prng *prng) {
    post->paragraphs = synth_prng_between(prng, SYNTH_PARAGRAPHS_MIN, SYNTH_PARAGRAPHS_MAX);
    size_t left = post->paragraphs - 1; /* the final notes are one */
    uint8_t sections[SYNTH_SECTIONS];
    shuffle(prng, sections, SYNTH_SECTIONS);
    post->part_count = 0;
    for (size_t i = 0; i < SYNTH_SECTIONS; i++) {
        /* Shuffled even when not shown: the number of draws does not depend on the count. */
        synth_part *part = &post->parts[i];
        part->section = &synth_sections[sections[i]];
        shuffle(prng, part->order, part->section->paragraph_count);
        part->count = part->section->paragraph_count < left ? part->section->paragraph_count : left;
        left -= part->count;
        post->part_count += part->count > 0;
    }
}

static void pick_images(synth_post *post, synth_prng *prng) {
    uint32_t count = IMAGE_COUNTS[synth_prng_below(prng, 16)];
    post->image_count = post->bare ? 0 : count;
    post->image_heavy = post->image_count >= IMAGE_HEAVY;
    for (size_t i = 0; i < SYNTH_IMAGES_MAX; i++) {
        post->images[i].source = (synth_image_source)synth_prng_below(prng, SYNTH_IMAGE_SOURCES);
        post->images[i].photo = synth_prng_next(prng);
    }
}

static void pick_snippet(synth_post *post, synth_prng *prng) {
    uint32_t chance = synth_prng_below(prng, 16);
    uint32_t which = (uint32_t)(synth_prng_next(prng) >> 32);
    post->snippet = NULL;
    if (post->bare || chance >= CODE_IN_16) {
        return;
    }
    uint32_t matches = 0;
    for (size_t i = 0; i < synth_snippet_count; i++) {
        matches += strcmp(synth_snippets[i].language, post->facts->language) == 0;
    }
    if (matches == 0) {
        return;
    }
    which %= matches;
    for (size_t i = 0; post->snippet == NULL; i++) {
        if (strcmp(synth_snippets[i].language, post->facts->language) == 0 && which-- == 0) {
            post->snippet = &synth_snippets[i];
        }
    }
}

static void pick_meta(synth_post *post, synth_prng *prng) {
    post->difficulty = DIFFICULTIES[synth_prng_below(prng, 3)];
    post->reading_time = synth_prng_between(prng, 4, 14);
    post->view_count = synth_prng_between(prng, 1000, 999999);
    post->quality = synth_prng_between(prng, 70, 100);
    post->freshness = synth_prng_between(prng, 70, 100);
    post->depth = synth_prng_between(prng, 70, 100);
    post->clarity = synth_prng_between(prng, 70, 100);
    uint32_t status = synth_prng_below(prng, 3);
    post->status = STATUSES[status];
    post->version_minor = synth_prng_below(prng, 10);
    post->version_patch = synth_prng_below(prng, 10);
    uint32_t month = synth_prng_below(prng, REVIEW_MONTHS);
    post->reviewed_year = FIRST_YEAR + month / 12;
    post->reviewed_month = month % 12 + 1;
    post->reviewed_day = synth_prng_between(prng, 1, REVIEW_DAYS);
    post->reference_tail = synth_prng_between(prng, 1000, 9999);
    /* A draft needs a person; of the others one in eight was sent back. */
    bool sent_back = synth_prng_below(prng, 8) == 0;
    post->needs_human_review = status == 0 || sent_back;
    post->hash_high = synth_prng_next(prng);
    post->hash_low = (uint32_t)(synth_prng_next(prng) >> 32);
    post->file_hash = synth_prng_next(prng);
}

void synth_post_make(synth_post *post, uint64_t number, synth_sizes sizes) {
    synth_prng prng = synth_prng_for(number);
    post->number = number;
    pick_stack(post, (size_t)(number % sizes.stacks));
    pick_problem(post, problem_index(number, sizes));
    post->checklist = synth_checklists[number % SYNTH_CHECKLISTS];
    post->opening = &synth_openings[number % SYNTH_OPENINGS];
    post->ending = synth_endings[synth_prng_below(&prng, SYNTH_ENDINGS)];
    post->scenario = synth_scenarios[synth_prng_below(&prng, SYNTH_SCENARIOS)];
    post->bare = synth_prng_below(&prng, 16) < BARE_IN_16;
    pick_sections(post, &prng);
    pick_images(post, &prng);
    pick_snippet(post, &prng);
    pick_meta(post, &prng);
}

void synth_post_add_template(synth_buffer *buffer, const synth_post *post, const char *text) {
    for (;;) {
        const char *mark = strchr(text, '{');
        if (mark == NULL) {
            synth_buffer_add_text(buffer, text);
            return;
        }
        synth_buffer_add(buffer, text, (size_t)(mark - text));
        const char *value = mark[1] == 'p' ? post->problem
                          : mark[1] == 's' ? post->stack
                                           : post->scenario;
        synth_buffer_add_text(buffer, value);
        text = mark + 3;
    }
}

void synth_post_add_id(synth_buffer *buffer, const synth_post *post) {
    synth_buffer_add_number(buffer, post->number, 6);
}

void synth_post_add_title(synth_buffer *buffer, const synth_post *post) {
    synth_post_add_template(buffer, post, post->opening->title);
    synth_buffer_add_text(buffer, post->ending);
}

void synth_post_add_version(synth_buffer *buffer, const synth_post *post) {
    synth_buffer_add_text(buffer, "1.");
    synth_buffer_add_number(buffer, post->version_minor, 1);
    synth_buffer_add_text(buffer, ".");
    synth_buffer_add_number(buffer, post->version_patch, 1);
}

void synth_post_add_reviewed(synth_buffer *buffer, const synth_post *post) {
    synth_buffer_add_number(buffer, post->reviewed_year, 4);
    synth_buffer_add_text(buffer, "-");
    synth_buffer_add_number(buffer, post->reviewed_month, 2);
    synth_buffer_add_text(buffer, "-");
    synth_buffer_add_number(buffer, post->reviewed_day, 2);
}

void synth_post_add_reference(synth_buffer *buffer, const synth_post *post) {
    synth_buffer_add_text(buffer, "anp-ref-");
    synth_post_add_id(buffer, post);
    synth_buffer_add_text(buffer, "-");
    synth_buffer_add_number(buffer, post->reference_tail, 4);
}

void synth_post_add_hash(synth_buffer *buffer, const synth_post *post) {
    synth_buffer_add_hex(buffer, post->hash_high, 16);
    synth_buffer_add_hex(buffer, post->hash_low, 8);
}
