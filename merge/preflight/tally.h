/* WHAT   Counts and sums over the elements of a block of a pair: how large the update is, and what is no number.
 * WHO    merge/preflight/survey.
 * UNITS  Elements.
 * MEMORY The caller's.
 * ERRORS None.
 * STATE  None. Sums have the same bits on every machine: element i of a block goes to lane i % 16, lanes are f32, blocks
 *        are added up in f64. */
#ifndef MERGE_TALLY_H
#define MERGE_TALLY_H

#include "merge/files/safetensors.h"

#define TALLY_BLOCK_N 2048

struct tally {
    uint64_t changed;  /* elements with another value in tuned */
    double square;     /* sum (tuned - base)^2 */
    double square_ulp; /* sum of the squares of a unit in the last place, of the larger of the two */
    /* Elements that are in none of the above: */
    uint64_t nans[2];      /* of base, of tuned */
    uint64_t infinite;     /* infinite in one of them, and not equal */
    uint64_t infinite_too; /* equal infinities */
};

/* n <= TALLY_BLOCK_N elements of `dtype` (one of floats_can), whose units in the last place are those of `out`. */
void tally_block(enum st_dtype dtype, enum st_dtype out, const void *base, const void *tuned, size_t n,
                 struct tally *tally);

#endif
