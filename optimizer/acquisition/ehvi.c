#include "optimizer/acquisition/ehvi.h"

#include "optimizer/acquisition/tail.h"
#include "proto/mem.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

#define M BOXES_M_MAX
#define INV_SQRT_2PI 0.39894228040143267794
#define Z_MAX 1e30 /* the product of four 1 / z^2 does not underflow */
#define ON_STACK 512
#define ROUNDING 1e-15 /* of a difference of two psi, against their sizes: a few ulp of exp and tail_excess */

/* One place c of one objective: z = (c - mean) / sd, t = |z|, r = tail_excess(t). With L(t) = E[max(X - t, 0)]:
 * h(-t) = L(t) and h(t) = t + L(t). */
struct place {
    double z, t, r, phi, Phi, loss; /* loss = L(t) */
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
    p.phi = INV_SQRT_2PI * exp(-0.5 * p.t * p.t);
    double tail = p.phi * tail_mills(p.t, p.r);
    p.Phi = p.z > 0 ? 1 - tail : tail;
    p.loss = tail * p.r;
    return p;
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

/* One point before one set of boxes: the places of objective j's cuts are from place[start[j]] on. */
struct view {
    const struct boxes *boxes;
    const double *mean, *sd;
    int start[M];
    struct place *place, on_stack[ON_STACK];
};

static void open_view(struct view *v, const struct boxes *b, const double *mean, const double *sd)
{
    int n = 0;
    v->boxes = b;
    v->mean = mean;
    v->sd = sd;
    for (int j = 0; j < b->m; n += b->cuts_n[j++])
        v->start[j] = n;
    v->place = n <= ON_STACK ? v->on_stack : mem_zero((size_t)n, sizeof *v->place);
    for (int j = 0; j < b->m; j++)
        for (int i = 0; i < b->cuts_n[j]; i++)
            v->place[v->start[j] + i] = place_at(b->cut[j][i], mean[j], sd[j]);
}

static void close_view(struct view *v)
{
    if (v->place != v->on_stack)
        mem_free(v->place);
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

static double in_plain_numbers(const struct view *v, double *d_mean, double *d_sd, double *error)
{
    const struct boxes *b = v->boxes;
    int m = b->m;
    double sum = 0, size = 0;
    for (int j = 0; j < m && d_mean; j++)
        d_mean[j] = d_sd[j] = 0;
    for (int i = 0; i < b->n * m; i += m) {
        struct part part[M];
        double product = 1;
        for (int j = 0; j < m; j++) {
            const struct place *first = &v->place[v->start[j]];
            int lower = b->lower_cut[i + j];
            part[j] = part_between(&first[b->upper_cut[i + j]], lower < 0 ? NULL : &first[lower],
                                   b->upper[i + j], b->lower[i + j], v->mean[j], v->sd[j]);
            product *= part[j].size;
        }
        size += product;
        sum += add_box(part, m, d_mean, d_sd);
    }
    *error = ROUNDING * size;
    return fmax(sum, 0);
}

double ehvi_value(const struct boxes *boxes, const double *mean, const double *sd, double *d_mean,
                  double *d_sd, double *error)
{
    struct view v;
    open_view(&v, boxes, mean, sd);
    double value = in_plain_numbers(&v, d_mean, d_sd, error);
    close_view(&v);
    return value;
}

/* h(u) - h(l) of one objective as factor * exp(exponent), and the derivatives of its logarithm by mean and sd. */
struct log_part {
    double factor, exponent, d_mean, d_sd;
};

static struct log_part log_unbounded(const struct place *u, double sd)
{
    double density = u->z > 0 ? u->phi : 1,
           factor = u->z > 0 ? u->z + u->loss : tail_mills(u->t, u->r) * u->r;
    double Phi = u->z > 0 ? u->Phi : tail_mills(u->t, u->r), scale = 1 / (factor * sd);
    if (u->z > 0)
        return (struct log_part){factor, 0, -Phi * scale, density * scale};
    return (struct log_part){INV_SQRT_2PI * factor, -0.5 * u->t * u->t, -Phi * scale, scale};
}

/* Sides so near that the difference would cancel: the integral of Phi over them by its middle, and the next term for the
 * value. width: in sd. */
static struct log_part log_thin(double lower, double upper, double width, double mean, double sd)
{
    struct place p = place_at(lower + 0.5 * (upper - lower), mean, sd);
    double hazard = p.z > 0 ? p.phi / p.Phi : p.t + p.r; /* phi / Phi */
    double factor = p.z > 0 ? p.Phi : INV_SQRT_2PI * tail_mills(p.t, p.r);
    factor *= width * (1 - p.z * width * width / 24 * hazard);
    return (struct log_part){factor, p.z > 0 ? 0 : -0.5 * p.t * p.t, -hazard / sd, -p.z * hazard / sd};
}

/* Both sides behind the mean, in units of the density at the upper one; what the density falls by to the lower one is from the
 * difference of the squares. */
static struct log_part log_behind(const struct place *u, const struct place *l, double width, double sd)
{
    double fall = exp(-0.5 * width * (u->t + l->t));
    double above = tail_mills(u->t, u->r), below = fall * tail_mills(l->t, l->r);
    double h = above * u->r - below * l->r, scale = 1 / (h * sd);
    return (struct log_part){INV_SQRT_2PI * h, -0.5 * u->t * u->t, (below - above) * scale,
                             (1 - fall) * scale};
}

static struct log_part log_ahead(const struct place *u, const struct place *l, double width, double sd)
{
    double h = (l->z > 0 ? width + u->loss : u->z + u->loss) - l->loss, scale = 1 / (h * sd);
    /* of two probabilities near 1 the tails are subtracted */
    double Phi = l->z > 0 ? l->loss / l->r - u->loss / u->r : u->Phi - l->Phi;
    return (struct log_part){h, 0, -Phi * scale, (u->phi - l->phi) * scale};
}

static struct log_part log_between(const struct place *u, const struct place *l, double lower, double upper,
                                   double mean, double sd)
{
    if (!l)
        return log_unbounded(u, sd);
    double width = fmin((upper - lower) / sd, 2 * Z_MAX);
    if (width * (1 + fmax(u->t, l->t)) < 1e-4)
        return log_thin(lower, upper, width, mean, sd);
    return u->z > 0 ? log_ahead(u, l, width, sd) : log_behind(u, l, width, sd);
}

/* A sum of such products and its derivatives, in units of exp(exponent), the largest so far. */
struct log_sum {
    double exponent, sum, d_mean[M], d_sd[M];
};

static void log_add(struct log_sum *s, const struct log_part *part, int m)
{
    double exponent = 0, share = 1;
    for (int j = 0; j < m; j++) {
        exponent += part[j].exponent;
        share *= part[j].factor;
    }
    if (exponent > s->exponent) {
        double shrink = exp(s->exponent - exponent);
        s->sum *= shrink;
        for (int j = 0; j < m; j++) {
            s->d_mean[j] *= shrink;
            s->d_sd[j] *= shrink;
        }
        s->exponent = exponent;
    } else {
        share *= exp(exponent - s->exponent);
    }
    s->sum += share;
    for (int j = 0; j < m; j++) {
        s->d_mean[j] += share * part[j].d_mean;
        s->d_sd[j] += share * part[j].d_sd;
    }
}

static double in_logarithms(const struct view *v, double *d_mean, double *d_sd)
{
    const struct boxes *b = v->boxes;
    struct log_sum s = {.exponent = -INFINITY};
    int m = b->m;
    for (int i = 0; i < b->n * m; i += m) {
        struct log_part part[M];
        for (int j = 0; j < m; j++) {
            const struct place *first = &v->place[v->start[j]];
            int lower = b->lower_cut[i + j];
            part[j] = log_between(&first[b->upper_cut[i + j]], lower < 0 ? NULL : &first[lower],
                                  b->lower[i + j], b->upper[i + j], v->mean[j], v->sd[j]);
        }
        log_add(&s, part, m);
    }
    double value = s.exponent + log(s.sum);
    for (int j = 0; j < m; j++) {
        value += log(v->sd[j]);
        if (d_mean) {
            d_mean[j] = s.d_mean[j] / s.sum;
            d_sd[j] = s.d_sd[j] / s.sum;
        }
    }
    return value;
}

double ehvi_log(const struct boxes *boxes, const double *mean, const double *sd, double *d_mean, double *d_sd)
{
    struct view v;
    open_view(&v, boxes, mean, sd);
    double error, value = in_plain_numbers(&v, d_mean, d_sd, &error);
    bool plain = value > EHVI_LEAST && error < EHVI_RELATIVE_ERROR * value;
    double logarithm = plain ? log(value) : in_logarithms(&v, d_mean, d_sd);
    for (int j = 0; j < boxes->m && d_mean && plain; j++) {
        d_mean[j] /= value;
        d_sd[j] /= value;
    }
    close_view(&v);
    return logarithm;
}

double ehvi_log_h(double z, double *derivative)
{
    struct place p = place_at(z, 0, 1);
    struct log_part part = log_unbounded(&p, 1);
    if (derivative)
        *derivative = -part.d_mean;
    return part.exponent + log(part.factor);
}
