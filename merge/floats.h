/* WHAT   Arrays of floating-point numbers: widening to f32, rounding to a stored dtype.
 * WHO    merge/merge, merge/files/checkpoint.
 * UNITS  Elements. Stored arrays are little-endian and need no alignment.
 * MEMORY The caller's.
 * ERRORS None: asserts that the dtype is one of floats_can.
 * STATE  None.
 *
 * The same bits on every machine: the loops are those of merge/kernel.h. */
#ifndef MERGE_FLOATS_H
#define MERGE_FLOATS_H

#include "merge/files/safetensors.h"

#include <stdbool.h>

bool floats_can(enum st_dtype dtype); /* F16, BF16, F32, F64 */

/* F16, BF16, F32 exact, but that a NaN of F16 is made quiet; F64 rounds once. */
void floats_widen(enum st_dtype dtype, const void *in, size_t n, float *out);

/* Rounds to nearest, ties to even; past the largest number infinity; subnormals kept. NaN stays NaN, made quiet.
 * F16, BF16, F32 only. */
void floats_narrow(enum st_dtype dtype, const float *in, size_t n, void *out);

#endif
