/* WHAT   Where a stream searches: the free ratios of a search in a box, or in the slice of it with a given mean, in
 *        coordinates z.
 * WHO    The strategies of this room; plan.c (what is feasible).
 * UNITS  Ratios: weight of the tuned checkpoint, [k]. x: the free ones, [n]. z: [d]; d = n in a box, n - 1 on a slice.
 * MEMORY The caller's struct and arrays.
 * ERRORS None: every z, NaN included, is mapped to a feasible point, and that is asserted.
 * STATE  None.
 *
 * A free ratio is a set of tied groups that is not frozen; its weight is the number of groups in it. Ratios are
 * x, each as often as its weight says, and the frozen ones at their places.
 *
 * Slice: x = P(level + B z), level being the vector whose ratios are equal where the ranges allow it. The rows of B are an orthonormal basis (Helmert's contrasts) of the vectors whose
 * weighted sum is zero, in the metric sum_i weight_i x_i^2, which is the distance between the vectors of all k ratios. So
 * distances are kept, and z = 0 is the level vector, to the bit. P, the projection in that metric, shifts by one
 * number and clips to the ranges so that the mean is right again; inside the ranges P changes nothing. The danger: P
 * has kinks where bounds become active, and several z share one image there, so methods with a quadratic model lose
 * their speed near bounds. */
#ifndef OPTIMIZER_SPACE_H
#define OPTIMIZER_SPACE_H

#include "optimizer/optimizer.h"

/* Of one free ratio. */
struct range {
    double low, high; /* low < high */
    int weight;       /* ratios it stands for */
};

struct space {
    int k, n, d;
    struct range range[OPT_K_MAX]; /* [n], in the order of the first group of each */
    int source[OPT_K_MAX];         /* [k]: the free ratio that this one is, -1 when it is frozen */
    double fixed[OPT_K_MAX];       /* [k], of the frozen ones */
    double width;                  /* of the widest range */
    bool plain;                    /* nothing frozen, nothing tied, one range for all */
    bool slice;
    double level[OPT_K_MAX];   /* slice: [n] */
    double mean;               /* slice: the weighted mean of the free ratios, what the frozen ones leave */
    double z_lower[OPT_K_MAX]; /* [d]: the tightest box around the z of all feasible points */
    double z_upper[OPT_K_MAX];
};

/* The ranges and ties of `problem` must be sound (plan.c checks them). With nothing free n and d are 0, and the space is
 * for looking at only. */
void space_box(struct space *space, const struct opt_problem *problem);

/* mean: of all k ratios, strictly between the two of space_means. At least two ratios are free. */
void space_slice(struct space *space, const struct opt_problem *problem, double mean);

/* The mean of all k ratios with every free one at its low and at its high end. */
void space_means(const struct space *space, double *lowest, double *highest);

/* All k ratios from the free ones; no ratio is -0. */
void space_spread(const struct space *space, const double *x, double *ratios);

/* The free ones of k ratios. */
void space_gather(const struct space *space, const double *ratios, double *x);

/* z is clamped to its box first (NaN becomes the middle). Equal z give bit-identical ratios. */
void space_map(const struct space *space, const double *z, double *ratios);

/* The z of a feasible point. space_map of it gives the point again, to rounding. */
void space_inverse(const struct space *space, const double *ratios, double *z);

/* The index-th point of a seeded series: Sobol with a digital shift in a box, uniform on a slice. */
void space_sample(const struct space *space, uint64_t seed, uint64_t stream, uint64_t index, double *ratios);

/* sum_i weight_i x_i over i in [from, to). Equal neighbours are counted first and multiplied once, so that a search with
 * one range for all computes what k times that range is, and not a sum of k roundings. */
double slice_sum(const struct range *range, const double *x, int from, int to);

/* The point nearest to v, in the metric sum_i weight_i x_i^2, with low_i <= x_i <= high_i and the given weighted mean.
 * v, x: [n]. */
void slice_project(const struct range *range, int n, double mean, const double *v, double *x);

/* |weighted mean of x - mean| is within 1e-12 of the scale (the largest bound or width), and every x_i in its range. */
bool slice_holds(const struct range *range, int n, double mean, const double *x);

#endif
