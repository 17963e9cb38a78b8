#include "optimizer/front.h"

#include "proto/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct row {
    const double *f; /* [m] */
    int index, m;
};

static int compare_rows(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    for (int j = 0; j < x->m; j++)
        if (x->f[j] != y->f[j])
            return x->f[j] < y->f[j] ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

static bool dominates(const double *a, const double *b, int m)
{
    bool better = false;
    for (int j = 0; j < m; j++) {
        if (a[j] > b[j])
            return false;
        better |= a[j] < b[j];
    }
    return better;
}

/* Rows in order of the first objective: the second must fall. Equal points follow one another. */
static void mark_pairs(const struct row *rows, int n, bool *member)
{
    const double *last = NULL; /* the latest member */
    for (int i = 0; i < n; i++) {
        const double *f = rows[i].f;
        member[rows[i].index] = !last || f[1] < last[1] || (f[0] == last[0] && f[1] == last[1]);
        if (member[rows[i].index])
            last = f;
    }
}

/* Whatever dominates a point comes before it in lexicographic order, and a member of the front among those
 * does. */
static void mark_any(const struct row *rows, int n, int m, bool *member)
{
    const double **front = mem_zero((size_t)n + 1, sizeof *front);
    int front_n = 0;
    for (int i = 0; i < n; i++) {
        bool beaten = false;
        for (int j = 0; j < front_n && !beaten; j++)
            beaten = dominates(front[j], rows[i].f, m);
        member[rows[i].index] = !beaten;
        if (!beaten)
            front[front_n++] = rows[i].f;
    }
    mem_free(front);
}

int front_members(const double *points, int n, int m, bool *member, struct err *err)
{
    if (n < 0 || m < 1)
        return err_set(err, ERR_INVALID, "front of %d points with %d objectives", n, m);
    struct row *rows = mem_zero((size_t)n + 1, sizeof *rows);
    for (int i = 0; i < n; i++) {
        rows[i] = (struct row){&points[(size_t)i * (size_t)m], i, m};
        for (int j = 0; j < m; j++) {
            if (isfinite(rows[i].f[j]))
                continue;
            mem_free(rows);
            return err_set(err, ERR_INVALID, "point %d, objective %d is not a finite number", i, j);
        }
    }
    qsort(rows, (size_t)n, sizeof *rows, compare_rows);
    if (m == 2)
        mark_pairs(rows, n, member);
    else
        mark_any(rows, n, m, member);
    mem_free(rows);
    return 0;
}
