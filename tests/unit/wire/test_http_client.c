/* wire/http_client.h: addresses, the absent daemon, refusals read from answers. The rest is tested end to end. */
#include "wire/http_client.h"

#include <netinet/in.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static void test_addresses(void **state)
{
    (void)state;
    static const char *const good[] = {"unix:/x/y", "127.0.0.1:1", "http://127.0.0.1:1/", "localhost:1"};
    struct http_client *client;
    struct err err;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(http_client_open(good[i], &client, &err), 0);
        http_client_close(client);
    }
    assert_int_equal(http_client_open("", &client, &err), ERR_INVALID);
    assert_int_equal(http_client_open("unix:", &client, &err), ERR_INVALID);
    char deep[150];
    snprintf(deep, sizeof deep, "unix:/%0107d", 0);
    assert_int_equal(http_client_open(deep, &client, &err), ERR_INVALID);
    assert_non_null(strstr(err.text, "at most 107 bytes, not 108"));
    deep[strlen(deep) - 1] = 0;
    assert_int_equal(http_client_open(deep, &client, &err), 0);
    http_client_close(client);
    client = NULL;
    assert_null(client);
    http_client_close(NULL);
}

static void test_nobody_there(void **state)
{
    (void)state;
    static const char *const addresses[] = {"unix:/nonexistent/paretod.sock", "127.0.0.1:1"};
    for (size_t i = 0; i < 2; i++) {
        struct http_client *client;
        struct http_response response;
        struct err err = {0};
        struct http_request request = {.method = "GET", .path = "/healthz"};
        assert_int_equal(http_client_open(addresses[i], &client, &err), 0);
        assert_int_equal(http_call(client, &request, &response, &err), ERR_UNREACHABLE);
        assert_non_null(strstr(err.text, addresses[i]));
        http_response_fini(&response);
        http_client_close(client);
    }
}

static int refusal(int status, const char *body, struct err *err)
{
    struct http_response response = {.status = status};
    buf_init(&response.body, 1000);
    buf_text(&response.body, body);
    int rc = http_response_error(&response, err);
    http_response_fini(&response);
    return rc;
}

static void test_refusals(void **state)
{
    (void)state;
    struct err err;
    assert_int_equal(refusal(200, "{}", &err), 0);
    assert_int_equal(refusal(304, "", &err), 0);
    assert_int_equal(refusal(302, "", &err), ERR_UNREACHABLE); /* a proxy: nothing has been accepted */
    assert_int_equal(refusal(404, "{\"error\":\"no search 9\",\"code\":\"not_found\"}", &err), ERR_NOT_FOUND);
    assert_string_equal(err.text, "no search 9");
    assert_int_equal(refusal(422,
                             "{\"error\":\"bad search\",\"fields\":[{\"field\":\"seed\",\"error\":\"must be "
                             "a number\"}]}",
                             &err),
                     ERR_INVALID);
    assert_string_equal(err.text, "bad search seed: must be a number");
    assert_int_equal(refusal(500, "<html>", &err), ERR_IO);
    assert_non_null(strstr(err.text, "500"));
    static const struct {
        int status, code;
    } codes[] = {{410, ERR_NOT_FOUND}, {409, ERR_CONFLICT}, {413, ERR_TOO_LARGE},
                 {503, ERR_NOT_READY}, {400, ERR_INVALID},  {502, ERR_IO}};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        assert_int_equal(refusal(codes[i].status, "{\"error\":\"no\"}", &err), codes[i].code);
        assert_int_equal(err.code, codes[i].code);
        assert_string_equal(err.text, "no");
    }
}

/* No waiting would mend an address that cannot be one, so it is not "the daemon is away". */
static void test_impossible_address(void **state)
{
    (void)state;
    struct http_client *client;
    struct http_response response;
    struct err err = {0};
    struct http_request request = {.method = "GET", .path = "/healthz"};
    assert_int_equal(http_client_open("gopherish://x", &client, &err), 0);
    assert_int_equal(http_call(client, &request, &response, &err), ERR_INVALID);
    assert_non_null(strstr(err.text, "gopherish://x"));
    http_response_fini(&response);
    http_client_close(client);
}

/* A server of one answer, which comes only after the client was told that it waits. */
struct slow {
    int listener;
    sem_t waits;
    int told;
};

static void *serve_slowly(void *ctx)
{
    struct slow *slow = ctx;
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
    char bytes[4096];
    int fd = accept(slow->listener, NULL, NULL);
    assert_true(fd >= 0);
    assert_true(read(fd, bytes, sizeof bytes) > 0);
    sem_wait(&slow->waits);
    assert_true(write(fd, answer, strlen(answer)) == (ssize_t)strlen(answer));
    close(fd);
    return NULL;
}

static void on_wait(void *ctx)
{
    struct slow *slow = ctx;
    slow->told++;
    sem_post(&slow->waits);
}

static void test_a_long_wait_is_told_once(void **state)
{
    (void)state;
    struct slow slow = {0};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    pthread_t thread;
    sem_init(&slow.waits, 0, 0);
    slow.listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(slow.listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(slow.listener, 1), 0);
    assert_int_equal(getsockname(slow.listener, (struct sockaddr *)&address, &size), 0);
    assert_int_equal(pthread_create(&thread, NULL, serve_slowly, &slow), 0);
    char where[64];
    snprintf(where, sizeof where, "127.0.0.1:%d", ntohs(address.sin_port));
    struct http_client *client;
    struct http_response response;
    struct err err = {0};
    struct http_request request = {.method = "GET", .path = "/", .waits = on_wait, .waits_ctx = &slow};
    assert_int_equal(http_client_open(where, &client, &err), 0);
    assert_int_equal(http_call(client, &request, &response, &err), 0);
    assert_int_equal(response.status, 200);
    assert_int_equal(slow.told, 1);
    http_response_fini(&response);
    http_client_close(client);
    pthread_join(thread, NULL);
    close(slow.listener);
    sem_destroy(&slow.waits);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_nobody_there),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_impossible_address),
        cmocka_unit_test(test_a_long_wait_is_told_once),
    };
    return cmocka_run_group_tests_name("http_client", tests, NULL, NULL);
}
