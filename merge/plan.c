#include "merge/plan.h"

#include "merge/floats.h"
#include "proto/mem.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LAYERS_MAX 100000 /* nobody has so many; keeps integers small */

/* --- where a tensor belongs --- */

static bool is_component(const char *start, size_t n, const char *word)
{
    return strlen(word) == n && memcmp(start, word, n) == 0;
}

static bool names_layers(const char *start, size_t n)
{
    return is_component(start, n, "layers") || is_component(start, n, "h") ||
           is_component(start, n, "blocks") || is_component(start, n, "layer");
}

static bool all_digits(const char *start, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isdigit((unsigned char)start[i]))
            return false;
    return n > 0;
}

/* The layer index of a name, -1 without one, LAYERS_MAX when it is beyond all reason. As an integer: as text,
 * layer 1 would also be the start of layer 10. */
static int layer_of(const char *name)
{
    const char *parent = NULL;
    size_t parent_n = 0;
    for (const char *at = name;;) {
        size_t n = strcspn(at, ".");
        if (parent && names_layers(parent, parent_n) && all_digits(at, n)) {
            long index = n > 9 ? LAYERS_MAX : strtol(at, NULL, 10);
            return index < LAYERS_MAX ? (int)index : LAYERS_MAX;
        }
        if (!at[n])
            return -1;
        parent = at;
        parent_n = n;
        at += n + 1;
    }
}

static enum plan_place place_of(const char *name, bool tied)
{
    if (strstr(name, "embed_out") || strstr(name, "unembed"))
        return PLACE_AFTER;
    if (strstr(name, "embed") || strstr(name, "wte") || strstr(name, "wpe"))
        return PLACE_BEFORE;
    return tied && strcmp(name, "lm_head.weight") == 0 ? PLACE_BEFORE : PLACE_AFTER;
}

/* --- do the two checkpoints fit --- */

static bool tied(const struct checkpoint *ckpt)
{
    return json_bool_or(json_get(checkpoint_config(ckpt), "tie_word_embeddings"), false);
}

/* A reward model or another classifier, by its config or by a head that only they have. */
static bool is_classifier(const struct checkpoint *ckpt)
{
    const struct json *first = json_first(json_get(checkpoint_config(ckpt), "architectures"));
    return strstr(json_string_or(first, ""), "ForSequenceClassification") ||
           (checkpoint_find(ckpt, "score.weight") && !checkpoint_find(ckpt, "lm_head.weight"));
}

/* Mistakes in which directory was given, before any tensor is spoken of. */
static int check_kinds(const struct checkpoint *base, const struct checkpoint *tuned, struct err *err)
{
    if (checkpoint_same_files(base, tuned))
        return err_set(
            err, ERR_INVALID,
            "models.base and models.tuned are the same checkpoint; give the one before alignment as base "
            "and the one after it as tuned");
    if (is_classifier(base) == is_classifier(tuned))
        return 0;
    bool which = is_classifier(tuned);
    return err_set(
        err, ERR_INVALID,
        "models.%s is a sequence classifier%s, not a language model; a reward model cannot be averaged with "
        "what it judges: give the directory of the model itself",
        which ? "tuned" : "base",
        checkpoint_find(which ? tuned : base, "score.weight") ? " (score.weight)" : "");
}

static int lacks(const char *name, const char *has, const char *has_not, struct err *err)
{
    bool head = strcmp(name, "lm_head.weight") == 0;
    return err_set(
        err, ERR_INVALID,
        "tensor \"%.150s\" is in models.%s but not in models.%s; base and tuned must be one architecture%s",
        name, has, has_not,
        head ? " (one has a head of its own, the other uses the embeddings: untie it first)" : "");
}

static void print_shape(const struct st_tensor *tensor, char *out, size_t size)
{
    size_t used = (size_t)snprintf(out, size, "%s [", st_dtype_name(tensor->dtype));
    for (int i = 0; i < tensor->rank && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, i ? ",%llu" : "%llu",
                                 (unsigned long long)tensor->shape[i]);
    if (used < size)
        snprintf(out + used, size - used, "]");
}

static int compare_tensors(const struct st_tensor *base, const struct st_tensor *tuned, struct err *err)
{
    bool same_shape = base->rank == tuned->rank &&
                      memcmp(base->shape, tuned->shape, (size_t)base->rank * sizeof *base->shape) == 0;
    if (!same_shape || base->dtype != tuned->dtype) {
        char b[200], t[200];
        print_shape(base, b, sizeof b);
        print_shape(tuned, t, sizeof t);
        return err_set(err, ERR_INVALID, "tensor \"%.100s\" is %s in models.base and %s in models.tuned; %s",
                       base->name, b, t,
                       same_shape ? "convert one of them to the other's dtype" : "the shapes must be equal");
    }
    if (!floats_can(base->dtype) && base->bytes && memcmp(base->data, tuned->data, base->bytes) != 0)
        return err_set(
            err, ERR_INVALID,
            "tensor \"%.150s\" of dtype %s differs between models.base and models.tuned and cannot be "
            "averaged; convert both to BF16, F16 or F32",
            base->name, st_dtype_name(base->dtype));
    return 0;
}

/* Walks both sorted lists side by side. */
static int compare(const struct checkpoint *base, const struct checkpoint *tuned, struct err *err)
{
    for (size_t i = 0; i < checkpoint_count(base) || i < checkpoint_count(tuned); i++) {
        const struct st_tensor *b = checkpoint_at(base, i), *t = checkpoint_at(tuned, i);
        int order = !b ? 1 : !t ? -1 : strcmp(b->name, t->name);
        if (order)
            return order < 0 ? lacks(b->name, "base", "tuned", err) : lacks(t->name, "tuned", "base", err);
        int rc = compare_tensors(b, t, err);
        if (rc)
            return rc;
    }
    if (tied(base) != tied(tuned))
        return err_set(
            err, ERR_INVALID,
            "config.json: tie_word_embeddings is %s in models.base and %s in models.tuned; make them equal",
            tied(base) ? "true" : "false", tied(tuned) ? "true" : "false");
    return 0;
}

/* --- groups --- */

/* The groups before tensors are looked at: group_of[layers_n]. */
struct grouping {
    int layers_n;
    int groups_n;
    int *group_of;
};

static void name_group(char name[64], int first, int last)
{
    if (first == last)
        snprintf(name, 64, "layer %d", first);
    else
        snprintf(name, 64, "layers %d-%d", first, last);
}

/* Gives layers first … last to `group`; ERR_INVALID when there are no such layers or one is taken. */
static int claim(struct grouping *g, int group, int first, int last, const char *what, struct err *err)
{
    if (first < 0 || last >= g->layers_n || first > last)
        return err_set(err, ERR_INVALID, "%s: layers %d-%d do not exist; the checkpoints have layers 0-%d",
                       what, first, last, g->layers_n - 1);
    for (int i = first; i <= last; i++) {
        if (g->group_of[i] >= 0)
            return err_set(err, ERR_INVALID, "%s: layer %d is already in another group", what, i);
        g->group_of[i] = group;
    }
    return 0;
}

static int group_by_count(struct grouping *g, int count, char (*names)[64], struct err *err)
{
    if (count < 1 || count > g->layers_n || count > SPEC_GROUPS_MAX)
        return err_set(err, ERR_INVALID, "groups.count: %d groups cannot be made of %d layers; at most %d",
                       count, g->layers_n, g->layers_n < SPEC_GROUPS_MAX ? g->layers_n : SPEC_GROUPS_MAX);
    int share = g->layers_n / count, extra = g->layers_n % count, first = 0;
    for (int i = 0; i < count; i++) {
        int last = first + share + (i < extra ? 1 : 0) - 1;
        int rc = claim(g, i, first, last, "groups.count", err);
        if (rc)
            return rc;
        name_group(names[i], first, last);
        first = last + 1;
    }
    g->groups_n = count;
    return 0;
}

static int group_by_boundaries(struct grouping *g, const struct search_spec *spec, char (*names)[64],
                               struct err *err)
{
    int first = 0;
    for (int i = 0; i < spec->groups_n; i++) {
        int end = i + 1 < spec->groups_n ? spec->boundaries[i] : g->layers_n;
        if (end <= first || end > g->layers_n)
            return err_set(
                err, ERR_INVALID,
                "groups.boundaries: %d must be greater than %d and less than the number of layers, %d", end,
                first, g->layers_n);
        int rc = claim(g, i, first, end - 1, "groups.boundaries", err);
        if (rc)
            return rc;
        name_group(names[i], first, end - 1);
        first = end;
    }
    g->groups_n = spec->groups_n;
    return 0;
}

static int group_by_name(struct grouping *g, const struct search_spec *spec, char (*names)[64],
                         struct err *err)
{
    for (int i = 0; i < spec->groups_n; i++) {
        const struct spec_group *group = &spec->groups[i];
        char what[96];
        snprintf(what, sizeof what, "groups \"%s\"", group->name);
        int rc = claim(g, i, group->first, group->last, what, err);
        if (rc)
            return rc;
        memcpy(names[i], group->name, sizeof group->name);
    }
    g->groups_n = spec->groups_n;
    return 0;
}

static int make_groups(struct grouping *g, const struct search_spec *spec, char (*names)[64], struct err *err)
{
    int rc = 0;
    for (int i = 0; i < g->layers_n; i++)
        g->group_of[i] = -1;
    switch (spec->grouping) {
    case GROUPING_COUNT:
        rc = group_by_count(g, spec->groups_n, names, err);
        break;
    case GROUPING_LAYERWISE:
        if (g->layers_n > SPEC_GROUPS_MAX)
            return err_set(err, ERR_INVALID,
                           "groups: layerwise would make %d groups, the limit is %d; give groups.count",
                           g->layers_n, SPEC_GROUPS_MAX);
        rc = group_by_count(g, g->layers_n, names, err);
        break;
    case GROUPING_BOUNDARIES:
        rc = group_by_boundaries(g, spec, names, err);
        break;
    case GROUPING_NAMED:
        rc = group_by_name(g, spec, names, err);
        break;
    }
    for (int i = 0; !rc && i < g->layers_n; i++)
        if (g->group_of[i] < 0)
            rc = err_set(err, ERR_INVALID, "groups: layer %d is in no group; every layer needs one", i);
    return rc;
}

/* The group of what lies outside the layers. */
static int ends_group(enum spec_ends ends, const struct grouping *g, enum plan_place place)
{
    switch (ends) {
    case ENDS_FOLLOW:
        return g->group_of[place == PLACE_BEFORE ? 0 : g->layers_n - 1];
    case ENDS_MEAN:
        return PLAN_MEAN;
    case ENDS_BASE:
        return PLAN_BASE;
    case ENDS_TUNED:
        return PLAN_TUNED;
    case ENDS_OWN:
        return g->groups_n;
    case ENDS_PAPER_CODE:
        return place == PLACE_BEFORE ? PLAN_BASE : PLAN_MEAN;
    }
    assert(!"ends out of range");
    return PLAN_BASE;
}

/* --- the plan --- */

/* Every tensor with its place, and the number of layers. */
static int list_tensors(struct plan *plan, const struct checkpoint *base, struct err *err)
{
    bool one_tensor = tied(base);
    plan->entries_n = checkpoint_count(base);
    plan->entries = mem_zero(plan->entries_n, sizeof *plan->entries);
    for (size_t i = 0; i < plan->entries_n; i++) {
        const struct st_tensor *tensor = checkpoint_at(base, i);
        int layer = layer_of(tensor->name);
        if (layer == LAYERS_MAX)
            return err_set(err, ERR_INVALID, "tensor \"%.200s\": the layer index is too large", tensor->name);
        plan->entries[i] = (struct plan_entry){
            .tensor = tensor->name,
            .place = layer >= 0 ? PLACE_LAYER : place_of(tensor->name, one_tensor),
            .layer = layer,
            .dtype = tensor->dtype,
            .elements = tensor->elements,
        };
        if (layer >= plan->layers_n)
            plan->layers_n = layer + 1;
    }
    return 0;
}

/* A gap in the indices means that names were misread or a shard is missing. */
static int check_layers(const struct plan *plan, struct err *err)
{
    if (plan->layers_n == 0)
        return err_set(
            err, ERR_INVALID,
            "no tensor lies in a layer (\"layers.N\", \"h.N\", \"blocks.N\" or \"layer.N\"); the first is "
            "\"%.200s\"",
            plan->entries[0].tensor);
    bool *seen = mem_zero((size_t)plan->layers_n, sizeof *seen);
    for (size_t i = 0; i < plan->entries_n; i++)
        if (plan->entries[i].layer >= 0)
            seen[plan->entries[i].layer] = true;
    int missing = 0;
    while (missing < plan->layers_n && seen[missing])
        missing++;
    mem_free(seen);
    if (missing == plan->layers_n)
        return 0;
    return err_set(err, ERR_INVALID,
                   "layer %d has no tensors, though layer %d has; a part of the checkpoint is missing",
                   missing, plan->layers_n - 1);
}

static int assign(struct plan *plan, const struct search_spec *spec, struct err *err)
{
    struct grouping g = {.layers_n = plan->layers_n};
    g.group_of = mem_zero((size_t)g.layers_n, sizeof *g.group_of);
    plan->names = mem_zero(SPEC_RATIOS_MAX, sizeof *plan->names);
    int rc = make_groups(&g, spec, plan->names, err);
    for (size_t i = 0; !rc && i < plan->entries_n; i++) {
        struct plan_entry *entry = &plan->entries[i];
        entry->group =
            entry->place == PLACE_LAYER ? g.group_of[entry->layer] : ends_group(spec->ends, &g, entry->place);
    }
    if (!rc) {
        plan->groups_n = g.groups_n;
        plan->ratios_n = g.groups_n;
        if (spec->ends == ENDS_OWN)
            snprintf(plan->names[plan->ratios_n++], sizeof *plan->names, "ends");
    }
    mem_free(g.group_of);
    return rc;
}

int plan_make(const struct search_spec *spec, const struct checkpoint *base, const struct checkpoint *tuned,
              struct plan **out, struct err *err)
{
    *out = NULL;
    int rc = check_kinds(base, tuned, err);
    if (!rc)
        rc = compare(base, tuned, err);
    if (rc)
        return rc;
    struct plan *plan = mem_zero(1, sizeof *plan);
    rc = list_tensors(plan, base, err);
    if (!rc)
        rc = check_layers(plan, err);
    if (!rc)
        rc = assign(plan, spec, err);
    if (rc) {
        plan_free(plan);
        return rc;
    }
    *out = plan;
    return 0;
}

void plan_free(struct plan *plan)
{
    if (!plan)
        return;
    mem_free(plan->entries);
    mem_free(plan->dropped);
    mem_free(plan->names);
    mem_free(plan);
}

static int by_tensor(const void *key, const void *entry)
{
    return strcmp(key, ((const struct plan_entry *)entry)->tensor);
}

const struct plan_entry *plan_find(const struct plan *plan, const char *tensor)
{
    return bsearch(tensor, plan->entries, plan->entries_n, sizeof *plan->entries, by_tensor);
}

double plan_ratio(const struct plan *plan, const struct plan_entry *entry, const double *ratios)
{
    if (entry->group >= 0) {
        assert(entry->group < plan->ratios_n);
        return ratios[entry->group];
    }
    if (entry->group == PLAN_BASE)
        return 0;
    if (entry->group == PLAN_TUNED)
        return 1;
    double sum = 0;
    for (int i = 0; i < plan->groups_n; i++)
        sum += ratios[i];
    return sum / plan->groups_n;
}
