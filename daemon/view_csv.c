/* Every trial of a search as one table. The client's front --csv bears the same names for the columns both have. */
#include "daemon/views.h"

#include "proto/mem.h"

#include <math.h>

/* A text as a CSV field: quoted, quotes doubled; a row is one line. */
static void put_text(struct buf *buf, const char *text)
{
    buf_text(buf, "\"");
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        buf_add(buf, c == '"' ? "\"\"" : c < 0x20 ? " " : text, c == '"' ? 2 : 1);
    }
    buf_text(buf, "\"");
}

static void put_name(struct buf *buf, const char *before, const char *name, const char *after)
{
    char *text = mem_printf("%s%s%s", before, name, after);
    buf_text(buf, ",");
    put_text(buf, text);
    mem_free(text);
}

/* What is not known is an empty field. */
static void put_number(struct buf *buf, double x)
{
    if (isfinite(x))
        buf_printf(buf, ",%.17g", x);
    else
        buf_text(buf, ",");
}

static void put_optional(struct buf *buf, const char *text)
{
    buf_text(buf, ",");
    if (text)
        put_text(buf, text);
}

static void put_heads(const struct search *search, struct buf *buf)
{
    static const char *const columns[] = {"", " stderr", " heldout", " heldout stderr"};
    buf_text(buf, "trial,stream,step,kind,state,on_front");
    for (int i = 0; i < search->k; i++)
        put_name(buf, "ratio ", search->group_names[i], "");
    for (int i = 0; i < search->k; i++)
        put_name(buf, "effective ", search->group_names[i], "");
    for (int j = 0; j < search->m; j++)
        for (int c = 0; c < 4; c++)
            put_name(buf, "", search->spec.objectives[j].name, columns[c]);
    buf_text(buf, ",failed,worker,merge_s,evaluate_s,wall_s,reason");
    buf_text(buf, ",share,path,watermark,repeat_of,gain,confidence,verdict");
    for (int j = 0; j < search->m; j++) {
        put_name(buf, "", search->spec.objectives[j].name, " posterior");
        put_name(buf, "", search->spec.objectives[j].name, " posterior sd");
    }
    buf_text(buf, "\n");
}

static void put_objective(const struct search *search, int number, int objective, struct buf *buf)
{
    for (int h = 0; h < HALVES_N; h++) {
        bool done = search->trials[number].job[h].state == TRIAL_DONE;
        put_number(buf, done ? search_means(search, (enum half)h, number)[objective] : NAN);
        put_number(buf, done ? search_stderrs(search, (enum half)h, number)[objective] : NAN);
    }
}

static void put_insight(const struct search *search, const struct insight *insight, int number,
                        struct buf *buf)
{
    const struct trial *trial = &search->trials[number];
    const char *verdict = view_verdict(insight, number);
    buf_printf(buf, ",%.17g,%s,%d", trial->share, path_name(trial->origin.path), trial->origin.watermark);
    put_number(buf, trial->origin.repeat_of >= 0 ? trial->origin.repeat_of : NAN);
    put_number(buf, trial->origin.gain);
    put_number(buf, view_confidence(insight, number));
    buf_printf(buf, ",%s", verdict ? verdict : "");
    for (int j = 0; j < search->m; j++) {
        double mean, sd;
        view_posterior(search, insight, number, j, &mean, &sd);
        put_number(buf, mean);
        put_number(buf, sd);
    }
}

static void put_trial(const struct search *search, const struct insight *insight, struct lease_table *leases,
                      int number, struct buf *buf)
{
    const struct trial *trial = &search->trials[number];
    bool done = trial->job[HALF_SEARCH].state == TRIAL_DONE;
    buf_printf(buf, "%d,%d,%d,%s,%s,%s", number, trial->stream, trial->step, view_kind(search, number),
               trial_state_name(trial->job[HALF_SEARCH].state),
               tally_on_front(search, number) ? "true" : "false");
    for (int i = 0; i < search->k; i++)
        put_number(buf, search_ratios(search, number)[i]);
    for (int i = 0; i < search->k; i++)
        put_number(buf, trial->effective ? trial->effective[i] : NAN);
    for (int j = 0; j < search->m; j++)
        put_objective(search, number, j, buf);
    buf_printf(buf, ",%d", trial->job[HALF_SEARCH].attempts + trial->job[HALF_HELDOUT].attempts);
    put_optional(buf, view_worker(search, leases, number));
    put_number(buf, done ? trial->merge_s : NAN);
    put_number(buf, done ? trial->evaluate_s : NAN);
    put_number(buf, done ? trial->wall_s : NAN);
    put_optional(buf, view_reason(trial));
    put_insight(search, insight, number, buf);
    buf_text(buf, "\n");
}

void view_trials_csv(const struct search *search, const struct insight *insight, struct lease_table *leases,
                     struct buf *buf)
{
    put_heads(search, buf);
    for (int i = 0; i < search->plan.trials; i++)
        if (search->trials[i].job[HALF_SEARCH].state != TRIAL_ABSENT)
            put_trial(search, insight, leases, i, buf);
}
