#if defined(__x86_64__)
#include <immintrin.h>
#include <stdbool.h>
#include <stdint.h>

#define LANES 8
#define KERNEL merge_kernel_avx2
#define KERNEL_NAME "avx2"

typedef float vec __attribute__((vector_size(32)));
typedef uint32_t uvec __attribute__((vector_size(32)));
typedef int32_t ivec __attribute__((vector_size(32)));
typedef uint16_t hvec __attribute__((vector_size(16)));
typedef ivec mask;

static inline mask mask_equal(vec a, vec b)
{
    return a == b;
}

static inline mask mask_nan(vec a)
{
    return (mask)_mm256_cmp_ps((__m256)a, (__m256)a, _CMP_UNORD_Q);
}

static inline bool any_nan(vec a, vec b)
{
    return _mm256_movemask_ps(_mm256_cmp_ps((__m256)a, (__m256)b, _CMP_UNORD_Q)) != 0;
}

/* The upper halves of both, those of `odd` where they are. */
static inline uvec upper_halves(uvec even, uvec odd)
{
    return (uvec)_mm256_blend_epi16((__m256i)(even >> 16), (__m256i)odd, 0xAA);
}

/* Of numbers below 2^31. */
static inline mask mask_below(uvec a, uvec b)
{
    return (ivec)a < (ivec)b;
}

static inline uvec choose(mask m, uvec yes, uvec no)
{
    return (uvec)_mm256_blendv_epi8((__m256i)no, (__m256i)yes, (__m256i)m);
}

static inline uvec widen16(hvec x)
{
    return (uvec)_mm256_cvtepu16_epi32((__m128i)x);
}

static inline hvec narrow16(uvec x)
{
    __m256i packed = _mm256_packus_epi32((__m256i)x, (__m256i)x); /* in each half */
    return (hvec)_mm256_castsi256_si128(_mm256_permute4x64_epi64(packed, 0x08));
}

/* The instructions make NaN quiet, know subnormals whatever the modes are, and round ties to even. */
static inline vec half_widen(hvec half)
{
    return (vec)_mm256_cvtph_ps((__m128i)half);
}

static inline hvec half_narrow(vec x)
{
    return (hvec)_mm256_cvtps_ph((__m256)x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

static inline void stream_half(void *to, hvec x)
{
    _mm_stream_si128((__m128i *)to, (__m128i)x);
}

static inline void stream_whole(void *to, uvec x)
{
    _mm256_stream_si256((__m256i *)to, (__m256i)x);
}

static void fence(void)
{
    _mm_sfence();
}

#include "merge/kernel_body.h"
#endif
