/* WHAT   The points of a front in the order in which they are shown.
 * WHO    front_view.c, front_table.c.
 * UNITS  As in front.h.
 * MEMORY front_rank gives the caller's (mem_free); it borrows the points.
 * ERRORS None.
 * STATE  None. */
#ifndef CLIENT_FRONT_INTERNAL_H
#define CLIENT_FRONT_INTERNAL_H

#include "client/front.h"

/* A point with the number it is sorted by; qsort has no room for a context. */
struct front_ranked {
    const struct front_point *point;
    double by; /* never NaN */
};

/* For qsort: ascending, then by trial. */
int front_by_value(const void *left, const void *right);

/* The points that the view shows, by their shown first objective: [*n]. */
struct front_ranked *front_rank(const struct front *front, const struct front_view *view, size_t *n);

/* Of the half that the view shows. */
const struct front_score *front_shown_scores(const struct front_point *point, const struct front_view *view);

#endif
