/* worker/session.h against a daemon that is played here: what is reported when leases or answers are not as they should
 * be. The long story (kills, restarts, lost leases) is told by tests/e2e with the real daemon. */
#include "worker/session.h"

#include "merge/files/safetensors.h"
#include "proto/buf.h"
#include "proto/log.h"
#include "proto/mem.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#define TURNS_MAX 8

/* The played daemon: gives the leases of `leases` one after another, answers results with `result_status`, writes down
 * every report, and stops the session after `reports_wanted` of them. */
struct daemon {
    char directory[40], address[128];
    int listener;
    pthread_t thread;
    pthread_mutex_t mutex;
    const char *registration;
    const char *leases[TURNS_MAX];
    int leases_n;
    int result_status, heartbeat_status;
    bool stop_at_heartbeat;
    int reports_wanted;
    void (*before_lease)(struct daemon *daemon, int lease);
    void (*at_digests)(struct daemon *daemon);
    int slice_status;             /* 0: no answer, the connection is closed */
    bool slice_stop, change_mind; /* the second time a slice comes */
    int slices_n;
    char *reports[TURNS_MAX]; /* "VERB BODY" */
    int reports_n, registrations;
    atomic_bool stop;
};

static int lease_answer(struct daemon *d, char *answer, size_t size)
{
    if (d->leases_n == TURNS_MAX || !d->leases[d->leases_n])
        return 204;
    if (d->before_lease)
        d->before_lease(d, d->leases_n);
    snprintf(answer, size, "%s", d->leases[d->leases_n++]);
    return 200;
}

/* Returns the status. */
static int handle(struct daemon *d, const char *path, const char *body, char *answer, size_t size)
{
    const char *verb = strrchr(path, '/') + 1;
    snprintf(answer, size, "{}");
    if (strcmp(path, "/v1/workers") == 0) {
        d->registrations++;
        snprintf(answer, size, "%s", d->registration);
        return 200;
    }
    if (strcmp(path, "/v1/leases") == 0)
        return lease_answer(d, answer, size);
    if (strcmp(verb, "digests") == 0 && d->at_digests)
        d->at_digests(d);
    if (strcmp(verb, "heartbeat") == 0) {
        if (d->stop_at_heartbeat)
            atomic_store(&d->stop, true);
        return d->heartbeat_status;
    }
    if (strcmp(verb, "slice") == 0) {
        d->slices_n++;
        bool stop = d->slice_stop || (d->change_mind && d->slices_n > 1);
        snprintf(answer, size, "{\"stop\":%s,\"lease_s\":30}", stop ? "true" : "false");
        return d->slice_status;
    }
    if (strcmp(verb, "result") != 0 && strcmp(verb, "failure") != 0 && strcmp(verb, "release") != 0)
        return 200;
    assert_true(d->reports_n < TURNS_MAX);
    d->reports[d->reports_n++] = mem_printf("%s %s", verb, body);
    bool last = d->reports_n == d->reports_wanted;
    if (last)
        atomic_store(&d->stop, true);
    if (strcmp(verb, "result") == 0 && d->result_status != 200 && !last) {
        snprintf(answer, size, "{\"error\":\"nobody asked for this metric\"}");
        return d->result_status;
    }
    return 200;
}

struct connection {
    struct daemon *daemon;
    int fd;
};

/* Reads one request into buf (headers and body); returns its body, NULL at the end of the connection. */
static const char *read_request(int fd, struct buf *buf)
{
    char bytes[4096];
    buf_clear(buf);
    for (;;) {
        const char *end = strstr(buf_str(buf), "\r\n\r\n");
        const char *length = strcasestr(buf_str(buf), "Content-Length:");
        size_t body_n = length ? strtoul(length + 15, NULL, 10) : 0;
        if (end && buf->len >= (size_t)(end + 4 - buf->data) + body_n)
            return end + 4;
        ssize_t n = read(fd, bytes, sizeof bytes);
        if (n <= 0)
            return NULL;
        buf_add(buf, bytes, (size_t)n);
    }
}

static void *serve(void *ctx)
{
    struct connection connection = *(struct connection *)ctx;
    struct daemon *d = connection.daemon;
    struct buf request;
    mem_free(ctx);
    buf_init(&request, 1 << 20);
    for (const char *body; (body = read_request(connection.fd, &request));) {
        char path[256], answer[4096], head[128];
        assert_int_equal(sscanf(request.data, "%*s %255s", path), 1);
        pthread_mutex_lock(&d->mutex);
        int status = handle(d, path, body, answer, sizeof answer);
        pthread_mutex_unlock(&d->mutex);
        if (!status)
            break;
        size_t n = status == 204 ? 0 : strlen(answer);
        int head_n = snprintf(head, sizeof head,
                              "HTTP/1.1 %d X\r\nLocation: /x\r\nContent-Length: %zu\r\n\r\n", status, n);
        if (send(connection.fd, head, (size_t)head_n, MSG_NOSIGNAL) < 0 ||
            send(connection.fd, answer, n, MSG_NOSIGNAL) < 0)
            break;
    }
    close(connection.fd);
    buf_fini(&request);
    return NULL;
}

static void *accept_all(void *ctx)
{
    struct daemon *d = ctx;
    pthread_t threads[64];
    int n = 0;
    for (int fd; (fd = accept(d->listener, NULL, NULL)) >= 0;) {
        struct connection *connection = mem_zero(1, sizeof *connection);
        *connection = (struct connection){d, fd};
        assert_true(n < 64);
        pthread_create(&threads[n++], NULL, serve, connection);
    }
    for (int i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
    return NULL;
}

static int set_up(void **state)
{
    struct daemon *d = mem_zero(1, sizeof *d);
    struct sockaddr_un where = {.sun_family = AF_UNIX};
    log_set_level(LOG_ERROR);
    snprintf(d->directory, sizeof d->directory, "/tmp/session-test-XXXXXX");
    assert_non_null(mkdtemp(d->directory));
    snprintf(where.sun_path, sizeof where.sun_path, "%s/socket", d->directory);
    snprintf(d->address, sizeof d->address, "unix:%s", where.sun_path);
    d->registration = "{\"worker\":\"w1\",\"lease_s\":30,\"heartbeat_s\":10,\"poll_s\":1}";
    d->result_status = d->heartbeat_status = d->slice_status = 200;
    d->reports_wanted = 1;
    pthread_mutex_init(&d->mutex, NULL);
    d->listener = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(d->listener, (struct sockaddr *)&where, sizeof where), 0);
    assert_int_equal(listen(d->listener, 16), 0);
    pthread_create(&d->thread, NULL, accept_all, d);
    *state = d;
    return 0;
}

static int tear_down(void **state)
{
    struct daemon *d = *state;
    char line[128];
    shutdown(d->listener, SHUT_RDWR);
    pthread_join(d->thread, NULL);
    close(d->listener);
    for (int i = 0; i < d->reports_n; i++)
        mem_free(d->reports[i]);
    snprintf(line, sizeof line, "rm -rf %s", d->directory);
    assert_int_equal(system(line), 0);
    mem_free(d);
    return 0;
}

static void run(struct daemon *d)
{
    struct err err = {0};
    struct session_options options = {
        .daemon = d->address, .name = "test", .scratch = d->directory, .slots = 1};
    assert_int_equal(session_run(&options, &d->stop, &err), 0);
}

static void is_report(const struct daemon *d, int i, const char *start, const char *part)
{
    if (i >= d->reports_n || strncmp(d->reports[i], start, strlen(start)) != 0 ||
        !strstr(d->reports[i], part))
        fail_msg("report %d of %d is not \"%s…%s…\" but %s", i, d->reports_n, start, part,
                 i < d->reports_n ? d->reports[i] : "missing");
}

#define LEASE(token, search, argv)                                                                           \
    "{\"lease\":\"" token "\",\"search\":" search                                                            \
    ",\"trial\":5,\"half\":\"search\",\"attempt\":1,\"seed\":1,"                                             \
    "\"ratios\":[0.5],\"spec\":{\"objectives\":[{\"metric\":\"a\",\"goal\":\"max\"}],\"groups\":{\"count\":" \
    "1},"                                                                                                    \
    "\"evaluator\":{\"type\":\"command\",\"merge\":\"none\",\"argv\":" argv "}}}"
#define ECHO(text) "[\"/bin/sh\",\"-c\",\"echo '" text "'\"]"
#define GOOD ECHO("{\\\"scores\\\":{\\\"a\\\":0.25}}")

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

/* ---- slices ---- */

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
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
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
        TEST(a_stop_delivers_the_slices_so_far),
        TEST(a_slice_is_asked_about_again),
        TEST(a_slice_that_is_not_stopped_goes_on),
        cmocka_unit_test(a_slice_that_is_not_taken_is_no_failure),
        TEST(a_slice_of_a_lost_lease_ends_it),
        TEST(held_out_halves_and_repeats_are_not_cut),
    };
    return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
