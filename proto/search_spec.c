/* Parsing. A section of the JSON object has one function; every one of them goes on after a wrong field. */
#include "proto/search_spec.h"

#include "proto/mem.h"
#include "proto/search_spec_internal.h"
#include "proto/spec_words.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const char *spec_unused(const struct search_spec *spec)
{
    return spec->evaluator == EVALUATOR_EXTERNAL ? "is not used without models; remove it, or give \"models\""
                                                 : "is not used with evaluator.merge \"none\"; remove it";
}

/* known: what the evaluator is; else nothing is said of what only depends on it. */
static void parse_models(const struct reader *r, bool known, struct search_spec *spec)
{
    struct reader in;
    reader_inner(r, "models", &in);
    if (!known) {
        spec->has_models = true;
        spec->merge = MERGE_PLAN;
        if (!json_get(r->object, "models"))
            return;
    }
    if (known &&
        spec->evaluator == EVALUATOR_EXTERNAL) /* its programs may be about a pair, or about anything */
        spec->merge = json_get(r->object, "models") ? MERGE_PLAN : MERGE_NONE;
    spec->has_models = spec->merge != MERGE_NONE;
    if (!spec->has_models) {
        if (json_get(r->object, "models"))
            reader_error(r, "models", "%s", spec_unused(spec));
        return;
    }
    if (!json_get(r->object, "models")) {
        reader_error(r, "models", "is missing; give {\"base\": DIR, \"tuned\": DIR}");
        return;
    }
    reader_known(&in, &spec_objects[OBJECT_MODELS], NULL, 0, 0);
    reader_text(&in, "base", true, spec->base, sizeof spec->base);
    reader_text(&in, "tuned", true, spec->tuned, sizeof spec->tuned);
}

static void parse_ends(const struct reader *r, struct search_spec *spec)
{
    const struct json *j = json_get(r->object, "ends");
    size_t word = ENDS_FOLLOW;
    if (json_is(j, JSON_OBJECT)) {
        if (json_len(j) == 1 && json_bool_or(json_get(j, "own"), false))
            word = ENDS_OWN;
        else
            reader_error(r, "ends", "as an object must be {\"own\": true}");
    } else {
        reader_choice(r, "ends", spec_ends_words, COUNT(spec_ends_words), &word);
    }
    if (j && !spec->has_models)
        reader_error(r, "ends", "%s", spec_unused(spec));
    spec->ends = (enum spec_ends)word;
}

static void parse_ratio(const struct reader *r, struct search_spec *spec)
{
    struct reader in;
    bool extrapolate = false;
    spec->ratio_min = 0;
    spec->ratio_max = 1;
    reader_inner(r, "ratio", &in);
    reader_known(&in, &spec_objects[OBJECT_RATIO], NULL, 0, 0);
    reader_bool(&in, "extrapolate", &extrapolate);
    reader_number(&in, "min", -10, 10, &spec->ratio_min);
    reader_number(&in, "max", -10, 10, &spec->ratio_max);
    if (!(spec->ratio_min < spec->ratio_max))
        reader_error(&in, "max", "must be greater than min");
    if (!extrapolate && (spec->ratio_min < 0 || spec->ratio_max > 1) && spec->has_models)
        reader_error(r, "ratio", "goes beyond [0, 1]; add \"extrapolate\": true when that is meant");
    spec_parse_ranges(r, extrapolate || !spec->has_models, spec);
}

static void parse_output(const struct reader *r, struct search_spec *spec)
{
    struct reader in;
    size_t rounding = ROUND_NEAREST, dtype = OUTPUT_SAME, others = OTHERS_EQUAL;
    if (json_get(r->object, "output") && !spec->has_models) {
        reader_error(r, "output", "%s", spec_unused(spec));
        return;
    }
    reader_inner(r, "output", &in);
    reader_known(&in, &spec_objects[OBJECT_OUTPUT], NULL, 0, 0);
    reader_choice(&in, "rounding", spec_rounding_words, COUNT(spec_rounding_words), &rounding);
    reader_choice(&in, "dtype", spec_dtype_words, COUNT(spec_dtype_words), &dtype);
    reader_choice(&in, "others", spec_others_words, COUNT(spec_others_words), &others);
    spec->rounding = (enum spec_rounding)rounding;
    spec->output_dtype = (enum spec_dtype)dtype;
    spec->others = (enum spec_others)others;
}

static void parse_metrics(const struct reader *in, struct spec_objective *objective)
{
    const struct json *one = json_get(in->object, "metric");
    const struct json *list = json_get(in->object, "mean_of");
    if (!one == !list) {
        reader_error(in, one ? "mean_of" : "metric", "give either \"metric\" or \"mean_of\"");
        return;
    }
    if (one) {
        objective->metrics_n = 1;
        reader_text(in, "metric", true, objective->metrics[0], sizeof objective->metrics[0]);
        return;
    }
    if (!json_is(list, JSON_ARRAY) || json_len(list) == 0 || json_len(list) > SPEC_METRICS_MAX) {
        reader_error(in, "mean_of", "must be an array of 1 to %d metric names", SPEC_METRICS_MAX);
        return;
    }
    for (const struct json *c = json_first(list); c; c = json_next(c)) {
        const char *name = json_string_or(c, "");
        if (!*name || strlen(name) >= sizeof objective->metrics[0])
            reader_error(in, "mean_of", "must hold metric names such as \"facts.em\"");
        else
            memcpy(objective->metrics[objective->metrics_n++], name, strlen(name) + 1);
    }
}

static void parse_objective(const struct reader *in, struct search_spec *spec,
                            struct spec_objective *objective)
{
    size_t goal = 0;
    reader_known(in, &spec_objects[OBJECT_OBJECTIVE], NULL, 0, 0);
    parse_metrics(in, objective);
    if (json_get(in->object, "name"))
        reader_text(in, "name", true, objective->name, sizeof objective->name);
    else if (objective->metrics_n == 1)
        snprintf(objective->name, sizeof objective->name, "%s", objective->metrics[0]);
    else
        reader_error(in, "name", "is missing; a mean of several metrics needs a name");
    if (!json_get(in->object, "goal"))
        reader_error(in, "goal", "is missing; it must be \"max\" or \"min\"");
    else
        reader_choice(in, "goal", spec_goal_words, COUNT(spec_goal_words), &goal);
    objective->minimise = goal == 1;
    objective->has_reference = reader_number(in, "reference", -1e300, 1e300, &objective->reference);
    for (struct spec_objective *other = spec->objectives; other < objective; other++)
        if (*objective->name && strcmp(other->name, objective->name) == 0)
            reader_error(in, "name", "\"%s\" is the name of an earlier objective", objective->name);
}

static void parse_objectives(const struct reader *r, struct search_spec *spec)
{
    const struct json *list = json_get(r->object, "objectives");
    size_t i = 0;
    if (!json_is(list, JSON_ARRAY) || json_len(list) == 0 || json_len(list) > SPEC_OBJECTIVES_MAX) {
        reader_error(r, "objectives",
                     "must be an array of 1 to %d objectives {\"name\", \"metric\", \"goal\"}",
                     SPEC_OBJECTIVES_MAX);
        return;
    }
    for (const struct json *c = json_first(list); c; c = json_next(c), i++) {
        struct reader in;
        reader_element(r, "objectives", i, c, &in);
        if (in.object)
            parse_objective(&in, spec, &spec->objectives[i]);
    }
    spec->objectives_n = (int)i;
}

static void parse_argv(const struct reader *in, struct search_spec *spec)
{
    const struct json *list = json_get(in->object, "argv");
    if (!json_is(list, JSON_ARRAY) || json_len(list) == 0 || json_len(list) > SPEC_ARGV_MAX) {
        reader_error(in, "argv", "must be an array of 1 to %d strings: the program and its arguments",
                     SPEC_ARGV_MAX);
        return;
    }
    for (const struct json *c = json_first(list); c; c = json_next(c)) {
        if (!json_is(c, JSON_STRING)) {
            reader_error(in, "argv", "must hold strings only");
            return;
        }
        spec->argv[spec->argv_n++] = mem_strdup(json_string_or(c, ""));
    }
    if (!*spec->argv[0])
        reader_error(in, "argv", "must begin with the name of a program");
}

/* A program of the user's own, started for every evaluation or for many. */
static void parse_program(const struct reader *in, struct search_spec *spec)
{
    size_t merge = 0;
    parse_argv(in, spec);
    reader_choice(in, "merge", spec_merge_words, COUNT(spec_merge_words), &merge);
    spec->merge = (enum spec_merge)(MERGE_DIRECTORY + merge);
    spec->time_limit_s = 3600;
    reader_number(in, "time_limit_s", 0, 1e7, &spec->time_limit_s);
    if (spec->evaluator != EVALUATOR_RESIDENT)
        return;
    spec->start_limit_s = 600;
    spec->idle_limit_s = 300;
    reader_number(in, "start_limit_s", 0, 1e7, &spec->start_limit_s);
    reader_number(in, "idle_limit_s", 0, 1e7, &spec->idle_limit_s);
}

/* False when it is not known which. */
static bool parse_evaluator(const struct reader *r, struct search_spec *spec)
{
    struct reader in;
    size_t type = 0;
    int64_t slices;
    reader_inner(r, "evaluator", &in);
    if (!json_get(r->object, "evaluator")) {
        reader_error(r, "evaluator",
                     "is missing; give {\"type\": \"native\", \"bundle\": DIR} or {\"type\": \"command\" or "
                     "\"resident\", \"argv\": […]} or {\"type\": \"external\"}");
        return false;
    }
    if (in.object && !json_get(in.object, "type"))
        reader_error(&in, "type",
                     "is missing; it must be \"native\", \"command\", \"resident\" or \"external\"");
    if (!reader_choice(&in, "type", spec_evaluator_words, COUNT(spec_evaluator_words), &type))
        return false;
    spec->evaluator = (enum spec_evaluator)type;
    reader_known(&in, &spec_objects[OBJECT_EVALUATOR], spec_evaluator_words, COUNT(spec_evaluator_words),
                 type);
    spec->slices = spec->evaluator == EVALUATOR_NATIVE ? SPEC_SLICES_NATIVE : 1;
    if (reader_whole(&in, "slices", 1, SPEC_SLICES_MAX, &slices))
        spec->slices = (int)slices;
    reader_bool(&in, "written", &spec->written);
    if (spec->evaluator == EVALUATOR_EXTERNAL)
        return true; /* parse_models knows the rest */
    if (spec->evaluator == EVALUATOR_NATIVE) {
        reader_text(&in, "bundle", in.object != NULL, spec->bundle, sizeof spec->bundle);
        spec->merge = MERGE_MEMORY;
        return true;
    }
    parse_program(&in, spec);
    return true;
}

/* Of any ratio: groups may have ranges beyond `ratio`. */
static void widest_range(const struct search_spec *spec, double *low, double *high)
{
    *low = spec->ratio_min;
    *high = spec->ratio_max;
    for (int i = 0; i < spec->bounds_n; i++) {
        *low = fmin(*low, spec->bounds[i].min);
        *high = fmax(*high, spec->bounds[i].max);
    }
}

static void parse_means(const struct reader *in, struct search_spec *spec)
{
    const struct json *list = json_get(in->object, "means");
    /* these are points of the default sweep, so that every stream starts from a score that is already there */
    const int last = 10; /* and to the last bit, so computed as the sweep does it */
    if (!list) {
        for (int i = 1; i < last; i++)
            spec->means[spec->means_n++] = (spec->ratio_min * (last - i) + spec->ratio_max * i) / last;
        spec->means_default = true;
        return;
    }
    double low, high;
    widest_range(spec, &low, &high);
    if (!json_is(list, JSON_ARRAY) || json_len(list) == 0 || json_len(list) > SPEC_MEANS_MAX) {
        reader_error(in, "means", "must be an array of 1 to %d mean ratios", SPEC_MEANS_MAX);
        return;
    }
    for (const struct json *c = json_first(list); c; c = json_next(c)) {
        double mean = json_number_or(c, high + 1);
        if (!(mean > low && mean < high)) {
            reader_error(in, "means", "must lie strictly between ratio.min and ratio.max (%g and %g)", low,
                         high);
            return;
        }
        spec->means[spec->means_n++] = mean;
    }
}

static void parse_alignment(const struct reader *in, struct search_spec *spec)
{
    char name[64] = "";
    if (!reader_text(in, "objective", false, name, sizeof name))
        return;
    for (int i = 0; i < spec->objectives_n; i++)
        if (strcmp(spec->objectives[i].name, name) == 0) {
            spec->alignment = i;
            return;
        }
    reader_error(in, "objective", "\"%s\" is not the name of one of the objectives", name);
}

static bool is_modelled(const struct search_spec *spec)
{
    return spec->strategy == STRATEGY_QUADRATIC || spec->strategy == STRATEGY_BAYES;
}

/* The settings of quadratic and bayes. */
static void parse_modelled(const struct reader *in, struct search_spec *spec)
{
    double low, high;
    int64_t design = -1;
    widest_range(spec, &low, &high);
    spec->has_mean = reader_number(in, "mean", low, high, &spec->mean);
    if (spec->has_mean && (spec->mean == low || spec->mean == high))
        reader_error(in, "mean", "must lie strictly between ratio.min and ratio.max (%g and %g)", low, high);
    reader_whole(in, "design", 0, 1000, &design);
    spec->design = (int)design;
    reader_number(in, "repeats", 0, 0.5, &spec->repeats);
    if (is_modelled(spec) && spec->evaluator == EVALUATOR_NATIVE && spec->slices > 1)
        spec->early_stop = 0.02;
    reader_number(in, "early_stop", 0, 0.5, &spec->early_stop);
    /* programs that ask and tell report shares, however many */
    if (is_modelled(spec) && spec->early_stop > 0 && spec->slices == 1 &&
        spec->evaluator != EVALUATOR_EXTERNAL)
        reader_error(
            in, "early_stop",
            "has nothing to stop, for evaluator.slices is 1: give \"slices\": 8 (docs/EVALUATORS.md), "
            "or leave early_stop out");
    reader_number(in, "screen", 0, 0.5, &spec->screen);
    if (is_modelled(spec) && spec->screen > 0 && spec->slices == 1 && spec->evaluator != EVALUATOR_EXTERNAL)
        reader_error(in, "screen",
                     "has nothing to leave for later, for evaluator.slices is 1: give \"slices\": 8 "
                     "(docs/EVALUATORS.md), "
                     "or leave screen out");
}

/* Every trial has the same ratios and items of its own: nothing is compared with anything. r: the search. */
static void parse_identify(const struct reader *r, const struct reader *in, struct search_spec *spec)
{
    spec->sweep_points = 0;
    reader_number(in, "ratio", -10, 10, &spec->ratio);
    if (spec->evaluator == EVALUATOR_EXTERNAL)
        reader_error(in, "type",
                     "\"identify\" is for workers, who know which items a trial has; an external program is "
                     "told of ratios alone");
    if (json_get(r->object, "given"))
        reader_error(r, "given",
                     "is not used with strategy.type \"identify\", whose trials are parts of one evaluation; "
                     "remove it");
}

static void parse_strategy(const struct reader *r, struct search_spec *spec)
{
    struct reader in;
    /* models are for as many objectives as a hypervolume is computed for */
    size_t type = spec->objectives_n <= SPEC_MODELLED_MAX ? STRATEGY_BAYES : STRATEGY_SCALARIZE;
    int64_t whole;
    reader_inner(r, "strategy", &in);
    if (in.object && !json_get(in.object, "type"))
        reader_error(&in, "type",
                     "is missing; it must be \"sweep\", \"hma\", \"scalarize\", \"sobol\", \"quadratic\", "
                     "\"bayes\" or \"identify\"");
    bool typed = reader_choice(&in, "type", spec_strategy_words, COUNT(spec_strategy_words), &type);
    spec->strategy = (enum spec_strategy)type;
    if (typed)
        reader_known(&in, &spec_objects[OBJECT_STRATEGY], spec_strategy_words, COUNT(spec_strategy_words),
                     type);
    spec->sweep_points = 11;
    if (reader_whole(&in, "sweep_points", 0, 1001, &whole))
        spec->sweep_points = (int)whole;
    if (spec->sweep_points == 1)
        reader_error(&in, "sweep_points", "must be 0, or at least 2 (both endpoints)");
    snprintf(spec->algorithm, sizeof spec->algorithm, "LN_COBYLA");
    reader_text(&in, "algorithm", false, spec->algorithm, sizeof spec->algorithm);
    spec->initial_step = 0.25;
    reader_number(&in, "initial_step", 1e-6, 1, &spec->initial_step);
    spec->streams = 10;
    if (reader_whole(&in, "streams", 1, 63, &whole))
        spec->streams = (int)whole;
    spec->rho = 0.05;
    reader_number(&in, "rho", 0, 1, &spec->rho);
    if (spec->strategy == STRATEGY_HMA)
        parse_means(&in, spec);
    parse_modelled(&in, spec);
    parse_alignment(&in, spec);
    if (spec->strategy == STRATEGY_IDENTIFY)
        parse_identify(r, &in, spec);
}

static void parse_budget(const struct reader *r, struct search_spec *spec)
{
    struct reader in;
    int64_t whole;
    reader_inner(r, "budget", &in);
    reader_known(&in, &spec_objects[OBJECT_BUDGET], NULL, 0, 0);
    spec->trials = 60;
    spec->attempts = 3;
    if (reader_whole(&in, "trials", 1, SPEC_TRIALS_MAX, &whole))
        spec->trials = (int)whole;
    if (reader_whole(&in, "attempts", 1, 100, &whole))
        spec->attempts = (int)whole;
    reader_number(&in, "seconds", 0, 1e9, &spec->budget_s);
    reader_whole(&in, "items", 0, (int64_t)1 << 53, &spec->items);
    reader_number(&in, "gain", 0, 1, &spec->gain);
    if (spec->gain > 0 && !is_modelled(spec))
        reader_error(
            &in, "gain",
            "belongs to strategy.type \"quadratic\" or \"bayes\"; this one is \"%s\", which has no model "
            "that expects a gain",
            spec_strategy_words[spec->strategy]);
}

/* How many ratios there are; 0: the checkpoints say. */
static size_t count_ratios(const struct search_spec *spec)
{
    size_t groups = (size_t)spec->groups_n * (spec->split ? 2 : 1);
    return groups ? groups + (spec->ends == ENDS_OWN) : 0;
}

/* The last line says how many there would have been. */
static void close_errors(struct spec_errors *errors)
{
    if (!errors->more)
        return;
    errors->more++;
    snprintf(errors->item[SPEC_ERRORS_MAX - 1].field, sizeof errors->item[0].field, "search");
    snprintf(errors->item[SPEC_ERRORS_MAX - 1].text, sizeof errors->item[0].text,
             "has %d more wrong fields than are listed; mend what stands above, then submit again",
             errors->more);
}

int search_spec_parse(const struct json *j, struct search_spec *spec, struct spec_errors *errors)
{
    struct reader r = {.object = j, .errors = errors};
    int64_t seed = 1;
    *spec = (struct search_spec){0};
    errors->n = errors->more = 0;
    if (!json_is(j, JSON_OBJECT)) {
        reader_error(&r, "search", "must be an object");
        return ERR_INVALID;
    }
    reader_known(&r, &spec_objects[OBJECT_SEARCH], NULL, 0, 0);
    if (!json_get(j, "name"))
        snprintf(spec->name, sizeof spec->name, "search");
    else
        reader_text(&r, "name", true, spec->name, sizeof spec->name);
    /* the evaluator first: whether there are models depends on it */
    bool known = parse_evaluator(&r, spec);
    parse_models(&r, known, spec);
    spec_parse_groups(&r, spec);
    parse_ends(&r, spec);
    size_t k = errors->n ? 0 : count_ratios(spec); /* what is wrong above may be about groups */
    parse_ratio(&r, spec);
    parse_output(&r, spec);
    parse_objectives(&r, spec);
    parse_strategy(&r, spec);
    parse_budget(&r, spec);
    spec_parse_given(&r, k, spec);
    spec->held_out = spec->evaluator == EVALUATOR_NATIVE && spec->strategy != STRATEGY_IDENTIFY;
    reader_bool(&r, "held_out", &spec->held_out);
    if (spec->held_out && spec->evaluator == EVALUATOR_EXTERNAL)
        reader_error(&r, "held_out",
                     "is not for external searches: whoever tells the scores knows no held-out half");
    reader_whole(&r, "seed", 0, (int64_t)1 << 53, &seed);
    spec->seed = (uint64_t)seed;
    if (!errors->n)
        return 0;
    close_errors(errors);
    search_spec_fini(spec);
    return ERR_INVALID;
}

void search_spec_fini(struct search_spec *spec)
{
    if (!spec)
        return;
    for (int i = 0; i < spec->argv_n; i++)
        mem_free(spec->argv[i]);
    spec_given_free(spec->given);
    *spec = (struct search_spec){0};
}
