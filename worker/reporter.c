#include "worker/reporter.h"

#include "wire/http_client.h"

#include "proto/json.h"
#include "proto/log.h"
#include "proto/mem.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ANSWER_TIMEOUT_S 20.0
#define AGAIN_FIRST_S 0.05 /* after an answer, then twice as long each time */
#define AGAIN_LONGEST_S 5.0

struct reporter {
    struct http_client *http; /* the thread's alone */
    pthread_t thread;
    pthread_mutex_t mutex; /* of everything below */
    pthread_cond_t changed;
    bool closing;
    long leases;    /* that were begun or ended: tells whose a report is */
    char token[80]; /* of the lease; "" between leases */
    char *body;     /* to be sent; NULL: none */
    char *sent;     /* the last one that was answered "go on"; NULL: none */
    double again_s; /* until it is sent again */
    bool busy;      /* the first call with a report of this lease is under way */
    enum reporter_answer answer;
    atomic_bool stopped; /* answer == REPORTER_STOP */
    atomic_bool abort;   /* the call under way: nobody waits for it */
};

static enum reporter_answer read_answer(const struct http_response *response)
{
    struct json *root;
    if (response->status == 410)
        return REPORTER_LOST;
    if (response->status != 200 || json_parse(buf_str(&response->body), response->body.len, &root, NULL) != 0)
        return REPORTER_GO_ON;
    bool stop = json_bool_or(json_get(root, "stop"), false);
    json_free(root);
    return stop ? REPORTER_STOP : REPORTER_GO_ON;
}

static enum reporter_answer send_body(struct reporter *reporter, const char *token, const char *body)
{
    struct http_response response;
    struct err err = {0};
    char path[128];
    snprintf(path, sizeof path, "/v1/leases/%s/slice", token);
    const struct http_request request = {.method = "POST",
                                         .path = path,
                                         .body = body,
                                         .timeout_s = ANSWER_TIMEOUT_S,
                                         .cancel = &reporter->abort};
    int rc = http_call(reporter->http, &request, &response, &err);
    enum reporter_answer answer = rc ? REPORTER_GO_ON : read_answer(&response);
    if (!rc)
        rc = http_response_error(&response, &err);
    if (rc)
        log_event(LOG_DEBUG, "slice_not_taken", "lease=%s reason=%s", token, LOG_QUOTE(err.text));
    http_response_fini(&response);
    return answer;
}

/* An answer to `body` (taken). The mutex is held. */
static void keep_answer(struct reporter *reporter, char *body, enum reporter_answer answer)
{
    if (answer == REPORTER_GO_ON && !reporter->body) {
        reporter->sent = body;
    } else {
        mem_free(body);
        if (answer != REPORTER_GO_ON)
            reporter->answer = answer;
        atomic_store(&reporter->stopped, reporter->answer == REPORTER_STOP);
    }
    pthread_cond_broadcast(&reporter->changed);
}

/* Sends a report (taken). The mutex is held, but not while it waits for the daemon. */
static void send_one(struct reporter *reporter, char *body)
{
    char token[sizeof reporter->token];
    long lease = reporter->leases;
    memcpy(token, reporter->token, sizeof token);
    atomic_store(&reporter->abort, false);
    pthread_mutex_unlock(&reporter->mutex);
    enum reporter_answer answer = send_body(reporter, token, body);
    pthread_mutex_lock(&reporter->mutex);
    if (lease != reporter->leases) { /* by (1) */
        mem_free(body);
        return;
    }
    reporter->busy = false;
    keep_answer(reporter, body, answer);
}

static struct timespec after(double seconds)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    int64_t ns = t.tv_nsec + (int64_t)(seconds * 1e9);
    return (struct timespec){t.tv_sec + (time_t)(ns / 1000000000), (long)(ns % 1000000000)};
}

/* The next thing to send; NULL when something changed meanwhile. The mutex is held. */
static char *next_body(struct reporter *reporter)
{
    char *body = reporter->body;
    if (body) {
        mem_free(reporter->sent);
        reporter->body = reporter->sent = NULL;
        reporter->busy = true;
        reporter->again_s = AGAIN_FIRST_S;
        return body;
    }
    if (!reporter->sent) {
        pthread_cond_wait(&reporter->changed, &reporter->mutex);
        return NULL;
    }
    struct timespec until = after(reporter->again_s);
    const char *waiting = reporter->sent;
    int rc = 0;
    while (!rc && reporter->sent == waiting && !reporter->body && !reporter->closing)
        rc = pthread_cond_timedwait(&reporter->changed, &reporter->mutex, &until);
    if (reporter->sent != waiting || reporter->body || reporter->closing)
        return NULL;
    body = reporter->sent;
    reporter->sent = NULL;
    reporter->again_s = fmin(2 * reporter->again_s, AGAIN_LONGEST_S);
    return body;
}

static void *reporter_main(void *ctx)
{
    struct reporter *reporter = ctx;
    pthread_mutex_lock(&reporter->mutex);
    while (!reporter->closing) {
        char *body = next_body(reporter);
        if (body)
            send_one(reporter, body);
    }
    pthread_mutex_unlock(&reporter->mutex);
    return NULL;
}

int reporter_open(const char *address, struct reporter **out, struct err *err)
{
    struct reporter *reporter = mem_zero(1, sizeof *reporter);
    pthread_condattr_t monotonic;
    *out = NULL;
    int rc = http_client_open(address, &reporter->http, err);
    if (rc) {
        mem_free(reporter);
        return rc;
    }
    pthread_mutex_init(&reporter->mutex, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&reporter->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    int reason = pthread_create(&reporter->thread, NULL, reporter_main, reporter);
    if (reason) {
        log_event(LOG_ERROR, "no_thread", "reason=%s", LOG_QUOTE(strerror(reason)));
        abort(); /* as for memory */
    }
    *out = reporter;
    return 0;
}

void reporter_close(struct reporter *reporter)
{
    if (!reporter)
        return;
    pthread_mutex_lock(&reporter->mutex);
    reporter->closing = true;
    atomic_store(&reporter->abort, true);
    pthread_cond_broadcast(&reporter->changed);
    pthread_mutex_unlock(&reporter->mutex);
    pthread_join(reporter->thread, NULL);
    http_client_close(reporter->http);
    pthread_cond_destroy(&reporter->changed);
    pthread_mutex_destroy(&reporter->mutex);
    mem_free(reporter->body);
    mem_free(reporter->sent);
    mem_free(reporter);
}

/* What is under way or waits belongs to a lease that is over. The mutex is held. */
static void forget(struct reporter *reporter)
{
    reporter->leases++;
    mem_free(reporter->body);
    mem_free(reporter->sent);
    reporter->body = reporter->sent = NULL;
    reporter->token[0] = 0;
    reporter->busy = false;
    reporter->answer = REPORTER_GO_ON;
    atomic_store(&reporter->stopped, false);
    atomic_store(&reporter->abort, true);
    pthread_cond_broadcast(&reporter->changed);
}

void reporter_begin(struct reporter *reporter, const char *token)
{
    pthread_mutex_lock(&reporter->mutex);
    forget(reporter);
    snprintf(reporter->token, sizeof reporter->token, "%s", token);
    pthread_mutex_unlock(&reporter->mutex);
}

void reporter_end(struct reporter *reporter)
{
    pthread_mutex_lock(&reporter->mutex);
    forget(reporter);
    pthread_mutex_unlock(&reporter->mutex);
}

void reporter_put(struct reporter *reporter, const char *body)
{
    pthread_mutex_lock(&reporter->mutex);
    mem_free(reporter->body);
    reporter->body = mem_strdup(body);
    pthread_cond_broadcast(&reporter->changed);
    pthread_mutex_unlock(&reporter->mutex);
}

enum reporter_answer reporter_wait(struct reporter *reporter, double wait_s)
{
    struct timespec until = after(wait_s);
    pthread_mutex_lock(&reporter->mutex);
    while (wait_s > 0 && reporter->answer == REPORTER_GO_ON && (reporter->body || reporter->busy)) {
        if (pthread_cond_timedwait(&reporter->changed, &reporter->mutex, &until) == ETIMEDOUT)
            break;
    }
    enum reporter_answer answer = reporter->answer;
    pthread_mutex_unlock(&reporter->mutex);
    return answer;
}

const atomic_bool *reporter_stopped(const struct reporter *reporter)
{
    return &reporter->stopped;
}
