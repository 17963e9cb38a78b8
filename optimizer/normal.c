#include "optimizer/normal.h"

#include <math.h>

void normal_fill(struct rng *rng, int n, double *out)
{
    for (int i = 0; i < n; i += 2) {
        double radius = sqrt(-2 * log(1 - rng_uniform(rng))), angle = 2 * M_PI * rng_uniform(rng);
        out[i] = radius * cos(angle);
        if (i + 1 < n)
            out[i + 1] = radius * sin(angle);
    }
}
