/* WHAT   Arrays of floating-point numbers: widening to f32, rounding to a stored dtype, averaging.
 * WHO    merge/tensor, merge/merge.
 * UNITS  Elements. Stored arrays are little-endian and need no alignment.
 * MEMORY The caller's.
 * ERRORS None: asserts that the dtype is one of floats_can.
 * STATE  None.
 *
 * The same bits on every machine: this room is compiled without fused multiply-add, and the loops have no order of
 * summation to lose. */
#ifndef MERGE_FLOATS_H
#define MERGE_FLOATS_H

#include "merge/safetensors.h"

#include <stdbool.h>

bool floats_can(enum st_dtype dtype); /* F16, BF16, F32, F64 */

/* F16, BF16, F32 exact; F64 rounds once. */
void floats_widen(enum st_dtype dtype, const void *in, size_t n, float *out);

/* Rounds to nearest, ties to even; past the largest number infinity; subnormals kept. NaN stays NaN, made quiet.
 * F16, BF16, F32 only. */
void floats_narrow(enum st_dtype dtype, const float *in, size_t n, void *out);

/* out = base + ratio * (tuned - base), each operation rounded by itself; where both are equal their value is kept as
 * it is, so that equal infinities and the sign of zero survive. `out` may be `base`. */
void floats_lerp(const float *base, const float *tuned, float ratio, size_t n, float *out);

/* The same for F64, computed in f64. */
void floats_lerp64(const void *base, const void *tuned, double ratio, size_t n, void *out);

#endif
