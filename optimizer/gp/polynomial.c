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

/* Of products [d]: the value; slope [d]: d k / d p_i, or NULL. Four sums side by side, so that the order of addition is ours and
 * vectors can follow it. */
static double value_of(const struct polynomial *p, const double *product, double *slope)
{
    int d = p->d, i = 1;
    double one[4] = {product[0]}, two[4] = {product[0] * product[0]}, three[4] = {0};
    for (; i + 4 <= d; i += 4)
        for (int l = 0; l < 4; l++) {
            one[l] += product[i + l];
            two[l] += product[i + l] * product[i + l];
            three[l] += product[i + l] * product[i + l - 1];
        }
    for (int l = 0; i < d; i++, l++) {
        one[l] += product[i];
        two[l] += product[i] * product[i];
        three[l] += product[i] * product[i - 1];
    }
    double sum1 = (one[0] + one[1]) + (one[2] + one[3]), sum2 = (two[0] + two[1]) + (two[2] + two[3]);
    double sum3 = (three[0] + three[1]) + (three[2] + three[3]);
    double linear = p->c[POLYNOMIAL_LINEAR] + p->c[POLYNOMIAL_PRODUCTS] * sum1,
           beside = p->c[POLYNOMIAL_NEIGHBOURS];
    double square = 2 * p->c[POLYNOMIAL_SQUARES] - p->c[POLYNOMIAL_PRODUCTS];
    for (i = 0; slope && i < d; i++)
        slope[i] = linear + square * product[i];
    for (i = 1; slope && i < d; i++)
        slope[i] += beside * product[i - 1];
    for (i = 1; slope && i < d; i++)
        slope[i - 1] += beside * product[i];
    return polynomial_value(p, sum1, sum2, sum3);
}

double polynomial_variance(const struct polynomial *p, const double *x, double *gradient)
{
    double product[GP_D_MAX] = {0}, slope[GP_D_MAX];
    if (!p->any)
        return 0;
    for (int i = 0; i < p->d; i++)
        product[i] = (2 * x[i] - 1) * (2 * x[i] - 1);
    double value = value_of(p, product, gradient ? slope : NULL);
    for (int i = 0; gradient && i < p->d; i++)
        gradient[i] += 4 * (2 * x[i] - 1) * slope[i];
    return value;
}

void polynomial_add_row(const struct polynomial *p, int n, const double *x, const double *at, double *out,
                        double *gradient)
{
    double product[GP_D_MAX], slope[GP_D_MAX];
    size_t d = (size_t)p->d;
    for (int r = 0; r < n && p->any; r++) {
        const double *row = x + (size_t)r * d;
        for (size_t i = 0; i < d; i++)
            product[i] = (2 * row[i] - 1) * (2 * at[i] - 1);
        out[r] += value_of(p, product, gradient ? slope : NULL);
        for (size_t i = 0; gradient && i < d; i++)
            gradient[(size_t)r * d + i] += 2 * (2 * row[i] - 1) * slope[i];
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
