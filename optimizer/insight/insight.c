#include "optimizer/insight/insight.h"

#include "optimizer/front.h"
#include "optimizer/insight/chance.h"
#include "optimizer/insight/posterior.h"
#include "proto/mem.h"

#include <math.h>
#include <string.h>

enum { DRAWS = 256, FITS = 8 };
#define STREAM 0x1000000000000 /* of chance: plus the watermark */

static struct insight *create(int n, int m, int watermark)
{
    struct insight *in = mem_zero(1, sizeof *in);
    *in = (struct insight){.watermark = watermark, .n = n, .m = m};
    size_t trials = (size_t)n + 1;
    in->mean = mem_zero(trials * (size_t)m, sizeof *in->mean);
    in->sd = mem_zero(trials * (size_t)m, sizeof *in->sd);
    in->confidence = mem_zero(trials, sizeof *in->confidence);
    in->verdict = mem_zero(trials, sizeof *in->verdict);
    in->front = mem_zero(trials, sizeof *in->front);
    in->scored = mem_zero(trials, sizeof *in->scored);
    for (int i = 0; i < n * m; i++)
        in->mean[i] = in->sd[i] = NAN;
    for (int t = 0; t < n; t++)
        in->confidence[t] = NAN;
    in->volume = in->volume_low = in->volume_median = in->volume_high = NAN;
    for (int j = 0; j < OPT_M_MAX; j++)
        in->fit_rms[j] = NAN;
    return in;
}

void insight_destroy(struct insight *in)
{
    if (!in)
        return;
    mem_free(in->mean);
    mem_free(in->sd);
    mem_free(in->confidence);
    mem_free(in->verdict);
    mem_free(in->front);
    mem_free(in->scored);
    mem_free(in);
}

static enum insight_verdict verdict_of(double confidence)
{
    return confidence >= 0.8 ? INSIGHT_FRONT : confidence <= 0.2 ? INSIGHT_DOMINATED : INSIGHT_DOUBTFUL;
}

/* From vectors to trials. share: [vectors.n] */
static void spread(const struct posterior *p, const double *share, struct insight *in)
{
    const struct vectors *v = p->vectors;
    size_t m = (size_t)in->m;
    for (int t = 0; t < in->n; t++) {
        int i = v->of[t];
        if (i < 0)
            continue;
        memcpy(&in->mean[(size_t)t * m], &p->mean[(size_t)i * m], m * sizeof *in->mean);
        memcpy(&in->sd[(size_t)t * m], &p->sd[(size_t)i * m], m * sizeof *in->sd);
        in->confidence[t] = share[i];
        in->verdict[t] = verdict_of(share[i]);
        in->scored[t] = v->scored[i];
    }
}

/* The front of the posterior means of what is scored as a whole, and its volume. */
static void mark_front(const struct posterior *p, const struct scale *scale, struct insight *in)
{
    const struct vectors *v = p->vectors;
    size_t m = (size_t)in->m;
    double *points = mem_zero((size_t)v->n * m + 1, sizeof *points);
    int *trial = mem_zero((size_t)v->n + 1, sizeof *trial), n = 0;
    bool *member = mem_zero((size_t)v->n + 1, sizeof *member);
    for (int i = 0; i < v->n; i++) {
        if (v->whole[i] < 0)
            continue;
        memcpy(&points[(size_t)n * m], &p->mean[(size_t)i * m], m * sizeof *points);
        trial[n++] = v->whole[i];
    }
    front_members(points, n, in->m, member, NULL);
    int front_n = 0;
    for (int i = 0; i < n; i++) {
        in->front[trial[i]] = member[i];
        if (member[i])
            memmove(&points[(size_t)front_n++ * m], &points[(size_t)i * m], m * sizeof *points);
    }
    if (scale)
        in->volume = scale_volume(scale, points, front_n);
    mem_free(points);
    mem_free(trial);
    mem_free(member);
}

/* The hypervolume of the front's vectors in the draws. */
static void measure(const double *f, int n, const bool *front, const struct scale *scale, struct insight *in)
{
    double volume[DRAWS];
    chance_volumes(f, DRAWS, n, front, scale, volume);
    in->volume_low = chance_quantile(volume, DRAWS, 0.05);
    in->volume_median = chance_quantile(volume, DRAWS, 0.5);
    in->volume_high = chance_quantile(volume, DRAWS, 0.95);
}

/* The draws of the vectors that have a chance; the front is marked. share: [vectors.n] */
static void count_draws(const struct posterior *p, uint64_t seed, const struct scale *scale, double *share,
                        struct insight *in)
{
    const struct vectors *v = p->vectors;
    bool *whole = mem_zero((size_t)v->n + 1, sizeof *whole),
         *rival = mem_zero((size_t)v->n + 1, sizeof *rival);
    int *chosen = mem_zero((size_t)v->n + 1, sizeof *chosen);
    for (int i = 0; i < v->n; i++)
        whole[i] = v->whole[i] >= 0;
    int n = chance_choose(p->mean, p->sd, whole, v->n, in->m, chosen);
    for (int i = 0; i < n; i++)
        rival[i] = whole[chosen[i]];
    double *f = mem_zero((size_t)n * DRAWS * (size_t)in->m + 1, sizeof *f);
    double *counted = mem_zero((size_t)n + 1, sizeof *counted);
    posterior_draw(p, chosen, n, DRAWS, seed, STREAM + (uint64_t)in->watermark, f);
    chance_count(f, DRAWS, n, in->m, rival, counted);
    for (int i = 0; i < n; i++)
        share[chosen[i]] = counted[i];
    for (int i = 0; i < n; i++)
        rival[i] = rival[i] && in->front[v->whole[chosen[i]]];
    if (scale)
        measure(f, n, rival, scale, in);
    mem_free(whole);
    mem_free(rival);
    mem_free(chosen);
    mem_free(f);
    mem_free(counted);
}

static double leave_one_out(const struct gp *gp)
{
    int n = gp_n(gp);
    double *residual = mem_zero((size_t)n + 1, sizeof *residual), *sd = mem_zero((size_t)n + 1, sizeof *sd),
           sum = 0;
    gp_leave_one_out(gp, residual, sd);
    for (int i = 0; i < n; i++)
        sum += (residual[i] / sd[i]) * (residual[i] / sd[i]);
    mem_free(residual);
    mem_free(sd);
    return sqrt(sum / n);
}

int insight_make(const struct opt_problem *problem, const struct opt_plan *plan,
                 const struct opt_history *history, struct opt_model *model, struct insight **out,
                 struct err *err)
{
    *out = NULL;
    struct opt_model *own = model ? NULL : opt_model_create();
    const struct surrogate *surrogate;
    int code = surrogate_get(problem, plan, history, model ? model : own, &surrogate, err);
    if (code) {
        opt_model_destroy(own);
        return code;
    }
    struct vectors vectors;
    struct posterior posterior;
    struct scale scale;
    vectors_make(problem, history, &vectors);
    posterior_make(problem, history, surrogate, &vectors, true, &posterior);
    posterior.fits = FITS;
    const struct scale *known = scale_make(problem, history, &scale) ? &scale : NULL;
    struct insight *in = create(history->n, problem->m, history->events_n);
    double *share = mem_zero((size_t)vectors.n + 1, sizeof *share);
    mark_front(&posterior, known, in);
    count_draws(&posterior, problem->seed, known, share, in);
    spread(&posterior, share, in);
    for (int j = 0; j < problem->m; j++)
        in->fit_rms[j] = leave_one_out(surrogate->gp[j]);
    mem_free(share);
    posterior_fini(&posterior);
    vectors_fini(&vectors);
    opt_model_destroy(own);
    *out = in;
    return 0;
}
