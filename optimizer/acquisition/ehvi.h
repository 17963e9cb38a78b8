/* WHAT   The expected hypervolume improvement of one point whose objectives are independent normals, exactly, and its logarithm.
 * WHO    acquisition/, insight/.
 * UNITS  Minimised; mean, sd: [m]; sd from 1e-30 to 1e30.
 * MEMORY The caller's.
 * ERRORS None: finite for every finite argument, however far behind the front the point lies.
 * STATE  None.
 *
 * EHVI = sum over boxes b of prod_j [psi_j(upper_bj) - psi_j(lower_bj)],  psi_j(c) = sd_j h((c - mean_j) / sd_j),
 * h(z) = phi(z) + z Phi(z), psi(-inf) = 0: Yang, Emmerich, Deutz and Bäck, J. Global Optimization 75, 2019; in logarithms after
 * Ament et al., "Unexpected improvements to expected improvement", NeurIPS 2023. d psi / d mean = -Phi, d psi / d sd = phi.
 *
 * Time: O(cuts + m boxes). Two ways to the same number: ehvi_value in plain arithmetic with a bound of its own rounding error, and
 * box by box in logarithms where that bound is not good enough. Weakness: in the logarithm of a point z standard
 * deviations behind, z^2 / 2 is rounded, so beyond z = 1e4 the weights of the boxes against one another are known to z^2 1e-16 only. */
#ifndef OPTIMIZER_ACQUISITION_EHVI_H
#define OPTIMIZER_ACQUISITION_EHVI_H

#include "optimizer/acquisition/boxes.h"

/* d_mean, d_sd: [m], derivatives of the logarithm; both NULL: the value alone. */
double ehvi_log(const struct boxes *boxes, const double *mean, const double *sd, double *d_mean,
                double *d_sd);

/* The improvement itself, its derivatives, and a bound of the rounding error of the value. 0 where it underflows; the bound
 * does not tell of that, so believe in no value under EHVI_LEAST. */
double ehvi_value(const struct boxes *boxes, const double *mean, const double *sd, double *d_mean,
                  double *d_sd, double *error);

#define EHVI_LEAST 1e-200         /* ehvi_value is good above this … */
#define EHVI_RELATIVE_ERROR 1e-10 /* … and when error / value is under this */

/* ln h(z) and its derivative Phi(z) / h(z) (may be NULL), without cancellation for z from -1e30 to 1e30; beyond, as there. */
double ehvi_log_h(double z, double *derivative);

#endif
