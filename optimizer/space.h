/* WHAT   Where a stream searches: a box of ratios, or the slice of it with a given mean, in coordinates z.
 * WHO    The strategies of this room.
 * UNITS  Ratios: weight of the tuned checkpoint, [k]. z: [d]; d = k in a box, k - 1 on a slice.
 * MEMORY The caller's struct and arrays.
 * ERRORS None: every z, NaN included, is mapped to a feasible point, and that is asserted.
 * STATE  None.
 *
 * Slice: ratios = P(mean * 1 + B z). The rows of B are an orthonormal basis of the zero-sum vectors
 * (Helmert), so distances are kept and z = 0 is the vector of equal ratios. P shifts by one number and clips
 * to the bounds so that the mean is `mean` again; inside the bounds P changes nothing. The danger: P has
 * kinks where bounds become active, and several z share one image there, so methods with a quadratic model
 * lose their speed near bounds. */
#ifndef OPTIMIZER_SPACE_H
#define OPTIMIZER_SPACE_H

#include "optimizer/optimizer.h"

struct space {
    int k, d;
    double lower, upper;
    bool slice;
    double mean;               /* slice */
    double z_lower[OPT_K_MAX]; /* [d]: the tightest box around the z of all feasible points */
    double z_upper[OPT_K_MAX];
};

void space_box(struct space *space, int k, double lower, double upper);

/* k >= 2, lower < mean < upper. */
void space_slice(struct space *space, int k, double lower, double upper, double mean);

/* z is clamped to its box first (NaN becomes the middle). Equal z give bit-identical ratios; no ratio is
 * -0. */
void space_map(const struct space *space, const double *z, double *ratios);

/* The z of a feasible point. space_map of it gives the point again, to rounding. */
void space_inverse(const struct space *space, const double *ratios, double *z);

/* The index-th point of a seeded series: Sobol with a digital shift in a box, uniform on a slice. */
void space_sample(const struct space *space, uint64_t seed, uint64_t stream, uint64_t index, double *ratios);

/* The point nearest to v with lower <= ratio <= upper and the given mean (Euclidean projection). [k] each. */
void slice_project(const double *v, int k, double lower, double upper, double mean, double *ratios);

/* |mean of the ratios - mean| is within 1e-12 of the range and every ratio within its bounds. */
bool slice_holds(const double *ratios, int k, double lower, double upper, double mean);

#endif
