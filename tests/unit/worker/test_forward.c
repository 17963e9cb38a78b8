/* The forward pass against transformers in float32, and against itself cut up in other ways. */
#include "worker/forward.h"

#include "fixtures.h"
#include "proto/rng.h"

#include <math.h>

#define REFERENCE FIXTURES "reference/logits.safetensors"
#define AGREE 1e-4 /* largest difference from PyTorch's float32 */

static void open_forward(const struct model *model, struct forward **out)
{
    forward_open(model, kernel_best(), 256, 16, 128, out);
}

/* Logits of all tokens of one sequence: [n][columns]. The caller's. */
static float *run_alone(struct forward *f, const int32_t *ids, int n)
{
    size_t columns = (size_t)forward_columns(f);
    float *out = mem_zero((size_t)n * columns, sizeof *out);
    struct err err = {0};
    check(forward_run(f, &(struct segment){.n = n, .ids = ids}, 1, NULL, &err), &err);
    for (int r = 0; r < n; r++)
        forward_logits(f, &r, 1, out + (size_t)r * columns);
    return out;
}

/* Compares all "<name>.<i>" references with the model; returns the largest difference. */
static double compare(const struct model *model, const char *path, const char *name, const char *what)
{
    struct st_file *file;
    struct err err = {0};
    struct forward *f;
    check(st_open(path, &file, &err), &err);
    open_forward(model, &f);
    double worst = 0;
    int i = 0;
    size_t n, values_n = 0;
    for (int32_t *ids; (ids = read_ids(file, name, i, &n)); i++) {
        float *right = read_reference(file, name, i, what, &values_n);
        assert_non_null(right);
        float *got = run_alone(f, ids, (int)n);
        size_t skip = n * (size_t)forward_columns(f) - values_n; /* a score stands for the last token alone */
        assert_true(values_n <= n * (size_t)forward_columns(f));
        for (size_t j = 0; j < values_n; j++) {
            assert_true(isfinite(got[skip + j])); /* fmax would pass over a NaN */
            worst = fmax(worst, fabs((double)got[skip + j] - right[j]));
        }
        mem_free(got);
        mem_free(right);
        mem_free(ids);
    }
    assert_true(i > 0);
    print_message("%s: %d sequences, largest difference from PyTorch %.3g\n", name, i, worst);
    forward_close(f);
    st_close(file);
    return worst;
}

static void test_logits_of_checkpoints(void **state)
{
    (void)state;
    static const char *const names[] = {"base", "tuned-rsf"};
    for (size_t i = 0; i < 2; i++) {
        struct model *model = open_model(names[i], HEAD_LANGUAGE);
        assert_true(compare(model, REFERENCE, names[i], "logits") < AGREE);
        model_close(model);
    }
}

static void test_logits_of_a_merge(void **state)
{
    (void)state;
    struct checkpoint *base, *tuned;
    struct search_spec spec;
    struct plan *plan;
    struct model *model;
    struct err err = {0};
    double ratios[] = {0.5, 0.5, 0.5};
    open_spec(NULL, &spec);
    check(checkpoint_open(spec.base, &base, &err), &err);
    check(checkpoint_open(spec.tuned, &tuned, &err), &err);
    check(plan_make(&spec, base, tuned, &plan, &err), &err);
    check(model_open(base, HEAD_LANGUAGE, &model, &err), &err);
    check(model_load(model, &(struct weights){.base = base, .tuned = tuned, .plan = plan, .ratios = ratios},
                     NULL, &err),
          &err);
    assert_true(compare(model, REFERENCE, "merge-0.5", "logits") < AGREE);
    model_close(model);
    plan_free(plan);
    checkpoint_close(tuned);
    checkpoint_close(base);
    search_spec_fini(&spec);
}

static void test_scores_of_the_reward_model(void **state)
{
    (void)state;
    struct model *model = open_model("reward", HEAD_SCORE);
    assert_true(compare(model, REFERENCE, "reward", "score") < AGREE);
    model_close(model);
}

/* Biases, a tied head, grouped heads of odd widths, stretched rotary angles: see tests/golden/worker/families.py. */
static void test_logits_of_other_families(void **state)
{
    (void)state;
    static const char *const names[] = {"llama", "mistral", "qwen2"};
    for (size_t i = 0; i < 3; i++) {
        char *folder = mem_printf(TEST_SOURCE_DIR "/tests/golden/worker/%s", names[i]);
        char *path = mem_printf("%s/logits.safetensors", folder);
        struct model *model = open_model_at(folder, HEAD_LANGUAGE);
        assert_true(compare(model, path, names[i], "logits") < AGREE);
        model_close(model);
        mem_free(path);
        mem_free(folder);
    }
}

static void draw_ids(struct rng *rng, int vocab, int32_t *ids, int n)
{
    for (int i = 0; i < n; i++)
        ids[i] = (int32_t)(rng_uniform(rng) * vocab);
}

/* Sequences computed together, in pieces, and token by token give the bits that each gives alone. */
static void test_same_bits_however_it_is_cut(void **state)
{
    (void)state;
    enum { LONG = 75, SHORT = 33, CUT = 20 };
    struct model *model = open_model("base", HEAD_LANGUAGE);
    struct forward *f;
    struct err err = {0};
    struct rng rng;
    int32_t a[LONG], b[SHORT];
    open_forward(model, &f);
    size_t columns = (size_t)forward_columns(f);
    rng_seed(&rng, 3, 0);
    draw_ids(&rng, model->config.vocab, a, LONG);
    draw_ids(&rng, model->config.vocab, b, SHORT);
    float *alone_a = run_alone(f, a, LONG), *alone_b = run_alone(f, b, SHORT), got[FORWARD_LOGIT_ROWS * 4096];
    assert_true(columns <= 4096);

    struct segment first[] = {{.slot = 3, .n = CUT, .ids = a}, {.slot = 9, .n = SHORT, .ids = b}};
    check(forward_run(f, first, 2, NULL, &err), &err);
    int rows[] = {CUT - 1, CUT + SHORT - 1};
    forward_logits(f, rows, 2, got);
    assert_memory_equal(got, alone_a + (CUT - 1) * columns, columns * sizeof *got);
    assert_memory_equal(got + columns, alone_b + (SHORT - 1) * columns, columns * sizeof *got);

    for (int t = CUT; t < LONG - 30; t++) { /* one token at a time, beside another sequence */
        struct segment next[] = {{.slot = 0, .n = SHORT, .ids = b},
                                 {.slot = 3, .prefix = t, .first = t, .n = 1, .ids = a + t}};
        check(forward_run(f, next, 2, NULL, &err), &err);
        forward_logits(f, &(int){SHORT}, 1, got);
        assert_memory_equal(got, alone_a + (size_t)t * columns, columns * sizeof *got);
    }
    struct segment rest = {.slot = 3, .prefix = LONG - 30, .first = LONG - 30, .n = 30, .ids = a + LONG - 30};
    check(forward_run(f, &rest, 1, NULL, &err), &err);
    forward_logits(f, &(int){29}, 1, got);
    assert_memory_equal(got, alone_a + (LONG - 1) * columns, columns * sizeof *got);
    mem_free(alone_a);
    mem_free(alone_b);
    forward_close(f);
    model_close(model);
}

/* Branches behind a shared prompt give the bits of prompt + branch computed alone. */
static void test_branches_do_not_see_each_other(void **state)
{
    (void)state;
    enum { PROMPT = 37, BRANCH = 5, BRANCHES = 3 };
    struct model *model = open_model("base", HEAD_LANGUAGE);
    struct forward *f;
    struct err err = {0};
    struct rng rng;
    int32_t ids[PROMPT + BRANCH], branch[BRANCHES][BRANCH];
    open_forward(model, &f);
    size_t columns = (size_t)forward_columns(f);
    rng_seed(&rng, 4, 0);
    draw_ids(&rng, model->config.vocab, ids, PROMPT);
    struct segment segments[1 + BRANCHES] = {{.n = PROMPT, .ids = ids}};
    for (int b = 0; b < BRANCHES; b++) {
        draw_ids(&rng, model->config.vocab, branch[b], BRANCH);
        segments[1 + b] = (struct segment){0, PROMPT, PROMPT + b * BRANCH, BRANCH, branch[b]};
    }
    check(forward_run(f, segments, 1 + BRANCHES, NULL, &err), &err);
    float *shared = mem_zero(BRANCHES * columns, sizeof *shared);
    for (int b = 0; b < BRANCHES; b++)
        forward_logits(f, &(int){PROMPT + (b + 1) * BRANCH - 1}, 1, shared + (size_t)b * columns);
    for (int b = 0; b < BRANCHES; b++) {
        memcpy(ids + PROMPT, branch[b], sizeof branch[b]);
        float *alone = run_alone(f, ids, PROMPT + BRANCH);
        assert_memory_equal(alone + (PROMPT + BRANCH - 1) * columns, shared + (size_t)b * columns,
                            columns * sizeof *alone);
        mem_free(alone);
    }
    mem_free(shared);
    forward_close(f);
    model_close(model);
}

static void test_all_kernels_give_the_same_logits(void **state)
{
    (void)state;
    const struct kernel *kernels[4];
    struct model *model = open_model("base", HEAD_LANGUAGE);
    float *first = NULL;
    const int32_t ids[] = {1, 20, 300, 7};
    for (size_t k = 0, n = kernel_list(kernels, 4); k < n; k++) {
        struct forward *f;
        forward_open(model, kernels[k], 8, 1, 32, &f);
        float *logits = run_alone(f, ids, 4);
        if (k)
            assert_memory_equal(logits, first, 4 * (size_t)forward_columns(f) * sizeof *logits);
        mem_free(k ? logits : NULL);
        first = k ? first : logits;
        forward_close(f);
    }
    mem_free(first);
    model_close(model);
}

static void test_cancel(void **state)
{
    (void)state;
    struct model *model = open_model("base", HEAD_LANGUAGE);
    struct forward *f;
    struct err err = {0};
    struct stop stop;
    atomic_bool cancel = true;
    open_forward(model, &f);
    stop_init(&stop, &cancel, 0);
    struct segment one = {.n = 1, .ids = &(int32_t){1}};
    assert_int_equal(forward_run(f, &one, 1, &stop, &err), ERR_CANCELLED);
    cancel = false;
    assert_int_equal(forward_run(f, &one, 1, &stop, &err), 0);
    forward_close(f);
    model_close(model);
}

static void test_cache_is_bounded(void **state)
{
    (void)state;
    struct model *model = open_model("base", HEAD_LANGUAGE);
    struct forward *f;
    forward_open(model, kernel_best(), 8, 1 << 20, 256, &f);
    assert_true(forward_slots(f) > 1 && forward_slots(f) < 1 << 20);
    forward_close(f);
    model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_logits_of_checkpoints),
        cmocka_unit_test(test_logits_of_a_merge),
        cmocka_unit_test(test_scores_of_the_reward_model),
        cmocka_unit_test(test_logits_of_other_families),
        cmocka_unit_test(test_same_bits_however_it_is_cut),
        cmocka_unit_test(test_branches_do_not_see_each_other),
        cmocka_unit_test(test_all_kernels_give_the_same_logits),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_cache_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
