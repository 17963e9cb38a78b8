/* The worker side: register, lease by long poll, heartbeat, result, failure, release. */
#include "daemon/api.h"
#include "daemon/core/repeat.h"
#include "daemon/paretod.h"
#include "daemon/score_reader.h"
#include "proto/log.h"
#include "proto/mem.h"
#include "proto/state_text.h"

#include <stdio.h>
#include <string.h>

#define POLL_S 20
#define WAIT_MAX_S 60
#define SLOTS_MAX 1024
#define REASON_MAX 2000 /* bytes that are kept: every page of trials shows it */

static int least(int a, int b)
{
    return a < b ? a : b;
}

void api_worker_register(struct api_call *call)
{
    struct json *root = api_body(call->x);
    if (!root)
        return;
    const char *name = json_string_or(json_get(root, "name"), "");
    int64_t slots = 0;
    bool ok = json_whole(json_get(root, "slots"), 1, SLOTS_MAX, &slots);
    if (!*name || strlen(name) >= WORKER_NAME_MAX || !ok) {
        http_error(call->x, 422, "invalid", "a worker has a \"name\" of 1 to %d bytes and 1 to %d \"slots\"",
                   WORKER_NAME_MAX - 1, SLOTS_MAX);
        json_free(root);
        return;
    }
    const struct worker *worker =
        fleet_register(&call->daemon->sched.fleet, name, (int)slots,
                       json_string_or(json_get(root, "version"), ""), paretod_now().us);
    int lease_s = call->daemon->options->lease_s;
    struct buf buf;
    struct json_out out;
    buf_init(&buf, ANSWER_MAX);
    json_begin(&out, &buf);
    json_object(&out);
    json_put_text(&out, "worker", worker->id);
    json_put_int(&out, "lease_s", lease_s);
    json_put_double(&out, "heartbeat_s", lease_s / 3.0);
    json_put_int(&out, "poll_s", least(POLL_S, lease_s > 1 ? lease_s * 2 / 3 : 1));
    json_end_object(&out);
    log_event(LOG_INFO, "worker_registered", "worker=%s name=%s slots=%d", worker->id,
              LOG_QUOTE(worker->name), worker->slots);
    json_free(root);
    api_send(call->x, 200, &buf);
}

static void put_worker(struct sched *sched, const struct worker *worker, int64_t now_us, struct json_out *out)
{
    struct lease_table *table = &sched->leases;
    int busy = lease_of_worker(table, worker->name, NULL);
    bool lost = sched_worker_lost(sched, worker, now_us);
    json_object(out);
    json_put_text(out, "worker", worker->id);
    json_put_text(out, "name", worker->name);
    json_put_int(out, "slots", worker->slots);
    json_put_text(out, "state", lost ? "lost" : busy ? "busy" : "idle");
    json_name(out, "leases");
    json_array(out);
    for (int i = 0; i < table->n; i++) {
        const struct lease *lease = table->lease[i];
        if (lease->state != LEASE_ACTIVE || strcmp(lease->worker, worker->name))
            continue;
        json_object(out);
        json_put_int(out, "search", lease->search);
        json_put_int(out, "trial", lease->trial);
        json_put_text(out, "half", half_name(lease->half));
        json_end_object(out);
    }
    json_end_array(out);
    json_name(out, "refused");
    json_array(out);
    for (int i = 0; i < worker->refused_n; i++) {
        json_object(out);
        json_put_int(out, "search", worker->refused[i].search);
        json_put_text(out, "reason", worker->refused[i].reason);
        json_end_object(out);
    }
    json_end_array(out);
    json_put_int(out, "done", worker->done);
    json_put_int(out, "failed", worker->failed);
    json_put_double(out, "last_seen_s", (double)(now_us - worker->seen_us) / 1e6);
    json_end_object(out);
}

void api_workers_list(struct api_call *call)
{
    struct sched *sched = &call->daemon->sched;
    int64_t now_us = paretod_now().us;
    struct buf buf;
    struct json_out out;
    buf_init(&buf, ANSWER_MAX);
    json_begin(&out, &buf);
    json_object(&out);
    json_name(&out, "workers");
    json_array(&out);
    for (int i = 0; i < sched->fleet.n; i++)
        put_worker(sched, sched->fleet.worker[i], now_us, &out);
    json_end_array(&out);
    json_end_object(&out);
    api_send(call->x, 200, &buf);
}

void api_worker_leave(struct api_call *call)
{
    struct err err = {0};
    char json[64];
    int released;
    int rc = sched_leave(&call->daemon->sched, call->param[0], paretod_now(), &released, &err);
    if (rc) {
        api_error(call->x, rc, &err);
        return;
    }
    polls_end_worker(call->daemon, call->param[0]);
    log_event(LOG_INFO, "worker_left", "worker=%s released=%d", call->param[0], released);
    snprintf(json, sizeof json, "{\"released\":%d}", released);
    http_answer(call->x, &(struct answer){.status = 200, .bytes = json, .len = strlen(json)});
}

/* A line about the job of a lease; none when nobody knows the token. */
static void log_lease(enum log_level level, const char *event, struct paretod *daemon, const char *token)
{
    const struct lease *lease = lease_find(&daemon->sched.leases, token);
    if (lease)
        log_event(level, event, "search=%lld trial=%d half=%s attempt=%d worker=%s", (long long)lease->search,
                  lease->trial, half_name(lease->half), lease->attempt, LOG_QUOTE(lease->worker));
}

/* Which checkpoints the worker must have. */
static void put_models(const struct facts *facts, struct json_out *out)
{
    if (!facts_have_digests(facts))
        return;
    json_name(out, "models");
    json_object(out);
    json_put_text(out, "base", facts->base);
    json_put_text(out, "tuned", facts->tuned);
    json_end_object(out);
}

static int put_state(void *ctx, const struct store_partial *row)
{
    struct json_out *out = ctx;
    json_name(out, "resume");
    json_object(out);
    json_put_int(out, "slices_done", row->slices_done);
    json_put_int(out, "slices", row->slices);
    json_put_int(out, "items", row->items);
    json_name(out, "state");
    json_raw(out, row->state);
    json_end_object(out);
    return 0;
}

/* What the evaluation of a reopened trial goes on from; without it, it begins anew. */
static void put_resume(struct paretod *daemon, const struct search *search, const struct lease *lease,
                       struct json_out *out)
{
    struct err err = {0};
    if (lease->half != HALF_SEARCH || !search->trials[lease->trial].reopened)
        return;
    int rc = store_partial_get(daemon->store, lease->search, lease->trial, put_state, out, &err);
    if (rc && rc != ERR_NOT_FOUND)
        log_event(LOG_ERROR, "state_unread", "search=%lld trial=%d reason=%s", (long long)lease->search,
                  lease->trial, LOG_QUOTE(err.text));
}

/* Of a trial that is scored in part at first. */
static void put_stop_after(const struct search *search, const struct lease *lease, struct json_out *out)
{
    int after = lease->half == HALF_SEARCH ? search_stop_after(search, lease->trial, search->spec.slices) : 0;
    if (after > 0)
        json_put_int(out, "stop_after", after);
}

static void send_lease(struct paretod *daemon, struct exchange *x, const struct lease *lease)
{
    const struct search *search = sched_search(&daemon->sched, lease->search);
    struct buf buf;
    struct json_out out;
    buf_init(&buf, ANSWER_MAX);
    json_begin(&out, &buf);
    json_object(&out);
    json_put_text(&out, "lease", lease->token);
    json_put_int(&out, "search", lease->search);
    json_put_int(&out, "trial", lease->trial);
    json_put_text(&out, "half", half_name(lease->half));
    json_put_int(&out, "attempt", lease->attempt);
    json_put_doubles(&out, "ratios", search_ratios(search, lease->trial), (size_t)search->k);
    json_put_int(&out, "seed", (int64_t)repeat_seed(search, lease->trial));
    if (repeat_number(search, lease->trial) > 0)
        json_put_int(&out, "repeat", repeat_number(search, lease->trial));
    put_models(facts_find(&daemon->facts, lease->search), &out);
    put_resume(daemon, search, lease, &out);
    put_stop_after(search, lease, &out);
    json_name(&out, "spec");
    search_spec_write_brief(&search->spec, &out);
    json_end_object(&out);
    log_lease(LOG_DEBUG, "leased", daemon, lease->token);
    http_answer(
        x, &(struct answer){.status = 200, .bytes = buf_str(&buf), .len = buf.len, .receipt = lease->token});
    buf_fini(&buf);
}

void api_lease_lost(void *ctx, const char *token)
{
    struct paretod *daemon = ctx;
    log_lease(LOG_INFO, "lease_undelivered", daemon, token);
    sched_release(&daemon->sched, token, paretod_now(), NULL);
}

bool api_lease(struct paretod *daemon, struct exchange *x, const char *worker, struct poll *poll,
               struct now now)
{
    const struct lease *lease;
    struct err err = {0};
    int rc = sched_lease(&daemon->sched, worker, now, poll, &lease, &err);
    if (rc == ERR_NOT_READY)
        return false;
    if (rc)
        api_error(x, rc, &err);
    else
        send_lease(daemon, x, lease);
    return true;
}

/* False after it answered 422. */
static bool read_ask(struct exchange *x, const struct json *root, char worker[32], double *wait_s)
{
    const char *name = json_string_or(json_get(root, "worker"), "");
    const struct json *wait = json_get(root, "wait_s");
    *wait_s = json_number_or(wait, 0);
    if (!*name || (wait && !json_is(wait, JSON_NUMBER)) || *wait_s < 0) {
        http_error(
            x, 422, "invalid",
            "a poll has the \"worker\" that POST /v1/workers gave and \"wait_s\", seconds of 0 or more");
        return false;
    }
    if (*wait_s > WAIT_MAX_S)
        *wait_s = WAIT_MAX_S;
    snprintf(worker, 32, "%s", name);
    return true;
}

void api_lease_ask(struct api_call *call)
{
    struct json *root = api_body(call->x);
    char worker[32];
    double wait_s;
    if (!root)
        return;
    bool ok = read_ask(call->x, root, worker, &wait_s);
    json_free(root);
    struct now now = paretod_now();
    struct poll poll = {.since_us = now.us, .until_us = now.us + (int64_t)(wait_s * 1e6)};
    if (!ok || api_lease(call->daemon, call->x, worker, &poll, now))
        return;
    if (wait_s > 0)
        polls_add_lease(call->daemon, exchange_id(call->x), worker, &poll);
    else
        http_answer(call->x, &(struct answer){.status = 204});
}

void api_lease_heartbeat(struct api_call *call)
{
    struct err err = {0};
    char json[64];
    int chosen_s = lease_token_length(call->param[0]);
    snprintf(json, sizeof json, "{\"lease_s\":%d}", chosen_s ? chosen_s : call->daemon->options->lease_s);
    int rc = sched_heartbeat(&call->daemon->sched, call->param[0], paretod_now(), &err);
    api_lease_answer(call->x, rc, &err, json);
}

/* A slice that cannot be read is refused and nothing else: the result is still to come. */
void api_lease_slice(struct api_call *call)
{
    struct json *root = api_body(call->x);
    struct result read = {0};
    struct err err = {0};
    char json[64];
    bool stop = false;
    if (!root)
        return;
    int rc = score_reader_read(root, &read, &err);
    if (!rc && (read.slices == 0 || read.items == 0))
        rc = err_set(&err, ERR_INVALID, "%s: is missing", read.slices == 0 ? "slices_done" : "items");
    const struct slice_report report = {.scores = read.scores,
                                        .scores_n = read.scores_n,
                                        .slices_done = read.slices_done,
                                        .slices = read.slices,
                                        .items = read.items};
    if (!rc)
        rc = sched_slice(&call->daemon->sched, call->param[0], &report, paretod_now(), &stop, &err);
    snprintf(json, sizeof json, "{\"stop\":%s,\"lease_s\":%d}", stop ? "true" : "false",
             call->daemon->options->lease_s);
    api_lease_answer(call->x, rc, &err, json);
    score_reader_free(&read);
    json_free(root);
}

/* A result we cannot read is a failure of the job: without this the worker would deliver it again for ever. */
static void refuse_result(struct api_call *call, const struct err *err)
{
    sched_failure(&call->daemon->sched, call->param[0], err->text, paretod_now(), NULL);
    http_error(call->x, 422, "invalid", "%s", err->text);
}

/* Of an evaluation that was ended early. One that cannot be kept is no reason to refuse the scores. */
static char *read_state(const struct api_call *call, const struct json *root, const struct result *result)
{
    const struct json *state = json_get(root, "state");
    struct err err = {0};
    char *text = NULL;
    if (!state || json_is(state, JSON_NULL) || result->slices_done == result->slices)
        return NULL;
    if (state_text(state, &text, &err))
        log_event(LOG_WARN, "state_left_out", "lease=%s reason=%s", LOG_QUOTE(call->param[0]),
                  LOG_QUOTE(err.text));
    return text;
}

/* Where the search wants it; elsewhere it is not looked at. */
static int read_written(struct api_call *call, const struct json *root, const struct result *result,
                        char **out, struct err *err)
{
    const struct search *search = NULL;
    int64_t id;
    int trial;
    enum half half;
    *out = NULL;
    if (lease_token_read(call->param[0], &id, &trial, &half))
        search = sched_search(&call->daemon->sched, id);
    if (!search || !search_spec_wants_written(&search->spec))
        return 0;
    return score_reader_written(root, result, out, err);
}

void api_lease_result(struct api_call *call)
{
    struct json *root = api_body(call->x);
    struct result result = {0};
    char *state = NULL, *written = NULL;
    struct err err = {0};
    bool duplicate = false;
    if (!root)
        return;
    int rc = score_reader_read(root, &result, &err);
    if (!rc)
        rc = read_written(call, root, &result, &written, &err);
    if (!rc) {
        result.state = state = read_state(call, root, &result);
        result.written = written;
    }
    if (!rc)
        rc = sched_result(&call->daemon->sched, call->param[0], &result, paretod_now(), &duplicate, &err);
    if (rc == ERR_INVALID)
        refuse_result(call, &err);
    else
        api_lease_answer(call->x, rc, &err,
                         duplicate ? "{\"accepted\":true,\"duplicate\":true}"
                                   : "{\"accepted\":true,\"duplicate\":false}");
    score_reader_free(&result);
    mem_free(state);
    mem_free(written);
    json_free(root);
}

void api_lease_failure(struct api_call *call)
{
    struct json *root = api_body(call->x);
    struct err err = {0};
    if (!root)
        return;
    const char *reason = json_string_or(json_get(root, "reason"), "the worker gave no reason");
    char *kept = mem_printf("%.*s", REASON_MAX, reason);
    int rc = sched_failure(&call->daemon->sched, call->param[0], kept, paretod_now(), &err);
    api_lease_answer(call->x, rc, &err, "{}");
    mem_free(kept);
    json_free(root);
}

/* The worker cannot do any job of this search: it gives this one back and gets no other. */
static int refuse_search(struct api_call *call, const char *reason, struct err *err)
{
    char *kept = mem_printf("%.*s", REASON_MAX, reason);
    const struct lease *lease = lease_find(&call->daemon->sched.leases, call->param[0]);
    if (lease && lease->state == LEASE_ACTIVE)
        log_event(LOG_WARN, "search_refused", "search=%lld worker=%s reason=%s", (long long)lease->search,
                  LOG_QUOTE(lease->worker), LOG_QUOTE(kept));
    int rc = sched_refuse(&call->daemon->sched, call->param[0], kept, paretod_now(), err);
    mem_free(kept);
    return rc;
}

void api_lease_release(struct api_call *call)
{
    bool bare = exchange_body(call->x)->len == 0;
    struct json *root = bare ? NULL : api_body(call->x);
    struct err err = {0};
    if (!root && !bare)
        return;
    const struct json *refused = json_get(root, "refused");
    if (refused && !*json_string_or(refused, "")) {
        http_error(call->x, 422, "invalid", "refused: must be a sentence that says why");
    } else {
        int rc = refused ? refuse_search(call, json_string_or(refused, ""), &err)
                         : sched_release(&call->daemon->sched, call->param[0], paretod_now(), &err);
        api_lease_answer(call->x, rc, &err, "{}");
    }
    json_free(root);
}
