#include "optimizer/gp/density.h"
#include "optimizer/gp/linalg.h"
#include "optimizer/normal.h"
#include "proto/mem.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define STEP 1e-3      /* of the differences, in standard deviations of the priors */
#define ADD_FIRST 0.05 /* to the curvature where it is none, twice as much at each try */
#define FARTHEST 2.0

static double *doubles(int n, int m)
{
    return mem_zero((size_t)n * (size_t)m + 1, sizeof(double));
}

/* Of -ln density at p: out [n][n], symmetric, by central differences of the gradient. */
static void curvature(struct density *density, int n, double *p, double *out)
{
    double up[GP_THETA_MAX], down[GP_THETA_MAX];
    for (int i = 0; i < n; i++) {
        double kept = p[i];
        p[i] = kept + STEP;
        density_value(density, p, up);
        p[i] = kept - STEP;
        density_value(density, p, down);
        p[i] = kept;
        for (int j = 0; j < n; j++) {
            double half = (up[j] - down[j]) / (4 * STEP);
            out[i * n + j] += half;
            out[j * n + i] += half;
        }
    }
}

/* Cholesky factor of the curvature: at a bound, or where the descent was cut short, it need not be positive definite. */
static void factor(int n, const double *curvature, double *out)
{
    for (double add = 0;; add = add > 0 ? 2 * add : ADD_FIRST) {
        memcpy(out, curvature, sizeof *out * (size_t)n * (size_t)n);
        for (int i = 0; i < n; i++)
            out[i * n + i] += add;
        if (linalg_cholesky(n, out, n))
            return;
        assert(add <= 1e12); /* far beyond the curvature of any density that is a number */
    }
}

void gp_spread(const struct gp_data *data, bool known_noise, const struct gp_hyper *best, int count,
               struct rng *rng, struct gp_hyper *out)
{
    struct density density;
    int d = data->d, n = d + (known_noise ? GP_NOISE : GP_MEAN);
    double p[GP_THETA_MAX] = {0}, lower[GP_THETA_MAX], upper[GP_THETA_MAX], *curved = doubles(n, n),
           *l = doubles(n, n);
    density_init(&density, data, best->shape, known_noise);
    density_coordinates(best, d, p);
    density_bounds(d, lower, upper);
    curvature(&density, n, p, curved);
    factor(n, curved, l);
    for (int i = 0; i < count; i++) {
        double away[GP_THETA_MAX], place[GP_THETA_MAX];
        normal_fill(rng, n, away);
        linalg_solve_transposed(n, l, n, away);
        memcpy(place, p, sizeof place);
        for (int k = 0; k < n; k++)
            place[k] = fmin(fmax(p[k] + fmin(fmax(away[k], -FARTHEST), FARTHEST), lower[k]), upper[k]);
        density_hyper(&density, place, &out[i]);
        if (!isfinite(density_at(&density, &out[i], true, NULL)))
            out[i] = *best;
    }
    density_fini(&density);
    mem_free(curved);
    mem_free(l);
}
