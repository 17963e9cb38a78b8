/* WHAT   What is asked of the models, in the thread pool: proposals of modelled streams, whether a running trial deserves its
 *        items, insight, replay. One job at a time: first what somebody waits for, then the first of these; searches take turns.
 * WHO    daemon: the scheduler asks (proposer.c, learnt), the API looks.
 * UNITS  As optimizer/insight/insight.h.
 * MEMORY create/destroy. A search's model and copy of its history are kept from job to job while it runs, its last insight
 *        as long as the daemon does. Insights borrow until the loop goes on.
 * ERRORS What cannot be told is NULL; proposals' errors go to the scheduler.
 * STATE  The pool sees copies; a model belongs to the job that runs. What is asked for twice is done once: a request is a flag
 *        of its search, and a job takes the state of the world when it starts. */
#ifndef DAEMON_MODELLER_H
#define DAEMON_MODELLER_H

#include "daemon/core/sched.h"
#include "optimizer/insight/insight.h"

struct paretod;
struct modeller;

struct modeller *modeller_create(struct paretod *daemon);
void modeller_close(
    struct modeller *modeller); /* begins nothing any more; the loop must run once more after it */
void modeller_destroy(struct modeller *modeller); /* after the last job came home */

/* sched_ops.ask of a modelled stream. */
void modeller_ask(struct modeller *modeller, const struct search *search, int stream);
/* sched_ops.learnt: promises of trials that go on, and insight where it is kept up to date. */
void modeller_learnt(struct modeller *modeller, const struct search *search);
/* sched_ops.hurry: what somebody waits for begins now, not in a moment. */
void modeller_hurry(struct modeller *modeller);
/* Frees what is kept of searches that do not run. Now and then. */
void modeller_tick(struct modeller *modeller);
/* What is known of the search, NULL when nothing is (yet). Asks for a newer one when it is behind. */
const struct insight *modeller_look(struct modeller *modeller, const struct search *search);
/* The last insight into a search that is over is asked for or being made, and the search asks models, or `anyway`: a view is
 * worth the wait. It is made before others then. After modeller_look. */
bool modeller_owes(struct modeller *modeller, const struct search *search, bool anyway);
/* The same without asking. */
const struct insight *modeller_insight(const struct modeller *modeller, int64_t search);
/* Derives `count` trials from `from` on again and answers the exchange with what came out. False: too many wait for that. */
bool modeller_replay(struct modeller *modeller, const struct search *search, int from, int count,
                     uint64_t exchange);

#endif
