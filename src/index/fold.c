/* See fold.h. */
#include "index/fold.h"

/* A drafter's map, which grows while the next posts are taken, and the copy. */
typedef struct map_copy {
    const uint32_t *from;
    uint32_t *to;
} map_copy;

struct fold {
    unit_info unit;
    unit_job *job;
    forward_view *posts;
    batch_draft **drafts; /* by post */
    uint32_t held;        /* of these, so many */
    VEC(map_copy) maps;
    arena memory; /* of all copies */
};

static void *copy(fold *f, const void *items, size_t bytes) {
    void *to = arena_alloc(&f->memory, bytes);
    if (to && bytes) {
        memcpy(to, items, bytes);
    }
    return to;
}

static const uint32_t *copy_map(fold *f, const forward_view *view) {
    for (size_t i = f->maps.count; i-- > 0;) { /* posts of a drafter lie together */
        if (f->maps.items[i].from == view->map) {
            return f->maps.items[i].to;
        }
    }
    map_copy made = {view->map, copy(f, view->map, view->map_count * sizeof *view->map)};
    return made.to && vec_push(&f->maps, made) ? made.to : NULL;
}

static bool copy_post(fold *f, uint32_t i, const forward_view *view, batch_draft *from) {
    forward_view *made = &f->posts[i];
    *made = *view;
    made->numbers = copy(f, view->numbers, view->number_count * sizeof *view->numbers);
    made->facets = copy(f, view->facets, view->facet_count * sizeof *view->facets);
    made->map = copy_map(f, view);
    from->references++;
    f->drafts[f->held++] = from;
    return made->numbers && made->facets && made->map;
}

fold *fold_begin(pool *p, const catalog_settings *settings, const unit_info *unit,
                 const forward_view *posts, batch_draft *const *drafts) {
    fold *f = calloc(1, sizeof *f);
    if (!f) {
        return NULL;
    }
    f->unit = *unit;
    f->posts = malloc((unit->count + 1u) * sizeof *f->posts);
    f->drafts = malloc((unit->count + 1u) * sizeof(batch_draft *));
    bool held = f->posts && f->drafts;
    for (uint32_t i = 0; held && i < unit->count; i++) {
        held = copy_post(f, i, &posts[i], drafts[i]);
    }
    if (!held || unit_job_begin(p, settings, unit, f->posts, &f->job, NULL) != ANP_OK) {
        fold_free(f);
        return NULL;
    }
    return f;
}

bool fold_makes(const fold *f, const unit_info *unit) {
    return memcmp(&f->unit, unit, sizeof *unit) == 0;
}

anp_status fold_put(fold *f, unit_sink sink, anp_error *err) {
    return unit_job_put(f->job, sink, err);
}

void fold_free(fold *f) {
    if (f) {
        unit_job_free(f->job);
        for (uint32_t i = 0; i < f->held; i++) {
            batch_draft_release(f->drafts[i]);
        }
        free(f->posts);
        free(f->drafts);
        free(f->maps.items);
        arena_free(&f->memory);
        free(f);
    }
}
