/* Which ratio every tensor gets. */
#include "merge/plan/plan_internal.h"

#include "merge/plan/pattern.h"
#include "proto/mem.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { ATTENTION, MLP, PARTS_N };

static const char *const part_names[PARTS_N] = {"attention", "mlp"};

/* The groups, before tensors are looked at. */
struct grouping {
    const struct search_spec *spec;
    struct err *err;
    int layers_n;
    int groups_n;
    char (*names)[64];
    int (*group_of)[PARTS_N];                  /* [layers_n]; -1: none */
    struct pattern *patterns[SPEC_GROUPS_MAX]; /* of groups that have one */
    char fields[SPEC_GROUPS_MAX][40];
};

static void name_layers(char name[64], int first, int last)
{
    if (first == last)
        snprintf(name, 64, "layer %d", first);
    else
        snprintf(name, 64, "layers %d-%d", first, last);
}

static bool holds(enum spec_kind kind, int part)
{
    return kind == KIND_ALL || kind == (part == ATTENTION ? KIND_ATTENTION : KIND_MLP);
}

/* Gives layers first … last to `group`; ERR_INVALID when there are no such layers or one is taken. */
static int claim(struct grouping *g, int group, int first, int last, enum spec_kind kind, const char *what)
{
    if (first < 0 || last >= g->layers_n || first > last)
        return err_set(g->err, ERR_INVALID, "%s: layers %d-%d do not exist; the checkpoints have layers 0-%d",
                       what, first, last, g->layers_n - 1);
    for (int i = first; i <= last; i++)
        for (int part = 0; part < PARTS_N; part++) {
            if (!holds(kind, part))
                continue;
            if (g->group_of[i][part] >= 0 && kind == KIND_ALL)
                return err_set(g->err, ERR_INVALID, "%s: layer %d is already in another group", what, i);
            if (g->group_of[i][part] >= 0)
                return err_set(g->err, ERR_INVALID, "%s: the %s of layer %d is already in another group",
                               what, part_names[part], i);
            g->group_of[i][part] = group;
        }
    return 0;
}

/* A range of layers as one group, or as two with "split". */
static int add_range(struct grouping *g, int first, int last, const char *what)
{
    char range[64];
    int rc = 0;
    name_layers(range, first, last);
    if (!g->spec->split) {
        memcpy(g->names[g->groups_n], range, sizeof range);
        return claim(g, g->groups_n++, first, last, KIND_ALL, what);
    }
    for (int part = 0; part < PARTS_N && !rc; part++) {
        snprintf(g->names[g->groups_n], sizeof *g->names, "%.40s %s", range, part_names[part]);
        rc = claim(g, g->groups_n++, first, last, part == ATTENTION ? KIND_ATTENTION : KIND_MLP, what);
    }
    return rc;
}

/* Whether `ranges` of layers fit, two groups each with "split". */
static int check_number(const struct grouping *g, int ranges)
{
    if (g->spec->split && ranges * PARTS_N > SPEC_GROUPS_MAX)
        return err_set(g->err, ERR_INVALID,
                       "groups.split: %d ranges of layers would make %d groups, the limit is %d", ranges,
                       ranges * PARTS_N, SPEC_GROUPS_MAX);
    return 0;
}

static int group_by_count(struct grouping *g, int count)
{
    if (count < 1 || count > g->layers_n || count > SPEC_GROUPS_MAX)
        return err_set(g->err, ERR_INVALID, "groups.count: %d groups cannot be made of %d layers; at most %d",
                       count, g->layers_n, g->layers_n < SPEC_GROUPS_MAX ? g->layers_n : SPEC_GROUPS_MAX);
    int share = g->layers_n / count, extra = g->layers_n % count, first = 0;
    int rc = check_number(g, count);
    for (int i = 0; i < count && !rc; i++) {
        int last = first + share + (i < extra ? 1 : 0) - 1;
        rc = add_range(g, first, last, "groups.count");
        first = last + 1;
    }
    return rc;
}

static int group_by_layer(struct grouping *g)
{
    if (g->layers_n > SPEC_GROUPS_MAX)
        return err_set(g->err, ERR_INVALID,
                       "groups: layerwise would make %d groups, the limit is %d; give groups.count",
                       g->layers_n, SPEC_GROUPS_MAX);
    return group_by_count(g, g->layers_n);
}

static int group_by_boundaries(struct grouping *g)
{
    int first = 0, rc = check_number(g, g->spec->groups_n);
    for (int i = 0; i < g->spec->groups_n && !rc; i++) {
        int end = i + 1 < g->spec->groups_n ? g->spec->boundaries[i] : g->layers_n;
        if (end <= first || end > g->layers_n)
            return err_set(
                g->err, ERR_INVALID,
                "groups.boundaries: %d must be greater than %d and less than the number of layers, %d", end,
                first, g->layers_n);
        rc = add_range(g, first, end - 1, "groups.boundaries");
        first = end;
    }
    return rc;
}

static int group_by_name(struct grouping *g)
{
    int rc = 0;
    for (int i = 0; i < g->spec->groups_n && !rc; i++) {
        const struct spec_group *group = &g->spec->groups[i];
        char what[96];
        memcpy(g->names[g->groups_n++], group->name, sizeof group->name);
        snprintf(what, sizeof what, "groups \"%s\"", group->name);
        snprintf(g->fields[i], sizeof g->fields[i], "groups.names[%d].tensors", i);
        if (*group->tensors)
            rc = pattern_compile(g->fields[i], group->tensors, true, &g->patterns[i], g->err);
        else
            rc = claim(g, i, group->first, group->last, group->kind, what);
    }
    return rc;
}

static int make_groups(struct grouping *g)
{
    for (int i = 0; i < g->layers_n; i++)
        g->group_of[i][ATTENTION] = g->group_of[i][MLP] = -1;
    switch (g->spec->grouping) {
    case GROUPING_COUNT:
        return group_by_count(g, g->spec->groups_n);
    case GROUPING_LAYERWISE:
        return group_by_layer(g);
    case GROUPING_BOUNDARIES:
        return group_by_boundaries(g);
    case GROUPING_NAMED:
        return group_by_name(g);
    }
    assert(!"grouping out of range");
    return 0;
}

/* --- tensors --- */

/* The group whose pattern matches, -1 for none. */
static int match_patterns(struct grouping *g, const char *tensor, int *group)
{
    struct pattern_match match;
    *group = -1;
    for (int i = 0; i < g->groups_n; i++) {
        int rc = g->patterns[i] ? pattern_match(g->patterns[i], tensor, &match, g->err) : 0;
        if (rc)
            return rc;
        if (!g->patterns[i] || !match.found)
            continue;
        if (*group >= 0)
            return err_set(g->err, ERR_INVALID,
                           "%s: tensor \"%.150s\" is matched by group \"%s\" too; a tensor is in one group",
                           g->fields[i], tensor, g->names[*group]);
        *group = i;
    }
    return 0;
}

static int group_in_layer(const struct grouping *g, const struct plan_entry *entry, int *group)
{
    const int *of = g->group_of[entry->layer];
    if (of[ATTENTION] == of[MLP]) {
        *group = of[ATTENTION];
        if (*group < 0)
            return err_set(g->err, ERR_INVALID,
                           "groups: layer %d is in no group; every layer needs one (tensor \"%.150s\")",
                           entry->layer, entry->tensor);
        return 0;
    }
    if (entry->part == KIND_ALL)
        return err_set(
            g->err, ERR_INVALID,
            "groups: tensor \"%.150s\" of layer %d is neither attention nor mlp by its name; give it to a "
            "group with groups.names[].tensors",
            entry->tensor, entry->layer);
    int part = entry->part == KIND_ATTENTION ? ATTENTION : MLP;
    *group = of[part];
    if (*group < 0)
        return err_set(g->err, ERR_INVALID, "groups: the %s of layer %d is in no group (tensor \"%.150s\")",
                       part_names[part], entry->layer, entry->tensor);
    return 0;
}

/* "follow": the group that is computed next to it. */
static int group_beside(const struct grouping *g, const struct plan_entry *entry, int *group)
{
    bool before = entry->place == PLACE_BEFORE;
    const int *of = g->group_of[before ? 0 : g->layers_n - 1];
    int near = of[before ? ATTENTION : MLP], far = of[before ? MLP : ATTENTION];
    *group = near >= 0 ? near : far;
    if (*group < 0)
        return err_set(
            g->err, ERR_INVALID,
            "ends: \"%.150s\" cannot follow layer %d, whose groups are made by names[].tensors; match it "
            "too, or let ends be \"mean\", \"base\", \"tuned\" or {\"own\": true}",
            entry->tensor, before ? 0 : g->layers_n - 1);
    return 0;
}

/* Embeddings and norms are base's; outside the layers the linear maps (the head) have the mean. */
static int group_of_paper_code(const struct plan_entry *entry)
{
    if (entry->kind == TENSOR_NORM || entry->place == PLACE_BEFORE)
        return PLAN_BASE;
    return PLAN_MEAN;
}

static int group_outside(const struct grouping *g, const struct plan_entry *entry, int *group)
{
    switch (g->spec->ends) {
    case ENDS_FOLLOW:
        return group_beside(g, entry, group);
    case ENDS_MEAN:
        *group = PLAN_MEAN;
        return 0;
    case ENDS_BASE:
        *group = PLAN_BASE;
        return 0;
    case ENDS_TUNED:
        *group = PLAN_TUNED;
        return 0;
    case ENDS_PAPER_CODE:
        *group = group_of_paper_code(entry);
        return 0;
    case ENDS_OWN:
        *group = g->groups_n;
        return 0;
    }
    assert(!"ends out of range");
    return 0;
}

static int find_group(struct grouping *g, struct plan_entry *entry)
{
    int rc = match_patterns(g, entry->tensor, &entry->group);
    if (rc || entry->group >= 0)
        return rc;
    if (entry->place != PLACE_LAYER)
        return group_outside(g, entry, &entry->group);
    if (g->spec->ends == ENDS_PAPER_CODE && entry->kind == TENSOR_NORM) {
        entry->group = PLAN_BASE;
        return 0;
    }
    return group_in_layer(g, entry, &entry->group);
}

/* A ratio that moves nothing would be searched in vain. */
static int check_used(const struct grouping *g, const struct plan *plan)
{
    bool used[SPEC_RATIOS_MAX] = {false};
    for (size_t i = 0; i < plan->entries_n; i++)
        if (plan->entries[i].group >= 0)
            used[plan->entries[i].group] = true;
    for (int i = 0; i < plan->ratios_n; i++) {
        if (used[i])
            continue;
        if (i == g->groups_n)
            return err_set(g->err, ERR_INVALID,
                           "ends: no tensor is left for a ratio of their own; give another value");
        if (g->patterns[i])
            return err_set(
                g->err, ERR_INVALID,
                "%s: \"%.200s\" is the whole name of no tensor; for a part of the names write \".*PART.*\"",
                g->fields[i], g->spec->groups[i].tensors);
        return err_set(g->err, ERR_INVALID, "groups: \"%s\" has no tensor; remove the group", plan->names[i]);
    }
    return 0;
}

int plan_assign(struct plan *plan, const struct search_spec *spec, struct err *err)
{
    struct grouping *g = mem_zero(1, sizeof *g);
    plan->names = mem_zero(SPEC_RATIOS_MAX, sizeof *plan->names);
    *g = (struct grouping){.spec = spec, .err = err, .layers_n = plan->layers_n, .names = plan->names};
    g->group_of = mem_zero((size_t)g->layers_n, sizeof *g->group_of);
    int rc = make_groups(g);
    for (int outside = 0; outside < 2; outside++) /* a layer without a group is the first thing to say */
        for (size_t i = 0; !rc && i < plan->entries_n; i++)
            if ((plan->entries[i].place != PLACE_LAYER) == outside)
                rc = find_group(g, &plan->entries[i]);
    plan->groups_n = plan->ratios_n = g->groups_n;
    if (!rc && spec->ends == ENDS_OWN)
        snprintf(plan->names[plan->ratios_n++], sizeof *plan->names, "ends");
    if (!rc)
        rc = check_used(g, plan);
    for (int i = 0; i < SPEC_GROUPS_MAX; i++)
        pattern_free(g->patterns[i]);
    mem_free(g->group_of);
    mem_free(g);
    return rc;
}
