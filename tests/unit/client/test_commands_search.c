/* submit, searches, pause. */
#include "../merge/fixture.h"
#include "answers.h"
#include "fake.h"

static const char good[] =
    "{\"name\":\"toy\",\"objectives\":[{\"name\":\"a\",\"metric\":\"x.a\",\"goal\":\"max\"}],"
    "\"evaluator\":{\"type\":\"command\",\"argv\":[\"./ev\"],\"merge\":\"none\"},\"groups\":{\"count\":2},"
    "\"strategy\":{\"type\":\"sweep\"}}";

static const char with_models[] =
    "{\"models\":{\"base\":\"/a\",\"tuned\":\"/"
    "b\"},\"objectives\":[{\"name\":\"a\",\"metric\":\"x.a\",\"goal\":\"max\"}],"
    "\"evaluator\":{\"type\":\"command\",\"argv\":[\"./ev\"]}}";

static const char made[] = "{\"id\":3,\"name\":\"toy\",\"state\":\"running\"}";

/* Writes `spec` to a file and runs "submit FILE rest". */
static int submit(struct fake *fake, const char *spec, const char *rest)
{
    char *directory = fixture_directory();
    char *line = mem_printf("submit %s/s.json %s", directory, rest);
    fixture_text(directory, "s.json", spec);
    int code = fake_run(fake, line);
    mem_free(line);
    fixture_remove(directory);
    return code;
}

static void test_submit_sends_the_canonical_search(void **state)
{
    struct fake fake;
    (void)state;
    fake_init(&fake);
    fake_says(&fake, 201, made);
    assert_int_equal(submit(&fake, good, "--key mine --set budget.trials=7"), CLIENT_OK);
    assert_string_equal(fake.out, "search 3 \"toy\" submitted\n");
    assert_string_equal(fake.asked[0].path, "/v1/searches");
    assert_string_equal(fake.asked[0].key, "mine");
    assert_contains(fake.asked[0].body, "\"trials\":7");
    assert_contains(fake.asked[0].body, "\"seed\":1"); /* a default, spelled out */
    fake_fini(&fake);
}

/* Rows that another program wrote, as those of "python -m paretod import-optuna". */
static void test_submit_with_given_rows(void **state)
{
    static const struct {
        const char *rows;
        int code;
        const char *said;
    } cases[] = {
        {"[{\"ratios\":[0.25,1],\"scores\":{\"a\":{\"mean\":2,\"stderr\":0.5}},\"source\":\"b\"}]", CLIENT_OK,
         ""},
        {"[{\"ratios\":[0.25,1],\"scores\":{\"b\":2,\"a\":1}}]", CLIENT_REFUSED,
         "given[0].scores.b: is not the name"},
        {"[{", CLIENT_REFUSED, "given.json"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fake fake;
        char *directory = fixture_directory();
        char *line = mem_printf("submit %s/s.json --given %s/given.json", directory, directory);
        fake_init(&fake);
        fake_says(&fake, 201, made);
        fixture_text(directory, "s.json", good);
        fixture_text(directory, "given.json", cases[i].rows);
        assert_int_equal(fake_run(&fake, line), cases[i].code);
        assert_contains(fake.complaints, cases[i].said);
        if (cases[i].code == CLIENT_OK) {
            char *wanted = mem_printf("\"given\":%s", cases[i].rows);
            assert_contains(fake.asked[0].body, wanted);
            mem_free(wanted);
        }
        fake_fini(&fake);
        fixture_remove(directory);
        mem_free(line);
    }
}

static void test_warnings_are_said(void **state)
{
    struct fake fake;
    (void)state;
    fake_init(&fake);
    fake_says(&fake, 201,
              "{\"id\":3,\"name\":\"toy\",\"state\":\"running\",\"warnings\":[{\"field\":\"models.tuned\","
              "\"text\":\"another chat template\"},{\"field\":\"output.rounding\",\"text\":\"small\"}]}");
    assert_int_equal(submit(&fake, good, ""), CLIENT_OK);
    assert_string_equal(fake.out, "search 3 \"toy\" submitted\n");
    assert_string_equal(fake.complaints, "paretoctl: warning: models.tuned: another chat template\n"
                                         "paretoctl: warning: output.rounding: small\n");
    fake_fini(&fake);
}

/* Large checkpoints are minutes of reading. */
static void test_a_long_check_is_waited_for(void **state)
{
    struct fake fake;
    (void)state;
    fake_init(&fake);
    fake_answer(&fake, (struct fake_answer){.status = 201, .body = made, .waits_us = 600000000});
    assert_int_equal(submit(&fake, with_models, ""), CLIENT_OK);
    assert_string_equal(fake.out, "search 3 \"toy\" submitted\n");
    assert_string_equal(fake.complaints,
                        "paretoctl: the daemon is reading both checkpoints to check the search; "
                        "for large ones this takes minutes\n");
    assert_true(fake.asked[0].timeout_s > 3600);
    fake_fini(&fake);
    fake_init(&fake); /* nothing is read for a function of ratios */
    fake_answer(&fake, (struct fake_answer){.status = 201, .body = made, .waits_us = 20000000});
    assert_int_equal(submit(&fake, good, ""), CLIENT_OK);
    assert_string_equal(fake.complaints, "");
    assert_true(fake.asked[0].timeout_s == 0);
    fake_fini(&fake);
}

static void test_an_interrupted_submit_says_how_to_go_on(void **state)
{
    struct fake fake;
    (void)state;
    fake_init(&fake);
    fake_answer(&fake, (struct fake_answer){.rc = ERR_CANCELLED, .interrupts = true});
    assert_int_equal(submit(&fake, good, "--key mine"), CLIENT_DETACHED);
    assert_contains(fake.complaints, "interrupted");
    assert_contains(fake.complaints, "submit again with --key mine");
    fake_fini(&fake);
}

static void test_the_same_key_again(void **state)
{
    struct fake fake;
    (void)state;
    fake_init(&fake);
    fake_says(&fake, 200, made);
    assert_int_equal(submit(&fake, good, "--key mine"), CLIENT_OK);
    assert_contains(fake.out, "was submitted before with this key");
    fake_fini(&fake);
}

static void test_a_lost_answer_is_asked_for_again_with_the_same_key(void **state)
{
    struct fake fake;
    (void)state;
    fake_init(&fake);
    fake_answer(&fake, (struct fake_answer){.rc = ERR_TIMEOUT});
    fake_says(&fake, 503, "{\"error\":\"the daemon is stopping; try again\",\"code\":\"unreachable\"}");
    fake_says(&fake, 200, made);
    assert_int_equal(submit(&fake, good, "--json"), CLIENT_OK);
    assert_int_equal(fake.asked_n, 3);
    assert_true(fake.now_us == 200000 + 400000); /* pauses that double */
    assert_int_equal(strlen(fake.asked[0].key), strlen("paretoctl-") + 32);
    assert_string_equal(fake.asked[0].key, fake.asked[1].key);
    assert_string_equal(fake.asked[0].key, fake.asked[2].key);
    assert_string_equal(fake.asked[0].body, fake.asked[2].body);
    assert_string_equal(fake.out, "{\"id\":3,\"name\":\"toy\",\"state\":\"running\"}\n");
    assert_string_equal(fake.complaints, "");
    fake_fini(&fake);
}

static void test_two_submits_have_two_keys(void **state)
{
    struct fake fake;
    (void)state;
    fake_init(&fake);
    fake_says(&fake, 201, made);
    fake_says(&fake, 201, made);
    assert_int_equal(submit(&fake, good, ""), CLIENT_OK);
    assert_int_equal(submit(&fake, good, ""), CLIENT_OK);
    assert_string_not_equal(fake.asked[0].key, fake.asked[1].key);
    fake_fini(&fake);
}

static void test_no_daemon(void **state)
{
    struct fake fake;
    (void)state;
    fake_init(&fake);
    for (int i = 0; i < 3; i++)
        fake_answer(&fake, (struct fake_answer){.rc = ERR_UNREACHABLE});
    assert_int_equal(submit(&fake, good, ""), CLIENT_UNREACHABLE);
    assert_contains(fake.complaints, "paretod --db DIR");
    fake_fini(&fake);
}

static void test_every_wrong_field_is_a_line(void **state)
{
    struct fake fake;
    (void)state;
    fake_init(&fake);
    assert_int_equal(submit(&fake, "{\"objectives\":3,\"bugdet\":{}}", ""), CLIENT_REFUSED);
    assert_int_equal(fake.asked_n, 0);
    assert_contains(fake.complaints, "/s.json: bugdet: ");
    assert_contains(fake.complaints, "/s.json: objectives: ");
    fake_fini(&fake);
    fake_init(&fake);
    fake_says(&fake, 422,
              "{\"error\":\"2 fields are wrong\",\"code\":\"invalid\",\"fields\":[{\"field\":\"models.base\","
              "\"error\":\"is not there\"},{\"field\":\"groups\",\"error\":\"do not fit\"}]}");
    assert_int_equal(submit(&fake, good, ""), CLIENT_REFUSED);
    assert_contains(fake.complaints, "/s.json: models.base: is not there\n");
    assert_contains(fake.complaints, "/s.json: groups: do not fit\n");
    assert_contains(fake.complaints, "/s.json: 2 fields to change\n");
    fake_fini(&fake);
}

static void test_files_that_cannot_be_read(void **state)
{
    struct fake fake;
    (void)state;
    fake_init(&fake);
    assert_int_equal(submit(&fake, "{\"name\":", ""), CLIENT_REFUSED);
    assert_contains(fake.complaints, "/s.json");
    assert_int_equal(fake_run(&fake, "submit /nonexistent/s.json"), CLIENT_REFUSED);
    assert_contains(fake.complaints, "/nonexistent/s.json");
    assert_int_equal(submit(&fake, good, "--set budget.trials.x=7"), CLIENT_OK + CLIENT_REFUSED);
    assert_int_equal(submit(&fake, good, "--set budget"), CLIENT_USAGE);
    assert_contains(fake.complaints, "--set budget: write it as budget.trials=60");
    assert_int_equal(fake.asked_n, 0);
    fake_fini(&fake);
}

static void test_submit_and_watch(void **state)
{
    struct fake fake;
    (void)state;
    fake_init(&fake);
    fake_says(&fake, 201, made);
    fake_answer(&fake, (struct fake_answer){
                           .status = 200, .etag = "e1", .body = FRONT_JSON("cancelled", "9", "null")});
    fake_says(&fake, 200, made);
    assert_int_equal(submit(&fake, good, "--watch"), CLIENT_ENDED);
    assert_string_equal(fake.asked[1].path, "/v1/searches/3/front?wait=0");
    fake_fini(&fake);
}

static void test_searches(void **state)
{
    struct fake fake;
    (void)state;
    fake_init(&fake);
    fake_says(
        &fake, 200,
        "{\"searches\":[{\"id\":4,\"name\":\"b\",\"state\":\"failed\",\"reason\":\"disk\\u001b full\\n"
        "0123456789012345678901234567890123456789012345678901234567890123456789\","
        "\"strategy\":\"hma\",\"created\":\"2026-01-02T03:04:05Z\",\"progress\":{\"total\":60,\"done\":12,"
        "\"failed\":1},\"eta_s\":null,\"hypervolume\":0.5},{\"id\":3,\"name\":\"a\",\"state\":\"running\","
        "\"reason\":null,\"strategy\":\"sobol\",\"created\":\"2026-01-02T03:04:04Z\",\"progress\":"
        "{\"total\":5,\"done\":0,\"failed\":0},\"eta_s\":90,\"hypervolume\":null}]}");
    assert_int_equal(fake_run(&fake, "searches"), CLIENT_OK);
    assert_string_equal(
        fake.out,
        "id  name  state    strategy   done  failed         ETA  hypervolume  created\n"
        " 4  b     failed   hma       12/60       1           -       0.5000  2026-01-02T03:04:05Z\n"
        " 3  a     running  sobol       0/5       0  1 min 30 s            -  2026-01-02T03:04:04Z\n"
        "search 4 failed: disk? full?012345678901234567890123456789012345678901234567890…\n");
    fake_fini(&fake);
    fake_init(&fake);
    fake_says(
        &fake, 200,
        "{\"searches\":[{\"id\":4,\"name\":\"b\",\"state\":\"running\",\"stalled\":\"tensor\\u001b x "
        "differs; give "
        "this worker the files that the search was submitted with, then start it again\",\"eta_s\":null}]}");
    assert_int_equal(fake_run(&fake, "searches"), CLIENT_OK);
    assert_contains(
        fake.out,
        "\n! nobody works on search 4: tensor? x differs; give this worker the files that the search was "
        "submitted with, then start it again (paretoctl workers)\n");
    fake_fini(&fake);
    fake_init(&fake);
    fake_says(&fake, 200, "{\"searches\":[]}");
    assert_int_equal(fake_run(&fake, "searches"), CLIENT_OK);
    assert_contains(fake.out, "no searches yet");
    fake_fini(&fake);
}

static void test_pause_resume_cancel(void **state)
{
    struct fake fake;
    (void)state;
    fake_init(&fake);
    fake_says(&fake, 200, "{\"id\":3,\"state\":\"pau\\u001bsed\"}");
    fake_says(&fake, 409, "{\"error\":\"search 3 is done\",\"code\":\"conflict\"}");
    fake_says(&fake, 200, "{\"id\":3,\"state\":\"cancelled\"}");
    assert_int_equal(fake_run(&fake, "pause 3"), CLIENT_OK);
    assert_int_equal(fake_run(&fake, "resume 3"), CLIENT_REFUSED);
    assert_int_equal(fake_run(&fake, "cancel 3 --json"), CLIENT_OK);
    assert_string_equal(fake.out, "search 3 is pau?sed\n{\"id\":3,\"state\":\"cancelled\"}\n");
    assert_string_equal(fake.asked[0].path, "/v1/searches/3/pause");
    assert_string_equal(fake.asked[1].path, "/v1/searches/3/resume");
    assert_string_equal(fake.asked[2].path, "/v1/searches/3/cancel");
    fake_fini(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_submit_sends_the_canonical_search),
        cmocka_unit_test(test_submit_with_given_rows),
        cmocka_unit_test(test_warnings_are_said),
        cmocka_unit_test(test_a_long_check_is_waited_for),
        cmocka_unit_test(test_an_interrupted_submit_says_how_to_go_on),
        cmocka_unit_test(test_the_same_key_again),
        cmocka_unit_test(test_a_lost_answer_is_asked_for_again_with_the_same_key),
        cmocka_unit_test(test_two_submits_have_two_keys),
        cmocka_unit_test(test_no_daemon),
        cmocka_unit_test(test_every_wrong_field_is_a_line),
        cmocka_unit_test(test_files_that_cannot_be_read),
        cmocka_unit_test(test_submit_and_watch),
        cmocka_unit_test(test_searches),
        cmocka_unit_test(test_pause_resume_cancel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
