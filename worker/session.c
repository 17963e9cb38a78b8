#include "worker/session_internal.h"

#include "proto/log.h"
#include "proto/mem.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define HEARTBEAT_LEAST_S 0.1
#define WAIT_MOST_S 60.0 /* of what the daemon asks for */

void session_wait(struct session *session, double seconds)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)seconds;
    until.tv_nsec += (long)((seconds - (double)(time_t)seconds) * 1e9);
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&session->mutex);
    while (!atomic_load(session->stop))
        if (pthread_cond_timedwait(&session->stopped, &session->mutex, &until) == ETIMEDOUT)
            break;
    pthread_mutex_unlock(&session->mutex);
}

bool session_stopping(const struct session *session)
{
    return atomic_load(session->stop);
}

int session_post(struct http_client *http, const char *path, const char *body, double timeout_s,
                 const atomic_bool *cancel, struct http_response *response, struct err *err)
{
    struct http_request request = {
        .method = "POST", .path = path, .body = body, .timeout_s = timeout_s, .cancel = cancel};
    return http_call(http, &request, response, err);
}

int session_get(struct http_client *http, const char *path, const atomic_bool *cancel,
                struct http_response *response, struct err *err)
{
    struct http_request request = {.method = "GET", .path = path, .timeout_s = 60, .cancel = cancel};
    return http_call(http, &request, response, err);
}

static void registration_body(const struct session_options *options, struct buf *buf)
{
    struct json_out out;
    json_begin(&out, buf);
    json_object(&out);
    json_put_text(&out, "name", options->name);
    json_put_int(&out, "slots", options->slots);
    json_put_text(&out, "version", PARETOD_VERSION);
    json_end_object(&out);
}

/* Seconds as the daemon asks for them, but never a busy loop and never for ever. */
static double within(double seconds, double least)
{
    return seconds < least ? least : seconds > WAIT_MOST_S ? WAIT_MOST_S : seconds;
}

static int registration_read(struct session *session, const struct http_response *response, struct err *err)
{
    struct json *root;
    int rc = json_parse(buf_str(&response->body), response->body.len, &root, err);
    if (rc)
        return rc;
    const char *worker = json_string_or(json_get(root, "worker"), "");
    if (!lease_word(worker) || strlen(worker) >= sizeof session->worker)
        rc = err_set(err, ERR_INVALID, "the daemon's answer to the registration names no worker");
    else
        snprintf(session->worker, sizeof session->worker, "%s", worker);
    session->heartbeat_s = within(json_number_or(json_get(root, "heartbeat_s"), 10), HEARTBEAT_LEAST_S);
    session->poll_s = within(json_number_or(json_get(root, "poll_s"), 20), 0);
    json_free(root);
    return rc;
}

/* Registers unless another slot has. The mutex is held throughout: the other slots need the answer anyway. */
int session_register(struct session *session, struct http_client *http, char worker[64], double *poll_s,
                     struct err *err)
{
    struct http_response response = {0};
    struct buf body;
    int rc = 0;
    buf_init(&body, BODY_MAX);
    pthread_mutex_lock(&session->mutex);
    if (!*session->worker) {
        registration_body(session->options, &body);
        rc = session_post(http, "/v1/workers", buf_str(&body), 10, session->stop, &response, err);
        if (!rc)
            rc = http_response_error(&response, err);
        if (!rc)
            rc = registration_read(session, &response, err);
        if (!rc)
            log_event(LOG_INFO, "registered", "daemon=%s worker=%s slots=%d", session->options->daemon,
                      session->worker, session->options->slots);
        http_response_fini(&response);
    }
    memcpy(worker, session->worker, sizeof session->worker);
    *poll_s = session->poll_s;
    pthread_mutex_unlock(&session->mutex);
    buf_fini(&body);
    return rc;
}

void session_forget(struct session *session, const char *worker)
{
    pthread_mutex_lock(&session->mutex);
    if (strcmp(session->worker, worker) == 0)
        session->worker[0] = 0;
    pthread_mutex_unlock(&session->mutex);
}

static void heartbeat(struct session *session, struct http_client *http, struct slot *slot)
{
    char token[sizeof slot->token];
    struct http_response response;
    pthread_mutex_lock(&session->mutex);
    memcpy(token, slot->token, sizeof token);
    pthread_mutex_unlock(&session->mutex);
    if (!*token)
        return;
    char *path = mem_printf("/v1/leases/%s/heartbeat", token);
    int rc = session_post(http, path, "{}", 10, session->stop, &response, NULL);
    mem_free(path);
    if (!rc && (response.status == 410 || response.status == 404)) {
        pthread_mutex_lock(&session->mutex);
        if (strcmp(slot->token, token) == 0) { /* still the same lease */
            atomic_store(&slot->lost, true);
            atomic_store(&slot->cancel, true);
        }
        pthread_mutex_unlock(&session->mutex);
    }
    http_response_fini(&response);
}

static void *heartbeat_main(void *ctx)
{
    struct session *session = ctx;
    while (!session_stopping(session)) {
        for (int i = 0; i < session->options->slots && !session_stopping(session); i++)
            heartbeat(session, session->heartbeat_http, &session->slots[i]);
        pthread_mutex_lock(&session->mutex);
        double seconds = session->heartbeat_s;
        pthread_mutex_unlock(&session->mutex);
        session_wait(session, seconds);
    }
    return NULL;
}

/* Waits for *stop and wakes everybody. The flag is set by a signal handler, which may not signal a condition. */
static void session_watch(struct session *session)
{
    while (!session_stopping(session))
        nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    pthread_mutex_lock(&session->mutex);
    for (int i = 0; i < session->options->slots; i++)
        atomic_store(&session->slots[i].cancel, true);
    pthread_cond_broadcast(&session->stopped);
    pthread_mutex_unlock(&session->mutex);
}

/* Says goodbye, so that a lease whose answer crossed our stop goes back at once. Nothing depends on its success. */
static void session_leave(struct session *session)
{
    struct http_response response;
    if (!*session->worker)
        return;
    char *path = mem_printf("/v1/workers/%s/leave", session->worker);
    session_post(session->slots[0].http, path, "{}", 2, NULL, &response, NULL);
    http_response_fini(&response);
    mem_free(path);
}

static void session_fini(struct session *session)
{
    for (int i = 0; i < session->options->slots; i++)
        slot_fini(&session->slots[i]);
    http_client_close(session->heartbeat_http);
    mem_free(session->slots);
    pthread_cond_destroy(&session->stopped);
    pthread_mutex_destroy(&session->mutex);
}

static void start_thread(pthread_t *thread, void *(*run)(void *), void *ctx)
{
    int reason = pthread_create(thread, NULL, run, ctx);
    if (reason) {
        log_event(LOG_ERROR, "no_thread", "reason=%s", LOG_QUOTE(strerror(reason)));
        abort(); /* as for memory: restart, and the daemon gives the leases again */
    }
}

int session_run(const struct session_options *options, atomic_bool *stop, struct err *err)
{
    struct session session = {.options = options, .stop = stop, .heartbeat_s = 0.5, .poll_s = 20};
    pthread_condattr_t monotonic;
    pthread_t beat;
    int rc;
    pthread_mutex_init(&session.mutex, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&session.stopped, &monotonic);
    pthread_condattr_destroy(&monotonic);
    session.slots = mem_zero((size_t)options->slots, sizeof *session.slots);
    rc = http_client_open(options->daemon, &session.heartbeat_http, err);
    for (int i = 0; i < options->slots && !rc; i++) {
        session.slots[i].session = &session;
        session.slots[i].number = i;
        rc = http_client_open(options->daemon, &session.slots[i].http, err);
    }
    if (!rc) {
        start_thread(&beat, heartbeat_main, &session);
        for (int i = 0; i < options->slots; i++)
            start_thread(&session.slots[i].thread, slot_main, &session.slots[i]);
        session_watch(&session);
        for (int i = 0; i < options->slots; i++)
            pthread_join(session.slots[i].thread, NULL);
        pthread_join(beat, NULL);
        session_leave(&session);
    }
    session_fini(&session);
    return rc;
}
