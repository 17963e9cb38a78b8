/* One slot of a session: a thread that leases, evaluates and reports. */
#include "worker/session_internal.h"

#include "proto/limits.h"
#include "proto/log.h"
#include "proto/mem.h"
#include "worker/identity.h"
#include "worker/stop.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define WAIT_FIRST_S 0.1
#define WAIT_LONGEST_S 5.0
#define REPORT_TIMEOUT_S 20.0
#define DELIVERY_AFTER_STOP_S 10.0 /* how long a report is offered to a silent daemon at the end */
#define SLICE_WAIT_MOST_S 2.0      /* for the answer to a slice */
#define CHECKS_MAX 6               /* of files that change while they are read: three seconds of waits */

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
    rc = session_post(slot->http, "/v1/leases", body, poll_s + 15, session->stop, &response, err);
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
    atomic_store(&slot->cancel, session_stopping(slot->session));
    pthread_mutex_unlock(&slot->session->mutex);
}

/* The hashes of every tensor, as the daemon has them. */
struct digests_ask {
    struct slot *slot;
    int64_t search;
};

static int get_digests(void *ctx, struct json **out, struct err *err)
{
    const struct digests_ask *ask = ctx;
    struct http_response response;
    char *path = mem_printf("/v1/searches/%lld/digests", (long long)ask->search);
    int rc = session_get(ask->slot->http, path, &ask->slot->cancel, &response, err);
    if (!rc)
        rc = http_response_error(&response, err);
    if (!rc)
        rc = json_parse(buf_str(&response.body), response.body.len, out, err);
    http_response_fini(&response);
    mem_free(path);
    return rc;
}

static void close_evaluator(struct slot *slot)
{
    evaluator_close(slot->evaluator);
    mem_free(slot->evaluator_spec);
    slot->evaluator = NULL;
    slot->evaluator_spec = NULL;
}

/* Files that are written to meanwhile are checked again, after longer and longer waits. *refused: they are not the search's,
 * or not yet. */
static int open_evaluator(struct slot *slot, const struct lease *lease, bool *refused, struct err *err)
{
    struct digests_ask ask = {slot, lease->search};
    const struct identity_source source = {get_digests, &ask};
    double wait_s = WAIT_FIRST_S;
    for (int try = 0; try < CHECKS_MAX; try++) {
        if (try > 0)
            session_wait(slot->session, wait_s);
        wait_s = try > 0 ? wait_s * 2 : wait_s;
        slot->evaluator_stamp = identity_stamp(lease);
        int rc = identity_check(lease, &source, &slot->cancel, err);
        *refused = rc == ERR_CONFLICT;
        if (!rc)
            rc = evaluator_open(&lease->spec, slot->session->options->scratch, &slot->evaluator, err);
        if (rc == ERR_CANCELLED || hash_equal(slot->evaluator_stamp, identity_stamp(lease)))
            return rc;
        close_evaluator(slot);
    }
    *refused = true;
    return err_set(
        err, ERR_CONFLICT,
        "%.180s or %.180s is being written to; wait until its files are whole, then start this worker again",
        lease->spec.base, lease->spec.tuned);
}

/* Another search opens its files anew, even when its spec is the same: they may have been replaced in between. So does
 * a trial that finds them changed. */
static int slot_evaluator(struct slot *slot, const struct lease *lease, bool *refused, struct err *err)
{
    if (slot->evaluator && slot->evaluator_search == lease->search &&
        strcmp(slot->evaluator_spec, lease->spec_text) == 0 &&
        hash_equal(slot->evaluator_stamp, identity_stamp(lease)))
        return 0;
    close_evaluator(slot);
    int rc = open_evaluator(slot, lease, refused, err);
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
    int rc = session_post(slot->http, path, body, timeout_s, NULL, &response, err);
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
        bool last = session_stopping(session);
        if (last && end_s == 0)
            end_s = stop_now_s() + DELIVERY_AFTER_STOP_S;
        double left_s = last ? end_s - stop_now_s() : REPORT_TIMEOUT_S;
        if (left_s <= 0)
            break;
        rc = slot_offer(slot, path, body, left_s, &again, err);
        if (rc == 0)
            break;
        log_event(LOG_WARN, "report_refused", "verb=%s search=%lld trial=%d again=%s reason=%s", verb,
                  (long long)lease->search, lease->trial, again ? "yes" : "no", LOG_QUOTE(err->text));
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
    log_event(LOG_WARN, "failed", "search=%lld trial=%d half=%s attempt=%d code=%s reason=%s",
              (long long)lease->search, lease->trial, lease->half, lease->attempt, err_name(code),
              LOG_QUOTE(reason));
    slot_report(slot, lease, "failure", buf_str(&body), &err);
    buf_fini(&body);
}

/* Scores that do not fit or that the daemon refuses are a failure that it must hear of: a lease that merely ran out
 * would be tried again and again without a reason. */
static void slot_deliver(struct slot *slot, const struct lease *lease, const struct scores *scores)
{
    struct buf body;
    struct err err = {0};
    buf_init(&body, LIMIT_BODY_BYTES);
    lease_write_result(scores, &body);
    log_event(LOG_INFO, "evaluated",
              "search=%lld trial=%d half=%s slices=%d/%d resumed=%d items=%lld merge_s=%.3f evaluate_s=%.3f",
              (long long)lease->search, lease->trial, lease->half, scores->slices_done, scores->slices,
              scores->resumed, (long long)(scores->items - scores->resumed_items), scores->merge_s,
              scores->evaluate_s);
    int rc = body.full
                 ? err_set(&err, ERR_TOO_LARGE,
                           "the scores are larger than the %zu MiB that the daemon takes; print fewer items",
                           LIMIT_BODY_BYTES >> 20)
                 : slot_report(slot, lease, "result", buf_str(&body), &err);
    bool refused = rc == ERR_INVALID || rc == ERR_TOO_LARGE; /* not: the lease is gone, the daemon is away */
    if (refused)
        slot_fail(slot, lease, rc, err.text);
    buf_fini(&body);
}

/* Not our job: another worker may have the right files. */
static void slot_refuse(struct slot *slot, const struct lease *lease, const char *reason)
{
    struct buf body;
    struct err ignored = {0};
    buf_init(&body, BODY_MAX);
    lease_write_refusal(reason, &body);
    log_event(LOG_WARN, "refused", "search=%lld trial=%d reason=%s", (long long)lease->search, lease->trial,
              LOG_QUOTE(reason));
    slot_report(slot, lease, "release", buf_str(&body), &ignored);
    buf_fini(&body);
}

static void slot_conclude(struct slot *slot, const struct lease *lease, int rc, bool refused,
                          const struct scores *scores, const struct err *err)
{
    struct err ignored = {0};
    if (rc == 0) {
        slot_deliver(slot, lease, scores);
    } else if (atomic_load(&slot->lost)) {
        log_event(LOG_WARN, "lease_lost", "search=%lld trial=%d", (long long)lease->search, lease->trial);
    } else if (refused) {
        slot_refuse(slot, lease, err->text);
    } else if (rc == ERR_CANCELLED && session_stopping(slot->session)) {
        log_event(LOG_INFO, "released", "search=%lld trial=%d", (long long)lease->search, lease->trial);
        slot_report(slot, lease, "release", "{}", &ignored);
    } else {
        slot_fail(slot, lease, rc, err->text);
    }
}

/* Scores of weights that were exchanged meanwhile are nobody's. */
static int check_unchanged(const struct slot *slot, const struct lease *lease, struct err *err)
{
    if (hash_equal(slot->evaluator_stamp, identity_stamp(lease)))
        return 0;
    return err_set(err, ERR_CONFLICT, "the files of %s or %s were changed while they were evaluated",
                   lease->spec.base, lease->spec.tuned);
}

/* ---- slices ---- */

static void hear_slice(void *ctx, const struct scores *scores)
{
    struct slot *slot = ctx;
    struct buf body;
    buf_init(&body, LIMIT_BODY_BYTES);
    lease_write_slice(scores, &body);
    if (!body.full)
        reporter_put(slot->reporter, buf_str(&body));
    buf_fini(&body);
}

/* A lease that is lost ends the evaluation as a heartbeat's answer does: cancelled, and nothing is reported. */
static bool stop_slices(void *ctx, double wait_s)
{
    struct slot *slot = ctx;
    enum reporter_answer answer =
        reporter_wait(slot->reporter, wait_s < SLICE_WAIT_MOST_S ? wait_s : SLICE_WAIT_MOST_S);
    if (answer == REPORTER_LOST) {
        atomic_store(&slot->lost, true);
        atomic_store(&slot->cancel, true);
    }
    return answer == REPORTER_STOP;
}

/* Into how many parts an evaluation is cut: held-out scores and repeats are never stopped, nor any when the search does not
 * want it. */
static int slices_of(const struct lease *lease)
{
    if (lease->resume.state)
        return lease->resume.slices;
    if (lease->stop_after)
        return lease->spec.slices;
    bool may_stop = strcmp(lease->half, "search") == 0 && !lease->repeat &&
                    (lease->spec.early_stop > 0 || lease->spec.screen > 0);
    return may_stop ? lease->spec.slices : 1;
}

static int slot_evaluate(struct slot *slot, const struct lease *lease, struct scores *scores, struct err *err)
{
    struct slice_hearer hearer = {slot, hear_slice, stop_slices, NULL};
    struct evaluation evaluation = {.search = lease->search,
                                    .trial = lease->trial,
                                    .attempt = lease->attempt,
                                    .half = lease->half,
                                    .ratios = lease->ratios,
                                    .ratios_n = lease->ratios_n,
                                    .seed = lease->seed,
                                    .repeat = lease->repeat,
                                    .shard = shard_of(&lease->spec, lease->trial),
                                    .slices = slices_of(lease),
                                    .stop_after = lease->stop_after,
                                    .resume = lease->resume,
                                    .cancel = &slot->cancel};
    if (evaluation.slices > 1) {
        int rc = slot->reporter ? 0 : reporter_open(slot->session->options->daemon, &slot->reporter, err);
        if (rc)
            return rc;
        reporter_begin(slot->reporter, lease->token);
        hearer.stopped = reporter_stopped(slot->reporter);
        evaluation.hearer = &hearer;
    }
    int rc = evaluator_run(slot->evaluator, &evaluation, scores, err);
    if (!rc)
        rc = check_unchanged(slot, lease, err);
    if (evaluation.hearer) {
        if (!rc) /* so that the daemon hears of the slices before it hears of the end */
            reporter_wait(slot->reporter, SLICE_WAIT_MOST_S);
        reporter_end(slot->reporter);
    }
    return rc;
}

static void slot_work(struct slot *slot, const struct lease *lease)
{
    struct scores scores = {0};
    struct err err = {0};
    bool refused = false;
    slot_set_token(slot, lease->token);
    int rc = slot_evaluator(slot, lease, &refused, &err);
    if (!rc)
        rc = slot_evaluate(slot, lease, &scores, &err);
    slot_conclude(slot, lease, rc, refused, &scores, &err);
    scores_fini(&scores);
    slot_set_token(slot, "");
}

void *slot_main(void *ctx)
{
    struct slot *slot = ctx;
    struct session *session = slot->session;
    double wait_s = WAIT_FIRST_S;
    bool complained = false;
    while (!session_stopping(session)) {
        struct lease lease;
        struct err err = {0};
        int rc = slot_lease(slot, &lease, &err);
        if (rc || !*lease.token)
            evaluator_rest(slot->evaluator);
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
        if (session_stopping(session))
            break;
        if (!complained && !illegible && rc != ERR_NOT_READY) {
            log_event(LOG_WARN, "daemon_away", "reason=%s", LOG_QUOTE(err.text));
            complained = true;
        }
        session_wait(session, wait_s);
        wait_s = wait_s * 2 < WAIT_LONGEST_S ? wait_s * 2 : WAIT_LONGEST_S;
    }
    close_evaluator(slot); /* in the thread that started its program */
    return NULL;
}

void slot_fini(struct slot *slot)
{
    close_evaluator(slot);
    reporter_close(slot->reporter);
    http_client_close(slot->http);
}
