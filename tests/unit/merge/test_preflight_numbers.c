/* Findings about the numbers in the weights. */
#include "preflight_world.h"

#include <math.h>

static void test_no_numbers(void **state)
{
    struct world *world = *state;
    world->sides[1].data[LAYER_0][3] = NAN;
    world->sides[0].data[LAYER_1][0] = INFINITY;
    world->sides[0].data[NORM][0] = world->sides[1].data[NORM][0] = -INFINITY;
    run(world);
    found(world, PREFLIGHT_ERROR, "models.tuned", "\"model.layers.0.mlp.up_proj.weight\" holds 1 NaN");
    found(world, PREFLIGHT_ERROR, "models", "\"model.layers.1.mlp.up_proj.weight\" holds 1 infinity in one");
    found(world, PREFLIGHT_WARNING, "models", "\"model.norm.weight\" holds 1 infinity, in both");
    assert_int_equal(preflight_count(world->report, PREFLIGHT_ERROR), 2);
}

/* One step of bf16 apart, a ratio is one end or the other. */
static void test_ratios_that_bf16_cannot_hold(void **state)
{
    struct world *world = *state;
    world->spec.output_dtype = OUTPUT_BF16;
    for (int t = 0; t < EXTRA; t++)
        for (int k = 0; k < 16; k++)
            world->sides[1].data[t][k] = (world->sides[0].data[t][k] = 1) + 0x1p-7f;
    expect(world, PREFLIGHT_WARNING, "output.rounding",
           "a ratio of 0.5 comes out as 0.000 (2 of 2 groups are off by more than 0.02)");
    assert_non_null(strstr(preflight_finding(world->report, 0)->text, "\"stochastic\""));
    world->spec.strategy = STRATEGY_IDENTIFY; /* asks for one ratio: 0, which is exact, or another */
    run(world);
    assert_null(preflight_finding(world->report, 0));
    world->spec.ratio = 0.5;
    expect(world, PREFLIGHT_WARNING, "output.rounding", "a ratio of 0.5 comes out as 0.000 (2 of 2 groups");
    world->spec.output_dtype = OUTPUT_SAME;
    run(world);
    assert_null(preflight_finding(world->report, 0));
}

/* Base and tuned may be one model where one model is asked. */
static void test_identify_needs_no_update(void **state)
{
    struct world *world = *state;
    for (int t = 0; t < EXTRA; t++)
        memcpy(world->sides[1].data[t], world->sides[0].data[t], sizeof world->sides[0].data[t]);
    expect(world, PREFLIGHT_ERROR, "models", "hold the same weights in every tensor");
    world->spec.strategy = STRATEGY_IDENTIFY;
    run(world);
    assert_null(preflight_finding(world->report, 0));
}

static void test_group_without_update(void **state)
{
    struct world *world = *state;
    for (int t = LAYER_1; t <= HEAD; t++)
        memcpy(world->sides[1].data[t], world->sides[0].data[t], sizeof world->sides[0].data[t]);
    expect(world, PREFLIGHT_WARNING, "groups", "\"layer 1\" has no update");
}

/* Neither what cannot move nor what is frozen needs a warning. */
static void test_frozen_groups(void **state)
{
    struct world *world = *state;
    world->spec.output_dtype = OUTPUT_BF16;
    world->spec.ends = ENDS_OWN;
    world->spec.bounds_n = 2;
    world->spec.bounds[0] = (struct spec_bound){.group = "layer 0", .min = 1, .max = 1};
    world->spec.bounds[1] = (struct spec_bound){.group = "layer 1", .min = 0.3, .max = 0.3};
    for (int t = 0; t < EXTRA; t++)
        for (int k = 0; k < 16; k++)
            world->sides[1].data[t][k] = (world->sides[0].data[t][k] = 1) + (t == LAYER_0   ? 0x1p-7f
                                                                             : t == LAYER_1 ? 0
                                                                                            : 1);
    run(world);
    assert_null(preflight_finding(world->report, 0));
    world->spec.bounds[0].min = 0.5;
    expect(world, PREFLIGHT_WARNING, "output.rounding", "in \"layer 0\" a ratio of 0.5 comes out as 0.000,");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_no_numbers),
        TEST(test_ratios_that_bf16_cannot_hold),
        TEST(test_identify_needs_no_update),
        TEST(test_group_without_update),
        TEST(test_frozen_groups),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
