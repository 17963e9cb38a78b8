#include <stdbool.h>
#include <stdint.h>

#define LANES 4
#define KERNEL merge_kernel_plain
#define KERNEL_NAME "plain"

typedef float vec __attribute__((vector_size(16)));
typedef uint32_t uvec __attribute__((vector_size(16)));
typedef int32_t ivec __attribute__((vector_size(16)));
typedef uint16_t hvec __attribute__((vector_size(8)));
typedef ivec mask;

static inline mask mask_equal(vec a, vec b)
{
    return a == b;
}

static inline mask mask_nan(vec a)
{
    return a != a;
}

static inline bool any_nan(vec a, vec b)
{
    ivec nan = (a != a) | (b != b);
    return nan[0] | nan[1] | nan[2] | nan[3];
}

/* The upper halves of both, those of `odd` where they are. */
static inline uvec upper_halves(uvec even, uvec odd)
{
    return even >> 16 | (odd & 0xFFFF0000);
}

/* Of numbers below 2^31. */
static inline mask mask_below(uvec a, uvec b)
{
    return (ivec)a < (ivec)b;
}

static inline uvec choose(mask m, uvec yes, uvec no)
{
    return (yes & (uvec)m) | (no & ~(uvec)m);
}

static inline uvec widen16(hvec x)
{
    return __builtin_convertvector(x, uvec);
}

static inline hvec narrow16(uvec x)
{
    typedef uint16_t halves __attribute__((vector_size(16)));
    return __builtin_shufflevector((halves)x, (halves)x, 0, 2, 4, 6); /* little-endian: the lower ones */
}

/* f16: 1 sign, 5 exponent, 10 fraction bits. */
static inline vec half_widen(hvec half)
{
    uvec bits = widen16(half), magnitude = (bits & 0x7FFF) << 13;
    /* Read with f32's bias the value is 2^112 too small, for subnormals too, and the product is exact. */
    uvec finite = (uvec)((vec)magnitude * 0x1p112f);
    uvec special = magnitude | 0x7F800000;
    uvec quiet = (uvec)((ivec)magnitude > (0x7C00 << 13)) & 0x400000;
    uvec wide = choose((ivec)magnitude >= (0x7C00 << 13), special | quiet, finite);
    return (vec)(wide | (bits & 0x8000) << 16);
}

static inline hvec half_narrow(vec x)
{
    uvec bits = (uvec)x, magnitude = bits & 0x7FFFFFFF;
    /* 2^-14 and more: move the exponent's bias by 112 and round as for bf16. From 65520 on the carry and the clamp
     * give infinity. */
    uvec normal = (magnitude - (112u << 23) + 0xFFF + (magnitude >> 13 & 1)) >> 13;
    normal = choose((ivec)magnitude >= 0x477FF000, normal - normal + 0x7C00, normal);
    /* Less: adding 1/2 makes the adder round to multiples of 2^-24, f16's smallest step, and leaves their count in
     * the low bits. */
    uvec small = (uvec)((vec)magnitude + 0.5f) - 0x3F000000;
    uvec half = choose((ivec)magnitude < (113 << 23), small, normal);
    half = choose((ivec)magnitude > 0x7F800000, 0x7E00 | (magnitude >> 13 & 0x3FF), half);
    return narrow16(half | (bits >> 16 & 0x8000));
}

static inline void stream_half(void *to, hvec x)
{
    __builtin_memcpy(to, &x, sizeof x);
}

static inline void stream_whole(void *to, uvec x)
{
    __builtin_memcpy(to, &x, sizeof x);
}

static void fence(void)
{
}

#include "merge/kernel_body.h"
