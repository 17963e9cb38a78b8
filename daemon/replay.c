/* GET /v1/searches/{id}/replay: trials derived again from the log, a few a job so that nobody waits for long. */
#include "daemon/modeller_internal.h"

#include "daemon/api.h"
#include "proto/mem.h"

#include <math.h>
#include <string.h>

#define A_JOB 4 /* trials */

/* One trial as it was stored, and as it comes out again. */
struct replayed {
    int number, stream;
    bool given; /* nobody proposed it */
    struct origin origin;
    double ratios[OPT_K_MAX];
    struct opt_proposal again;
    int rc;
    struct err err;
};

struct replay {
    int64_t search;
    uint64_t exchange;
    int k;
    int next;                /* first trial behind them, -1 = none */
    struct opt_model *model; /* of its own: from watermark to watermark */
    struct history history;  /* from job to job */
    struct replayed *trial;  /* [n] */
    int n, done;
};

struct replay *replay_create(const struct search *search, int from, int count, uint64_t exchange)
{
    struct replay *replay = mem_zero(1, sizeof *replay);
    replay->search = search->id;
    replay->exchange = exchange;
    replay->k = search->k;
    replay->next = -1;
    replay->model = opt_model_create();
    replay->trial = mem_zero((size_t)count, sizeof *replay->trial);
    for (int i = from; i < search->plan.trials; i++) {
        const struct trial *trial = &search->trials[i];
        if (trial->job[HALF_SEARCH].state == TRIAL_ABSENT)
            continue;
        if (replay->n == count) {
            replay->next = i;
            break;
        }
        struct replayed *r = &replay->trial[replay->n++];
        r->number = i;
        r->stream = trial->stream;
        r->given = search->plan.streams[trial->stream].kind == OPT_GIVEN;
        r->origin = trial->origin;
        memcpy(r->ratios, search_ratios(search, i), (size_t)search->k * sizeof *r->ratios);
    }
    return replay;
}

void replay_destroy(struct replay *replay)
{
    if (!replay)
        return;
    opt_model_destroy(replay->model);
    history_fini(&replay->history);
    mem_free(replay->trial);
    mem_free(replay);
}

int64_t replay_search(const struct replay *replay)
{
    return replay->search;
}

bool replay_is_over(const struct replay *replay)
{
    return replay->done == replay->n;
}

static void derive(struct model_job *job)
{
    struct replay *replay = job->replay;
    struct history *history = &replay->history;
    size_t n = (size_t)job->plan.trials;
    enum opt_state *state = mem_zero(n, sizeof *state);
    memcpy(state, history->state, n * sizeof *state);
    for (int i = 0; i < A_JOB && !replay_is_over(replay); i++) {
        struct replayed *r = &replay->trial[replay->done++];
        if (r->given)
            continue;
        memcpy(history->state, state, n * sizeof *state);
        history_cut(history, &job->plan, r->stream, r->number, r->origin.watermark);
        r->rc = opt_propose(&job->problem, &job->plan, &history->known, r->stream, replay->model, &r->again,
                            &r->err);
    }
    mem_free(state);
}

static void derived(struct model_job *job)
{
    (void)job; /* the modeller looks whether it is over */
}

void model_job_replay(struct model_job *job, const struct search *search, struct replay *replay)
{
    job->run = derive;
    job->finish = derived;
    job->replay = replay;
    job->problem = search->problem;
    job->plan = search->plan;
    search_history(search, &replay->history);
}

static bool same(const struct replay *replay, const struct replayed *r)
{
    const struct opt_proposal *again = &r->again;
    bool gain = isnan(again->gain) ? isnan(r->origin.gain) : again->gain == r->origin.gain;
    return r->given || (r->rc == 0 && again->trial == r->number && again->watermark == r->origin.watermark &&
                        again->path == r->origin.path && again->repeat_of == r->origin.repeat_of && gain &&
                        !memcmp(again->ratios, r->ratios, (size_t)replay->k * sizeof *r->ratios));
}

static void put_trial(const struct replay *replay, const struct replayed *r, struct json_out *out)
{
    json_object(out);
    json_put_int(out, "trial", r->number);
    json_put_int(out, "watermark", r->origin.watermark);
    json_put_text(out, "path", path_name(r->origin.path));
    json_put_bool(out, "same", same(replay, r));
    json_put_doubles(out, "ratios", r->ratios, (size_t)replay->k);
    if (r->rc) {
        json_name(out, "again");
        json_null(out);
    } else {
        json_put_doubles(out, "again", r->given ? r->ratios : r->again.ratios, (size_t)replay->k);
    }
    json_put_text(out, "reason", r->rc ? r->err.text : NULL);
    json_end_object(out);
}

void replay_answer(struct paretod *daemon, struct replay *replay)
{
    struct exchange *x = http_find(daemon->http, replay->exchange);
    struct buf buf;
    struct json_out out;
    if (!x)
        return;
    buf_init(&buf, ANSWER_MAX);
    json_begin(&out, &buf);
    json_object(&out);
    json_name(&out, "trials");
    json_array(&out);
    for (int i = 0; i < replay->n; i++)
        put_trial(replay, &replay->trial[i], &out);
    json_end_array(&out);
    json_name(&out, "next");
    if (replay->next >= 0)
        json_int(&out, replay->next);
    else
        json_null(&out);
    json_end_object(&out);
    api_send(x, 200, &buf);
}
