/* What a search may do next: pure questions about its state. */
#include "daemon/core/search.h"

#include <assert.h>
#include <string.h>

/* Phase 0 first; then streams that need nothing, by number; then adaptive streams, the lowest step first. So
 * the order is a function of the state and no stream runs ahead of the others. */
static int64_t rank(const struct search *search, int stream, int step)
{
    const struct opt_stream *s = &search->plan.streams[stream];
    int64_t late = s->adaptive ? step + 1 : 0;
    int64_t number = s->first + step;
    return ((int64_t)s->phase << 60) | (late << 30) | number;
}

int search_next_ready(const struct search *search, enum half half)
{
    const struct job_queue *queue = &search->ready[half];
    int best = -1;
    int64_t best_rank = INT64_MAX;
    for (int i = 0; i < queue->n; i++) {
        const struct trial *trial = &search->trials[queue->number[i]];
        int64_t r = rank(search, trial->stream, trial->step);
        if (r < best_rank) {
            best = trial->number;
            best_rank = r;
        }
    }
    return best;
}

int search_finished(const struct search *search)
{
    const int *count = search->count[HALF_SEARCH];
    return count[TRIAL_DONE] + count[TRIAL_QUARANTINED] + count[TRIAL_CANCELLED] + count[TRIAL_STOPPED];
}

bool search_phase0_complete(const struct search *search)
{
    for (int s = 0; s < search->plan.streams_n; s++) {
        const struct opt_stream *stream = &search->plan.streams[s];
        if (stream->phase != 0 || search->streams[s].dropped)
            continue;
        for (int i = 0; i < stream->quota; i++)
            if (!trial_is_settled(search->trials[stream->first + i].job[HALF_SEARCH].state))
                return false;
    }
    return true;
}

/* May the next step of a stream be asked for now? */
static bool may_ask(const struct search *search, int s, bool phase0_complete)
{
    const struct opt_stream *stream = &search->plan.streams[s];
    const struct search_stream *state = &search->streams[s];
    if (stream->modelled || state->dropped || state->asking || state->proposed >= stream->quota)
        return false;
    if (stream->phase > 0 && !phase0_complete)
        return false;
    if (state->blocked_done == search_known(search, s))
        return false;
    if (!stream->adaptive || state->proposed == 0)
        return true;
    int before = stream->first + state->proposed - 1;
    return trial_is_settled(search->trials[before].job[HALF_SEARCH].state);
}

int search_next_stream(const struct search *search)
{
    bool complete = search_phase0_complete(search);
    int best = -1;
    int64_t best_rank = INT64_MAX;
    for (int s = 0; s < search->plan.streams_n; s++) {
        if (!may_ask(search, s, complete))
            continue;
        int64_t r = rank(search, s, search->streams[s].proposed);
        if (r < best_rank) {
            best = s;
            best_rank = r;
        }
    }
    return best;
}

int search_known(const struct search *search, int stream)
{
    return search->plan.streams[stream].modelled ? search->log.n : search_finished(search);
}

int search_asking(const struct search *search)
{
    int n = 0;
    for (int s = 0; s < search->plan.streams_n; s++)
        n += search->streams[s].asking;
    return n;
}

/* Steps that do not exist yet and may still come. */
static int open_n(const struct search *search)
{
    if (search->closed || search->settles)
        return 0;
    int n = 0;
    for (int s = 0; s < search->plan.streams_n; s++)
        if (!search->streams[s].dropped)
            n += search->plan.streams[s].quota - search->streams[s].proposed;
    return n;
}

bool search_half_complete(const struct search *search)
{
    const int *count = search->count[HALF_SEARCH];
    return open_n(search) == 0 && count[TRIAL_READY] == 0 && count[TRIAL_LEASED] == 0;
}

bool search_is_confirmed(const struct search *search)
{
    return search->count[HALF_HELDOUT][TRIAL_ABSENT] < search->plan.trials;
}

int search_sweep_total(const struct search *search)
{
    int n = 0;
    for (int s = 0; s < search->plan.streams_n; s++)
        if (search->plan.streams[s].kind == OPT_SWEEP)
            n += search->plan.streams[s].quota;
    return n;
}

int search_sweep_trial(const struct search *search, const double *ratios)
{
    for (int s = 0; s < search->plan.streams_n; s++) {
        const struct opt_stream *stream = &search->plan.streams[s];
        if (stream->kind != OPT_SWEEP)
            continue;
        for (int i = 0; i < search->streams[s].proposed; i++) {
            const double *x = search_ratios(search, stream->first + i);
            int equal = 0;
            while (equal < search->k && x[equal] == ratios[equal])
                equal++;
            if (equal == search->k)
                return stream->first + i;
        }
    }
    return -1;
}

static bool end_quarantined(const struct search *search, const double *end)
{
    int number = search_sweep_trial(search, end);
    return number >= 0 && search->trials[number].job[HALF_SEARCH].state == TRIAL_QUARANTINED;
}

bool search_is_hopeless(const struct search *search)
{
    return end_quarantined(search, search->problem.low) && end_quarantined(search, search->problem.high);
}
