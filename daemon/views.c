#include "daemon/views.h"

#include "proto/mem.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

const char *view_kind(const struct search *search, int number)
{
    static const char *const names[] = {
        [OPT_SWEEP] = "sweep", [OPT_HMA] = "hma", [OPT_SCALARIZE] = "scalarize", [OPT_SOBOL] = "sobol"};
    return names[search->plan.streams[search->trials[number].stream].kind];
}

static void put_time(struct json_out *out, const char *name, int64_t wall_us)
{
    char text[48];
    time_t seconds = (time_t)(wall_us / 1000000);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    size_t n = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(text + n, sizeof text - n, ".%03dZ", (int)(wall_us / 1000 % 1000));
    json_put_text(out, name, text);
}

void view_progress(const struct search *search, struct json_out *out)
{
    const int *count = search->count[HALF_SEARCH], *again = search->count[HALF_HELDOUT];
    json_name(out, "progress");
    json_object(out);
    json_put_int(out, "total", search->plan.trials);
    json_put_int(out, "done", count[TRIAL_DONE]);
    json_put_int(out, "failed", count[TRIAL_QUARANTINED]);
    json_put_int(out, "running", count[TRIAL_LEASED]);
    json_put_int(out, "ready", count[TRIAL_READY]);
    json_end_object(out);
    json_name(out, "confirm");
    json_object(out);
    json_put_int(out, "total", search->plan.trials - again[TRIAL_ABSENT]);
    json_put_int(out, "done", again[TRIAL_DONE]);
    json_put_int(out, "failed", again[TRIAL_QUARANTINED]);
    json_end_object(out);
}

/* What is left, at the mean time of a trial, by as many as there are slots (not by those busy at this instant, a number
 * that jumps). The confirmation is counted as it stands. */
double view_eta_s(const struct search *search)
{
    const int *count = search->count[HALF_SEARCH], *again = search->count[HALF_HELDOUT];
    int done = count[TRIAL_DONE];
    if (done == 0 || (search->state != SEARCH_RUNNING && search->state != SEARCH_CONFIRMING))
        return NAN;
    int left = again[TRIAL_READY] + again[TRIAL_LEASED];
    if (search->state == SEARCH_RUNNING)
        left += search->plan.trials - search_finished(search);
    return left * (search->wall_sum_s / done) / fmax(1, search->capacity);
}

void view_summary(struct search *search, int64_t wall_us, struct json_out *out)
{
    const struct tally_numbers *numbers = tally_numbers(search);
    int64_t until_us = search->ended_wall_us ? search->ended_wall_us : wall_us;
    json_put_int(out, "id", search->id);
    json_put_text(out, "name", search->spec.name);
    json_put_text(out, "state", search_state_name(search->state));
    json_put_text(out, "reason", search->reason);
    json_put_text(out, "strategy", spec_strategy_name(search->spec.strategy));
    put_time(out, "created", search->created_wall_us);
    json_put_double(out, "seconds", fmax(0, (double)(until_us - search->created_wall_us) / 1e6));
    view_progress(search, out);
    json_put_double(out, "eta_s", view_eta_s(search));
    json_put_double(out, "hypervolume", numbers->hypervolume);
    json_put_double(out, "sweep_hypervolume", numbers->sweep_hypervolume);
    json_put_int(out, "revision", search->revision);
}

struct scores_context {
    struct json_out *out;
    bool items;
};

static int on_score(void *ctx, int trial, const char *half, const struct store_score *score)
{
    struct scores_context *c = ctx;
    (void)trial;
    json_object(c->out);
    json_put_text(c->out, "metric", score->metric);
    json_put_text(c->out, "half", half);
    json_put_double(c->out, "mean", score->mean);
    json_put_double(c->out, "stderr", score->stderr_);
    json_put_int(c->out, "n", score->n);
    if (c->items) {
        if (score->items)
            json_put_doubles(c->out, "items", score->items, score->items_n);
        else {
            json_name(c->out, "items");
            json_null(c->out);
        }
    }
    json_end_object(c->out);
    return 0;
}

static void put_objectives(const struct search *search, int number, struct json_out *out)
{
    json_name(out, "objectives");
    if (search->trials[number].job[HALF_SEARCH].state != TRIAL_DONE) {
        json_null(out);
        return;
    }
    json_array(out);
    for (int j = 0; j < search->m; j++) {
        json_object(out);
        json_put_text(out, "name", search->spec.objectives[j].name);
        json_put_double(out, "mean", search_means(search, HALF_SEARCH, number)[j]);
        json_put_double(out, "stderr", search_stderrs(search, HALF_SEARCH, number)[j]);
        json_end_object(out);
    }
    json_end_array(out);
}

int view_trial(struct store *store, const struct search *search, int number, bool items, struct json_out *out,
               struct err *err)
{
    const struct trial *trial = &search->trials[number];
    const char *later = trial->job[HALF_HELDOUT].reason; /* that half comes after the other */
    json_object(out);
    json_put_int(out, "number", number);
    json_put_int(out, "stream", trial->stream);
    json_put_int(out, "step", trial->step);
    json_put_text(out, "kind", view_kind(search, number));
    json_put_text(out, "state", trial_state_name(trial->job[HALF_SEARCH].state));
    json_put_doubles(out, "ratios", search_ratios(search, number), (size_t)search->k);
    json_put_int(out, "attempts", trial->job[HALF_SEARCH].attempts);
    json_put_text(out, "reason", later ? later : trial->job[HALF_SEARCH].reason);
    json_put_text(out, "worker", trial->worker);
    json_put_double(out, "merge_s", trial->merge_s);
    json_put_double(out, "evaluate_s", trial->evaluate_s);
    json_put_double(out, "wall_s", trial->wall_s);
    put_objectives(search, number, out);
    json_name(out, "scores");
    json_array(out);
    struct scores_context c = {out, items};
    int rc = 0;
    if (trial->job[HALF_SEARCH].state == TRIAL_DONE)
        rc = store_scores_each(store, search->id, number, items, on_score, &c, err);
    json_end_array(out);
    json_end_object(out);
    return rc;
}

/* A name as a CSV field: quoted, quotes doubled. */
static void csv_text(struct buf *buf, const char *text)
{
    buf_text(buf, "\"");
    for (; *text; text++)
        buf_add(buf, *text == '"' ? "\"\"" : text, *text == '"' ? 2 : 1);
    buf_text(buf, "\"");
}

static void csv_name(struct buf *buf, const char *prefix, const char *name)
{
    char *text = mem_printf("%s%s", prefix, name);
    buf_text(buf, ",");
    csv_text(buf, text);
    mem_free(text);
}

static void csv_number(struct buf *buf, double x)
{
    if (isfinite(x))
        buf_printf(buf, ",%.17g", x);
    else
        buf_text(buf, ",");
}

static void csv_half(const struct search *search, int number, enum half half, struct buf *buf)
{
    bool done = search->trials[number].job[half].state == TRIAL_DONE;
    for (int j = 0; j < search->m; j++) {
        csv_number(buf, done ? search_means(search, half, number)[j] : NAN);
        csv_number(buf, done ? search_stderrs(search, half, number)[j] : NAN);
    }
}

void view_trials_csv(const struct search *search, struct buf *buf)
{
    buf_text(buf, "number,kind,stream,step,state,on_front,attempts,wall_s");
    for (int i = 0; i < search->k; i++)
        csv_name(buf, "ratio ", search->group_names[i]);
    for (int h = 0; h < HALVES_N; h++)
        for (int j = 0; j < search->m; j++) {
            csv_name(buf, h ? "heldout " : "", search->spec.objectives[j].name);
            csv_name(buf, h ? "heldout stderr " : "stderr ", search->spec.objectives[j].name);
        }
    buf_text(buf, "\n");
    for (int i = 0; i < search->plan.trials; i++) {
        const struct trial *trial = &search->trials[i];
        if (trial->job[HALF_SEARCH].state == TRIAL_ABSENT)
            continue;
        buf_printf(buf, "%d,%s,%d,%d,%s,%d,%d", i, view_kind(search, i), trial->stream, trial->step,
                   trial_state_name(trial->job[HALF_SEARCH].state), tally_on_front(search, i),
                   trial->job[HALF_SEARCH].attempts);
        csv_number(buf, trial->wall_s);
        for (int j = 0; j < search->k; j++)
            csv_number(buf, search_ratios(search, i)[j]);
        csv_half(search, i, HALF_SEARCH, buf);
        csv_half(search, i, HALF_HELDOUT, buf);
        buf_text(buf, "\n");
    }
}
