/* See weigh.h. */
#include "similar/weigh.h"

#include "base/error.h"
#include "base/pages.h"

#include <math.h>
#include <stdlib.h>

uint64_t weigh_feature(uint64_t n, uint32_t df, int power) {
    double rarity = log((double)n / (double)(df > 2 ? df : 2));
    if (power == WEIGH_COUNT) {
        return 1;
    }
    rarity = rarity > 0 ? rarity : 0;
    return (uint64_t)llround((power == 2 ? rarity * rarity : rarity * rarity * rarity) * 65536.0);
}

void weighing_close(weighing *w) {
    free(w->weights);
    free(w->totals);
    free(w->totals_near);
    *w = (weighing){0};
}

static void fill_weights(weighing *w, uint64_t n, int power, const uint32_t *inside) {
    const family *f = w->family;
    uint64_t weight = 0;
    for (uint32_t c = 0; c < f->class_count; c++) {
        if (c == 0 || f->df[c] != f->df[c - 1]) { /* classes stand by df */
            weight = weigh_feature(n, f->df[c], power);
        }
        uint64_t shared = inside ? inside[c] : 0;
        w->weights[c] = (f->members[c] - shared) * weight;
        if (shared) {
            w->weights[c] += shared * weigh_feature(n, f->df[c] + 1, power);
        }
    }
}

static uint64_t total_of(const weighing *w, uint32_t item) {
    const family *f = w->family;
    uint64_t total = 0;
    for (size_t j = f->item_start[item]; j < f->item_start[item + 1]; j++) {
        total += w->weights[f->item_classes[j]];
    }
    return total;
}

static void fill_totals(weighing *w) {
    const family *f = w->family;
    for (uint32_t zone = 0; zone < f->zone_count; zone++) {
        w->zone_least[zone] = UINT64_MAX;
        for (uint32_t place = f->zone_start[zone]; place < f->zone_start[zone + 1]; place++) {
            uint32_t item = family_item(f, place);
            if (item >= f->item_count) {
                w->totals_near[place] = INFINITY;
                continue;
            }
            uint64_t total = total_of(w, item);
            w->totals[item] = total;
            w->totals_near[place] = (float)total;
            w->zone_least[zone] = total < w->zone_least[zone] ? total : w->zone_least[zone];
            w->zone_most[zone] = total > w->zone_most[zone] ? total : w->zone_most[zone];
        }
    }
}

anp_status weighing_open(const family *f, uint64_t n, int power, const uint32_t *inside,
                         weighing *out, anp_error *err) {
    size_t padded = f->row_words * 64;
    *out = (weighing){.family = f};
    out->weights = pages_alloc(((size_t)f->class_count + 1) * sizeof *out->weights);
    out->totals = pages_alloc(((size_t)f->item_count + 1) * sizeof *out->totals);
    out->totals_near = pages_alloc((padded + 1) * sizeof *out->totals_near);
    if (!out->weights || !out->totals || !out->totals_near) {
        weighing_close(out);
        return error_nomem(err, "similar posts");
    }
    fill_weights(out, n, power, inside);
    fill_totals(out);
    return ANP_OK;
}
