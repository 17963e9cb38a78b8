#include "daemon/core/repeat.h"

#include "proto/rng.h"

int repeat_number(const struct search *search, int trial)
{
    int of = search->trials[trial].origin.repeat_of, number = 1;
    if (of < 0)
        return 0;
    for (int i = 0; i < trial; i++)
        number += search->trials[i].created_us && search->trials[i].origin.repeat_of == of;
    return number;
}

uint64_t repeat_seed(const struct search *search, int trial)
{
    struct rng rng;
    int number = repeat_number(search, trial);
    if (!number)
        return search->spec.seed;
    rng_seed(&rng, search->spec.seed, (uint64_t)number);
    return rng_u64(&rng) >> 11;
}
