#include "rtuning/certainty.h"

#include "proto/mem.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The greatest counts first: the sum is the same to the bit for equal counts, whichever answer came first. */
static int by_count(const void *a, const void *b)
{
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return (x < y) - (x > y);
}

double certainty_entropy(char *const *answers, size_t k)
{
    size_t *counts = mem_zero(k + 1, sizeof *counts), distinct = 0;
    double u = 0;
    assert(k > 0);
    for (size_t i = 0; i < k; i++) {
        size_t before = 0, n = 0;
        for (size_t j = 0; j < k; j++) {
            bool same = strcmp(answers[i], answers[j]) == 0;
            before += same && j < i;
            n += same;
        }
        if (!before) /* each distinct answer once */
            counts[distinct++] = n;
    }
    qsort(counts, distinct, sizeof *counts, by_count);
    for (size_t i = 0; i < distinct; i++) {
        double p = (double)counts[i] / (double)k;
        u -= p * log(p);
    }
    mem_free(counts);
    return u;
}

struct ranked {
    double entropy;
    size_t i;
};

static int by_entropy(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->entropy != y->entropy)
        return x->entropy < y->entropy ? -1 : 1;
    return (x->i > y->i) - (x->i < y->i);
}

int certainty_split(const double *entropy, size_t n, bool compat_code, bool *certain, size_t *torn,
                    struct err *err)
{
    struct ranked *ranked = mem_zero(n + 1, sizeof *ranked);
    size_t certain_n = compat_code ? n / 2 : n - n / 2, equals = 0;
    for (size_t i = 0; i < n; i++) {
        if (isnan(entropy[i])) {
            mem_free(ranked);
            return err_set(err, ERR_INVALID, "the entropy of question %zu is not a number", i);
        }
        ranked[i] = (struct ranked){entropy[i], i};
    }
    qsort(ranked, n, sizeof *ranked, by_entropy);
    for (size_t r = 0; r < n; r++)
        certain[ranked[r].i] = r < certain_n;
    if (certain_n && certain_n < n && ranked[certain_n - 1].entropy == ranked[certain_n].entropy)
        for (size_t r = 0; r < n; r++)
            equals += ranked[r].entropy == ranked[certain_n].entropy;
    if (torn)
        *torn = equals;
    mem_free(ranked);
    return 0;
}
