/* Exports of a pair, measured; bench/merge.sh builds and runs it. One JSON object on one line.
 *
 *   export BASE TUNED OUT [threads=2] [k=1] [runs=3] [scratch=0] [shard=BYTES] [dtype=same|F32] [rounding=nearest|stochastic]
 *
 * {"seconds": the least of the runs, "cpu_s" of that run, "rss_mib": most resident memory, "bytes" written}. The ratios
 * are 0.1 … 0.9 over eight groups; OUT-0 … must not exist and are removed after every run. scratch: without fsync. */
#include "merge/output/export.h"
#include "proto/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define TARGETS_MAX 64

static double seconds(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void check(int rc, const struct err *err)
{
    if (rc) {
        fprintf(stderr, "export: %s\n", err->text);
        exit(1);
    }
}

static const char *option(int argc, char **argv, const char *name, const char *otherwise)
{
    size_t n = strlen(name);
    for (int i = 4; i < argc; i++)
        if (strncmp(argv[i], name, n) == 0 && argv[i][n] == '=')
            return argv[i] + n + 1;
    return otherwise;
}

static int note(void *ctx, uint64_t done_bytes, uint64_t total_bytes)
{
    (void)done_bytes;
    *(uint64_t *)ctx = total_bytes;
    return 0;
}

int main(int argc, char **argv)
{
    struct err err = {0};
    struct checkpoint *base, *tuned;
    struct plan *plan;
    struct search_spec *spec = mem_zero(1, sizeof *spec);
    struct export_target targets[TARGETS_MAX] = {{0}};
    double best = 1e9, best_cpu = 0;
    uint64_t total = 0;
    if (argc < 4)
        return fputs("export BASE TUNED OUT [NAME=VALUE …]\n", stderr), 2;
    check(checkpoint_open(argv[1], &base, &err), &err);
    check(checkpoint_open(argv[2], &tuned, &err), &err);
    spec->grouping = GROUPING_COUNT;
    spec->groups_n = 2;
    check(plan_make(spec, base, tuned, &plan, &err), &err);
    size_t k = (size_t)atoi(option(argc, argv, "k", "1"));
    if (k < 1 || k > TARGETS_MAX)
        return 2;
    struct export_options options = {
        .shard_bytes = strtoull(option(argc, argv, "shard", "0"), NULL, 10),
        .threads = atoi(option(argc, argv, "threads", "2")),
        .scratch = atoi(option(argc, argv, "scratch", "0")),
        .how = {.rounding = strcmp(option(argc, argv, "rounding", ""), "stochastic") == 0 ? ROUND_STOCHASTIC
                                                                                          : ROUND_NEAREST,
                .dtype = strcmp(option(argc, argv, "dtype", ""), "F32") == 0 ? OUTPUT_F32 : OUTPUT_SAME}};
    for (size_t c = 0; c < k; c++) {
        double *ratios = mem_zero((size_t)plan->ratios_n, sizeof *ratios);
        for (int i = 0; i < plan->ratios_n; i++)
            ratios[i] = 0.1 + 0.8 * (double)(c + (size_t)i + 1) / (double)(k + (size_t)plan->ratios_n);
        targets[c] = (struct export_target){.directory = mem_printf("%s-%zu", argv[3], c), .ratios = ratios};
    }
    struct export_progress progress = {note, &total};
    for (int run = atoi(option(argc, argv, "runs", "3")); run > 0; run--) {
        double cpu = seconds(CLOCK_PROCESS_CPUTIME_ID), wall = seconds(CLOCK_MONOTONIC);
        check(export_checkpoints(base, tuned, plan, targets, k, &options, &progress, &err), &err);
        wall = seconds(CLOCK_MONOTONIC) - wall;
        cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
        if (wall < best)
            best = wall, best_cpu = cpu;
        for (size_t c = 0; c < k && !*option(argc, argv, "keep", ""); c++) {
            char *command = mem_printf("rm -rf '%s'", targets[c].directory);
            if (system(command) != 0)
                return 1;
            mem_free(command);
        }
    }
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("{\"seconds\":%.4f,\"cpu_s\":%.4f,\"rss_mib\":%.1f,\"bytes\":%llu}\n", best, best_cpu,
           (double)usage.ru_maxrss / 1024, (unsigned long long)total);
    return 0;
}
