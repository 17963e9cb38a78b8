/* Trials that came with the search, scored elsewhere: numbers 0 …, done from the start. */
#include "daemon/core/search.h"

#include <assert.h>
#include <string.h>

void search_add_given(struct search *search, int64_t wall_us)
{
    const struct spec_given *given = search->spec.given;
    size_t m = (size_t)search->m;
    for (int i = 0; given && i < given->n; i++) {
        struct trial *trial = &search->trials[i];
        const double *means = given->means + (size_t)i * m, *stderrs = given->stderrs + (size_t)i * m;
        double minimised[OPT_M_MAX];
        assert(search->plan.streams[trial->stream].kind == OPT_GIVEN);
        search_trial_add(search, trial->stream, given->ratios + (size_t)i * (size_t)search->k, &origin_direct,
                         wall_us);
        memcpy(search->means[HALF_SEARCH] + (size_t)i * m, means, m * sizeof *means);
        memcpy(search->stderrs[HALF_SEARCH] + (size_t)i * m, stderrs, m * sizeof *stderrs);
        trial->done_us = search->last_done_us = wall_us + i; /* completion times ascend */
        text_replace(&trial->worker, *given->sources[i] ? given->sources[i] : NULL);
        search_trial_move(search, i, HALF_SEARCH, TRIAL_DONE);
        search_minimised(search, means, minimised);
        search_event_add(search, &(struct search_event){i, OPT_EVENT_DONE, 1, 0, minimised, stderrs, 0});
    }
}
