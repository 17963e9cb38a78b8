/* WHAT   The problems on which optimizers are compared, and the cells of the table: problem, budget, batch, noise.
 * WHO    cells.c (ours) and, as a shared library through ctypes, problems.py (the peers).
 * UNITS  Points in [0, 1]^d. Objectives minimised, in the problem's own units.
 * MEMORY The caller's structs and arrays.
 * ERRORS problem_make: -1 for a name that no cell has.
 * STATE  None. Noise is a function of (seed, evaluation, objective), so every optimizer meets the same.
 *
 * Sources: Branin-Currin with this noise, reference and maximum: BoTorch, test_functions and its multi-objective
 * tutorial (Belakaria, Deshwal and Doppa 2019). DTLZ2: Deb, Thiele, Laumanns and Zitzler 2005. ZDT1: Zitzler, Deb and
 * Thiele 2000. The others are stated in problems.c. */
#ifndef BENCH_OPTIMIZER_PROBLEMS_H
#define BENCH_OPTIMIZER_PROBLEMS_H

#include <stdint.h>

#define PROBLEM_D_MAX 32
#define PROBLEM_M_MAX 3

struct cell {
    char name[32];
    int d, m;
    int design;                  /* evaluations of the initial design, the same points for every optimizer */
    int sweep;                   /* of these, the first: equal ratios from 0 to 1 */
    int evaluations;             /* in all, the design included */
    int batch;                   /* points proposed before the next scores are told */
    double noise[PROBLEM_M_MAX]; /* standard deviation */
    double reference[PROBLEM_M_MAX];
    double mean; /* the points are to have this mean; below 0: any */
};

struct problem {
    struct cell cell;
    uint64_t seed;
    double a[PROBLEM_D_MAX], b[PROBLEM_D_MAX]; /* hma: shares of reward and tax */
};

/* i = 0 …; NULL after the last. */
const struct cell *cell_at(int i);

int problem_make(struct problem *p, const char *cell, uint64_t seed);

/* Reward and tax of a merged model of d groups, both minimised; also what bench/optimizer.c searches. */
void problem_make_hma(struct problem *p, int d, uint64_t seed);

/* Without noise: what optimizers are judged by. x: [d], f: [m] */
void problem_truth(const struct problem *p, const double *x, double *f);

/* With the noise of that evaluation: what optimizers are told. evaluation = 0 …, the design included. */
void problem_score(const struct problem *p, int evaluation, const double *x, double *f);

/* x: [design][d] */
void problem_design(const struct problem *p, double *x);

/* One more uniform point of the box, or of the slice where the cell has a mean: random search. x: [d] */
void problem_random(const struct problem *p, int index, double *x);

#endif
