/* front, trials. */
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
    assert_int_equal(fake_run(&fake, "front 3 --heldout"), CLIENT_REFUSED);
    assert_contains(fake.complaints, "has no held-out scores (yet): it is running");
    fake_fini(&fake);
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

#define PAGE_1                                                                                               \
    "{\"trials\":[{\"number\":1,\"kind\":\"sweep\",\"state\":\"done\",\"ratios\":[0,0.5],\"attempts\":1,"    \
    "\"reason\":null,\"worker\":\"w1\",\"wall_s\":0.3,\"objectives\":[{\"name\":\"acc\",\"mean\":0.5,"       \
    "\"stderr\":0.1}]}],\"next\":1}"
#define PAGE_2                                                                                               \
    "{\"trials\":[{\"number\":2,\"kind\":\"hma\",\"state\":\"quarantined\",\"ratios\":[1,1],\"attempts\":3," \
    "\"reason\":\"it died\",\"worker\":null,\"wall_s\":null,\"objectives\":null}],\"next\":null}"

static void test_trials_of_all_pages(void **state)
{
    struct fake fake;
    (void)state;
    fake_init(&fake);
    fake_says(&fake, 200, PAGE_1);
    fake_says(&fake, 200, PAGE_2);
    assert_int_equal(fake_run(&fake, "trials 3"), CLIENT_OK);
    assert_string_equal(fake.asked[0].path, "/v1/searches/3/trials?limit=500");
    assert_string_equal(fake.asked[1].path, "/v1/searches/3/trials?limit=500&after=1");
    assert_string_equal(
        fake.out, "trial  kind   state        ratios     acc            failed    took  worker  reason\n"
                  "    1  sweep  done         0.00 0.50  0.500 ± 0.100       1  300 ms  w1\n"
                  "    2  hma    quarantined  1.00 1.00  -                   3       -  -       it died\n");
    fake_fini(&fake);
}

static void test_who_works_on_a_trial_now(void **state)
{
    struct fake fake;
    (void)state;
    fake_init(&fake);
    fake_says(
        &fake, 200,
        "{\"trials\":[{\"number\":4,\"kind\":\"hma\",\"state\":\"leased\",\"ratios\":[0],\"attempts\":0,"
        "\"wall_s\":0,\"worker\":null},{\"number\":5,\"kind\":\"hma\",\"state\":\"ready\",\"ratios\":[0],"
        "\"attempts\":2,\"wall_s\":0,\"worker\":null}],\"next\":null}");
    fake_says(
        &fake, 200,
        "{\"workers\":[{\"name\":\"w7\",\"leases\":[{\"search\":2,\"trial\":4},{\"search\":2,"
        "\"trial\":5}]},{\"worker\":\"w8.1\",\"name\":\"w8\",\"leases\":[{\"search\":3,\"trial\":4}]}]}");
    assert_int_equal(fake_run(&fake, "trials 3"), CLIENT_OK);
    assert_string_equal(fake.asked[1].path, "/v1/workers");
    assert_string_equal(fake.out, "trial  kind  state   ratios  failed  took  worker  reason\n"
                                  "    4  hma   leased  0.00         0     -  w8\n"
                                  "    5  hma   ready   0.00         2     -  -\n");
    fake_fini(&fake);
}

static void test_trials_json_joins_the_pages(void **state)
{
    struct fake fake;
    (void)state;
    fake_init(&fake);
    fake_says(&fake, 200, "{\"trials\":[{\"number\":1},{\"number\":2}],\"next\":2}");
    fake_says(&fake, 200, "{\"trials\":[{\"number\":3}],\"next\":null}");
    assert_int_equal(fake_run(&fake, "trials 3 --json"), CLIENT_OK);
    assert_string_equal(fake.out,
                        "{\"trials\":[{\"number\":1},{\"number\":2},{\"number\":3}],\"next\":null}\n");
    fake_fini(&fake);
}

static void test_pages_that_go_in_circles(void **state)
{
    struct fake fake;
    (void)state;
    fake_init(&fake);
    fake_says(&fake, 200, PAGE_1);
    fake_says(&fake, 200, PAGE_1);
    assert_int_equal(fake_run(&fake, "trials 3"), CLIENT_REFUSED);
    assert_contains(fake.complaints, "round in a circle");
    fake_fini(&fake);
}

static void test_trials_csv_as_it_comes(void **state)
{
    struct fake fake;
    (void)state;
    fake_init(&fake);
    fake_says(&fake, 200, "trial,kind\r\n1,sweep\r\n");
    fake_says(&fake, 404, "{\"error\":\"there is no search 4\",\"code\":\"not_found\"}");
    assert_int_equal(fake_run(&fake, "trials 3 --csv"), CLIENT_OK);
    assert_string_equal(fake.asked[0].path, "/v1/searches/3/trials.csv");
    assert_string_equal(fake.out, "trial,kind\r\n1,sweep\r\n");
    assert_int_equal(fake_run(&fake, "trials 4 --csv"), CLIENT_REFUSED);
    assert_contains(fake.complaints, "there is no search 4");
    fake_fini(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_front_forms),
        cmocka_unit_test(test_axes_of_the_picture),
        cmocka_unit_test(test_a_narrow_terminal_has_two_tables),
        cmocka_unit_test(test_front_json_is_one_line),
        cmocka_unit_test(test_front_that_is_none),
        cmocka_unit_test(test_trials_of_all_pages),
        cmocka_unit_test(test_who_works_on_a_trial_now),
        cmocka_unit_test(test_trials_json_joins_the_pages),
        cmocka_unit_test(test_pages_that_go_in_circles),
        cmocka_unit_test(test_trials_csv_as_it_comes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
