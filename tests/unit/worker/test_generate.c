#include "worker/generate.h"

#include "fixtures.h"

#define N 20
#define MOST 24

struct made {
    int32_t ids[N][MOST];
    struct generation all[N];
};

static void run_in(struct forward *f, int tokens_n, double temperature, struct made *out,
                   const struct stop *stop, int expected)
{
    static const int32_t prompts[6] = {1, 105, 28, 131, 364, 163};
    struct generation_rules rules = {tokens_n, &(int32_t){2}, 1};
    struct err err = {0};
    for (int i = 0; i < N; i++) {
        out->all[i] = (struct generation){.rules = &rules,
                                          .prompt = prompts,
                                          .prompt_n = 3 + i % 4,
                                          .max_new = MOST - i % 3,
                                          .temperature = temperature,
                                          .made = out->ids[i]};
        rng_seed(&out->all[i].rng, 9, (uint64_t)i);
    }
    assert_int_equal(generate_run(f, out->all, N, stop, &err), expected);
}

static void run(struct forward *f, double temperature, struct made *out, const struct stop *stop,
                int expected)
{
    run_in(f, forward_columns(f), temperature, out, stop, expected);
}

static void compare(double temperature)
{
    struct model *model = open_model("base", HEAD_LANGUAGE);
    struct forward *one, *many;
    static struct made a, b;
    forward_open(model, kernel_best(), 64, 1, 64, &one);
    forward_open(model, kernel_best(), 64, 64, 64, &many);
    run(one, temperature, &a, NULL, 0);
    run(many, temperature, &b, NULL, 0);
    for (int i = 0; i < N; i++) {
        assert_int_equal(a.all[i].made_n, b.all[i].made_n);
        assert_memory_equal(a.ids[i], b.ids[i], (size_t)a.all[i].made_n * sizeof **a.ids);
        assert_true(a.all[i].made_n <= a.all[i].max_new);
        for (int j = 0; j < a.all[i].made_n; j++)
            assert_int_not_equal(a.ids[i][j], 2);
    }
    forward_close(one);
    forward_close(many);
    model_close(model);
}

static void test_greedy_is_the_same_in_any_batch(void **state)
{
    (void)state;
    compare(0);
}

static void test_sampled_is_the_same_in_any_batch(void **state)
{
    (void)state;
    compare(1.3);
}

/* Samples of one prompt share its keys, whether they begin together, beside one under way or in the seat of one that ended:
 * each is what it is alone. */
static void test_samples_that_share_a_prompt(void **state)
{
    enum { SAMPLES = 7 };
    static const int32_t prompts[3][40] = {{1, 105, 28, 131, 364}, {1, 105, 28, 131, 163}, {1, 7}};
    static const int prompt_n[3] = {5, 40, 1};
    static const int slots[] = {1, 3, 64};
    static int32_t alone[3 * SAMPLES][MOST], made[3 * SAMPLES][MOST];
    struct model *model = open_model("base", HEAD_LANGUAGE);
    struct forward *f;
    struct err err = {0};
    (void)state;
    for (size_t s = 0; s <= sizeof slots / sizeof *slots; s++) {
        struct generation all[3 * SAMPLES];
        forward_open(model, kernel_best(), 64, s ? slots[s - 1] : 1, 64, &f);
        struct generation_rules rules = {forward_columns(f), &(int32_t){2}, 1};
        for (int i = 0; i < 3 * SAMPLES; i++) {
            all[i] = (struct generation){.rules = &rules,
                                         .prompt = prompts[i / SAMPLES],
                                         .prompt_n = prompt_n[i / SAMPLES],
                                         .max_new = 3 + i * 5 % 17,
                                         .temperature = 1.2,
                                         .made = s ? made[i] : alone[i]};
            rng_seed(&all[i].rng, 9, (uint64_t)i);
            if (!s) /* each in a run of its own */
                check(generate_run(f, &all[i], 1, NULL, &err), &err);
        }
        if (s) {
            check(generate_run(f, all, 3 * SAMPLES, NULL, &err), &err);
            assert_memory_equal(made, alone, sizeof made);
            memset(made, 0, sizeof made);
        }
        forward_close(f);
    }
    model_close(model);
}

/* Greedy by hand: the whole sequence is run again for every token. */
static void test_greedy_takes_the_likeliest(void **state)
{
    (void)state;
    struct model *model = open_model("tuned-rsf", HEAD_LANGUAGE);
    struct forward *f;
    static struct made made;
    struct err err = {0};
    forward_open(model, kernel_best(), 64, 4, 64, &f);
    run(f, 0, &made, NULL, 0);
    float *logits = mem_zero((size_t)forward_columns(f), sizeof *logits);
    for (int i = 0; i < 4; i++) {
        struct generation *g = &made.all[i];
        int32_t ids[64];
        memcpy(ids, g->prompt, (size_t)g->prompt_n * sizeof *ids);
        memcpy(ids + g->prompt_n, g->made, (size_t)g->made_n * sizeof *ids);
        for (int j = 0; j < g->made_n; j++) {
            int n = g->prompt_n + j;
            check(forward_run(f, &(struct segment){.n = n, .ids = ids}, 1, NULL, &err), &err);
            forward_logits(f, &(int){n - 1}, 1, logits);
            for (int t = 0; t < forward_columns(f); t++)
                assert_true(logits[t] <= logits[g->made[j]]);
        }
    }
    mem_free(logits);
    forward_close(f);
    model_close(model);
}

/* A model may have more rows than the bundle has tokens: those are never chosen. */
static void test_tokens_beyond_the_vocabulary(void **state)
{
    (void)state;
    struct model *model = open_model("base", HEAD_LANGUAGE);
    struct forward *f;
    static struct made made;
    forward_open(model, kernel_best(), 64, 4, 64, &f);
    for (double temperature = 0; temperature < 3; temperature += 2.5) {
        run_in(f, 50, temperature, &made, NULL, 0);
        for (int i = 0; i < N; i++) {
            for (int j = 0; j < made.all[i].made_n; j++)
                assert_true(made.ids[i][j] < 50);
        }
    }
    forward_close(f);
    model_close(model);
}

static void test_cancel(void **state)
{
    (void)state;
    struct model *model = open_model("base", HEAD_LANGUAGE);
    struct forward *f;
    static struct made made;
    struct stop stop;
    atomic_bool cancel = true;
    stop_init(&stop, &cancel, 0);
    forward_open(model, kernel_best(), 64, 4, 64, &f);
    run(f, 0, &made, &stop, ERR_CANCELLED);
    forward_close(f);
    model_close(model);
}

/* Weights that are not finite end the evaluation with a sentence. */
static void test_broken_model(void **state)
{
    (void)state;
    struct model *model = open_model("base", HEAD_LANGUAGE);
    struct forward *f;
    static struct made made;
    model->norm[3] = 1.0f / 0.0f;
    forward_open(model, kernel_best(), 64, 4, 64, &f);
    run(f, 0, &made, NULL, ERR_EVALUATOR);
    forward_close(f);
    model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_greedy_is_the_same_in_any_batch),
        cmocka_unit_test(test_sampled_is_the_same_in_any_batch),
        cmocka_unit_test(test_samples_that_share_a_prompt),
        cmocka_unit_test(test_greedy_takes_the_likeliest),
        cmocka_unit_test(test_tokens_beyond_the_vocabulary),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_broken_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
