/* See group_build.h. */
#include "index/group_build.h"

#include "base/error.h"
#include "index/streams.h"

/* Of a window, whose lists the group has. */
static const store_table tables[] = {STORE_POSTINGS, STORE_POSITIONS, STORE_FACETS};

enum { TABLES = sizeof tables / sizeof *tables };

struct group_builder {
    uint32_t number;
    streams *values; /* by table, then by slot; keys are inner keys */
};

/* A stream's next value. */
typedef struct source {
    uint64_t inner; /* UINT64_MAX: none */
    str value;
} source;

anp_status group_builder_open(const char *beside, uint32_t group, group_builder **out,
                              anp_error *err) {
    *out = NULL;
    group_builder *g = calloc(1, sizeof *g);
    if (!g) {
        return error_nomem(err, "building a group of windows");
    }
    g->number = group;
    anp_status status = streams_open(beside, TABLES * GROUP_WINDOWS, &g->values, err);
    if (status != ANP_OK) {
        free(g);
        return status;
    }
    *out = g;
    return ANP_OK;
}

anp_status group_builder_put(group_builder *g, store_table table, uint64_t key, str value,
                             anp_error *err) {
    uint32_t at = 0;
    while (at + 1 < TABLES && tables[at] != table) {
        at++;
    }
    at = at * GROUP_WINDOWS + unit_slot(unit_key_unit(key));
    if (!(key & UNIT_PART_PACK)) {
        return streams_put(g->values, at, key & UNIT_KEY_INNER, value, err);
    }
    pack_cursor pack;
    uint64_t code;
    str entry;
    TRY(pack_open(value, &pack, err));
    anp_status status;
    while ((status = pack_next(&pack, &code, &entry, err)) == ANP_OK) {
        uint64_t inner = (key & UNIT_KEY_INNER & (uint64_t)15 << 44) | code << 4;
        TRY(streams_put(g->values, at, inner, entry, err));
    }
    return status == ANP_NOT_FOUND ? ANP_OK : status;
}

static void advance(group_builder *g, uint32_t at, source *s) {
    if (!streams_next(g->values, at, &s->inner, &s->value)) {
        s->inner = UINT64_MAX;
    }
}

static uint32_t least_source(const source *sources) {
    uint32_t least = 0;
    for (uint32_t i = 1; i < GROUP_WINDOWS; i++) {
        least = sources[i].inner < sources[least].inner ? i : least;
    }
    return least;
}

/* Packs are made for each table by itself, so tables need not go in step. */
static anp_status put_table(group_builder *g, uint32_t table, unit_packer *packer,
                            anp_error *err) {
    source sources[GROUP_WINDOWS];
    for (uint32_t i = 0; i < GROUP_WINDOWS; i++) {
        advance(g, table * GROUP_WINDOWS + i, &sources[i]);
    }
    uint32_t least;
    while (sources[least = least_source(sources)].inner != UINT64_MAX) {
        TRY(unit_packer_put(packer, sources[least].inner, sources[least].value, err));
        advance(g, table * GROUP_WINDOWS + least, &sources[least]);
    }
    return ANP_OK;
}

anp_status group_builder_finish(group_builder *g, unit_sink sink, anp_error *err) {
    unit_packer packer;
    TRY(streams_map(g->values, err));
    unit_packer_init(&packer, sink, UNIT_GROUP, g->number);
    anp_status status = ANP_OK;
    for (uint32_t table = 0; table < TABLES && status == ANP_OK; table++) {
        status = put_table(g, table, &packer, err);
    }
    if (status == ANP_OK) {
        status = unit_packer_finish(&packer, err);
    }
    unit_packer_free(&packer);
    return status;
}

void group_builder_close(group_builder *g) {
    if (g) {
        streams_close(g->values);
        free(g);
    }
}
