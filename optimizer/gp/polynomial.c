#include "optimizer/gp/polynomial.h"

#include "optimizer/gp/gp.h"
#include "optimizer/gp/wide.h"

#include <stddef.h>

/* Mean squares over the cube: of u 1/3, of u^2 1/5, of u_i u_j 1/9. */
struct polynomial polynomial_make(int d, const double *weight)
{
    struct polynomial p = {.d = d};
    double pairs = 0.5 * d * (d - 1);
    p.c[POLYNOMIAL_LINEAR] = weight[POLYNOMIAL_LINEAR] * 3 / d;
    p.c[POLYNOMIAL_SQUARES] = weight[POLYNOMIAL_SQUARES] * 5 / d;
    p.c[POLYNOMIAL_NEIGHBOURS] = d > 1 ? weight[POLYNOMIAL_NEIGHBOURS] * 9 / (d - 1) : 0;
    p.c[POLYNOMIAL_PRODUCTS] = d > 1 ? weight[POLYNOMIAL_PRODUCTS] * 9 / pairs : 0;
    for (int l = 0; l < POLYNOMIAL_LEVELS; l++)
        p.any |= p.c[l] != 0;
    return p;
}

double polynomial_value(const struct polynomial *p, double sum1, double sum2, double sum3)
{
    return p->c[POLYNOMIAL_LINEAR] * sum1 + p->c[POLYNOMIAL_SQUARES] * sum2 +
           p->c[POLYNOMIAL_NEIGHBOURS] * sum3 + p->c[POLYNOMIAL_PRODUCTS] * 0.5 * (sum1 * sum1 - sum2);
}

/* p_i [d] with a 0 before and zeros behind, up to whole vectors: no end is a case of its own. */
#define LANES 8
struct products {
    double padded[1 + GP_D_MAX + LANES];
};

/* The value; slope [d]: d k / d p_i, or NULL. LANES sums side by side, so that the order of addition is ours and vectors can follow it. */
static inline double value_of(const struct polynomial *p, const struct products *products, double *slope)
{
    const double *beside = products->padded, *at = beside + 1;
    double one[LANES] = {0}, two[LANES] = {0}, three[LANES] = {0}, sum[POLYNOMIAL_SUMS] = {0};
    for (int i = 0; i < p->d; i += LANES)
        for (int l = 0; l < LANES; l++) {
            one[l] += at[i + l];
            two[l] += at[i + l] * at[i + l];
            three[l] += at[i + l] * beside[i + l];
        }
    for (int l = 0; l < LANES; l++) {
        sum[0] += one[l];
        sum[1] += two[l];
        sum[2] += three[l];
    }
    double each = p->c[POLYNOMIAL_LINEAR] + p->c[POLYNOMIAL_PRODUCTS] * sum[0];
    double own = 2 * p->c[POLYNOMIAL_SQUARES] - p->c[POLYNOMIAL_PRODUCTS];
    for (int i = 0; slope && i < p->d; i++)
        slope[i] = each + own * at[i] + p->c[POLYNOMIAL_NEIGHBOURS] * (beside[i] + at[i + 1]);
    return polynomial_value(p, sum[0], sum[1], sum[2]);
}

double polynomial_variance(const struct polynomial *p, const double *x, double *gradient)
{
    struct products products = {0};
    double slope[GP_D_MAX];
    if (!p->any)
        return 0;
    for (int i = 0; i < p->d; i++)
        products.padded[1 + i] = (2 * x[i] - 1) * (2 * x[i] - 1);
    double value = value_of(p, &products, gradient ? slope : NULL);
    for (int i = 0; gradient && i < p->d; i++)
        gradient[i] += 4 * (2 * x[i] - 1) * slope[i];
    return value;
}

WIDE void polynomial_add_row(const struct polynomial *p, int n, const double *x, const double *at,
                             double *out, double *gradient)
{
    struct products products = {0};
    double slope[GP_D_MAX], u[GP_D_MAX];
    int d = p->d;
    for (int i = 0; i < d; i++)
        u[i] = 2 * at[i] - 1;
    for (int r = 0; r < n && p->any; r++) {
        const double *row = x + (size_t)r * (size_t)d;
        for (int i = 0; i < d; i++)
            products.padded[1 + i] = (2 * row[i] - 1) * u[i];
        out[r] += value_of(p, &products, gradient ? slope : NULL);
        if (!gradient)
            continue;
        double *g = gradient + (size_t)r * (size_t)d;
        for (int i = 0; i < d; i++)
            g[i] += (4 * row[i] - 2) * slope[i];
    }
}

void polynomial_columns(int n, int d, const double *x, double *out)
{
    for (int i = 0; i < n; i++)
        for (int k = 0; k < d; k++)
            out[(size_t)k * (size_t)n + (size_t)i] = 2 * x[(size_t)i * (size_t)d + (size_t)k] - 1;
}

/* Two coordinates a pass, for the loads and stores of the sums cost more than the sums. */
WIDE void polynomial_sums(int n, int d, const double *u, int stride, const double *other, int step,
                          double *restrict sums1, double *restrict sums2, double *restrict sums3)
{
    for (int j = 0; j < n; j++)
        sums1[j] = sums2[j] = sums3[j] = 0;
    for (int k = 0; k < d; k += 2) {
        const double *a = u + (size_t)k * (size_t)stride;
        const double *before = k > 0 ? a - stride : a, *b = k + 1 < d ? a + stride : a;
        double at = other[(size_t)k * (size_t)step];
        double last = k > 0 ? other[(size_t)(k - 1) * (size_t)step] : 0;
        double next = k + 1 < d ? other[(size_t)(k + 1) * (size_t)step] : 0;
        for (int j = 0; j < n; j++) {
            double p = a[j] * at, q = b[j] * next, o = before[j] * last;
            sums1[j] += p + q;
            sums2[j] += p * p + q * q;
            sums3[j] += p * o + p * q;
        }
    }
}
