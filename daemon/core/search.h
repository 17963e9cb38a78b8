/* WHAT   One search in memory: its problem and plan, every trial with its scores, and what may come next.
 * WHO    daemon/core; the views read it.
 * UNITS  now_us, deadline_us: monotonic. *_wall_us: wall time, for people. Scores as the user sees them (sign
 *        not flipped).
 * MEMORY create/destroy; the spec is taken over.
 * ERRORS ERR_INVALID from search_create when the plan is refused; the sentence names the field.
 * STATE  RUNNING -> PAUSED, CONFIRMING, DONE, CANCELLED, FAILED; PAUSED -> RUNNING, CONFIRMING, CANCELLED;
 *        CONFIRMING -> PAUSED, DONE, CANCELLED. DONE, CANCELLED and FAILED are final.
 *
 * (1) count[h][s] is the number of trials whose half h is in state s; their sum is plan.trials for both halves.
 * (2) ready[h] holds exactly the numbers of the trials whose half h is READY.
 * (3) The trials of a stream that are not ABSENT are its first `proposed` steps.
 * (4) done_order holds exactly the trials whose search half is DONE, in order of completion.
 * (5) revision grows with every persisted change.
 * (6) proposals that are ready are for the steps from `proposed` on.
 * (7) log tells of each trial what its state says: a DONE one has one done event, its last; a STOPPED one ends with a
 *     stopped event, a QUARANTINED or CANCELLED one with a failed event; the others are open in it. */
#ifndef DAEMON_CORE_SEARCH_H
#define DAEMON_CORE_SEARCH_H

#include "daemon/core/history.h"
#include "daemon/core/proposals.h"
#include "daemon/core/tally.h"
#include "daemon/core/trial.h"
#include "optimizer/optimizer.h"
#include "proto/search_spec.h"

enum search_state {
    SEARCH_RUNNING,
    SEARCH_PAUSED,
    SEARCH_CONFIRMING,
    SEARCH_DONE,
    SEARCH_CANCELLED,
    SEARCH_FAILED,
    SEARCH_STATES_N
};

#define ITEMS_MAX (INT64_C(1) << 53) /* more are not counted, of a trial and of a search */
#define INSIGHT_OBJECTIVES_MAX 4     /* beyond, nobody looks at a search with a model */

struct search_stream {
    int proposed;           /* steps that exist */
    int asking;             /* steps being proposed now */
    bool dropped;           /* the strategy cannot go on here; the rest of the quota never comes */
    int asked_done;         /* search_known when it was asked last */
    int blocked_done;       /* the same when it said "not ready"; -1 = it did not */
    int held;               /* modelled: polls that wait for newer proposals than those that are ready */
    struct proposals ready; /* modelled: for the steps from `proposed` on */
};

/* A question for proposals of a modelled stream, and what its answer rests on. */
struct model_ask {
    int first;     /* step of the first */
    int n;         /* how many; 0: none is needed */
    int watermark; /* events that it may look at */
};

struct job_queue {
    int *number;
    int n, cap;
};

struct search {
    int64_t id;
    struct search_spec spec;
    struct opt_problem problem;
    struct opt_plan plan;
    int k, m;
    char **group_names; /* [k] */

    enum search_state state;
    char *reason;
    int64_t revision;
    int64_t created_wall_us, ended_wall_us; /* ended: 0 = not yet */
    int64_t deadline_us;                    /* budget of seconds; 0 = none */
    bool closed;                            /* a budget is used up: nothing new is proposed or leased */
    bool settles; /* screening is over before its end: nothing new is proposed, trials in part may go on */
    char *close_reason; /* why it is closed or settles, as a sentence; NULL while it does not */

    struct trial *trials;      /* [plan.trials] */
    double *ratios;            /* [plan.trials][k] */
    double *means[HALVES_N];   /* [plan.trials][m], meaningful when DONE */
    double *stderrs[HALVES_N]; /* [plan.trials][m], NaN = unknown */
    struct search_stream streams[OPT_STREAMS_MAX];
    int count[HALVES_N][TRIAL_STATES_N];
    struct job_queue ready[HALVES_N];
    struct event_log log;
    int looked; /* events that the last insight knew of */
    int64_t
        items; /* of the search half that are scored, each of a trial's once however often it was repeated */
    int *done_order; /* [plan.trials], the first count[HALF_SEARCH][TRIAL_DONE] are meaningful */
    int64_t
        last_done_us;  /* done_us of the last of them: completion times ascend even when the clock does not */
    double wall_sum_s; /* of the done trials, for the estimate */
    int waiting;       /* external: asks that wait for a trial now; set by the owner */
    double capacity;   /* evaluations at a time it may count on now; 0 = nobody is there */
    struct tally tally;
};

/* k groups with the names [k] (copied), whose ranges and ties are spec's. Takes *spec over (zero after success). */
int search_create(int64_t id, struct search_spec *spec, int k, const char *const *names, struct search **out,
                  struct err *err);
void search_destroy(struct search *search);

const char *search_state_name(enum search_state state);
bool search_state_read(const char *word, enum search_state *out);
bool search_state_is_final(enum search_state state);
void search_move(struct search *search, enum search_state to);
bool search_may_move(enum search_state from, enum search_state to);

/* Its trials can be compared. Those of a search that identifies evaluate other items each. */
bool search_has_front(const struct search *search);

const double *search_ratios(const struct search *search, int number);
const double *search_means(const struct search *search, enum half half, int number);
const double *search_stderrs(const struct search *search, enum half half, int number);

#define SCORES_MAX 256 /* metrics in one result */

/* One metric of a result, as it came from the worker. */
struct score {
    const char *metric;
    double mean;
    double stderr_; /* NaN: not known */
    int64_t n;
    const double *items; /* may be NULL */
    size_t items_n;
};

/* Objective = mean of its metrics' means; standard error = sqrt(sum se^2) / count, NaN when one is unknown.
 * ERR_INVALID names an objective's metric that is missing. means, stderrs: [m]. */
int search_objectives(const struct search *search, const struct score *scores, size_t n, double *means,
                      double *stderrs, struct err *err);

/* Moves one half of a trial and keeps (1) to (4). The only way a state changes after search_create. */
void search_trial_move(struct search *search, int number, enum half half, enum trial_state to);
/* A trial comes into being as READY. ratios: [k]. It must be the stream's next step. */
void search_trial_add(struct search *search, int stream, const double *ratios, const struct origin *origin,
                      int64_t wall_us);

/* The given trials of a new search: done, with their scores, and told of in the log. */
void search_add_given(struct search *search, int64_t wall_us);

/* Appends to the log and keeps share and items of the trial. The trial's state is the caller's. */
void search_event_add(struct search *search, const struct search_event *event);
/* x: [m] as the user sees them; out: [m] minimised. */
void search_minimised(const struct search *search, const double *x, double *out);

/* Everything the optimiser is told, as a copy; history_fini. history: zero, or an earlier copy of this search, which is
 * brought up to date. */
void search_history(const struct search *search, struct history *history);
/* What a trial's proposal was made from, as a copy: the state of the world when it was asked for. Of a modelled stream the
 * trials of this number and above are absent and the events end at its watermark; of a direct one its own steps from this
 * one on. Proposing from it gives the trial again, to the bit. */
void search_history_of(const struct search *search, int number, struct history *out);

/* The number of the ready job that is leased next (phase, then adaptive streams by step, then number), or -1.
 */
int search_next_ready(const struct search *search, enum half half);
/* The direct stream whose next step should be proposed next, -1 when none may. */
int search_next_stream(const struct search *search);
/* The modelled stream that has a proposal ready, -1 when none has or the budgets say no. */
int search_next_prepared(const struct search *search);
/* What the proposals of a stream depend on, as a number that grows: events, or finished trials. */
int search_known(const struct search *search, int stream);
/* A modelled stream should be asked: fewer than `want` of its proposals are ready, or they know less than the log does. */
bool search_wants_model(const struct search *search, int stream, int want);
/* What to ask it now, and the history for it (as search_history; untouched when *ask says that none is needed). Proposals that
 * are ready and know all stay, as pending trials of the history. */
void search_ask_begin(const struct search *search, int stream, int want, struct model_ask *ask,
                      struct history *history);
/* The answer: ratios [n][k], origins [n]. They replace what is ready or go behind it; nothing changes when trials came into
 * being meanwhile that they know nothing of. */
void search_ask_end(struct search *search, int stream, const struct model_ask *ask, const double *ratios,
                    const struct origin *origins, int n);
/* Why nothing new should be begun: "the expected gain …", "the budget of …"; "" when nothing speaks against it. now_us: for
 * the time budget. */
void search_spent(const struct search *search, int64_t now_us, char text[128]);
/* The same for trials that go on: what is left when spent says so is for them. With strategy.screen, half of the items. */
void search_exhausted(const struct search *search, int64_t now_us, char text[128]);

/* The trial is scored in part at first (strategy.screen). A function of the plan, its origin and whether it was reopened. */
bool search_screens(const struct search *search, int number);
/* After how many of its slices it stops; 0: it goes on to its end. */
int search_stop_after(const struct search *search, int number, int slices);
/* READY trials of the search half that never were stopped. */
int search_ready_new(const struct search *search);
/* A stopped trial may still be reopened. */
bool search_may_complete(const struct search *search);
/* All screened trials are settled, and what the front needs of them is to be completed: an insight says which. */
bool search_awaits_completion(const struct search *search);
/* The search half would be over, but stopped trials may go on: only an insight says whether. */
bool search_awaits_insight(const struct search *search);
/* Evaluations that are still to come in the search half, in whole ones. Which trials will be completed is not known before:
 * a quarter of them is a guess. */
double search_left(const struct search *search);
int search_asking(const struct search *search);
/* Trials whose search half is settled. */
int search_finished(const struct search *search);

bool search_phase0_complete(const struct search *search);
/* Its confirmation has begun, whatever its state is now. */
bool search_is_confirmed(const struct search *search);
/* Nothing of the search half is open any more, nor will be. */
bool search_half_complete(const struct search *search);
/* Points of the sweep, whatever became of them; 0 = no sweep. */
int search_sweep_total(const struct search *search);
/* The trial of the sweep with these ratios ([k]), -1 when it does not exist (yet). Its ends are those of problem.low and
 * problem.high. */
int search_sweep_trial(const struct search *search, const double *ratios);
/* Both ends of the sweep are quarantined: whatever else is scored, there is nothing to read it against. */
bool search_is_hopeless(const struct search *search);

/* ERR_CORRUPT with a sentence when (7) does not hold. */
int search_log_check(const struct search *search, struct err *err);

/* Asserts (1) to (4), (6) and (7); for tests. */
void search_check(const struct search *search);

#endif
