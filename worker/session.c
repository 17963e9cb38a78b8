#include "worker/session.h"

#include "worker/lease.h"

#include "proto/log.h"
#include "proto/mem.h"
#include "wire/http_client.h"
#include "worker/stop.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BODY_MAX ((size_t)1 << 16) /* of what we write beside results */
#define WAIT_FIRST_S 0.1
#define WAIT_LONGEST_S 5.0
#define REPORT_TIMEOUT_S 20.0
#define DELIVERY_AFTER_STOP_S                                                                                \
    10.0 /* how long a report is offered when the daemon does not answer at the end */
#define HEARTBEAT_LEAST_S 0.1
#define WAIT_MOST_S 60.0 /* of what the daemon asks for */

struct slot {
    struct session *session;
    int number;
    pthread_t thread;
    struct http_client *http;
    struct evaluator *evaluator; /* kept for the next trial of the same search */
    char *evaluator_spec;
    int64_t evaluator_search;
    char token[80];     /* "" = no lease; under the session's mutex */
    atomic_bool cancel; /* stop, or the lease is lost */
    atomic_bool lost;   /* the daemon said 410 to a heartbeat */
};

struct session {
    const struct session_options *options;
    atomic_bool *stop;
    pthread_mutex_t mutex;
    pthread_cond_t stopped;     /* on the monotonic clock */
    char worker[64];            /* the daemon's name for us; "" = not registered. Under the mutex */
    double heartbeat_s, poll_s; /* under the mutex */
    struct http_client *heartbeat_http;
    struct slot *slots;
};

/* Sleeps, or returns early when the session is told to stop. */
static void session_wait(struct session *session, double seconds)
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

static bool stopping(const struct session *session)
{
    return atomic_load(session->stop);
}

static int post(struct http_client *http, const char *path, const char *body, double timeout_s,
                const atomic_bool *cancel, struct http_response *response, struct err *err)
{
    struct http_request request = {
        .method = "POST", .path = path, .body = body, .timeout_s = timeout_s, .cancel = cancel};
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
static int session_register(struct session *session, struct http_client *http, char worker[64],
                            double *poll_s, struct err *err)
{
    struct http_response response = {0};
    struct buf body;
    int rc = 0;
    buf_init(&body, BODY_MAX);
    pthread_mutex_lock(&session->mutex);
    if (!*session->worker) {
        registration_body(session->options, &body);
        rc = post(http, "/v1/workers", buf_str(&body), 10, session->stop, &response, err);
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

static void session_forget(struct session *session, const char *worker)
{
    pthread_mutex_lock(&session->mutex);
    if (strcmp(session->worker, worker) == 0)
        session->worker[0] = 0;
    pthread_mutex_unlock(&session->mutex);
}

/* Asks for work. 0 with lease->token "" when nothing came up in poll_s; a failure with a token when there is a lease
 * that cannot be worked on. lease_fini in every case. */
static int slot_lease(struct slot *slot, struct lease *lease, struct err *err)
{
    struct session *session = slot->session;
    struct http_response response;
    char worker[64], body[128];
    double poll_s;
    *lease = (struct lease){0};
    int rc = session_register(session, slot->http, worker, &poll_s, err);
    if (rc)
        return rc;
    snprintf(body, sizeof body, "{\"worker\":\"%s\",\"wait_s\":%g}", worker, poll_s);
    rc = post(slot->http, "/v1/leases", body, poll_s + 15, session->stop, &response, err);
    if (!rc && response.status == 404) {
        session_forget(session, worker);
        rc = err_set(err, ERR_NOT_READY, "the daemon does not know this worker; registering again");
    } else if (!rc) {
        rc = http_response_error(&response, err);
    }
    if (!rc && response.status == 200)
        rc = lease_parse(buf_str(&response.body), response.body.len, lease, err);
    http_response_fini(&response);
    return rc;
}

static void slot_set_token(struct slot *slot, const char *token)
{
    pthread_mutex_lock(&slot->session->mutex);
    snprintf(slot->token, sizeof slot->token, "%s", token);
    atomic_store(&slot->lost, false);
    atomic_store(&slot->cancel, stopping(slot->session));
    pthread_mutex_unlock(&slot->session->mutex);
}

/* Another search opens its files anew, even when its spec is the same: they may have been replaced in between. */
static int slot_evaluator(struct slot *slot, const struct lease *lease, struct err *err)
{
    if (slot->evaluator && slot->evaluator_search == lease->search &&
        strcmp(slot->evaluator_spec, lease->spec_text) == 0)
        return 0;
    evaluator_close(slot->evaluator);
    mem_free(slot->evaluator_spec);
    slot->evaluator = NULL;
    slot->evaluator_spec = NULL;
    int rc = evaluator_open(&lease->spec, slot->session->options->scratch, &slot->evaluator, err);
    if (!rc) {
        slot->evaluator_spec = mem_strdup(lease->spec_text);
        slot->evaluator_search = lease->search;
    }
    return rc;
}

/* One attempt to deliver. Being told to stop does not break it off: the daemon may be committing it this moment.
 * *again: the same report may succeed later. */
static int slot_offer(struct slot *slot, const char *path, const char *body, double timeout_s, bool *again,
                      struct err *err)
{
    struct http_response response;
    int rc = post(slot->http, path, body, timeout_s, NULL, &response, err);
    int status = response.status;
    if (!rc)
        rc = http_response_error(&response, err);
    http_response_fini(&response);
    *again = rc == ERR_UNREACHABLE || rc == ERR_TIMEOUT || status >= 500;
    return rc;
}

/* Delivers a report. The daemon may be away for as long as it likes while we are not told to stop; from then on it is
 * offered for DELIVERY_AFTER_STOP_S more. */
static int slot_report(struct slot *slot, const struct lease *lease, const char *verb, const char *body,
                       struct err *err)
{
    struct session *session = slot->session;
    double wait_s = WAIT_FIRST_S, end_s = 0;
    bool again = true;
    int rc = ERR_UNREACHABLE;
    char *path = mem_printf("/v1/leases/%s/%s", lease->token, verb);
    while (again) {
        bool last = stopping(session);
        if (last && end_s == 0)
            end_s = stop_now_s() + DELIVERY_AFTER_STOP_S;
        double left_s = last ? end_s - stop_now_s() : REPORT_TIMEOUT_S;
        if (left_s <= 0)
            break;
        rc = slot_offer(slot, path, body, left_s, &again, err);
        if (rc == 0)
            break;
        log_event(LOG_WARN, "report_refused", "verb=%s search=%lld trial=%d again=%s reason=\"%s\"", verb,
                  (long long)lease->search, lease->trial, again ? "yes" : "no", err->text);
        if (last && again)
            nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
        else if (again)
            session_wait(session, wait_s);
        wait_s = wait_s * 2 < WAIT_LONGEST_S ? wait_s * 2 : WAIT_LONGEST_S;
    }
    mem_free(path);
    return rc;
}

static void slot_fail(struct slot *slot, const struct lease *lease, int code, const char *reason)
{
    struct buf body;
    struct err err = {0};
    buf_init(&body, BODY_MAX);
    lease_write_failure(code, reason, &body);
    log_event(LOG_WARN, "failed", "search=%lld trial=%d half=%s attempt=%d code=%s reason=\"%s\"",
              (long long)lease->search, lease->trial, lease->half, lease->attempt, err_name(code), reason);
    slot_report(slot, lease, "failure", buf_str(&body), &err);
    buf_fini(&body);
}

/* Scores that do not fit or that the daemon refuses are a failure that it must hear of: a lease that merely ran out
 * would be tried again and again without a reason. */
static void slot_deliver(struct slot *slot, const struct lease *lease, const struct scores *scores)
{
    struct buf body;
    struct err err = {0};
    buf_init(&body, LEASE_RESULT_MAX);
    lease_write_result(scores, &body);
    log_event(LOG_INFO, "evaluated", "search=%lld trial=%d half=%s merge_s=%.3f evaluate_s=%.3f",
              (long long)lease->search, lease->trial, lease->half, scores->merge_s, scores->evaluate_s);
    int rc = body.full
                 ? err_set(&err, ERR_TOO_LARGE,
                           "the scores are larger than the %zu MiB that the daemon takes; print fewer items",
                           LEASE_RESULT_MAX >> 20)
                 : slot_report(slot, lease, "result", buf_str(&body), &err);
    bool refused = rc == ERR_INVALID || rc == ERR_TOO_LARGE; /* not: the lease is gone, the daemon is away */
    if (refused)
        slot_fail(slot, lease, rc, err.text);
    buf_fini(&body);
}

static void slot_conclude(struct slot *slot, const struct lease *lease, int rc, const struct scores *scores,
                          const struct err *err)
{
    struct err ignored = {0};
    if (rc == 0) {
        slot_deliver(slot, lease, scores);
    } else if (atomic_load(&slot->lost)) {
        log_event(LOG_WARN, "lease_lost", "search=%lld trial=%d", (long long)lease->search, lease->trial);
    } else if (rc == ERR_CANCELLED && stopping(slot->session)) {
        log_event(LOG_INFO, "released", "search=%lld trial=%d", (long long)lease->search, lease->trial);
        slot_report(slot, lease, "release", "{}", &ignored);
    } else {
        slot_fail(slot, lease, rc, err->text);
    }
}

static void slot_work(struct slot *slot, const struct lease *lease)
{
    struct scores scores = {0};
    struct err err = {0};
    slot_set_token(slot, lease->token);
    int rc = slot_evaluator(slot, lease, &err);
    if (!rc) {
        struct evaluation evaluation = {.search = lease->search,
                                        .trial = lease->trial,
                                        .attempt = lease->attempt,
                                        .half = lease->half,
                                        .ratios = lease->ratios,
                                        .ratios_n = lease->ratios_n,
                                        .seed = lease->seed,
                                        .cancel = &slot->cancel};
        rc = evaluator_run(slot->evaluator, &evaluation, &scores, &err);
    }
    slot_conclude(slot, lease, rc, &scores, &err);
    scores_fini(&scores);
    slot_set_token(slot, "");
}

static void *slot_main(void *ctx)
{
    struct slot *slot = ctx;
    struct session *session = slot->session;
    double wait_s = WAIT_FIRST_S;
    bool complained = false;
    while (!stopping(session)) {
        struct lease lease;
        struct err err = {0};
        int rc = slot_lease(slot, &lease, &err);
        if (rc == 0) {
            wait_s = WAIT_FIRST_S;
            complained = false;
            if (*lease.token)
                slot_work(slot, &lease);
            lease_fini(&lease);
            continue;
        }
        bool illegible = *lease.token != 0; /* the daemon is there, and is told */
        if (illegible)
            slot_fail(slot, &lease, rc, err.text);
        lease_fini(&lease);
        if (stopping(session))
            break;
        if (!complained && !illegible && rc != ERR_NOT_READY) {
            log_event(LOG_WARN, "daemon_away", "reason=\"%s\"", err.text);
            complained = true;
        }
        session_wait(session, wait_s);
        wait_s = wait_s * 2 < WAIT_LONGEST_S ? wait_s * 2 : WAIT_LONGEST_S;
    }
    return NULL;
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
    int rc = post(http, path, "{}", 10, session->stop, &response, NULL);
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
    while (!stopping(session)) {
        for (int i = 0; i < session->options->slots && !stopping(session); i++)
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
    while (!stopping(session))
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
    post(session->slots[0].http, path, "{}", 2, NULL, &response, NULL);
    http_response_fini(&response);
    mem_free(path);
}

static void session_fini(struct session *session)
{
    for (int i = 0; i < session->options->slots; i++) {
        struct slot *slot = &session->slots[i];
        evaluator_close(slot->evaluator);
        mem_free(slot->evaluator_spec);
        http_client_close(slot->http);
    }
    http_client_close(session->heartbeat_http);
    mem_free(session->slots);
    pthread_cond_destroy(&session->stopped);
    pthread_mutex_destroy(&session->mutex);
}

static void start_thread(pthread_t *thread, void *(*run)(void *), void *ctx)
{
    int reason = pthread_create(thread, NULL, run, ctx);
    if (reason) {
        log_event(LOG_ERROR, "no_thread", "reason=\"%s\"", strerror(reason));
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
