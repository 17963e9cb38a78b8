#include "daemon/views.h"

#include "proto/mem.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

const char *view_kind(const struct search *search, int number)
{
    static const char *const names[] = {[OPT_SWEEP] = "sweep",         [OPT_HMA] = "hma",
                                        [OPT_SCALARIZE] = "scalarize", [OPT_SOBOL] = "sobol",
                                        [OPT_QUADRATIC] = "quadratic", [OPT_BAYES] = "bayes",
                                        [OPT_IDENTIFY] = "identify",   [OPT_GIVEN] = "given"};
    return names[search->plan.streams[search->trials[number].stream].kind];
}

const char *view_reason(const struct trial *trial)
{
    const char *later = trial->job[HALF_HELDOUT].reason; /* that half comes after the other */
    return later ? later : trial->job[HALF_SEARCH].reason;
}

const char *view_worker(const struct search *search, struct lease_table *leases, int number)
{
    const struct trial *trial = &search->trials[number];
    const struct lease *lease = trial->job[HALF_SEARCH].state == TRIAL_LEASED
                                    ? lease_active(leases, search->id, number, HALF_SEARCH)
                                    : NULL;
    return lease ? lease->worker : trial->worker;
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
    json_put_int(out, "stopped", count[TRIAL_STOPPED]);
    json_end_object(out);
    json_name(out, "confirm");
    json_object(out);
    json_put_int(out, "total", search->plan.trials - again[TRIAL_ABSENT]);
    json_put_int(out, "done", again[TRIAL_DONE]);
    json_put_int(out, "failed", again[TRIAL_QUARANTINED]);
    json_end_object(out);
}

/* What is left, at the mean time of a trial, by as many as there are slots (not by those busy at this instant, a number
 * that jumps). The confirmation is counted as it stands. A search that nobody works on has no end in sight. */
double view_eta_s(const struct search *search, const char *stalled)
{
    const int *count = search->count[HALF_SEARCH], *again = search->count[HALF_HELDOUT];
    int done = count[TRIAL_DONE] - search->problem.given; /* those took no time here */
    if (stalled || done == 0 || (search->state != SEARCH_RUNNING && search->state != SEARCH_CONFIRMING))
        return NAN;
    double left = again[TRIAL_READY] + again[TRIAL_LEASED];
    if (search->state == SEARCH_RUNNING)
        left += search_left(search);
    bool external = search->spec.evaluator == EVALUATOR_EXTERNAL;
    if (external && count[TRIAL_LEASED] == 0 && search->waiting == 0)
        return NAN; /* nobody has a trial or asks for one */
    return left * (search->wall_sum_s / done) / fmax(1, search->capacity);
}

void view_summary(struct search *search, const char *stalled, int64_t wall_us, struct json_out *out)
{
    const struct tally_numbers *numbers = tally_numbers(search);
    int64_t until_us = search->ended_wall_us ? search->ended_wall_us : wall_us;
    json_put_int(out, "id", search->id);
    json_put_text(out, "name", search->spec.name);
    json_put_text(out, "state", search_state_name(search->state));
    json_put_text(out, "reason", search->close_reason ? search->close_reason : search->reason);
    json_put_text(out, "stalled", stalled);
    json_put_text(out, "strategy", spec_strategy_name(search->spec.strategy));
    put_time(out, "created", search->created_wall_us);
    json_put_double(out, "seconds", fmax(0, (double)(until_us - search->created_wall_us) / 1e6));
    view_progress(search, out);
    json_put_double(out, "eta_s", view_eta_s(search, stalled));
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

int view_trial(struct store *store, const struct search *search, const struct insight *insight,
               struct lease_table *leases, int number, bool items, struct json_out *out, struct err *err)
{
    const struct trial *trial = &search->trials[number];
    json_object(out);
    json_put_int(out, "number", number);
    json_put_int(out, "stream", trial->stream);
    json_put_int(out, "step", trial->step);
    json_put_text(out, "kind", view_kind(search, number));
    json_put_text(out, "state", trial_state_name(trial->job[HALF_SEARCH].state));
    json_put_doubles(out, "ratios", search_ratios(search, number), (size_t)search->k);
    view_effective(search, number, out);
    view_trial_warnings(search, number, out);
    json_put_int(out, "attempts", trial->job[HALF_SEARCH].attempts);
    json_put_text(out, "reason", view_reason(trial));
    json_put_text(out, "worker", view_worker(search, leases, number));
    json_put_double(out, "merge_s", trial->merge_s);
    json_put_double(out, "evaluate_s", trial->evaluate_s);
    json_put_double(out, "wall_s", trial->wall_s);
    put_objectives(search, number, out);
    view_trial_insight(search, insight, number, out);
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
