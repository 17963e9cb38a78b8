#include "client/export_job.h"

#include "merge/recipe/recipe.h"
#include "proto/mem.h"

void export_job_fini(struct export_job *job)
{
    for (size_t i = 0; i < job->items_n; i++) {
        mem_free(job->items[i].directory);
        mem_free(job->items[i].ratios);
        mem_free(job->items[i].effective);
    }
    mem_free(job->items);
    pair_close(&job->pair);
    recipe_free(job->recipe);
    if (job->spec)
        search_spec_fini(job->spec);
    mem_free(job->spec);
    mem_free(job->base);
    mem_free(job->tuned);
}

struct export_item *export_job_add(struct export_job *job, int64_t trial)
{
    job->items = mem_grow(job->items, job->items_n + 1, sizeof *job->items);
    struct export_item *item = &job->items[job->items_n++];
    *item = (struct export_item){.trial = trial};
    return item;
}
