/* trials. */
#include "fake.h"

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

static void test_ratios_that_came_out_otherwise(void **state)
{
    struct fake fake;
    (void)state;
    fake_init(&fake);
    fake_says(&fake, 200,
              "{\"trials\":[{\"number\":1,\"kind\":\"hma\",\"state\":\"done\",\"ratios\":[0.4,0.5,1],"
              "\"effective\":[0.006,null,0.99],\"attempts\":0,\"wall_s\":0.3,\"worker\":\"w1\"},"
              "{\"number\":2,\"kind\":\"hma\",\"state\":\"ready\",\"ratios\":[0.4,0.5,1],\"effective\":null,"
              "\"attempts\":0}],\"next\":null}");
    assert_int_equal(fake_run(&fake, "trials 3"), CLIENT_OK);
    assert_string_equal(fake.out, "trial  kind  state  ratios                failed    took  worker  reason\n"
                                  "    1  hma   done   0.40→0.01* 0.50 1.00       0  300 ms  w1\n"
                                  "    2  hma   ready  0.40 0.50 1.00             0       -  -\n"
                                  "* asked for→what came out, where they are more than 0.02 apart: see "
                                  "\"output\" in docs/SEARCH.md\n");
    fake_fini(&fake);
}

static void test_how_a_model_proposed_them(void **state)
{
    struct fake fake;
    (void)state;
    fake_init(&fake);
    fake_says(
        &fake, 200,
        "{\"trials\":[{\"number\":1,\"kind\":\"sweep\",\"state\":\"done\",\"path\":\"direct\",\"share\":1,"
        "\"repeat_of\":null,\"ratios\":[0.4],\"attempts\":0,\"wall_s\":0.3,\"worker\":\"w1\"},"
        "{\"number\":2,\"kind\":\"bayes\",\"state\":\"stopped\",\"path\":\"model\",\"share\":0.375,"
        "\"repeat_of\":null,\"ratios\":[0.5],\"attempts\":0,\"wall_s\":0.1,\"worker\":\"w1\"},"
        "{\"number\":3,\"kind\":\"bayes\",\"state\":\"ready\",\"path\":\"repeat\",\"share\":0,"
        "\"repeat_of\":2,\"ratios\":[0.5],\"attempts\":0}],\"next\":null}");
    assert_int_equal(fake_run(&fake, "trials 3"), CLIENT_OK);
    assert_string_equal(fake.out,
                        "trial  kind   how          state         ratios  failed    took  worker  reason\n"
                        "    1  sweep               done          0.40         0  300 ms  w1\n"
                        "    2  bayes  model        stopped 38 %  0.50         0  100 ms  w1\n"
                        "    3  bayes  repeat of 2  ready         0.50         0       -  -\n");
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
        cmocka_unit_test(test_ratios_that_came_out_otherwise),
        cmocka_unit_test(test_trials_of_all_pages),
        cmocka_unit_test(test_how_a_model_proposed_them),
        cmocka_unit_test(test_who_works_on_a_trial_now),
        cmocka_unit_test(test_trials_json_joins_the_pages),
        cmocka_unit_test(test_pages_that_go_in_circles),
        cmocka_unit_test(test_trials_csv_as_it_comes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
