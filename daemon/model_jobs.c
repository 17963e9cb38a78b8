/* What the modeller's jobs do: proposals, promises, insight. */
#include "daemon/modeller_internal.h"

#include "proto/log.h"
#include "proto/mem.h"

#include <string.h>

/* ---- proposals ---- */

/* Each that is found becomes a pending trial of our copy, so that the next question is for the step after. */
static void propose(struct model_job *job)
{
    const struct opt_stream *stream = &job->plan.streams[job->stream];
    size_t k = (size_t)job->problem.k;
    while (job->got < job->ask.n) {
        struct opt_proposal next;
        job->rc = opt_propose(&job->problem, &job->plan, &job->history.known, job->stream, job->model, &next,
                              &job->err);
        if (job->rc)
            return;
        int number = stream->first + job->ask.first + job->got;
        job->origins[job->got] = (struct origin){next.watermark, next.path, next.repeat_of, next.gain};
        memcpy(job->ratios + (size_t)job->got++ * k, next.ratios, k * sizeof *job->ratios);
        job->history.state[number] = OPT_PENDING;
        memcpy(job->history.ratios + (size_t)number * k, next.ratios, k * sizeof *job->ratios);
    }
}

static void proposed(struct model_job *job)
{
    if (job->rc && job->rc != ERR_NOT_READY)
        log_event(LOG_WARN, "stream_dropped", "search=%lld stream=%d reason=%s", (long long)job->search,
                  job->stream, LOG_QUOTE(job->err.text));
    sched_prepared(&job->daemon->sched, job->search, job->stream, &job->ask, job->ratios, job->origins,
                   job->got, job->rc, job->err.text, paretod_now());
}

void model_job_propose(struct model_job *job, const struct search *search, int stream, int want)
{
    job->run = propose;
    job->finish = proposed;
    job->stream = stream;
    search_ask_begin(search, stream, want, &job->ask, &job->history);
    job->ratios = mem_zero((size_t)job->ask.n * (size_t)search->k + 1, sizeof *job->ratios);
    job->origins = mem_zero((size_t)job->ask.n + 1, sizeof *job->origins);
}

/* ---- promise ---- */

static void judge(struct model_job *job)
{
    job->promise = insight_promise(&job->problem, &job->plan, &job->history.known, job->model, job->trial);
}

static void judged(struct model_job *job)
{
    const struct search *search = sched_search(&job->daemon->sched, job->search);
    if (!(job->promise < search->spec.early_stop))
        return;
    log_event(LOG_INFO, "trial_stops", "search=%lld trial=%d promise=%.3g", (long long)job->search,
              job->trial, job->promise);
    sched_stop_trial(&job->daemon->sched, job->search, job->trial);
}

void model_job_promise(struct model_job *job, const struct search *search, int trial)
{
    job->run = judge;
    job->finish = judged;
    job->trial = trial;
    search_history(search, &job->history);
}

/* ---- insight ---- */

static void look(struct model_job *job)
{
    job->rc =
        insight_make(&job->problem, &job->plan, &job->history.known, job->model, &job->insight, &job->err);
    if (!job->ends)
        return;
    job->unfinished = mem_zero((size_t)job->history.known.n + 1, sizeof *job->unfinished);
    job->unfinished_rc = insight_unfinished(&job->problem, &job->plan, &job->history.known, job->model,
                                            job->unfinished, &job->unfinished_n, &job->err);
}

/* Stopped trials of which so much is known now that they may be on the front after all go on. */
static void top_up(struct model_job *job)
{
    struct sched *sched = &job->daemon->sched;
    const struct search *search = sched_search(sched, job->search);
    for (int i = 0; i < job->insight->n; i++) {
        enum insight_verdict verdict = job->insight->verdict[i];
        bool doubtful = verdict == INSIGHT_DOUBTFUL || verdict == INSIGHT_FRONT;
        if (search->trials[i].job[HALF_SEARCH].state == TRIAL_STOPPED && doubtful &&
            sched_reopen(sched, job->search, &i, 1, paretod_now(), NULL) == 0)
            log_event(LOG_INFO, "trial_reopened", "search=%lld trial=%d confidence=%.3g",
                      (long long)job->search, i, job->insight->confidence[i]);
    }
}

/* Without a model nobody knows which of them matter. */
static void list_stopped(struct model_job *job, const struct search *search)
{
    job->unfinished_n = 0;
    for (int i = 0; i < search->plan.trials; i++)
        if (search->trials[i].job[HALF_SEARCH].state == TRIAL_STOPPED && !search->trials[i].reopened)
            job->unfinished[job->unfinished_n++] = i;
}

/* All screened trials are settled: those that the front needs go on, at once, so that a crash leaves all or none of them. false:
 * it could not be written, and is to be tried again. */
static bool complete(struct model_job *job)
{
    struct sched *sched = &job->daemon->sched;
    const struct search *search = sched_search(sched, job->search);
    if (!job->ends || job->history.known.events_n != search->log.n || !search_awaits_completion(search))
        return true;
    if (job->unfinished_rc)
        list_stopped(job, search);
    int rc = sched_reopen(sched, job->search, job->unfinished, job->unfinished_n, paretod_now(), NULL);
    for (int i = 0; i < job->unfinished_n && !rc; i++)
        log_event(LOG_INFO, "trial_reopened", "search=%lld trial=%d rank=%d", (long long)job->search,
                  job->unfinished[i], i + 1);
    return rc == 0;
}

static void looked(struct model_job *job)
{
    const struct search *search = sched_search(&job->daemon->sched, job->search);
    bool screens = search->spec.screen > 0;
    if (job->rc && job->rc != ERR_NOT_READY)
        log_event(LOG_WARN, "no_insight", "search=%lld reason=%s", (long long)job->search,
                  LOG_QUOTE(job->err.text));
    if (!job->rc && !screens)
        top_up(job);
    bool complete_now = !screens || complete(job);
    if (!job->rc)
        modeller_keep(job->daemon->modeller, job);
    if (complete_now && (!screens || job->ends)) /* or more is to be looked at */
        sched_looked(&job->daemon->sched, job->search, job->history.known.events_n, paretod_now());
}

void model_job_insight(struct model_job *job, const struct search *search)
{
    job->run = look;
    job->finish = looked;
    job->ends = search_awaits_completion(search);
    search_history(search, &job->history);
}
