/* Exports as recipes, and of recipes. */
#include "export_setting.h"

static void says_for_recipe(struct setting *s)
{
    fake_says(&s->fake, 200, s->search);
    fake_says(&s->fake, 200, done);
    fake_says(&s->fake, 200, s->plan);
}

static void test_as_a_recipe_and_back(void **state)
{
    struct setting s;
    (void)state;
    set_up(&s);
    says_for_recipe(&s);
    assert_int_equal(fake_run(&s.fake, "export 3 7 --format mergekit"), CLIENT_OK);
    assert_contains(s.fake.out, "# trial 7 of search \"toy\"\nmerge_method: linear\n");
    char *line = mem_printf("export 3 7 --format mergekit --out %s/plain.yml", s.directory);
    says_for_recipe(&s);
    assert_int_equal(fake_run(&s.fake, line), CLIENT_OK);
    assert_contains(s.fake.out, "plain.yml: trial 7 of search 3 \"toy\" as a recipe of mergekit\n");
    mem_free(line);
    line = mem_printf("--json export 3 7 --format=mergekit --out %s/r.yml", s.directory);
    says_for_recipe(&s);
    assert_int_equal(fake_run(&s.fake, line), CLIENT_OK);
    assert_contains(s.fake.out, "{\"search\":3,\"trial\":7,\"format\":\"mergekit\",\"file\":\"");
    says_for_recipe(&s);
    assert_int_equal(fake_run(&s.fake, line), CLIENT_REFUSED); /* it is there */
    assert_contains(s.fake.complaints, "r.yml is there already");
    mem_free(line);
    /* the recipe gives what the trial gives */
    says_all(&s, done);
    assert_int_equal(fake_run(&s.fake, s.export), CLIENT_OK);
    line = mem_printf("export --from-yaml %s/r.yml --out %s/back", s.directory, s.directory);
    int asked = s.fake.asked_n;
    assert_int_equal(fake_run(&s.fake, line), CLIENT_OK);
    assert_int_equal(s.fake.asked_n, asked);
    assert_contains(s.fake.out, "/back: ");
    assert_contains(s.fake.out, "layer 0, embeddings: 0.25 of tuned, 0.2500 effective\n");
    mem_free(line);
    char *a = mem_printf("%s/merged", s.directory), *b = mem_printf("%s/back", s.directory);
    same_file(a, b, "model.safetensors");
    mem_free(a);
    mem_free(b);
    tear_down(&s);
}

static void test_recipes_that_cannot_be_exported(void **state)
{
    struct setting s;
    (void)state;
    set_up(&s);
    fixture_text(s.directory, "slerp.yml", "merge_method: slerp\n");
    fixture_text(s.directory, "hub.yml",
                 "merge_method: linear\nparameters: {weight: 1}\nmodels: [{model: o/a}, {model: o/b}]\n");
    const struct {
        const char *file, *says;
    } cases[] = {{"none.yml", "none.yml: cannot be opened"},
                 {"slerp.yml", "slerp.yml: line 1: merge_method \"slerp\" is no weighted average"},
                 {"hub.yml", "o/a: there is no such directory here; a model on a hub must be downloaded"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *line =
            mem_printf("export --from-yaml %s/%s --out %s/x", s.directory, cases[i].file, s.directory);
        assert_int_equal(fake_run(&s.fake, line), CLIENT_REFUSED);
        assert_contains(s.fake.complaints, cases[i].says);
        mem_free(line);
    }
    /* ... but directories can be put in place of the names */
    char *line = mem_printf("--json export --from-yaml %s/hub.yml --base %s/base --tuned %s/tuned --out %s/x",
                            s.directory, s.directory, s.directory, s.directory);
    assert_int_equal(fake_run(&s.fake, line), CLIENT_OK);
    assert_contains(s.fake.out, "{\"search\":null,\"recipe\":\"");
    assert_contains(s.fake.out, "\"base\":\"o/a\",\"tuned\":\"o/b\",\"digests\":{\"base\":\"");
    assert_contains(s.fake.out, "{\"trial\":null,\"state\":null,\"directory\":\"");
    assert_contains(s.fake.complaints, "note: averages are computed in float32");
    mem_free(line);
    tear_down(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_a_recipe_and_back),
        cmocka_unit_test(test_recipes_that_cannot_be_exported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
