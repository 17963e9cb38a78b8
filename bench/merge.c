/* Figures of the merge on generated weights; bench/merge.sh builds and runs it. One JSON object a line.
 *
 *   merge memory [MIB]   bf16, f16 and f32 pairs of MIB (default 256) a checkpoint, one thread, every kernel:
 *                        {"what":"memcpy","best_gbs","median_gbs"} and
 *                        {"what":"bf16 nearest","kernel":"avx512","effect":true,"best_gbs","median_gbs","of_copy"};
 *                        bytes read + written; of_copy = best / best of memcpy, which runs in the same rounds
 *   merge again DIR      a generated model (written to DIR, which must not exist, and removed), loaded as the native
 *                        evaluator does: {"what":"again","groups":K,"full_ms","one_ms","part","target"}; one_ms: mean
 *                        over the groups of loading again after that one changed; part = one_ms / full_ms; target 1.2 / K
 *
 * Times are the least of several runs: what else the machine does can only add to them. */
#include "merge/kernel.h"
#include "merge/plan.h"
#include "proto/mem.h"
#include "proto/rng.h"
#include "worker/model.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 7

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void check(int rc, const struct err *err)
{
    if (rc) {
        fprintf(stderr, "merge: %s\n", err->text);
        exit(1);
    }
}

/* ---- memory ---- */

struct run {
    const char *what; /* NULL: memcpy */
    enum st_dtype dtype;
    enum spec_rounding rounding;
    bool effect;
    const struct merge_kernel *kernel;
    double gbs[ROUNDS];
};

/* Weights of a real size, updates of a few per cent. */
static void fill(enum st_dtype dtype, void *base, void *tuned, size_t bytes)
{
    struct rng rng;
    size_t size = st_dtype_bits(dtype) / 8, n = bytes / size;
    float b[4096], t[4096];
    rng_seed(&rng, 1, 0);
    for (size_t i = 0; i < n; i += 4096) {
        size_t some = n - i < 4096 ? n - i : 4096;
        for (size_t j = 0; j < some; j++) {
            b[j] = 0.04f * ((float)rng_uniform(&rng) - 0.5f);
            t[j] = b[j] + 0.001f * ((float)rng_uniform(&rng) - 0.5f);
        }
        merge_kernel_best()->narrow(dtype, b, some, (char *)base + i * size);
        merge_kernel_best()->narrow(dtype, t, some, (char *)tuned + i * size);
    }
}

static double time_run(const struct run *run, void *base, void *tuned, void *out, size_t bytes)
{
    struct merge_how how = {.rounding = run->rounding, .seed = 1};
    uint64_t n = bytes / (st_dtype_bits(run->dtype) / 8);
    struct st_tensor b = {.name = "w",
                          .dtype = run->dtype,
                          .rank = 1,
                          .shape = {n},
                          .elements = n,
                          .data = base,
                          .bytes = bytes};
    struct st_tensor t = b;
    struct merge_effect effect = {0};
    struct merge_task task;
    struct err err = {0};
    double ratio = 0.35, start = now_s();
    t.data = tuned;
    if (!run->what) {
        memcpy(out, base, bytes);
        return 2 * (double)bytes / (now_s() - start) / 1e9;
    }
    check(merge_begin(&task, &b, &t, &how, &err), &err);
    task.kernel = run->kernel;
    check(merge_span(&task, base, tuned, 0, n, 1, &ratio, &out, run->effect ? &effect : NULL, &err), &err);
    return 3 * (double)bytes / (now_s() - start) / 1e9;
}

static void print_run(const struct run *run, double copy)
{
    double best = run->gbs[ROUNDS - 1], median = run->gbs[ROUNDS / 2];
    if (!run->what)
        printf("{\"what\":\"memcpy\",\"best_gbs\":%.2f,\"median_gbs\":%.2f}\n", best, median);
    else
        printf("{\"what\":\"%s\",\"kernel\":\"%s\",\"effect\":%s,\"best_gbs\":%.2f,\"median_gbs\":%.2f,"
               "\"of_copy\":%.3f}\n",
               run->what, run->kernel->name, run->effect ? "true" : "false", best, median, best / copy);
    fflush(stdout);
}

static void memory_dtype(enum st_dtype dtype, const char *const what[2], size_t bytes, void *const buffers[3])
{
    const struct merge_kernel *kernels[4];
    size_t kernels_n = merge_kernel_list(kernels, 4), n = 1;
    struct run runs[1 + 4 * 4] = {{.what = NULL}};
    for (size_t k = 0; k < kernels_n; k++) {
        for (int r = 0; r < 2 && what[r]; r++) {
            for (int e = 0; e < 2; e++)
                runs[n++] = (struct run){.what = what[r],
                                         .dtype = dtype,
                                         .rounding = r ? ROUND_STOCHASTIC : ROUND_NEAREST,
                                         .effect = e,
                                         .kernel = kernels[k]};
        }
    }
    fill(dtype, buffers[0], buffers[1], bytes);
    for (int round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < n; i++)
            runs[i].gbs[round] = time_run(&runs[i], buffers[0], buffers[1], buffers[2], bytes);
    }
    for (size_t i = 0; i < n; i++)
        qsort(runs[i].gbs, ROUNDS, sizeof *runs[i].gbs, compare);
    for (size_t i = 0; i < n; i++)
        print_run(&runs[i], runs[0].gbs[ROUNDS - 1]);
}

static int memory(size_t mib)
{
    static const char *const bf16[] = {"bf16 nearest", "bf16 stochastic"};
    static const char *const f16[] = {"f16 nearest", "f16 stochastic"}, *const f32[] = {"f32", NULL};
    size_t bytes = mib << 20;
    void *buffers[3];
    for (int i = 0; i < 3; i++) {
        buffers[i] = aligned_alloc(4096, bytes);
        if (!buffers[i]) {
            fprintf(stderr, "merge: no memory for 3 times %zu MiB\n", mib);
            return 1;
        }
        memset(buffers[i], 1, bytes);
    }
    memory_dtype(ST_BF16, bf16, bytes, buffers);
    memory_dtype(ST_F16, f16, bytes, buffers);
    memory_dtype(ST_F32, f32, bytes, buffers);
    for (int i = 0; i < 3; i++)
        free(buffers[i]);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc >= 2 && strcmp(argv[1], "memory") == 0) {
        long mib = argc > 2 ? strtol(argv[2], NULL, 10) : 256;
        return mib > 0 && mib <= 65536 ? memory((size_t)mib) : 2;
    }
    fprintf(stderr, "usage: merge memory [MIB] | merge again DIR\n");
    return 2;
}
