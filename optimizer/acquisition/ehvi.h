/* WHAT   The logarithm of the expected hypervolume improvement of one point whose objectives are independent normals, exactly.
 * WHO    acquisition/, insight/.
 * UNITS  Minimised; mean, sd: [m], sd > 0.
 * MEMORY The caller's.
 * ERRORS None: finite for every finite argument, however far behind the front the point lies.
 * STATE  None.
 *
 * EHVI = sum over boxes b of prod_j [psi_j(upper_bj) - psi_j(lower_bj)],  psi_j(c) = sd_j h((c - mean_j) / sd_j),
 * h(z) = phi(z) + z Phi(z), psi(-inf) = 0: Yang, Emmerich, Deutz and Bäck, J. Global Optimization 75, 2019; in logarithms after
 * Ament et al., "Unexpected improvements to expected improvement", NeurIPS 2023. */
#ifndef OPTIMIZER_ACQUISITION_EHVI_H
#define OPTIMIZER_ACQUISITION_EHVI_H

#include "optimizer/acquisition/boxes.h"

/* d_mean, d_sd: [m], derivatives of the logarithm; both NULL: the value alone. */
double ehvi_log(const struct boxes *boxes, const double *mean, const double *sd, double *d_mean,
                double *d_sd);

/* ln h(z) and its derivative Phi(z) / h(z), without cancellation for z from -1e9 to 1e9. */
double ehvi_log_h(double z, double *derivative);

#endif
