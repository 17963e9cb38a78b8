/* The report as JSON. */
#include "preflight_world.h"

static void test_report(void **state)
{
    struct world *world = *state;
    world->spec.evaluator = EVALUATOR_NATIVE;
    run(world);
    struct json *j = written(world, preflight_write), *digests = written(world, preflight_write_digests);
    const struct json *tuned = json_get(json_get(j, "models"), "tuned");
    const struct json *group = json_first(json_get(j, "groups")), *needs = json_get(j, "needs");
    assert_true(json_bool_or(json_get(j, "ok"), false));
    assert_string_equal(json_string_or(json_get(tuned, "architecture"), ""), "LlamaForCausalLM");
    assert_string_equal(json_string_or(json_get(tuned, "digest"), "-"),
                        json_string_or(json_get(json_get(digests, "tuned"), "digest"), ""));
    assert_float_equal(json_number_or(json_get(tuned, "layers"), 0), 2, 0);
    assert_float_equal(json_number_or(json_get(tuned, "vocabulary"), 0), 4, 0);
    assert_float_equal(json_number_or(json_get(tuned, "parameters"), 0), 80, 0);
    assert_float_equal(json_number_or(json_get(tuned, "bytes"), 0), 320, 0);
    assert_float_equal(json_number_or(json_get(json_get(tuned, "dtypes"), "F32"), 0), 5, 0);
    assert_string_equal(json_string_or(json_get(group, "name"), ""), "layer 0");
    assert_float_equal(json_number_or(json_get(group, "tensors"), 0), 2, 0); /* the embeddings follow */
    assert_float_equal(json_number_or(json_get(group, "parameters"), 0), 32, 0);
    assert_float_equal(json_number_or(json_get(group, "changed"), 0), 1, 0);
    assert_float_equal(json_number_or(json_get(group, "update_rms"), 0), 0.25, 1e-6);
    assert_true(json_number_or(json_get(group, "update_ulps"), 0) > 1e5);
    const struct json *nearest = json_get(json_get(group, "effective"), "nearest");
    assert_int_equal(json_len(nearest), 9);
    assert_float_equal(json_number_or(json_first(nearest), 0), 0.1, 1e-6);
    assert_float_equal(json_number_or(json_get(needs, "read_bytes"), 0), 640, 0);
    assert_float_equal(json_number_or(json_get(needs, "export_bytes"), 0), 320, 0);
    assert_float_equal(json_number_or(json_get(needs, "memory_bytes"), 0), 320, 0);
    assert_float_equal(json_number_or(json_get(needs, "trials"), 0), 9, 0);
    assert_true(json_is(json_get(needs, "free_bytes"), JSON_NULL));
    preflight_here(world->report, &world->spec, world->root);
    json_free(j);
    j = written(world, preflight_write);
    assert_true(json_is(json_get(json_get(j, "needs"), "free_bytes"), JSON_NUMBER));
    json_free(j);
    json_free(digests);
}

/* Fixed ratios have rows after the groups; a stored dtype of 4 bytes doubles nothing here. */
static void test_report_of_ends(void **state)
{
    struct world *world = *state;
    world->spec.ends = ENDS_MEAN;
    world->spec.output_dtype = OUTPUT_BF16;
    run(world);
    struct json *j = written(world, preflight_write);
    const struct json *groups = json_get(j, "groups"), *last = json_next(json_next(json_first(groups)));
    assert_int_equal(json_len(groups), 3);
    assert_string_equal(json_string_or(json_get(last, "name"), ""), "mean");
    assert_float_equal(json_number_or(json_get(last, "tensors"), 0), 3, 0);
    assert_true(json_is(json_get(last, "effective"), JSON_NULL));
    assert_float_equal(json_number_or(json_get(json_get(j, "needs"), "export_bytes"), 0), 160, 0);
    json_free(j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_report),
        TEST(test_report_of_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
