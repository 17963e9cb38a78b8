/* What was acknowledged survives kill -9, and a search goes on as if nothing had been. */
#include "fixture.h"

#include <math.h>

struct job {
    char token[80];
    int trial;
    char half[16];
    double ratios[2];
};

static void register_worker(const struct fixture *f, char id[64])
{
    struct json *body;
    assert_int_equal(
        call(f, "POST", "/v1/workers", "{\"name\":\"h:1\",\"slots\":1,\"version\":\"t\"}", &body), 200);
    snprintf(id, 64, "%s", json_string_or(json_get(body, "worker"), ""));
    json_free(body);
}

/* 200 and a job, or the other status. */
static int lease(const struct fixture *f, const char *worker, struct job *job)
{
    struct json *body;
    char *request = mem_printf("{\"worker\":\"%s\",\"wait_s\":5}", worker);
    int status = call(f, "POST", "/v1/leases", request, &body);
    mem_free(request);
    if (status == 200) {
        snprintf(job->token, sizeof job->token, "%s", json_string_or(json_get(body, "lease"), ""));
        snprintf(job->half, sizeof job->half, "%s", json_string_or(json_get(body, "half"), ""));
        job->trial = (int)json_number_or(json_get(body, "trial"), -1);
        const struct json *x = json_first(json_get(body, "ratios"));
        job->ratios[0] = json_number_or(x, NAN);
        job->ratios[1] = json_number_or(json_next(x), NAN);
    }
    json_free(body);
    return status;
}

static int deliver(const struct fixture *f, const struct job *job, bool *duplicate)
{
    struct json *body;
    double x = job->ratios[0], y = job->ratios[1];
    double a = x + y - 0.3 * (x - y) * (x - y), b = 2 - x * x - y * y;
    char *path = mem_printf("/v1/leases/%s/result", job->token);
    char *request =
        mem_printf("{\"scores\":[{\"metric\":\"t.a\",\"mean\":%.17g,\"stderr\":0.1,\"n\":2,\"items\":[1,2]},"
                   "{\"metric\":\"t.b\",\"mean\":%.17g,\"stderr\":null,\"n\":2,\"items\":null}],"
                   "\"merge_s\":0.5,\"evaluate_s\":1.5,\"effective\":[%.17g,null]}",
                   a, b, 0.9 * x);
    int status = call(f, "POST", path, request, &body);
    *duplicate = json_bool_or(json_get(body, "duplicate"), false);
    mem_free(path);
    mem_free(request);
    json_free(body);
    return status;
}

static void submit_search(const struct fixture *f)
{
    struct json *body;
    assert_int_equal(call_with(f, "POST", "/v1/searches", "Idempotency-Key: k\r\n", SEARCH, &body), 201);
    json_free(body);
}

static bool is_over(const struct fixture *f)
{
    struct json *body;
    assert_int_equal(call(f, "GET", "/v1/searches/1", NULL, &body), 200);
    const char *state = json_string_or(json_get(body, "state"), "");
    bool over = strcmp(state, "running") && strcmp(state, "confirming");
    json_free(body);
    return over;
}

/* All trials as text, without times and workers. */
static char *trials_of(const struct fixture *f)
{
    struct json *body;
    struct buf buf;
    buf_init(&buf, 1 << 20);
    assert_int_equal(call(f, "GET", "/v1/searches/1/trials?limit=1000", NULL, &body), 200);
    for (const struct json *t = json_first(json_get(body, "trials")); t; t = json_next(t)) {
        static const char *const keys[] = {"number",    "stream",   "step",       "state", "ratios",
                                           "effective", "warnings", "objectives", "scores"};
        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
            json_write(&buf, json_get(t, keys[i]));
        buf_text(&buf, "\n");
    }
    json_free(body);
    return buf_take(&buf);
}

/* Works until the search is over; kills the daemon at every kill_every-th step, before or after a delivery. */
static char *run_search(struct fixture *f, int kill_every)
{
    char worker[64];
    submit_search(f);
    register_worker(f, worker);
    for (int step = 1; !is_over(f); step++) {
        struct job job;
        bool duplicate;
        int status = lease(f, worker, &job);
        if (status == 404) {
            register_worker(f, worker);
            continue;
        }
        if (status == 204)
            continue;
        assert_int_equal(status, 200);
        bool before = kill_every && step % kill_every == 0, after = kill_every && step % kill_every == 1;
        if (before) {
            daemon_kill(f);
            daemon_start(f, 30);
        }
        assert_int_equal(deliver(f, &job, &duplicate),
                         200); /* also to a daemon that does not know the worker */
        assert_false(duplicate);
        if (after) { /* the answer got lost: once more */
            daemon_kill(f);
            daemon_start(f, 30);
            assert_int_equal(deliver(f, &job, &duplicate), 200);
            assert_true(duplicate);
        }
    }
    return trials_of(f);
}

static void test_kill_9_changes_nothing(void **state)
{
    struct fixture *killed = *state;
    void *other = NULL;
    fixture_setup(&other);
    char *calm = run_search(other, 0);
    char *rough = run_search(killed, 4);
    assert_string_equal(calm, rough);
    mem_free(calm);
    mem_free(rough);
    fixture_teardown(&other);
}

static void test_front_is_the_same_after_a_restart(void **state)
{
    struct fixture *f = *state;
    mem_free(run_search(f, 0));
    const char *request = "GET /v1/searches/1/front HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    char *before = exchange_raw(f, request, strlen(request));
    daemon_stop(f);
    daemon_start(f, 30);
    char *after = exchange_raw(f, request, strlen(request));
    assert_string_equal(strstr(before, "\r\n\r\n"), strstr(after, "\r\n\r\n"));
    mem_free(before);
    mem_free(after);
}

/* The trial of the sweep with ratio 1 everywhere: 0.9 came out in its first group, the second has no update. */
static void test_effective_ratios_are_kept_and_warned_of(void **state)
{
    struct fixture *f = *state;
    struct json *body;
    mem_free(run_search(f, 3));
    assert_int_equal(call(f, "GET", "/v1/searches/1/front", NULL, &body), 200);
    int end = -1;
    for (const struct json *p = json_first(json_get(body, "sweep")); p; p = json_next(p)) {
        assert_true(json_number_or(json_first(json_get(p, "effective")), -1) ==
                    0.9 * json_number_or(json_first(json_get(p, "ratios")), -1));
        if (json_number_or(json_get(p, "mean_ratio"), 0) == 1)
            end = (int)json_number_or(json_get(p, "trial"), -1);
    }
    json_free(body);
    char *path = mem_printf("/v1/searches/1/trials/%d", end);
    assert_int_equal(call(f, "GET", path, NULL, &body), 200);
    mem_free(path);
    const struct json *effective = json_get(body, "effective"), *warnings = json_get(body, "warnings");
    assert_true(json_number_or(json_first(effective), -1) == 0.9);
    assert_true(json_is(json_next(json_first(effective)), JSON_NULL));
    assert_int_equal(json_len(warnings), 1);
    assert_string_equal(json_string_or(json_first(warnings), ""),
                        "group 1: ratio 1 was asked for, 0.9 came out: so says the evaluator, which applies "
                        "the ratios itself");
    json_free(body);
}

static void test_keys_survive(void **state)
{
    struct fixture *f = *state;
    struct json *body;
    submit_search(f);
    daemon_kill(f);
    daemon_start(f, 30);
    assert_int_equal(call_with(f, "POST", "/v1/searches", "Idempotency-Key: k\r\n", SEARCH, &body), 200);
    assert_true(json_number_or(json_get(body, "id"), 0) == 1);
    json_free(body);
    char *other = mem_strdup(SEARCH);
    memcpy(strstr(other, "\"t\""), "\"u\"", 3);
    assert_int_equal(call_with(f, "POST", "/v1/searches", "Idempotency-Key: k\r\n", other, NULL), 409);
    assert_int_equal(call_with(f, "POST", "/v1/searches", "Idempotency-Key: k2\r\n", other, NULL), 201);
    mem_free(other);
}

static void test_cancelled_leases_are_gone(void **state)
{
    struct fixture *f = *state;
    struct job job;
    bool duplicate;
    char worker[64];
    submit_search(f);
    register_worker(f, worker);
    assert_int_equal(lease(f, worker, &job), 200);
    assert_int_equal(call(f, "POST", "/v1/searches/1/cancel", "", NULL), 200);
    char *path = mem_printf("/v1/leases/%s/heartbeat", job.token);
    assert_int_equal(call(f, "POST", path, "{}", NULL), 410);
    mem_free(path);
    assert_int_equal(deliver(f, &job, &duplicate), 410);
    assert_int_equal(call(f, "POST", "/v1/searches/1/resume", "", NULL), 409);
    daemon_kill(f);
    daemon_start(f, 30);
    assert_int_equal(deliver(f, &job, &duplicate), 410);
}

static void test_pause_gives_out_nothing(void **state)
{
    struct fixture *f = *state;
    struct job job;
    bool duplicate;
    char worker[64];
    submit_search(f);
    register_worker(f, worker);
    assert_int_equal(lease(f, worker, &job), 200);
    assert_int_equal(call(f, "POST", "/v1/searches/1/pause", "", NULL), 200);
    assert_int_equal(call(f, "POST", "/v1/searches/1/pause", "", NULL), 409);
    assert_int_equal(deliver(f, &job, &duplicate), 200);
    char *request = mem_printf("{\"worker\":\"%s\",\"wait_s\":0}", worker);
    assert_int_equal(call(f, "POST", "/v1/leases", request, NULL), 204);
    assert_int_equal(call(f, "POST", "/v1/searches/1/resume", "", NULL), 200);
    mem_free(request);
    assert_int_equal(lease(f, worker, &job), 200);
}

static void test_results_without_a_metric_quarantine(void **state)
{
    struct fixture *f = *state;
    struct job job;
    char worker[64];
    struct json *body;
    submit_search(f);
    register_worker(f, worker);
    assert_int_equal(lease(f, worker, &job), 200);
    int first = job.trial;
    do {
        char *path = mem_printf("/v1/leases/%s/result", job.token);
        assert_int_equal(call(f, "POST", path,
                              "{\"scores\":[{\"metric\":\"t.a\",\"mean\":1,\"stderr\":0,\"n\":1}]}", NULL),
                         422);
        mem_free(path);
        assert_int_equal(lease(f, worker, &job), 200);
    } while (job.trial == first);
    char *path = mem_printf("/v1/searches/1/trials/%d", first);
    assert_int_equal(call(f, "GET", path, NULL, &body), 200);
    mem_free(path);
    assert_string_equal(json_string_or(json_get(body, "state"), ""), "quarantined");
    assert_non_null(strstr(json_string_or(json_get(body, "reason"), ""), "t.b"));
    json_free(body);
}

static void test_wrong_searches_name_every_field(void **state)
{
    struct fixture *f = *state;
    struct json *body;
    const char *wrong =
        "{\"name\":\"t\",\"models\":{\"base\":\"/nonexistent/a\",\"tuned\":\"relative\"},"
        "\"groups\":{\"count\":2},\"evaluator\":{\"type\":\"native\",\"bundle\":\"/nonexistent/b\"},"
        "\"objectives\":[{\"name\":\"a\",\"metric\":\"t.a\",\"goal\":\"max\"},"
        "{\"name\":\"b\",\"metric\":\"t.b\",\"goal\":\"max\"}],"
        "\"strategy\":{\"type\":\"sobol\"},\"budget\":{\"trials\":20}}";
    assert_int_equal(call(f, "POST", "/v1/searches", wrong, &body), 422);
    static const char *const fields[] = {"models.base", "models.tuned", "evaluator.bundle"};
    const struct json *at = json_first(json_get(body, "fields"));
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++, at = json_next(at))
        assert_string_equal(json_string_or(json_get(at, "field"), ""), fields[i]);
    assert_null(at);
    json_free(body);
}

static void test_relative_commands_are_refused(void **state)
{
    struct fixture *f = *state;
    struct json *body;
    static const char *const words[] = {"\"./score.py\"", "\"/bin/sh\",\"../score.sh\""};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        char *at = strstr(SEARCH, "\"/bin/true\"");
        char *wrong =
            mem_printf("%.*s%s%s", (int)(at - SEARCH), SEARCH, words[i], at + strlen("\"/bin/true\""));
        assert_int_equal(call(f, "POST", "/v1/searches", wrong, &body), 422);
        const struct json *field = json_first(json_get(body, "fields"));
        assert_string_equal(json_string_or(json_get(field, "field"), ""),
                            i ? "evaluator.argv[1]" : "evaluator.argv[0]");
        assert_non_null(
            strstr(json_string_or(json_get(field, "error"), ""), "give an absolute path; paretoctl"));
        json_free(body);
        mem_free(wrong);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_kill_9_changes_nothing),
        TEST(test_front_is_the_same_after_a_restart),
        TEST(test_effective_ratios_are_kept_and_warned_of),
        TEST(test_keys_survive),
        TEST(test_cancelled_leases_are_gone),
        TEST(test_pause_gives_out_nothing),
        TEST(test_results_without_a_metric_quarantine),
        TEST(test_wrong_searches_name_every_field),
        TEST(test_relative_commands_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
