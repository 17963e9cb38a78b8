#include "proto/spec_space.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* As many of the names as an error has room for. */
static void list_names(const char *const *names, int k, char *list, size_t size)
{
    size_t used = 0;
    *list = 0;
    for (int i = 0; i < k; i++) {
        if (used + strlen(names[i]) + 12 > size) {
            snprintf(list + used, size - used, ", … (%d)", k);
            return;
        }
        used += (size_t)snprintf(list + used, size - used, "%s\"%s\"", i ? ", " : "", names[i]);
    }
}

static int find_group(const char *field, const char *name, const char *const *names, int k, int *at,
                      struct err *err)
{
    for (int i = 0; i < k; i++)
        if (strcmp(names[i], name) == 0) {
            *at = i;
            return 0;
        }
    const char *near = spec_nearest(name, names, (size_t)k);
    if (near)
        return err_set(err, ERR_INVALID, "%s: there is no group \"%s\"; did you mean \"%s\"?", field, name,
                       near);
    char list[300];
    list_names(names, k, list, sizeof list);
    return err_set(err, ERR_INVALID, "%s: there is no group \"%s\"; this search has %s", field, name, list);
}

static int read_bounds(const struct search_spec *spec, const char *const *names, int k, double *low,
                       double *high, struct err *err)
{
    bool has[SPEC_RATIOS_MAX] = {false};
    for (int b = 0; b < spec->bounds_n; b++) {
        const struct spec_bound *bound = &spec->bounds[b];
        const char *field = bound->min == bound->max ? "groups.freeze" : "groups.bounds";
        int at = 0;
        int rc = find_group(field, bound->group, names, k, &at, err);
        if (rc)
            return rc;
        if (has[at])
            return err_set(err, ERR_INVALID, "%s: \"%s\" is named twice; a group is frozen or has one range",
                           field, bound->group);
        if (!isfinite(bound->min) || !isfinite(bound->max) || bound->min > bound->max)
            return err_set(err, ERR_INVALID,
                           "%s: the range of \"%s\" is %g to %g; its min must not be above its max", field,
                           bound->group, bound->min, bound->max);
        has[at] = true;
        low[at] = bound->min + 0.0; /* never -0: ratios are compared bit by bit */
        high[at] = bound->max + 0.0;
    }
    return 0;
}

static int read_ties(const struct search_spec *spec, const char *const *names, int k, int *tie,
                     struct err *err)
{
    int set_of[SPEC_RATIOS_MAX];
    for (int i = 0; i < k; i++)
        set_of[i] = -1;
    for (int t = 0; t < spec->ties_n; t++) {
        int at = 0;
        int rc = find_group("groups.tie", spec->ties[t].group, names, k, &at, err);
        if (rc)
            return rc;
        if (set_of[at] >= 0)
            return err_set(err, ERR_INVALID,
                           "groups.tie: \"%s\" is named twice; put all groups that share its ratio "
                           "into one list",
                           names[at]);
        set_of[at] = spec->ties[t].set;
    }
    for (int i = 0; i < k; i++) {
        tie[i] = i;
        for (int j = i - 1; j >= 0 && set_of[i] >= 0; j--)
            if (set_of[j] == set_of[i])
                tie[i] = j; /* ends at the least */
    }
    return 0;
}

/* The intersection of each set's ranges, for all its members. */
static int join_ranges(const char *const *names, int k, const int *tie, double *low, double *high,
                       struct err *err)
{
    for (int i = 0; i < k; i++) {
        int first = tie[i];
        if (low[i] > high[first] || high[i] < low[first])
            return err_set(
                err, ERR_INVALID,
                "groups.tie: \"%s\" (%g to %g) shares its ratio with \"%s\" (%g to %g), and no ratio is in "
                "both ranges; change groups.bounds, groups.freeze or the tie",
                names[i], low[i], high[i], names[first], low[first], high[first]);
        low[first] = fmax(low[first], low[i]);
        high[first] = fmin(high[first], high[i]);
    }
    for (int i = 0; i < k; i++) {
        low[i] = low[tie[i]];
        high[i] = high[tie[i]];
    }
    return 0;
}

/* A trial that was scored elsewhere is one that this search could have had: so a frozen group, or a tie, means one thing
 * for all of its trials. */
static int check_given(const struct spec_given *given, const char *const *names, int k, const double *low,
                       const double *high, const int *tie, struct err *err)
{
    if (given->k != k)
        return err_set(err, ERR_INVALID, "given: its rows have %d ratios, and this search has %d groups",
                       given->k, k);
    for (int i = 0; i < given->n; i++)
        for (int j = 0; j < k; j++) {
            const double *ratio = given->ratios + (size_t)i * (size_t)k;
            if (ratio[j] < low[j] || ratio[j] > high[j])
                return err_set(
                    err, ERR_INVALID,
                    "given[%d].ratios[%d]: %.17g is outside of the range of \"%s\" (%.17g to %.17g); leave "
                    "the row out, or change the range",
                    i, j, ratio[j], names[j], low[j], high[j]);
            if (ratio[j] != ratio[tie[j]])
                return err_set(err, ERR_INVALID,
                               "given[%d].ratios: \"%s\" and \"%s\" are tied, and have %.17g and %.17g here",
                               i, names[tie[j]], names[j], ratio[tie[j]], ratio[j]);
        }
    return 0;
}

int search_spec_space(const struct search_spec *spec, const char *const *names, int k, double *low,
                      double *high, int *tie, struct err *err)
{
    if (k < 1 || k > SPEC_RATIOS_MAX)
        return err_set(err, ERR_INVALID, "groups: %d ratios; a search has 1 to %d", k, SPEC_RATIOS_MAX);
    for (int i = 0; i < k; i++) {
        low[i] = spec->ratio_min;
        high[i] = spec->ratio_max;
    }
    int rc = read_bounds(spec, names, k, low, high, err);
    if (!rc)
        rc = read_ties(spec, names, k, tie, err);
    if (!rc)
        rc = join_ranges(names, k, tie, low, high, err);
    return rc || !spec->given ? rc : check_given(spec->given, names, k, low, high, tie, err);
}

/* The means with every ratio at its low and at its high end. Where all have one range of their own, it is that range, and
 * no sum that rounds: as the sweep has it. */
static void find_means(const double *low, const double *high, const int *tie, int k, double *lowest,
                       double *highest)
{
    bool plain = true;
    *lowest = *highest = 0;
    for (int i = 0; i < k; i++) {
        *lowest += low[i];
        *highest += high[i];
        plain = plain && tie[i] == i && low[i] == low[0] && high[i] == high[0];
    }
    *lowest = plain ? low[0] : *lowest / k;
    *highest = plain ? high[0] : *highest / k;
}

void search_spec_settle(struct search_spec *spec, const char *const *names, int k)
{
    double low[SPEC_RATIOS_MAX], high[SPEC_RATIOS_MAX], lowest, highest;
    int tie[SPEC_RATIOS_MAX];
    bool moves = spec->means_default && spec->bounds_n > 0;
    spec->means_default = false;
    if (!moves || search_spec_space(spec, names, k, low, high, tie, NULL))
        return;
    find_means(low, high, tie, k, &lowest, &highest);
    /* computed as the sweep computes its means: its points answer for the streams' starts */
    int last = spec->means_n + 1;
    for (int i = 1; i < last; i++)
        spec->means[i - 1] = (lowest * (last - i) + highest * i) / last;
}
