#include <anpsearch.h>
#include <stdio.h>

int main(void) {
    anp_error err = ANP_ERROR_INIT;
    anp_index *index;
    anp_writer *writer;
    anp_snapshot *snapshot;
    anp_results *results;
    const char post[] = "{\"id\":\"1\",\"title\":\"Cache rules\","
                        "\"body\":\"Invalidate by key.\"}";
    if (anp_index_open("posts.db", ANP_OPEN_CREATE, NULL, &index, &err)) goto fail;
    if (anp_writer_open(index, &writer, &err)) goto fail;
    if (anp_writer_add(writer, post, sizeof post - 1, &err)) goto fail;
    if (anp_writer_commit(writer, &err)) goto fail;
    anp_writer_close(writer);
    if (anp_snapshot_open(index, &snapshot, &err)) goto fail;
    if (anp_query(snapshot, "cache", NULL, &results, &err)) goto fail;
    for (size_t i = 0; i < anp_results_count(results); i++) {
        anp_hit hit = anp_results_hit(results, i);
        printf("%.2f %s %s\n", hit.score, hit.id, hit.title);
    }
    anp_results_free(results);
    anp_snapshot_close(snapshot);
    anp_index_close(index);
    return 0;
fail:
    fprintf(stderr, "%s\n", err.message);
    return 1;
}
