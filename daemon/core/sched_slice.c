/* Jobs in work: signs of life, slices, and trials that are stopped or go on. */
#include "daemon/core/sched_internal.h"

#include "proto/mem.h"

#include <assert.h>
#include <string.h>

int lease_gone(struct err *err, const char *token)
{
    return err_set(err, ERR_NOT_FOUND,
                   "lease \"%.80s\" is gone: stop this evaluation and ask for another job", token);
}

struct lease *lease_working(struct sched *sched, const char *token, struct search **search)
{
    struct lease *lease = lease_find(&sched->leases, token);
    if (!lease || lease->state != LEASE_ACTIVE)
        return NULL;
    *search = sched_search(sched, lease->search);
    assert(*search);
    return lease;
}

void lease_touch(struct sched *sched, const char *worker_name, struct now now)
{
    struct worker *worker = fleet_by_name(&sched->fleet, worker_name);
    if (worker)
        worker->seen_us = now.us;
}

int64_t lease_length_us(const struct sched *sched, const struct lease *lease)
{
    return lease->length_s > 0 ? lease->length_s * INT64_C(1000000) : sched->lease_us;
}

int sched_heartbeat(struct sched *sched, const char *token, struct now now, struct err *err)
{
    struct search *search;
    struct lease *lease = lease_working(sched, token, &search);
    if (!lease)
        return lease_gone(err, token);
    lease_touch(sched, lease->worker, now);
    lease->deadline_us = now.us + lease_length_us(sched, lease);
    return 0;
}

int slices_check(int done, int slices, struct err *err)
{
    if ((done == 0 && slices == 0) || (done >= 1 && done <= slices))
        return 0;
    return err_set(err, ERR_INVALID, "slices_done: %d of %d slices cannot be; give 1 up to \"slices\"", done,
                   slices);
}

static bool same_task(const char *a, const char *b)
{
    size_t n = strcspn(a, "."), m = strcspn(b, ".");
    return n == m && !memcmp(a, b, n);
}

int64_t slices_items(const struct score *scores, size_t n)
{
    int64_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        int64_t most = scores[i].n;
        bool first = true;
        for (size_t j = 0; j < n; j++) {
            if (!same_task(scores[i].metric, scores[j].metric))
                continue;
            first &= j >= i;
            most = scores[j].n > most ? scores[j].n : most;
        }
        most = most < ITEMS_MAX ? most : ITEMS_MAX;
        sum += first ? most : 0;
        sum = sum < ITEMS_MAX ? sum : ITEMS_MAX;
    }
    return sum;
}

/* Further than anybody was with this trial: later attempts, and reports that come twice, tell nothing new. */
static bool is_news(const struct search *search, const struct lease *lease, const struct slice_report *report,
                    double share)
{
    return lease->half == HALF_SEARCH && report->slices_done < report->slices &&
           share > search->trials[lease->trial].share;
}

int sched_slice(struct sched *sched, const char *token, const struct slice_report *report, struct now now,
                bool *stop, struct err *err)
{
    struct search *search = NULL;
    double means[OPT_M_MAX], stderrs[OPT_M_MAX], minimised[OPT_M_MAX];
    *stop = false;
    int rc = sched_heartbeat(sched, token, now, err);
    if (!rc)
        rc = slices_check(report->slices_done, report->slices, err);
    const struct lease *lease = rc ? NULL : lease_working(sched, token, &search);
    if (lease)
        rc = search_objectives(search, report->scores, report->scores_n, means, stderrs, err);
    if (rc)
        return rc;
    double share = report->slices ? (double)report->slices_done / report->slices : 0;
    int after = lease->half == HALF_SEARCH ? search_stop_after(search, lease->trial, report->slices) : 0;
    bool enough = lease->stop || (after > 0 && report->slices_done >= after);
    *stop = enough && share >= search->trials[lease->trial].share; /* else less would be known than was */
    if (!is_news(search, lease, report, share))
        return 0;
    search_minimised(search, means, minimised);
    int64_t items = report->items > 0 ? report->items : slices_items(report->scores, report->scores_n);
    struct search_event event = {lease->trial, OPT_EVENT_SLICE, share, items, minimised, stderrs, now.us};
    struct sched_write write = write_begin(search, now);
    write.slice = &event;
    rc = write_commit(sched, search, &write, err);
    if (!rc)
        sched_advance(sched, search, now);
    return rc;
}

void sched_stop_trial(struct sched *sched, int64_t id, int trial)
{
    struct lease *lease = lease_active(&sched->leases, id, trial, HALF_SEARCH);
    if (lease)
        lease->stop = true;
}

static bool may_reopen(const struct search *search, int trial)
{
    const struct trial *t = &search->trials[trial];
    return t->job[HALF_SEARCH].state == TRIAL_STOPPED && !t->reopened && !search->closed &&
           (search->state == SEARCH_RUNNING || search->state == SEARCH_PAUSED) &&
           !search_is_confirmed(search);
}

int sched_reopen(struct sched *sched, int64_t id, const int *trials, int n, struct now now, struct err *err)
{
    struct search *search = sched_search(sched, id);
    int rc = 0;
    struct trial_change *changes = mem_zero((size_t)n + 1, sizeof *changes);
    for (int i = 0; i < n && !rc; i++) {
        if (!search || trials[i] < 0 || trials[i] >= search->plan.trials)
            rc = err_set(err, ERR_NOT_FOUND, "search %lld has no trial %d", (long long)id, trials[i]);
        else if (!may_reopen(search, trials[i]))
            rc = err_set(err, ERR_CONFLICT, "trial %d of search %lld is not stopped, or cannot go on",
                         trials[i], (long long)id);
        else
            changes[i] = (struct trial_change){trials[i], HALF_SEARCH, TRIAL_READY,
                                               search->trials[trials[i]].job[HALF_SEARCH].attempts, NULL};
    }
    if (!rc && n > 0) {
        struct sched_write write = write_begin(search, now);
        write.trials = changes;
        write.trials_n = (size_t)n;
        rc = write_commit(sched, search, &write, err);
    }
    mem_free(changes);
    if (!rc)
        sched->ops.wake(sched->ops.ctx);
    return rc;
}
