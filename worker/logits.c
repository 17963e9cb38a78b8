#include "worker/logits.h"

#include <math.h>

int logits_check(const float *logits, int n, struct err *err)
{
    for (int i = 0; i < n; i++) {
        if (!isfinite(logits[i]))
            return err_set(err, ERR_EVALUATOR,
                           "the merged model's logits are not finite (token %d); this merge is "
                           "not a working model",
                           i);
    }
    return 0;
}

int32_t logits_best(const float *logits, int n)
{
    int32_t best = 0;
    for (int32_t i = 1; i < n; i++) {
        if (logits[i] > logits[best])
            best = i;
    }
    return best;
}

/* scratch = exp((logits - largest) / temperature); returns the sum. Four strands shorten the chain of additions. */
static double exponents(const struct kernel *kernel, const float *logits, int n, double temperature,
                        float *scratch)
{
    float most = logits[logits_best(logits, n)], factor = (float)(1 / temperature);
    for (int i = 0; i < n; i++)
        scratch[i] = (logits[i] - most) * factor;
    kernel->exp((size_t)n, scratch, scratch);
    double strand[4] = {0};
    for (int i = 0; i < n; i++)
        strand[i & 3] += scratch[i];
    return (strand[0] + strand[1]) + (strand[2] + strand[3]);
}

double logits_logsum(const struct kernel *kernel, const float *logits, int n, float *scratch)
{
    double sum = exponents(kernel, logits, n, 1, scratch);
    return (double)logits[logits_best(logits, n)] + log(sum);
}

int32_t logits_draw(const struct kernel *kernel, const float *logits, int n, double temperature, double u,
                    float *scratch)
{
    double goal = u * exponents(kernel, logits, n, temperature, scratch), passed = 0;
    int32_t last = 0;
    for (int32_t i = 0; i < n; i++) {
        passed += scratch[i];
        if (scratch[i] > 0)
            last = i;
        if (passed > goal)
            return i;
    }
    return last; /* the sum of strands and this one differ in the last bits */
}
