#include "optimizer/front.h"

#include "proto/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct row {
    const double *f; /* [m] */
    int index, m;
};

/* Lexicographic; 0 and -0 are one value. */
static int compare_values(const struct row *x, const struct row *y)
{
    for (int j = 0; j < x->m; j++)
        if (x->f[j] != y->f[j])
            return x->f[j] < y->f[j] ? -1 : 1;
    return 0;
}

static int compare_rows(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    int order = compare_values(x, y);
    return order ? order : (x->index > y->index) - (x->index < y->index);
}

bool front_dominates(const double *a, const double *b, int m)
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

/* The least value put in at a rank or below it: a Fenwick tree of prefix minima. */
struct minima {
    double *least; /* [n + 1] */
    int n;
};

static void put(struct minima *minima, int rank, double value)
{
    for (int i = rank + 1; i <= minima->n; i += i & -i)
        if (value < minima->least[i])
            minima->least[i] = value;
}

static void take_out(struct minima *minima, int rank)
{
    for (int i = rank + 1; i <= minima->n; i += i & -i)
        minima->least[i] = INFINITY;
}

static double least_up_to(const struct minima *minima, int rank)
{
    double least = INFINITY;
    for (int i = rank + 1; i > 0; i -= i & -i)
        if (minima->least[i] < least)
            least = minima->least[i];
    return least;
}

/* Distinct points in lexicographic order, so that whatever dominates one comes before it. */
struct divided {
    const struct row *rows;
    int *rank;      /* [n]: of the objective before the last, equal values share one */
    bool *beaten;   /* [n] */
    int *by_second; /* [n]: scratch, each half in the order of the second objective */
    int *merged;    /* [n]: scratch */
    struct minima minima;
};

struct ranked {
    double value;
    int index;
};

static int compare_ranked(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    return (x->value > y->value) - (x->value < y->value);
}

static void set_ranks(struct divided *d, int n, int objective)
{
    struct ranked *order = mem_zero((size_t)n + 1, sizeof *order);
    for (int i = 0; i < n; i++)
        order[i] = (struct ranked){d->rows[i].f[objective], i};
    qsort(order, (size_t)n, sizeof *order, compare_ranked);
    for (int i = 0, rank = 0; i < n; i++) {
        rank = i > 0 && order[i].value != order[i - 1].value ? i : rank;
        d->rank[order[i].index] = rank;
    }
    mem_free(order);
}

/* Three objectives: points in order, the least third one for every second one so far. */
static void mark_triples(struct divided *d, int n)
{
    for (int i = 0; i < n; i++) {
        double z = d->rows[i].f[2];
        d->beaten[i] = least_up_to(&d->minima, d->rank[i]) <= z;
        put(&d->minima, d->rank[i], z);
    }
}

/* Four: which points from `middle` on are beaten by one before it, both halves being in the order of the second. */
static void beat_right_half(struct divided *d, int first, int middle, int end)
{
    int left = first;
    for (int i = middle; i < end; i++) {
        int p = d->by_second[i];
        for (; left < middle && d->rows[d->by_second[left]].f[1] <= d->rows[p].f[1]; left++)
            put(&d->minima, d->rank[d->by_second[left]], d->rows[d->by_second[left]].f[3]);
        if (least_up_to(&d->minima, d->rank[p]) <= d->rows[p].f[3])
            d->beaten[p] = true;
    }
    while (left-- > first)
        take_out(&d->minima, d->rank[d->by_second[left]]);
}

static void merge_halves(struct divided *d, int first, int middle, int end)
{
    int a = first, b = middle;
    for (int i = first; i < end; i++) {
        bool from_left =
            b == end || (a < middle && d->rows[d->by_second[a]].f[1] <= d->rows[d->by_second[b]].f[1]);
        d->merged[i] = d->by_second[from_left ? a++ : b++];
    }
    memcpy(&d->by_second[first], &d->merged[first], (size_t)(end - first) * sizeof *d->merged);
}

/* Four objectives by halves (Kung, Luccio and Preparata, J. ACM 22, 1975): O(n log^2 n). */
static void mark_quadruples(struct divided *d, int first, int end)
{
    if (end - first < 2) {
        if (first < end)
            d->by_second[first] = first;
        return;
    }
    int middle = first + (end - first) / 2;
    mark_quadruples(d, first, middle);
    mark_quadruples(d, middle, end);
    beat_right_half(d, first, middle, end);
    merge_halves(d, first, middle, end);
}

static void mark_divided(const struct row *rows, int n, int m, bool *member)
{
    struct row *distinct = mem_zero((size_t)n + 1, sizeof *distinct);
    int *scratch = mem_zero(3 * (size_t)n + 1, sizeof *scratch), distinct_n = 0;
    struct divided d = {
        .rows = distinct, .rank = scratch, .by_second = scratch + n, .merged = scratch + 2 * n};
    for (int i = 0; i < n; i++)
        if (i == 0 || compare_values(&rows[i], &rows[i - 1]) != 0)
            distinct[distinct_n++] = rows[i];
    d.beaten = mem_zero((size_t)n + 1, sizeof *d.beaten);
    d.minima = (struct minima){mem_zero((size_t)n + 1, sizeof(double)), distinct_n};
    for (int i = 0; i <= distinct_n; i++)
        d.minima.least[i] = INFINITY;
    set_ranks(&d, distinct_n, m - 2);
    if (m == 3)
        mark_triples(&d, distinct_n);
    else
        mark_quadruples(&d, 0, distinct_n);
    for (int i = 0, at = -1; i < n; i++) {
        at += at + 1 < distinct_n && rows[i].index == distinct[at + 1].index;
        member[rows[i].index] = !d.beaten[at];
    }
    mem_free(d.minima.least);
    mem_free(d.beaten);
    mem_free(scratch);
    mem_free(distinct);
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
            beaten = front_dominates(front[j], rows[i].f, m);
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
    else if (m == 3 || m == 4)
        mark_divided(rows, n, m, member);
    else
        mark_any(rows, n, m, member);
    mem_free(rows);
    return 0;
}
