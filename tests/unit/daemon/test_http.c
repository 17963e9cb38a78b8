/* Bytes a client should not send, through a real socket. */
#include "fixture.h"

static void test_ambiguous_lengths_are_refused(void **state)
{
    const struct fixture *f = *state;
    assert_int_equal(raw_status(f, "POST /v1/workers HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                                   "application/json\r\nContent-Length: 2\r\n"
                                   "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"),
                     400);
    assert_int_equal(raw_status(f, "POST /v1/workers HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                                   "application/json\r\nContent-Length: 2\r\n"
                                   "Content-Length: 3\r\n\r\n{} "),
                     400);
    assert_int_equal(raw_status(f, "POST /v1/workers HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                                   "application/json\r\nContent-Length: 2\r\n"
                                   "Content-Length: 2\r\n\r\n{}"),
                     400);
}

static void test_missing_or_double_host_is_refused(void **state)
{
    const struct fixture *f = *state;
    assert_int_equal(raw_status(f, "GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n"), 400);
    assert_int_equal(raw_status(f, "GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: 127.0.0.1\r\n\r\n"),
                     400);
}

static void test_large_bodies_are_refused(void **state)
{
    const struct fixture *f = *state;
    assert_int_equal(raw_status(f, "POST /v1/searches HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                                   "application/json\r\nContent-Length: 16777217\r\n\r\n"),
                     413);
    assert_int_equal(raw_status(f, "POST /v1/searches HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                                   "application/json\r\nContent-Length: 99999999999999999999\r\n\r\n"),
                     413);
    /* without a length, it is refused when it is there */
    size_t n = ((size_t)16 << 20) + 4096;
    struct buf buf;
    buf_init(&buf, n + 4096);
    buf_printf(&buf,
               "POST /v1/searches HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
               "application/json\r\nConnection: close\r\nTransfer-Encoding: "
               "chunked\r\n\r\n%zx\r\n",
               n);
    char *filler = mem_zero(1, n);
    memset(filler, 'x', n);
    buf_add(&buf, filler, n);
    buf_text(&buf, "\r\n0\r\n\r\n");
    char *answer = exchange_raw(f, buf_str(&buf), buf.len);
    assert_int_equal(status_of(answer), 413);
    mem_free(answer);
    mem_free(filler);
    buf_fini(&buf);
}

static void test_unknown_routes_and_methods(void **state)
{
    const struct fixture *f = *state;
    struct json *body;
    assert_int_equal(call(f, "GET", "/v2/searches", NULL, &body), 404);
    assert_string_equal(json_string_or(json_get(body, "code"), ""), "not_found");
    json_free(body);
    assert_int_equal(call(f, "DELETE", "/v1/searches", NULL, &body), 405);
    assert_string_equal(json_string_or(json_get(body, "error"), ""), "this address takes GET, POST");
    json_free(body);
    assert_int_equal(call(f, "GET", "/v1/searches/", NULL, NULL), 404);
    assert_int_equal(call(f, "GET", "/v1/searches/7", NULL, NULL), 404);
    assert_int_equal(call(f, "GET", "/v1/searches/99999999999999999999/front", NULL, NULL), 404);
    assert_int_equal(call(f, "POST", "/v1/leases/x/heartbeat", "{}", NULL), 410);
    assert_int_equal(call(f, "POST", "/v1/leases/1-2-s-1-00/result", "{}", NULL), 422);
}

static void test_paths_do_not_escape(void **state)
{
    const struct fixture *f = *state;
    static const char *const paths[] = {"/assets/../db/paretod.db", "/assets/%2e%2e%2fdb%2fparetod.db",
                                        "/assets/db", "//etc/passwd", "/assets/"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        assert_int_equal(call(f, "GET", paths[i], NULL, NULL), 404);
}

static void test_bad_json_is_named(void **state)
{
    const struct fixture *f = *state;
    static const char *const bodies[] = {"", "{", "[]", "{\"a\":1,\"a\":2}", "{} x", "\xff\xfe"};
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
        assert_int_equal(call(f, "POST", "/v1/searches", bodies[i], NULL), 400);
}

static void test_other_origins_are_refused(void **state)
{
    const struct fixture *f = *state;
    assert_int_equal(call_with(f, "POST", "/v1/searches", "Origin: http://evil.example\r\n", SEARCH, NULL),
                     403);
    assert_int_equal(call_with(f, "POST", "/v1/searches", "Origin: null\r\n", SEARCH, NULL), 403);
    /* a name that its owner points at us */
    assert_int_equal(call_with(f, "GET", "/v1/searches", "Origin: http://evil.example\r\n", NULL, NULL), 403);
    char *rebound = mem_printf("POST /v1/searches HTTP/1.1\r\nHost: evil.example:%d\r\nConnection: close\r\n"
                               "Origin: http://evil.example:%d\r\nContent-Length: %zu\r\n\r\n%s",
                               f->port, f->port, strlen(SEARCH), SEARCH);
    assert_int_equal(raw_status(f, rebound), 403);
    mem_free(rebound);
    assert_int_equal(call_with(f, "POST", "/v1/searches", "Origin: http://localhost\r\n", SEARCH, NULL), 201);
}

static void test_bodies_are_json(void **state)
{
    const struct fixture *f = *state;
    const char *form = "POST /v1/searches HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/plain\r\n"
                       "Connection: close\r\nContent-Length: 2\r\n\r\n{}";
    const char *untyped = "POST /v1/searches HTTP/1.1\r\nHost: [::1]:1\r\nConnection: close\r\n"
                          "Content-Length: 2\r\n\r\n{}";
    const char *empty = "POST /v1/searches/7/pause HTTP/1.1\r\nHost: LOCALHOST\r\nConnection: close\r\n\r\n";
    const char *name = "GET /healthz HTTP/1.1\r\nHost: gpu-box\r\nConnection: close\r\n\r\n";
    assert_int_equal(raw_status(f, form), 415);
    assert_int_equal(raw_status(f, untyped), 415);
    assert_int_equal(raw_status(f, empty), 404); /* programs may pause without a body, pages may not */
    assert_int_equal(raw_status(f, name), 403);
}

static void test_garbage_does_not_hurt(void **state)
{
    const struct fixture *f = *state;
    static const char *const texts[] = {
        "\r\n\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
        "POST /v1/leases HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n",
        "POST /v1/leases HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        int fd = dial(f);
        send_bytes(fd, texts[i], strlen(texts[i]));
        close(
            fd); /* without waiting for an answer: see the weakness of half-closed connections in daemon/README.md */
    }
    assert_int_equal(call(f, "GET", "/healthz", NULL, NULL), 200);
}

static void test_half_a_request_then_goodbye(void **state)
{
    const struct fixture *f = *state;
    for (int i = 0; i < 20; i++) {
        int fd = dial(f);
        const char *text = "POST /v1/searches HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                           "application/json\r\nContent-Length: 1000\r\n\r\n{\"name\"";
        send_bytes(fd, text, strlen(text));
        close(fd);
    }
    assert_int_equal(call(f, "GET", "/healthz", NULL, NULL), 200);
}

static void test_two_requests_on_one_connection(void **state)
{
    const struct fixture *f = *state;
    const char *text = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
                       "GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    char *answer = exchange_raw(f, text, strlen(text));
    const char *second = strstr(answer + 1, "HTTP/1.1 200");
    assert_int_equal(status_of(answer), 200);
    assert_non_null(second);
    mem_free(answer);
}

static void test_a_dead_socket_is_replaced_a_live_one_is_not(void **state)
{
    struct fixture *f = *state;
    char where[128], address[160];
    struct err err = {0};
    uv_loop_t loop;
    snprintf(where, sizeof where, "unix:%s/socket", f->directory);
    uv_loop_init(&loop);
    struct http *http = http_create(&loop, api_handle, NULL, NULL);
    assert_int_equal(http_listen(http, where, address, &err), ERR_CONFLICT);
    daemon_kill(f); /* leaves its socket file behind */
    assert_int_equal(http_listen(http, where, address, &err), 0);
    snprintf(where, sizeof where, "unix:%s/db/paretod.db", f->directory);
    assert_int_equal(http_listen(http, where, address, &err), ERR_CONFLICT); /* not a socket: left alone */
    http_close(http);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
}

static void assert_refused(const struct fixture *f, const char *path, const char *sentence)
{
    struct json *body;
    assert_int_equal(call(f, "GET", path, NULL, &body), 400);
    assert_string_equal(json_string_or(json_get(body, "error"), ""), sentence);
    json_free(body);
}

static void test_unknown_parameters_are_named(void **state)
{
    const struct fixture *f = *state;
    assert_int_equal(call(f, "POST", "/v1/searches", SEARCH, NULL), 201);
    assert_refused(f, "/v1/searches/1/front?wiat=3",
                   "there is no parameter \"wiat\" here; did you mean \"wait\"?");
    assert_refused(f, "/v1/searches/1/trials?limit=3&page=2",
                   "there is no parameter \"page\" here; it takes after and limit");
    assert_refused(f, "/v1/searches?limit=3", "there is no parameter \"limit\": this address takes none");
    assert_int_equal(call(f, "GET", "/v1/searches/1/front?wait=0", NULL, NULL), 200);
    assert_int_equal(call(f, "GET", "/v1/searches/1/trials?limit=3&after=1", NULL, NULL), 200);
    assert_int_equal(call(f, "GET", "/healthz?from=probe", NULL, NULL), 200);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_ambiguous_lengths_are_refused),
        TEST(test_missing_or_double_host_is_refused),
        TEST(test_large_bodies_are_refused),
        TEST(test_unknown_routes_and_methods),
        TEST(test_unknown_parameters_are_named),
        TEST(test_paths_do_not_escape),
        TEST(test_bad_json_is_named),
        TEST(test_other_origins_are_refused),
        TEST(test_bodies_are_json),
        TEST(test_garbage_does_not_hurt),
        TEST(test_half_a_request_then_goodbye),
        TEST(test_two_requests_on_one_connection),
        TEST(test_a_dead_socket_is_replaced_a_live_one_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
