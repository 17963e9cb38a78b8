/* What models wrote, from a worker's result to whoever asks: kept where it is wanted, refused where it cannot be. */
#include "fixture.h"

#include "../contains.h"
#include "proto/limits.h"

#define SPEC(strategy, evaluator)                                                                            \
    "{\"name\":\"t\",\"groups\":{\"count\":1},\"evaluator\":{\"type\":\"command\",\"argv\":[\"/bin/true\"]," \
    "\"merge\":\"none\"" evaluator "},\"objectives\":[{\"metric\":\"q.certain\",\"goal\":\"max\"}],"         \
    "\"strategy\":{\"type\":\"" strategy "\"},\"budget\":{\"trials\":2,\"attempts\":100},\"held_out\":true}"
#define RESULT(items, more)                                                                                  \
    "{\"scores\":[{\"metric\":\"q.certain\",\"mean\":0.5,\"stderr\":0.1,\"n\":2,\"items\":[0,1]},"           \
    "{\"metric\":\"r.acc\",\"mean\":0.5,\"stderr\":null,\"n\":3},{\"metric\":\"x.y.z\",\"mean\":1,\"n\":1}]" \
    ",\"items\":" #items more "}"
#define TWO                                                                                                  \
    "{\"id\":\"a\",\"output\":\"x\"},{\"id\":\"b\",\"output\":\"y\",\"samples\":[\"y\",\"z\"],\"cut\":true}"

static int64_t number(const struct json *root, const char *key)
{
    int64_t n = -1;
    assert_true(json_whole(json_get(root, key), 0, INT64_MAX, &n));
    return n;
}

static int64_t new_search(const struct fixture *f, const char *spec)
{
    struct json *root;
    int status = call(f, "POST", "/v1/searches", spec, &root);
    int64_t id = status == 201 ? number(root, "id") : -1;
    assert_int_equal(status, 201);
    json_free(root);
    return id;
}

static void join(const struct fixture *f, char worker[64])
{
    struct json *root;
    assert_int_equal(
        call(f, "POST", "/v1/workers", "{\"name\":\"h:1\",\"slots\":8,\"version\":\"x\"}", &root), 200);
    snprintf(worker, 64, "%s", json_string_or(json_get(root, "worker"), ""));
    json_free(root);
}

/* The next lease. */
static void take(const struct fixture *f, const char *worker, char token[96])
{
    struct json *root;
    char body[128];
    snprintf(body, sizeof body, "{\"worker\":\"%s\",\"wait_s\":10}", worker);
    assert_int_equal(call(f, "POST", "/v1/leases", body, &root), 200);
    snprintf(token, 96, "%s", json_string_or(json_get(root, "lease"), ""));
    json_free(root);
}

/* What the daemon says to a result; the caller's. */
static struct json *deliver(const struct fixture *f, const char *token, const char *body, int status)
{
    struct json *root;
    char path[160];
    snprintf(path, sizeof path, "/v1/leases/%s/result", token);
    int got = call(f, "POST", path, body, &root);
    if (got != status)
        fail_msg("%d: %s", got, json_string_or(json_get(root, "error"), ""));
    return root;
}

static void accepted(const struct fixture *f, const char *worker, const char *body)
{
    char token[96];
    take(f, worker, token);
    json_free(deliver(f, token, body, 200));
}

/* "written" of a trial, as text. */
static void kept(const struct fixture *f, int64_t search, int trial, const char *want)
{
    struct json *root;
    struct buf buf;
    char path[96];
    snprintf(path, sizeof path, "/v1/searches/%d/trials/%d/written", (int)search, trial);
    assert_int_equal(call(f, "GET", path, NULL, &root), 200);
    assert_int_equal(number(root, "trial"), trial);
    buf_init(&buf, 100000);
    json_write(&buf, json_get(root, "written"));
    assert_string_equal(buf_str(&buf), want);
    buf_fini(&buf);
    json_free(root);
}

static void texts_outlive_the_daemon(void **state)
{
    struct fixture *f = *state;
    char worker[64];
    int64_t id = new_search(f, SPEC("identify", ""));
    join(f, worker);
    kept(f, id, 0, "{}");
    accepted(f, worker, RESULT(5, ",\"written\":{\"q\":[" TWO "]}"));
    accepted(f, worker, RESULT(5, ",\"written\":null"));
    accepted(f, worker,
             RESULT(5, ",\"written\":{\"q\":[" TWO "],\"r\":[" TWO ",{\"id\":\"c\",\"output\":\"\"}]}"));
    const char *both = "{\"search\":{\"q\":[" TWO "]},\"heldout\":{\"q\":[" TWO "],\"r\":[" TWO
                       ",{\"id\":\"c\",\"output\":\"\"}]}}";
    kept(f, id, 0, both);
    daemon_kill(f);
    daemon_start(f, 30);
    kept(f, id, 0, both);
    kept(f, id, 1, "{}");
}

/* Nothing of the result is kept, and the job is tried again. */
static void what_cannot_be_is_refused(void **state)
{
    static const struct {
        const char *body, *sentence;
    } bad[] = {
        {RESULT(5, ",\"written\":[]"), "written: must be an object"},
        {RESULT(5, ",\"written\":{\"q\":[{\"id\":\"a\",\"output\":7},{}]}"),
         "written.q[0].output: must be a text"},
        {RESULT(5, ",\"written\":{\"q\":[{\"id\":\"a\",\"output\":\"x\"}]}"),
         "written.q: has 1 items, but scores[0] is of 2; send one an item"},
        {RESULT(5, ",\"written\":{\"q\":[" TWO "],\"r\":[" TWO "]}"),
         "written.r: has 2 items, but scores[1] is of 3"},
        {RESULT(5, ",\"written\":{\"q\":[" TWO "," TWO "," TWO "]}"),
         "written: has 6 items, but 5 were scored"},
        {RESULT(5, ",\"written\":{\"other\":[" TWO "]}"), "written.other: there is no score of such a task"},
        {RESULT(5, ",\"written\":{\"x\":[" TWO "]}"), "written.x: there is no score of such a task"},
        {RESULT(5, ",\"written\":{\"q.certain\":[" TWO "]}"), "written.q.certain: there is no score"},
        {RESULT(5, ",\"slices_done\":1,\"slices\":2,\"written\":{\"q\":[" TWO "]}"),
         "written: is of whole evaluations; leave it out of scores in part"},
    };
    struct fixture *f = *state;
    char worker[64], token[96];
    int64_t id = new_search(f, SPEC("identify", ""));
    join(f, worker);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        take(f, worker, token);
        struct json *root = deliver(f, token, bad[i].body, 422);
        assert_contains(json_string_or(json_get(root, "error"), ""), bad[i].sentence);
        json_free(root);
        kept(f, id, 0, "{}");
    }
    take(f, worker, token); /* bytes that are no UTF-8 are no JSON; the lease lives on */
    struct json *root = deliver(
        f, token, RESULT(5, ",\"written\":{\"q\":[" TWO ",{\"id\":\"a\",\"output\":\"\xff\"}]}"), 400);
    assert_contains(json_string_or(json_get(root, "error"), ""), "not UTF-8");
    json_free(root);
    json_free(deliver(f, token, RESULT(5, ",\"written\":{\"q\":[" TWO "]}"), 200));
    kept(f, id, 0, "{\"search\":{\"q\":[" TWO "]}}");
}

static void more_than_there_is_room_for(void **state)
{
    static char text[LIMIT_WRITTEN_TEXT_BYTES + 1];
    struct fixture *f = *state;
    struct buf body;
    char worker[64], token[96];
    new_search(f, SPEC("identify", ""));
    join(f, worker);
    memset(text, 'x', sizeof text - 1);
    buf_init(&body, 2 * LIMIT_WRITTEN_BYTES);
    buf_text(&body, "{\"scores\":[{\"metric\":\"q.certain\",\"mean\":0,\"n\":1}],\"written\":{\"q\":[");
    for (size_t i = 0; i <= LIMIT_WRITTEN_BYTES / LIMIT_WRITTEN_TEXT_BYTES; i++)
        buf_printf(&body, "%s{\"id\":\"%zu\",\"output\":\"%s\"}", i ? "," : "", i, text);
    buf_text(&body, "]}}");
    assert_false(body.full);
    take(f, worker, token);
    struct json *root = deliver(f, token, buf_str(&body), 422);
    assert_contains(json_string_or(json_get(root, "error"), ""),
                    "written: is larger than 4 MiB; leave it out");
    json_free(root);
    buf_fini(&body);
}

/* A search that did not ask for texts does not grow by them, whatever they are; one that asked does. */
static void only_where_they_are_wanted(void **state)
{
    struct fixture *f = *state;
    char worker[64];
    int64_t without = new_search(f, SPEC("sobol", "")),
            with = new_search(f, SPEC("sobol", ",\"written\":true"));
    join(f, worker);
    for (int i = 0; i < 4; i++)
        accepted(f, worker, RESULT(5, ",\"written\":{\"q\":[" TWO "]}"));
    for (int i = 0; i < 2; i++) {
        kept(f, without, i, "{}");
        kept(f, with, i, "{\"search\":{\"q\":[" TWO "]}}");
    }
}

static void a_result_twice_changes_nothing(void **state)
{
    struct fixture *f = *state;
    char worker[64], token[96];
    int64_t id = new_search(f, SPEC("identify", ""));
    join(f, worker);
    take(f, worker, token);
    json_free(deliver(f, token, RESULT(5, ",\"written\":{\"q\":[" TWO "]}"), 200));
    struct json *root =
        deliver(f, token, RESULT(5, ",\"written\":{\"q\":[" TWO "],\"r\":[" TWO "," TWO "]}"), 422);
    json_free(root);
    root = deliver(f, token, RESULT(5, ""), 200);
    assert_true(json_bool_or(json_get(root, "duplicate"), false));
    json_free(root);
    kept(f, id, 0, "{\"search\":{\"q\":[" TWO "]}}");
}

static void who_is_not_there(void **state)
{
    struct fixture *f = *state;
    struct json *root;
    new_search(f, SPEC("identify", ""));
    assert_int_equal(call(f, "GET", "/v1/searches/7/trials/0/written", NULL, &root), 404);
    json_free(root);
    assert_int_equal(call(f, "GET", "/v1/searches/1/trials/2/written", NULL, &root), 404);
    assert_contains(json_string_or(json_get(root, "error"), ""), "search 1 has no trial \"2\" yet");
    json_free(root);
    assert_int_equal(call(f, "GET", "/v1/searches/1/trials/0/written?task=q", NULL, &root), 400);
    json_free(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(texts_outlive_the_daemon, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_is_refused, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(more_than_there_is_room_for, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(only_where_they_are_wanted, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(a_result_twice_changes_nothing, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(who_is_not_there, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests_name("written", tests, NULL, NULL);
}
