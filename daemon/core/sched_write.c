/* How the scheduler changes anything: one transaction, first on disk, then in memory. */
#include "daemon/core/sched_internal.h"

#include "proto/mem.h"

#include <assert.h>
#include <string.h>

struct sched_write write_begin(const struct search *search, struct now now)
{
    return (struct sched_write){.search = search, .now = now, .revision = search->revision + 1};
}

static void apply_result(struct search *search, struct trial *trial, enum half half, enum trial_state to,
                         const struct sched_write *write)
{
    size_t at = (size_t)trial->number * (size_t)search->m, size = (size_t)search->m * sizeof(double);
    if (to == TRIAL_DONE) {
        memcpy(search->means[half] + at, write->means, size);
        memcpy(search->stderrs[half] + at, write->stderrs, size);
    }
    if (half != HALF_SEARCH)
        return;
    trial->merge_s = write->result->merge_s;
    trial->evaluate_s = write->result->evaluate_s;
    trial->wall_s = write->wall_s;
    doubles_replace(&trial->effective, write->result->effective, (size_t)search->k);
    trial->done_us = write->now.wall_us;
    search->last_done_us = write->now.wall_us;
}

static void apply_trials(struct search *search, const struct sched_write *write)
{
    for (size_t i = 0; i < write->trials_n; i++) {
        const struct trial_change *change = &write->trials[i];
        struct trial *trial = &search->trials[change->number];
        trial->job[change->half].attempts = change->attempts;
        if (change->reason)
            text_replace(&trial->job[change->half].reason, change->reason);
        if (change->to == TRIAL_DONE || change->to == TRIAL_STOPPED)
            apply_result(search, trial, change->half, change->to, write);
        search_trial_move(search, change->number, change->half, change->to);
        if (i == 0 && write->worker)
            text_replace(&trial->worker, write->worker);
    }
}

static void apply_leases(struct sched *sched, const struct sched_write *write)
{
    if (write->grant)
        lease_add(&sched->leases, write->grant);
    for (size_t i = 0; i < write->leases_n; i++) {
        struct lease *lease = lease_find(&sched->leases, write->leases[i].token);
        assert(lease && lease->state == LEASE_ACTIVE);
        lease->state = write->leases[i].to;
        struct worker *worker = fleet_by_name(&sched->fleet, lease->worker);
        if (worker && lease->state == LEASE_DONE)
            worker->done++;
        if (worker && (lease->state == LEASE_FAILED || lease->state == LEASE_EXPIRED))
            worker->failed++;
    }
    for (size_t i = 0; i < write->trials_n; i++)
        if (trial_is_settled(write->trials[i].to))
            lease_drop_job(&sched->leases, write->search->id, write->trials[i].number, write->trials[i].half);
}

static void apply(struct sched *sched, struct search *search, const struct sched_write *write)
{
    for (int i = 0; i < write->add_n; i++)
        search_trial_add(search, write->add_stream, write->add_ratios + i * search->k, &write->add_origins[i],
                         write->now.wall_us);
    apply_trials(search, write);
    for (size_t i = 0; i < write->events_n; i++)
        search_event_add(search, &write->events[i]);
    apply_leases(sched, write);
    if (write->new_state) {
        search_move(search, write->state);
        if (write->reason)
            text_replace(&search->reason, write->reason);
        if (search_state_is_final(write->state))
            search->ended_wall_us = write->now.wall_us;
    }
    search->revision = write->revision;
}

/* What the log says of a change; false when it says nothing. minimised: [m], of a result. */
static bool event_of(const struct search *search, const struct sched_write *write,
                     const struct trial_change *change, const double *minimised, struct search_event *out)
{
    const struct result *result = write->result;
    enum trial_state from = search->trials[change->number].job[HALF_SEARCH].state;
    *out = (struct search_event){.trial = change->number, .learnt_us = write->now.us};
    if (change->half != HALF_SEARCH)
        return false;
    if (change->to == TRIAL_DONE || change->to == TRIAL_STOPPED) {
        bool done = change->to == TRIAL_DONE;
        out->kind = done ? OPT_EVENT_DONE : OPT_EVENT_STOPPED;
        out->share = done ? 1 : (double)result->slices_done / result->slices;
        out->items = result->items > 0 ? result->items : slices_items(result->scores, result->scores_n);
        out->means = minimised;
        out->stderrs = write->stderrs;
        return true;
    }
    bool failed = change->to == TRIAL_QUARANTINED || change->to == TRIAL_CANCELLED;
    out->kind = failed ? OPT_EVENT_FAILED : OPT_EVENT_REOPENED;
    return failed || (change->to == TRIAL_READY && from == TRIAL_STOPPED);
}

int write_commit(struct sched *sched, struct search *search, const struct sched_write *write, struct err *err)
{
    struct sched_write whole = *write;
    struct search_event *events = mem_zero(write->trials_n + 1, sizeof *events);
    double minimised[OPT_M_MAX];
    if (write->result)
        search_minimised(search, write->means, minimised);
    if (write->slice)
        events[whole.events_n++] = *write->slice;
    for (size_t i = 0; i < write->trials_n; i++)
        whole.events_n += event_of(search, write, &write->trials[i], minimised, &events[whole.events_n]);
    whole.events = events;
    int rc = sched->ops.persist(sched->ops.ctx, &whole, err);
    if (!rc) {
        apply(sched, search, &whole);
        sched->ops.changed(sched->ops.ctx, search->id);
        if (whole.events_n > 0)
            sched->ops.learnt(sched->ops.ctx, search);
    }
    mem_free(events);
    return rc;
}

/* Every half that is ready or leased, as a change to CANCELLED. changes: room for both halves of every trial.
 */
static size_t collect_cancelled(const struct search *search, struct trial_change *changes)
{
    size_t n = 0;
    for (int i = 0; i < search->plan.trials; i++)
        for (int h = 0; h < HALVES_N; h++) {
            const struct trial_job *job = &search->trials[i].job[h];
            if (job->state == TRIAL_READY || job->state == TRIAL_LEASED)
                changes[n++] = (struct trial_change){i, (enum half)h, TRIAL_CANCELLED, job->attempts, NULL};
        }
    return n;
}

int write_stop(struct sched *sched, struct search *search, enum search_state to, const char *reason,
               struct now now, struct err *err)
{
    struct sched_write write = write_begin(search, now);
    struct trial_change *changes = mem_zero((size_t)search->plan.trials * HALVES_N, sizeof *changes);
    struct lease_change *ends = mem_zero((size_t)sched->leases.n + 1, sizeof *ends);
    write.trials = changes;
    write.trials_n = collect_cancelled(search, changes);
    write.leases = ends;
    for (int i = 0; i < sched->leases.n; i++) {
        const struct lease *lease = sched->leases.lease[i];
        if (lease->search == search->id && lease->state == LEASE_ACTIVE)
            ends[write.leases_n++] =
                (struct lease_change){lease->token, LEASE_RELEASED, "the search was stopped"};
    }
    write.new_state = true;
    write.state = to;
    write.reason = reason;
    int rc = write_commit(sched, search, &write, err);
    mem_free(changes);
    mem_free(ends);
    return rc;
}
