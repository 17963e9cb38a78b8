#include "optimizer/acquisition/ehvi.h"

#include "optimizer/acquisition/tail.h"
#include "proto/mem.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

#define M BOXES_M_MAX
#define INV_SQRT_2PI 0.39894228040143267794
#define LN_SQRT_2PI 0.91893853320467274178
#define Z_MAX 1e100 /* neither its square nor that over an sd overflows */
#define ON_STACK 512
#define ROUNDING 1e-15 /* of a difference of two psi, against their sizes: a few ulp of exp and tail_excess */

/* One place c of one objective: z = (c - mean) / sd, t = |z|, r = tail_excess(t). With L(t) = E[max(X - t, 0)]:
 * h(-t) = L(t), h(t) = t + L(t). */
struct place {
    double z, t, r;
    double phi, Phi, loss; /* loss = L(t); these three are set for ehvi_value and for z > 0 only */
};

static double clamp(double z)
{
    return z > Z_MAX ? Z_MAX : z < -Z_MAX ? -Z_MAX : z;
}

static struct place place_at(double c, double mean, double sd)
{
    struct place p = {.z = clamp((c - mean) / sd)};
    p.t = fabs(p.z);
    p.r = tail_excess(p.t);
    return p;
}

static void set_probabilities(struct place *p)
{
    p->phi = INV_SQRT_2PI * exp(-0.5 * p->t * p->t);
    double tail = p->phi * tail_mills(p->t, p->r);
    p->Phi = p->z > 0 ? 1 - tail : tail;
    p->loss = tail * p->r;
}

/* psi(upper) - psi(lower) of one objective and its derivatives. `size`: what rounding errors are relative to. */
struct part {
    double value, d_mean, d_sd, size;
};

static struct part part_between(const struct place *u, const struct place *l, double upper, double lower,
                                double mean, double sd)
{
    double ahead = u->z > 0 ? upper - mean : 0; /* psi = ahead + sd L */
    if (!l) {
        double value = ahead + sd * u->loss;
        return (struct part){value, -u->Phi, u->phi, value};
    }
    ahead = l->z > 0 ? upper - lower : ahead;
    double value = ahead + sd * (u->loss - l->loss);
    return (struct part){value, l->Phi - u->Phi, u->phi - l->phi, ahead + sd * (u->loss + l->loss)};
}

/* All cuts of all objectives after one another: places of objective j from start[j]. */
static int cut_starts(const struct boxes *b, int *start)
{
    int n = 0;
    for (int j = 0; j < b->m; j++) {
        start[j] = n;
        n += b->cuts_n[j];
    }
    return n;
}

/* One box's product; derivatives are added up. */
static double add_box(const struct part *part, int m, double *d_mean, double *d_sd)
{
    double before[M + 1] = {1}, after = 1;
    for (int j = 0; j < m; j++)
        before[j + 1] = before[j] * part[j].value;
    for (int j = m - 1; j >= 0 && d_mean; j--) {
        d_mean[j] += before[j] * after * part[j].d_mean;
        d_sd[j] += before[j] * after * part[j].d_sd;
        after *= part[j].value;
    }
    return before[m];
}

double ehvi_value(const struct boxes *boxes, const double *mean, const double *sd, double *d_mean,
                  double *d_sd, double *error)
{
    const struct boxes *b = boxes;
    int start[M], n = cut_starts(b, start), m = b->m;
    struct place on_stack[ON_STACK], *place = n <= ON_STACK ? on_stack : mem_zero((size_t)n, sizeof *place);
    for (int j = 0; j < m; j++) {
        for (int i = 0; i < b->cuts_n[j]; i++) {
            place[start[j] + i] = place_at(b->cut[j][i], mean[j], sd[j]);
            set_probabilities(&place[start[j] + i]);
        }
        if (d_mean)
            d_mean[j] = d_sd[j] = 0;
    }
    double sum = 0, size = 0;
    for (int i = 0; i < b->n * m; i += m) {
        struct part part[M];
        double product = 1;
        for (int j = 0; j < m; j++) {
            const struct place *first = &place[start[j]];
            int lower = b->lower_cut[i + j];
            part[j] = part_between(&first[b->upper_cut[i + j]], lower < 0 ? NULL : &first[lower],
                                   b->upper[i + j], b->lower[i + j], mean[j], sd[j]);
            product *= part[j].size;
        }
        size += product;
        sum += add_box(part, m, d_mean, d_sd);
    }
    if (place != on_stack)
        mem_free(place);
    *error = ROUNDING * size;
    return fmax(sum, 0);
}

/* ln(r / (t + r)): ln h(-t) without its -t^2 / 2 - ln sqrt(2 pi) */
static double log_tail_part(const struct place *p)
{
    return log(p->r / (p->t + p->r));
}

double ehvi_log_h(double z, double *derivative)
{
    struct place p = place_at(z, 0, 1);
    if (p.z <= 0) {
        if (derivative)
            *derivative = 1 / p.r;
        return -0.5 * p.t * p.t - LN_SQRT_2PI + log_tail_part(&p);
    }
    set_probabilities(&p);
    if (derivative)
        *derivative = p.Phi / (p.z + p.loss);
    return log(p.z + p.loss);
}

/* The logarithm of a difference of psi, and the derivatives of that logarithm. */
static struct part log_unbounded(const struct place *u, double sd)
{
    if (u->z <= 0)
        return (struct part){log(sd) - 0.5 * u->t * u->t - LN_SQRT_2PI + log_tail_part(u), -1 / (u->r * sd),
                             (u->t / u->r + 1) / sd, 0};
    double h = u->z + u->loss;
    return (struct part){log(sd) + log(h), -u->Phi / (h * sd), u->phi / (h * sd), 0};
}

/* Sides so near that the difference would cancel: the integral of Phi over them by its middle, and the next term for the
 * value. width: in sd. */
static struct part log_thin(double lower, double upper, double width, double mean, double sd)
{
    struct place p = place_at(lower + 0.5 * (upper - lower), mean, sd);
    double hazard = p.t + p.r, log_Phi = -0.5 * p.t * p.t - LN_SQRT_2PI - log(hazard); /* phi / Phi */
    if (p.z > 0) {
        set_probabilities(&p);
        hazard = p.phi / p.Phi;
        log_Phi = log1p(-p.phi * tail_mills(p.t, p.r));
    }
    double more = log1p(-p.z * width * width / 24 * hazard);
    return (struct part){log(upper - lower) + log_Phi + more, -hazard / sd, -p.z * hazard / sd, 0};
}

/* Both sides behind the mean: psi(u) (1 - e^d), d = ln psi(l) - ln psi(u) < 0 from the difference of the squares. */
static struct part log_behind(const struct place *u, const struct place *l, double width, double sd)
{
    double d = -0.5 * width * (u->t + l->t) + log_tail_part(l) - log_tail_part(u);
    double ratio = exp(d), rest = -expm1(d);
    struct part whole = log_unbounded(u, sd);
    return (struct part){whole.value + log(rest), -(1 / u->r - ratio / l->r) / (rest * sd),
                         (u->t / u->r + 1 - ratio * (l->t / l->r + 1)) / (rest * sd), 0};
}

static struct part log_ahead(const struct place *u, const struct place *l, double width, double sd)
{
    double h = (l->z > 0 ? width + u->loss : u->z + u->loss) - l->loss;
    /* of two probabilities near 1 the tails are subtracted */
    double Phi = l->z > 0 ? l->loss / l->r - u->loss / u->r : u->Phi - l->Phi;
    return (struct part){log(sd) + log(h), -Phi / (h * sd), (u->phi - l->phi) / (h * sd), 0};
}

static struct part log_between(double lower, double upper, double mean, double sd)
{
    struct place u = place_at(upper, mean, sd);
    if (u.z > 0)
        set_probabilities(&u);
    if (isinf(lower))
        return log_unbounded(&u, sd);
    struct place l = place_at(lower, mean, sd);
    double width = fmin((upper - lower) / sd, 2 * Z_MAX);
    if (width * (1 + fmax(u.t, l.t)) < 1e-4)
        return log_thin(lower, upper, width, mean, sd);
    if (u.z <= 0)
        return log_behind(&u, &l, width, sd);
    set_probabilities(&l);
    return log_ahead(&u, &l, width, sd);
}

/* A sum of exponentials and its derivatives, relative to its largest term so far. */
struct log_sum {
    double largest, sum, d_mean[M], d_sd[M];
};

static void log_add(struct log_sum *s, const struct part *part, int m)
{
    double term = 0;
    for (int j = 0; j < m; j++)
        term += part[j].value;
    if (term > s->largest) {
        double shrink = exp(s->largest - term);
        s->sum *= shrink;
        for (int j = 0; j < m; j++) {
            s->d_mean[j] *= shrink;
            s->d_sd[j] *= shrink;
        }
        s->largest = term;
    }
    double share = exp(term - s->largest);
    s->sum += share;
    for (int j = 0; j < m; j++) {
        s->d_mean[j] += share * part[j].d_mean;
        s->d_sd[j] += share * part[j].d_sd;
    }
}

static double in_logarithms(const struct boxes *b, const double *mean, const double *sd, double *d_mean,
                            double *d_sd)
{
    struct log_sum s = {.largest = -INFINITY};
    int m = b->m;
    for (int i = 0; i < b->n * m; i += m) {
        struct part part[M];
        for (int j = 0; j < m; j++)
            part[j] = log_between(b->lower[i + j], b->upper[i + j], mean[j], sd[j]);
        log_add(&s, part, m);
    }
    for (int j = 0; j < m && d_mean; j++) {
        d_mean[j] = s.d_mean[j] / s.sum;
        d_sd[j] = s.d_sd[j] / s.sum;
    }
    return s.largest + log(s.sum);
}

double ehvi_log(const struct boxes *boxes, const double *mean, const double *sd, double *d_mean, double *d_sd)
{
    double error, value = ehvi_value(boxes, mean, sd, d_mean, d_sd, &error);
    if (!(value > EHVI_LEAST && error < EHVI_RELATIVE_ERROR * value))
        return in_logarithms(boxes, mean, sd, d_mean, d_sd);
    for (int j = 0; j < boxes->m && d_mean; j++) {
        d_mean[j] /= value;
        d_sd[j] /= value;
    }
    return log(value);
}
