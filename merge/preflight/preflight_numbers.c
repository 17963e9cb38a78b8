/* What the survey saw: numbers that are none, groups without an update, ratios that bf16 cannot hold. */
#include "merge/preflight/preflight_internal.h"

#include "merge/floats.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define STEP 0.1 /* between the ratios that the survey tries */

static const char *group_name(const struct plan *plan, int group)
{
    return group >= 0           ? plan->names[group]
           : group == PLAN_MEAN ? "mean"
           : group == PLAN_BASE ? "base"
                                : "tuned";
}

static void add_tally(struct tally *sum, const struct tally *more)
{
    sum->changed += more->changed;
    sum->square += more->square;
    sum->square_ulp += more->square_ulp;
}

void preflight_group(const struct preflight *p, int group, struct preflight_group *out)
{
    *out = (struct preflight_group){.name = group_name(p->plan, group)};
    for (size_t i = 0; i < p->plan->entries_n; i++) {
        const struct plan_entry *entry = &p->plan->entries[i];
        if (entry->group != group)
            continue;
        out->tensors++;
        out->parameters += entry->elements;
        out->floats += floats_can(entry->dtype) ? entry->elements : 0;
        if (p->survey)
            add_tally(&out->tally, &p->survey->tensors[i].tally);
    }
}

/* --- no numbers --- */

static void say_nans(struct preflight *p, size_t *n, int side, const char *tensor, uint64_t count)
{
    if (count && preflight_one_more(n))
        preflight_say(p, PREFLIGHT_ERROR, side ? "models.tuned" : "models.base",
                      "tensor \"%.150s\" holds %" PRIu64
                      " NaN%s; every model merged with it would compute nothing: "
                      "get the checkpoint again, or one from before its training broke",
                      tensor, count, count == 1 ? "" : "s");
}

static void check_finite(struct preflight *p)
{
    size_t nans = 0, infinite = 0, too = 0;
    for (size_t i = 0; i < p->survey->n; i++) {
        const struct tally *t = &p->survey->tensors[i].tally;
        const char *tensor = p->plan->entries[i].tensor;
        say_nans(p, &nans, 0, tensor, t->nans[0]);
        say_nans(p, &nans, 1, tensor, t->nans[1]);
        if (t->infinite && preflight_one_more(&infinite))
            preflight_say(
                p, PREFLIGHT_ERROR, "models",
                "tensor \"%.150s\" holds %" PRIu64 " infinit%s in one checkpoint that %s not in the other; "
                "get the checkpoint again, or one from before its training broke",
                tensor, t->infinite, t->infinite == 1 ? "y" : "ies", t->infinite == 1 ? "is" : "are");
        if (t->infinite_too && preflight_one_more(&too))
            preflight_say(
                p, PREFLIGHT_WARNING, "models",
                "tensor \"%.150s\" holds %" PRIu64 " infinit%s, in both checkpoints; %s kept as %s: see that "
                "this is meant",
                tensor, t->infinite_too, t->infinite_too == 1 ? "y" : "ies",
                t->infinite_too == 1 ? "it is" : "they are", t->infinite_too == 1 ? "it is" : "they are");
    }
    preflight_say_rest(p, PREFLIGHT_ERROR, "models", nans, "tensors with NaN");
    preflight_say_rest(p, PREFLIGHT_ERROR, "models", infinite, "tensors with infinities");
    preflight_say_rest(p, PREFLIGHT_WARNING, "models", too, "tensors with infinities");
}

/* --- no update --- */

/* In every tensor of the plan. Walks the sorted lists side by side. */
static bool all_equal(const struct preflight *p)
{
    size_t b = 0, t = 0;
    for (size_t i = 0; i < p->plan->entries_n; i++) {
        while (strcmp(checkpoint_at(p->base, b)->name, p->plan->entries[i].tensor) != 0)
            b++;
        while (strcmp(checkpoint_at(p->tuned, t)->name, p->plan->entries[i].tensor) != 0)
            t++;
        if (!hash_equal(p->base_digest.tensors[b], p->tuned_digest.tensors[t]))
            return false;
    }
    return true;
}

static void check_updates(struct preflight *p)
{
    size_t n = 0;
    if (all_equal(p)) {
        preflight_say(
            p, PREFLIGHT_ERROR, "models",
            "base and tuned hold the same weights in every tensor; give the checkpoint before alignment as "
            "base and the one after it as tuned");
        return;
    }
    for (int g = 0; g < p->plan->ratios_n; g++) {
        struct preflight_group group;
        preflight_group(p, g, &group);
        if (group.tally.changed == 0 && p->low[g] < p->high[g] && preflight_one_more(&n))
            preflight_say(
                p, PREFLIGHT_WARNING, "groups",
                "\"%s\" has no update, base and tuned are equal there; its ratio changes nothing: freeze it "
                "(groups.freeze) or put its layers into another group",
                group.name);
    }
    preflight_say_rest(p, PREFLIGHT_WARNING, "groups", n, "groups without an update");
}

/* --- ratios --- */

struct worst {
    int groups; /* that are off by more than PREFLIGHT_OFF_MAX somewhere */
    const char *name;
    double off, asked, got;
};

/* Will the search ask for a ratio about as large as this one in the group? */
static bool is_asked(const struct preflight *p, int group, double ratio)
{
    double low = p->low[group], high = p->high[group];
    if (p->spec->strategy == STRATEGY_IDENTIFY && low < high)
        low = high = p->spec->ratio;
    return ratio >= low - STEP / 2 && ratio <= high + STEP / 2;
}

static void find_worst(const struct preflight *p, bool stochastic, struct worst *worst)
{
    double got[SURVEY_RATIOS_N];
    for (int g = 0; g < p->plan->ratios_n; g++) {
        bool is_off = false;
        survey_effective(p->survey, p->plan, g, stochastic, got);
        for (size_t r = 0; r < SURVEY_RATIOS_N; r++) {
            double off = fabs(got[r] - survey_ratios[r]); /* NaN: no update */
            if (!is_asked(p, g, survey_ratios[r]))
                continue;
            is_off |= off > PREFLIGHT_OFF_MAX;
            if (off > worst->off)
                *worst = (struct worst){worst->groups, p->plan->names[g], off, survey_ratios[r], got[r]};
        }
        worst->groups += is_off;
    }
}

/* In the rounding that the search asks for and the ranges that it gives: what it will really get. */
static void check_ratios(struct preflight *p)
{
    bool stochastic = p->how.rounding == ROUND_STOCHASTIC;
    struct worst worst = {0};
    char groups[64] = "";
    find_worst(p, stochastic, &worst);
    if (worst.groups == 0)
        return;
    if (worst.groups > 1)
        snprintf(groups, sizeof groups, " (%d of %d groups are off by more than %g)", worst.groups,
                 p->plan->ratios_n, PREFLIGHT_OFF_MAX);
    preflight_say(p, PREFLIGHT_WARNING, "output.rounding",
                  "ratios do not come out as asked: in \"%s\" a ratio of %.1f comes out as %.3f%s, because "
                  "the update is "
                  "smaller than the steps of the output dtype; set output.%s",
                  worst.name, worst.asked, worst.got, groups,
                  stochastic ? "dtype to \"F32\"" : "rounding to \"stochastic\", or output.dtype to \"F32\"");
}

void preflight_numbers(struct preflight *p)
{
    check_finite(p);
    if (p->spec->strategy != STRATEGY_IDENTIFY) /* that is about one model: base and tuned may be the same */
        check_updates(p);
    check_ratios(p);
}
