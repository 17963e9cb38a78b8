/* WHAT   One run of ours on a cell: a search whose initial design was given, asked in batches and told the noisy scores.
 * WHO    cells.c; run_search also calibration.c and stopping.c.
 * UNITS  As problems.h.
 * MEMORY start/fini.
 * ERRORS run_start, run_ask: our bug or a bad setting ends the program with the sentence.
 * STATE  Events in the order in which trials were told; whole batches at a time, as the peers get them. */
#ifndef BENCH_OPTIMIZER_RUN_H
#define BENCH_OPTIMIZER_RUN_H

#include "bench/optimizer/problems.h"
#include "optimizer/optimizer.h"

struct run {
    struct problem problem;
    struct opt_problem search;
    struct opt_plan plan;
    struct opt_history history;
    struct opt_model *model;
    int asked, told;         /* trials */
    double seconds;          /* CPU time of the proposals */
    enum opt_state *state;   /* [n] */
    double *ratios;          /* [n][d] */
    double *scores;          /* [n][m] */
    double *truth;           /* [n][m] */
    double *stderrs;         /* [m] told with every score; 0 where the cell is exact, as for the peers */
    struct opt_event *event; /* [n] */
};

/* The cell as a search. given: the initial design is scored before it begins; else the search makes one of that size itself,
 * the cell's sweep first. */
struct opt_problem run_search(const struct problem *problem, enum opt_kind kind, bool given);

void run_start(struct run *run, const char *cell, enum opt_kind kind, uint64_t seed);

/* The same with run->problem made already, the rest of *run zero. */
void run_begin(struct run *run, enum opt_kind kind);
void run_fini(struct run *run);

/* The next trial's proposal, with or without (NULL) run->model. */
void run_peek(const struct run *run, struct opt_proposal *proposal);

/* The same, and it is pending. */
void run_ask(struct run *run);

/* Scores every pending trial. */
void run_tell(struct run *run);

/* To the end of the cell's budget. */
void run_all(struct run *run);

double cpu_seconds(void);

#endif
