#include "optimizer/acquisition/tail.h"

#include "optimizer/acquisition/tail_table.h"

double tail_excess(double t)
{
    double y = 4 / (t + 4), place = y * TAIL_PIECES;
    int piece = (int)place;
    piece = piece < TAIL_PIECES ? piece : TAIL_PIECES - 1; /* t = 0 */
    const double *c = tail_table[piece];
    double s = 2 * (place - piece) - 1, sum = c[TAIL_DEGREE];
    for (int i = TAIL_DEGREE - 1; i >= 0; i--)
        sum = sum * s + c[i];
    return sum * y * 0.25;
}
