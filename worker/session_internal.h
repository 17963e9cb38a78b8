/* WHAT   What session.c and slot.c share, and nobody else.
 * WHO    worker/session.c, worker/slot.c.
 * UNITS  Seconds in *_s.
 * MEMORY The session owns its slots; a slot owns its connection and its evaluator.
 * ERRORS Those of wire/http_client.h.
 * STATE  Fields marked so are read and written under the session's mutex alone. */
#ifndef WORKER_SESSION_INTERNAL_H
#define WORKER_SESSION_INTERNAL_H

#include "worker/session.h"

#include "wire/http_client.h"
#include "worker/lease.h"
#include "worker/reporter.h"

#include <pthread.h>

#define BODY_MAX ((size_t)1 << 16) /* of what we write beside results */

struct slot {
    struct session *session;
    int number;
    pthread_t thread;
    struct http_client *http;
    struct reporter *reporter;   /* of slices; NULL until there are some */
    struct evaluator *evaluator; /* kept for the next trial of the same search */
    char *evaluator_spec;
    int64_t evaluator_search;
    struct hash128 evaluator_stamp; /* of the models' files when they were checked */
    char token[80];                 /* "" = no lease; under the session's mutex */
    atomic_bool cancel;             /* stop, or the lease is lost */
    atomic_bool lost;               /* the daemon said 410 to a heartbeat or a slice */
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
void session_wait(struct session *session, double seconds);
bool session_stopping(const struct session *session);

int session_get(struct http_client *http, const char *path, const atomic_bool *cancel,
                struct http_response *response, struct err *err);
int session_post(struct http_client *http, const char *path, const char *body, double timeout_s,
                 const atomic_bool *cancel, struct http_response *response, struct err *err);

/* Registers unless another slot has; gives the daemon's name for us and how long to poll. */
int session_register(struct session *session, struct http_client *http, char worker[64], double *poll_s,
                     struct err *err);
/* The daemon does not know `worker` any more: whoever needs it next registers again. */
void session_forget(struct session *session, const char *worker);

/* A slot's thread: leases, evaluates, reports, until the session stops. ctx: struct slot. */
void *slot_main(void *ctx);
void slot_fini(struct slot *slot);

#endif
