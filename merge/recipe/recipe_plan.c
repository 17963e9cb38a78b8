/* What the weights of a recipe mean for every tensor. */
#include "merge/recipe/recipe_internal.h"

#include "proto/mem.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUM_OFF                                                                                              \
    1e-6 /* of weights that are not normalised: less than half a unit in the last place of bf16 and f16 */

/* Doubles 1 - r and r add up to 1 but for this much while r is within -10 … 10. */
#define SUM_ROUNDED 1e-15

/* --- settings --- */

static bool is_gradient(const struct yml *list)
{
    double x;
    for (const struct yml *y = yml_first(list); y; y = yml_next(y))
        if (!yml_number(y, &x))
            return false;
    return yml_len(list) > 0;
}

static int not_a_weight(const struct yml *y, struct err *err)
{
    return err_set(err, ERR_INVALID,
                   "line %d: a weight must be a decimal number, a list of them (a gradient) or a list of "
                   "{filter, value}",
                   yml_line(y));
}

static int check_value(const struct yml *y, struct err *err)
{
    double x;
    if (yml_number(y, &x) || (yml_type(y) == YML_LIST && is_gradient(y)))
        return 0;
    return not_a_weight(y, err);
}

int recipe_check_weight(const struct yml *setting, struct err *err)
{
    if (yml_type(setting) != YML_LIST || is_gradient(setting))
        return check_value(setting, err);
    if (!yml_len(setting))
        return not_a_weight(setting, err);
    for (const struct yml *y = yml_first(setting); y; y = yml_next(y)) {
        const struct yml *filter = yml_get(y, "filter"), *value = yml_get(y, "value");
        if (yml_type(y) != YML_MAP || !value || yml_len(y) != 1u + (filter != NULL) ||
            (!yml_is_null(filter) && !yml_text(filter)))
            return not_a_weight(y, err);
        int rc = check_value(value, err);
        if (rc)
            return rc;
    }
    return 0;
}

/* Piecewise linear over the slice, t in [0,1]. In mergekit's order of operations. */
static double gradient_at(const struct yml *list, double t)
{
    size_t n = yml_len(list);
    double at = t * (double)(n - 1), a = 0, b = 0;
    size_t left = (size_t)at, right = left + 1 < n ? left + 1 : n - 1, i = 0;
    for (const struct yml *y = yml_first(list); y; y = yml_next(y), i++) {
        double x = 0;
        yml_number(y, &x);
        if (i == left)
            a = x;
        if (i == right)
            b = x;
    }
    double share = at - (double)left;
    return (1 - share) * a + share * b;
}

static double value_at(const struct yml *y, double t)
{
    double x;
    return yml_number(y, &x) ? x : gradient_at(y, t);
}

/* false: no filter of the list is part of the name, the next level is asked. */
static bool evaluate(const struct yml *setting, const char *tensor, double t, double *out)
{
    if (yml_type(setting) == YML_TEXT || is_gradient(setting)) {
        *out = value_at(setting, t);
        return true;
    }
    for (const struct yml *y = yml_first(setting); y; y = yml_next(y)) {
        const struct yml *filter = yml_get(y, "filter");
        const char *part = yml_is_null(filter) ? "*" : yml_text(filter);
        if (strcmp(part, "*") == 0 || strstr(tensor, part)) {
            *out = value_at(yml_get(y, "value"), t);
            return true;
        }
    }
    return false;
}

/* --- a tensor --- */

struct spot {
    const struct recipe_slice *slice;
    const char *tensor;
    double t;
};

static bool find_weight(const struct recipe *recipe, const struct spot *spot, int model, double *out)
{
    const struct yml *levels[] = {spot->slice->of_model[model], spot->slice->parameters, recipe->parameters};
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        const struct yml *setting = yml_get(levels[i], "weight");
        if (!yml_is_null(setting) && evaluate(setting, spot->tensor, spot->t, out))
            return true;
    }
    return false;
}

static bool is_normalised(const struct recipe *recipe, const struct recipe_slice *slice)
{
    const struct yml *y = yml_get(slice->parameters, "normalize");
    bool truth;
    double number;
    if (yml_is_null(y))
        y = yml_get(recipe->parameters, "normalize");
    if (yml_is_null(y))
        return true;
    return yml_bool(y, &truth) ? truth : !yml_number(y, &number) || number != 0;
}

static int ratio_at(const struct recipe *recipe, const struct spot *spot, double *ratio, struct err *err)
{
    double weights[2];
    for (int i = 0; i < 2; i++)
        if (!find_weight(recipe, spot, i, &weights[i]))
            return err_set(err, ERR_INVALID,
                           "the recipe has no weight of \"%.150s\" for tensor \"%.150s\"; give it one",
                           recipe->models[i], spot->tensor);
    double sum = weights[0] + weights[1], tuned = weights[recipe->tuned];
    if (!is_normalised(recipe, spot->slice) && !(fabs(sum - 1) <= SUM_OFF))
        return err_set(err, ERR_UNSUPPORTED,
                       "the weights of tensor \"%.150s\" add up to %.6g and are not normalised; that is no "
                       "average: make "
                       "them add up to 1",
                       spot->tensor, sum);
    *ratio = fabs(sum - 1) <= SUM_ROUNDED ? tuned : tuned / sum; /* of weights 1 - r and r exactly r */
    if (isfinite(*ratio))
        return 0;
    return err_set(err, ERR_INVALID,
                   "the weights of tensor \"%.150s\" add up to %g; no average comes of that", spot->tensor,
                   sum);
}

static struct spot spot_of(const struct recipe *recipe, const struct plan *plan,
                           const struct plan_entry *entry)
{
    struct spot spot = {.slice = &recipe->slices[0], .tensor = entry->tensor, .t = 0};
    if (entry->place == PLACE_AFTER)
        spot.slice = &recipe->slices[recipe->slices_n - 1];
    if (entry->place != PLACE_LAYER)
        return spot;
    while (spot.slice->end >= 0 && spot.slice->end <= entry->layer)
        spot.slice++;
    long n = (spot.slice->end < 0 ? plan->layers_n : spot.slice->end) - spot.slice->first;
    spot.t = n > 1 ? (double)(entry->layer - spot.slice->first) / (double)(n - 1) : 1;
    return spot;
}

/* --- groups --- */

/* The layers that a ratio is for. */
struct extent {
    int first, last;
    bool before, after;
    bool attention, mlp; /* tensors of this part of a layer, or of none of them */
    bool *layers;        /* [layers_n] */
};

static int find_group(const double *ratios, int n, double ratio)
{
    for (int i = 0; i < n; i++)
        if (ratios[i] == ratio)
            return i;
    return n;
}

static void note_entry(struct extent *extent, const struct plan_entry *entry)
{
    if (entry->place == PLACE_BEFORE)
        extent->before = true;
    else if (entry->place == PLACE_AFTER)
        extent->after = true;
    else {
        extent->first = extent->first < 0 || entry->layer < extent->first ? entry->layer : extent->first;
        extent->last = entry->layer > extent->last ? entry->layer : extent->last;
        extent->layers[entry->layer] = true;
        extent->attention = extent->attention || entry->part != KIND_MLP;
        extent->mlp = extent->mlp || entry->part != KIND_ATTENTION;
    }
}

static void print_name(const struct extent *extent, char name[64])
{
    bool whole = true;
    for (int i = extent->first; i >= 0 && i <= extent->last; i++)
        whole = whole && extent->layers[i];
    size_t n = 0;
    if (extent->first < 0)
        n = (size_t)snprintf(name, 64, "no layer");
    else if (extent->first == extent->last)
        n = (size_t)snprintf(name, 64, "layer %d", extent->first);
    else
        n = (size_t)snprintf(name, 64, "%s %d-%d", whole ? "layers" : "of layers", extent->first,
                             extent->last);
    if (extent->attention != extent->mlp)
        n += (size_t)snprintf(name + n, 64 - n, " %s", extent->mlp ? "mlp" : "attention");
    const char *ends = extent->before && extent->after ? "both ends"
                       : extent->before                ? "embeddings"
                       : extent->after                 ? "head"
                                                       : NULL;
    if (ends && extent->first < 0)
        snprintf(name, 64, "%s", ends);
    else if (ends)
        snprintf(name + n, 64 - n, ", %s", ends);
}

/* The name, or the name and a number: "layers 0-4 (2)". */
static bool is_numbered(const char *numbered, const char *name)
{
    size_t n = strlen(name);
    return strncmp(numbered, name, n) == 0 && (!numbered[n] || strncmp(numbered + n, " (", 2) == 0);
}

/* Names say which layers; groups of the same layers are told apart by a number. */
static void name_groups(struct plan *plan)
{
    bool *layers = mem_zero((size_t)plan->layers_n, sizeof *layers);
    mem_free(plan->names);
    plan->names = mem_zero((size_t)plan->ratios_n, sizeof *plan->names);
    for (int g = 0; g < plan->ratios_n; g++) {
        struct extent extent = {.first = -1, .last = -1, .layers = layers};
        memset(layers, 0, (size_t)plan->layers_n * sizeof *layers);
        for (size_t i = 0; i < plan->entries_n; i++)
            if (plan->entries[i].group == g)
                note_entry(&extent, &plan->entries[i]);
        print_name(&extent, plan->names[g]);
        int same = 1;
        for (int other = 0; other < g; other++)
            same += is_numbered(plan->names[other], plan->names[g]);
        size_t n = strlen(plan->names[g]);
        if (same > 1)
            snprintf(plan->names[g] + n, 64 - n, " (%d)", same);
    }
    mem_free(layers);
}

static int by_place(const void *a, const void *b)
{
    const struct plan_entry *x = *(struct plan_entry *const *)a, *y = *(struct plan_entry *const *)b;
    if (x->place != y->place)
        return (int)x->place - (int)y->place;
    return x->layer != y->layer ? x->layer - y->layer : strcmp(x->tensor, y->tensor);
}

/* One group for each ratio, in the order in which a forward pass meets them. */
static int regroup(const struct recipe *recipe, struct plan *plan, double *ratios, struct err *err)
{
    struct plan_entry **order = mem_zero(plan->entries_n, sizeof *order);
    int rc = 0;
    for (size_t i = 0; i < plan->entries_n; i++)
        order[i] = &plan->entries[i];
    qsort(order, plan->entries_n, sizeof *order, by_place);
    plan->ratios_n = 0;
    for (size_t i = 0; !rc && i < plan->entries_n; i++) {
        const struct spot spot = spot_of(recipe, plan, order[i]);
        double ratio = 0;
        rc = ratio_at(recipe, &spot, &ratio, err);
        if (rc)
            break;
        order[i]->group = find_group(ratios, plan->ratios_n, ratio);
        if (order[i]->group == plan->ratios_n)
            ratios[plan->ratios_n++] = ratio;
    }
    mem_free(order);
    plan->groups_n = plan->ratios_n;
    if (!rc)
        name_groups(plan);
    return rc;
}

static int check_layers(const struct recipe *recipe, const struct plan *plan, struct err *err)
{
    long end = recipe->slices[recipe->slices_n - 1].end;
    if (end < 0 || end == plan->layers_n)
        return 0;
    return err_set(err, ERR_UNSUPPORTED,
                   "the slices cover layers 0-%ld, the checkpoints have layers 0-%d; a recipe of all layers "
                   "can be exported",
                   end - 1, plan->layers_n - 1);
}

int recipe_plan(const struct recipe *recipe, const struct checkpoint *base, const struct checkpoint *tuned,
                struct plan **plan, double **ratios, struct err *err)
{
    const struct search_spec spec = {.grouping = GROUPING_COUNT, .groups_n = 1};
    *plan = NULL;
    *ratios = NULL;
    int rc = plan_make(&spec, base, tuned, plan, err);
    if (rc)
        return rc;
    *ratios = mem_zero((*plan)->entries_n, sizeof **ratios);
    rc = check_layers(recipe, *plan, err);
    if (!rc)
        rc = regroup(recipe, *plan, *ratios, err);
    if (!rc)
        return 0;
    plan_free(*plan);
    mem_free(*ratios);
    *plan = NULL;
    *ratios = NULL;
    return rc;
}
