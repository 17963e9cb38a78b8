#include "optimizer/model/slices.h"

#include "proto/mem.h"

#include <math.h>
#include <string.h>

/* Priors. The slope of partial on whole: N(1, SLOPE_SD^2). The residual variance: what the standard error says, worth
 * VARIANCE_WEIGHT observations. The offset: as if one pair had said 0. */
static const double SLOPE_SD = 0.2, SLOPE_LEAST = 0.5, VARIANCE_WEIGHT = 4;
enum { PAIRS_WITHOUT_STDERR = 4 };

/* The partial scores of one trial, in the order in which they came. */
struct part {
    int n, capacity;
    double *share; /* [n] */
    double *means; /* [n][m] */
    double *last;  /* [m] stderrs of the last one */
    bool done;
};

/* Pairs of one objective at one share: d = partial - whole against w = whole. Welford's sums, about the means. */
struct pairs {
    double mean_d, mean_w, dd, dw, ww;
};

struct share {
    double share;
    int n;
    struct pairs *pairs; /* [m] */
};

struct slices {
    int m, trials_n, shares_n;
    struct part *part;   /* [trials_n] */
    struct share *share; /* [shares_n] */
};

struct slices *slices_create(int m, int trials_n)
{
    struct slices *s = mem_zero(1, sizeof *s);
    s->m = m;
    s->trials_n = trials_n;
    s->part = mem_zero((size_t)trials_n + 1, sizeof *s->part);
    return s;
}

void slices_destroy(struct slices *s)
{
    if (!s)
        return;
    for (int i = 0; i < s->trials_n; i++) {
        mem_free(s->part[i].share);
        mem_free(s->part[i].means);
        mem_free(s->part[i].last);
    }
    for (int i = 0; i < s->shares_n; i++)
        mem_free(s->share[i].pairs);
    mem_free(s->part);
    mem_free(s->share);
    mem_free(s);
}

static bool same_share(double a, double b)
{
    return fabs(a - b) <= 1e-9;
}

static const struct share *find_share(const struct slices *s, double share)
{
    for (int i = 0; i < s->shares_n; i++)
        if (same_share(s->share[i].share, share))
            return &s->share[i];
    return NULL;
}

static struct share *make_share(struct slices *s, double share)
{
    for (int i = 0; i < s->shares_n; i++)
        if (same_share(s->share[i].share, share))
            return &s->share[i];
    s->share = mem_grow(s->share, (size_t)s->shares_n + 1, sizeof *s->share);
    struct share *made = &s->share[s->shares_n++];
    *made = (struct share){.share = share, .pairs = mem_zero((size_t)s->m, sizeof *made->pairs)};
    return made;
}

static void add_part(struct slices *s, struct part *part, const struct opt_event *event)
{
    size_t m = (size_t)s->m;
    int at = 0;
    while (at < part->n && !same_share(part->share[at], event->share))
        at++;
    if (at == part->capacity) {
        part->capacity = at ? 2 * at : 4;
        part->share = mem_grow(part->share, (size_t)part->capacity, sizeof *part->share);
        part->means = mem_grow(part->means, (size_t)part->capacity * m, sizeof *part->means);
    }
    /* the latest is the last one */
    size_t after = (size_t)(at < part->n ? part->n - at - 1 : 0);
    if (at == part->n)
        part->n++;
    memmove(&part->share[at], &part->share[at + 1], after * sizeof *part->share);
    memmove(&part->means[(size_t)at * m], &part->means[(size_t)(at + 1) * m],
            after * m * sizeof *part->means);
    if (!part->last)
        part->last = mem_zero(m, sizeof *part->last);
    part->share[part->n - 1] = event->share;
    memcpy(&part->means[(size_t)(part->n - 1) * m], event->means, m * sizeof *part->means);
    memcpy(part->last, event->stderrs, m * sizeof *part->last);
}

static void add_pair(struct pairs *p, int n, double d, double w)
{
    double from_d = d - p->mean_d, from_w = w - p->mean_w;
    p->mean_d += from_d / n;
    p->mean_w += from_w / n;
    p->dd += from_d * (d - p->mean_d);
    p->dw += from_d * (w - p->mean_w);
    p->ww += from_w * (w - p->mean_w);
}

static void add_whole(struct slices *s, const struct part *part, const double *whole)
{
    for (int i = 0; i < part->n; i++) {
        struct share *share = make_share(s, part->share[i]);
        share->n++;
        for (int j = 0; j < s->m; j++)
            add_pair(&share->pairs[j], share->n, part->means[i * s->m + j] - whole[j], whole[j]);
    }
}

void slices_add(struct slices *s, const struct opt_event *event)
{
    struct part *part = &s->part[event->trial];
    if (event->kind == OPT_EVENT_SLICE || event->kind == OPT_EVENT_STOPPED)
        add_part(s, part, event);
    if (event->kind != OPT_EVENT_DONE || part->done)
        return;
    part->done = true;
    add_whole(s, part, event->means);
}

/* d_i = c + (b - 1) (w_i - mean w) + e_i with normal priors on c and b: their posterior means and variances, and that of e.
 * The variance of e is needed for the slope and the slope for it: twice round is enough. */
static void calibrate(const struct pairs *p, int n, double prior, double partial, double *mean,
                      double *variance)
{
    double known = isnan(prior) ? 0 : VARIANCE_WEIGHT, tilt = 0, used = 0, noise = 0;
    for (int round = 0; round < 2; round++) {
        double rss = fmax(p->dd - 2 * tilt * p->dw + tilt * tilt * p->ww, 0);
        double freedom = fmax(known + n - 1 - used, 1);
        noise = ((known > 0 ? known * prior : 0) + rss) / freedom;
        if (known == 0 && freedom > 2)
            noise *= freedom / (freedom - 2); /* Student's: few pairs alone tell it */
        double precision = p->ww + noise / (SLOPE_SD * SLOPE_SD);
        tilt = precision > 0 ? fmax(p->dw / precision, SLOPE_LEAST - 1) : 0;
        used = precision > 0 ? p->ww / precision : 0;
    }
    double slope = 1 + tilt, precision = p->ww + noise / (SLOPE_SD * SLOPE_SD);
    double offset = p->mean_d * n / (n + 1);
    double beyond = (partial - offset - p->mean_w) / slope; /* of the mean of the whole scores */
    *mean = p->mean_w + beyond;
    double of_slope = precision > 0 ? noise / precision : 0;
    *variance = (noise + noise / (n + 1) + of_slope * beyond * beyond) / (slope * slope);
}

bool slices_guess(const struct slices *s, int trial, struct slices_guess *out)
{
    const struct part *part = &s->part[trial];
    if (part->n == 0 || part->done)
        return false;
    const double *partial = &part->means[(part->n - 1) * s->m];
    *out = (struct slices_guess){.share = part->share[part->n - 1]};
    const struct share *share = find_share(s, out->share);
    out->pairs = share ? share->n : 0;
    for (int j = 0; j < s->m; j++) {
        /* 0 from a part of the items says that these are equal, not that the rest are */
        double prior = part->last[j] > 0 ? part->last[j] * part->last[j] * (1 - out->share) : NAN;
        out->mean[j] = partial[j];
        out->variance[j] = prior;
        if (out->pairs >= (isnan(prior) ? PAIRS_WITHOUT_STDERR : 1))
            calibrate(&share->pairs[j], out->pairs, prior, partial[j], &out->mean[j], &out->variance[j]);
    }
    return true;
}
