/* The front as JSON. Made once a revision, insight and reason to stand still; view_cache keeps it. */
#include "daemon/views.h"

#include "proto/mem.h"

#include <math.h>
#include <stdlib.h>

#define HISTORY_ALL 2000 /* longer histories are given where they change, and at their end */

static void put_scores(const struct search *search, enum half half, int number, struct json_out *out)
{
    if (search->trials[number].job[half].state != TRIAL_DONE) {
        json_null(out);
        return;
    }
    json_array(out);
    for (int j = 0; j < search->m; j++) {
        json_object(out);
        json_put_double(out, "mean", search_means(search, half, number)[j]);
        json_put_double(out, "stderr", search_stderrs(search, half, number)[j]);
        json_end_object(out);
    }
    json_end_array(out);
}

static double mean_ratio(const struct search *search, int number)
{
    double sum = 0;
    for (int i = 0; i < search->k; i++)
        sum += search_ratios(search, number)[i];
    return sum / search->k;
}

static void put_point(const struct search *search, const struct insight *insight, int number, bool on_front,
                      struct json_out *out)
{
    json_object(out);
    json_put_int(out, "trial", number);
    json_put_text(out, "kind", view_kind(search, number));
    json_put_doubles(out, "ratios", search_ratios(search, number), (size_t)search->k);
    view_effective(search, number, out);
    json_put_double(out, "mean_ratio", mean_ratio(search, number));
    json_name(out, "scores");
    put_scores(search, HALF_SEARCH, number, out);
    json_name(out, "heldout");
    put_scores(search, HALF_HELDOUT, number, out);
    json_put_bool(out, "on_front", on_front);
    view_trial_insight(search, insight, number, out);
    json_end_object(out);
}

struct keyed {
    double key;
    int number;
};

static int by_key(const void *a, const void *b)
{
    const struct keyed *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return (x->number > y->number) - (x->number < y->number);
}

enum part { PART_FRONT, PART_SWEEP, PART_DOMINATED };

static void put_part(const struct search *search, const struct insight *insight, enum part part,
                     const bool *on_front, struct json_out *out)
{
    struct keyed *list = mem_zero((size_t)search->plan.trials, sizeof *list);
    size_t n = 0;
    for (int i = 0; search_has_front(search) && i < search->count[HALF_SEARCH][TRIAL_DONE]; i++) {
        int number = search->done_order[i];
        bool sweep = search->plan.streams[search->trials[number].stream].kind == OPT_SWEEP;
        if (part == PART_FRONT && on_front[number])
            list[n++] = (struct keyed){search_means(search, HALF_SEARCH, number)[0], number};
        if (part == PART_SWEEP && sweep)
            list[n++] = (struct keyed){mean_ratio(search, number), number};
        if (part == PART_DOMINATED && !on_front[number] && !sweep)
            list[n++] = (struct keyed){number, number};
    }
    qsort(list, n, sizeof *list, by_key);
    json_array(out);
    for (size_t i = 0; i < n; i++)
        put_point(search, insight, list[i].number, on_front[list[i].number], out);
    json_end_array(out);
    mem_free(list);
}

static void put_objectives(const struct search *search, struct json_out *out)
{
    json_name(out, "objectives");
    json_array(out);
    for (int j = 0; j < search->m; j++) {
        const struct spec_objective *o = &search->spec.objectives[j];
        json_object(out);
        json_put_text(out, "name", o->name);
        json_put_text(out, "goal", o->minimise ? "min" : "max");
        json_name(out, "metrics");
        json_array(out);
        for (int i = 0; i < o->metrics_n; i++)
            json_text(out, o->metrics[i]);
        json_end_array(out);
        json_put_double(out, "reference", o->has_reference ? o->reference : NAN);
        json_end_object(out);
    }
    json_end_array(out);
    json_name(out, "groups");
    json_array(out);
    for (int i = 0; i < search->k; i++)
        json_text(out, search->group_names[i]);
    json_end_array(out);
}

static void put_history(struct search *search, struct json_out *out)
{
    int n;
    const double *history = tally_history(search, &n);
    json_name(out, "hypervolume_history");
    json_array(out);
    for (int i = 0; i < n; i++) {
        bool told = n <= HISTORY_ALL || i == 0 || i == n - 1 || history[i] != history[i - 1];
        if (!told)
            continue;
        json_array(out);
        json_int(out, i + 1);
        json_double(out, history[i]);
        json_end_array(out);
    }
    json_end_array(out);
}

/* The members of the front that is the answer. on_front: [plan.trials] */
static void choose_front(const struct search *search, const struct insight *insight, bool *on_front)
{
    for (int i = 0; insight && i < insight->n; i++)
        on_front[i] = insight->front[i] && search->trials[i].job[HALF_SEARCH].state == TRIAL_DONE;
    for (int i = 0; !insight && i < search->tally.front_n; i++)
        on_front[search->tally.front[i]] = true;
}

static void put_numbers(struct search *search, const char *stalled, struct json_out *out)
{
    const struct tally_numbers *numbers = tally_numbers(search);
    json_put_double(out, "eta_s", view_eta_s(search, stalled));
    json_put_double(out, "hypervolume", numbers->hypervolume);
    json_put_double(out, "sweep_hypervolume", numbers->sweep_hypervolume);
    put_history(search, out);
    json_name(out, "heldout");
    if (!numbers->has_heldout) {
        json_null(out);
        return;
    }
    json_object(out);
    json_put_double(out, "hypervolume", numbers->heldout_hypervolume);
    json_put_double(out, "sweep_hypervolume", numbers->heldout_sweep_hypervolume);
    json_end_object(out);
}

/* Why there is nothing to show, nor will be. */
static void put_note(const struct search *search, struct json_out *out)
{
    json_put_text(
        out, "note",
        search_has_front(search)
            ? NULL
            : "this search identifies: each trial evaluates other items with the same ratios, so there is no "
              "front; \"paretoctl rtuning identify\" joins what the trials found");
}

void view_front(struct search *search, const struct view_look *look, struct buf *buf)
{
    struct json_out out;
    const struct insight *insight = look->insight;
    bool *on_front = mem_zero((size_t)search->plan.trials, sizeof *on_front),
         posterior = look->posterior && insight;
    choose_front(search, posterior ? insight : NULL, on_front);
    json_begin(&out, buf);
    json_object(&out);
    json_put_int(&out, "id", search->id);
    json_put_text(&out, "name", search->spec.name);
    json_put_text(&out, "state", search_state_name(search->state));
    json_put_text(&out, "stalled", look->stalled);
    json_put_int(&out, "revision", search->revision);
    put_note(search, &out);
    put_objectives(search, &out);
    view_progress(search, &out);
    put_numbers(search, look->stalled, &out);
    json_put_text(&out, "answer", posterior ? "posterior" : "raw");
    view_insight(search, insight, &out);
    view_picks(search, insight, look->tax, &out);
    json_put_int(&out, "sweep_total", search_sweep_total(search));
    static const char *const parts[] = {"points", "sweep", "dominated"};
    for (int i = 0; i < 3; i++) {
        json_name(&out, parts[i]);
        put_part(search, insight, (enum part)i, on_front, &out);
    }
    json_end_object(&out);
    mem_free(on_front);
}
