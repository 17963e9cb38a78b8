/* Watching a search. */
#include "answers.h"
#include "fake.h"

#define LINE_OF(STATE, DONE, SPEED)                                                                          \
    "search 3 " STATE ": " DONE "/60 done, 2 running" SPEED                                                  \
    ", hypervolume 0.9270 (sweep 0.9220), held-out 0.9200 (sweep 0.9100)\n"

static void says_front(struct fake *fake, const char *etag, const char *body)
{
    fake_answer(fake, (struct fake_answer){.status = 200, .etag = etag, .body = body});
}

static void test_a_line_a_change_in_a_pipe(void **state)
{
    struct fake fake;
    (void)state;
    fake_init(&fake);
    says_front(&fake, "\"3-1\"", FRONT_JSON("running", "12", HELDOUT_NONE));
    fake_answer(&fake, (struct fake_answer){.status = 304, .etag = "\"3-1\""});
    says_front(&fake, "\"3-2\"", FRONT_JSON("running", "12", HELDOUT_NONE)); /* no news */
    says_front(&fake, "\"3-3\"", FRONT_JSON("running", "15", HELDOUT_NONE));
    fake_answer(&fake, (struct fake_answer){.status = 200,
                                            .etag = "\"3-4\"",
                                            .body = FRONT_JSON("running", "21", HELDOUT_NONE),
                                            .waits_us = 2900000});
    says_front(&fake, "\"3-5\"", FRONT_JSON("done", "60", HELDOUT_NONE));
    assert_int_equal(fake_run(&fake, "watch 3"), CLIENT_OK);
    assert_string_equal(
        fake.out,
        LINE_OF("running", "12", ", ETA 13 s") LINE_OF("running", "15", ", ETA 13 s") /* measured from here */
        LINE_OF("running", "21", ", 2 trials/s, ETA 13 s") /* 6 trials in a pause of 0.1 s and 2.9 s */
        LINE_OF("done", "60", ""));
    assert_string_equal(fake.asked[0].path, "/v1/searches/3/front?wait=0");
    assert_null(fake.asked[0].etag);
    assert_string_equal(fake.asked[1].path, "/v1/searches/3/front?wait=5");
    assert_string_equal(fake.asked[1].etag, "\"3-1\"");
    assert_string_equal(fake.asked[3].etag, "\"3-2\"");
    assert_string_equal(fake.complaints, "");
    fake_fini(&fake);
}

static void test_ends_that_are_not_done(void **state)
{
    struct fake fake;
    (void)state;
    fake_init(&fake);
    says_front(&fake, "a", FRONT_JSON("failed", "12", HELDOUT_NONE));
    fake_says(&fake, 200, "{\"id\":3,\"reason\":\"both ends\\u001b are lost\"}");
    assert_int_equal(fake_run(&fake, "watch 3"), CLIENT_ENDED);
    assert_string_equal(fake.asked[1].path, "/v1/searches/3");
    assert_string_equal(fake.complaints, "paretoctl: search 3 ended failed: both ends? are lost\n");
    fake_fini(&fake);
    fake_init(&fake);
    says_front(&fake, "a", FRONT_JSON("cancelled", "12", HELDOUT_NONE));
    fake_says(&fake, 200, "{\"id\":3,\"reason\":null}");
    assert_int_equal(fake_run(&fake, "watch 3"), CLIENT_ENDED);
    assert_string_equal(fake.complaints, "paretoctl: search 3 ended cancelled\n");
    fake_fini(&fake);
    fake_init(&fake);
    fake_says(&fake, 404, "{\"error\":\"there is no search 3\",\"code\":\"not_found\"}");
    assert_int_equal(fake_run(&fake, "watch 3"), CLIENT_REFUSED);
    fake_fini(&fake);
}

static void test_ctrl_c_detaches(void **state)
{
    struct fake fake;
    (void)state;
    fake_init(&fake);
    says_front(&fake, "a", FRONT_JSON("running", "12", HELDOUT_NONE));
    fake_answer(&fake, (struct fake_answer){.rc = ERR_CANCELLED, .interrupts = true});
    assert_int_equal(fake_run(&fake, "watch 3"), CLIENT_DETACHED);
    assert_contains(fake.complaints, "search 3 goes on");
    fake_fini(&fake);
}

static void test_a_daemon_that_restarts(void **state)
{
    struct fake fake;
    (void)state;
    fake_init(&fake);
    says_front(&fake, "a", FRONT_JSON("running", "12", HELDOUT_NONE));
    fake_says(&fake, 503, "{\"error\":\"the daemon is stopping; try again\",\"code\":\"unreachable\"}");
    for (int i = 0; i < 5; i++)
        fake_answer(&fake, (struct fake_answer){.rc = ERR_UNREACHABLE});
    says_front(&fake, "b", FRONT_JSON("done", "60", HELDOUT_NONE));
    assert_int_equal(fake_run(&fake, "watch 3"), CLIENT_OK);
    assert_string_equal(fake.complaints, "paretoctl: the daemon does not answer; trying again for 60 s\n");
    fake_fini(&fake);
}

/* The last line is of the final model, or says that it did not come. */
static void test_the_model_comes_after_the_last_score(void **state)
{
    struct fake fake;
    (void)state;
    for (int comes = 0; comes < 2; comes++) {
        fake_init(&fake);
        says_front(&fake, "a", FRONT_JSON("running", "12", HELDOUT_NONE));
        says_front(&fake, "b", FRONT_EARLY);
        for (int i = 0; i < (comes ? 1 : 10); i++) {
            fake_answer(&fake, (struct fake_answer){.status = 304, .etag = "b", .waits_us = 6000000});
            says_front(&fake, "b", FRONT_EARLY);
        }
        if (comes)
            says_front(&fake, "c", FRONT_JSON("done", "60", HELDOUT_NONE));
        assert_int_equal(fake_run(&fake, "watch 3"), CLIENT_OK);
        assert_string_equal(fake.asked[2].path, "/v1/searches/3/front?wait=2");
        assert_contains(fake.out, comes ? "search 3 done: 60/60" : "the model knows 57 of 152 events");
        assert_contains(fake.complaints, "it knows 57 of 152 events; waiting up to 60 s\n");
        fake_fini(&fake);
    }
}

#define WORKERS(STATE) "{\"workers\":[{\"worker\":\"w1\",\"state\":\"" STATE "\"}]}"

static void says_nothing_for(struct fake *fake, int64_t seconds)
{
    fake_answer(fake, (struct fake_answer){.status = 304, .etag = "a", .waits_us = seconds * 1000000});
}

/* Said at once, and no worker is looked for: there are some. */
static void test_a_search_that_all_refuse(void **state)
{
    struct fake fake;
    (void)state;
    fake_init(&fake);
    says_front(&fake, "a", FRONT_JSON("running", "12", HELDOUT_NONE));
    says_front(&fake, "b", FRONT_STALLED);
    says_nothing_for(&fake, 20);
    says_nothing_for(&fake, 20);
    says_front(&fake, "c", FRONT_JSON("done", "60", HELDOUT_NONE));
    assert_int_equal(fake_run(&fake, "watch 3"), CLIENT_OK);
    assert_contains(fake.out, "search 3 running: 0/0 done\n" STALLED_LINE);
    assert_string_equal(fake.complaints, "");
    assert_int_equal(fake.asked_n, 5);
    fake_fini(&fake);
}

/* Only who works on it has changed. */
static void test_standing_still_is_news(void **state)
{
    struct fake fake;
    (void)state;
    fake_init(&fake);
    says_front(&fake, "a", FRONT_STALLED);
    says_front(&fake, "b", FRONT_STALLED);
    says_front(&fake, "c", FRONT_NEAR_ENDS("running", "0", "0"));
    says_front(&fake, "d", FRONT_STALLED);
    says_front(&fake, "e", FRONT_NEAR_ENDS("done", "0", "0"));
    assert_int_equal(fake_run(&fake, "watch 3"), CLIENT_OK);
    const char *first = strstr(fake.out, STALLED_LINE),
               *second = first ? strstr(first + 1, STALLED_LINE) : NULL;
    assert_non_null(second);
    assert_null(strstr(second + 1, STALLED_LINE));
    fake_fini(&fake);
}

static void test_no_worker_is_said_once(void **state)
{
    struct fake fake;
    (void)state;
    fake_init(&fake);
    says_front(&fake, "a", FRONT_JSON("running", "12", HELDOUT_NONE));
    says_nothing_for(&fake, 4);
    says_nothing_for(&fake, 1);
    fake_says(&fake, 200, WORKERS("idle")); /* asked[3] */
    says_nothing_for(&fake, 20);
    fake_says(&fake, 500, "{\"error\":\"no\",\"code\":\"io\"}"); /* says nothing about workers */
    says_nothing_for(&fake, 20);
    fake_says(&fake, 200, WORKERS("lost"));
    says_nothing_for(&fake, 20);
    says_front(&fake, "b", FRONT_JSON("done", "60", HELDOUT_NONE));
    assert_int_equal(fake_run(&fake, "watch 3 --daemon host:1"), CLIENT_OK);
    assert_string_equal(fake.asked[3].path, "/v1/workers");
    assert_string_equal(fake.asked[4].path, "/v1/searches/3/front?wait=20");
    assert_string_equal(fake.complaints,
                        "paretoctl: no worker is connected: start one with pareto-worker --daemon host:1\n");
    fake_fini(&fake);
}

/* Workers come back after the daemon: just then none is there. */
static void test_after_a_restart_workers_have_time(void **state)
{
    struct fake fake;
    (void)state;
    fake_init(&fake);
    says_front(&fake, "a", FRONT_JSON("running", "12", HELDOUT_NONE));
    for (int i = 0; i < 7; i++)
        fake_answer(&fake, (struct fake_answer){.rc = ERR_UNREACHABLE});
    says_nothing_for(&fake, 0);
    says_front(&fake, "b", FRONT_JSON("done", "60", HELDOUT_NONE));
    assert_int_equal(fake_run(&fake, "watch 3"), CLIENT_OK);
    assert_int_equal(fake.asked_n, 10);
    fake_fini(&fake);
}

static void test_a_paused_search_asks_for_no_worker(void **state)
{
    struct fake fake;
    (void)state;
    fake_init(&fake);
    says_front(&fake, "a", FRONT_JSON("paused", "12", HELDOUT_NONE));
    says_nothing_for(&fake, 20);
    says_front(&fake, "b", FRONT_JSON("done", "60", HELDOUT_NONE));
    assert_int_equal(fake_run(&fake, "watch 3"), CLIENT_OK);
    assert_string_equal(fake.complaints, "");
    fake_fini(&fake);
}

static int call_nobody(struct client *client, const struct http_request *request,
                       struct http_response *response, struct err *err)
{
    struct fake *fake = client->ctx;
    if (fake->asked_n < fake->answers_n)
        return fake_call(client, request, response, err);
    *response = (struct http_response){0};
    return err_set(err, ERR_UNREACHABLE, "nothing there");
}

static void test_a_daemon_that_stays_away(void **state)
{
    const struct client_world world = {call_nobody, fake_now, fake_pause};
    struct fake fake;
    (void)state;
    fake_init(&fake);
    fake.client.world = &world;
    assert_int_equal(fake_run(&fake, "watch 3"), CLIENT_UNREACHABLE);
    assert_int_equal(fake.pauses_n, 0); /* it was never there: no use in waiting */
    says_front(&fake, "a", FRONT_JSON("running", "12", HELDOUT_NONE));
    assert_int_equal(fake_run(&fake, "watch 3"), CLIENT_UNREACHABLE);
    assert_int_equal(fake.pauses_n, 1 + 60);
    fake_fini(&fake);
}

static void test_without_an_etag_it_does_not_spin(void **state)
{
    struct fake fake;
    (void)state;
    fake_init(&fake);
    says_front(&fake, "", FRONT_JSON("running", "12", HELDOUT_NONE));
    says_front(&fake, "", FRONT_JSON("done", "60", HELDOUT_NONE));
    assert_int_equal(fake_run(&fake, "watch 3"), CLIENT_OK);
    assert_true(fake.now_us >= 1000000);
    fake_fini(&fake);
}

static void test_the_last_line_warns(void **state)
{
    struct fake fake;
    (void)state;
    fake_init(&fake);
    for (int i = 0; i < 2; i++) {
        says_front(&fake, "a", FRONT_NEAR_ENDS("running", "1", "1"));
        says_front(&fake, "b", FRONT_NEAR_ENDS("done", "1", "1"));
    }
    assert_int_equal(fake_run(&fake, "watch 3"), CLIENT_OK);
    assert_contains(fake.out, "search 3 done: 0/0 done, hypervolume 0.9000\nreward: the two ends differ by ");
    size_t before = fake.out_len;
    assert_int_equal(fake_run(&fake, "watch 3 --json"), CLIENT_OK);
    assert_null(strstr(fake.out + before, "the two ends"));
    fake_fini(&fake);
}

static void test_json_lines(void **state)
{
    struct fake fake;
    (void)state;
    fake_init(&fake);
    says_front(&fake, "a", FRONT_JSON("running", "12", HELDOUT_NONE));
    says_front(&fake, "b", FRONT_JSON("done", "60", HELDOUT_NONE));
    assert_int_equal(fake_run(&fake, "watch 3 --json"), CLIENT_OK);
    char *second = strchr(fake.out, '\n');
    assert_non_null(second);
    assert_memory_equal(fake.out, "{\"id\":3,", 8);
    assert_memory_equal(second + 1, "{\"id\":3,", 8);
    assert_ptr_equal(strchr(second + 1, '\n'), fake.out + fake.out_len - 1);
    fake_fini(&fake);
}

static void test_a_terminal_is_redrawn_in_place(void **state)
{
    struct fake fake;
    (void)state;
    fake_init(&fake);
    fake.client.tty = true;
    says_front(&fake, "a", FRONT_JSON("running", "12", HELDOUT_NONE));
    says_front(&fake, "b", FRONT_JSON("done", "60", HELDOUT_NONE));
    assert_int_equal(fake_run(&fake, "watch 3"), CLIENT_OK);
    /* 80 x 24: title, bar, hypervolume and a picture of 19 lines; the second frame starts 22 lines up */
    assert_memory_equal(fake.out, "\033[?7l\033[J", 8);
    assert_contains(fake.out, "\033[?7h\033[22A\r\033[?7l\033[Jsearch 3 \"toy\": done\n");
    assert_contains(fake.out, "● front");
    fake_fini(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_line_a_change_in_a_pipe),
        cmocka_unit_test(test_ends_that_are_not_done),
        cmocka_unit_test(test_ctrl_c_detaches),
        cmocka_unit_test(test_a_daemon_that_restarts),
        cmocka_unit_test(test_the_model_comes_after_the_last_score),
        cmocka_unit_test(test_a_daemon_that_stays_away),
        cmocka_unit_test(test_a_search_that_all_refuse),
        cmocka_unit_test(test_standing_still_is_news),
        cmocka_unit_test(test_no_worker_is_said_once),
        cmocka_unit_test(test_after_a_restart_workers_have_time),
        cmocka_unit_test(test_a_paused_search_asks_for_no_worker),
        cmocka_unit_test(test_without_an_etag_it_does_not_spin),
        cmocka_unit_test(test_the_last_line_warns),
        cmocka_unit_test(test_json_lines),
        cmocka_unit_test(test_a_terminal_is_redrawn_in_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
