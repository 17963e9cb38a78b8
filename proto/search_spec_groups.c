/* "groups": which tensors share a ratio, and which ratios have a range of their own, are fixed, or are tied. */
#include "proto/search_spec_internal.h"
#include "proto/spec_words.h"

#include <stdio.h>
#include <string.h>

static void parse_boundaries(const struct reader *r, const struct json *list, struct search_spec *spec)
{
    int n = 0;
    spec->grouping = GROUPING_BOUNDARIES;
    if (!json_is(list, JSON_ARRAY) || json_len(list) == 0 || json_len(list) >= SPEC_GROUPS_MAX) {
        reader_error(r, "boundaries", "must be an array of 1 to %d layer numbers", SPEC_GROUPS_MAX - 1);
        return;
    }
    for (const struct json *c = json_first(list); c; c = json_next(c)) {
        int64_t layer;
        if (!json_whole(c, 1, 100000, &layer) || (n && layer <= spec->boundaries[n - 1])) {
            reader_error(r, "boundaries",
                         "must be whole numbers, ascending: the first layer of each group but the "
                         "first");
            return;
        }
        spec->boundaries[n++] = (int)layer;
    }
    spec->groups_n = n + 1;
}

/* What plans call the ratios that belong to no group of layers. */
static bool is_taken(const char *name)
{
    static const char *const taken[] = {"mean", "base", "tuned", "ends"};
    for (size_t i = 0; i < COUNT(taken); i++)
        if (strcmp(name, taken[i]) == 0)
            return true;
    return false;
}

static void parse_layers(const struct reader *in, struct spec_group *group)
{
    size_t kind = KIND_ALL;
    int64_t first = 0, last = -1;
    const struct json *range = json_get(in->object, "layers");
    const struct json *from = json_first(range);
    if (!json_is(range, JSON_ARRAY) || json_len(range) != 2 || !json_whole(from, 0, 100000, &first) ||
        !json_whole(json_next(from), first, 100000, &last))
        reader_error(in, "layers", "must be [first, last], both inclusive, first <= last%s",
                     range ? "" : "; or give \"tensors\"");
    reader_choice(in, "kind", spec_kind_words, COUNT(spec_kind_words), &kind);
    group->first = (int)first;
    group->last = (int)last;
    group->kind = (enum spec_kind)kind;
}

static void parse_tensors(const struct reader *in, struct spec_group *group)
{
    group->first = group->last = -1;
    reader_text(in, "tensors", true, group->tensors, sizeof group->tensors);
    if (json_get(in->object, "layers"))
        reader_error(in, "layers", "give either \"layers\" or \"tensors\"");
    if (json_get(in->object, "kind"))
        reader_error(in, "kind", "goes with \"layers\"; \"tensors\" already says which ones");
}

static void parse_group(const struct reader *in, struct search_spec *spec, struct spec_group *group)
{
    reader_known(in, &spec_objects[OBJECT_GROUP], NULL, 0, 0);
    reader_text(in, "name", true, group->name, sizeof group->name);
    if (json_get(in->object, "tensors"))
        parse_tensors(in, group);
    else
        parse_layers(in, group);
    for (const struct spec_group *other = spec->groups; other < group; other++)
        if (*group->name && strcmp(other->name, group->name) == 0)
            reader_error(in, "name", "\"%s\" is the name of an earlier group", group->name);
    if (is_taken(group->name))
        reader_error(in, "name", "\"%s\" has a meaning of its own in a plan; choose another name",
                     group->name);
}

static void parse_named(const struct reader *r, const struct json *list, struct search_spec *spec)
{
    size_t i = 0;
    spec->grouping = GROUPING_NAMED;
    if (!json_is(list, JSON_ARRAY) || json_len(list) == 0 || json_len(list) > SPEC_GROUPS_MAX) {
        reader_error(r, "names", "must be an array of 1 to %d objects {\"name\", \"layers\": [first, last]}",
                     SPEC_GROUPS_MAX);
        return;
    }
    for (const struct json *c = json_first(list); c; c = json_next(c), i++) {
        struct reader in;
        reader_element(r, "names", i, c, &in);
        if (in.object)
            parse_group(&in, spec, &spec->groups[i]);
    }
    spec->groups_n = (int)i;
}

/* "split" and "layer_pattern": how the groups come out of the names of tensors. */
static void parse_naming(const struct reader *in, struct search_spec *spec)
{
    size_t split = 0;
    spec->split = reader_choice(in, "split", spec_split_words, COUNT(spec_split_words), &split);
    if (spec->split && spec->grouping == GROUPING_NAMED)
        reader_error(in, "split", "does not go with \"names\"; give names[].kind \"attention\" and \"mlp\"");
    reader_text(in, "layer_pattern", false, spec->layer_pattern, sizeof spec->layer_pattern);
    if (spec->has_models)
        return;
    static const char *const of_models[] = {"split", "layer_pattern"};
    for (size_t i = 0; i < COUNT(of_models); i++)
        if (json_get(in->object, of_models[i]))
            reader_error(in, of_models[i], "%s", spec_unused(spec));
}

/* Of the keys that make groups: none, or more than one. typo: an unknown key has been noted, which was meant to be it. */
static void refuse_ways(const struct reader *r, const char *list, int given, bool typo)
{
    if (given > 1)
        reader_error(r, "groups", "has %d ways of making groups: %s; leave one of them", given, list);
    else if (!typo)
        reader_error(r, "groups",
                     "must have one of {\"count\": 3}, {\"boundaries\": [3, 6]}, {\"names\": […]}, "
                     "{\"layerwise\": true}");
}

/* Exactly one of the keys that make groups. */
static void parse_grouping(const struct reader *r, const struct reader *in, bool typo,
                           struct search_spec *spec)
{
    static const char *const ways[] = {"count", "boundaries", "names", "layerwise"};
    char list[64] = "";
    bool layerwise = false;
    int64_t count;
    int given = 0;
    for (size_t i = 0; i < COUNT(ways); i++) {
        size_t used = strlen(list);
        if (json_get(in->object, ways[i]))
            snprintf(list + used, sizeof list - used, "%s\"%s\"", given++ ? ", " : "", ways[i]);
    }
    if (given != 1) {
        refuse_ways(r, list, given, typo);
        return;
    }
    if (json_get(in->object, "boundaries")) {
        parse_boundaries(in, json_get(in->object, "boundaries"), spec);
    } else if (json_get(in->object, "names")) {
        parse_named(in, json_get(in->object, "names"), spec);
    } else if (reader_bool(in, "layerwise", &layerwise)) {
        spec->grouping = GROUPING_LAYERWISE;
        spec->groups_n = 0;
        if (!layerwise)
            reader_error(in, "layerwise", "must be true, or left out");
    } else if (reader_whole(in, "count", 1, SPEC_GROUPS_MAX, &count)) {
        spec->groups_n = (int)count;
    }
}

void spec_parse_groups(const struct reader *r, struct search_spec *spec)
{
    const struct json *j = json_get(r->object, "groups");
    struct reader in;
    spec->grouping = GROUPING_COUNT;
    spec->groups_n = 3;
    if (!j)
        return;
    if (strcmp(json_string_or(j, ""), "layerwise") == 0) {
        spec->grouping = GROUPING_LAYERWISE;
        spec->groups_n = 0;
    } else if (!json_is(j, JSON_OBJECT)) {
        reader_error(r, "groups",
                     "must be one of {\"count\": 3}, {\"boundaries\": [3, 6]}, {\"names\": […]}, "
                     "\"layerwise\"");
    } else {
        reader_inner(r, "groups", &in);
        int before = r->errors->n;
        reader_known(&in, &spec_objects[OBJECT_GROUPS], NULL, 0, 0);
        parse_grouping(r, &in, r->errors->n > before, spec);
        parse_naming(&in, spec);
    }
    if (!spec->has_models && spec->grouping != GROUPING_COUNT)
        reader_error(r, "groups", "must be {\"count\": N}, the number of ratios, without models");
}

/* --- ranges --- */

/* Room for one more range. NULL, and the reason noted, when the name cannot be that of a group or has one already. */
static struct spec_bound *add_bound(const struct reader *in, const char *group, struct search_spec *spec)
{
    if (!*group || strlen(group) >= sizeof spec->bounds[0].group) {
        reader_error(in, group, "must be the name of a group, 1 to %zu bytes",
                     sizeof spec->bounds[0].group - 1);
        return NULL;
    }
    for (int i = 0; i < spec->bounds_n; i++)
        if (strcmp(spec->bounds[i].group, group) == 0) {
            reader_error(in, group, "is frozen already; give it in groups.freeze or in groups.bounds");
            return NULL;
        }
    if (spec->bounds_n == SPEC_RATIOS_MAX) {
        reader_error(in, group, "is one too many; there are at most %d ratios", SPEC_RATIOS_MAX);
        return NULL;
    }
    struct spec_bound *bound = &spec->bounds[spec->bounds_n++];
    memcpy(bound->group, group, strlen(group) + 1);
    return bound;
}

static void check_range(const struct reader *in, const char *key, bool extrapolate, double min, double max)
{
    if (!extrapolate && (min < 0 || max > 1))
        reader_error(in, key,
                     "goes beyond [0, 1]; add \"ratio\": {\"extrapolate\": true} when that is meant");
}

static void parse_freeze(const struct reader *groups, bool extrapolate, struct search_spec *spec)
{
    struct reader in;
    reader_inner(groups, "freeze", &in);
    for (const struct json *c = json_first(in.object); c; c = json_next(c)) {
        struct spec_bound *bound = add_bound(&in, json_key(c), spec);
        double ratio = 0;
        if (!bound || !reader_number(&in, json_key(c), -10, 10, &ratio))
            continue;
        check_range(&in, json_key(c), extrapolate, ratio, ratio);
        bound->min = bound->max = ratio;
    }
}

static void parse_bounds(const struct reader *groups, bool extrapolate, struct search_spec *spec)
{
    struct reader in, one;
    reader_inner(groups, "bounds", &in);
    for (const struct json *c = json_first(in.object); c; c = json_next(c)) {
        struct spec_bound *bound = add_bound(&in, json_key(c), spec);
        if (!bound) /* first: a look-up for each of a million keys would take hours */
            continue;
        reader_inner(&in, json_key(c), &one);
        if (!one.object)
            continue;
        reader_known(&one, &spec_objects[OBJECT_BOUND], NULL, 0, 0);
        bound->min = spec->ratio_min;
        bound->max = spec->ratio_max;
        reader_number(&one, "min", -10, 10, &bound->min);
        reader_number(&one, "max", -10, 10, &bound->max);
        if (!(bound->min < bound->max))
            reader_error(&one, "max",
                         "must be greater than min (%g); to hold a ratio still, use groups.freeze",
                         bound->min);
        check_range(&in, json_key(c), extrapolate, bound->min, bound->max);
    }
}

static void add_tie(const struct reader *set, const struct json *name, int index, struct search_spec *spec)
{
    const char *group = json_string_or(name, "");
    if (!*group || strlen(group) >= sizeof spec->ties[0].group) {
        reader_error(set, "", "must hold names of groups, 1 to %zu bytes", sizeof spec->ties[0].group - 1);
        return;
    }
    for (int i = 0; i < spec->ties_n; i++)
        if (strcmp(spec->ties[i].group, group) == 0) {
            reader_error(set, "", "\"%s\" is tied already; a group is in one set at most, and once", group);
            return;
        }
    if (spec->ties_n == SPEC_RATIOS_MAX) {
        reader_error(set, "", "has one name too many; there are at most %d ratios", SPEC_RATIOS_MAX);
        return;
    }
    struct spec_tie *tie = &spec->ties[spec->ties_n++];
    memcpy(tie->group, group, strlen(group) + 1);
    tie->set = index;
}

static void parse_tie(const struct reader *groups, struct search_spec *spec)
{
    const struct json *list = json_get(groups->object, "tie");
    int index = 0;
    if (!list)
        return;
    if (!json_is(list, JSON_ARRAY) || json_is(json_first(list), JSON_STRING)) {
        reader_error(groups, "tie",
                     "must be an array of arrays of names: [[\"layers 0-2\", \"layers 3-5\"]]");
        return;
    }
    for (const struct json *c = json_first(list); c; c = json_next(c), index++) {
        struct reader set = {.errors = groups->errors};
        snprintf(set.path, sizeof set.path, "groups.tie[%d]", index);
        if (!json_is(c, JSON_ARRAY) || json_len(c) < 2) {
            reader_error(&set, "", "must be an array of at least two names of groups");
            continue;
        }
        for (const struct json *name = json_first(c); name; name = json_next(name))
            add_tie(&set, name, index, spec);
    }
}

void spec_parse_ranges(const struct reader *r, bool extrapolate, struct search_spec *spec)
{
    const struct json *j = json_get(r->object, "groups");
    struct reader in;
    if (!json_is(j, JSON_OBJECT))
        return;
    reader_inner(r, "groups", &in);
    parse_freeze(&in, extrapolate, spec);
    parse_bounds(&in, extrapolate, spec);
    parse_tie(&in, spec);
}

bool spec_extrapolates(const struct search_spec *spec)
{
    bool beyond = spec->ratio_min < 0 || spec->ratio_max > 1;
    for (int i = 0; i < spec->bounds_n; i++)
        beyond = beyond || spec->bounds[i].min < 0 || spec->bounds[i].max > 1;
    return beyond;
}

/* --- writing --- */

static void write_named(const struct spec_group *group, struct json_out *out)
{
    json_object(out);
    json_put_text(out, "name", group->name);
    if (*group->tensors) {
        json_put_text(out, "tensors", group->tensors);
    } else {
        json_name(out, "layers");
        json_array(out);
        json_int(out, group->first);
        json_int(out, group->last);
        json_end_array(out);
        if (group->kind != KIND_ALL)
            json_put_text(out, "kind", spec_kind_words[group->kind]);
    }
    json_end_object(out);
}

static void write_grouping(const struct search_spec *spec, struct json_out *out)
{
    switch (spec->grouping) {
    case GROUPING_COUNT:
        json_put_int(out, "count", spec->groups_n);
        return;
    case GROUPING_LAYERWISE:
        json_put_bool(out, "layerwise", true);
        return;
    case GROUPING_BOUNDARIES:
        json_name(out, "boundaries");
        json_array(out);
        for (int i = 0; i < spec->groups_n - 1; i++)
            json_int(out, spec->boundaries[i]);
        json_end_array(out);
        return;
    case GROUPING_NAMED:
        json_name(out, "names");
        json_array(out);
        for (int i = 0; i < spec->groups_n; i++)
            write_named(&spec->groups[i], out);
        json_end_array(out);
        return;
    }
}

static void write_freeze(const struct search_spec *spec, struct json_out *out)
{
    bool open = false;
    for (int i = 0; i < spec->bounds_n; i++) {
        if (spec->bounds[i].min < spec->bounds[i].max)
            continue;
        if (!open) {
            json_name(out, "freeze");
            json_object(out);
        }
        open = true;
        json_put_double(out, spec->bounds[i].group, spec->bounds[i].min);
    }
    if (open)
        json_end_object(out);
}

static void write_bounds(const struct search_spec *spec, struct json_out *out)
{
    bool open = false;
    for (int i = 0; i < spec->bounds_n; i++) {
        if (!(spec->bounds[i].min < spec->bounds[i].max))
            continue;
        if (!open) {
            json_name(out, "bounds");
            json_object(out);
        }
        open = true;
        json_name(out, spec->bounds[i].group);
        json_object(out);
        json_put_double(out, "min", spec->bounds[i].min);
        json_put_double(out, "max", spec->bounds[i].max);
        json_end_object(out);
    }
    if (open)
        json_end_object(out);
}

static void write_tie(const struct search_spec *spec, struct json_out *out)
{
    if (!spec->ties_n)
        return;
    json_name(out, "tie");
    json_array(out);
    for (int i = 0; i < spec->ties_n; i++) {
        if (i == 0 || spec->ties[i].set != spec->ties[i - 1].set)
            json_array(out);
        json_text(out, spec->ties[i].group);
        if (i + 1 == spec->ties_n || spec->ties[i].set != spec->ties[i + 1].set)
            json_end_array(out);
    }
    json_end_array(out);
}

void spec_write_groups(const struct search_spec *spec, struct json_out *out)
{
    bool plain = !spec->split && !*spec->layer_pattern && !spec->bounds_n && !spec->ties_n;
    json_name(out, "groups");
    if (spec->grouping == GROUPING_LAYERWISE && plain) {
        json_text(out, "layerwise");
        return;
    }
    json_object(out);
    write_grouping(spec, out);
    if (spec->split)
        json_put_text(out, "split", spec_split_words[0]);
    if (*spec->layer_pattern)
        json_put_text(out, "layer_pattern", spec->layer_pattern);
    write_freeze(spec, out);
    write_bounds(spec, out);
    write_tie(spec, out);
    json_end_object(out);
}
