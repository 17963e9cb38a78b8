#include "worker/kernel_internal.h"

#include <stdbool.h>

static bool runs(const struct kernel *kernel)
{
#if defined(__x86_64__)
    if (kernel == &kernel_avx512)
        return __builtin_cpu_supports("avx512f");
    if (kernel == &kernel_avx2)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
    return kernel == &kernel_plain;
}

size_t kernel_list(const struct kernel **out, size_t max)
{
    const struct kernel *const all[] = {
#if defined(__x86_64__)
        &kernel_avx512,
        &kernel_avx2,
#endif
        &kernel_plain,
    };
    size_t n = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all && n < max; i++) {
        if (runs(all[i]))
            out[n++] = all[i];
    }
    return n;
}

const struct kernel *kernel_best(void)
{
    const struct kernel *best = NULL;
    kernel_list(&best, 1);
    return best;
}
