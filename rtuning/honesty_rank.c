/* Average precision and AUROC, each with its jackknife in O(n log n): leaving out one question changes the sums of its own
 * group of equal confidences and of the groups on one side of it, and those sums are kept. */
#include "rtuning/honesty_internal.h"

#include "proto/mem.h"

#include <stdlib.h>

/* Questions of the same confidence. */
struct group {
    size_t right, n;     /* in it */
    size_t right_so_far; /* in it and in all groups of greater confidence */
    size_t n_so_far;
};

struct ranking {
    struct group *groups; /* [groups_n], the greatest confidence first */
    size_t groups_n;
    size_t *group_of; /* [n] of question i */
    size_t right, n;  /* in all */
};

struct ranked {
    double confidence;
    size_t i;
};

static int by_confidence(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->confidence != y->confidence)
        return x->confidence > y->confidence ? -1 : 1;
    return (x->i > y->i) - (x->i < y->i);
}

static void ranking_init(struct ranking *r, const double *confidence, const bool *right, size_t n)
{
    struct ranked *order = mem_zero(n + 1, sizeof *order);
    *r = (struct ranking){.n = n};
    r->groups = mem_zero(n + 1, sizeof *r->groups);
    r->group_of = mem_zero(n + 1, sizeof *r->group_of);
    for (size_t i = 0; i < n; i++)
        order[i] = (struct ranked){confidence[i], i};
    qsort(order, n, sizeof *order, by_confidence);
    for (size_t k = 0; k < n; k++) {
        if (k == 0 || order[k].confidence != order[k - 1].confidence)
            r->groups_n++;
        struct group *g = &r->groups[r->groups_n - 1];
        r->right += right[order[k].i];
        g->right += right[order[k].i];
        g->n++;
        g->right_so_far = r->right;
        g->n_so_far = k + 1;
        r->group_of[order[k].i] = r->groups_n - 1;
    }
    mem_free(order);
}

static void ranking_fini(struct ranking *r)
{
    mem_free(r->groups);
    mem_free(r->group_of);
}

/* ---- average precision ---- */

/* right_g T_g / C_g with a right answers and b questions fewer in the sums; nothing when none is left. */
static double precision_part(const struct group *g, size_t a, size_t b)
{
    return g->n_so_far > b ? (double)(g->right_so_far - a) / (double)(g->n_so_far - b) : 0;
}

/* above[g]: the sum over the groups before g as it is; below_right[g], below_wrong[g]: over the groups after g when a
 * right, a wrong answer of g is left out. */
static void ap_sums(const struct ranking *r, double *above, double *below_right, double *below_wrong)
{
    double sum = 0;
    for (size_t g = 0; g < r->groups_n; g++) {
        above[g] = sum;
        sum += (double)r->groups[g].right * precision_part(&r->groups[g], 0, 0);
    }
    double right = 0, wrong = 0;
    for (size_t g = r->groups_n; g-- > 0;) {
        below_right[g] = right;
        below_wrong[g] = wrong;
        if (r->groups[g].right) { /* then a right answer less leaves no count below 0 */
            right += (double)r->groups[g].right * precision_part(&r->groups[g], 1, 1);
            wrong += (double)r->groups[g].right * precision_part(&r->groups[g], 0, 1);
        }
    }
}

static void ap_pseudo(const struct ranking *r, const bool *right, double whole, double *pseudo)
{
    double *above = mem_zero(3 * r->groups_n, sizeof *above);
    double *below_right = above + r->groups_n, *below_wrong = below_right + r->groups_n;
    ap_sums(r, above, below_right, below_wrong);
    for (size_t i = 0; i < r->n; i++) {
        size_t at = r->group_of[i];
        const struct group *g = &r->groups[at];
        double without;
        if (right[i])
            without = (above[at] + (double)(g->right - 1) * precision_part(g, 1, 1) + below_right[at]) /
                      (double)(r->right - 1);
        else
            without =
                (above[at] + (double)g->right * precision_part(g, 0, 1) + below_wrong[at]) / (double)r->right;
        pseudo[i] = honesty_pseudo(r->n, whole, without);
    }
    mem_free(above);
}

bool honesty_ap(const double *confidence, const bool *right, size_t n, double *value, double *pseudo,
                bool *has_pseudo)
{
    struct ranking r;
    double sum = 0;
    ranking_init(&r, confidence, right, n);
    bool is_defined = r.right > 0;
    *has_pseudo = pseudo && r.right > 1;
    for (size_t g = 0; g < r.groups_n; g++)
        sum += (double)r.groups[g].right * precision_part(&r.groups[g], 0, 0);
    if (is_defined)
        *value = sum / (double)r.right;
    if (*has_pseudo)
        ap_pseudo(&r, right, *value, pseudo);
    ranking_fini(&r);
    return is_defined;
}

/* ---- AUROC ---- */

/* How many wrong answers a right one of the group is ahead of, and how many right ones are ahead of a wrong one of it. */
static double wrong_after(const struct ranking *r, const struct group *g)
{
    size_t wrong = r->n - r->right, wrong_so_far = g->n_so_far - g->right_so_far, here = g->n - g->right;
    return (double)(wrong - wrong_so_far) + 0.5 * (double)here;
}

static double right_before(const struct group *g)
{
    return (double)(g->right_so_far - g->right) + 0.5 * (double)g->right;
}

bool honesty_auroc(const double *confidence, const bool *right, size_t n, double *value, double *pseudo,
                   bool *has_pseudo)
{
    struct ranking r;
    double sum = 0;
    ranking_init(&r, confidence, right, n);
    double p = (double)r.right, q = (double)(n - r.right);
    bool is_defined = p > 0 && q > 0;
    *has_pseudo = pseudo && p > 1 && q > 1;
    for (size_t g = 0; g < r.groups_n; g++)
        sum += (double)r.groups[g].right * wrong_after(&r, &r.groups[g]);
    if (is_defined)
        *value = sum / (p * q);
    for (size_t i = 0; i < n && *has_pseudo; i++) {
        const struct group *g = &r.groups[r.group_of[i]];
        double without =
            right[i] ? (sum - wrong_after(&r, g)) / ((p - 1) * q) : (sum - right_before(g)) / (p * (q - 1));
        pseudo[i] = honesty_pseudo(n, *value, without);
    }
    ranking_fini(&r);
    return is_defined;
}
