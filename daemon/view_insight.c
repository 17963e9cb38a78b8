/* What a model makes of the scores: confidence, verdict and posterior of a trial; hypervolume, fit and picks of a search. */
#include "daemon/views.h"

#include <math.h>

const char *view_verdict(const struct insight *insight, int number)
{
    static const char *const names[] = {[INSIGHT_UNKNOWN] = NULL,
                                        [INSIGHT_FRONT] = "front",
                                        [INSIGHT_DOUBTFUL] = "doubtful",
                                        [INSIGHT_DOMINATED] = "dominated"};
    return insight ? names[insight->verdict[number]] : NULL;
}

double view_confidence(const struct insight *insight, int number)
{
    return insight ? insight->confidence[number] : NAN;
}

bool view_posterior(const struct search *search, const struct insight *insight, int number, int objective,
                    double *mean, double *sd)
{
    size_t at = (size_t)number * (size_t)search->m + (size_t)objective;
    *mean = *sd = NAN;
    if (!insight || !isfinite(insight->mean[at]))
        return false;
    *mean = search->spec.objectives[objective].minimise ? insight->mean[at] : -insight->mean[at];
    *sd = insight->sd[at];
    return true;
}

static void put_posterior(const struct search *search, const struct insight *insight, int number,
                          struct json_out *out)
{
    double mean, sd;
    json_name(out, "posterior");
    if (!view_posterior(search, insight, number, 0, &mean, &sd)) {
        json_null(out);
        return;
    }
    json_array(out);
    for (int j = 0; j < search->m; j++) {
        view_posterior(search, insight, number, j, &mean, &sd);
        json_object(out);
        json_put_double(out, "mean", mean);
        json_put_double(out, "sd", sd);
        json_end_object(out);
    }
    json_end_array(out);
}

static void put_number_or_null(const char *name, int number, struct json_out *out)
{
    json_name(out, name);
    if (number >= 0)
        json_int(out, number);
    else
        json_null(out);
}

void view_trial_insight(const struct search *search, const struct insight *insight, int number,
                        struct json_out *out)
{
    const struct trial *trial = &search->trials[number];
    json_put_double(out, "confidence", view_confidence(insight, number));
    json_put_text(out, "verdict", view_verdict(insight, number));
    put_posterior(search, insight, number, out);
    json_put_double(out, "share", trial->share);
    json_put_text(out, "path", path_name(trial->origin.path));
    json_put_int(out, "watermark", trial->origin.watermark);
    put_number_or_null("repeat_of", trial->origin.repeat_of, out);
    json_put_double(out, "gain", trial->origin.gain);
}

/* What the next proposal promises; when none is ready, what the last one did. */
static double latest_gain(const struct search *search)
{
    double gain = NAN;
    for (int s = 0; s < search->plan.streams_n; s++) {
        const struct search_stream *state = &search->streams[s];
        if (!search->plan.streams[s].modelled)
            continue;
        if (state->ready.n > 0)
            gain = state->ready.origins[0].gain;
        else if (state->proposed > 0)
            gain = search->trials[search->plan.streams[s].first + state->proposed - 1].origin.gain;
    }
    return gain;
}

static void put_volumes(const struct insight *insight, struct json_out *out)
{
    json_name(out, "hypervolume");
    json_object(out);
    json_put_double(out, "value", insight->volume);
    json_put_double(out, "low", insight->volume_low);
    json_put_double(out, "median", insight->volume_median);
    json_put_double(out, "high", insight->volume_high);
    json_end_object(out);
}

void view_insight(const struct search *search, const struct insight *insight, struct json_out *out)
{
    json_name(out, "insight");
    if (!insight) {
        json_null(out);
        return;
    }
    json_object(out);
    json_put_int(out, "watermark", insight->watermark);
    json_put_int(out, "events", search->log.n);
    put_volumes(insight, out);
    json_put_double(out, "gain", latest_gain(search));
    json_put_doubles(out, "fit_rms", insight->fit_rms, (size_t)search->m);
    json_end_object(out);
}

void view_picks(const struct search *search, const struct insight *insight, double tax, struct json_out *out)
{
    static const struct {
        const char *name;
        enum insight_pick pick;
    } picks[] = {{"knee", PICK_KNEE}, {"certain", PICK_CERTAIN}, {"least_tax", PICK_LEAST_TAX}};
    struct history history = {0};
    if (insight)
        search_history(search, &history);
    history.known.events_n = insight ? insight->watermark : 0;
    json_name(out, "picks");
    json_object(out);
    for (size_t i = 0; i < sizeof picks / sizeof *picks; i++) {
        int number =
            insight ? insight_pick(&search->problem, &history.known, insight, picks[i].pick, tax) : -1;
        put_number_or_null(picks[i].name, number, out);
    }
    json_end_object(out);
    history_fini(&history);
}
