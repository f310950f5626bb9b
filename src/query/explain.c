/* See explain.h. Each part is computed anew by the functions of rank/bm25.h that scored it. */
#include "query/explain.h"

static anp_status nomem(anp_error *err) {
    return error_nomem(err, "the explanation of a hit");
}

/* A term by its word, a term of a phrase by both, a value as it was typed. */
static str name_of(const scorer *item, str text, arena *perm) {
    const query_node *source = item->node->source;
    str typed = str_slice(text, source->start, source->end);
    if (item->node->kind == PLAN_PHRASE) {
        return arena_format(perm, "%.*s in \"%.*s\"", (int)item->term->name.len,
                            item->term->name.data, (int)source->text.len, source->text.data);
    }
    if (item->term) {
        return item->term->name;
    }
    if (item->node->kind == PLAN_VALUE) {
        return arena_format(perm, "%.*s:%.*s", (int)source->meta.name.len, source->meta.name.data,
                            (int)typed.len, typed.data);
    }
    return arena_str(perm, typed);
}

/* *adds false: this scorer has no part in the hit. */
static anp_status explain_part(snapshot *s, const scorer *item, uint32_t docno, str text,
                               arena *perm, query_part *part, bool *adds, anp_error *err) {
    *part = (query_part){.boost = item->boost, .constant = !item->term};
    *adds = bitmap_contains(item->where, docno);
    if (!*adds) {
        return ANP_OK;
    }
    if (item->term) {
        TRY(score_posting(s, item->term, docno, perm, &part->tf, &part->length, err));
        *adds = part->tf > 0;
        if (!*adds) {
            return ANP_OK;
        }
        float norm = rank_norm_of(item->norm, part->length);
        part->df = item->term->df;
        part->idf = item->idf;
        part->length_average = snapshot_length_average(s, item->term->field);
        part->norm = (double)norm;
        part->score = (double)rank_contribution(item->weight, part->tf, norm) / RANK_ONE;
    } else {
        part->score = (double)item->constant / RANK_ONE;
    }
    part->name = name_of(item, text, perm);
    return part->name.data ? ANP_OK : nomem(err);
}

anp_status explain_make(snapshot *s, const scorer_list *scorers, const scored *hit, str text,
                        const rank_settings *rank, arena *perm, query_explanation **out,
                        anp_error *err) {
    query_explanation *e = arena_new(perm, query_explanation);
    if (e) {
        e->parts = arena_array(perm, query_part, scorers->count + 1);
    }
    if (!e || !e->parts) {
        return nomem(err);
    }
    for (size_t i = 0; i < scorers->count; i++) {
        bool adds;
        TRY(explain_part(s, &scorers->items[i], hit->docno, text, perm, &e->parts[e->part_count],
                         &adds, err));
        e->part_count += adds;
    }
    window_columns columns;
    uint16_t low = window_low(hit->docno);
    TRY(snapshot_columns_of(s, hit->docno >> WINDOW_BITS, &low, 1, &columns, err));
    for (int i = 0; i < RANK_SCORES; i++) {
        e->scores[i] = (double)columns.scores[low][i];
    }
    e->prior = hit->prior;
    e->factor = rank_factor(rank->blend, hit->prior);
    e->post_count = snapshot_post_count(s);
    *out = e;
    return ANP_OK;
}
