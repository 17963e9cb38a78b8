/* WHAT   The loops of worker/kernel.h, written once over vectors of LANES floats.
 * WHO    kernel_avx512.c, kernel_avx2.c, kernel_plain.c, each of which defines vec, vec_set, vec_fma,
 *        vec_max, vec_min, LANES, TILE_ROWS, KERNEL and KERNEL_NAME first.
 * UNITS  None; float32.
 * MEMORY The caller's.
 * ERRORS None.
 * STATE  None.
 *
 * Compiled without contraction of a*b+c: every fused operation is a vec_fma, so that all tables round alike. */
#include "worker/kernel_internal.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#define ALWAYS static inline __attribute__((always_inline))
#define VECS 2 /* vectors of columns in one tile */

typedef uint32_t uvec __attribute__((vector_size(LANES * 4)));
typedef float any_vec __attribute__((vector_size(LANES * 4), aligned(4), may_alias));

ALWAYS vec load(const float *p)
{
    return (vec) * (const any_vec *)p;
}

ALWAYS void store(float *p, vec x)
{
    *(any_vec *)p = (any_vec)x;
}

/* ---- matrix product ---- */

/* rows x (groups * VECS * LANES) outputs, their sums in registers; groups are group_stride floats apart in b.
 * rows and groups are constants of the caller, rows * groups <= TILE_ROWS. width: columns of c to write. */
ALWAYS void tile(int rows, int groups, size_t k, const float *a, size_t lda, const float *b,
                 size_t group_stride, float *c, size_t ldc, size_t width)
{
    vec sum[TILE_ROWS * VECS] = {0};
    for (size_t i = 0; i < k; i++) {
#pragma GCC unroll 4
        for (int g = 0; g < groups; g++) {
            vec b0 = load(b + (size_t)g * group_stride + i * PANEL);
            vec b1 = load(b + (size_t)g * group_stride + i * PANEL + LANES);
#pragma GCC unroll 12
            for (int r = 0; r < rows; r++) {
                vec x = vec_set(a[(size_t)r * lda + i]);
                sum[(g * rows + r) * VECS] = vec_fma(x, b0, sum[(g * rows + r) * VECS]);
                sum[(g * rows + r) * VECS + 1] = vec_fma(x, b1, sum[(g * rows + r) * VECS + 1]);
            }
        }
    }
#pragma GCC unroll 4
    for (int g = 0; g < groups; g++) {
#pragma GCC unroll 12
        for (int r = 0; r < rows; r++) {
            float *to = c + (size_t)r * ldc + (size_t)g * VECS * LANES;
            if (width >= (size_t)groups * VECS * LANES) {
                store(to, sum[(g * rows + r) * VECS]);
                store(to + LANES, sum[(g * rows + r) * VECS + 1]);
            } else {
                float last[VECS * LANES];
                store(last, sum[(g * rows + r) * VECS]);
                store(last + LANES, sum[(g * rows + r) * VECS + 1]);
                memcpy(to, last, width * sizeof *last);
            }
        }
    }
}

/* One strip of VECS * LANES columns, all rows. */
static void strip(size_t m, size_t k, const float *a, size_t lda, const float *b, float *c, size_t ldc,
                  size_t width)
{
    for (; m >= TILE_ROWS; m -= TILE_ROWS, a += TILE_ROWS * lda, c += TILE_ROWS * ldc)
        tile(TILE_ROWS, 1, k, a, lda, b, 0, c, ldc, width);
    if (TILE_ROWS > 8 && m >= 8) {
        tile(TILE_ROWS > 8 ? 8 : 1, 1, k, a, lda, b, 0, c, ldc, width);
        m -= 8, a += 8 * lda, c += 8 * ldc;
    }
    if (m >= 4) {
        tile(4, 1, k, a, lda, b, 0, c, ldc, width);
        m -= 4, a += 4 * lda, c += 4 * ldc;
    }
    if (m >= 2) {
        tile(2, 1, k, a, lda, b, 0, c, ldc, width);
        m -= 2, a += 2 * lda, c += 2 * ldc;
    }
    if (m)
        tile(1, 1, k, a, lda, b, 0, c, ldc, width);
}

/* Few rows leave the multiply-add units waiting for their own sums, so four panels are computed side by side.
 * Only where a strip is a whole panel: narrower vectors make strips enough of one panel. Returns the columns done. */
static size_t few_rows(size_t m, size_t n, size_t k, const float *a, size_t lda, const float *panels,
                       size_t panel_stride, float *c, size_t ldc)
{
    size_t done = 0;
#if LANES * VECS == PANEL
    for (; m <= 3 && n - done >= 4 * PANEL; done += 4 * PANEL) {
        const float *b = panels + done / PANEL * panel_stride;
        if (m == 1)
            tile(1, 4, k, a, lda, b, panel_stride, c + done, ldc, 4 * PANEL);
        else if (m == 2)
            tile(2, 4, k, a, lda, b, panel_stride, c + done, ldc, 4 * PANEL);
        else
            tile(3, 4, k, a, lda, b, panel_stride, c + done, ldc, 4 * PANEL);
    }
#else
    (void)m, (void)n, (void)k, (void)a, (void)lda, (void)panels, (void)panel_stride, (void)c, (void)ldc;
#endif
    return done;
}

static void multiply(size_t m, size_t n, size_t k, const float *a, size_t lda, const float *panels,
                     size_t panel_stride, float *c, size_t ldc)
{
    size_t done = few_rows(m, n, k, a, lda, panels, panel_stride, c, ldc);
    for (; done < n; done += VECS * LANES) {
        const float *b = panels + done / PANEL * panel_stride + done % PANEL;
        size_t width = n - done < VECS * LANES ? n - done : VECS * LANES;
        strip(m, k, a, lda, b, c + done, ldc, width);
    }
}

/* ---- exp ---- */

#define EXP_LEAST (-87.33f)
#define EXP_MOST 88.37f

/* exp(x) = 2^n * exp(r), n the whole number nearest to x / ln 2, |r| <= ln(2) / 2. exp(r) = 1 + r + r^2 q(r),
 * where q is the polynomial through (exp(r) - 1 - r) / r^2 at the six Chebyshev points of that interval
 * (error 8e-10). */
ALWAYS vec exp_vec(vec x)
{
    const vec magic = vec_set(12582912.0f); /* 1.5 * 2^23: adding it leaves n in the low bits */
    vec bounded = vec_max(vec_set(EXP_LEAST), vec_min(vec_set(EXP_MOST), x));
    vec shifted = vec_fma(bounded, vec_set(1.44269502f), magic);
    vec n = shifted - magic;
    vec r = vec_fma(n, vec_set(-0.693145752f), bounded); /* ln 2 in two parts; the first has 15 bits */
    r = vec_fma(n, vec_set(-1.42860677e-06f), r);
    vec q = vec_set(1.98910304e-04f);
    q = vec_fma(q, r, vec_set(1.39336858e-03f));
    q = vec_fma(q, r, vec_set(8.33331048e-03f));
    q = vec_fma(q, r, vec_set(4.1666463e-02f));
    q = vec_fma(q, r, vec_set(1.66666672e-01f));
    q = vec_fma(q, r, vec_set(0.5f));
    vec y = vec_fma(r * r, q, r) + vec_set(1.0f);
    uvec power = ((uvec)shifted << 23) + 0x3f800000u;
    uvec keep = ~(uvec)(x < vec_set(EXP_LEAST)); /* NaN is kept */
    return (vec)((uvec)(y * (vec)power) & keep);
}

/* Calls body(vector offset) for whole vectors and hands the rest through zero-filled copies. */
static void exp_many(size_t n, const float *x, float *y)
{
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        store(y + i, exp_vec(load(x + i)));
    if (i < n) {
        float rest[LANES] = {0};
        memcpy(rest, x + i, (n - i) * sizeof *rest);
        store(rest, exp_vec(load(rest)));
        memcpy(y + i, rest, (n - i) * sizeof *rest);
    }
}

ALWAYS vec swiglu_vec(vec gate, vec up)
{
    return gate / (vec_set(1.0f) + exp_vec(-gate)) * up;
}

static void swiglu(size_t n, const float *gate, const float *up, float *y)
{
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        store(y + i, swiglu_vec(load(gate + i), load(up + i)));
    if (i < n) {
        float g[LANES] = {0}, u[LANES] = {0};
        memcpy(g, gate + i, (n - i) * sizeof *g);
        memcpy(u, up + i, (n - i) * sizeof *u);
        store(g, swiglu_vec(load(g), load(u)));
        memcpy(y + i, g, (n - i) * sizeof *g);
    }
}

/* ---- softmax ---- */

static float largest(const float *x, size_t n)
{
    vec most = load(x);
    for (size_t i = LANES; i < n; i += LANES)
        most = vec_max(load(x + i), most);
    float lane[LANES], best = -INFINITY;
    store(lane, most);
    for (int i = 0; i < LANES; i++)
        best = lane[i] > best ? lane[i] : best;
    return best;
}

static void softmax(float *scores, size_t n, size_t prefix, size_t own, size_t own_end, float scale)
{
    for (size_t i = prefix; i < own; i++)
        scores[i] = -INFINITY;
    for (size_t i = own_end; i < n; i++)
        scores[i] = -INFINITY;
    vec most = vec_set(largest(scores, n)), factor = vec_set(scale);
    for (size_t i = 0; i < n; i += LANES)
        store(scores + i, exp_vec((load(scores + i) - most) * factor));
    float sum = 0;
    for (size_t i = 0; i < prefix; i++)
        sum += scores[i];
    for (size_t i = own; i < own_end; i++)
        sum += scores[i];
    vec inverse = vec_set(1.0f / sum);
    for (size_t i = 0; i < n; i += LANES)
        store(scores + i, load(scores + i) * inverse);
}

const struct kernel KERNEL = {
    .name = KERNEL_NAME, .multiply = multiply, .exp = exp_many, .swiglu = swiglu, .softmax = softmax};
