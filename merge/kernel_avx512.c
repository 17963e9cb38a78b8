#if defined(__x86_64__)
#include <immintrin.h>
#include <stdbool.h>
#include <stdint.h>

#define LANES 16
#define KERNEL merge_kernel_avx512
#define KERNEL_NAME "avx512"

typedef float vec __attribute__((vector_size(64)));
typedef uint32_t uvec __attribute__((vector_size(64)));
typedef int32_t ivec __attribute__((vector_size(64)));
typedef uint16_t hvec __attribute__((vector_size(32)));
typedef __mmask16 mask;

static inline mask mask_equal(vec a, vec b)
{
    return _mm512_cmp_ps_mask((__m512)a, (__m512)b, _CMP_EQ_OQ);
}

static inline mask mask_nan(vec a)
{
    return _mm512_cmp_ps_mask((__m512)a, (__m512)a, _CMP_UNORD_Q);
}

static inline bool any_nan(vec a, vec b)
{
    return _mm512_cmp_ps_mask((__m512)a, (__m512)b, _CMP_UNORD_Q) != 0;
}

/* The upper halves of both, those of `odd` where they are. */
static inline uvec upper_halves(uvec even, uvec odd)
{
    return (uvec)_mm512_mask_blend_epi16(0xAAAAAAAA, (__m512i)(even >> 16), (__m512i)odd);
}

/* Of numbers below 2^31. */
static inline mask mask_below(uvec a, uvec b)
{
    return _mm512_cmplt_epu32_mask((__m512i)a, (__m512i)b);
}

static inline uvec choose(mask m, uvec yes, uvec no)
{
    return (uvec)_mm512_mask_blend_epi32(m, (__m512i)no, (__m512i)yes);
}

static inline uvec widen16(hvec x)
{
    return (uvec)_mm512_cvtepu16_epi32((__m256i)x);
}

static inline hvec narrow16(uvec x)
{
    return (hvec)_mm512_cvtepi32_epi16((__m512i)x);
}

/* The instructions make NaN quiet, know subnormals whatever the modes are, and round ties to even. Those of
 * avx512_bf16 would flush subnormals, so bf16 is rounded by hand. */
static inline vec half_widen(hvec half)
{
    return (vec)_mm512_cvtph_ps((__m256i)half);
}

static inline hvec half_narrow(vec x)
{
    return (hvec)_mm512_cvtps_ph((__m512)x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

static inline void stream_half(void *to, hvec x)
{
    _mm256_stream_si256((__m256i *)to, (__m256i)x);
}

static inline void stream_whole(void *to, uvec x)
{
    _mm512_stream_si512((__m512i *)to, (__m512i)x);
}

static void fence(void)
{
    _mm_sfence();
}

#include "merge/kernel_body.h"
#endif
