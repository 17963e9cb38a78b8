/* WHAT   The order of numbers, for qsort and bsearch.
 * WHO    Whoever sorts doubles in optimizer/ and its bench.
 * UNITS  None.
 * MEMORY None.
 * ERRORS None; NaN has no order and must not be among them.
 * STATE  None. */
#ifndef OPTIMIZER_ORDER_H
#define OPTIMIZER_ORDER_H

/* left, right: const double *. Ascending. */
static inline int order_doubles(const void *left, const void *right)
{
    double x = *(const double *)left, y = *(const double *)right;
    return (x > y) - (x < y);
}

#endif
