/* WHAT   What people see of a search, as JSON and CSV.
 * WHO    daemon/api_*.c.
 * UNITS  Scores in the objectives' own units; hypervolumes endpoint-normalised.
 * MEMORY Append to the caller's buffer.
 * ERRORS Those of store/ where scores are read.
 * STATE  None. */
#ifndef DAEMON_VIEWS_H
#define DAEMON_VIEWS_H

#include "daemon/core/sched.h"
#include "daemon/facts.h"
#include "optimizer/insight/insight.h"
#include "proto/json.h"
#include "store/store.h"

/* The members of a summary, into an open object. stalled, here and below: what sched_stalled says, NULL = nothing. */
void view_summary(struct search *search, const char *stalled, int64_t wall_us, struct json_out *out);
/* "digests" and "warnings" of a summary: of the preflight, and of the workers that refuse the search. facts: may be
 * NULL. */
void view_facts(const struct facts *facts, const struct sched *sched, const struct search *search,
                int64_t now_us, struct json_out *out);
/* How a front is looked at. */
struct view_look {
    const char *stalled;           /* NULL = nothing */
    const struct insight *insight; /* here and below: NULL while nothing is known */
    bool posterior; /* its front is the answer, not that of the scores; without one the scores' is */
    double tax;     /* what the pick "least_tax" may lose, a share of the range between the sweep's ends */
};

void view_front(struct search *search, const struct view_look *look, struct buf *buf);
/* One trial with its metric scores from the store; items: with the per-item values. leases: of the scheduler. */
int view_trial(struct store *store, const struct search *search, const struct insight *insight,
               struct lease_table *leases, int number, bool items, struct json_out *out, struct err *err);
void view_trials_csv(const struct search *search, const struct insight *insight, struct lease_table *leases,
                     struct buf *buf);

/* How a trial came to be and what is made of its scores: members of an open object. */
void view_trial_insight(const struct search *search, const struct insight *insight, int number,
                        struct json_out *out);
const char *view_verdict(const struct insight *insight,
                         int number); /* "front", "doubtful", "dominated"; NULL */
double view_confidence(const struct insight *insight, int number); /* NaN */
/* In the objective's own sense; false and NaN when there is none. */
bool view_posterior(const struct search *search, const struct insight *insight, int number, int objective,
                    double *mean, double *sd);
void view_insight(const struct search *search, const struct insight *insight,
                  struct json_out *out); /* "insight" */
void view_picks(const struct search *search, const struct insight *insight, double tax,
                struct json_out *out);                          /* "picks" */
const char *view_kind(const struct search *search, int number); /* "sweep", "hma", … "given" */
/* Who works on the search half, or did last; NULL. Borrows from the trial or its lease. */
const char *view_worker(const struct search *search, struct lease_table *leases, int number);
const char *view_reason(const struct trial *trial); /* of the last attempt that failed; NULL */

/* "effective", a number a ratio or null, into an open object. */
void view_effective(const struct search *search, int number, struct json_out *out);
/* "warnings", a sentence a ratio that came out otherwise than asked for. */
void view_trial_warnings(const struct search *search, int number, struct json_out *out);

void view_progress(const struct search *search, struct json_out *out); /* "progress" and "confirm" */
double view_eta_s(const struct search *search, const char *stalled);   /* NaN = not known */

#endif
