/* What honesty.c shares with honesty_rank.c: questions in the order of their confidence. Nobody else includes it. */
#ifndef RTUNING_HONESTY_INTERNAL_H
#define RTUNING_HONESTY_INTERNAL_H

#include "rtuning/honesty.h"

/* n S - (n - 1) S(all but one). */
static inline double honesty_pseudo(size_t n, double whole, double without)
{
    return (double)n * whole - (double)(n - 1) * without;
}

#endif
