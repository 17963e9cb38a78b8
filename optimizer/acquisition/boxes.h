/* WHAT   The region that no point of a front dominates, below a reference point, cut into disjoint boxes.
 * WHO    acquisition/ehvi, acquisition/nehvi.
 * UNITS  Minimised. points: [n][m], reference: [m].
 * MEMORY make/fini.
 * ERRORS ERR_UNSUPPORTED: more than 4 objectives; ERR_INVALID: a number is not finite.
 * STATE  None.
 *
 * A front of n points gives, by a sweep that stays exact when coordinates tie,
 *   m = 1    1 box
 *   m = 2    n + 1 strips
 *   m = 3    2 n + 1 boxes at most, as many as the best known (Yang, Emmerich, Deutz and Bäck, J. Global Optimization 75, 2019)
 *   m = 4    a sweep of the fourth objective over the boxes of the other three; a box lives until the cut of its three sides
 *            changes. O(n^2) boxes, as in Lacour, Klamroth and Fonseca, Computers & Operations Research 79, 2017, whose local
 *            upper bounds need points in general position.
 * Points that are dominated, equal to another, or not better than the reference in every objective change nothing.
 * Time: O(n log n), O(n^2), O(n^3) at worst for m = 2, 3, 4; 100 points with m = 3 take 0.05 ms, 50 with m = 4 0.4 ms. Not
 * incremental: a front is cut anew. */
#ifndef OPTIMIZER_ACQUISITION_BOXES_H
#define OPTIMIZER_ACQUISITION_BOXES_H

#include "proto/err.h"

#define BOXES_M_MAX 4

struct boxes {
    int n, m;
    double *lower; /* [n][m], -INFINITY where unbounded */
    double *upper; /* [n][m] <= reference */
    /* The same by number: the sides of all boxes lie at few places, so a function of a side is computed once a place.
     * cut[j]: [cuts_n[j]] distinct, rising; lower_cut: [n][m], -1 where unbounded; upper_cut: [n][m]. */
    int cuts_n[BOXES_M_MAX];
    double *cut[BOXES_M_MAX];
    int *lower_cut, *upper_cut;
};

int boxes_make(const double *points, int n, int m, const double *reference, struct boxes *out,
               struct err *err);
void boxes_fini(struct boxes *boxes);

#endif
