#include "merge/floats.h"

#include <assert.h>
#include <string.h>

/* Loads and stores of stored numbers: data of safetensors lie at any address. */
struct stored16 {
    uint16_t bits;
} __attribute__((packed, may_alias));
struct stored64 {
    double value;
} __attribute__((packed, may_alias));

static inline uint32_t bits_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline float float_of(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

bool floats_can(enum st_dtype dtype)
{
    return dtype == ST_F16 || dtype == ST_BF16 || dtype == ST_F32 || dtype == ST_F64;
}

/* --- bf16: the upper half of an f32 --- */

static void widen_bf16(const struct stored16 *in, size_t n, float *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = float_of((uint32_t)in[i].bits << 16);
}

static void narrow_bf16(const float *in, size_t n, struct stored16 *out)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t bits = bits_of(in[i]);
        /* Half a unit less one, plus the last kept bit: ties go to even. Carries into the exponent are right,
         * up to infinity. A NaN could carry into infinity or zero, so it is made by hand. */
        uint32_t rounded = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16;
        uint32_t nan = bits >> 16 | 0x40;
        out[i].bits = (uint16_t)((bits & 0x7FFFFFFF) > 0x7F800000 ? nan : rounded);
    }
}

/* --- f16: 1 sign, 5 exponent, 10 fraction bits --- */

static void widen_f16(const struct stored16 *in, size_t n, float *out)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t half = in[i].bits;
        uint32_t magnitude = (half & 0x7FFF) << 13;
        /* Read with f32's bias the value is 2^112 too small, for subnormals too, and the product is exact. */
        uint32_t finite = bits_of(float_of(magnitude) * 0x1p112f);
        uint32_t special = magnitude | 0x7F800000; /* infinity and NaN keep their fraction */
        uint32_t bits = magnitude >= 0x7C00u << 13 ? special : finite;
        out[i] = float_of(bits | (half & 0x8000) << 16);
    }
}

static void narrow_f16(const float *in, size_t n, struct stored16 *out)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t bits = bits_of(in[i]);
        uint32_t magnitude = bits & 0x7FFFFFFF;
        /* 2^-14 and more: move the exponent's bias by 112 and round as for bf16. From 65520 on the carry and
         * the clamp give infinity. */
        uint32_t normal = (magnitude - (112u << 23) + 0xFFF + (magnitude >> 13 & 1)) >> 13;
        normal = magnitude >= 0x477FF000 ? 0x7C00 : normal;
        /* Less: adding 1/2 makes the adder round to multiples of 2^-24, f16's smallest step, and leaves their
         * count in the low bits. */
        uint32_t small = bits_of(float_of(magnitude) + 0.5f) - 0x3F000000;
        uint32_t finite = magnitude < 113u << 23 ? small : normal;
        uint32_t nan = 0x7E00 | (magnitude >> 13 & 0x3FF);
        uint32_t half = magnitude > 0x7F800000 ? nan : finite;
        out[i].bits = (uint16_t)(half | (bits >> 16 & 0x8000));
    }
}

/* --- all --- */

static void widen_f64(const struct stored64 *in, size_t n, float *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (float)in[i].value;
}

void floats_widen(enum st_dtype dtype, const void *in, size_t n, float *out)
{
    assert(floats_can(dtype));
    if (dtype == ST_BF16)
        widen_bf16(in, n, out);
    else if (dtype == ST_F16)
        widen_f16(in, n, out);
    else if (dtype == ST_F64)
        widen_f64(in, n, out);
    else if (n)
        memcpy(out, in, n * sizeof *out);
}

void floats_narrow(enum st_dtype dtype, const float *in, size_t n, void *out)
{
    assert(dtype == ST_F16 || dtype == ST_BF16 || dtype == ST_F32);
    if (dtype == ST_BF16)
        narrow_bf16(in, n, out);
    else if (dtype == ST_F16)
        narrow_f16(in, n, out);
    else if (n)
        memcpy(out, in, n * sizeof *in);
}

void floats_lerp(const float *base, const float *tuned, float ratio, size_t n, float *out)
{
    for (size_t i = 0; i < n; i++) {
        float mixed = base[i] + ratio * (tuned[i] - base[i]);
        out[i] = base[i] == tuned[i] ? base[i] : mixed;
    }
}

void floats_lerp64(const void *base, const void *tuned, double ratio, size_t n, void *out)
{
    const struct stored64 *b = base, *t = tuned;
    struct stored64 *o = out;
    for (size_t i = 0; i < n; i++) {
        double mixed = b[i].value + ratio * (t[i].value - b[i].value);
        o[i].value = b[i].value == t[i].value ? b[i].value : mixed;
    }
}
