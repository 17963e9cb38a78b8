/* WHAT   Seeded chance: xoshiro256** (Blackman and Vigna 2018) seeded by SplitMix64, the same numbers
 *        everywhere.
 * WHO    Whoever needs chance; the seed is passed in and stored by the caller.
 * UNITS  None.
 * MEMORY The caller's struct.
 * ERRORS None.
 * STATE  Four words; two generators with the same (seed, stream) give the same numbers. */
#ifndef PROTO_RNG_H
#define PROTO_RNG_H

#include <stdint.h>

struct rng {
    uint64_t s[4];
};

void rng_seed(struct rng *rng, uint64_t seed, uint64_t stream);
uint64_t rng_u64(struct rng *rng);
double rng_uniform(struct rng *rng); /* [0, 1), 53 bits */

#endif
