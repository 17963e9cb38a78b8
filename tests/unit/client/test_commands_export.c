/* plan and export, on two checkpoints of a few bytes: what is written and said. */
#include "export_setting.h"

#include "answers.h"

static void test_plan_of_a_file_and_of_the_daemon(void **state)
{
    struct setting s;
    (void)state;
    set_up(&s);
    char *line = mem_printf("plan %s/s.json", s.directory);
    assert_int_equal(fake_run(&s.fake, line), CLIENT_OK);
    assert_int_equal(s.fake.asked_n, 0);
    assert_contains(s.fake.out, "model.layers.1.a.weight");
    assert_contains(s.fake.out, "layer 0  0             2 ");
    assert_contains(s.fake.out, "0 to 1");
    fake_says(&s.fake, 200, s.plan);
    fake_says(&s.fake, 200, s.search);
    size_t before = s.fake.out_len;
    assert_int_equal(fake_run(&s.fake, "plan 3"), CLIENT_OK);
    assert_string_equal(s.fake.asked[0].path, "/v1/searches/3/plan");
    assert_string_equal(s.fake.asked[1].path, "/v1/searches/3");
    assert_contains(s.fake.out + before, "  model.layers.1.a.weight\n");
    assert_contains(s.fake.out + before, "\n\ngroup ");
    assert_int_equal(s.fake.out_len, 2 * before); /* both look alike */
    assert_memory_equal(s.fake.out, s.fake.out + before, before);
    mem_free(line);
    tear_down(&s);
}

static void test_export_writes_what_the_trial_was(void **state)
{
    struct setting s;
    (void)state;
    set_up(&s);
    says_all(&s, done);
    assert_int_equal(fake_run(&s.fake, s.export), CLIENT_OK);
    assert_contains(s.fake.out, "/merged: trial 7 of search 3 \"toy\", 4 tensors\n");
    assert_contains(s.fake.out, "layer 0: 0.25 of tuned, 0.2500 effective\n");
    assert_contains(s.fake.out, "lineage in paretod.json");
    assert_string_equal(s.fake.complaints, "");
    assert_string_equal(s.fake.asked[1].path, "/v1/searches/3/trials/7");
    assert_string_equal(s.fake.asked[3].path, "/v1/searches/3/digests");
    assert_true(is_there(&s, "merged/paretod.json"));
    char *path = mem_printf("%s/merged", s.directory);
    struct checkpoint *merged;
    float value;
    assert_int_equal(checkpoint_open(path, &merged, NULL), 0);
    assert_int_equal(tensor_to_f32(checkpoint_find(merged, names[3]), 0, 1, &value, NULL), 0);
    assert_true(value == 0.5f);
    checkpoint_close(merged);
    mem_free(path);
    /* a second time: the directory is there, and nobody is asked */
    assert_int_equal(fake_run(&s.fake, s.export), CLIENT_REFUSED);
    assert_contains(s.fake.complaints, "is there already");
    assert_int_equal(s.fake.asked_n, 4);
    tear_down(&s);
}

/* The knee is trial 7; that it is named too writes it no second time. */
static void test_export_of_a_pick(void **state)
{
    struct setting s;
    (void)state;
    set_up(&s);
    fake_says(&s.fake, 200, FRONT_INSIGHT);
    says_all(&s, done);
    char *line = mem_printf("export 3 knee --out %s/merged", s.directory);
    assert_int_equal(fake_run(&s.fake, line), CLIENT_OK);
    assert_string_equal(s.fake.asked[0].path, "/v1/searches/3/front");
    assert_contains(s.fake.out, "/merged: trial 7 of search 3");
    mem_free(line);
    fake_says(&s.fake, 200, FRONT_INSIGHT);
    assert_int_equal(fake_run(&s.fake, "export 3 certain --out x"), CLIENT_REFUSED);
    assert_contains(s.fake.complaints, "no trial that is its certain");
    assert_int_equal(fake_run(&s.fake, "export 3 kne --out x"), CLIENT_USAGE);
    assert_contains(s.fake.complaints,
                    "\"kne\" is not the number of a trial (0 or more), nor knee, certain or least-tax");
    tear_down(&s);
}

static void test_export_json_and_a_trial_without_scores(void **state)
{
    struct setting s;
    (void)state;
    set_up(&s);
    says_all(&s, "{\"number\":7,\"state\":\"quarantined\",\"ratios\":[0.25,0.5]}");
    char *line = mem_printf("--json %s", s.export);
    assert_int_equal(fake_run(&s.fake, line), CLIENT_OK);
    assert_contains(s.fake.out, "{\"search\":3,\"recipe\":null,\"base\":\"");
    assert_contains(
        s.fake.out,
        "\"groups\":[\"layer 0\",\"layer 1\"],\"exports\":[{\"trial\":7,\"state\":\"quarantined\",");
    assert_contains(s.fake.out, "\"ratios\":[0.25,0.5],\"effective\":[0.25,0.5],\"warnings\":[]}");
    assert_contains(s.fake.complaints, "trial 7 is quarantined");
    mem_free(line);
    tear_down(&s);
}

static void test_a_bar_on_a_terminal(void **state)
{
    struct setting s;
    (void)state;
    set_up(&s);
    s.fake.client.tty = true;
    make(s.directory, "base", names, 0); /* a new file, whose digest this process does not know yet */
    says_all(&s, done);
    assert_int_equal(fake_run(&s.fake, s.export), CLIENT_OK);
    assert_contains(s.fake.out, "\r\033[Kchecking base ");
    assert_contains(s.fake.out, "\r\033[Kwriting ");
    assert_contains(s.fake.out, " 32 B of 32 B\r\033[Kwrote ");
    tear_down(&s);
}

static void test_several_trials_in_one_pass(void **state)
{
    struct setting s;
    (void)state;
    set_up(&s);
    char *line = mem_printf("export 3 7,9 --out %s/many", s.directory);
    fake_says(&s.fake, 200, s.search);
    fake_says(&s.fake, 200, done);
    fake_says(&s.fake, 200,
              "{\"number\":9,\"state\":\"done\",\"ratios\":[1,0],\"objectives\":[{\"name\":\"a\","
              "\"mean\":0.5,\"stderr\":null}]}");
    fake_says(&s.fake, 200, s.plan);
    fake_says(&s.fake, 200, s.digests);
    assert_int_equal(fake_run(&s.fake, line), CLIENT_OK);
    assert_contains(s.fake.out, "/many/trial-7: trial 7 of search 3");
    assert_contains(s.fake.out, "/many/trial-9: trial 9 of search 3");
    assert_true(is_there(&s, "many/trial-7/model.safetensors"));
    char *many = mem_printf("%s/many/trial-9", s.directory);
    size_t n;
    char *card = fixture_read(many, "README.md", &n);
    assert_contains(card, "# toy, trial 9\n");
    assert_contains(card, "| a | higher | 0.5 | - |\n");
    mem_free(card);
    mem_free(many);
    /* one of them is there: nothing is asked, nothing is written */
    mem_free(line);
    line = mem_printf("export 3 8,9 --out %s/many", s.directory);
    assert_int_equal(fake_run(&s.fake, line), CLIENT_REFUSED);
    assert_contains(s.fake.complaints, "/many/trial-9 is there already");
    assert_false(is_there(&s, "many/trial-8"));
    mem_free(line);
    many = mem_printf("%s/many", s.directory);
    fixture_remove(many);
    tear_down(&s);
}

static void test_shards(void **state)
{
    struct setting s;
    (void)state;
    set_up(&s);
    char *line = mem_printf("%s --max-shard-size 16B", s.export);
    says_all(&s, done);
    assert_int_equal(fake_run(&s.fake, line), CLIENT_OK);
    assert_true(is_there(&s, "merged/model-00002-of-00002.safetensors"));
    mem_free(line);
    tear_down(&s);
}

/* bf16 between 1 and 1 + 2^-7 has nothing. */
static void test_a_ratio_that_did_not_come_out(void **state)
{
    struct setting s;
    (void)state;
    set_up(&s);
    static const uint16_t one[] = {0x3f80, 0x3f80}, next[] = {0x3f81, 0x3f81};
    for (int k = 0; k < 2; k++) {
        struct st_tensor tensors[4];
        for (int i = 0; i < 4; i++)
            tensors[i] = (struct st_tensor){.name = names[i],
                                            .dtype = ST_BF16,
                                            .rank = 1,
                                            .shape = {2},
                                            .elements = 2,
                                            .data = k ? next : one,
                                            .bytes = 4};
        char *path = mem_printf("%s/%s/model.safetensors", s.directory, k ? "tuned" : "base");
        assert_int_equal(st_write(path, tensors, 4, NULL), 0);
        mem_free(path);
    }
    mem_free(s.digests);
    s.digests = digests_of(s.directory);
    char *plan = mem_printf("plan --json %s/s.json", s.directory);
    mem_free(s.plan);
    assert_int_equal(fake_run(&s.fake, plan), CLIENT_OK);
    s.plan = mem_strdup(s.fake.out);
    mem_free(plan);
    says_all(&s, done);
    assert_int_equal(fake_run(&s.fake, s.export), CLIENT_OK);
    assert_contains(s.fake.out, "layer 0: 0.25 of tuned, 0.0000 effective\n");
    assert_contains(s.fake.complaints, "layer 0: ratio 0.25 was asked for, 0 came out");
    assert_contains(s.fake.complaints, "a search with output.rounding");
    fixture_text(s.directory, "r.yml",
                 "merge_method: linear\nmodels: [{model: a, parameters: {weight: 3}}, {model: b, "
                 "parameters: {weight: 1}}]\n");
    char *line = mem_printf("--json export --from-yaml %s/r.yml --base %s/base --tuned %s/tuned --out %s/x",
                            s.directory, s.directory, s.directory, s.directory);
    assert_int_equal(fake_run(&s.fake, line), CLIENT_OK);
    assert_contains(s.fake.out,
                    "\"effective\":[0],\"warnings\":[\"layers 0-1, both ends: ratio 0.25 was asked for");
    assert_contains(s.fake.complaints, "out_dtype: float32 in the recipe");
    mem_free(line);
    tear_down(&s);
}

/* Ends that no ratio is for are told too. */
static void test_ends_of_the_paper(void **state)
{
    struct setting s;
    (void)state;
    set_up_with(&s, "\"ends\":\"paper-code\",");
    says_all(&s, done);
    assert_int_equal(fake_run(&s.fake, s.export), CLIENT_OK);
    assert_contains(s.fake.out, "  (base): 0 of tuned, 1 tensor\n");
    assert_contains(s.fake.out, "  (the mean of the groups): 0.375 of tuned, 1 tensor\n");
    tear_down(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plan_of_a_file_and_of_the_daemon),
        cmocka_unit_test(test_export_writes_what_the_trial_was),
        cmocka_unit_test(test_export_of_a_pick),
        cmocka_unit_test(test_export_json_and_a_trial_without_scores),
        cmocka_unit_test(test_a_bar_on_a_terminal),
        cmocka_unit_test(test_several_trials_in_one_pass),
        cmocka_unit_test(test_shards),
        cmocka_unit_test(test_a_ratio_that_did_not_come_out),
        cmocka_unit_test(test_ends_of_the_paper),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
