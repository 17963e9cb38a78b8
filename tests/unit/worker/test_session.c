/* worker/session.h against a daemon that is played here: what is reported when leases or answers are not as they should
 * be. The long story (kills, restarts, lost leases) is told by tests/e2e with the real daemon. */
#include "played_daemon.h"

#include "merge/files/safetensors.h"

static void scores_are_reported(void **state)
{
    struct daemon *d = *state;
    d->leases[0] = LEASE("t1", "1", GOOD);
    run(d);
    assert_int_equal(d->reports_n, 1);
    is_report(d, 0, "result {", "\"metric\":\"a\",\"mean\":0.25,");
}

static void a_failure_is_no_score(void **state)
{
    struct daemon *d = *state;
    d->leases[0] = LEASE("t1", "1", "[\"/bin/false\"]");
    run(d);
    assert_int_equal(d->reports_n, 1);
    is_report(d, 0, "failure {", "status 1");
    is_report(d, 0, "failure {", "\"code\":\"evaluator\"");
}

/* A newer daemon's search: were it not told, the lease would run out and be tried again without a reason. */
static void a_lease_that_cannot_be_read_is_failed(void **state)
{
    struct daemon *d = *state;
    d->leases[0] = "{\"lease\":\"t1\",\"search\":1,\"trial\":5,\"half\":\"search\",\"attempt\":1,\"seed\":1,"
                   "\"ratios\":[0.5],\"spec\":{\"telepathy\":true}}";
    d->leases[1] = LEASE("t2", "1", GOOD);
    d->reports_wanted = 2;
    run(d);
    is_report(d, 0, "failure {", "telepathy");
    is_report(d, 1, "result {", "0.25");
}

static void refused_scores_are_a_failure(void **state)
{
    struct daemon *d = *state;
    d->leases[0] = LEASE("t1", "1", GOOD);
    d->result_status = 422;
    d->reports_wanted = 2;
    run(d);
    is_report(d, 0, "result {", "0.25");
    is_report(d, 1, "failure {", "nobody asked for this metric");
}

/* The trial has its scores, or needs none any more: nothing failed. */
static void a_lease_that_is_gone_is_no_failure(void **state)
{
    struct daemon *d = *state;
    d->leases[0] = LEASE("t1", "1", GOOD);
    d->leases[1] = LEASE("t2", "1", GOOD);
    d->result_status = 410;
    d->reports_wanted = 2;
    run(d);
    is_report(d, 0, "result {", "0.25");
    is_report(d, 1, "result {", "0.25"); /* of the next lease */
}

static void a_redirect_delivers_nothing(void **state)
{
    struct daemon *d = *state;
    d->leases[0] = LEASE("t1", "1", GOOD);
    d->result_status = 302;
    d->reports_wanted = 3;
    run(d);
    is_report(d, 2, "result {", "0.25"); /* it was offered again */
}

/* directory/base or directory/tuned, of one weight. */
static void make_model(const struct daemon *d, const char *name)
{
    static const float weight[] = {1};
    const struct st_tensor tensor = {.name = "layers.0.w",
                                     .dtype = ST_F32,
                                     .rank = 1,
                                     .shape = {1},
                                     .elements = 1,
                                     .data = weight,
                                     .bytes = 4};
    char path[128];
    snprintf(path, sizeof path, "%s/%s", d->directory, name);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/%s/config.json", d->directory, name);
    FILE *config = fopen(path, "w");
    assert_non_null(config);
    fputs("{}", config);
    assert_int_equal(fclose(config), 0);
    snprintf(path, sizeof path, "%s/%s/model.safetensors", d->directory, name);
    assert_int_equal(st_write(path, &tensor, 1, NULL), 0);
}

static void remove_model(struct daemon *d, int lease)
{
    char path[128];
    snprintf(path, sizeof path, "%s/tuned/model.safetensors", d->directory);
    if (lease > 0)
        unlink(path);
}

/* A search keeps its files open. Another one with the same spec opens them anew: they may have been replaced. */
static void another_search_opens_anew(void **state)
{
    struct daemon *d = *state;
    char lease[3][1024];
    for (int i = 0; i < 3; i++) {
        snprintf(lease[i], sizeof lease[i],
                 "{\"lease\":\"t%d\",\"search\":%d,\"trial\":5,\"half\":\"search\",\"attempt\":1,\"seed\":1,"
                 "\"ratios\":[0.5],\"spec\":{\"models\":{\"base\":\"%s/base\",\"tuned\":\"%s/tuned\"},"
                 "\"objectives\":[{\"metric\":\"a\",\"goal\":\"max\"}],\"groups\":{\"count\":1},"
                 "\"evaluator\":{\"type\":\"command\",\"merge\":\"plan\",\"argv\":" GOOD "}}}",
                 i, i < 2 ? 1 : 2, d->directory, d->directory);
        d->leases[i] = lease[i];
    }
    make_model(d, "base");
    make_model(d, "tuned");
    d->before_lease = remove_model;
    d->reports_wanted = 3;
    run(d);
    is_report(d, 0, "result {", "0.25");
    is_report(d, 1, "result {", "0.25");
    is_report(d, 2, "failure {", "model.safetensors");
}

static void write_on(struct daemon *d)
{
    char path[128];
    snprintf(path, sizeof path, "%s/tuned/config.json", d->directory);
    FILE *config = fopen(path, "a");
    assert_non_null(config);
    fputs(" ", config);
    assert_int_equal(fclose(config), 0);
}

/* Files that change whenever they are looked at, as those of a copy that is under way: the job goes back uncounted. */
static void files_that_are_being_written_are_no_failure(void **state)
{
    struct daemon *d = *state;
    char lease[1024];
    snprintf(lease, sizeof lease,
             "{\"lease\":\"t1\",\"search\":1,\"trial\":5,\"half\":\"search\",\"attempt\":1,\"seed\":1,"
             "\"ratios\":[0.5],\"models\":{\"base\":\"00000000000000000000000000000001\","
             "\"tuned\":\"00000000000000000000000000000002\"},"
             "\"spec\":{\"models\":{\"base\":\"%s/base\",\"tuned\":\"%s/tuned\"},"
             "\"objectives\":[{\"metric\":\"a\",\"goal\":\"max\"}],\"groups\":{\"count\":1},"
             "\"evaluator\":{\"type\":\"command\",\"merge\":\"plan\",\"argv\":" GOOD "}}}",
             d->directory, d->directory);
    d->leases[0] = lease;
    d->at_digests = write_on;
    make_model(d, "base");
    make_model(d, "tuned");
    run(d);
    assert_int_equal(d->reports_n, 1);
    is_report(d, 0, "release {\"refused\":\"", "is being written to; wait until its files are whole");
}

#define BUSY "{\"worker\":\"w1\",\"lease_s\":30,\"heartbeat_s\":0.1,\"poll_s\":1}"
#define LONG "[\"/bin/sleep\",\"100\"]"

/* The daemon has given the trial to another worker: this one stops at once and says nothing about it. */
static void a_lost_lease_is_dropped(void **state)
{
    struct daemon *d = *state;
    d->registration = BUSY;
    d->heartbeat_status = 410;
    d->leases[0] = LEASE("t1", "1", LONG);
    d->leases[1] = LEASE("t2", "1", GOOD);
    run(d);
    assert_int_equal(d->reports_n, 1);
    is_report(d, 0, "result {", "0.25");
}

/* Told to stop, it gives the job back: that is no failure of the trial. */
static void a_stop_releases(void **state)
{
    struct daemon *d = *state;
    d->registration = BUSY;
    d->stop_at_heartbeat = true;
    d->leases[0] = LEASE("t1", "1", LONG);
    d->leases[1] = LEASE("t2", "1", GOOD);
    d->reports_wanted = TURNS_MAX;
    run(d);
    assert_int_equal(d->reports_n, 1);
    is_report(d, 0, "release {}", "");
}

/* Nonsense from the daemon must not make the worker spin: it registers once and polls on. */
static void odd_intervals_are_bounded(void **state)
{
    struct daemon *d = *state;
    d->registration = "{\"worker\":\"w1\",\"heartbeat_s\":-1e300,\"poll_s\":1e300}";
    d->leases[0] = LEASE("t1", "1", GOOD);
    run(d);
    assert_int_equal(d->registrations, 1);
    is_report(d, 0, "result {", "0.25");
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN); /* as main.c does */
    const struct CMUnitTest tests[] = {
        TEST(scores_are_reported),
        TEST(a_failure_is_no_score),
        TEST(a_lease_that_cannot_be_read_is_failed),
        TEST(refused_scores_are_a_failure),
        TEST(a_lease_that_is_gone_is_no_failure),
        TEST(a_redirect_delivers_nothing),
        TEST(another_search_opens_anew),
        TEST(files_that_are_being_written_are_no_failure),
        TEST(a_lost_lease_is_dropped),
        TEST(a_stop_releases),
        TEST(odd_intervals_are_bounded),
    };
    return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
