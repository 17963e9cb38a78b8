/* WHAT   A real daemon in a child process and a client of few words, for tests.
 * WHO    tests/unit/daemon/test_*.c.
 * UNITS  None.
 * MEMORY Answers are the caller's, free().
 * ERRORS Failures of the fixture itself assert.
 * STATE  One temporary directory a fixture. No sleeps: a pipe says when the daemon listens. */
#ifndef TESTS_DAEMON_FIXTURE_H
#define TESTS_DAEMON_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/api.h"
#include "daemon/paretod.h"
#include "proto/json.h"
#include "proto/mem.h"

#include <arpa/inet.h>
#include <ftw.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define UNUSED __attribute__((unused))

struct fixture {
    char directory[64];
    pid_t pid;
    int port;
};

UNUSED static void child(const char *directory, int lease_s, int ready)
{
    char db[96], socket_path[96];
    struct err err = {0};
    struct paretod *daemon;
    snprintf(db, sizeof db, "%s/db", directory);
    snprintf(socket_path, sizeof socket_path, "unix:%s/socket", directory);
    struct options options = {.db = db,
                              .listen = {"127.0.0.1:0", socket_path},
                              .listen_n = 2,
                              .assets = directory,
                              .log_level = LOG_ERROR,
                              .lease_s = lease_s};
    log_set_level(LOG_ERROR);
    signal(SIGPIPE, SIG_IGN);
    if (paretod_open(&options, &daemon, &err)) {
        fprintf(stderr, "%s\n", err.text);
        _exit(3);
    }
    int port = atoi(strrchr(daemon->address[0], ':') + 1);
    if (write(ready, &port, sizeof port) != sizeof port)
        _exit(4);
    uv_run(&daemon->loop, UV_RUN_DEFAULT);
    paretod_close(daemon);
    exit(0); /* with the leak check */
}

UNUSED static void daemon_start(struct fixture *f, int lease_s)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    f->pid = fork();
    assert_true(f->pid >= 0);
    if (f->pid == 0) {
        close(ends[0]);
        child(f->directory, lease_s, ends[1]);
    }
    close(ends[1]);
    assert_int_equal(read(ends[0], &f->port, sizeof f->port), sizeof f->port);
    close(ends[0]);
}

UNUSED static void daemon_kill(struct fixture *f)
{
    kill(f->pid, SIGKILL);
    assert_int_equal(waitpid(f->pid, NULL, 0), f->pid);
    f->pid = 0;
}

UNUSED static void daemon_stop(struct fixture *f)
{
    int status;
    kill(f->pid, SIGTERM);
    assert_int_equal(waitpid(f->pid, &status, 0), f->pid);
    f->pid = 0;
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

UNUSED static int fixture_setup(void **state)
{
    struct fixture *f = mem_zero(1, sizeof *f);
    snprintf(f->directory, sizeof f->directory, "/tmp/paretod-test-XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    daemon_start(f, 30);
    *state = f;
    return 0;
}

UNUSED static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

UNUSED static int fixture_teardown(void **state)
{
    struct fixture *f = *state;
    if (f->pid)
        daemon_stop(f);
    nftw(f->directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    mem_free(f);
    return 0;
}

UNUSED static int dial(const struct fixture *f)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)f->port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

UNUSED static void send_bytes(int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);
        if (sent <= 0)
            return; /* refused halfway: the answer is there to read */
        bytes += sent;
        n -= (size_t)sent;
    }
}

/* Everything until the daemon closes. */
UNUSED static char *receive_all(int fd)
{
    struct buf buf;
    char chunk[4096];
    ssize_t n;
    buf_init(&buf, (size_t)64 << 20);
    while ((n = recv(fd, chunk, sizeof chunk, 0)) > 0)
        buf_add(&buf, chunk, (size_t)n);
    close(fd);
    return buf_take(&buf);
}

UNUSED static int status_of(const char *answer)
{
    int status = 0;
    sscanf(answer, "HTTP/1.1 %d", &status);
    return status;
}

/* Raw bytes in, the whole answer out. */
UNUSED static char *exchange_raw(const struct fixture *f, const char *bytes, size_t n)
{
    int fd = dial(f);
    send_bytes(fd, bytes, n);
    return receive_all(fd);
}

UNUSED static int raw_status(const struct fixture *f, const char *text)
{
    char *answer = exchange_raw(f, text, strlen(text));
    int status = status_of(answer);
    mem_free(answer);
    return status;
}

/* One request; *body (may be NULL) is parsed JSON, NULL when there is none. headers: "Name: value\r\n…" or "". */
UNUSED static int call_with(const struct fixture *f, const char *method, const char *path,
                            const char *headers, const char *body, struct json **out)
{
    char *request = mem_printf("%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: "
                               "application/json\r\n%sContent-Length: %zu\r\n"
                               "\r\n%s",
                               method, path, headers, body ? strlen(body) : 0, body ? body : "");
    char *answer = exchange_raw(f, request, strlen(request));
    mem_free(request);
    int status = status_of(answer);
    const char *content = strstr(answer, "\r\n\r\n");
    if (out) {
        *out = NULL;
        if (content && (content[4] == '{'))
            assert_int_equal(json_parse(content + 4, strlen(content + 4), out, NULL), 0);
    }
    mem_free(answer);
    return status;
}

UNUSED static int call(const struct fixture *f, const char *method, const char *path, const char *body,
                       struct json **out)
{
    return call_with(f, method, path, "", body, out);
}

UNUSED static const char *const SEARCH =
    "{\"name\":\"t\",\"groups\":{\"count\":2},"
    "\"evaluator\":{\"type\":\"command\",\"argv\":[\"/bin/true\"],\"merge\":\"none\"},"
    "\"objectives\":[{\"name\":\"a\",\"metric\":\"t.a\",\"goal\":\"max\"},"
    "{\"name\":\"b\",\"metric\":\"t.b\",\"goal\":\"max\"}],"
    "\"strategy\":{\"type\":\"scalarize\",\"streams\":2},\"budget\":{\"trials\":20},\"seed\":1}";

#endif
