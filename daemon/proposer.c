#include "daemon/proposer.h"

#include "daemon/paretod.h"
#include "proto/log.h"
#include "proto/mem.h"

#include <string.h>

struct proposal {
    uv_work_t work;
    struct paretod *daemon;
    int64_t search;
    int stream, wanted, got;
    struct opt_problem problem;
    struct opt_plan plan;
    struct opt_history history;
    enum opt_state *state; /* [n] */
    double *ratios;        /* [n][k] */
    double *scores;        /* [n][m] */
    double *found;         /* [wanted][k] */
    int rc;
    struct err err;
};

/* Pool thread. Each step found becomes a pending one in our copy, so that the next question is for the step after. */
static void find(uv_work_t *work)
{
    struct proposal *p = work->data;
    size_t k = (size_t)p->problem.k;
    int first = 0;
    const struct opt_stream *stream = &p->plan.streams[p->stream];
    while (first < stream->quota && p->state[stream->first + first] != OPT_ABSENT)
        first++;
    while (p->got < p->wanted) {
        double *x = p->found + (size_t)p->got * k;
        struct opt_proposal next;
        p->rc = opt_propose(&p->problem, &p->plan, &p->history, p->stream, NULL, &next, &p->err);
        if (p->rc)
            return;
        memcpy(x, next.ratios, k * sizeof *x);
        int number = stream->first + first + p->got++;
        p->state[number] = OPT_PENDING;
        memcpy(p->ratios + (size_t)number * k, x, k * sizeof *x);
    }
}

static void found(uv_work_t *work, int status)
{
    struct proposal *p = work->data;
    struct paretod *daemon = p->daemon;
    if (status == 0 && !daemon->stopping) {
        if (p->rc && p->rc != ERR_NOT_READY)
            log_event(LOG_WARN, "stream_dropped", "search=%lld stream=%d reason=%s", (long long)p->search,
                      p->stream, LOG_QUOTE(p->err.text));
        sched_proposed(&daemon->sched, p->search, p->stream, p->found, p->got, p->rc, p->err.text,
                       paretod_now());
    }
    mem_free(p->state);
    mem_free(p->ratios);
    mem_free(p->scores);
    mem_free(p->found);
    mem_free(p);
}

void proposer_ask(void *ctx, const struct search *search, int stream, int n)
{
    struct paretod *daemon = ctx;
    struct proposal *p = mem_zero(1, sizeof *p);
    size_t trials = (size_t)search->plan.trials;
    p->daemon = daemon;
    p->work.data = p;
    p->search = search->id;
    p->stream = stream;
    p->wanted = n;
    p->problem = search->problem;
    p->plan = search->plan;
    p->state = mem_zero(trials, sizeof *p->state);
    p->ratios = mem_zero(trials * (size_t)search->k, sizeof *p->ratios);
    p->scores = mem_zero(trials * (size_t)search->m, sizeof *p->scores);
    p->found = mem_zero((size_t)n * (size_t)search->k, sizeof *p->found);
    search_history(search, p->state, p->ratios, p->scores);
    p->history = (struct opt_history){
        .n = search->plan.trials, .state = p->state, .ratios = p->ratios, .scores = p->scores};
    uv_queue_work(&daemon->loop, &p->work, find, found);
}
