/* WHAT   The inner loops of the forward pass, once for each instruction set: matrix product, exp, SwiGLU,
 *        softmax.
 * WHO    worker/gemm, worker/forward, worker/likelihood, worker/generate.
 * UNITS  None; float32.
 * MEMORY The caller's.
 * ERRORS None.
 * STATE  None; tables are constant.
 *
 * Every table gives the same bits: each output element is one chain of fused multiply-adds over ascending k,
 * and nothing is summed across lanes. So results do not depend on the machine, on how many rows are computed
 * together, or on where a key stands in the cache. */
#ifndef WORKER_KERNEL_H
#define WORKER_KERNEL_H

#include <stddef.h>

#define PANEL 32 /* columns of a packed matrix that lie together */

struct kernel {
    const char *name;

    /* c[m][n] = a[m][k] * B with rows of a lda apart, rows of c ldc apart. B is packed: column j of row i
     * stands at panels[(j / PANEL) * panel_stride + i * PANEL + j % PANEL], and the last panel is whole. */
    void (*multiply)(size_t m, size_t n, size_t k, const float *a, size_t lda, const float *panels,
                     size_t panel_stride, float *c, size_t ldc);

    /* y = exp(x), relative error below 1.2e-7; 0 under -87.33 (no subnormals), exp(88.37) above 88.37. NaN stays. */
    void (*exp)(size_t n, const float *x, float *y);

    /* y = gate / (1 + exp(-gate)) * up */
    void (*swiglu)(size_t n, const float *gate, const float *up, float *y);

    /* scores[n] -> softmax(scale * scores) over the keys [0, prefix) and [own, own_end), exactly 0 elsewhere.
     * n is a multiple of PANEL; own < own_end. The sum runs over the visible keys in ascending order. */
    void (*softmax)(float *scores, size_t n, size_t prefix, size_t own, size_t own_end, float scale);
};

/* The fastest table this processor runs. */
const struct kernel *kernel_best(void);

/* All tables this processor runs, the fastest first. out: [max]; returns how many. */
size_t kernel_list(const struct kernel **out, size_t max);

#endif
