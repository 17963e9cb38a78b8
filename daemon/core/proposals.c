#include "daemon/core/proposals.h"

#include "proto/mem.h"

#include <assert.h>
#include <string.h>

void proposals_add(struct proposals *proposals, const double *ratios, const struct origin *origins, int n)
{
    struct proposals *p = proposals;
    size_t k = (size_t)p->k;
    if (n == 0)
        return;
    if (p->n + n > p->cap) {
        p->cap = p->n + n;
        p->ratios = mem_grow(p->ratios, (size_t)p->cap * k, sizeof *p->ratios);
        p->origins = mem_grow(p->origins, (size_t)p->cap, sizeof *p->origins);
    }
    memcpy(p->ratios + (size_t)p->n * k, ratios, (size_t)n * k * sizeof *ratios);
    memcpy(p->origins + p->n, origins, (size_t)n * sizeof *origins);
    p->n += n;
}

void proposals_clear(struct proposals *proposals)
{
    proposals->n = 0;
}

void proposals_pop(struct proposals *proposals)
{
    struct proposals *p = proposals;
    size_t k = (size_t)p->k, left = (size_t)p->n - 1;
    assert(p->n > 0);
    memmove(p->ratios, p->ratios + k, left * k * sizeof *p->ratios);
    memmove(p->origins, p->origins + 1, left * sizeof *p->origins);
    p->n--;
}

void proposals_fini(struct proposals *proposals)
{
    mem_free(proposals->ratios);
    mem_free(proposals->origins);
    *proposals = (struct proposals){0};
}
