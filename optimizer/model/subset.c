#include "optimizer/model/subset.h"

#include "optimizer/front.h"
#include "proto/mem.h"
#include "proto/rng.h"

#include <string.h>

#define STREAM_SUBSET UINT64_C(0x737562736574)

struct choice {
    const struct rows *rows;
    int n, m, left; /* rows; objectives; how many are still to be chosen */
    bool *chosen;   /* [n] */
};

static void choose(struct choice *c, int row)
{
    if (c->chosen[row] || c->left == 0)
        return;
    c->chosen[row] = true;
    c->left--;
}

/* Front after front of what is not chosen yet, until `until` are left to be chosen. */
static void peel(struct choice *c, int until)
{
    double *points = mem_zero((size_t)c->n * (size_t)c->m, sizeof *points);
    int *row = mem_zero((size_t)c->n, sizeof *row);
    bool *member = mem_zero((size_t)c->n, sizeof *member);
    while (c->left > until) {
        int rest = 0;
        for (int i = 0; i < c->n; i++) {
            if (c->chosen[i])
                continue;
            memcpy(&points[rest * c->m], c->rows->row[i].mean, sizeof *points * (size_t)c->m);
            row[rest++] = i;
        }
        if (rest == 0 || front_members(points, rest, c->m, member, NULL))
            break;
        for (int i = 0; i < rest && c->left > until; i++)
            if (member[i])
                choose(c, row[i]);
    }
    mem_free(points);
    mem_free(row);
    mem_free(member);
}

static void draw(struct choice *c, uint64_t seed)
{
    struct rng rng;
    rng_seed(&rng, seed, STREAM_SUBSET + (uint64_t)c->n);
    int *order = mem_zero((size_t)c->n, sizeof *order);
    for (int i = 0; i < c->n; i++)
        order[i] = i;
    for (int i = 0; i < c->n && c->left > 0; i++) {
        int other = i + (int)(rng_uniform(&rng) * (c->n - i)), row = order[other];
        order[other] = order[i];
        choose(c, row);
    }
    mem_free(order);
}

int subset_rows(const struct rows *rows, int n, int m, int count, uint64_t seed, int *index)
{
    struct choice c = {rows, n, m, count < n ? count : n, mem_zero((size_t)n + 1, sizeof(bool))};
    for (int i = 0; i < n && n <= count; i++)
        choose(&c, i);
    for (int i = 0; i < 2 && i < n; i++)
        choose(&c, i);
    if (c.left > 0) {
        peel(&c, c.left / 2);
        draw(&c, seed);
    }
    int kept = 0;
    for (int i = 0; i < n; i++)
        if (c.chosen[i])
            index[kept++] = i;
    mem_free(c.chosen);
    return kept;
}
