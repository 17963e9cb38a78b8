/* The plan as JSON. */
#include "merge/plan/plan.h"

/* What one ratio moves. group: a ratio index or PLAN_*. */
struct tally {
    uint64_t parameters, tensors;
};

static struct tally count(const struct plan *plan, int group)
{
    struct tally tally = {0};
    for (size_t i = 0; i < plan->entries_n; i++) {
        const struct plan_entry *entry = &plan->entries[i];
        if (entry->group != group)
            continue;
        tally.parameters += entry->elements;
        tally.tensors++;
    }
    return tally;
}

static const char *group_name(const struct plan *plan, int group)
{
    if (group >= 0)
        return plan->names[group];
    return group == PLAN_MEAN ? "mean" : group == PLAN_BASE ? "base" : "tuned";
}

static const char *place_name(enum plan_place place)
{
    return place == PLACE_BEFORE ? "before" : place == PLACE_LAYER ? "layer" : "after";
}

/* PLAN_TUNED … -1 come after the ratios, and only when something has them. */
static int next_group(const struct plan *plan, int group)
{
    do
        group = group >= 0 && group + 1 < plan->ratios_n ? group + 1 : group >= 0 ? PLAN_MEAN : group - 1;
    while (group < 0 && group >= PLAN_TUNED && count(plan, group).tensors == 0);
    return group;
}

static void write_groups(const struct plan *plan, struct json_out *out)
{
    json_name(out, "groups");
    json_array(out);
    for (int group = 0; group >= PLAN_TUNED; group = next_group(plan, group)) {
        struct tally tally = count(plan, group);
        json_object(out);
        json_put_text(out, "name", group_name(plan, group));
        json_put_int(out, "parameters", (int64_t)tally.parameters);
        json_put_int(out, "tensors", (int64_t)tally.tensors);
        json_end_object(out);
    }
    json_end_array(out);
}

static void write_entry(const struct plan *plan, const struct plan_entry *entry, struct json_out *out)
{
    json_object(out);
    json_put_text(out, "name", entry->tensor);
    json_put_text(out, "group", group_name(plan, entry->group));
    json_put_text(out, "place", place_name(entry->place));
    json_name(out, "layer");
    if (entry->layer >= 0)
        json_int(out, entry->layer);
    else
        json_null(out);
    json_put_text(out, "dtype", st_dtype_name(entry->dtype));
    json_put_int(out, "parameters", (int64_t)entry->elements);
    json_put_text(out, "kind", tensor_kind_name(entry->kind));
    json_end_object(out);
}

static void write_dropped(const struct plan_dropped *dropped, struct json_out *out)
{
    json_object(out);
    json_put_text(out, "name", dropped->tensor);
    json_name(out, "in");
    json_array(out);
    if (dropped->in_base)
        json_text(out, "base");
    if (dropped->in_tuned)
        json_text(out, "tuned");
    json_end_array(out);
    json_put_text(out, "why", dropped->why);
    json_end_object(out);
}

void plan_write(const struct plan *plan, struct json_out *out)
{
    json_object(out);
    json_put_int(out, "layers", plan->layers_n);
    json_name(out, "ratios");
    json_array(out);
    for (int i = 0; i < plan->ratios_n; i++)
        json_text(out, plan->names[i]);
    json_end_array(out);
    write_groups(plan, out);
    json_name(out, "tensors");
    json_array(out);
    for (size_t i = 0; i < plan->entries_n; i++)
        write_entry(plan, &plan->entries[i], out);
    json_end_array(out);
    json_name(out, "dropped");
    json_array(out);
    for (size_t i = 0; i < plan->dropped_n; i++)
        write_dropped(&plan->dropped[i], out);
    json_end_array(out);
    json_end_object(out);
}
