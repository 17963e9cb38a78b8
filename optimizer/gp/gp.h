/* WHAT   A Gaussian process of one objective, conditioned on noisy observations one by one.
 * WHO    model/surrogate.
 * UNITS  x: [d], in the unit cube of the free ratios. y: standardised by the caller (mean 0, variance 1 or so). Noise: variance
 *        in the unit of y^2, known part plus hyper.noise.
 * MEMORY create/destroy; x, y and noise are copied.
 * ERRORS None: a matrix that is not positive definite gets jitter, ten times more at each try, from 1e-8 to 1e-2; the jitter in use
 *        is told.
 * STATE  Rows 0 … n - 1. gp_append adds one in O(n^2), gp_truncate forgets the last ones, as fast: what is pending is
 *        appended, used, and forgotten. What a process answers is a function of (hyper, rows, how many of them came with
 *        gp_condition), to the bit: not of its capacity, nor of what came and went, nor of the thread. */
#ifndef OPTIMIZER_GP_GP_H
#define OPTIMIZER_GP_GP_H

#include "optimizer/gp/kernel.h"

#include <stdbool.h>
#include <stdint.h>

#define GP_D_MAX 64

/* Where gp_fit and gp_spread look. */
#define GP_LENGTH_MIN 0.025
#define GP_LENGTH_MAX 100.0
#define GP_NOISE_MIN 1e-6 /* what known noise is taken for, too: the factor stays well-conditioned */
#define GP_NOISE_MAX 4.0
#define GP_SCALE_MIN 1e-3
#define GP_SCALE_MAX 4.0
#define GP_SIGNAL_MIN 1e-5
#define GP_SIGNAL_MAX 10.0
#define GP_WEIGHT_MIN 1e-6
#define GP_WEIGHT_MAX 10.0

/* Where ln theta has what, after the d lengths; the mean itself comes last. */
enum { GP_SIGNAL, GP_WEIGHT, GP_NOISE = GP_WEIGHT + POLYNOMIAL_LEVELS, GP_SCALE, GP_MEAN, GP_OTHERS };
#define GP_THETA_MAX (GP_D_MAX + GP_OTHERS)

/* Infinitely smooth is a strong claim: its prior is e^-2 times that of Matérn-7/2. */
#define GP_SQUARED_LOG_ODDS (-2.0)

struct gp_hyper {
    enum kernel_shape shape;
    double length[GP_D_MAX];          /* [d] */
    double signal;                    /* variance of the stationary part */
    double weight[POLYNOMIAL_LEVELS]; /* variances of the polynomial's levels */
    double noise;                     /* variance that no standard error tells, 1e-6 … */
    double scale;                     /* what reported variances are multiplied by, 0 < scale */
    double mean;                      /* constant prior mean of standardised y */
};

/* n rows: x [n][d], y [n], variance [n] (reported, of y; 0 = exact or unknown). */
struct gp_data {
    int n, d;
    const double *x, *y, *variance;
};

struct gp_fit {
    struct gp_hyper hyper;
    double log_posterior; /* log marginal likelihood + log prior, at hyper */
    int evaluations;
    double jitter;
};

/* The log posterior of the hyperparameters, natural logarithms throughout:
 *     -1/2 (y - mean)^T K^-1 (y - mean) - 1/2 ln|K| - n/2 ln 2 pi      Rasmussen and Williams 2006, eq. 2.30
 *     K = signal stationary(x, x') + polynomial(x, x') + diag(scale variance_i + noise)
 * plus the log density of the priors, normal in
 *     ln length_i  mean sqrt 2 - 3 + 1/2 ln d, sd sqrt 3
 *     ln signal    mean 0, sd 0.5
 *     ln weight    mean -2 (linear), -4 (squares), -4 (neighbours), -5 (products), sd 2
 *     ln noise     mean -5, sd 1
 *     ln scale     mean ln 1/2, sd 1
 *     mean         mean 0, sd 5
 * Lengths and noise: Hvarfner, Hellsten and Nardi, "Vanilla Bayesian optimization performs great in high dimensions", ICML 2024, and
 * BoTorch's defaults. Their log-normals are densities over length and noise themselves, whose modes lie sd^2 lower in
 * logarithms than their medians; ours are placed there. Scale: a reported standard error counts the luck of the items, which
 * all trials share and which moves all scores alike, so part of it is no noise between trials; how much differs from task
 * to task, hence a factor of e either way. Signal and weights: y has variance 1 or so, most functions are steeper than they bend, and
 * what is not needed costs little, for the evidence shrinks it. A weight of the polynomial has a variance of its own,
 * and so do the function's slopes: a process without it takes every unexplored corner of many coordinates for a likely optimum.
 * and ln of the shape's prior: GP_SQUARED_LOG_ODDS for the squared exponential, 0 for Matérn-7/2.
 *
 * Maximum a posteriori by NLOPT_LD_LBFGS for both shapes from fixed starts, and from `before` when it is not NULL; the best point
 * seen counts, whatever NLopt's result code says. From 200 rows on both are fitted to 112 of them first, and the better one
 * to all, a few steps. A function of its arguments, to the bit.
 * known_noise: the reported variances are true and complete (scale 1, noise at its floor, neither has a prior). */
void gp_fit(const struct gp_data *data, bool known_noise, const struct gp_hyper *before, struct gp_fit *out);

/* That log posterior and its gradient, for gp_fit and its tests. log_theta [d + GP_OTHERS]: ln of length [d], then what the
 * enum says, the mean itself; gradient the same, 0 where known_noise leaves no choice, may be NULL. -INFINITY when no jitter helps. */
double gp_log_posterior(const struct gp_data *data, enum kernel_shape shape, bool known_noise,
                        const double *log_theta, double *gradient);

/* `count` other hyperparameters that the data bear out as well as *best, of gp_fit with these rows or some of them: draws from Laplace's
 * approximation of the posterior (normal, its precision the curvature at the maximum; MacKay, Neural Computation 4, 1992),
 * in standard deviations of the priors at most two of these away, and within the bounds above. The shape stays; each has the
 * mean that is best with it. Costs 2 (d + 7) gradients. */
struct rng;
void gp_spread(const struct gp_data *data, bool known_noise, const struct gp_hyper *best, int count,
               struct rng *rng, struct gp_hyper *out);

struct gp;

struct gp *gp_create(int d, int capacity, const struct gp_hyper *hyper);
void gp_destroy(struct gp *gp);
int gp_n(const struct gp *gp);
double gp_jitter(const struct gp *gp);

/* The rows of `data` instead of all that was there: one factorisation. */
void gp_condition(struct gp *gp, const struct gp_data *data);
/* One more row; capacity grows. A row at the place of another (replicate) is fine. */
void gp_append(struct gp *gp, const double *x, double y, double variance);
void gp_truncate(struct gp *gp, int n);

/* Posterior of the noise-free function at q points x [q][d]: mean [q], sd [q] >= 1e-9 (either may be NULL; the mean alone costs O(n d)
 * a point). One point and many are computed by other means: equal to rounding, not to the bit. */
void gp_predict(const struct gp *gp, int q, const double *x, double *mean, double *sd);
/* At one point, with gradients [d]; sd and its gradient may be NULL together. sd has no gradient where it is at its floor: 0. */
void gp_predict_gradient(const struct gp *gp, const double *x, double *mean, double *sd,
                         double *mean_gradient, double *sd_gradient);
/* Posterior mean and covariance [q][q] of q points together. */
void gp_predict_joint(const struct gp *gp, int q, const double *x, double *mean, double *covariance);
/* s draws of the function at q points together: out [s][q] from normals [s][q] (independent N(0,1)), by the Cholesky
 * factor of the joint covariance. */
void gp_sample(const struct gp *gp, int q, const double *x, int s, const double *normals, double *out);

/* Of every row [n]: what its y is off the prediction of the others, and that prediction's sd, noise included. Rasmussen and
 * Williams 2006, eqs. 5.10 to 5.12. */
void gp_leave_one_out(const struct gp *gp, double *residual, double *sd);

/* For the noisy acquisition: the function is taken to be known (noise-free) at q points, where draw i says values [s][q].
 * The variance after that is one for all draws; each draw has its own weights. Borrows gp, which must not change as long as
 * the draws are asked (asserted). */
struct gp_draws;
struct gp_draws *gp_draws_create(const struct gp *gp, int q, const double *x, int s, const double *values);
void gp_draws_destroy(struct gp_draws *draws);
/* mean [s], sd (one), and gradients: mean_gradient [s][d], sd_gradient [d]; gradients may be NULL together. */
void gp_draws_predict(const struct gp_draws *draws, const double *x, double *mean, double *sd,
                      double *mean_gradient, double *sd_gradient);

#endif
