#include "daemon/core/sched.h"

#include "daemon/core/sched_internal.h"
#include "proto/mem.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

void sched_init(struct sched *sched, const struct sched_ops *ops, int64_t lease_us, uint64_t seed)
{
    *sched = (struct sched){.ops = *ops, .lease_us = lease_us};
    rng_seed(&sched->rng, seed, 0);
    fleet_init(&sched->fleet, (uint32_t)rng_u64(&sched->rng));
}

void sched_fini(struct sched *sched)
{
    for (int i = 0; i < sched->search_n; i++)
        search_destroy(sched->search[i]);
    mem_free(sched->search);
    fleet_fini(&sched->fleet);
    lease_table_fini(&sched->leases);
    *sched = (struct sched){0};
}

void sched_add(struct sched *sched, struct search *search, struct now now)
{
    assert(sched->search_n == 0 || sched->search[sched->search_n - 1]->id < search->id);
    if (sched->search_n == sched->search_cap) {
        sched->search_cap = sched->search_cap ? 2 * sched->search_cap : 16;
        sched->search = mem_grow(sched->search, (size_t)sched->search_cap, sizeof(struct search *));
    }
    sched->search[sched->search_n++] = search;
    if (search->spec.budget_s > 0) {
        int64_t elapsed_us = now.wall_us - search->created_wall_us;
        search->deadline_us = now.us - elapsed_us + (int64_t)(search->spec.budget_s * 1e6);
        if (search->deadline_us == 0)
            search->deadline_us = 1; /* 0 says "none" */
    }
}

struct search *sched_search(struct sched *sched, int64_t id)
{
    int low = 0, high = sched->search_n - 1;
    while (low <= high) {
        int mid = low + (high - low) / 2;
        if (sched->search[mid]->id == id)
            return sched->search[mid];
        if (sched->search[mid]->id < id)
            low = mid + 1;
        else
            high = mid - 1;
    }
    return NULL;
}

bool sched_gives(const struct search *search, enum half *half)
{
    *half = search->state == SEARCH_CONFIRMING ? HALF_HELDOUT : HALF_SEARCH;
    if (search->state == SEARCH_RUNNING && search->closed)
        return false;
    if (search->state == SEARCH_RUNNING && search_next_prepared(search) >= 0)
        return true;
    return (search->state == SEARCH_RUNNING || search->state == SEARCH_CONFIRMING) &&
           search->ready[*half].n > 0;
}

/* The next proposal that is ready becomes a trial of the same write. Its number. */
static int add_prepared(const struct search *search, struct sched_write *write)
{
    int s = search_next_prepared(search);
    assert(s >= 0);
    write->add_stream = s;
    write->add_n = 1;
    write->add_ratios = search->streams[s].ready.ratios;
    write->add_origins = search->streams[s].ready.origins;
    return search->plan.streams[s].first + search->streams[s].proposed;
}

static bool is_for_workers(const struct search *search)
{
    return search->spec.evaluator != EVALUATOR_EXTERNAL;
}

/* The searches take turns: the first with a job whose id is above the one served last, but none that the worker has
 * refused. */
static struct search *next_search(const struct sched *sched, const struct worker *worker, enum half *half)
{
    int after = 0;
    while (after < sched->search_n && sched->search[after]->id <= sched->last_search)
        after++;
    for (int i = 0; i < sched->search_n; i++) {
        struct search *search = sched->search[(after + i) % sched->search_n];
        if (is_for_workers(search) && sched_gives(search, half) && !worker_refusal(worker, search->id))
            return search;
    }
    return NULL;
}

int sched_grant(struct sched *sched, struct search *search, enum half half, const char *worker, int length_s,
                struct now now, const struct lease **out, struct err *err)
{
    struct sched_write write = write_begin(search, now);
    int number = search_next_ready(search, half);
    if (number < 0)
        number = add_prepared(search, &write);
    int attempts = search->trials[number].job[half].attempts;
    struct lease lease = {.search = search->id,
                          .trial = number,
                          .half = half,
                          .attempt = attempts + 1,
                          .granted_us = now.us,
                          .length_s = length_s};
    lease.deadline_us = now.us + lease_length_us(sched, &lease);
    snprintf(lease.worker, sizeof lease.worker, "%s", worker);
    lease_token_write(&lease, rng_u64(&sched->rng));
    struct trial_change change = {number, half, TRIAL_LEASED, attempts, NULL};
    write.trials = &change;
    write.trials_n = 1;
    write.grant = &lease;
    int rc = write_commit(sched, search, &write, err);
    if (rc)
        return rc;
    if (write.add_n > 0)
        proposals_pop(&search->streams[write.add_stream].ready);
    sched->last_search = search->id;
    *out = lease_find(&sched->leases, lease.token);
    return 0;
}

bool sched_holds(struct sched *sched, struct search *search, struct poll *poll, struct now now)
{
    if (!poll || search->state != SEARCH_RUNNING)
        return false;
    poll->again_us = poll_held_until(poll, search, now.us);
    if (poll->again_us && !poll->held) {
        poll->held = true;
        search->streams[search_next_prepared(search)].held++;
        sched->ops.hurry(sched->ops.ctx);
    }
    return poll->again_us != 0;
}

int sched_lease(struct sched *sched, const char *worker_id, struct now now, struct poll *poll,
                const struct lease **out, struct err *err)
{
    struct worker *worker = fleet_find(&sched->fleet, worker_id);
    if (!worker)
        return err_set(err, ERR_NOT_FOUND, "worker \"%s\" is not known; register again with POST /v1/workers",
                       worker_id);
    if (poll)
        poll->again_us = 0;
    worker->seen_us = now.us;
    struct lease *oldest;
    if (lease_of_worker(&sched->leases, worker->name, &oldest) >= worker->slots) {
        /* All its slots have work and still one asks: the answer to an earlier poll was lost on the way. */
        oldest->deadline_us = now.us + sched->lease_us;
        *out = oldest;
        return 0;
    }
    enum half half;
    struct search *search = next_search(sched, worker, &half);
    /* Held, it keeps its turn: who looked for another search's job would never come to one that learns all the time. */
    if (!search || sched_holds(sched, search, poll, now))
        return err_set(err, ERR_NOT_READY, "no job is ready");
    int rc = sched_grant(sched, search, half, worker->name, 0, now, out, err);
    sched_fill(sched, search); /* no more than this: an advance could end the lease */
    return rc;
}

/* The job a token speaks of and what it still needs: 0 = a result, 1 = none, it has one; else ERR_NOT_FOUND.
 */
static int find_job(struct sched *sched, const char *token, struct search **search, int *trial,
                    enum half *half, struct err *err)
{
    int64_t id;
    if (!lease_token_read(token, &id, trial, half))
        return lease_gone(err, token);
    *search = sched_search(sched, id);
    if (!*search || *trial >= (*search)->plan.trials)
        return lease_gone(err, token);
    switch ((*search)->trials[*trial].job[*half].state) {
    case TRIAL_DONE:
    case TRIAL_STOPPED:
        return 1;
    case TRIAL_READY:
    case TRIAL_LEASED:
        return lease_find(&sched->leases, token) ? 0 : lease_gone(err, token);
    default: /* quarantined is final: the streams were told, and their next steps rest on it */
        return err_set(err, ERR_NOT_FOUND, "trial %d of search %lld needs no result any more: it was %s",
                       *trial, (long long)id, trial_state_name((*search)->trials[*trial].job[*half].state));
    }
}

/* The leases that a result ends: its own, and that of another worker who does the same job again. */
static size_t ends_of_result(struct sched *sched, const struct lease *mine, struct lease_change *ends)
{
    size_t n = 0;
    if (mine->state == LEASE_ACTIVE)
        ends[n++] = (struct lease_change){mine->token, LEASE_DONE, NULL};
    const struct lease *other = lease_active(&sched->leases, mine->search, mine->trial, mine->half);
    if (other && other != mine)
        ends[n++] = (struct lease_change){other->token, LEASE_RELEASED,
                                          "a late result of an earlier lease came first"};
    return n;
}

static int check_result(const struct search *search, enum half half, const struct result *result,
                        struct err *err)
{
    if (result->effective && result->effective_n != (size_t)search->k)
        return err_set(err, ERR_INVALID, "effective: %zu numbers, but the search has %d ratios",
                       result->effective_n, search->k);
    int rc = slices_check(result->slices_done, result->slices, err);
    if (!rc && half == HALF_HELDOUT && result->slices_done < result->slices)
        rc = err_set(err, ERR_INVALID,
                     "slices_done: %d of %d, but a held-out half counts only as a whole; evaluate the rest",
                     result->slices_done, result->slices);
    return rc;
}

int sched_result(struct sched *sched, const char *token, const struct result *result, struct now now,
                 bool *duplicate, struct err *err)
{
    struct search *search = NULL;
    int number;
    enum half half;
    int rc = find_job(sched, token, &search, &number, &half, err);
    *duplicate = rc == 1;
    if (rc)
        return rc == 1 ? 0 : rc;
    const struct lease *lease = lease_find(&sched->leases, token);
    bool whole = result->slices_done == result->slices;
    /* of before it was reopened: it would end the trial again, for what is known */
    if (!whole && lease->state != LEASE_ACTIVE && search->trials[number].reopened)
        return lease_gone(err, token);
    double means[OPT_M_MAX], stderrs[OPT_M_MAX];
    rc = check_result(search, half, result, err);
    if (!rc)
        rc = search_objectives(search, result->scores, result->scores_n, means, stderrs, err);
    if (rc)
        return rc;
    lease_touch(sched, lease->worker, now);
    if (half == HALF_SEARCH && now.wall_us <= search->last_done_us)
        now.wall_us = search->last_done_us + 1;
    char worker[WORKER_NAME_MAX];
    memcpy(worker, lease->worker, sizeof worker);
    enum trial_state to = whole ? TRIAL_DONE : TRIAL_STOPPED;
    struct trial_change change = {number, half, to, search->trials[number].job[half].attempts, NULL};
    struct lease_change ends[2];
    struct sched_write write = write_begin(search, now);
    write.trials = &change;
    write.trials_n = 1;
    write.leases = ends;
    write.leases_n = ends_of_result(sched, lease, ends);
    write.result = result;
    write.means = means;
    write.stderrs = stderrs;
    write.worker = half == HALF_SEARCH ? worker : NULL;
    write.wall_s = fmax(0, (double)(now.us - lease->granted_us) / 1e6);
    rc = write_commit(sched, search, &write, err);
    if (!rc)
        sched_advance(sched, search, now);
    return rc;
}

/* A lease ends without a result: the job goes back, or to quarantine after its last attempt. */
static int give_up(struct sched *sched, struct search *search, const struct lease *lease, enum lease_state to,
                   const char *reason, struct now now, struct err *err)
{
    int attempts = search->trials[lease->trial].job[lease->half].attempts;
    if (to != LEASE_RELEASED)
        attempts++;
    bool last = to != LEASE_RELEASED && attempts >= search->spec.attempts;
    struct trial_change change = {lease->trial, lease->half, last ? TRIAL_QUARANTINED : TRIAL_READY, attempts,
                                  to == LEASE_RELEASED ? NULL : reason};
    struct lease_change end = {lease->token, to, reason};
    struct sched_write write = write_begin(search, now);
    write.trials = &change;
    write.trials_n = 1;
    write.leases = &end;
    write.leases_n = 1;
    write.worker = last && lease->half == HALF_SEARCH ? lease->worker : NULL;
    int rc = write_commit(sched, search, &write, err);
    if (rc)
        return rc;
    sched_advance(sched, search, now);
    sched->ops.wake(sched->ops.ctx);
    return 0;
}

int sched_failure(struct sched *sched, const char *token, const char *reason, struct now now, struct err *err)
{
    struct search *search;
    const struct lease *lease = lease_working(sched, token, &search);
    if (!lease)
        return 0;
    lease_touch(sched, lease->worker, now);
    return give_up(sched, search, lease, LEASE_FAILED, reason, now, err);
}

int sched_release(struct sched *sched, const char *token, struct now now, struct err *err)
{
    struct search *search;
    const struct lease *lease = lease_working(sched, token, &search);
    if (!lease)
        return 0;
    lease_touch(sched, lease->worker, now);
    return give_up(sched, search, lease, LEASE_RELEASED, "the worker gave it back", now, err);
}

int sched_refuse(struct sched *sched, const char *token, const char *reason, struct now now, struct err *err)
{
    const struct lease *lease = lease_find(&sched->leases, token);
    if (!lease)
        return 0;
    int64_t id = lease->search;
    char name[WORKER_NAME_MAX];
    memcpy(name, lease->worker, sizeof name);
    struct search *search;
    if (lease_working(sched, token, &search)) {
        lease_touch(sched, name, now);
        int rc = give_up(sched, search, lease, LEASE_RELEASED, reason, now, err);
        if (rc)
            return rc;
    }
    struct worker *worker = fleet_by_name(&sched->fleet, name);
    if (worker)
        worker_refuse(worker, id, reason);
    return 0;
}

const char *sched_stalled(const struct sched *sched, const struct search *search, int64_t now_us)
{
    enum half half;
    if (!is_for_workers(search) || !sched_gives(search, &half))
        return NULL;
    const char *first = NULL;
    for (int i = 0; i < sched->fleet.n; i++) {
        const struct worker *worker = sched->fleet.worker[i];
        if (sched_worker_lost(sched, worker, now_us))
            continue;
        const char *reason = worker_refusal(worker, search->id);
        if (!reason)
            return NULL;
        first = first ? first : reason;
    }
    return first;
}

int sched_leave(struct sched *sched, const char *worker_id, struct now now, int *released, struct err *err)
{
    const struct worker *worker = fleet_find(&sched->fleet, worker_id);
    struct lease *lease;
    *released = 0;
    if (!worker)
        return err_set(err, ERR_NOT_FOUND, "worker \"%s\" is not known", worker_id);
    while (lease_of_worker(&sched->leases, worker->name, &lease) > 0) {
        int rc = sched_release(sched, lease->token, now, err);
        if (rc)
            return rc;
        ++*released;
    }
    fleet_forget(&sched->fleet, worker_id);
    return 0;
}

static void expire(struct sched *sched, struct now now)
{
    for (int i = 0; i < sched->leases.n; i++) {
        const struct lease *lease = sched->leases.lease[i];
        if (lease->state != LEASE_ACTIVE || lease->deadline_us > now.us)
            continue;
        struct search *search = sched_search(sched, lease->search);
        char reason[WORKER_NAME_MAX + 64];
        snprintf(reason, sizeof reason, "worker %s showed no sign of life for %lld s", lease->worker,
                 (long long)(lease_length_us(sched, lease) / 1000000));
        if (give_up(sched, search, lease, LEASE_EXPIRED, reason, now, NULL))
            return; /* the disk refuses: the next tick tries again */
        i = -1;     /* the table may have changed in any way */
    }
}

static bool takes_slots(const struct search *search)
{
    return is_for_workers(search) && (search->state == SEARCH_RUNNING || search->state == SEARCH_CONFIRMING);
}

/* The slots of every worker that lives, shared by the searches that have work and that it has not refused. */
static void share_slots(struct sched *sched, struct now now)
{
    for (int i = 0; i < sched->search_n; i++) {
        struct search *search = sched->search[i];
        search->capacity = is_for_workers(search) ? 0 : search->count[HALF_SEARCH][TRIAL_LEASED];
    }
    for (int w = 0; w < sched->fleet.n; w++) {
        const struct worker *worker = sched->fleet.worker[w];
        int takers = 0;
        for (int i = 0; i < sched->search_n; i++)
            takers += takes_slots(sched->search[i]) && !worker_refusal(worker, sched->search[i]->id);
        if (sched_worker_lost(sched, worker, now.us) || takers == 0)
            continue;
        for (int i = 0; i < sched->search_n; i++)
            if (takes_slots(sched->search[i]) && !worker_refusal(worker, sched->search[i]->id))
                sched->search[i]->capacity += (double)worker->slots / takers;
    }
}

void sched_tick(struct sched *sched, struct now now)
{
    expire(sched, now);
    int64_t hour_us = 3600 * INT64_C(1000000);
    fleet_tick(&sched->fleet, now.us, sched->lease_us * 10 > hour_us ? sched->lease_us * 10 : hour_us);
    share_slots(sched, now);
    for (int i = 0; i < sched->search_n; i++)
        if (search_state_is_final(sched->search[i]->state))
            fleet_forgive(&sched->fleet, sched->search[i]->id);
        else
            sched_advance(sched, sched->search[i], now);
}

bool sched_worker_lost(const struct sched *sched, const struct worker *worker, int64_t now_us)
{
    return now_us - worker->seen_us > sched->lease_us;
}
