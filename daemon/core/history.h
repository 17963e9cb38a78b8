/* WHAT   What became known of a search's trials, in the order in which it did: the log of events; and the copy of all that
 *        is known which a question to the optimizer takes along.
 * WHO    daemon/core; the threads of the pool hold copies.
 * UNITS  Scores minimised, as the optimizer wants them. share: of a trial's items, 0 … 1.
 * MEMORY init by zero (but m); fini. A copy is its owner's, and may be kept: brought up to date it costs what is new.
 * ERRORS None.
 * STATE  The log only grows. The number of events before a moment is its watermark. */
#ifndef DAEMON_CORE_HISTORY_H
#define DAEMON_CORE_HISTORY_H

#include "optimizer/optimizer.h"

struct search_event {
    int trial;
    enum opt_event_kind kind;
    double share;                  /* 0 with REOPENED and FAILED */
    int64_t items;                 /* scored so far; 0 as above, or not known */
    const double *means, *stderrs; /* [m] minimised; NULL with REOPENED and FAILED */
    int64_t learnt_us;             /* monotonic; 0: before the daemon started. In memory only */
};

struct event_log {
    int n, cap;
    int m;                       /* objectives: set by the owner */
    struct search_event *events; /* [n]; their pointers are good until the next event */
    double *means, *stderrs;     /* [cap][m] */
};

void event_log_add(struct event_log *log, const struct search_event *event); /* copies */
void event_log_fini(struct event_log *log);

/* The words of the database. event_kind_read: false when `word` is none of them. */
const char *event_kind_name(enum opt_event_kind kind);
bool event_kind_read(const char *word, enum opt_event_kind *out);

/* Whoever has it may make an absent trial pending, cut it back (history_cut) and so on: search_history mends all that. */
struct history {
    struct opt_history known; /* points into what follows */
    enum opt_state *state;    /* [n] */
    double *ratios;           /* [n][k] */
    double *scores;           /* [n][m] */
    struct opt_event *event;  /* [cap] */
    double *means, *stderrs;  /* [cap][m] */
    int cap;
    int steps[OPT_STREAMS_MAX]; /* of each stream, whose ratios are here */
    int done_n;                 /* done trials whose scores are here, in order of completion */
    int events_n;               /* events that are here, however many are known */
};

/* Back to when the trial `number` of a stream was asked for (search_history_of): what came later is absent. */
void history_cut(struct history *history, const struct opt_plan *plan, int stream, int number, int watermark);
void history_fini(struct history *history);

#endif
