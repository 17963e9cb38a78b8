#include <math.h>

#define LANES 4
#define TILE_ROWS 6
#define KERNEL kernel_plain
#define KERNEL_NAME "plain"

typedef float vec __attribute__((vector_size(16)));

static inline vec vec_set(float x)
{
    return (vec){x, x, x, x};
}

/* fmaf rounds once, as the instruction does; the C library computes it where there is no such instruction. */
static inline vec vec_fma(vec a, vec b, vec c)
{
    return (vec){fmaf(a[0], b[0], c[0]), fmaf(a[1], b[1], c[1]), fmaf(a[2], b[2], c[2]),
                 fmaf(a[3], b[3], c[3])};
}

/* Both give b when an operand is NaN. */
static inline vec vec_max(vec a, vec b)
{
    return (vec){a[0] > b[0] ? a[0] : b[0], a[1] > b[1] ? a[1] : b[1], a[2] > b[2] ? a[2] : b[2],
                 a[3] > b[3] ? a[3] : b[3]};
}

static inline vec vec_min(vec a, vec b)
{
    return (vec){a[0] < b[0] ? a[0] : b[0], a[1] < b[1] ? a[1] : b[1], a[2] < b[2] ? a[2] : b[2],
                 a[3] < b[3] ? a[3] : b[3]};
}

#include "worker/kernel_body.h"
