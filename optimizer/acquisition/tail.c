#include "optimizer/acquisition/tail.h"

#include "optimizer/acquisition/tail_table.h"

/* Estrin's scheme: the pairs do not wait for one another as Horner's would. */
static double polynomial(const double *c, double s)
{
    double s2 = s * s, s4 = s2 * s2;
    double low = (c[0] + c[1] * s) + (c[2] + c[3] * s) * s2;
    double middle = (c[4] + c[5] * s) + (c[6] + c[7] * s) * s2;
    double high = (c[8] + c[9] * s) + (c[10] + c[11] * s) * s2;
    return low + s4 * (middle + s4 * high);
}

double tail_excess(double t)
{
    double y = 4 / (t + 4), place = y * TAIL_PIECES;
    int piece = (int)place;
    piece = piece < TAIL_PIECES ? piece : TAIL_PIECES - 1; /* t = 0 */
    return polynomial(tail_table[piece], 2 * (place - piece) - 1) * y * 0.25;
}
