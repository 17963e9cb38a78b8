/* WHAT   The posterior density of a Gaussian process's hyperparameters, with its gradient, at one place after another.
 * WHO    gp/fit.c, gp/spread.c.
 * UNITS  As gp.h. The optimiser's coordinates p [d + GP_MEAN] are standard deviations of the priors, so that where the data say
 *        nothing every coordinate is curved alike; the order is that of log_theta in gp.h.
 * MEMORY init/fini; the data are borrowed.
 * ERRORS -INFINITY where no jitter helps.
 * STATE  Room, and what the last evaluation left there. */
#ifndef OPTIMIZER_GP_DENSITY_H
#define OPTIMIZER_GP_DENSITY_H

#include "optimizer/gp/gp.h"

/* One data set and the room that an evaluation needs: three matrices, however many evaluations there are. */
struct density {
    struct gp_data data;
    bool known_noise;
    enum kernel_shape shape;
    int evaluations;
    double jitter;                 /* of the last evaluation */
    double *l, *inverse, *slope;   /* [n][n] */
    double *sums[POLYNOMIAL_SUMS]; /* [n][n]: of polynomial_sums, which no hyperparameter changes */
    double *ones, *y, *weights;    /* [n]: L^-1 1, L^-1 (y - mean), K^-1 (y - mean) */
    double *x, *product, *row_sum; /* [n][d] centred, [n][d], [n] */
};

void density_init(struct density *density, const struct gp_data *data, enum kernel_shape shape,
                  bool known_noise);
void density_fini(struct density *density);

/* ln of the density at *hyper; gradient [d + GP_OTHERS] with regard to log_theta, or NULL. profile: with the best mean, which is left
 * in hyper. */
double density_at(struct density *density, struct gp_hyper *hyper, bool profile, double *gradient);

/* Everything but the mean, which is 0. */
void density_hyper(const struct density *density, const double *p, struct gp_hyper *hyper);
void density_coordinates(const struct gp_hyper *hyper, int d, double *p);

/* Between which coordinates hyperparameters lie, by the bounds of gp.h: lower, upper [d + GP_MEAN]. */
void density_bounds(int d, double *lower, double *upper);

/* -ln of the density at p with the best mean, for nlopt_minimise; arg: a struct density. */
double density_value(void *arg, const double *p, double *gradient);

/* Where the priors of everything but lengths and mean have their modes; lengths are all `length`. */
struct gp_hyper density_usual(int d, double length);

#endif
