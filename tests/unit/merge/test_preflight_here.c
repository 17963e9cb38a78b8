/* What only this machine can tell: the bundle and the program. */
#include "preflight_world.h"

static void here(struct world *world)
{
    run(world);
    preflight_here(world->report, &world->spec, world->root);
}

static void test_bundle(void **state)
{
    struct world *world = *state;
    struct search_spec *spec = &world->spec;
    char *metrics[] = {"facts.em", "facts.f2"};
    spec->evaluator = EVALUATOR_NATIVE;
    snprintf(spec->bundle, sizeof spec->bundle, "%s/bundle", world->root);
    here(world);
    found(world, PREFLIGHT_ERROR, "evaluator.bundle", "is not a directory; give the path of a bundle");
    mkdir(spec->bundle, 0777);
    here(world);
    found(world, PREFLIGHT_ERROR, "evaluator.bundle", "bundle.json");
    fixture_text(spec->bundle, "bundle.json",
                 "{\"tasks\":[{\"name\":\"facts\",\"metrics\":[\"em\",\"f1\"]}]}");
    spec->objectives_n = 2;
    for (int i = 0; i < 2; i++) {
        spec->objectives[i].metrics_n = 1;
        snprintf(spec->objectives[i].metrics[0], sizeof spec->objectives[i].metrics[0], "%s", metrics[i]);
    }
    here(world);
    found(world, PREFLIGHT_ERROR, "objectives[1].metric",
          "no metric \"facts.f2\"; did you mean \"facts.f1\"?");
    assert_int_equal(preflight_count(world->report, PREFLIGHT_ERROR), 1);
}

static void test_program(void **state)
{
    struct world *world = *state;
    char *program = mem_printf("%s/evaluate.py", world->root);
    world->spec.argv[0] = program;
    world->spec.argv_n = 1;
    here(world);
    found(world, PREFLIGHT_ERROR, "evaluator.argv[0]", "there is no ");
    fixture_text(world->root, "evaluate.py", "pass");
    here(world);
    found(world, PREFLIGHT_ERROR, "evaluator.argv[0]", "is not executable");
    chmod(program, 0755);
    here(world);
    assert_int_equal(preflight_count(world->report, PREFLIGHT_ERROR), 0);
    world->spec.argv[0] = "python3-of-the-workers";
    here(world);
    assert_int_equal(preflight_count(world->report, PREFLIGHT_ERROR), 0);
    mem_free(program);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_bundle),
        TEST(test_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
