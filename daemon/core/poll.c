#include "daemon/core/poll.h"

#define SHARE 0.05       /* of an evaluation */
#define MOST_US 30000000 /* models do not take longer */
#define EVALUATION_LEAST_S                                                                                   \
    0.05 /* a proposal takes some 10 ms: below, waiting for it costs more than it brings */

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t poll_patience_us(const struct search *search)
{
    int done = search->count[HALF_SEARCH][TRIAL_DONE] - search->problem.given; /* those took no time here */
    double mean_s = done > 0 ? search->wall_sum_s / done : 0;
    if (mean_s < EVALUATION_LEAST_S)
        return 0;
    return mean_s * SHARE * 1e6 < MOST_US ? (int64_t)(mean_s * SHARE * 1e6) : MOST_US;
}

/* The first event that the ready proposals do not know came before the poll. */
static bool is_stale(const struct search *search, int stream, int64_t since_us)
{
    int known = search->streams[stream].ready.watermark;
    return known < search->log.n && search->log.events[known].learnt_us <= since_us;
}

int64_t poll_held_until(const struct poll *poll, const struct search *search, int64_t now_us)
{
    int s = search_next_prepared(search);
    if (s < 0 || search->ready[HALF_SEARCH].n > 0 || !search->streams[s].asking ||
        !is_stale(search, s, poll->since_us))
        return 0;
    int64_t until_us = earlier(poll->until_us, poll->since_us + poll_patience_us(search));
    return until_us > now_us ? until_us : 0;
}
