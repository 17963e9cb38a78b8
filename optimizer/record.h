/* WHAT   What one adaptive stream knows: the points of phase 0 and its own, with the value it minimises.
 * WHO    The adaptive strategies.
 * UNITS  Values: the stream's scalar objective, minimised, finite.
 * MEMORY init/fini; borrows the history until then.
 * ERRORS None.
 * STATE  The cursor: how far a replay has come through the stream's own trials.
 *
 * Invariants
 * 1. Points are compared bit by bit; a known point is answered with its value and never proposed again.
 * 2. The value of a trial depends on trials before it only, so a longer record answers like a shorter one.
 * 3. In an undisturbed replay the own trials are consumed in order, and the first unknown point comes after
 * the last of them. A replay that asks for something else before the end was recorded by other numerics
 * (another NLopt, another CPU): it is told so once, and from then on may jump ahead to any own trial. */
#ifndef OPTIMIZER_RECORD_H
#define OPTIMIZER_RECORD_H

#include "optimizer/optimizer.h"

struct record {
    int k;
    int base_n; /* entries of phase 0, failed ones included */
    int own_n;  /* entries of the stream, after them */
    int cursor; /* own entries consumed by the replay */
    bool diverged;
    const double **ratios; /* [base_n + own_n], each [k] */
    double *values;        /* [base_n + own_n] */
    int *slots;            /* [slots_n], open addressing; -1 empty, else an entry */
    uint32_t slots_n;      /* a power of two */
};

/* How the strategy turns the scores of a trial ([m]) into the one number that its stream minimises. */
typedef double record_value(const void *arg, const double *scores);

enum record_answer {
    RECORD_KNOWN,    /* *value is set */
    RECORD_NEW,      /* the point is the next proposal */
    RECORD_DIVERGED, /* by (3): end this replay and start another */
};

/* The trials of phase 0 must be done or failed, those of `stream` up to its first ABSENT one too:
 * ERR_NOT_READY. */
int record_init(struct record *record, const struct opt_problem *problem, const struct opt_plan *plan,
                const struct opt_history *history, int stream, record_value *value, const void *arg,
                struct err *err);
void record_fini(struct record *record);

/* The entry with these ratios, -1 when there is none. */
int record_find(const struct record *record, const double *ratios);

enum record_answer record_ask(struct record *record, const double *ratios, double *value);

#endif
