#include "worker/slices.h"

#include "proto/rng.h"
#include "proto/search_spec.h"

#include <assert.h>

#define SEED                                                                                                 \
    0x736c69636573 /* "slices"; another one would make other slices, and scores in part are compared */

void slices_deal(size_t n, int slices, uint8_t *slice)
{
    assert(slices >= 1 && slices <= SPEC_SLICES_MAX);
    size_t most = (size_t)slices;
    for (size_t first = 0; first < n; first += most) {
        size_t some = n - first < most ? n - first : most; /* the last block goes to the first slices */
        struct rng rng;
        rng_seed(&rng, SEED, first / most);
        for (size_t i = 0; i < some;
             i++) { /* Fisher and Yates, inside out; most is too small for a bias to count */
            size_t j = (size_t)(rng_u64(&rng) % (i + 1));
            slice[first + i] = slice[first + j];
            slice[first + j] = (uint8_t)i;
        }
    }
}
