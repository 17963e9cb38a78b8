/* Screening: trials are scored on their first slices, and those that the front needs are completed when all are. */
#include "daemon/core/search.h"

#include <math.h>

bool search_screens(const struct search *search, int number)
{
    const struct trial *t = &search->trials[number];
    return search->spec.screen > 0 && !t->reopened && t->origin.repeat_of < 0 &&
           !opt_plan_is_anchor(&search->plan, number);
}

int search_stop_after(const struct search *search, int number, int slices)
{
    const double rounding = 1e-9; /* of a share that was written in decimals */
    if (!search_screens(search, number))
        return 0;
    int after = (int)ceil(search->spec.screen * slices - rounding);
    return after >= slices ? 0 : after < 1 ? 1 : after;
}

int search_ready_new(const struct search *search)
{
    const struct job_queue *queue = &search->ready[HALF_SEARCH];
    int n = 0;
    for (int i = 0; i < queue->n; i++)
        n += !search->trials[queue->number[i]].reopened;
    return n;
}

bool search_may_complete(const struct search *search)
{
    for (int i = 0; i < search->plan.trials; i++) {
        const struct trial *t = &search->trials[i];
        if (t->job[HALF_SEARCH].state == TRIAL_STOPPED && !t->reopened)
            return true;
    }
    return false;
}

bool search_awaits_completion(const struct search *search)
{
    return search->spec.screen > 0 && !search->closed && search->looked != search->log.n &&
           (search->state == SEARCH_RUNNING || search->state == SEARCH_PAUSED) &&
           search_half_complete(search) && search_may_complete(search);
}

/* A stopped trial may go on when more is known: the last word is that of an insight into every event. */
bool search_awaits_insight(const struct search *search)
{
    if (search->spec.screen > 0)
        return search_awaits_completion(search);
    return search->spec.early_stop > 0 && !search->closed && search->m <= INSIGHT_OBJECTIVES_MAX &&
           search->looked != search->log.n && search_half_complete(search) && search_may_complete(search);
}

double search_left(const struct search *search)
{
    double screen = search->spec.screen, left = 0;
    bool completing = screen <= 0;
    for (int i = 0; i < search->plan.trials; i++) {
        const struct trial *t = &search->trials[i];
        completing |= t->reopened;
        if (!trial_is_settled(t->job[HALF_SEARCH].state))
            left += t->reopened ? 1 - t->share : search_screens(search, i) ? screen : 1;
    }
    return completing ? left : left + 0.25 * (1 - screen) * search->plan.trials;
}
