/* front. */
#include "answers.h"
#include "fake.h"

static void test_front_forms(void **state)
{
    struct fake fake;
    (void)state;
    fake_init(&fake);
    for (int i = 0; i < 4; i++)
        fake_says(&fake, 200, FRONT_JSON("running", "12", HELDOUT_NONE));
    assert_int_equal(fake_run(&fake, "front 3"), CLIENT_OK);
    assert_string_equal(fake.asked[0].path, "/v1/searches/3/front");
    assert_memory_equal(fake.out, "ratios: layers 0-2 | layers 3-5\ntrial  kind ", 44);
    assert_contains(fake.out, "\nhypervolume 0.9270 (sweep 0.9220), held-out 0.9200 (sweep 0.9100)\n");
    assert_null(strstr(fake.out, "┤"));
    assert_int_equal(fake_run(&fake, "front 3 --plot"), CLIENT_OK);
    assert_contains(fake.out, "┤");
    assert_int_equal(fake_run(&fake, "front 3 --csv"), CLIENT_OK);
    assert_contains(fake.out, "\ntrial,kind,on_front,mean_ratio,");
    fake_says(&fake, 200, "{\"id\":3,\"spec\":{\"held_out\":true}}");
    assert_int_equal(fake_run(&fake, "front 3 --heldout"), CLIENT_REFUSED);
    assert_contains(fake.complaints, "has no held-out scores (yet): it is running");
    fake_fini(&fake);
}

/* A search that identifies: a sentence, and no empty table. */
static void test_no_front_at_all(void **state)
{
    static const char *const lines[] = {"front 3", "front 3 --pick knee", "front 3 --csv"};
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct fake fake;
        fake_init(&fake);
        fake_says(&fake, 200, FRONT_NOTE("done", "4"));
        assert_int_equal(fake_run(&fake, lines[i]), CLIENT_REFUSED);
        assert_string_equal(fake.out, "");
        assert_string_equal(fake.complaints, "paretoctl: search 3: this search identifies\n");
        fake_fini(&fake);
    }
}

static void test_what_a_model_says(void **state)
{
    struct fake fake;
    (void)state;
    fake_init(&fake);
    fake_says(&fake, 200, FRONT_INSIGHT);
    assert_int_equal(fake_run(&fake, "front 3 --raw --tax 0.05"), CLIENT_OK);
    assert_string_equal(fake.asked[0].path, "/v1/searches/3/front?front=raw&tax=0.050000000000000003");
    assert_contains(fake.out, "\nhypervolume 0.9270 (sweep 0.9220)\nby the model 0.9190, ");
    fake_says(&fake, 200, FRONT_INSIGHT);
    assert_int_equal(fake_run(&fake, "front 3 --tax 0.5 --plot"), CLIENT_OK);
    assert_string_equal(fake.asked[1].path, "/v1/searches/3/front?tax=0.5");
    fake_fini(&fake);
}

static void test_picks_for_scripts(void **state)
{
    static const struct {
        const char *line, *out, *said;
        int code;
    } cases[] = {
        {"front 3 --pick knee", "7\n", "", CLIENT_OK},
        {"front 3 --pick least-tax --tax 0.1", "2\n", "", CLIENT_OK},
        {"front 3 --pick certain", "", "search 3 has no trial that is its certain (yet)", CLIENT_REFUSED},
        {"front 3 --pick best", "", "there are knee, certain and least-tax", CLIENT_USAGE}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fake fake;
        fake_init(&fake);
        fake_says(&fake, 200, FRONT_INSIGHT);
        assert_int_equal(fake_run(&fake, cases[i].line), cases[i].code);
        assert_string_equal(fake.out, cases[i].out);
        assert_contains(fake.complaints, cases[i].said);
        fake_fini(&fake);
    }
}

/* What JSON calls a pick is a word too. */
static void test_words_of_json(void **state)
{
    struct fake fake;
    (void)state;
    fake_init(&fake);
    for (int i = 0; i < 2; i++)
        fake_says(&fake, 200, FRONT_INSIGHT);
    assert_int_equal(fake_run(&fake, "front 3 --pick least_tax --json"), CLIENT_OK);
    assert_int_equal(fake_run(&fake, "front 3 --pick least_tax"), CLIENT_OK);
    assert_string_equal(fake.out, "{\"trial\":2}\n2\n");
    fake_fini(&fake);
}

/* After the last score the model comes: picks are of the final one. */
static void test_the_final_model_is_waited_for(void **state)
{
    struct fake fake;
    (void)state;
    fake_init(&fake);
    fake_answer(&fake, (struct fake_answer){.status = 200, .etag = "a", .body = FRONT_EARLY});
    fake_answer(&fake, (struct fake_answer){.status = 304, .etag = "a", .waits_us = 5000000});
    fake_answer(&fake,
                (struct fake_answer){.status = 200, .etag = "b", .body = FRONT_INSIGHT, .waits_us = 1000000});
    assert_int_equal(fake_run(&fake, "front 3 --pick knee"), CLIENT_OK);
    assert_string_equal(fake.out, "7\n");
    assert_string_equal(fake.asked[1].path, "/v1/searches/3/front?wait=5");
    assert_string_equal(fake.asked[1].etag, "a");
    assert_string_equal(fake.complaints,
                        "paretoctl: the search is over and its model not yet: it knows 57 of 152 events; "
                        "waiting up to 60 s\n");
    fake_fini(&fake);
}

static void test_a_model_that_does_not_come(void **state)
{
    struct fake fake;
    (void)state;
    for (int pick = 0; pick < 2; pick++) {
        fake_init(&fake);
        fake_answer(&fake, (struct fake_answer){.status = 200, .etag = "a", .body = FRONT_EARLY});
        for (int i = 0; i < 12; i++)
            fake_answer(&fake, (struct fake_answer){.status = 304, .etag = "a", .waits_us = 5000000});
        assert_int_equal(fake_run(&fake, pick ? "front 3 --tax 0.1 --pick knee" : "front 3 --tax 0.1"),
                         CLIENT_OK);
        assert_string_equal(fake.asked[1].path, "/v1/searches/3/front?tax=0.10000000000000001&wait=5");
        assert_contains(pick ? fake.complaints : fake.out, "the model knows 57 of 152 events");
        if (pick)
            assert_string_equal(fake.out, "5\n");
        fake_fini(&fake);
    }
}

static void test_a_tax_is_a_share(void **state)
{
    static const char *const lines[] = {"front 3 --tax 5%", "front 3 --tax 1.5", "front 3 --tax -1",
                                        "front 3 --tax x", "front 3 --tax nan"};
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct fake fake;
        fake_init(&fake);
        assert_int_equal(fake_run(&fake, lines[i]), CLIENT_USAGE);
        assert_contains(fake.complaints, "--tax \"");
        fake_fini(&fake);
    }
}

static void test_axes_of_the_picture(void **state)
{
    struct fake fake;
    (void)state;
    fake_init(&fake);
    for (int i = 0; i < 4; i++)
        fake_says(&fake, 200, FRONT_JSON("running", "12", HELDOUT_NONE));
    assert_int_equal(fake_run(&fake, "front 3 --x loss"), CLIENT_OK);
    assert_contains(fake.out, " reward (max)\n");
    assert_contains(fake.out, " loss (min) ");
    size_t before = fake.out_len;
    assert_int_equal(fake_run(&fake, "front 3 --plot --y reward --x reward"), CLIENT_OK);
    assert_contains(fake.out + before, " reward (max)\n");
    assert_contains(fake.out + before, " reward (max) ");
    assert_int_equal(fake_run(&fake, "front 3 --plot --y rewrad"), CLIENT_USAGE);
    assert_contains(fake.complaints, "--y: there is no objective \"rewrad\"; did you mean \"reward\"?");
    assert_int_equal(fake_run(&fake, "front 3 --x zzzzzzzzzzzz"), CLIENT_USAGE);
    assert_contains(fake.complaints,
                    "--x: there is no objective \"zzzzzzzzzzzz\"; there are \"reward\", \"loss\"");
    fake_fini(&fake);
}

static void test_a_narrow_terminal_has_two_tables(void **state)
{
    struct fake fake;
    (void)state;
    fake_init(&fake);
    fake.client.tty = true; /* of 80 columns */
    fake_says(&fake, 200, FRONT_JSON("done", "60", HELDOUT_SCORES));
    assert_int_equal(fake_run(&fake, "front 3"), CLIENT_OK);
    assert_contains(fake.out, "\n\ntrial  reward held-out ↑  loss held-out ↓\n");
    fake_fini(&fake);
}

static void test_a_search_that_nobody_works_on(void **state)
{
    struct fake fake;
    (void)state;
    fake_init(&fake);
    fake_says(&fake, 200, FRONT_STALLED);
    assert_int_equal(fake_run(&fake, "front 3"), CLIENT_OK);
    assert_contains(fake.out, "\n" STALLED_LINE);
    fake_fini(&fake);
}

static void test_a_search_made_without_heldout_scores(void **state)
{
    struct fake fake;
    (void)state;
    fake_init(&fake);
    fake_says(&fake, 200, FRONT_JSON("done", "60", HELDOUT_NONE));
    fake_says(&fake, 200, "{\"id\":3,\"spec\":{\"held_out\":false}}");
    assert_int_equal(fake_run(&fake, "front 3 --heldout"), CLIENT_REFUSED);
    assert_string_equal(fake.asked[1].path, "/v1/searches/3");
    assert_contains(fake.complaints, "search 3 was made without held-out scores;");
    fake_fini(&fake);
}

static void test_front_json_is_one_line(void **state)
{
    struct fake fake;
    (void)state;
    fake_init(&fake);
    fake_says(&fake, 200, "{ \"id\" : 3,\n \"x\" : 0.1 }\n");
    assert_int_equal(fake_run(&fake, "--json front 3"), CLIENT_OK);
    assert_string_equal(fake.out, "{\"id\":3,\"x\":0.1}\n");
    fake_fini(&fake);
}

static void test_front_that_is_none(void **state)
{
    struct fake fake;
    (void)state;
    fake_init(&fake);
    fake_says(&fake, 200, "{\"id\":3}");
    assert_int_equal(fake_run(&fake, "front 3"), CLIENT_REFUSED);
    assert_contains(fake.complaints, "is not a front");
    fake_fini(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_front_forms),
        cmocka_unit_test(test_no_front_at_all),
        cmocka_unit_test(test_axes_of_the_picture),
        cmocka_unit_test(test_what_a_model_says),
        cmocka_unit_test(test_picks_for_scripts),
        cmocka_unit_test(test_a_tax_is_a_share),
        cmocka_unit_test(test_words_of_json),
        cmocka_unit_test(test_the_final_model_is_waited_for),
        cmocka_unit_test(test_a_model_that_does_not_come),
        cmocka_unit_test(test_a_narrow_terminal_has_two_tables),
        cmocka_unit_test(test_a_search_that_nobody_works_on),
        cmocka_unit_test(test_a_search_made_without_heldout_scores),
        cmocka_unit_test(test_front_json_is_one_line),
        cmocka_unit_test(test_front_that_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
