#include "merge/kernel_internal.h"

#if defined(__x86_64__)
#include <cpuid.h>

/* Whether halves can be converted by the processor. Asked by hand: clang 14 knows no such name. */
static bool has_f16c(void)
{
    unsigned a, b, c, d;
    return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C) != 0;
}
#endif

static bool runs(const struct merge_kernel *kernel)
{
#if defined(__x86_64__)
    if (kernel == &merge_kernel_avx512)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512vl");
    if (kernel == &merge_kernel_avx2)
        return __builtin_cpu_supports("avx2") && has_f16c();
#endif
    return kernel == &merge_kernel_plain;
}

size_t merge_kernel_list(const struct merge_kernel **out, size_t max)
{
    const struct merge_kernel *const all[] = {
#if defined(__x86_64__)
        &merge_kernel_avx512,
        &merge_kernel_avx2,
#endif
        &merge_kernel_plain,
    };
    size_t n = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all && n < max; i++) {
        if (runs(all[i]))
            out[n++] = all[i];
    }
    return n;
}

const struct merge_kernel *merge_kernel_best(void)
{
    const struct merge_kernel *best = NULL;
    merge_kernel_list(&best, 1);
    return best;
}
