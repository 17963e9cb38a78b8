/* WHAT   The upper tail of the standard normal distribution without cancellation: its Mills ratio, and what is expected beyond.
 * WHO    acquisition/, insight/.
 * UNITS  t >= 0, in standard deviations.
 * MEMORY None.
 * ERRORS None.
 * STATE  None.
 *
 * With Q(t) = P(X > t), density phi and L(t) = E[max(X - t, 0)] = phi(t) - t Q(t):
 *
 *     L / Q = r(t) = 1 / (t + 2 / (t + 3 / (t + …)))      Q / phi = 1 / (t + r(t))
 *
 * the continued fraction of the iterated integrals of erfc (Gautschi, SIAM Review 9, 1967, eq. 1.13). r alone is kept, as
 * polynomials in 4 / (t + 4) (the substitution is that of Shepherd and Laframboise, Math. Comp. 36, 1981), and the rest follows by
 * additions and multiplications of positive numbers: every relative error is a few ulp for t from 0 to 1e300.
 * erfcx(x) = sqrt(2 / pi) Q / phi at t = sqrt(2) x. */
#ifndef OPTIMIZER_ACQUISITION_TAIL_H
#define OPTIMIZER_ACQUISITION_TAIL_H

/* L(t) / Q(t) */
double tail_excess(double t);

/* Q(t) / phi(t) from r = tail_excess(t) */
static inline double tail_mills(double t, double r)
{
    return 1 / (t + r);
}

#endif
