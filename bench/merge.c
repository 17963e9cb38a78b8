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
 * Times are those of the thread, the least of several runs: what else the machine does can only add to them. */
#include "merge/kernel.h"
#include "merge/plan/plan.h"
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

/* ---- again ---- */

#define LAYERS 26
#define HIDDEN 512
#define INNER 1408
#define VOCAB 2048

static const char *const directories[2] = {"base", "tuned"};

static char *joined(const char *directory, const char *name)
{
    return mem_printf("%s/%s", directory, name);
}

/* The tensors of one checkpoint of the generated model; all of them the first bytes of `data`. */
static size_t describe(struct st_tensor *out, char (*names)[64], const void *data)
{
    static const struct {
        const char *name;
        uint64_t rows, columns;
    } parts[] = {{"self_attn.q_proj", HIDDEN, HIDDEN},   {"self_attn.k_proj", HIDDEN, HIDDEN},
                 {"self_attn.v_proj", HIDDEN, HIDDEN},   {"self_attn.o_proj", HIDDEN, HIDDEN},
                 {"mlp.gate_proj", INNER, HIDDEN},       {"mlp.up_proj", INNER, HIDDEN},
                 {"mlp.down_proj", HIDDEN, INNER},       {"input_layernorm", 0, HIDDEN},
                 {"post_attention_layernorm", 0, HIDDEN}};
    size_t n = 0;
    snprintf(names[n], 64, "model.embed_tokens.weight");
    out[n++] = (struct st_tensor){.rank = 2, .shape = {VOCAB, HIDDEN}};
    snprintf(names[n], 64, "lm_head.weight");
    out[n++] = (struct st_tensor){.rank = 2, .shape = {VOCAB, HIDDEN}};
    snprintf(names[n], 64, "model.norm.weight");
    out[n++] = (struct st_tensor){.rank = 1, .shape = {HIDDEN}};
    for (int layer = 0; layer < LAYERS; layer++) {
        for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
            bool matrix = parts[i].rows > 0;
            snprintf(names[n], 64, "model.layers.%d.%s.weight", layer, parts[i].name);
            out[n++] = (struct st_tensor){
                .rank = matrix ? 2 : 1,
                .shape = {matrix ? parts[i].rows : parts[i].columns, matrix ? parts[i].columns : 0}};
        }
    }
    for (size_t i = 0; i < n; i++) {
        out[i].name = names[i];
        out[i].dtype = ST_BF16;
        out[i].elements = out[i].rank == 2 ? out[i].shape[0] * out[i].shape[1] : out[i].shape[0];
        out[i].bytes = out[i].elements * 2;
        out[i].data = data;
    }
    return n;
}

static void write_checkpoint(const char *directory, const void *data)
{
    static struct st_tensor tensors[3 + 9 * LAYERS];
    static char names[3 + 9 * LAYERS][64];
    struct err err = {0};
    char *config = joined(directory, "config.json"), *weights = joined(directory, "model.safetensors");
    if (mkdir(directory, 0777)) {
        fprintf(stderr, "merge: %s: %s\n", directory, strerror(errno));
        exit(1);
    }
    FILE *file = fopen(config, "w");
    if (file) {
        fprintf(file,
                "{\"model_type\":\"llama\",\"num_hidden_layers\":%d,\"hidden_size\":%d,"
                "\"num_attention_heads\":8,\"intermediate_size\":%d,\"vocab_size\":%d}",
                LAYERS, HIDDEN, INNER, VOCAB);
        fclose(file);
    }
    check(st_write(weights, tensors, describe(tensors, names, data), &err), &err);
    mem_free(config);
    mem_free(weights);
}

static void remove_checkpoint(const char *directory)
{
    char *config = joined(directory, "config.json"), *weights = joined(directory, "model.safetensors");
    unlink(config);
    unlink(weights);
    rmdir(directory);
    mem_free(config);
    mem_free(weights);
}

static double load_ms(struct model *model, const struct weights *weights)
{
    struct err err = {0};
    double start = now_s();
    check(model_load(model, weights, NULL, &err), &err);
    return (now_s() - start) * 1e3;
}

/* Each ratio moves back and forth between two values; the others stand. */
static double one_changed_ms(struct model *model, struct weights *weights, double *ratios, int groups)
{
    double sum = 0;
    for (int g = 0; g < groups; g++) {
        double least = INFINITY;
        for (int round = 0; round < 3; round++) {
            ratios[g] = ratios[g] == 0.35 ? 0.6 : 0.35;
            double ms = load_ms(model, weights);
            least = ms < least ? ms : least;
        }
        sum += least;
    }
    return sum / groups;
}

static void again_groups(const struct checkpoint *base, const struct checkpoint *tuned, struct model *model,
                         int groups)
{
    struct search_spec spec = {.grouping = GROUPING_COUNT, .groups_n = groups, .ends = ENDS_FOLLOW};
    struct plan *plan;
    struct err err = {0};
    double ratios[LAYERS], full = INFINITY;
    check(plan_make(&spec, base, tuned, &plan, &err), &err);
    struct weights weights = {.base = base, .tuned = tuned, .plan = plan, .ratios = ratios};
    weights.effects = mem_zero(plan->entries_n, sizeof *weights.effects);
    for (int round = 0; round < 5; round++) {
        for (int g = 0; g < groups; g++)
            ratios[g] = round % 2 ? 0.35 : 0.6;
        weights.base_id.low = (uint64_t)(round + 1); /* so that nothing is kept */
        double ms = load_ms(model, &weights);
        full = ms < full ? ms : full;
    }
    double one = one_changed_ms(model, &weights, ratios, groups);
    printf(
        "{\"what\":\"again\",\"groups\":%d,\"full_ms\":%.2f,\"one_ms\":%.3f,\"part\":%.4f,\"target\":%.4f}\n",
        groups, full, one, one / full, 1.2 / groups);
    fflush(stdout);
    mem_free(weights.effects);
    plan_free(plan);
}

static int again(const char *directory)
{
    struct checkpoint *ckpt[2];
    struct model *model;
    struct err err = {0};
    char *paths[2];
    size_t bytes = (size_t)VOCAB * HIDDEN * 2;
    void *data[2] = {malloc(bytes), malloc(bytes)};
    if (!data[0] || !data[1] || mkdir(directory, 0777)) {
        fprintf(stderr, "merge: %s: %s\n", directory, strerror(errno));
        return 1;
    }
    fill(ST_BF16, data[0], data[1], bytes);
    for (int i = 0; i < 2; i++) {
        paths[i] = joined(directory, directories[i]);
        write_checkpoint(paths[i], data[i]);
        check(checkpoint_open(paths[i], &ckpt[i], &err), &err);
        free(data[i]);
    }
    check(model_open(ckpt[0], HEAD_LANGUAGE, &model, &err), &err);
    static const int groups[] = {3, 8, 26};
    for (int i = 0; i < 3; i++)
        again_groups(ckpt[0], ckpt[1], model, groups[i]);
    model_close(model);
    for (int i = 0; i < 2; i++) {
        checkpoint_close(ckpt[i]);
        remove_checkpoint(paths[i]);
        mem_free(paths[i]);
    }
    rmdir(directory);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc >= 2 && strcmp(argv[1], "memory") == 0) {
        long mib = argc > 2 ? strtol(argv[2], NULL, 10) : 256;
        return mib > 0 && mib <= 65536 ? memory((size_t)mib) : 2;
    }
    if (argc == 3 && strcmp(argv[1], "again") == 0)
        return again(argv[2]);
    fprintf(stderr, "usage: merge memory [MIB] | merge again DIR\n");
    return 2;
}
