/* WHAT   The Sobol sequence, with a seeded digital shift.
 * WHO    The sobol strategy; start points of restarts.
 * UNITS  Coordinates in [0, 1).
 * MEMORY The caller's array.
 * ERRORS None (asserts 1 <= d <= OPT_K_MAX and index < 2^32).
 * STATE  None: any point can be asked for by its index.
 *
 * Source: Sobol 1967 in the Gray-code order of Antonov and Saleev 1979, with the direction numbers of Joe and
 * Kuo, "Constructing Sobol sequences with better two-dimensional projections", SIAM J. Sci. Comput. 30, 2008
 * (their file new-joe-kuo-6, dimensions 1 to 64). No point is skipped: the sequence is balanced only with its
 * first point (Owen, "On dropping the first Sobol' point", 2020), and the shift moves that point off the
 * corner. */
#ifndef OPTIMIZER_SOBOL_H
#define OPTIMIZER_SOBOL_H

#include <stdint.h>

/* Without the shift: multiples of 2^-32. point: [d] */
void sobol_plain(int d, uint64_t index, double *point);

/* Every coordinate's bits XORed with 53 bits drawn from (seed, stream): distinct indices stay distinct
 * points. */
void sobol_point(int d, uint64_t index, uint64_t seed, uint64_t stream, double *point);

#endif
