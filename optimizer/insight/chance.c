#include "optimizer/insight/chance.h"

#include "optimizer/front.h"
#include "optimizer/order.h"
#include "proto/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double CORNER_SD = 4;

/* The rivals of points [n][m] that no rival dominates, copied into `front` (room for n) with their indices in `index`
 * (may be NULL). Returns how many. */
static int front_of_rivals(const double *points, int n, int m, const bool *rival, double *front, int *index)
{
    double *own = mem_zero((size_t)n * (size_t)m + 1, sizeof *own);
    int *source = mem_zero((size_t)n + 1, sizeof *source), kept = 0, front_n = 0;
    bool *member = mem_zero((size_t)n + 1, sizeof *member);
    for (int i = 0; i < n; i++) {
        if (!rival[i])
            continue;
        memcpy(&own[kept * m], &points[i * m], (size_t)m * sizeof *own);
        source[kept++] = i;
    }
    front_members(own, kept, m, member, NULL);
    for (int i = 0; i < kept; i++) {
        if (!member[i])
            continue;
        memcpy(&front[front_n * m], &own[i * m], (size_t)m * sizeof *own);
        if (index)
            index[front_n] = source[i];
        front_n++;
    }
    mem_free(own);
    mem_free(source);
    mem_free(member);
    return front_n;
}

static bool beaten(const double *point, const double *front, int front_n, int m)
{
    for (int i = 0; i < front_n; i++)
        if (front_dominates(&front[i * m], point, m))
            return true;
    return false;
}

int chance_choose(const double *mean, const double *sd, const bool *rival, int n, int m, int *chosen)
{
    double *corner = mem_zero((size_t)n * (size_t)m + 1, sizeof *corner);
    double *front = mem_zero((size_t)n * (size_t)m + 1, sizeof *front);
    for (int i = 0; i < n * m; i++)
        corner[i] = mean[i] + CORNER_SD * sd[i];
    int front_n = front_of_rivals(corner, n, m, rival, front, NULL), kept = 0;
    for (int i = 0; i < n; i++) {
        double best[OPT_M_MAX];
        for (int j = 0; j < m; j++)
            best[j] = mean[i * m + j] - CORNER_SD * sd[i * m + j];
        if (!beaten(best, front, front_n, m))
            chosen[kept++] = i;
    }
    mem_free(corner);
    mem_free(front);
    return kept;
}

void chance_count(const double *f, int s, int n, int m, const bool *rival, double *share)
{
    double *front = mem_zero((size_t)n * (size_t)m + 1, sizeof *front);
    int *index = mem_zero((size_t)n + 1, sizeof *index);
    memset(share, 0, (size_t)n * sizeof *share);
    for (int draw = 0; draw < s; draw++, f += (size_t)n * (size_t)m) {
        int front_n = front_of_rivals(f, n, m, rival, front, index);
        for (int i = 0; i < front_n; i++)
            share[index[i]]++;
        for (int i = 0; i < n; i++)
            if (!rival[i])
                share[i] += !beaten(&f[i * m], front, front_n, m);
    }
    for (int i = 0; i < n; i++)
        share[i] /= s;
    mem_free(front);
    mem_free(index);
}

double chance_of(const double *f, int s, int n, int m, const bool *rival, int vector)
{
    int free_of_rivals = 0;
    for (int draw = 0; draw < s; draw++, f += (size_t)n * (size_t)m) {
        bool is_beaten = false;
        for (int i = 0; i < n && !is_beaten; i++)
            is_beaten = rival[i] && front_dominates(&f[i * m], &f[vector * m], m);
        free_of_rivals += !is_beaten;
    }
    return (double)free_of_rivals / s;
}

void chance_volumes(const double *f, int s, int n, const bool *rival, const struct scale *scale,
                    double *volume)
{
    size_t m = (size_t)scale->m;
    double *front = mem_zero((size_t)n * m + 1, sizeof *front);
    for (int draw = 0; draw < s; draw++, f += (size_t)n * m) {
        int front_n = front_of_rivals(f, n, scale->m, rival, front, NULL);
        volume[draw] = scale_volume(scale, front, front_n);
    }
    qsort(volume, (size_t)s, sizeof *volume, order_doubles);
    mem_free(front);
}

double chance_quantile(const double *sorted, int n, double q)
{
    double at = q * (n - 1), below = floor(at);
    int i = (int)below;
    return i + 1 < n ? sorted[i] + (at - below) * (sorted[i + 1] - sorted[i]) : sorted[n - 1];
}
