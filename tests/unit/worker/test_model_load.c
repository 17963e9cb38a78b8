#include "worker/model.h"

#include "fixtures.h"

#include "proto/rng.h"

#include <math.h>

/* The shipped pair in three groups. */
struct pair {
    struct search_spec spec;
    struct checkpoint *base, *tuned;
    struct plan *plan;
    struct merge_effect *effects;
};

static void pair_open(struct pair *pair)
{
    struct err err = {0};
    open_spec(NULL, &pair->spec);
    check(checkpoint_open(pair->spec.base, &pair->base, &err), &err);
    check(checkpoint_open(pair->spec.tuned, &pair->tuned, &err), &err);
    check(plan_make(&pair->spec, pair->base, pair->tuned, &pair->plan, &err), &err);
    assert_int_equal(pair->plan->ratios_n, 3);
    pair->effects = mem_zero(pair->plan->entries_n, sizeof *pair->effects);
}

static void pair_close(struct pair *pair)
{
    mem_free(pair->effects);
    plan_free(pair->plan);
    checkpoint_close(pair->tuned);
    checkpoint_close(pair->base);
    search_spec_fini(&pair->spec);
}

static struct weights weights_of(const struct pair *pair, const double *ratios, struct merge_how how)
{
    return (struct weights){.base = pair->base,
                            .tuned = pair->tuned,
                            .plan = pair->plan,
                            .ratios = ratios,
                            .how = how,
                            .base_id = {0, 1},
                            .tuned_id = {0, 2},
                            .effects = pair->effects};
}

static struct model *model_of(const struct pair *pair)
{
    struct model *model;
    struct err err = {0};
    check(model_open(pair->base, HEAD_LANGUAGE, &model, &err), &err);
    return model;
}

/* Tensors that follow ratio r. */
static size_t size_of_group(const struct pair *pair, int r)
{
    size_t n = 0;
    for (size_t i = 0; i < pair->plan->entries_n; i++)
        n += pair->plan->entries[i].group == r;
    return n;
}

static void equal_matrix(const struct matrix *a, const struct matrix *b)
{
    assert_memory_equal(a->panels, b->panels, (a->n + PANEL - 1) / PANEL * PANEL * a->k * sizeof *a->panels);
}

static void equal_models(const struct model *a, const struct model *b)
{
    size_t hidden = (size_t)a->config.hidden;
    assert_memory_equal(a->embeddings, b->embeddings, (size_t)a->config.vocab * hidden * sizeof(float));
    assert_memory_equal(a->norm, b->norm, hidden * sizeof(float));
    equal_matrix(&a->head, &b->head);
    for (int i = 0; i < a->config.layers; i++) {
        const struct model_layer *x = &a->layers[i], *y = &b->layers[i];
        assert_memory_equal(x->attention_norm, y->attention_norm, hidden * sizeof(float));
        assert_memory_equal(x->mlp_norm, y->mlp_norm, hidden * sizeof(float));
        equal_matrix(&x->qkv, &y->qkv);
        equal_matrix(&x->o, &y->o);
        equal_matrix(&x->gate_up, &y->gate_up);
        equal_matrix(&x->down, &y->down);
    }
}

/* Whatever stood in `model`, it now is what a fresh one would be, its effects too. */
static void load_as_fresh(struct pair *pair, struct model *model, const double *ratios, struct merge_how how)
{
    struct err err = {0};
    struct weights weights = weights_of(pair, ratios, how);
    size_t bytes = pair->plan->entries_n * sizeof *pair->effects;
    struct merge_effect *effects = mem_zero(pair->plan->entries_n, sizeof *effects);
    struct model *fresh = model_of(pair);
    check(model_load(model, &weights, NULL, &err), &err);
    memcpy(effects, pair->effects, bytes);
    check(model_load(fresh, &weights, NULL, &err), &err);
    assert_memory_equal(effects, pair->effects, bytes);
    equal_models(model, fresh);
    model_close(fresh);
    mem_free(effects);
}

/* Seed 7: each step changes some of the ratios, to a few values, so that old ones come back. */
static void test_random_steps(void **state)
{
    (void)state;
    static const double values[] = {0, 0.25, 0.6, 1, -0.1};
    struct pair pair;
    struct rng rng;
    double ratios[3] = {NAN, NAN, NAN};
    pair_open(&pair);
    struct model *model = model_of(&pair);
    rng_seed(&rng, 7, 0);
    for (int step = 0; step < 20; step++) {
        size_t changed = 0;
        for (int r = 0; r < 3; r++) {
            double ratio = values[(int)(rng_uniform(&rng) * 5)];
            if (step && rng_uniform(&rng) < 0.5)
                continue;
            changed += ratio != ratios[r] ? size_of_group(&pair, r) : 0;
            ratios[r] = ratio;
        }
        load_as_fresh(&pair, model, ratios, (struct merge_how){0});
        assert_int_equal(model->merged_n, changed);
    }
    model_close(model);
    pair_close(&pair);
}

static void test_rounding_is_in_the_key(void **state)
{
    (void)state;
    struct pair pair;
    const double ratios[3] = {0.3, 0.5, 0.7};
    pair_open(&pair);
    struct model *model = model_of(&pair);
    size_t all = pair.plan->entries_n;
    load_as_fresh(&pair, model, ratios, (struct merge_how){.seed = 1});
    assert_int_equal(model->merged_n, all);
    load_as_fresh(&pair, model, ratios, (struct merge_how){.seed = 2}); /* nearest draws nothing */
    assert_int_equal(model->merged_n, 0);
    load_as_fresh(&pair, model, ratios, (struct merge_how){.rounding = ROUND_STOCHASTIC, .seed = 2});
    assert_int_equal(model->merged_n, all);
    load_as_fresh(&pair, model, ratios, (struct merge_how){.rounding = ROUND_STOCHASTIC, .seed = 3});
    assert_int_equal(model->merged_n, all);
    load_as_fresh(&pair, model, ratios, (struct merge_how){.dtype = OUTPUT_F32});
    assert_int_equal(model->merged_n, all);
    model_close(model);
    pair_close(&pair);
}

/* A load that fails in its midst has touched some tensors and not others; both are right again after the next. */
static void test_failed_load(void **state)
{
    (void)state;
    struct pair pair;
    const double good[3] = {0.2, 0.4, 0.6}, bad[3] = {0.9, NAN, 0.9};
    atomic_bool cancel = true;
    struct stop stop;
    struct err err = {0};
    pair_open(&pair);
    struct model *model = model_of(&pair);
    load_as_fresh(&pair, model, good, (struct merge_how){0});
    struct weights weights = weights_of(&pair, bad, (struct merge_how){0});
    assert_int_equal(model_load(model, &weights, NULL, &err), ERR_INVALID);
    assert_true(model->merged_n > 0 && model->merged_n < pair.plan->entries_n);
    load_as_fresh(&pair, model, good, (struct merge_how){0});
    stop_init(&stop, &cancel, 0);
    weights.ratios = (const double[]){0.1, 0.1, 0.1};
    assert_int_equal(model_load(model, &weights, &stop, &err), ERR_CANCELLED);
    load_as_fresh(&pair, model, good, (struct merge_how){0});
    assert_int_equal(model->merged_n, 0); /* cancelled before it touched anything */
    model_close(model);
    pair_close(&pair);
}

/* Files whose contents nobody named are merged every time. */
static void test_unknown_pair(void **state)
{
    (void)state;
    struct pair pair;
    const double ratios[3] = {0.2, 0.4, 0.6};
    struct err err = {0};
    pair_open(&pair);
    struct model *model = model_of(&pair);
    struct weights weights = weights_of(&pair, ratios, (struct merge_how){0});
    weights.base_id = weights.tuned_id = (struct hash128){0};
    for (int i = 0; i < 2; i++) {
        check(model_load(model, &weights, NULL, &err), &err);
        assert_int_equal(model->merged_n, pair.plan->entries_n);
    }
    load_as_fresh(&pair, model, ratios, (struct merge_how){0});
    weights.base_id = (struct hash128){9, 9}; /* other files */
    check(model_load(model, &weights, NULL, &err), &err);
    assert_int_equal(model->merged_n, pair.plan->entries_n);
    model_close(model);
    pair_close(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_steps),
        cmocka_unit_test(test_rounding_is_in_the_key),
        cmocka_unit_test(test_failed_load),
        cmocka_unit_test(test_unknown_pair),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
