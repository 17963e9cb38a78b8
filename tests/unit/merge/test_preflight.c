/* A good pair, one that is not there, and the groups. */
#include "preflight_world.h"

static void test_nothing_to_find(void **state)
{
    struct world *world = *state;
    run(world);
    print_all(world);
    assert_null(preflight_finding(world->report, 0));
    assert_int_equal(preflight_plan(world->report)->ratios_n, 2);
}

static int stop(void *ctx, uint64_t done, uint64_t total)
{
    (void)ctx, (void)done, (void)total;
    return 1;
}

static void test_stopped(void **state)
{
    struct world *world = *state;
    struct digest_progress progress = {stop, NULL};
    struct preflight *report;
    struct err err = {0};
    lay(world);
    assert_int_equal(preflight_run(&world->spec, &progress, &report, &err), ERR_CANCELLED);
    assert_null(report);
}

static void test_directories(void **state)
{
    struct world *world = *state;
    struct err err = {0};
    snprintf(world->spec.base, sizeof world->spec.base, "%s/none", world->root);
    snprintf(world->spec.tuned, sizeof world->spec.tuned, "%s", world->root);
    assert_int_equal(preflight_run(&world->spec, NULL, &world->report, &err), 0);
    found(world, PREFLIGHT_ERROR, "models.base", "there is no such directory");
    found(world, PREFLIGHT_ERROR, "models.tuned", "config.json");
    assert_null(preflight_plan(world->report));
    struct json *digests = written(world, preflight_write_digests), *j = written(world, preflight_write);
    assert_true(json_is(digests, JSON_NULL));
    assert_false(json_bool_or(json_get(j, "ok"), true));
    json_free(digests);
    json_free(j);
}

static void test_groups(void **state)
{
    struct world *world = *state;
    world->spec.groups_n = 3;
    expect(world, PREFLIGHT_ERROR, "groups.count", "3 groups cannot be made of 2 layers");
}

static void test_unknown_names(void **state)
{
    struct world *world = *state;
    world->spec.bounds_n = 1;
    snprintf(world->spec.bounds[0].group, sizeof world->spec.bounds[0].group, "layer 7");
    run(world);
    assert_int_equal(preflight_count(world->report, PREFLIGHT_ERROR), 1);
    assert_non_null(strstr(preflight_finding(world->report, 0)->field, "groups"));
    assert_non_null(strstr(preflight_finding(world->report, 0)->text, "layer 7"));
}

/* 64 layers and the ends; the optimizer has 64 ratios. */
static void test_too_many_ratios(void **state)
{
    struct world *world = *state;
    static char names[64][48];
    for (int i = 0; i < 2; i++) {
        world->sides[i].config = "{\"tie_word_embeddings\":false}";
        for (int layer = 2; layer < 64; layer++) {
            snprintf(names[layer], sizeof *names, "model.layers.%d.mlp.up_proj.weight", layer);
            struct st_tensor *tensor = &world->sides[i].tensors[EXTRA + layer];
            *tensor = world->sides[i].tensors[LAYER_1];
            tensor->name = names[layer];
        }
    }
    world->spec.grouping = GROUPING_LAYERWISE;
    run(world);
    assert_int_equal(preflight_count(world->report, PREFLIGHT_ERROR), 0);
    world->spec.ends = ENDS_OWN;
    expect(world, PREFLIGHT_ERROR, "ends", "with 64 groups there is no ratio left for the ends");
}

static void test_all_frozen(void **state)
{
    struct world *world = *state;
    world->spec.bounds_n = 2;
    world->spec.bounds[0] = (struct spec_bound){.group = "layer 0", .min = 1, .max = 1};
    world->spec.bounds[1] = (struct spec_bound){.group = "layer 1", .min = 0.3, .max = 0.3};
    expect(world, PREFLIGHT_ERROR, "groups.freeze", "every ratio is frozen");
    world->spec.strategy = STRATEGY_IDENTIFY; /* one model is what that is about */
    run(world);
    assert_int_equal(preflight_count(world->report, PREFLIGHT_ERROR), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_nothing_to_find), TEST(test_stopped),         TEST(test_directories), TEST(test_groups),
        TEST(test_unknown_names),   TEST(test_too_many_ratios), TEST(test_all_frozen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
