#if defined(__x86_64__)
#pragma GCC target("avx512f,fma")
#include <immintrin.h>

#define LANES 16
#define TILE_ROWS 12 /* 12 x 2 sums, 2 columns, 1 broadcast: 27 of 32 registers */
#define KERNEL kernel_avx512
#define KERNEL_NAME "avx512"

typedef float vec __attribute__((vector_size(64)));

static inline vec vec_set(float x)
{
    return (vec)_mm512_set1_ps(x);
}

static inline vec vec_fma(vec a, vec b, vec c)
{
    return (vec)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
}

/* Both give b when an operand is NaN. */
static inline vec vec_max(vec a, vec b)
{
    return (vec)_mm512_max_ps((__m512)a, (__m512)b);
}

static inline vec vec_min(vec a, vec b)
{
    return (vec)_mm512_min_ps((__m512)a, (__m512)b);
}

#include "worker/kernel_body.h"
#endif
