#include "world_internal.h"

#include "daemon/core/search_restore.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static void save_trials(struct world_search *row, const struct sched_write *write)
{
    const struct search *search = write->search;
    for (int i = 0; i < write->add_n; i++) {
        int step = search->streams[write->add_stream].proposed + i;
        struct world_trial *t = &row->trial[search->plan.streams[write->add_stream].first + step];
        assert(!t->exists);
        *t = (struct world_trial){.exists = true,
                                  .stream = write->add_stream,
                                  .step = step,
                                  .state = TRIAL_READY,
                                  .created_us = write->now.wall_us};
        memcpy(t->ratios, write->add_ratios + i * WORLD_K, sizeof t->ratios);
        t->origin = write->add_origins[i];
    }
    for (size_t i = 0; i < write->trials_n; i++) {
        const struct trial_change *change = &write->trials[i];
        struct world_trial *t = &row->trial[change->number];
        assert(t->exists);
        if (change->half == HALF_HELDOUT) {
            t->heldout_state = change->to;
            continue;
        }
        t->state = change->to;
        t->attempts = change->attempts;
        if (change->reason)
            snprintf(t->reason, sizeof t->reason, "%s", change->reason);
    }
}

static void save_result(struct world_search *row, const struct sched_write *write)
{
    const struct trial_change *change = &write->trials[0];
    struct world_trial *t = &row->trial[change->number];
    if (change->half == HALF_SEARCH) {
        t->done_us = write->now.wall_us;
        t->wall_s = write->wall_s;
    }
    if (change->to == TRIAL_STOPPED) {
        row->stopped++;
        return;
    }
    assert(change->to == TRIAL_DONE);
    assert(t->scores_n[change->half] == 0); /* never two scores for one */
    t->scores_n[change->half] = (int)write->result->scores_n;
    for (int j = 0; j < WORLD_M; j++) {
        t->means[change->half][j] = write->result->scores[j].mean;
        t->stderrs[change->half][j] = write->result->scores[j].stderr_;
    }
}

static void save_events(struct world_search *row, const struct sched_write *write)
{
    for (size_t i = 0; i < write->events_n; i++) {
        assert(row->events_n < WORLD_EVENTS && row->events_n == write->search->log.n + (int)i);
        struct world_event *e = &row->event[row->events_n++];
        e->event = write->events[i];
        if (e->event.kind == OPT_EVENT_SLICE || e->event.kind == OPT_EVENT_STOPPED) {
            memcpy(e->means, e->event.means, sizeof e->means);
            memcpy(e->stderrs, e->event.stderrs, sizeof e->stderrs);
            e->event.means = e->means;
            e->event.stderrs = e->stderrs;
        } else {
            e->event.means = e->event.stderrs = NULL; /* those of a done one are the trial's */
        }
    }
}

static void save_leases(struct world *world, const struct sched_write *write)
{
    if (write->grant) {
        assert(world->lease_n < WORLD_LEASES);
        world->lease[world->lease_n++] = *write->grant;
    }
    for (size_t i = 0; i < write->leases_n; i++) {
        struct lease *lease = NULL;
        for (int l = 0; l < world->lease_n; l++)
            if (!strcmp(world->lease[l].token, write->leases[i].token))
                lease = &world->lease[l];
        assert(lease && lease->state == LEASE_ACTIVE); /* as store_lease_end insists */
        lease->state = write->leases[i].to;
        world->expired += lease->state == LEASE_EXPIRED;
    }
}

int world_persist(void *ctx, const struct sched_write *write, struct err *err)
{
    struct world *world = ctx;
    if (world_happens(world, world->options.disk_fails)) {
        world->disk_errors++;
        return err_set(err, ERR_IO, "the disk is full");
    }
    struct world_search *row = &world->search[write->search->id - 1];
    assert(write->revision == row->revision + 1);
    row->revision = write->revision;
    save_trials(row, write);
    if (write->result)
        save_result(row, write);
    save_events(row, write);
    save_leases(world, write);
    if (write->new_state) {
        row->state = write->state;
        snprintf(row->reason, sizeof row->reason, "%s", write->reason ? write->reason : "");
    }
    return 0;
}

/* The search as it was before the daemon died. */
void world_load(struct world *world, int64_t id)
{
    struct search *search = world_make_search(&world->options, id);
    const struct world_search *row = &world->search[id - 1];
    struct restore *restore = restore_begin(search);
    struct err err = {0};
    for (int i = 0; i < WORLD_TRIALS; i++) {
        const struct world_trial *t = &row->trial[i];
        if (!t->exists)
            continue;
        struct trial_record record = {.number = i,
                                      .stream = t->stream,
                                      .step = t->step,
                                      .ratios = t->ratios,
                                      .state = t->state,
                                      .heldout_state = t->heldout_state,
                                      .attempts = t->attempts,
                                      .reason = *t->reason ? t->reason : NULL,
                                      .created_us = t->created_us,
                                      .done_us = t->done_us,
                                      .wall_s = t->wall_s,
                                      .origin = t->origin};
        int rc = restore_trial(restore, &record, &err);
        assert(!rc);
    }
    for (int i = 0; i < WORLD_TRIALS; i++)
        for (int h = 0; h < HALVES_N; h++) {
            const struct world_trial *t = &row->trial[i];
            if (!t->scores_n[h])
                continue;
            struct score scores[WORLD_M] = {{"task.m0", t->means[h][0], t->stderrs[h][0], 1, NULL, 0},
                                            {"task.m1", t->means[h][1], t->stderrs[h][1], 1, NULL, 0}};
            int rc = restore_scores(restore, i, (enum half)h, scores, WORLD_M, &err);
            assert(!rc);
        }
    for (int i = 0; i < row->events_n; i++) {
        int rc = restore_event(restore, i, &row->event[i].event, &err);
        assert(!rc);
    }
    int rc = restore_finish(restore, &err);
    if (rc)
        fprintf(stderr, "%s\n", err.text);
    assert(!rc);
    search->state = row->state;
    text_replace(&search->reason, *row->reason ? row->reason : NULL);
    search->revision = row->revision;
    search->created_wall_us = BORN_WALL_US;
    sched_add(&world->sched, search, world->now);
}
