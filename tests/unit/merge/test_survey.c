/* One pass over a pair: the digests, sums and effective ratios are those of looking at each tensor alone. */
#include "fixture.h"

#include "merge/preflight/survey.h"
#include "proto/rng.h"

#include <math.h>

#define N 100000 /* elements a tensor: more than a bite, no whole number of blocks */

struct world {
    char *root;
    uint16_t *data[2][3]; /* BF16, of base and tuned; tensors "embed", layer 0, layer 1 */
    struct checkpoint *base, *tuned;
    struct search_spec *spec;
    struct plan *plan;
};

static const char *const names[] = {"model.embed_tokens.weight", "model.layers.0.w", "model.layers.1.w"};

static uint16_t bf16(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return (uint16_t)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

static struct checkpoint *write_side(struct world *world, int side)
{
    struct st_tensor tensors[4];
    static const int64_t positions[3] = {1, 2, 3};
    for (int i = 0; i < 3; i++)
        tensors[i] = (struct st_tensor){.name = names[i],
                                        .dtype = ST_BF16,
                                        .rank = 1,
                                        .shape = {N},
                                        .elements = N,
                                        .data = world->data[side][i],
                                        .bytes = 2 * N};
    tensors[3] = (struct st_tensor){.name = "model.layers.0.positions",
                                    .dtype = ST_I64,
                                    .rank = 1,
                                    .shape = {3},
                                    .elements = 3,
                                    .data = positions,
                                    .bytes = 24};
    struct err err = {0};
    struct checkpoint *ckpt;
    char *directory = mem_printf("%s/%s", world->root, side ? "tuned" : "base");
    char *path = mem_printf("%s/model.safetensors", directory);
    mkdir(directory, 0777);
    fixture_text(directory, "config.json", "{\"model_type\":\"llama\"}");
    if (st_write(path, tensors, 4, &err) || checkpoint_open(directory, &ckpt, &err))
        fail_msg("%s", err.text);
    mem_free(directory);
    mem_free(path);
    return ckpt;
}

/* Weights as those of a model, updates near the steps of bf16; layer 1 has none. */
static int begin(void **state)
{
    struct world *world = mem_zero(1, sizeof *world);
    struct rng rng;
    struct err err = {0};
    rng_seed(&rng, 5, 0);
    world->root = fixture_directory();
    for (int i = 0; i < 3; i++) {
        world->data[0][i] = mem_zero(N, 2);
        world->data[1][i] = mem_zero(N, 2);
        for (size_t k = 0; k < N; k++) {
            float w = (float)rng_uniform(&rng) * 0.04f - 0.02f;
            float update = i == 2 ? 0 : ((float)rng_uniform(&rng) - 0.5f) * 1e-4f;
            world->data[0][i][k] = bf16(w);
            world->data[1][i][k] = bf16(w + update);
        }
    }
    for (size_t k = 0; k < N; k++)
        world->data[1][2][k] = world->data[0][2][k];
    world->base = write_side(world, 0);
    world->tuned = write_side(world, 1);
    world->spec = mem_zero(1, sizeof *world->spec);
    world->spec->grouping = GROUPING_COUNT;
    world->spec->groups_n = 2;
    if (plan_make(world->spec, world->base, world->tuned, &world->plan, &err))
        fail_msg("%s", err.text);
    *state = world;
    return 0;
}

static int end(void **state)
{
    struct world *world = *state;
    plan_free(world->plan);
    checkpoint_close(world->base);
    checkpoint_close(world->tuned);
    for (int i = 0; i < 6; i++)
        mem_free(world->data[i / 3][i % 3]);
    fixture_remove(world->root);
    mem_free(world->spec);
    mem_free(world);
    return 0;
}

static const struct survey *survey_of(const struct world *world, uint64_t seed, int threads)
{
    const struct survey *survey;
    struct err err = {0};
    struct merge_how how = {.seed = seed};
    if (survey_hold(world->base, world->tuned, world->plan, &how, SURVEY_SAMPLE_N, threads, NULL, &survey,
                    &err))
        fail_msg("%s", err.text);
    return survey;
}

static void test_digests(void **state)
{
    struct world *world = *state;
    struct digest digest;
    struct err err = {0};
    survey_release(survey_of(world, 1, 2));
    assert_int_equal(digest_make(world->tuned, NULL, &digest, &err), 0);
    for (size_t i = 0; i < digest.n; i++) {
        const struct st_tensor *tensor = checkpoint_at(world->tuned, i);
        assert_true(hash_equal(digest.tensors[i], hash_bytes(tensor->data, tensor->bytes)));
    }
    digest_fini(&digest);
}

static void test_effective_is_that_of_merging(void **state)
{
    struct world *world = *state;
    const struct survey *survey = survey_of(world, 2, 1);
    uint16_t *out = mem_zero(N, 2);
    assert_false(survey->sampled);
    for (int stochastic = 0; stochastic < 2; stochastic++) {
        double got[SURVEY_RATIOS_N];
        struct merge_how how = {.rounding = stochastic ? ROUND_STOCHASTIC : ROUND_NEAREST, .seed = 2};
        survey_effective(survey, world->plan, 0, stochastic, got);
        for (size_t r = 0; r < SURVEY_RATIOS_N; r++) {
            struct merge_effect sum = {0};
            struct err err = {0};
            for (int i = 0; i < 2; i++) /* "follow": the embeddings are with layer 0 */
                assert_int_equal(merge_tensor(checkpoint_find(world->base, names[i]),
                                              checkpoint_find(world->tuned, names[i]), survey_ratios[r], &how,
                                              out, &sum, &err),
                                 0);
            assert_float_equal(got[r], merge_effective(&sum), 1e-12);
            if (stochastic)
                assert_float_equal(got[r], survey_ratios[r], 0.02);
        }
        if (!stochastic) /* the updates are about as large as a step */
            assert_true(fabs(got[2] - survey_ratios[2]) > 0.02);
        survey_effective(survey, world->plan, 1, stochastic, got);
        assert_true(isnan(got[0]));
    }
    survey_release(survey);
    mem_free(out);
}

/* A quarter of the spans tells nearly the same, and everything else is of every weight. */
static void test_sample(void **state)
{
    struct world *world = *state;
    const struct survey *whole = survey_of(world, 8, 1), *sample;
    struct merge_how how = {.seed = 8};
    struct err err = {0};
    double want[SURVEY_RATIOS_N], got[SURVEY_RATIOS_N];
    assert_int_equal(survey_hold(world->base, world->tuned, world->plan, &how, 80000, 2, NULL, &sample, &err),
                     0);
    assert_true(sample->sampled);
    for (size_t i = 0; i < whole->n; i++) {
        const struct survey_tensor *w = &whole->tensors[i], *s = &sample->tensors[i];
        assert_memory_equal(&w->tally, &s->tally, sizeof w->tally);
        if (w->tally.changed)
            assert_true(s->nearest[0].update > 0 && s->nearest[0].update < 0.4 * w->nearest[0].update);
    }
    for (int stochastic = 0; stochastic < 2; stochastic++) {
        survey_effective(whole, world->plan, 0, stochastic, want);
        survey_effective(sample, world->plan, 0, stochastic, got);
        for (size_t r = 0; r < SURVEY_RATIOS_N; r++)
            assert_float_equal(got[r], want[r], 0.02);
    }
    survey_release(whole);
    survey_release(sample);
}

static void test_tallies(void **state)
{
    struct world *world = *state;
    const struct survey *survey = survey_of(world, 3, 2);
    for (size_t i = 0; i < survey->n; i++) {
        const struct survey_tensor *seen = &survey->tensors[i];
        const char *name = world->plan->entries[i].tensor;
        assert_int_equal(seen->elements, world->plan->entries[i].elements);
        assert_int_equal(seen->is_float, strcmp(name, "model.layers.0.positions") != 0);
        uint64_t changed = 0;
        for (int t = 0; t < 3; t++)
            for (size_t k = 0; strcmp(name, names[t]) == 0 && k < N; k++)
                changed += world->data[0][t][k] != world->data[1][t][k];
        assert_int_equal(seen->tally.changed, changed);
    }
    assert_int_equal(survey->bytes, 2 * (3 * 2 * N + 24));
    survey_release(survey);
}

/* The cache would give the same survey: other seeds have the same figures rounded to nearest. */
static void test_threads_do_not_count(void **state)
{
    struct world *world = *state;
    const struct survey *one = survey_of(world, 4, 1), *many = survey_of(world, 5, 4);
    for (size_t i = 0; i < one->n; i++) {
        assert_memory_equal(&one->tensors[i].tally, &many->tensors[i].tally, sizeof one->tensors[i].tally);
        assert_memory_equal(one->tensors[i].nearest, many->tensors[i].nearest,
                            sizeof one->tensors[i].nearest);
    }
    survey_release(one);
    survey_release(many);
}

static int count(void *ctx, uint64_t done, uint64_t total)
{
    (void)done, (void)total;
    ++*(int *)ctx;
    return 0;
}

static int refuse(void *ctx, uint64_t done, uint64_t total)
{
    (void)ctx, (void)done, (void)total;
    return 1;
}

static void test_read_once_and_stopped(void **state)
{
    struct world *world = *state;
    const struct survey *survey, *again;
    struct err err = {0};
    struct merge_how how = {.seed = 6};
    int ticks = 0;
    struct digest_progress counts = {count, &ticks}, refuses = {refuse, NULL};
    assert_int_equal(survey_hold(world->base, world->tuned, world->plan, &how, SURVEY_SAMPLE_N, 2, &refuses,
                                 &survey, &err),
                     ERR_CANCELLED);
    assert_null(survey);
    assert_int_equal(
        survey_hold(world->base, world->tuned, world->plan, &how, SURVEY_SAMPLE_N, 2, &counts, &survey, &err),
        0);
    assert_int_equal(ticks, 1);
    assert_int_equal(
        survey_hold(world->base, world->tuned, world->plan, &how, SURVEY_SAMPLE_N, 2, &counts, &again, &err),
        0);
    assert_int_equal(ticks, 1);
    assert_ptr_equal(survey, again);
    survey_release(survey);
    survey_release(again);
}

/* A file that is cut short while it is read is an error, not a survey (by pread; a map would kill the process). */
static void test_a_file_that_became_shorter(void **state)
{
    struct world *world = *state;
    const struct survey *survey;
    struct checkpoint *tuned;
    struct err err = {0};
    struct merge_how how = {.seed = 7};
    setenv("PARETOD_READ", "pread", 1);
    assert_int_equal(checkpoint_open(checkpoint_directory(world->tuned), &tuned, &err), 0);
    unsetenv("PARETOD_READ");
    char *path = mem_printf("%s/model.safetensors", checkpoint_directory(tuned));
    assert_int_equal(truncate(path, 1000), 0);
    fixture_refused(
        survey_hold(world->base, tuned, world->plan, &how, SURVEY_SAMPLE_N, 2, NULL, &survey, &err),
        ERR_CORRUPT, &err, "model.safetensors");
    checkpoint_close(tuned);
    mem_free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_digests, begin, end),
        cmocka_unit_test_setup_teardown(test_effective_is_that_of_merging, begin, end),
        cmocka_unit_test_setup_teardown(test_sample, begin, end),
        cmocka_unit_test_setup_teardown(test_tallies, begin, end),
        cmocka_unit_test_setup_teardown(test_threads_do_not_count, begin, end),
        cmocka_unit_test_setup_teardown(test_read_once_and_stopped, begin, end),
        cmocka_unit_test_setup_teardown(test_a_file_that_became_shorter, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
