/* WHAT   The routes: which handler answers which request, and what handlers share.
 * WHO    paretod.c hands api_handle to http; polls.c and submit.c answer through it.
 * UNITS  Seconds on the wire, microseconds inside.
 * MEMORY Borrows for the call.
 * ERRORS Become answers: 400 no JSON, 404, 405, 409, 410, 422 with fields, 500 when the disk refuses.
 * STATE  None. */
#ifndef DAEMON_API_H
#define DAEMON_API_H

#include "daemon/core/sched.h"
#include "daemon/http.h"
#include "daemon/polls.h"
#include "proto/json.h"

struct paretod;

#define API_PARAMS_MAX 2
#define ANSWER_MAX ((size_t)256 << 20)
#define API_PARAM_MAX 96

struct api_call {
    struct paretod *daemon;
    struct exchange *x;
    char param[API_PARAMS_MAX][API_PARAM_MAX]; /* what stood for {…} in the route */
};

/* http_handler; ctx is the struct paretod. */
void api_handle(void *ctx, struct exchange *x);
/* http_lost: the job of a lease whose answer did not arrive goes back at once. */
void api_lease_lost(void *ctx, const char *token);

/* Handlers, by file. */
void api_searches_list(struct api_call *call);
void api_search_submit(struct api_call *call);
void api_search_get(struct api_call *call);
void api_search_pause(struct api_call *call);
void api_search_resume(struct api_call *call);
void api_search_cancel(struct api_call *call);
void api_search_front(struct api_call *call);
void api_search_ask(struct api_call *call);
void api_search_tell(struct api_call *call);
void api_search_plan(struct api_call *call);
void api_search_preflight(struct api_call *call);
void api_search_digests(struct api_call *call);
void api_search_replay(struct api_call *call);
void api_trials_list(struct api_call *call);
void api_trials_csv(struct api_call *call);
void api_trial_get(struct api_call *call);
void api_trial_written(struct api_call *call);
void api_workers_list(struct api_call *call);
void api_worker_register(struct api_call *call);
void api_worker_leave(struct api_call *call);
void api_lease_ask(struct api_call *call);
void api_lease_heartbeat(struct api_call *call);
void api_lease_slice(struct api_call *call);
void api_lease_result(struct api_call *call);
void api_lease_failure(struct api_call *call);
void api_lease_release(struct api_call *call);

/* The body as an object for json_free; NULL after it answered 400. */
struct json *api_body(struct exchange *x);
/* The search of {id}; NULL after it answered 404. */
struct search *api_find_search(struct api_call *call);
/* Answers with the status of a code. */
void api_error(struct exchange *x, int rc, const struct err *err);
/* Answers whoever holds a lease: with json when rc is 0. A lease that is not there is 410: what it was for ends. */
void api_lease_answer(struct exchange *x, int rc, const struct err *err, const char *json);
/* Sends what stands in buf and frees it; 500 when it did not fit. */
void api_send(struct exchange *x, int status, struct buf *buf);
/* The members of a summary, into an open object. */
void api_put_summary(struct paretod *daemon, struct search *search, struct json_out *out);
void api_summary(struct paretod *daemon, struct exchange *x, int status, int64_t id);
/* A whole number of the query, `otherwise` when absent. False after it answered 400. */
bool api_query_whole(struct exchange *x, const char *name, int64_t min, int64_t max, int64_t otherwise,
                     int64_t *out);

/* Gives a job to the worker that asks; poll as in sched_lease. False: nothing to do now, not answered. */
bool api_lease(struct paretod *daemon, struct exchange *x, const char *worker, struct poll *poll,
               struct now now);
/* Gives a trial of search `id` to a program that asks. False: nothing to do now, not answered. */
bool api_ask(struct paretod *daemon, struct exchange *x, int64_t id, const char *client, int lease_s,
             struct poll *poll, struct now now);
/* Answers with the view, now or when there is what it waits for, after wait_s (0: now) as it is. */
void api_view(struct api_call *call, const struct search *search, poll_view *view, int64_t wait_s);
#define API_LAST_LOOK_S 20 /* how long views wait for the last insight; clients give up after 30 */

#endif
