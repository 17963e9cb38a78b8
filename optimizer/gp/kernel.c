#include "optimizer/gp/kernel.h"

#include "optimizer/gp/gp.h"
#include "optimizer/gp/wide.h"
#include "proto/mem.h"

#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#define FAR 700.0 /* beyond it the kernel is under 1e-298, and as good as there */
#define BLOCK 256 /* doubles of a block of squared distances; it stays in the first cache */

/* exp(x) for -700 <= x <= 0 within 2 units in the last place. libm's is a call an element and may differ from
 * machine to machine; this one is arithmetic that the compiler turns into vectors. Cody and Waite, Software Manual for
 * the Elementary Functions, 1980, ch. 6: x = n ln 2 + r, |r| <= ln 2 / 2, and here Taylor's polynomial of degree 13,
 * whose remainder there is under 5e-18. */
static inline double exp_negative(double x)
{
    static const double round = 0x1.8p52, high = 0x1.62e42fee00000p-1, low = 0x1.a39ef35793c76p-33;
    double shifted = x * 0x1.71547652b82fep0 + round;
    double n = shifted - round;
    double r = (x - n * high) - n * low;
    double p = 1.0 / 6227020800;
    p = p * r + 1.0 / 479001600;
    p = p * r + 1.0 / 39916800;
    p = p * r + 1.0 / 3628800;
    p = p * r + 1.0 / 362880;
    p = p * r + 1.0 / 40320;
    p = p * r + 1.0 / 5040;
    p = p * r + 1.0 / 720;
    p = p * r + 1.0 / 120;
    p = p * r + 1.0 / 24;
    p = p * r + 1.0 / 6;
    p = p * r + 0.5;
    p = p * r + 1;
    p = p * r + 1;
    /* The low bits of `shifted` are n in two's complement; n + 1023 in the exponent's place is 2^n. */
    uint64_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    bits = (bits + 1023) << 52;
    double power;
    memcpy(&power, &bits, sizeof power);
    return p * power;
}

static inline double far_at_most(double s)
{
    return s < FAR ? s : FAR;
}

WIDE static void matern(int n, const double *squared, double *out)
{
    for (int i = 0; i < n; i++) {
        double s = far_at_most(sqrt(7 * squared[i]));
        out[i] = (1 + s * (1 + s * (0.4 + s * (1.0 / 15)))) * exp_negative(-s);
    }
}

WIDE static void matern_slope(int n, const double *squared, double *out)
{
    for (int i = 0; i < n; i++) {
        double s = far_at_most(sqrt(7 * squared[i]));
        out[i] = 1.4 * (1 + s * (1 + s * (1.0 / 3))) * exp_negative(-s);
    }
}

WIDE static void squared_exponential(int n, const double *squared, double *out)
{
    for (int i = 0; i < n; i++)
        out[i] = exp_negative(-far_at_most(0.5 * squared[i]));
}

/* Squared distances to values; `slope` may be NULL. */
static void apply(enum kernel_shape shape, int n, const double *squared, double *out, double *slope)
{
    if (shape == KERNEL_SQUARED) {
        squared_exponential(n, squared, out);
        if (slope)
            memcpy(slope, out, (size_t)n * sizeof *out);
        return;
    }
    matern(n, squared, out);
    if (slope)
        matern_slope(n, squared, slope);
}

/* Four sums side by side, so that the order of addition is ours and vectors can follow it. */
static double squared_distance(int d, const double *x, const double *at, const double *inverse)
{
    double sum[4] = {0};
    int k = 0;
    for (; k + 4 <= d; k += 4) {
        for (int l = 0; l < 4; l++) {
            double t = (x[k + l] - at[k + l]) * inverse[k + l];
            sum[l] += t * t;
        }
    }
    for (int l = 0; k < d; k++, l++) {
        double t = (x[k] - at[k]) * inverse[k];
        sum[l] += t * t;
    }
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

static void invert(const struct kernel *kernel, double *inverse)
{
    assert(kernel->d >= 1 && kernel->d <= GP_D_MAX);
    for (int k = 0; k < kernel->d; k++)
        inverse[k] = 1 / kernel->length[k];
}

double kernel_variance(const struct kernel *kernel, const double *x, double *gradient)
{
    if (gradient)
        memset(gradient, 0, (size_t)kernel->d * sizeof *gradient);
    return kernel->signal + polynomial_variance(&kernel->polynomial, x, gradient);
}

/* Of the stationary part alone; slope [n] or NULL. */
static void stationary_row(const struct kernel *kernel, const double *inverse, int n, const double *x,
                           const double *at, double *out, double *slope)
{
    double squared[BLOCK];
    for (int from = 0; from < n; from += BLOCK) {
        int m = n - from < BLOCK ? n - from : BLOCK;
        for (int i = 0; i < m; i++)
            squared[i] = squared_distance(kernel->d, x + (size_t)(from + i) * (size_t)kernel->d, at, inverse);
        apply(kernel->shape, m, squared, out + from, slope ? slope + from : NULL);
    }
    for (int i = 0; i < n; i++)
        out[i] *= kernel->signal;
}

void kernel_row(const struct kernel *kernel, int n, const double *x, const double *at, double *out)
{
    double inverse[GP_D_MAX];
    invert(kernel, inverse);
    stationary_row(kernel, inverse, n, x, at, out, NULL);
    polynomial_add_row(&kernel->polynomial, n, x, at, out, NULL);
}

void kernel_row_gradient(const struct kernel *kernel, int n, const double *x, const double *at, double *out,
                         double *gradient)
{
    double inverse[GP_D_MAX], slope[BLOCK];
    size_t d = (size_t)kernel->d;
    invert(kernel, inverse);
    for (int from = 0; from < n; from += BLOCK) {
        int m = n - from < BLOCK ? n - from : BLOCK;
        stationary_row(kernel, inverse, m, x + (size_t)from * d, at, out + from, slope);
        for (int i = 0; i < m; i++) {
            const double *row = x + (size_t)(from + i) * d;
            double *g = gradient + (size_t)(from + i) * d, h = -kernel->signal * slope[i];
            for (size_t k = 0; k < d; k++)
                g[k] = h * (at[k] - row[k]) * inverse[k] * inverse[k];
        }
    }
    polynomial_add_row(&kernel->polynomial, n, x, at, out, gradient);
}

/* squared [m] = sum_k (t_k[j] - at_k)^2,  t [d][stride]; four coordinates a pass, for the loads and stores of the sums cost
 * more than the sums. */
WIDE static void squared_distances(int m, int d, const double *t, int stride, const double *at,
                                   double *squared)
{
    int k = 0;
    memset(squared, 0, (size_t)m * sizeof *squared);
    for (; k + 4 <= d; k += 4) {
        const double *t0 = t + (size_t)k * (size_t)stride, *t1 = t0 + stride, *t2 = t1 + stride,
                     *t3 = t2 + stride;
        double a0 = at[k], a1 = at[k + 1], a2 = at[k + 2], a3 = at[k + 3];
        for (int j = 0; j < m; j++) {
            double u0 = t0[j] - a0, u1 = t1[j] - a1, u2 = t2[j] - a2, u3 = t3[j] - a3;
            squared[j] += (u0 * u0 + u1 * u1) + (u2 * u2 + u3 * u3);
        }
    }
    for (; k < d; k++) {
        const double *tk = t + (size_t)k * (size_t)stride;
        for (int j = 0; j < m; j++)
            squared[j] += (tk[j] - at[k]) * (tk[j] - at[k]);
    }
}

/* x [n][d] over length, turned round: [d][n], the caller frees. */
static double *columns(int n, int d, const double *x, const double *inverse)
{
    double *t = mem_zero((size_t)n * (size_t)d + 1, sizeof *t);
    for (int i = 0; i < n; i++)
        for (int k = 0; k < d; k++)
            t[(size_t)k * (size_t)n + (size_t)i] = x[(size_t)i * (size_t)d + (size_t)k] * inverse[k];
    return t;
}

/* The stationary part between n places, columns of t [d][stride], and one place `at` [d]; all of them over length. */
static void row_of(const struct kernel *kernel, int n, const double *t, int stride, const double *at,
                   double *out, double *slope)
{
    double squared[BLOCK];
    for (int from = 0; from < n; from += BLOCK) {
        int m = n - from < BLOCK ? n - from : BLOCK;
        squared_distances(m, kernel->d, t + from, stride, at, squared);
        apply(kernel->shape, m, squared, out + from, slope ? slope + from : NULL);
    }
}

/* out [n] = signal out + the polynomial's part, between n columns of u [d][stride] and another place */
static void finish(const struct kernel *kernel, int n, const double *u, int stride, const double *other,
                   int step, double *out)
{
    double sums[POLYNOMIAL_SUMS][BLOCK];
    for (int i = 0; i < n; i++)
        out[i] *= kernel->signal;
    for (int from = 0; from < n && kernel->polynomial.any; from += BLOCK) {
        int m = n - from < BLOCK ? n - from : BLOCK;
        polynomial_sums(m, kernel->d, u + from, stride, other, step, sums[0], sums[1], sums[2]);
        for (int i = 0; i < m; i++)
            out[from + i] += polynomial_value(&kernel->polynomial, sums[0][i], sums[1][i], sums[2][i]);
    }
}

void kernel_cross(const struct kernel *kernel, int q, const double *at, int n, const double *x, double *out)
{
    double inverse[GP_D_MAX], scaled[GP_D_MAX], other[GP_D_MAX];
    int d = kernel->d;
    invert(kernel, inverse);
    double *t = columns(n, d, x, inverse), *u = mem_zero((size_t)n * (size_t)d + 1, sizeof *u);
    polynomial_columns(n, d, x, u);
    for (int i = 0; i < q; i++) {
        double *row = out + (size_t)i * (size_t)n;
        for (int k = 0; k < d; k++) {
            scaled[k] = at[(size_t)i * (size_t)d + (size_t)k] * inverse[k];
            other[k] = 2 * at[(size_t)i * (size_t)d + (size_t)k] - 1;
        }
        row_of(kernel, n, t, n, scaled, row, NULL);
        finish(kernel, n, u, n, other, 1, row);
    }
    mem_free(t);
    mem_free(u);
}

void kernel_stationary(const struct kernel *kernel, int n, const double *x, double *out, double *slope,
                       int ld)
{
    double inverse[GP_D_MAX], scaled[GP_D_MAX];
    int d = kernel->d;
    invert(kernel, inverse);
    double *t = columns(n, d, x, inverse);
    for (int i = 0; i < n; i++) {
        double *row = out + (size_t)i * (size_t)ld, *slopes = slope ? slope + (size_t)i * (size_t)ld : NULL;
        for (int k = 0; k < d; k++)
            scaled[k] = t[(size_t)k * (size_t)n + (size_t)i];
        row_of(kernel, i, t, n, scaled, row, slopes);
        row[i] = 1;
        if (slopes)
            slopes[i] = 0; /* no distance to itself: what multiplies it is 0 */
    }
    mem_free(t);
}

void kernel_matrix(const struct kernel *kernel, int n, const double *x, double *out, int ld)
{
    double *u = mem_zero((size_t)n * (size_t)kernel->d + 1, sizeof *u);
    kernel_stationary(kernel, n, x, out, NULL, ld);
    polynomial_columns(n, kernel->d, x, u);
    for (int i = 0; i < n; i++)
        finish(kernel, i + 1, u, n, u + i, n, out + (size_t)i * (size_t)ld);
    mem_free(u);
}
