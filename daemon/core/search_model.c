/* Modelled streams: what is held ready for their next steps, when to ask for more, and when to end. */
#include "daemon/core/search.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define GAINS_LOW 3 /* proposals in a row that promise too little end a search */

static int least(int a, int b)
{
    return a < b ? a : b;
}

/* Steps of the stream that have neither a trial nor a proposal that knows all there is to know. */
static int lacking(const struct search *search, int s, int want)
{
    const struct search_stream *state = &search->streams[s];
    int left = search->plan.streams[s].quota - state->proposed;
    bool stale = state->ready.watermark != search->log.n;
    return least(want, left) - (stale ? 0 : state->ready.n);
}

/* Whatever comes before the stream is proposed, so that every lower number has its ratios. */
static bool is_next(const struct search *search, int stream)
{
    for (int s = 0; s < stream; s++)
        if (!search->streams[s].dropped && search->streams[s].proposed < search->plan.streams[s].quota)
            return false;
    return search_phase0_complete(search);
}

bool search_wants_model(const struct search *search, int stream, int want)
{
    const struct search_stream *state = &search->streams[stream];
    return search->plan.streams[stream].modelled && !state->dropped && !state->asking &&
           state->blocked_done != search->log.n && is_next(search, stream) &&
           lacking(search, stream, want) > 0;
}

/* Those that are ready and stay are pending trials for the ones behind them. */
static void add_ready(const struct search *search, int s, struct history *history)
{
    const struct search_stream *state = &search->streams[s];
    size_t k = (size_t)search->k;
    for (int i = 0; i < state->ready.n; i++) {
        int number = search->plan.streams[s].first + state->proposed + i;
        history->state[number] = OPT_PENDING;
        memcpy(history->ratios + (size_t)number * k, state->ready.ratios + (size_t)i * k,
               k * sizeof *history->ratios);
    }
}

void search_ask_begin(const struct search *search, int stream, int want, struct model_ask *ask,
                      struct history *history)
{
    const struct search_stream *state = &search->streams[stream];
    bool stale = state->ready.watermark != search->log.n;
    bool runs = search->state == SEARCH_RUNNING && !search->closed && !search->settles;
    *ask = (struct model_ask){state->proposed + (stale ? 0 : state->ready.n),
                              runs ? lacking(search, stream, want) : 0, search->log.n};
    if (ask->n <= 0) {
        ask->n = 0;
        return;
    }
    if (state->ready.n == 0)
        ask->n = 1; /* whoever waits gets the first as soon as it is there */
    else if (stale && state->held > 0)
        ask->n = least(ask->n, state->held);
    search_history(search, history);
    if (!stale)
        add_ready(search, stream, history);
}

void search_ask_end(struct search *search, int stream, const struct model_ask *ask, const double *ratios,
                    const struct origin *origins, int n)
{
    struct search_stream *state = &search->streams[stream];
    bool behind = state->ready.watermark == ask->watermark && ask->first == state->proposed + state->ready.n;
    if (!behind && ask->first != state->proposed)
        return;
    if (!behind)
        proposals_clear(&state->ready);
    if (ask->watermark == search->log.n)
        state->held = 0;
    state->ready.watermark = ask->watermark;
    proposals_add(&state->ready, ratios, origins, n);
    assert(state->proposed + state->ready.n <= search->plan.streams[stream].quota); /* (6) */
}

/* The last proposals that became trials all promised less than the budget wants. */
static bool gains_are_low(const struct search *search)
{
    for (int s = 0; s < search->plan.streams_n; s++) {
        const struct opt_stream *stream = &search->plan.streams[s];
        int n = search->streams[s].proposed, low = 0;
        if (!stream->modelled || n < GAINS_LOW)
            continue;
        for (int i = n - GAINS_LOW; i < n; i++)
            low += search->trials[stream->first + i].origin.gain < search->spec.gain; /* NaN is not */
        if (low == GAINS_LOW)
            return true;
    }
    return false;
}

void search_exhausted(const struct search *search, int64_t now_us, char text[128])
{
    int64_t items = search->spec.items;
    *text = 0;
    if (search->deadline_us && search->deadline_us <= now_us)
        snprintf(text, 128, "the time budget was used up");
    else if (items > 0 && search->items >= items)
        snprintf(text, 128, "the budget of %lld items was used up", (long long)items);
}

void search_spent(const struct search *search, int64_t now_us, char text[128])
{
    const struct search_spec *spec = &search->spec;
    search_exhausted(search, now_us, text);
    if (*text)
        return;
    if (spec->screen > 0 && spec->items > 0 && 2 * search->items >= spec->items)
        snprintf(text, 128, "half of the budget of %lld items was used up; the rest is for the front",
                 (long long)spec->items);
    else if (spec->gain > 0 && gains_are_low(search))
        snprintf(text, 128, "the expected gain in hypervolume fell below %g", spec->gain);
}

int search_next_prepared(const struct search *search)
{
    char spent[128];
    for (int s = 0; s < search->plan.streams_n; s++)
        if (search->streams[s].ready.n > 0 && !search->streams[s].dropped) {
            search_spent(search, INT64_MIN, spent); /* the deadline is looked at where the clock is known */
            return *spent ? -1 : s;
        }
    return -1;
}
