/* optimizer/gp/linalg.c against loops, and its promises: what is not looked at, and equal bits. */
#include "optimizer/gp/linalg.h"

#include "gp_data.h"

#include <string.h>

enum { N = 70, LD = 75, Q = 9 };

static double a[N * LD], l[N * LD], inverse[N * LD], b[Q * LD], expected[Q * LD], square[N * LD];

static void near(double found, double is, double tolerance)
{
    if (!(fabs(found - is) <= tolerance))
        fail_msg("%.17g instead of %.17g", found, is);
}

/* a = R R^T + 1, NaN above the diagonal and in the padding. */
static void make_matrix(uint64_t seed)
{
    struct rng rng;
    rng_seed(&rng, seed, 0);
    for (int i = 0; i < N * LD; i++)
        l[i] = rows_normal(&rng);
    for (int i = 0; i < N; i++)
        for (int j = 0; j < LD; j++) {
            double sum = i == j;
            for (int k = 0; k < N; k++)
                sum += l[i * LD + k] * l[j % N * LD + k];
            a[i * LD + j] = j <= i ? sum : NAN;
        }
    memcpy(l, a, sizeof l);
    assert_true(linalg_cholesky(N, l, LD));
    for (int i = 0; i < Q * LD; i++)
        b[i] = rows_normal(&rng);
}

static double lower(const double *m, int i, int j)
{
    return j <= i ? m[i * LD + j] : 0;
}

static void test_factor_multiplies_back(void **state)
{
    (void)state;
    make_matrix(1);
    for (int i = 0; i < N; i++)
        for (int j = 0; j <= i; j++) {
            double sum = 0;
            for (int k = 0; k <= j; k++)
                sum += l[i * LD + k] * l[j * LD + k];
            near(sum, a[i * LD + j], 1e-11);
        }
    assert_true(isnan(l[1]) && isnan(l[N])); /* above the diagonal, and beyond the row */
}

static void test_not_definite_is_told(void **state)
{
    (void)state;
    double none[4] = {1, 0, 2, 3}, nan[4] = {1, 0, NAN, 3};
    assert_false(linalg_cholesky(2, none, 2));
    assert_false(linalg_cholesky(2, nan, 2));
    assert_true(linalg_cholesky(0, none, 1));
}

static void test_solves(void **state)
{
    (void)state;
    make_matrix(2);
    double x[LD];
    memcpy(x, b, sizeof x);
    linalg_solve(N, l, LD, x);
    for (int i = 0; i < N; i++) {
        double sum = 0;
        for (int j = 0; j <= i; j++)
            sum += l[i * LD + j] * x[j];
        near(sum, b[i], 1e-11);
    }
    memcpy(expected, x, sizeof x);
    linalg_solve_transposed(N, l, LD, x);
    for (int j = 0; j < N; j++) {
        double sum = 0;
        for (int i = j; i < N; i++)
            sum += l[i * LD + j] * x[i];
        near(sum, expected[j], 1e-11);
    }
    double rows[Q * LD];
    memcpy(rows, b, sizeof rows);
    linalg_solve_rows(N, l, LD, Q, rows, LD);
    for (int q = 0; q < Q; q++) {
        linalg_solve(N, l, LD, b + q * LD);
        for (int i = 0; i < N; i++)
            near(rows[q * LD + i], b[q * LD + i], 1e-11);
    }
}

static void test_inverses(void **state)
{
    (void)state;
    make_matrix(3);
    inverse[1] = 42;
    linalg_inverse(N, l, LD, inverse, LD);
    assert_true(inverse[1] == 42);
    memcpy(square, l, sizeof l);
    linalg_invert_factor(N, square, LD);
    for (int i = 0; i < N; i++)
        for (int j = 0; j <= i; j++) {
            double of_factor = 0, of_product = 0;
            for (int k = j; k <= i; k++)
                of_factor += l[i * LD + k] * square[k * LD + j];
            for (int k = i; k < N; k++)
                of_product += square[k * LD + i] * square[k * LD + j];
            near(of_factor, i == j, 1e-10);
            near(inverse[i * LD + j], of_product, 1e-10);
        }
}

static void test_triangular_products(void **state)
{
    (void)state;
    make_matrix(4);
    double w[N], v[N], rows[Q * LD];
    for (int i = 0; i < N; i++)
        for (int j = i + 1; j < LD; j++)
            l[i * LD + j] = 0;
    linalg_multiply_lower_both(N, l, LD, b, w, v);
    for (int q = 0; q < Q; q++)
        for (int i = 0; i < N; i++) {
            expected[q * LD + i] = 0;
            for (int j = 0; j <= i; j++)
                expected[q * LD + i] += lower(l, i, j) * b[q * LD + j];
        }
    for (int j = 0; j < N; j++) {
        double sum = 0;
        near(w[j], expected[j], 1e-11);
        for (int i = j; i < N; i++)
            sum += lower(l, i, j) * w[i];
        near(v[j], sum, 1e-9);
    }
    for (int q = 1; q <= Q; q += Q - 1) {
        memcpy(rows, b, sizeof rows);
        linalg_multiply_lower_rows(N, l, LD, q, rows, LD);
        for (int i = 0; i < q * LD; i++)
            if (i % LD < N)
                near(rows[i], expected[i], 1e-11);
    }
}

static void test_products(void **state)
{
    (void)state;
    make_matrix(5);
    double out[N] = {0}, c[N * LD] = {0}, sum = 0;
    linalg_multiply(Q, N, b, LD, b, out);
    for (int i = 0; i < N; i++)
        sum += b[LD + i] * b[i];
    near(out[1], sum, 1e-12);
    near(linalg_dot(N, b + LD, b), sum, 1e-12);
    linalg_multiply_rows(Q, Q, N, 2, b, LD, b, LD, 0, c, LD);
    near(c[LD], 2 * sum, 1e-12);
    linalg_subtract_squares(Q, N, b, LD, c, LD);
    near(c[LD], sum, 1e-12);
    memset(c, 0, sizeof c);
    c[3] = 1;
    linalg_multiply_transposed(Q, N, -1, b, LD, out, 2, c);
    linalg_axpy(N, 1, b, c);
    sum = 2 + b[3];
    for (int q = 0; q < Q; q++)
        sum -= b[q * LD + 3] * out[q];
    near(c[3], sum, 1e-11);
}

static void test_matrix_products(void **state)
{
    (void)state;
    make_matrix(6);
    double c[N * LD];
    linalg_multiply_symmetric(N, Q, a, LD, l, LD, c, LD); /* l: any numbers, Q columns of them */
    for (int i = 0; i < N; i++)
        for (int q = 0; q < 1; q++) {
            double sum = 0;
            for (int j = 0; j < N; j++)
                sum += (j <= i ? a[i * LD + j] : a[j * LD + i]) * l[j * LD + q];
            near(c[i * LD + q], sum, 1e-9);
        }
    linalg_multiply_columns(Q, 1, N, b, LD, l, LD, c, LD);
    for (int p = 0; p < Q; p++) {
        double sum = 0;
        for (int j = 0; j < N; j++)
            sum += b[p * LD + j] * l[j * LD];
        near(c[p * LD], sum, 1e-10);
    }
}

/* A matrix's place in memory must not show in its numbers: processes grow, and are made anew elsewhere. */
static void test_place_and_stride_change_no_bit(void **state)
{
    (void)state;
    static double there[N * (LD + 3) + 8], w[2][N], v[2][N];
    for (int shift = 0; shift < 8; shift++) {
        make_matrix(7);
        memset(there, 0, sizeof there);
        for (int i = 0; i < N; i++)
            memcpy(there + shift + i * (LD + 3), a + i * LD, (size_t)(i + 1) * sizeof *a);
        assert_true(linalg_cholesky(N, there + shift, LD + 3));
        linalg_invert_factor(N, there + shift, LD + 3);
        linalg_invert_factor(N, l, LD);
        for (int i = 0; i < N; i++) {
            assert_memory_equal(there + shift + i * (LD + 3), l + i * LD, (size_t)(i + 1) * sizeof *l);
            for (int j = i + 1; j < LD; j++)
                l[i * LD + j] = 0;
        }
        linalg_multiply_lower_both(N, l, LD, b, w[0], v[0]);
        linalg_multiply_lower_both(N, there + shift, LD + 3, b, w[1], v[1]);
        assert_memory_equal(w[0], w[1], sizeof w[0]);
        assert_memory_equal(v[0], v[1], sizeof v[0]);
    }
}

int openblas_get_num_threads(void);
#pragma weak openblas_get_num_threads

static void test_one_thread(void **state)
{
    (void)state;
    linalg_single_thread();
    linalg_single_thread();
    if (openblas_get_num_threads)
        assert_int_equal(openblas_get_num_threads(), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_factor_multiplies_back),
        cmocka_unit_test(test_not_definite_is_told),
        cmocka_unit_test(test_solves),
        cmocka_unit_test(test_inverses),
        cmocka_unit_test(test_triangular_products),
        cmocka_unit_test(test_products),
        cmocka_unit_test(test_matrix_products),
        cmocka_unit_test(test_place_and_stride_change_no_bit),
        cmocka_unit_test(test_one_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
