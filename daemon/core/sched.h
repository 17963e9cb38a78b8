/* WHAT   The scheduler: which job next for which worker; leases, expiry, bounded retries, quarantine,
 *        confirmation.
 * WHO    daemon (api, proposer, loop); the simulation in tests.
 * UNITS  struct now: monotonic and wall microseconds of this turn of the loop.
 * MEMORY create/destroy; searches are taken over. Pointers it hands out are good until the next call.
 * ERRORS ERR_NOT_FOUND, ERR_NOT_READY, ERR_CONFLICT, ERR_INVALID, and what persist returns: then nothing
 *        changed.
 * STATE  Pure: acts only through struct sched_ops; chance comes from a seed.
 *
 * (1) Nothing changes in memory before persist returned 0, so memory never knows more than the disk.
 * (2) A job is given out only when its search is RUNNING (search half, not closed) or CONFIRMING (held-out half).
 * (3) What comes next is a function of the state; so a restart continues as if it had not been. */
#ifndef DAEMON_CORE_SCHED_H
#define DAEMON_CORE_SCHED_H

#include "daemon/core/fleet.h"
#include "daemon/core/lease.h"
#include "daemon/core/poll.h"
#include "daemon/core/search.h"
#include "proto/rng.h"

struct now {
    int64_t us;      /* monotonic */
    int64_t wall_us; /* for people */
};

struct result {
    const struct score *scores;
    size_t scores_n;
    double merge_s, evaluate_s;
    const double *effective; /* [effective_n], one a ratio of the search; NULL = not known */
    size_t effective_n;
    int slices_done,
        slices;    /* fewer than all: the worker stopped there; 0 of 0: it does not cut evaluations */
    int64_t items; /* scored in all; 0: counted from the scores' n */
    const char
        *state; /* JSON: what the evaluation goes on from when the trial is reopened; NULL: it begins anew */
    const char *written; /* JSON: what the model wrote, of whole evaluations; NULL: it is not kept */
};

/* What is known of a job in work: the scores over the slices that are done. */
struct slice_report {
    const struct score *scores; /* cumulative, as in a result */
    size_t scores_n;
    int slices_done, slices;
    int64_t items; /* as in a result */
};

/* One half of one trial goes to another state. */
struct trial_change {
    int number;
    enum half half;
    enum trial_state to;
    int attempts;
    const char *reason; /* NULL keeps the old one */
};

/* A lease that was active ends. */
struct lease_change {
    const char *token;
    enum lease_state to;
    const char *reason;
};

/* One transaction. Everything in it or nothing. */
struct sched_write {
    const struct search *search; /* as it is before the write */
    struct now now;
    int64_t revision; /* after */
    bool new_state;
    enum search_state state; /* after, when new_state */
    const char *reason;
    int add_stream; /* stream whose next add_n steps come into being */
    int add_n;
    const double *add_ratios;         /* [add_n][k] */
    const struct origin *add_origins; /* [add_n] */
    const struct trial_change *trials;
    size_t trials_n;
    const struct search_event
        *events; /* what the log grows by: write_commit derives it from `trials`, and `slice` */
    size_t events_n;
    const struct search_event *slice; /* a trial is scored in part and goes on, or NULL */
    const struct lease *grant;        /* or NULL */
    const struct lease_change *leases;
    size_t leases_n;
    const struct result *result;   /* of trials[0], or NULL; the next two and wall_s belong to it */
    const double *means, *stderrs; /* [m] */
    double wall_s;                 /* since the lease was granted */
    const char *worker;            /* who ended the search half of trials[0] (done, quarantined), or NULL */
};

struct sched_ops {
    void *ctx;
    /* Durable when it returns 0; nothing happened otherwise. */
    int (*persist)(void *ctx, const struct sched_write *write, struct err *err);
    /* Answer later, never from within: with sched_proposed, at most n steps; for a modelled stream with sched_prepared, after
     * search_ask_begin with n for `want` (any time before; the later the more it knows). */
    void (*ask)(void *ctx, const struct search *search, int stream, int n);
    /* There may be a job for a waiting worker now. Do not call back from within. */
    void (*wake)(void *ctx);
    /* The revision of a search grew. Do not call back from within. */
    void (*changed)(void *ctx, int64_t search);
    /* The log of a search grew. Do not call back from within. */
    void (*learnt)(void *ctx, const struct search *search);
    /* Somebody waits for proposals of a modelled stream that were asked for. Do not call back from within. */
    void (*hurry)(void *ctx);
};

struct sched {
    struct sched_ops ops;
    int64_t lease_us;
    struct rng rng;
    struct search **search; /* [search_n], ascending id */
    int search_n, search_cap;
    int64_t last_search; /* id of the search that was served last */
    struct fleet fleet;
    struct lease_table leases;
    int waiting; /* workers' polls that wait for a job now: set by the owner */
};

void sched_init(struct sched *sched, const struct sched_ops *ops, int64_t lease_us, uint64_t seed);
void sched_fini(struct sched *sched);

/* Takes `search` over; ids ascend. Its trials may exist already (restart). now: starts the time budget. */
void sched_add(struct sched *sched, struct search *search, struct now now);
/* After a restart, when every search is added: a lease as it was stored. */
void sched_restore_lease(struct sched *sched, const struct lease *lease);
/* After the last of them: leases get a fresh deadline, LEASED halves without one are READY again, the searches go on.
 */
void sched_start(struct sched *sched, struct now now);
struct search *sched_search(struct sched *sched, int64_t id);

/* ERR_NOT_FOUND: register again. ERR_NOT_READY: nothing to do now, or newer proposals are worth waiting for. poll: the same one
 * at each try, NULL: it does not wait. *out borrows. */
int sched_lease(struct sched *sched, const char *worker_id, struct now now, struct poll *poll,
                const struct lease **out, struct err *err);
/* A trial of an external search for a program that asks; client: its name, a lease at a time. Whoever asks again while his
 * lease is active gets the same one with a fresh deadline: the answer to his last ask was lost. length_s: of the lease.
 * ERR_CONFLICT: the search is not external, or over. ERR_NOT_READY, poll, *out: as sched_lease. */
int sched_ask(struct sched *sched, struct search *search, const char *client, int length_s, struct now now,
              struct poll *poll, const struct lease **out, struct err *err);
/* ERR_CONFLICT: the search is scored by workers; nobody asks for its trials or tells their scores. */
int sched_is_external(const struct search *search, struct err *err);
/* The lease under which a trial may be told: its active one, or the last that ended without a score. *told: it has its
 * score already and needs none. ERR_NOT_FOUND: no such trial, or it was cancelled or quarantined. ERR_CONFLICT: nobody has
 * asked for it. */
int sched_told_as(struct sched *sched, const struct search *search, int trial, const char **token, bool *told,
                  struct err *err);
/* What is told of a trial that is done (other trials: 0): ERR_CONFLICT when it is not what the trial has. result: NULL says
 * that it failed; a standard error that is not told contradicts none. ERR_INVALID: a metric is missing. */
int sched_told_again(const struct search *search, int trial, const struct result *result, struct err *err);
/* ERR_NOT_FOUND: the lease is gone, stop working on it. */
int sched_heartbeat(struct sched *sched, const char *token, struct now now, struct err *err);
/* 0 after it is durable; *duplicate: the job had its scores already, or was stopped, and nothing changed. A result of
 * fewer slices than all makes the trial STOPPED. ERR_NOT_FOUND: the job needs no result (any more). ERR_INVALID: a
 * metric is missing, the effective ratios are not one a ratio, or the slices cannot be. */
int sched_result(struct sched *sched, const char *token, const struct result *result, struct now now,
                 bool *duplicate, struct err *err);
/* 0 after it is durable; the lease lives on as after a heartbeat. *stop: end there, and deliver what is scored as a result of
 * fewer slices than all. What is known already (an earlier attempt got as far, or the report comes twice) changes
 * nothing. ERR_NOT_FOUND: as sched_heartbeat. ERR_INVALID: a metric is missing, or the slices cannot be. */
int sched_slice(struct sched *sched, const char *token, const struct slice_report *report, struct now now,
                bool *stop, struct err *err);
/* The trial is hardly worth the rest of its items: whoever works on it is told with the answer to its next slice. */
void sched_stop_trial(struct sched *sched, int64_t id, int trial);
/* Stopped trials [n], each once, go on: they are READY again, all or none of them. ERR_CONFLICT: one is not stopped, was
 * reopened before, or its search is past its search half. */
int sched_reopen(struct sched *sched, int64_t id, const int *trials, int n, struct now now, struct err *err);
/* 0 also when the lease ended before: nothing changes then. */
int sched_failure(struct sched *sched, const char *token, const char *reason, struct now now,
                  struct err *err);
int sched_release(struct sched *sched, const char *token, struct now now, struct err *err);
/* Like sched_release, and this worker is not given jobs of the search again until it registers anew or the search is
 * resumed: it cannot do any (its files are others than the search's, or could not be read). reason: a sentence, copied.
 * Kept in memory only, so after a restart of the daemon it is asked once more; so it is when the trial was finished by
 * another meanwhile, for nobody remembers the lease then. */
int sched_refuse(struct sched *sched, const char *token, const char *reason, struct now now, struct err *err);
/* Why a search that has jobs to give stands still: the reason of the first of the workers, when all that are present have
 * refused it. NULL when one of them could work on it, when none is present, or when it gives no jobs. Good until the
 * next call. */
const char *sched_stalled(const struct sched *sched, const struct search *search, int64_t now_us);

/* The worker goes: its leases go back, no attempt counted, and it is forgotten. ERR_NOT_FOUND. *released: how many. */
int sched_leave(struct sched *sched, const char *worker_id, struct now now, int *released, struct err *err);

/* ERR_NOT_FOUND, ERR_CONFLICT with a sentence. */
int sched_pause(struct sched *sched, int64_t id, struct now now, struct err *err);
int sched_resume(struct sched *sched, int64_t id, struct now now, struct err *err);
int sched_cancel(struct sched *sched, int64_t id, struct now now, struct err *err);

/* The answer to ask: ratios [n][k] and origins [n] of the next n steps; then rc of the step after them (0 = not asked). */
void sched_proposed(struct sched *sched, int64_t id, int stream, const double *ratios,
                    const struct origin *origins, int n, int rc, const char *why, struct now now);
/* The same for a modelled stream. rc and why are of the proposal after the n-th, 0 = not asked. */
void sched_prepared(struct sched *sched, int64_t id, int stream, const struct model_ask *ask,
                    const double *ratios, const struct origin *origins, int n, int rc, const char *why,
                    struct now now);
/* An insight into the first `watermark` events was made, or could not be, and whatever it says is done (sched_reopen). */
void sched_looked(struct sched *sched, int64_t id, int watermark, struct now now);
/* Expiry, time budgets, forgotten workers, and whatever could not be persisted before. A few times a second.
 */
void sched_tick(struct sched *sched, struct now now);

/* Polls that a job of this search would serve now. */
int sched_waiting(const struct sched *sched, const struct search *search);
/* More polls wait than before: asks for what they need. */
void sched_more(struct sched *sched);

bool sched_worker_lost(const struct sched *sched, const struct worker *worker, int64_t now_us);
/* Asserts every invariant; for tests. */
void sched_check(struct sched *sched);

#endif
