/* WHAT   A daemon that is played for a session: it gives leases, answers as it is told to, and writes every report down.
 * WHO    tests/unit/worker/test_session*.c.
 * UNITS  None.
 * MEMORY set_up and tear_down, through TEST; SIGPIPE must be ignored, as main.c has it.
 * ERRORS Fail the test.
 * STATE  The daemon; its threads write reports down under its mutex, and are gone when run is over and it is torn down. */
#ifndef TESTS_WORKER_PLAYED_DAEMON_H
#define TESTS_WORKER_PLAYED_DAEMON_H

#include "worker/session.h"

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
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

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

static inline int lease_answer(struct daemon *d, char *answer, size_t size)
{
    if (d->leases_n == TURNS_MAX || !d->leases[d->leases_n])
        return 204;
    if (d->before_lease)
        d->before_lease(d, d->leases_n);
    snprintf(answer, size, "%s", d->leases[d->leases_n++]);
    return 200;
}

/* Returns the status. */
static inline int handle(struct daemon *d, const char *path, const char *body, char *answer, size_t size)
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

static inline void *serve(void *ctx)
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

static inline void *accept_all(void *ctx)
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

static inline int set_up(void **state)
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

static inline int tear_down(void **state)
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

static inline void run(struct daemon *d)
{
    struct err err = {0};
    struct session_options options = {
        .daemon = d->address, .name = "test", .scratch = d->directory, .slots = 1};
    assert_int_equal(session_run(&options, &d->stop, &err), 0);
}

static inline void is_report(const struct daemon *d, int i, const char *start, const char *part)
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

#endif
