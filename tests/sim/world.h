/* WHAT   A seeded fake world around the scheduler: rows instead of a disk, a clock that jumps, workers that misbehave.
 * WHO    tests/sim/test_sim.c.
 * UNITS  Virtual microseconds.
 * MEMORY world_create/world_destroy.
 * ERRORS A broken promise is an assert, with the seed on standard error.
 * STATE  All chance comes from the seed, so a failure comes again. */
#ifndef TESTS_SIM_WORLD_H
#define TESTS_SIM_WORLD_H

#include "daemon/core/sched.h"

#define WORLD_SEARCHES 3
#define WORLD_TRIALS 40
#define WORLD_K 5
#define WORLD_M 2
#define WORLD_LEASES 20000
#define WORLD_WORKERS 5
#define WORLD_ASKS 64
#define WORLD_EVENTS 1000

struct world_options {
    uint64_t seed;
    enum spec_strategy strategy;
    int attempts;
    bool held_out;
    bool bounded; /* a group is frozen, two are tied, one has a range of its own */
    /* chances of each event, [0, 1] */
    double disk_fails, daemon_crashes, worker_crashes, worker_stalls, evaluation_fails, answer_lost,
        gives_back, pauses;
    double refuses;  /* of a (worker, search) pair; worker 0 refuses none, so that the searches end */
    double budget_s; /* 0 = none */
    double gain;     /* 0 = none */
    int64_t items;   /* 0 = none */
    int slices;      /* of an evaluation; 0 = it is not cut */
    double screen;   /* share of the slices that trials are scored on at first; 0 = all */
    bool waits;      /* polls wait for newer proposals, and evaluations are so long that it is worth it */
    bool made_up;    /* modelled proposals are a hash of what they rest on; else the optimizer makes them */
    double stops,
        reopens; /* chances that a slice makes a trial stop, and at each step that a stopped one goes on */
};

struct world_trial {
    bool exists;
    int stream, step;
    double ratios[WORLD_K];
    enum trial_state state, heldout_state;
    int attempts;
    char reason[200];
    int64_t created_us, done_us;
    double wall_s;
    int scores_n[HALVES_N]; /* 0 = none */
    double means[HALVES_N][WORLD_M], stderrs[HALVES_N][WORLD_M];
    struct origin origin;
};

struct world_event {
    struct search_event event; /* its scores are the next two */
    double means[WORLD_M], stderrs[WORLD_M];
};

struct world_search {
    enum search_state state;
    int64_t revision;
    struct world_trial trial[WORLD_TRIALS];
    struct world_event event[WORLD_EVENTS];
    int events_n;
    char reason[200];
    int stopped; /* how often a trial was */
};

struct world_ask {
    int64_t search;
    int stream, n;
    struct history history;
    struct model_ask model; /* of a modelled stream */
};

struct world_worker {
    char name[32], id[32];
    char token[LEASE_TOKEN_MAX]; /* "" = idle */
    int64_t search;
    int trial;
    enum half half;
    int64_t finish_us, beat_us; /* beat: next heartbeat; 0 = stalled */
    int64_t slice_us;           /* what one slice takes */
    int slices_done;            /* that it has reported */
    bool stop;                  /* it was told to */
    struct poll poll;           /* since_us 0: it does not ask */
    unsigned wrong_files;       /* bit s: its files are not those of search s */
    unsigned refused; /* bit s: it has refused search s since it registered, or since s was resumed */
};

struct world {
    struct world_options options;
    struct rng rng;
    struct sched sched;
    struct now now;
    /* what would be on disk */
    struct world_search search[WORLD_SEARCHES];
    struct lease lease[WORLD_LEASES];
    int lease_n;
    /* what dies with the daemon */
    struct world_ask ask[WORLD_ASKS];
    int ask_n;
    struct world_worker worker[WORLD_WORKERS];
    int workers_ever;
    /* counts, for the tests to see that things happened */
    int crashes, duplicates, late, expired, disk_errors, lost_answers, results, paused, handed_back, refusals,
        slices, stopped, reopened, completed, held, knew_all,
        knew_less; /* proposals that were handed out, by what was known when the poll came */
};

struct world *world_create(const struct world_options *options);
void world_destroy(struct world *world);
/* The daemon dies and starts again from what is on disk. */
void world_restart(struct world *world);
/* Until every search is final; asserts that it comes to that. */
void world_run(struct world *world);
/* The made-up score of a ratio vector. */
void world_score(const double *ratios, double means[WORLD_M]);
/* What a trial's proposal would be from this history: struct opt_proposal, by the world's optimizer. */
int world_propose(const struct world_options *options, const struct search *search,
                  const struct history *history, int stream, struct opt_proposal *out, struct err *err);
struct search *world_make_search(const struct world_options *options, int64_t id);

#endif
