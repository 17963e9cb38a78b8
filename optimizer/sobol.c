#include "optimizer/sobol.h"

#include "optimizer/optimizer.h"
#include "optimizer/sobol_table.h"
#include "proto/rng.h"

#include <assert.h>

_Static_assert(SOBOL_TABLE_N >= OPT_K_MAX, "a row of the table for each ratio");

#define BITS 32

/* v[b]: the direction number of bit b as a 32-bit fraction. Dimension 0 is van der Corput's sequence. */
static void directions(int dimension, uint32_t *v)
{
    const struct sobol_row *row = &sobol_table[dimension];
    uint32_t m[BITS];
    int degree = row->degree;
    for (int b = 0; b < BITS; b++) {
        if (degree == 0) {
            m[b] = 1;
        } else if (b < degree) {
            m[b] = row->m[b];
        } else {
            m[b] = m[b - degree] ^ (m[b - degree] << degree);
            for (int i = 1; i < degree; i++)
                if ((row->inner >> (degree - 1 - i)) & 1)
                    m[b] ^= m[b - i] << i;
        }
        v[b] = m[b] << (BITS - 1 - b);
    }
}

static uint32_t bits_of(int dimension, uint32_t gray)
{
    uint32_t v[BITS], x = 0;
    directions(dimension, v);
    for (int b = 0; b < BITS; b++)
        if ((gray >> b) & 1)
            x ^= v[b];
    return x;
}

void sobol_plain(int d, uint64_t index, double *point)
{
    assert(d >= 1 && d <= OPT_K_MAX && index < (UINT64_C(1) << BITS));
    for (int i = 0; i < d; i++)
        point[i] = bits_of(i, (uint32_t)(index ^ (index >> 1))) * 0x1.0p-32;
}

void sobol_point(int d, uint64_t index, uint64_t seed, uint64_t stream, double *point)
{
    assert(d >= 1 && d <= OPT_K_MAX && index < (UINT64_C(1) << BITS));
    struct rng rng;
    rng_seed(&rng, seed,
             stream ^ UINT64_C(0x536f626f6c000000)); /* "Sobol": apart from the other uses of a seed */
    for (int i = 0; i < d; i++) {
        uint64_t shift = rng_u64(&rng) >> 11;
        uint64_t bits = (uint64_t)bits_of(i, (uint32_t)(index ^ (index >> 1))) << 21;
        point[i] = (double)(bits ^ shift) * 0x1.0p-53;
    }
}
