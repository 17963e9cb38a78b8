/* plan and export, on two checkpoints of a few bytes. */
#include "../merge/fixture.h"
#include "fake.h"

#include <dirent.h>

static const char *const names[] = {"lm_head.weight", "model.embed_tokens.weight", "model.layers.0.a.weight",
                                    "model.layers.1.a.weight", NULL};
static const char *const other_names[] = {"lm_head.weight", "model.embed_tokens.weight",
                                          "model.layers.0.b.weight", "model.layers.1.a.weight", NULL};
static const char config[] = "{\"num_hidden_layers\":2}";

struct setting {
    struct fake fake;
    char *directory;
    char *search, *plan, *export; /* answers and a command line */
};

static void make(const char *directory, const char *name, const char *const *tensors, float value)
{
    char *path = mem_printf("%s/%s", directory, name);
    checkpoint_close(fixture_checkpoint(path, config, tensors, value));
    mem_free(path);
}

static char *spec_of(const char *base, const char *tuned)
{
    return mem_printf(
        "{\"name\":\"toy\",\"models\":{\"base\":\"%s\",\"tuned\":\"%s\"},\"groups\":{\"count\":2},"
        "\"objectives\":[{\"name\":\"a\",\"metric\":\"x.a\",\"goal\":\"max\"}],"
        "\"evaluator\":{\"type\":\"command\",\"argv\":[\"./ev\"],\"merge\":\"directory\"},"
        "\"strategy\":{\"type\":\"sweep\"}}",
        base, tuned);
}

static void set_up(struct setting *s)
{
    fake_init(&s->fake);
    s->directory = fixture_directory();
    make(s->directory, "base", names, 0);
    make(s->directory, "tuned", names, 1);
    char *spec = spec_of("base", "tuned");
    fixture_text(s->directory, "s.json", spec);
    mem_free(spec);
    char *base = mem_printf("%s/base", s->directory), *tuned = mem_printf("%s/tuned", s->directory);
    spec = spec_of(base, tuned);
    s->search = mem_printf("{\"id\":3,\"name\":\"toy\",\"spec\":%s}", spec);
    s->export = mem_printf("export 3 7 --out %s/merged", s->directory);
    mem_free(base);
    mem_free(tuned);
    mem_free(spec);
    /* the daemon's plan is what "plan --json" prints here */
    char *line = mem_printf("plan --json %s/s.json", s->directory);
    assert_int_equal(fake_run(&s->fake, line), CLIENT_OK);
    s->plan = mem_strdup(s->fake.out);
    mem_free(line);
    fake_fini(&s->fake);
    fake_init(&s->fake);
}

static void tear_down(struct setting *s)
{
    fake_fini(&s->fake);
    fixture_remove(s->directory);
    mem_free(s->search);
    mem_free(s->plan);
    mem_free(s->export);
}

static void says_all(struct setting *s, const char *trial)
{
    fake_says(&s->fake, 200, s->search);
    fake_says(&s->fake, 200, trial);
    fake_says(&s->fake, 200, s->plan);
}

static const char done[] = "{\"number\":7,\"state\":\"done\",\"ratios\":[0.25,0.5]}";

static bool is_there(const struct setting *s, const char *name)
{
    char *path = mem_printf("%s/%s", s->directory, name);
    bool there = access(path, F_OK) == 0;
    mem_free(path);
    return there;
}

static int entries_of(const char *directory)
{
    int n = 0;
    DIR *there = opendir(directory);
    assert_non_null(there);
    for (struct dirent *entry; (entry = readdir(there));)
        n += entry->d_name[0] != '.';
    closedir(there);
    return n;
}

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
    assert_contains(s.fake.out, ": 0.25 of tuned\n");
    assert_contains(s.fake.out, "/merged/paretod.json\n");
    assert_string_equal(s.fake.asked[1].path, "/v1/searches/3/trials/7");
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
    assert_int_equal(s.fake.asked_n, 3);
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
    assert_contains(s.fake.out, "\"search\":3,\"trial\":7,");
    assert_contains(s.fake.out, "\"ratios\":[0.25,0.5]");
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
    says_all(&s, done);
    assert_int_equal(fake_run(&s.fake, s.export), CLIENT_OK);
    assert_contains(s.fake.out, "\r\033[Kwriting ");
    assert_contains(s.fake.out, " 32 B of 32 B\r\033[Kwrote ");
    tear_down(&s);
}

/* Ctrl-C while it writes: nothing is left beside the target either. */
static void test_interrupted(void **state)
{
    struct setting s;
    (void)state;
    set_up(&s);
    fake_says(&s.fake, 200, s.search);
    fake_says(&s.fake, 200, done);
    fake_answer(&s.fake, (struct fake_answer){.status = 200, .body = s.plan, .interrupts = true});
    assert_int_equal(fake_run(&s.fake, s.export), CLIENT_DETACHED);
    assert_contains(s.fake.complaints, "interrupted");
    assert_int_equal(entries_of(s.directory), 3); /* base, tuned, s.json */
    tear_down(&s);
}

/* The checkpoints changed since the search was made. */
static void test_another_plan_is_refused(void **state)
{
    struct setting s;
    (void)state;
    set_up(&s);
    make(s.directory, "base", other_names, 0);
    make(s.directory, "tuned", other_names, 1);
    says_all(&s, done);
    assert_int_equal(fake_run(&s.fake, s.export), CLIENT_REFUSED);
    assert_contains(s.fake.complaints, "tensor model.layers.0.b.weight");
    assert_contains(s.fake.complaints, "is tensor model.layers.0.a.weight");
    assert_false(is_there(&s, "merged"));
    tear_down(&s);
}

static void test_checkpoints_that_are_not_here(void **state)
{
    struct setting s;
    (void)state;
    set_up(&s);
    char *path = mem_printf("%s/tuned", s.directory);
    fixture_remove(path);
    says_all(&s, done);
    assert_int_equal(fake_run(&s.fake, s.export), CLIENT_REFUSED);
    assert_contains(s.fake.complaints, "on this machine");
    assert_int_equal(s.fake.asked_n, 2);
    tear_down(&s);
}

static void test_ratios_that_do_not_fit(void **state)
{
    struct setting s;
    (void)state;
    set_up(&s);
    says_all(&s, "{\"number\":7,\"state\":\"done\",\"ratios\":[0.25]}");
    assert_int_equal(fake_run(&s.fake, s.export), CLIENT_REFUSED);
    assert_contains(s.fake.complaints, "trial 7 has 1 ratios and the plan 2 groups");
    fake_says(&s.fake, 200, s.search);
    s.fake.asked_n = s.fake.answers_n - 1;
    fake_says(&s.fake, 200, "{\"number\":7,\"state\":\"done\",\"ratios\":[null,1]}");
    assert_int_equal(fake_run(&s.fake, s.export), CLIENT_REFUSED);
    assert_contains(s.fake.complaints, "no ratios that can be read");
    assert_false(is_there(&s, "merged"));
    tear_down(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plan_of_a_file_and_of_the_daemon),
        cmocka_unit_test(test_export_writes_what_the_trial_was),
        cmocka_unit_test(test_export_json_and_a_trial_without_scores),
        cmocka_unit_test(test_a_bar_on_a_terminal),
        cmocka_unit_test(test_interrupted),
        cmocka_unit_test(test_another_plan_is_refused),
        cmocka_unit_test(test_checkpoints_that_are_not_here),
        cmocka_unit_test(test_ratios_that_do_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
