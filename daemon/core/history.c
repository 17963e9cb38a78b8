#include "daemon/core/history.h"

#include "daemon/core/search.h"
#include "proto/mem.h"

#include <assert.h>
#include <math.h>
#include <string.h>

static const char *const names[] = {[OPT_EVENT_SLICE] = "slice",
                                    [OPT_EVENT_DONE] = "done",
                                    [OPT_EVENT_STOPPED] = "stopped",
                                    [OPT_EVENT_REOPENED] = "reopened",
                                    [OPT_EVENT_FAILED] = "failed"};

const char *event_kind_name(enum opt_event_kind kind)
{
    return names[kind];
}

bool event_kind_read(const char *word, enum opt_event_kind *out)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(word, names[i])) {
            *out = (enum opt_event_kind)i;
            return true;
        }
    return false;
}

static void grow(struct event_log *log)
{
    size_t m = (size_t)log->m;
    log->cap = log->cap ? 2 * log->cap : 64;
    log->events = mem_grow(log->events, (size_t)log->cap, sizeof *log->events);
    log->means = mem_grow(log->means, (size_t)log->cap * m, sizeof *log->means);
    log->stderrs = mem_grow(log->stderrs, (size_t)log->cap * m, sizeof *log->stderrs);
    for (int i = 0; i < log->n; i++) /* they have moved */
        if (log->events[i].means) {
            log->events[i].means = log->means + (size_t)i * m;
            log->events[i].stderrs = log->stderrs + (size_t)i * m;
        }
}

void event_log_add(struct event_log *log, const struct search_event *event)
{
    assert((event->means != NULL) == (event->kind != OPT_EVENT_REOPENED && event->kind != OPT_EVENT_FAILED));
    if (log->n == log->cap)
        grow(log);
    struct search_event *copy = &log->events[log->n];
    size_t at = (size_t)log->n++ * (size_t)log->m, size = (size_t)log->m * sizeof(double);
    *copy = *event;
    if (!event->means)
        return;
    copy->means = memcpy(log->means + at, event->means, size);
    copy->stderrs = memcpy(log->stderrs + at, event->stderrs, size);
}

void event_log_fini(struct event_log *log)
{
    mem_free(log->events);
    mem_free(log->means);
    mem_free(log->stderrs);
    *log = (struct event_log){0};
}

void history_fini(struct history *history)
{
    mem_free(history->state);
    mem_free(history->ratios);
    mem_free(history->scores);
    mem_free(history->event);
    mem_free(history->means);
    mem_free(history->stderrs);
    *history = (struct history){0};
}

static enum opt_state told(enum trial_state state)
{
    switch (state) {
    case TRIAL_ABSENT:
        return OPT_ABSENT;
    case TRIAL_DONE:
        return OPT_DONE;
    case TRIAL_QUARANTINED:
    case TRIAL_CANCELLED:
    case TRIAL_STOPPED: /* for streams that look at whole scores only */
        return OPT_FAILED;
    default:
        return OPT_PENDING;
    }
}

static void grow_events(struct history *h, size_t m, int n)
{
    h->cap = n > 2 * h->cap ? n : 2 * h->cap;
    h->event = mem_grow(h->event, (size_t)h->cap, sizeof *h->event);
    h->means = mem_grow(h->means, (size_t)h->cap * m, sizeof *h->means);
    h->stderrs = mem_grow(h->stderrs, (size_t)h->cap * m, sizeof *h->stderrs);
    for (int i = 0; i < h->events_n; i++) /* they have moved */
        if (h->event[i].means) {
            h->event[i].means = h->means + (size_t)i * m;
            h->event[i].stderrs = h->stderrs + (size_t)i * m;
        }
}

static void copy_events(const struct event_log *log, struct history *h)
{
    size_t m = (size_t)log->m, size = m * sizeof *h->means;
    if (log->n > h->cap)
        grow_events(h, m, log->n);
    for (; h->events_n < log->n; h->events_n++) {
        const struct search_event *e = &log->events[h->events_n];
        struct opt_event *copy = &h->event[h->events_n];
        size_t at = (size_t)h->events_n * m;
        *copy = (struct opt_event){.trial = e->trial, .kind = e->kind, .share = e->share};
        if (!e->means)
            continue;
        copy->means = memcpy(h->means + at, e->means, size);
        copy->stderrs = memcpy(h->stderrs + at, e->stderrs, size);
    }
}

/* A step's ratios are written once. Behind them may stand what a proposal of ours made of absent trials. */
static void copy_ratios(const struct search *search, struct history *h)
{
    size_t k = (size_t)search->k;
    for (int s = 0; s < search->plan.streams_n; s++) {
        size_t at = (size_t)(search->plan.streams[s].first + h->steps[s]) * k;
        size_t n = (size_t)(search->streams[s].proposed - h->steps[s]);
        memcpy(h->ratios + at, search->ratios + at, n * k * sizeof *h->ratios);
        h->steps[s] = search->streams[s].proposed;
    }
}

/* Done is final, and done_order only grows. */
static void copy_scores(const struct search *search, struct history *h)
{
    size_t m = (size_t)search->m;
    for (; h->done_n < search->count[HALF_SEARCH][TRIAL_DONE]; h->done_n++) {
        size_t at = (size_t)search->done_order[h->done_n] * m;
        search_minimised(search, search->means[HALF_SEARCH] + at, h->scores + at);
    }
}

void search_history(const struct search *search, struct history *h)
{
    size_t n = (size_t)search->plan.trials;
    if (!h->state) {
        h->state = mem_zero(n, sizeof *h->state);
        h->ratios = mem_zero(n * (size_t)search->k, sizeof *h->ratios);
        h->scores = mem_zero(n * (size_t)search->m, sizeof *h->scores);
    }
    for (size_t i = 0; i < n; i++)
        h->state[i] = told(search->trials[i].job[HALF_SEARCH].state);
    copy_ratios(search, h);
    copy_scores(search, h);
    copy_events(&search->log, h);
    h->known = (struct opt_history){.n = search->plan.trials,
                                    .state = h->state,
                                    .ratios = h->ratios,
                                    .scores = h->scores,
                                    .events_n = h->events_n,
                                    .event = h->event};
}

void history_cut(struct history *history, const struct opt_plan *plan, int stream, int number, int watermark)
{
    const struct opt_stream *s = &plan->streams[stream];
    int end = s->modelled ? plan->trials : s->first + s->quota;
    for (int i = number; i < end; i++)
        history->state[i] = OPT_ABSENT;
    if (s->modelled)
        history->known.events_n = watermark;
}

void search_history_of(const struct search *search, int number, struct history *out)
{
    const struct trial *trial = &search->trials[number];
    *out = (struct history){0};
    search_history(search, out);
    history_cut(out, &search->plan, trial->stream, number, trial->origin.watermark);
}

/* What an event makes of a trial, as far as the log tells trials apart: READY stands for every open one, QUARANTINED for
 * every failed one. ABSENT: the event cannot follow what was. */
static enum trial_state follow(enum trial_state was, enum opt_event_kind kind)
{
    if (kind == OPT_EVENT_REOPENED)
        return was == TRIAL_STOPPED ? TRIAL_READY : TRIAL_ABSENT;
    if (was != TRIAL_READY)
        return TRIAL_ABSENT;
    return kind == OPT_EVENT_DONE      ? TRIAL_DONE
           : kind == OPT_EVENT_STOPPED ? TRIAL_STOPPED
           : kind == OPT_EVENT_FAILED  ? TRIAL_QUARANTINED
                                       : TRIAL_READY;
}

static bool agrees(enum trial_state logged, enum trial_state state)
{
    bool failed = state == TRIAL_QUARANTINED || state == TRIAL_CANCELLED;
    bool open = state == TRIAL_READY || state == TRIAL_LEASED || state == TRIAL_ABSENT;
    return logged == (failed ? TRIAL_QUARANTINED : open ? TRIAL_READY : state);
}

int search_log_check(const struct search *search, struct err *err)
{
    enum trial_state *logged = mem_zero((size_t)search->plan.trials, sizeof *logged);
    int rc = 0;
    for (int i = 0; i < search->plan.trials; i++)
        logged[i] = TRIAL_READY;
    for (int i = 0; i < search->log.n && !rc; i++) {
        const struct search_event *e = &search->log.events[i];
        enum trial_state *t = &logged[e->trial], next = follow(*t, e->kind);
        if (next == TRIAL_ABSENT || search->trials[e->trial].job[HALF_SEARCH].state == TRIAL_ABSENT)
            rc = err_set(err, ERR_CORRUPT,
                         "event %d says that trial %d is %s, which cannot follow what it was", i, e->trial,
                         event_kind_name(e->kind));
        *t = next;
    }
    for (int i = 0; i < search->plan.trials && !rc; i++)
        if (!agrees(logged[i], search->trials[i].job[HALF_SEARCH].state))
            rc = err_set(err, ERR_CORRUPT, "trial %d is %s, but its last event does not say so", i,
                         trial_state_name(search->trials[i].job[HALF_SEARCH].state));
    mem_free(logged);
    return rc;
}
