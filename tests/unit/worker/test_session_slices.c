/* worker/session.h: slices are told, and a trial is ended when the daemon says so. */
#include "played_daemon.h"

/* Tells one of four slices, then waits to be told to stop, or for a line that says so on its own. */
#define CUT(token, half, more, after)                                                                        \
    "{\"lease\":\"" token "\",\"search\":1,\"trial\":5,\"half\":\"" half "\",\"attempt\":1,\"seed\":1," more \
    "\"ratios\":[0.5],\"spec\":{\"objectives\":[{\"metric\":\"a\",\"goal\":\"max\"}],\"groups\":{\"count\":" \
    "1},\"strategy\":{\"type\":\"bayes\",\"early_stop\":0.5},"                                               \
    "\"evaluator\":{\"type\":\"command\",\"merge\":\"none\",\"slices\":4,\"argv\":[\"/bin/sh\",\"-c\","      \
    "\"read job; case $job in *slices*) echo '{\\\"slice\\\":1,\\\"of\\\":4,\\\"items\\\":7,"                \
    "\\\"scores\\\":{\\\"a\\\":0.125}}'; " after ";; esac; "                                                 \
    "echo '{\\\"scores\\\":{\\\"a\\\":0.25}}'\"]}}}"

static void a_stop_delivers_the_slices_so_far(void **state)
{
    struct daemon *d = *state;
    d->slice_stop = true;
    d->leases[0] = CUT("t1", "search", "", "read word");
    run(d);
    assert_int_equal(d->slices_n, 1);
    is_report(d, 0, "result {\"slices_done\":1,\"slices\":4,\"items\":7,",
              "\"metric\":\"a\",\"mean\":0.125,");
}

/* The daemon decides after it has answered: the report comes again, so that a long slice is not waited for. */
static void a_slice_is_asked_about_again(void **state)
{
    struct daemon *d = *state;
    d->change_mind = true;
    d->leases[0] = CUT("t1", "search", "", "read word");
    run(d);
    assert_int_equal(d->slices_n, 2);
    is_report(d, 0, "result {\"slices_done\":1,\"slices\":4,\"items\":7,", "\"mean\":0.125,");
}

static void a_slice_that_is_not_stopped_goes_on(void **state)
{
    struct daemon *d = *state;
    d->leases[0] = CUT("t1", "search", "", "sleep 0.3");
    run(d);
    assert_true(d->slices_n >= 1);
    is_report(d, 0, "result {\"slices_done\":4,\"slices\":4,", "\"mean\":0.25,");
}

/* Whatever becomes of a report: the result counts. */
static void a_slice_that_is_not_taken_is_no_failure(void **state)
{
    static const int statuses[] = {500, 422, 404, 0};
    (void)state;
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        struct daemon *d;
        set_up((void **)&d);
        d->slice_status = statuses[i];
        d->slice_stop = true; /* nobody may believe an answer of these */
        d->leases[0] = CUT("t1", "search", "", "sleep 0.3");
        run(d);
        assert_true(d->slices_n >= 1);
        is_report(d, 0, "result {\"slices_done\":4,", "\"mean\":0.25,");
        tear_down((void **)&d);
    }
}

/* As for a heartbeat: the trial is somebody else's now. */
static void a_slice_of_a_lost_lease_ends_it(void **state)
{
    struct daemon *d = *state;
    d->slice_status = 410;
    d->leases[0] = CUT("t1", "search", "", "sleep 100");
    d->leases[1] = LEASE("t2", "1", GOOD);
    run(d);
    assert_int_equal(d->reports_n, 1);
    is_report(d, 0, "result {", "0.25");
}

/* What is never stopped is not cut: the job says nothing of slices, and nothing is told. */
static void held_out_halves_and_repeats_are_not_cut(void **state)
{
    struct daemon *d = *state;
    d->slice_stop = true;
    d->leases[0] = CUT("t1", "heldout", "", "read word");
    d->leases[1] = CUT("t2", "search", "\"repeat\":1,", "read word");
    d->reports_wanted = 2;
    run(d);
    assert_int_equal(d->slices_n, 0);
    for (int i = 0; i < 2; i++)
        is_report(d, i, "result {\"slices_done\":1,\"slices\":1,\"items\":1,", "\"mean\":0.25,");
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN); /* as main.c does */
    const struct CMUnitTest tests[] = {
        TEST(a_stop_delivers_the_slices_so_far),   TEST(a_slice_is_asked_about_again),
        TEST(a_slice_that_is_not_stopped_goes_on), cmocka_unit_test(a_slice_that_is_not_taken_is_no_failure),
        TEST(a_slice_of_a_lost_lease_ends_it),     TEST(held_out_halves_and_repeats_are_not_cut),
    };
    return cmocka_run_group_tests_name("session_slices", tests, NULL, NULL);
}
