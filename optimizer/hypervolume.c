#include "optimizer/front.h"

#include "proto/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define M_MAX 4

/* One and two objectives are lifted into three with coordinate 0 and reference 1: one routine to trust. */
struct corner {
    double x, y, z, w;
};

static int compare_z(const void *a, const void *b)
{
    const struct corner *p = a, *q = b;
    if (p->z != q->z)
        return p->z < q->z ? -1 : 1;
    if (p->x != q->x)
        return p->x < q->x ? -1 : 1;
    return (p->y > q->y) - (p->y < q->y);
}

static int compare_w(const void *a, const void *b)
{
    const struct corner *p = a, *q = b;
    if (p->w != q->w)
        return p->w < q->w ? -1 : 1;
    return compare_z(a, b);
}

/* The non-dominated (x, y) of the corners seen so far: x rises, y falls, and `area` is what they dominate. */
struct staircase {
    struct corner *step;
    int n;
    double reference_x, reference_y, area;
};

/* First step with x >= value. */
static int find_step(const struct staircase *s, double value)
{
    int low = 0, high = s->n;
    while (low < high) {
        int middle = low + (high - low) / 2;
        if (s->step[middle].x < value)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Area gained: the strip from the new x to the next lower step, under the steps that it passes over.
 *
 *      y |  a                    new point o between a and d removes b and c and gains the
 *        |  .....b               rectangles under the old stairs: widths o-b, b-c, c-d,
 *        |   o   ...c            heights y(a)-y(o), y(b)-y(o), y(c)-y(o)
 *        |            .....d x                                                             */
static void staircase_add(struct staircase *s, struct corner p)
{
    int at = find_step(s, p.x);
    if ((at > 0 && s->step[at - 1].y <= p.y) || (at < s->n && s->step[at].x == p.x && s->step[at].y <= p.y))
        return;
    double left = p.x, roof = at > 0 ? s->step[at - 1].y : s->reference_y;
    int end = at;
    for (; end < s->n && s->step[end].y >= p.y; end++) {
        s->area += (s->step[end].x - left) * (roof - p.y);
        left = s->step[end].x;
        roof = s->step[end].y;
    }
    s->area += ((end < s->n ? s->step[end].x : s->reference_x) - left) * (roof - p.y);
    memmove(&s->step[at + 1], &s->step[end], sizeof *s->step * (size_t)(s->n - end));
    s->step[at] = p;
    s->n += 1 - (end - at);
}

/* The points better than the reference in every objective, sorted by w, then z. -1: a number is not finite. */
static int gather(const double *points, int n, int m, const double *reference, struct corner *corners)
{
    int kept = 0;
    for (int i = 0; i < n; i++) {
        double f[M_MAX] = {0, 0, 0, 0};
        bool inside = true;
        for (int j = 0; j < m; j++) {
            f[j] = points[(size_t)i * (size_t)m + (size_t)j];
            if (!isfinite(f[j]))
                return -1;
            inside &= f[j] < reference[j];
        }
        if (inside)
            corners[kept++] = (struct corner){f[0], f[1], f[2], f[3]};
    }
    qsort(corners, (size_t)kept, sizeof *corners, compare_w);
    return kept;
}

/* Slices between successive z, each with the area of the stairs below it (Fonseca, Paquete and Lopez-Ibanez
 * 2006, the dimension sweep). Each insertion moves the tail of an array, so O(n^2) at worst, with a small
 * constant. step: room for n. */
static double sweep_z(const struct corner *corners, int n, const double *reference, struct corner *step)
{
    struct staircase stairs = {.step = step, .reference_x = reference[0], .reference_y = reference[1]};
    double volume = 0;
    for (int i = 0; i < n; i++) {
        staircase_add(&stairs, corners[i]);
        double next = i + 1 < n ? corners[i + 1].z : reference[2];
        volume += stairs.area * (next - corners[i].z);
    }
    return volume;
}

static double sweep_below(const struct corner *corners, int n, const double *reference)
{
    struct corner *step = mem_zero((size_t)n + 1, sizeof *step);
    double volume = sweep_z(corners, n, reference, step);
    mem_free(step);
    return volume;
}

/* Adds p to the non-dominated (x, y, z), which are sorted by z; returns how many they are now. */
static int insert(struct corner *front, int n, struct corner p)
{
    int kept = 0, at = 0;
    for (int i = 0; i < n; i++)
        if (front[i].x <= p.x && front[i].y <= p.y && front[i].z <= p.z)
            return n;
    for (int i = 0; i < n; i++) {
        if (front[i].x >= p.x && front[i].y >= p.y && front[i].z >= p.z)
            continue;
        at += compare_z(&front[i], &p) < 0;
        front[kept++] = front[i];
    }
    memmove(&front[at + 1], &front[at], sizeof *front * (size_t)(kept - at));
    front[at] = p;
    return kept + 1;
}

/* Slices between successive w, each with the volume below it of the corners so far. Every slice is a sweep anew, of those that are not
 * dominated there: O(n^3) at worst, 300 points on a front in some 5 ms. */
static double sweep_w(const struct corner *corners, int n, const double *reference)
{
    struct corner *front = mem_zero(2 * (size_t)n + 2, sizeof *front), *step = front + n + 1;
    double volume = 0;
    for (int i = 0, front_n = 0; i < n; i++) {
        front_n = insert(front, front_n, corners[i]);
        double next = i + 1 < n ? corners[i + 1].w : reference[3];
        if (next > corners[i].w)
            volume += sweep_z(front, front_n, reference, step) * (next - corners[i].w);
    }
    mem_free(front);
    return volume;
}

int front_hypervolume(const double *points, int n, int m, const double *reference, double *volume,
                      struct err *err)
{
    if (n < 0 || m < 1)
        return err_set(err, ERR_INVALID, "hypervolume of %d points with %d objectives", n, m);
    if (m > M_MAX)
        return err_set(err, ERR_UNSUPPORTED, "hypervolume of %d objectives; 1 to %d are possible", m, M_MAX);
    double bound[M_MAX] = {1, 1, 1, 1};
    for (int j = 0; j < m; j++) {
        bound[j] = reference[j];
        if (!isfinite(bound[j]))
            return err_set(err, ERR_INVALID, "the reference point's objective %d is not a finite number", j);
    }
    struct corner *corners = mem_zero((size_t)n + 1, sizeof *corners);
    int kept = gather(points, n, m, reference, corners);
    double result = kept < 0    ? 0
                    : m < M_MAX ? sweep_below(corners, kept, bound)
                                : sweep_w(corners, kept, bound);
    mem_free(corners);
    if (kept < 0)
        return err_set(err, ERR_INVALID, "a point of the hypervolume is not a finite number");
    if (!isfinite(result))
        return err_set(err, ERR_INVALID, "the hypervolume is too large for a double: scale the objectives");
    *volume = result;
    return 0;
}
