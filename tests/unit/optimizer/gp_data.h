/* WHAT   Rows for the tests of Gaussian processes: read from golden files, or made from a seed.
 * WHO    test_gp.c, test_fit.c, test_draws.c.
 * UNITS  As gp.h.
 * MEMORY rows_fini.
 * ERRORS Fails the test.
 * STATE  None. */
#ifndef TESTS_UNIT_OPTIMIZER_GP_DATA_H
#define TESTS_UNIT_OPTIMIZER_GP_DATA_H

#include "golden.h"
#include "optimizer/gp/gp.h"
#include "proto/mem.h"
#include "proto/rng.h"

#include <math.h>
#include <string.h>

struct rows {
    struct gp_data data;
    double *x, *y, *variance;
};

static inline void rows_init(struct rows *rows, int n, int d)
{
    rows->x = mem_zero((size_t)n * (size_t)d + 1, sizeof(double));
    rows->y = mem_zero((size_t)n + 1, sizeof(double));
    rows->variance = mem_zero((size_t)n + 1, sizeof(double));
    rows->data = (struct gp_data){n, d, rows->x, rows->y, rows->variance};
}

static inline void rows_fini(struct rows *rows)
{
    mem_free(rows->x);
    mem_free(rows->y);
    mem_free(rows->variance);
}

static inline void rows_read(struct rows *rows, const struct json *c)
{
    int n = (int)json_len(json_get(c, "y")), d = (int)json_number_or(json_get(c, "d"), 0);
    rows_init(rows, n, d);
    assert_int_equal(golden_numbers(json_get(c, "x"), rows->x, n * d), n * d);
    assert_int_equal(golden_numbers(json_get(c, "y"), rows->y, n), n);
    assert_int_equal(golden_numbers(json_get(c, "variance"), rows->variance, n), n);
}

static inline enum kernel_shape rows_shape(const struct json *c)
{
    return strcmp(json_string_or(json_get(c, "shape"), "?"), "matern") == 0 ? KERNEL_MATERN : KERNEL_SQUARED;
}

static inline double rows_normal(struct rng *rng)
{
    double u = 1 - rng_uniform(rng);
    return sqrt(-2 * log(u)) * cos(2 * M_PI * rng_uniform(rng));
}

/* y = sin(2 w x) + (x_0 - 0.4)^2, noise of standard deviation sd, about half of which is reported. */
static inline void rows_make(struct rows *rows, int n, int d, double sd, uint64_t seed)
{
    struct rng rng;
    rng_seed(&rng, seed, 0);
    rows_init(rows, n, d);
    for (int i = 0; i < n; i++) {
        double *x = rows->x + (size_t)i * (size_t)d, sum = 0;
        for (int k = 0; k < d; k++) {
            x[k] = rng_uniform(&rng);
            sum += x[k] * cos(3 * k) / sqrt(d);
        }
        rows->y[i] = sin(2 * sum) + (x[0] - 0.4) * (x[0] - 0.4) + sd * rows_normal(&rng);
        rows->variance[i] = 0.5 * sd * sd;
    }
}

#endif
