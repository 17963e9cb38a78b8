/* External searches: programs that ask for trials of one search and tell their scores. */
#include "daemon/core/sched_internal.h"

#include <math.h>
#include <string.h>

/* The client's active lease of this search, NULL when it has none. */
static struct lease *find_lease(struct sched *sched, const struct search *search, const char *client)
{
    for (int i = 0; i < sched->leases.n; i++) {
        struct lease *lease = sched->leases.lease[i];
        if (lease->state == LEASE_ACTIVE && lease->search == search->id && !strcmp(lease->worker, client))
            return lease;
    }
    return NULL;
}

int sched_is_external(const struct search *search, struct err *err)
{
    if (search->spec.evaluator == EVALUATOR_EXTERNAL)
        return 0;
    return err_set(
        err, ERR_CONFLICT,
        "search %lld is scored by workers; only searches with evaluator.type \"external\" answer asks "
        "and are told scores",
        (long long)search->id);
}

int sched_ask(struct sched *sched, struct search *search, const char *client, int length_s, struct now now,
              struct poll *poll, const struct lease **out, struct err *err)
{
    enum half half;
    if (poll)
        poll->again_us = 0;
    int rc = sched_is_external(search, err);
    if (rc)
        return rc;
    if (search_state_is_final(search->state))
        return err_set(err, ERR_CONFLICT, "search %lld is %s: it has no more trials", (long long)search->id,
                       search_state_name(search->state));
    struct lease *mine = find_lease(sched, search, client);
    if (mine) {
        mine->deadline_us = now.us + lease_length_us(sched, mine);
        *out = mine;
        return 0;
    }
    if (!sched_gives(search, &half) || sched_holds(sched, search, poll, now))
        return err_set(err, ERR_NOT_READY, "no trial is ready");
    rc = sched_grant(sched, search, half, client, length_s, now, out, err);
    sched_fill(sched, search); /* no more than this: an advance could end the lease */
    return rc;
}

int sched_told_as(struct sched *sched, const struct search *search, int trial, const char **token, bool *told,
                  struct err *err)
{
    *told = false;
    *token = NULL;
    if (trial < 0 || trial >= search->plan.trials ||
        search->trials[trial].job[HALF_SEARCH].state == TRIAL_ABSENT)
        return err_set(err, ERR_NOT_FOUND, "search %lld has no trial %d (yet)", (long long)search->id, trial);
    enum trial_state state = search->trials[trial].job[HALF_SEARCH].state;
    if (state == TRIAL_QUARANTINED || state == TRIAL_CANCELLED)
        return err_set(err, ERR_NOT_FOUND, "trial %d of search %lld needs no score any more: it was %s",
                       trial, (long long)search->id, trial_state_name(state));
    if (trial_is_settled(state)) {
        *told = true;
        return 0;
    }
    for (int i = 0; i < sched->leases.n; i++) { /* in order of their grant: the active one is the last */
        const struct lease *lease = sched->leases.lease[i];
        if (lease->search == search->id && lease->trial == trial && lease->half == HALF_SEARCH)
            *token = lease->token;
    }
    return *token ? 0
                  : err_set(err, ERR_CONFLICT,
                            "trial %d of search %lld was given to nobody; ask for trials first", trial,
                            (long long)search->id);
}

int sched_told_again(const struct search *search, int trial, const struct result *result, struct err *err)
{
    if (trial < 0 || trial >= search->plan.trials ||
        search->trials[trial].job[HALF_SEARCH].state != TRIAL_DONE)
        return 0;
    if (!result)
        return err_set(
            err, ERR_CONFLICT,
            "trial %d of search %lld has its scores: it cannot fail any more, and nothing was changed", trial,
            (long long)search->id);
    double means[OPT_M_MAX], stderrs[OPT_M_MAX];
    int rc = search_objectives(search, result->scores, result->scores_n, means, stderrs, err);
    if (rc)
        return rc;
    const double *kept = search_means(search, HALF_SEARCH, trial),
                 *kept_se = search_stderrs(search, HALF_SEARCH, trial);
    for (int j = 0; j < search->m; j++)
        if (means[j] != kept[j] || (!isnan(stderrs[j]) && stderrs[j] != kept_se[j]))
            return err_set(
                err, ERR_CONFLICT,
                "trial %d of search %lld has other scores: its %s \"%s\" is %.17g, told now is %.17g; the "
                "first ones stay, and nothing was changed",
                trial, (long long)search->id, means[j] != kept[j] ? "mean of" : "standard error of",
                search->spec.objectives[j].name, means[j] != kept[j] ? kept[j] : kept_se[j],
                means[j] != kept[j] ? means[j] : stderrs[j]);
    return 0;
}
