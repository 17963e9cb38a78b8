#include "optimizer/acquisition/boxes.h"

#include "optimizer/order.h"
#include "proto/mem.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Fewer objectives are lifted into four with coordinate -INFINITY: one sweep to trust. */
#define M BOXES_M_MAX

struct box {
    double low[M], high[M];
};

struct list {
    struct box *box;
    int n, capacity;
};

static void push(struct list *list, const struct box *box)
{
    for (int j = 0; j < M; j++)
        if (!(box->low[j] < box->high[j]))
            return;
    if (list->n == list->capacity) {
        list->capacity = list->capacity ? 2 * list->capacity : 64;
        list->box = mem_grow(list->box, (size_t)list->capacity, sizeof *list->box);
    }
    list->box[list->n++] = *box;
}

static int compare_numbers(const double *a, const double *b, int n)
{
    for (int j = 0; j < n; j++)
        if (a[j] != b[j])
            return a[j] < b[j] ? -1 : 1;
    return 0;
}

static int compare_boxes(const void *a, const void *b)
{
    const struct box *p = a, *q = b;
    int order = compare_numbers(p->low, q->low, M - 1);
    return order ? order : compare_numbers(p->high, q->high, M - 1);
}

struct point {
    double f[M];
};

static int compare_third(const void *a, const void *b)
{
    const struct point *p = a, *q = b;
    int order = compare_numbers(&p->f[2], &q->f[2], 1);
    return order ? order : compare_numbers(p->f, q->f, 2);
}

static int compare_fourth(const void *a, const void *b)
{
    const struct point *p = a, *q = b;
    int order = compare_numbers(&p->f[3], &q->f[3], 1);
    return order ? order : compare_third(a, b);
}

/* What is left below the points up to one level of the third objective: strips of the first, rising, whose tops in the
 * second fall, each open since the level low[2].
 *
 *      y |____                 a new point o cuts the strips that reach above and right of it: the first keeps its left
 *        |    |___             part, the rest become one strip under o. What they were up to this level are boxes. So a
 *        | o  .   |__          point adds two boxes at most, and n points make 2 n + 1.
 *        |        .  |___ x                                                                                          */
static void cut_strips(struct list *strips, const struct point *o, struct list *out)
{
    int first = 0, end;
    while (first < strips->n && strips->box[first].high[0] <= o->f[0])
        first++;
    for (end = first; end < strips->n && strips->box[end].high[1] > o->f[1]; end++) {
        struct box done = strips->box[end];
        done.high[2] = o->f[2];
        push(out, &done);
    }
    if (end == first)
        return; /* dominated */
    struct box left = strips->box[first], under = left;
    left.high[0] = under.low[0] = o->f[0];
    under.high[0] = strips->box[end - 1].high[0];
    under.high[1] = o->f[1];
    left.low[2] = under.low[2] = o->f[2];
    int keep = left.low[0] < left.high[0];
    memmove(&strips->box[first + keep + 1], &strips->box[end],
            (size_t)(strips->n - end) * sizeof *strips->box);
    strips->n += keep + 1 - (end - first);
    if (keep)
        strips->box[first] = left;
    strips->box[first + keep] = under;
}

/* The boxes below points in the order of compare_third, all of them within `whole`. strips has room for n + 1. */
static void sweep_third(const struct point *points, int n, const struct box *whole, struct list *strips,
                        struct list *out)
{
    strips->n = 1;
    strips->box[0] = *whole;
    for (int i = 0; i < n; i++)
        cut_strips(strips, &points[i], out);
    for (int i = 0; i < strips->n; i++)
        push(out, &strips->box[i]);
}

/* Boxes that both lists have go on in `now`; the others of `open` end at this level. */
static void carry_over(const struct list *open, struct list *now, double level, struct list *out)
{
    for (int i = 0, j = 0; i < open->n; i++) {
        while (j < now->n && compare_boxes(&now->box[j], &open->box[i]) < 0)
            j++;
        if (j < now->n && compare_boxes(&now->box[j], &open->box[i]) == 0) {
            now->box[j].low[3] = open->box[i].low[3];
            continue;
        }
        struct box done = open->box[i];
        done.high[3] = level;
        push(out, &done);
    }
}

/* points: in the order of compare_fourth. */
static void sweep_fourth(const struct point *points, int n, const struct box *whole, struct list *out)
{
    struct point *level = mem_zero((size_t)n + 1, sizeof *level);
    struct list strips = {mem_zero((size_t)n + 1, sizeof(struct box)), 0, n + 1}, open = {0};
    push(&open, whole);
    for (int i = 0; i < n;) {
        struct box below = *whole;
        int first = i;
        for (below.low[3] = points[i].f[3]; i < n && points[i].f[3] == points[first].f[3]; i++)
            level[i] = points[i];
        qsort(level, (size_t)i, sizeof *level, compare_third);
        struct list now = {0};
        sweep_third(level, i, &below, &strips, &now);
        qsort(now.box, (size_t)now.n, sizeof *now.box, compare_boxes);
        carry_over(&open, &now, below.low[3], out);
        mem_free(open.box);
        open = now;
    }
    for (int i = 0; i < open.n; i++)
        push(out, &open.box[i]);
    mem_free(open.box);
    mem_free(strips.box);
    mem_free(level);
}

static int find_cut(const double *cut, int n, double place)
{
    const double *at = bsearch(&place, cut, (size_t)n, sizeof place, order_doubles);
    assert(at);
    return (int)(at - cut);
}

static void number_cuts(struct boxes *b, int j)
{
    double *cut = mem_zero(2 * (size_t)b->n + 1, sizeof *cut);
    int n = 0, distinct = 0;
    for (int i = j; i < b->n * b->m; i += b->m) {
        cut[n++] = b->upper[i];
        if (isfinite(b->lower[i]))
            cut[n++] = b->lower[i];
    }
    qsort(cut, (size_t)n, sizeof *cut, order_doubles);
    for (int i = 0; i < n; i++)
        if (i == 0 || cut[i] != cut[i - 1])
            cut[distinct++] = cut[i];
    for (int i = j; i < b->n * b->m; i += b->m) {
        b->upper_cut[i] = find_cut(cut, distinct, b->upper[i]);
        b->lower_cut[i] = isfinite(b->lower[i]) ? find_cut(cut, distinct, b->lower[i]) : -1;
    }
    b->cut[j] = cut;
    b->cuts_n[j] = distinct;
}

static void fill(struct boxes *out, const struct list *list, int m)
{
    size_t numbers = (size_t)list->n * (size_t)m + 1;
    *out = (struct boxes){.n = list->n, .m = m};
    out->lower = mem_zero(numbers, sizeof(double));
    out->upper = mem_zero(numbers, sizeof(double));
    out->lower_cut = mem_zero(numbers, sizeof(int));
    out->upper_cut = mem_zero(numbers, sizeof(int));
    for (int i = 0; i < list->n; i++) {
        memcpy(&out->lower[i * m], list->box[i].low, (size_t)m * sizeof(double));
        memcpy(&out->upper[i * m], list->box[i].high, (size_t)m * sizeof(double));
    }
    for (int j = 0; j < m; j++)
        number_cuts(out, j);
}

/* The points better than the reference in every objective; -1: a number is not finite. */
static int gather(const double *points, int n, int m, const double *reference, struct point *out)
{
    int kept = 0;
    for (int i = 0; i < n; i++) {
        struct point p = {{-INFINITY, -INFINITY, -INFINITY, -INFINITY}};
        bool inside = true;
        for (int j = 0; j < m; j++) {
            p.f[j] = points[(size_t)i * (size_t)m + (size_t)j] + 0.0; /* -0 is 0 */
            if (!isfinite(p.f[j]))
                return -1;
            inside &= p.f[j] < reference[j];
        }
        if (inside)
            out[kept++] = p;
    }
    qsort(out, (size_t)kept, sizeof *out, m == 4 ? compare_fourth : compare_third);
    return kept;
}

static void sweep(const struct point *points, int n, int m, const struct box *whole, struct list *out)
{
    if (m == 4) {
        sweep_fourth(points, n, whole, out);
        return;
    }
    struct list strips = {mem_zero((size_t)n + 1, sizeof(struct box)), 0, n + 1};
    sweep_third(points, n, whole, &strips, out);
    mem_free(strips.box);
}

int boxes_make(const double *points, int n, int m, const double *reference, struct boxes *out,
               struct err *err)
{
    if (n < 0 || m < 1)
        return err_set(err, ERR_INVALID, "boxes of %d points with %d objectives", n, m);
    if (m > M)
        return err_set(err, ERR_UNSUPPORTED, "boxes of %d objectives; 1 to %d are possible", m, M);
    struct box whole = {{-INFINITY, -INFINITY, -INFINITY, -INFINITY}, {0, 0, 0, 0}};
    for (int j = 0; j < m; j++) {
        whole.high[j] = reference[j] + 0.0;
        if (!isfinite(reference[j]))
            return err_set(err, ERR_INVALID, "the reference point's objective %d is not a finite number", j);
    }
    struct point *kept = mem_zero((size_t)n + 1, sizeof *kept);
    struct list list = {0};
    int kept_n = gather(points, n, m, reference, kept);
    if (kept_n >= 0) {
        sweep(kept, kept_n, m, &whole, &list);
        fill(out, &list, m);
    }
    mem_free(kept);
    mem_free(list.box);
    return kept_n < 0 ? err_set(err, ERR_INVALID, "a point of the front is not a finite number") : 0;
}

void boxes_fini(struct boxes *boxes)
{
    if (!boxes)
        return;
    mem_free(boxes->lower);
    mem_free(boxes->upper);
    mem_free(boxes->lower_cut);
    mem_free(boxes->upper_cut);
    for (int j = 0; j < M; j++)
        mem_free(boxes->cut[j]);
    *boxes = (struct boxes){0};
}
