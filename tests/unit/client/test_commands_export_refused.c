/* Exports that do not begin, or do not end. */
#include "export_setting.h"

static void test_command_lines_that_are_none(void **state)
{
    (void)state;
    static const char *const lines[][2] = {
        {"export 3 7", "--out DIR is missing"},
        {"export 3 --out x", "something is missing"},
        {"export --out x", "something is missing"},
        {"export x 7 --out x", "not the number of a search"},
        {"export 3 7, --out x", "\"\" is not the number of a trial"},
        {"export 3 7,x --out x", "\"x\" is not the number of a trial"},
        {"export 3 7,-1 --out x", "\"-1\" is not the number of a trial"},
        {"export 3 99999999999999999999 --out x", "is not the number of a trial"},
        {"export 3 7,8,7 --out x", "trial 7 is there twice"},
        {"export 3 7 --out x --threads 0", "--threads must be a number from 1 to 256"},
        {"export 3 7 --out x --threads 2x", "--threads must be"},
        {"export 3 7 --out x --max-shard-size 5XB", "--max-shard-size \"5XB\" is no size"},
        {"export 3 7 --out x --max-shard-size 0", "is no size"},
        {"export 3 7 --out x --max-shard-size -1GB", "is no size"},
        {"export 3 7 --out x --max-shard-size 1e3", "is no size"},
        {"export 3 7 --format gguf", "--format \"gguf\" is not known"},
        {"export 3 7 --format mergekit --threads 2", "do not go with it"},
        {"export 3 7,8 --format mergekit", "one trial at a time"},
        {"export 3 7 --from-yaml x --out y", "give one of them"},
        {"export --from-yaml x --format mergekit", "do not go with it"},
        {"export --from-yaml x", "--out DIR is missing"},
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct fake fake;
        fake_init(&fake);
        assert_int_equal(fake_run(&fake, lines[i][0]), CLIENT_USAGE);
        assert_contains(fake.complaints, lines[i][1]);
        assert_int_equal(fake.asked_n, 0);
        fake_fini(&fake);
    }
}

/* The daemon is not there, or does not know the search: nothing of the search is there to go on with. */
static void test_no_search(void **state)
{
    static const char *const lines[] = {"export 3 1 --out zz", "--json export 3 1 --out zz",
                                        "export 3 1 --format mergekit", "export 3 1,2 --out zz"};
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct fake fake;
        fake_init(&fake);
        fake_answer(&fake, (struct fake_answer){.rc = ERR_UNREACHABLE});
        fake_says(&fake, 404, "{\"error\":\"there is no search 3\",\"code\":\"not_found\"}");
        assert_int_equal(fake_run(&fake, lines[i]), CLIENT_UNREACHABLE);
        assert_int_equal(fake_run(&fake, lines[i]), CLIENT_REFUSED);
        assert_contains(fake.complaints, "there is no search 3");
        fake_fini(&fake);
    }
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

static void refuses_out(struct setting *s, const char *trials, const char *out, const char *says)
{
    char *line = mem_printf("export 3 %s --out %s/%s", trials, s->directory, out);
    assert_int_equal(fake_run(&s->fake, line), CLIENT_REFUSED);
    assert_contains(s->fake.complaints, says);
    assert_int_equal(s->fake.asked_n, 0);
    mem_free(line);
}

static void test_places_that_are_none(void **state)
{
    struct setting s;
    (void)state;
    set_up(&s);
    char *none = mem_printf("there is no directory %s/a/b: make it first", s.directory);
    refuses_out(&s, "7", "a/b/c", none);
    refuses_out(&s, "7", "a/b/c//", none);
    refuses_out(&s, "7,8", "a/b/many", none);
    refuses_out(&s, "7", "s.json/x", "s.json is no directory");
    refuses_out(&s, "7,8", "s.json", "s.json is no directory: several trials need one");
    refuses_out(&s, "7 --format mergekit", "a/b/r.yml", none);
    mem_free(none);
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
    fake_says(&s.fake, 200, s.plan);
    fake_answer(&s.fake, (struct fake_answer){.status = 200, .body = s.digests, .interrupts = true});
    assert_int_equal(fake_run(&s.fake, s.export), CLIENT_DETACHED);
    assert_contains(s.fake.complaints, "interrupted");
    assert_int_equal(entries_of(s.directory), 3); /* base, tuned, s.json */
    tear_down(&s);
}

/* Ctrl-C while several are written: the directory that was made for them goes too. */
static void test_interrupted_with_several(void **state)
{
    struct setting s;
    (void)state;
    set_up(&s);
    char *line = mem_printf("export 3 7,9 --out %s/many", s.directory);
    fake_says(&s.fake, 200, s.search);
    fake_says(&s.fake, 200, done);
    fake_says(&s.fake, 200, done);
    fake_says(&s.fake, 200, s.plan);
    fake_answer(&s.fake, (struct fake_answer){.status = 200, .body = s.digests, .interrupts = true});
    assert_int_equal(fake_run(&s.fake, line), CLIENT_DETACHED);
    assert_false(is_there(&s, "many"));
    mem_free(line);
    tear_down(&s);
}

/* What a killed export left is named by the next one. */
static void test_leftovers_are_named(void **state)
{
    struct setting s;
    (void)state;
    set_up(&s);
    char *left = mem_printf("%s/merged.partial-2147483646", s.directory);
    assert_int_equal(mkdir(left, 0777), 0);
    says_all(&s, done);
    assert_int_equal(fake_run(&s.fake, s.export), CLIENT_OK);
    assert_contains(s.fake.complaints, "merged.partial-2147483646: ");
    mem_free(left);
    tear_down(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_command_lines_that_are_none),
        cmocka_unit_test(test_no_search),
        cmocka_unit_test(test_ratios_that_do_not_fit),
        cmocka_unit_test(test_places_that_are_none),
        cmocka_unit_test(test_interrupted),
        cmocka_unit_test(test_interrupted_with_several),
        cmocka_unit_test(test_leftovers_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
