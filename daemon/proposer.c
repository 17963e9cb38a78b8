#include "daemon/proposer.h"

#include "daemon/modeller.h"
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
    struct history history;
    double *found;          /* [wanted][k] */
    struct origin *origins; /* [wanted] */
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
    while (first < stream->quota && p->history.state[stream->first + first] != OPT_ABSENT)
        first++;
    while (p->got < p->wanted) {
        double *x = p->found + (size_t)p->got * k;
        struct opt_proposal next;
        p->rc = opt_propose(&p->problem, &p->plan, &p->history.known, p->stream, NULL, &next, &p->err);
        if (p->rc)
            return;
        memcpy(x, next.ratios, k * sizeof *x);
        p->origins[p->got] = (struct origin){next.watermark, next.path, next.repeat_of, next.gain};
        int number = stream->first + first + p->got++;
        p->history.state[number] = OPT_PENDING;
        memcpy(p->history.ratios + (size_t)number * k, x, k * sizeof *x);
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
        sched_proposed(&daemon->sched, p->search, p->stream, p->found, p->origins, p->got, p->rc, p->err.text,
                       paretod_now());
    }
    history_fini(&p->history);
    mem_free(p->found);
    mem_free(p->origins);
    mem_free(p);
}

void proposer_ask(void *ctx, const struct search *search, int stream, int n)
{
    struct paretod *daemon = ctx;
    if (search->plan.streams[stream].modelled) {
        modeller_ask(daemon->modeller, search, stream);
        return;
    }
    struct proposal *p = mem_zero(1, sizeof *p);
    p->daemon = daemon;
    p->work.data = p;
    p->search = search->id;
    p->stream = stream;
    p->wanted = n;
    p->problem = search->problem;
    p->plan = search->plan;
    p->found = mem_zero((size_t)n * (size_t)search->k, sizeof *p->found);
    p->origins = mem_zero((size_t)n, sizeof *p->origins);
    search_history(search, &p->history);
    uv_queue_work(&daemon->loop, &p->work, find, found);
}
