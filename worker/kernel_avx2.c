#if defined(__x86_64__)
#pragma GCC target("avx2,fma")
#include <immintrin.h>

#define LANES 8
#define TILE_ROWS 6 /* 6 x 2 sums, 2 columns, 1 broadcast: 15 of 16 registers */
#define KERNEL kernel_avx2
#define KERNEL_NAME "avx2"

typedef float vec __attribute__((vector_size(32)));

static inline vec vec_set(float x)
{
    return (vec)_mm256_set1_ps(x);
}

static inline vec vec_fma(vec a, vec b, vec c)
{
    return (vec)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
}

/* Both give b when an operand is NaN. */
static inline vec vec_max(vec a, vec b)
{
    return (vec)_mm256_max_ps((__m256)a, (__m256)b);
}

static inline vec vec_min(vec a, vec b)
{
    return (vec)_mm256_min_ps((__m256)a, (__m256)b);
}

#include "worker/kernel_body.h"
#endif
