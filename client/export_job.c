#include "client/export_job.h"

#include "client/progress.h"
#include "client/text.h"
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

/* --- the bar --- */

void export_bar_begin(struct export_bar *bar, struct client *client, const char *verb)
{
    *bar = (struct export_bar){client, verb, client->tty && !client->json, -1};
    client_catch_interrupt(client);
}

static void draw(struct export_bar *bar, uint64_t done_bytes, uint64_t total_bytes)
{
    char done[TEXT_NUMBER_MAX], total[TEXT_NUMBER_MAX];
    int64_t permille = total_bytes ? (int64_t)((double)done_bytes / (double)total_bytes * 1000) : 1000;
    struct buf line;
    if (permille == bar->drawn_permille)
        return;
    bar->drawn_permille = permille;
    buf_init(&line, 4096);
    text_bytes(done, (double)done_bytes);
    text_bytes(total, (double)total_bytes);
    buf_printf(&line, "\r\033[K%s ", bar->verb);
    progress_bar(&line, (double)done_bytes, (double)total_bytes, 40);
    buf_printf(&line, " %s of %s", done, total);
    client_print(bar->client, &line);
    buf_fini(&line);
}

int export_bar_tick(void *ctx, uint64_t done_bytes, uint64_t total_bytes)
{
    struct export_bar *bar = ctx;
    if (bar->drawn)
        draw(bar, done_bytes, total_bytes);
    return client_is_interrupted(bar->client);
}

void export_bar_end(const struct export_bar *bar)
{
    if (!bar->drawn)
        return;
    fputs("\r\033[K", bar->client->out);
    fflush(bar->client->out);
}
