/* WHAT   The words of a search's JSON: values, each array in the order of its enum, and the keys of every object.
 * WHO    proto/search_spec.c, proto/search_spec_write.c, and the test that docs/SEARCH.md names every key.
 * UNITS  None.
 * MEMORY Static.
 * ERRORS None.
 * STATE  None. */
#ifndef PROTO_SPEC_WORDS_H
#define PROTO_SPEC_WORDS_H

#include "proto/search_spec.h"

#include <stddef.h>

static const char *const spec_ends_words[] = {"follow", "mean", "base", "tuned",
                                              "paper-code"}; /* ENDS_OWN is an object */
static const char *const spec_kind_words[] = {"all", "attention", "mlp"};
static const char *const spec_split_words[] = {"kind"};
static const char *const spec_rounding_words[] = {"nearest", "stochastic"};
static const char *const spec_dtype_words[] = {"same", "F32", "BF16", "F16"};
static const char *const spec_others_words[] = {"equal", "base", "tuned", "refuse"};
static const char *const spec_goal_words[] = {"max", "min"};
static const char *const spec_evaluator_words[] = {"native", "command", "resident", "external"};
static const char *const spec_merge_words[] = {"directory", "plan", "none"}; /* from MERGE_DIRECTORY on */
static const char *const spec_strategy_words[] = {"sweep",     "hma",   "scalarize", "sobol",
                                                  "quadratic", "bayes", "identify"};

#define FOR(type) (1u << (type))
#define FOR_ALL (~0u)
#define FOR_ALL_BUT(type) (~FOR(type))
#define FOR_PROGRAMS (FOR(EVALUATOR_COMMAND) | FOR(EVALUATOR_RESIDENT))

/* A key of an object; in objects with a "type", which types know it: FOR(…) of the enum, or FOR_ALL. */
struct spec_key {
    const char *key;
    unsigned types;
};

#define SPEC_KEYS_MAX 14

/* One object of a search.json; the unused rest of `keys` is zero. */
struct spec_object {
    const char *path; /* as docs/SEARCH.md writes it */
    struct spec_key keys[SPEC_KEYS_MAX];
};

enum spec_object_id {
    OBJECT_SEARCH,
    OBJECT_MODELS,
    OBJECT_GROUPS,
    OBJECT_GROUP,
    OBJECT_BOUND,
    OBJECT_ENDS,
    OBJECT_RATIO,
    OBJECT_OUTPUT,
    OBJECT_OBJECTIVE,
    OBJECT_EVALUATOR,
    OBJECT_STRATEGY,
    OBJECT_BUDGET,
    OBJECT_GIVEN,
    OBJECT_GIVEN_SCORE,
    OBJECTS_N
};

static const struct spec_object spec_objects[OBJECTS_N] = {
    [OBJECT_SEARCH] = {"",
                       {{"name", FOR_ALL},
                        {"models", FOR_ALL},
                        {"groups", FOR_ALL},
                        {"ends", FOR_ALL},
                        {"ratio", FOR_ALL},
                        {"output", FOR_ALL},
                        {"objectives", FOR_ALL},
                        {"evaluator", FOR_ALL},
                        {"strategy", FOR_ALL},
                        {"budget", FOR_ALL},
                        {"given", FOR_ALL},
                        {"held_out", FOR_ALL},
                        {"seed", FOR_ALL}}},
    [OBJECT_MODELS] = {"models", {{"base", FOR_ALL}, {"tuned", FOR_ALL}}},
    [OBJECT_GROUPS] = {"groups",
                       {{"count", FOR_ALL},
                        {"boundaries", FOR_ALL},
                        {"names", FOR_ALL},
                        {"layerwise", FOR_ALL},
                        {"split", FOR_ALL},
                        {"layer_pattern", FOR_ALL},
                        {"freeze", FOR_ALL},
                        {"bounds", FOR_ALL},
                        {"tie", FOR_ALL}}},
    [OBJECT_GROUP] = {"groups.names[]",
                      {{"name", FOR_ALL}, {"layers", FOR_ALL}, {"kind", FOR_ALL}, {"tensors", FOR_ALL}}},
    [OBJECT_BOUND] = {"groups.bounds.GROUP", {{"min", FOR_ALL}, {"max", FOR_ALL}}},
    [OBJECT_ENDS] = {"ends", {{"own", FOR_ALL}}},
    [OBJECT_RATIO] = {"ratio", {{"min", FOR_ALL}, {"max", FOR_ALL}, {"extrapolate", FOR_ALL}}},
    [OBJECT_OUTPUT] = {"output", {{"rounding", FOR_ALL}, {"dtype", FOR_ALL}, {"others", FOR_ALL}}},
    [OBJECT_OBJECTIVE] = {"objectives[]",
                          {{"name", FOR_ALL},
                           {"metric", FOR_ALL},
                           {"mean_of", FOR_ALL},
                           {"goal", FOR_ALL},
                           {"reference", FOR_ALL}}},
    [OBJECT_EVALUATOR] = {"evaluator",
                          {{"type", FOR_ALL},
                           {"bundle", FOR(EVALUATOR_NATIVE)},
                           {"argv", FOR_PROGRAMS},
                           {"merge", FOR_PROGRAMS},
                           {"time_limit_s", FOR_PROGRAMS},
                           {"start_limit_s", FOR(EVALUATOR_RESIDENT)},
                           {"idle_limit_s", FOR(EVALUATOR_RESIDENT)},
                           {"slices", FOR(EVALUATOR_NATIVE) | FOR_PROGRAMS},
                           {"written", FOR(EVALUATOR_NATIVE) | FOR_PROGRAMS}}},
    [OBJECT_STRATEGY] = {"strategy",
                         {{"type", FOR_ALL},
                          {"sweep_points", FOR_ALL_BUT(STRATEGY_IDENTIFY)},
                          {"ratio", FOR(STRATEGY_IDENTIFY)},
                          {"algorithm", FOR(STRATEGY_HMA) | FOR(STRATEGY_SCALARIZE)},
                          {"initial_step", FOR(STRATEGY_HMA) | FOR(STRATEGY_SCALARIZE)},
                          {"means", FOR(STRATEGY_HMA)},
                          {"objective", FOR(STRATEGY_HMA)},
                          {"streams", FOR(STRATEGY_SCALARIZE)},
                          {"rho", FOR(STRATEGY_SCALARIZE)},
                          {"mean", FOR(STRATEGY_QUADRATIC) | FOR(STRATEGY_BAYES)},
                          {"design", FOR(STRATEGY_QUADRATIC) | FOR(STRATEGY_BAYES)},
                          {"repeats", FOR(STRATEGY_BAYES)},
                          {"early_stop", FOR(STRATEGY_QUADRATIC) | FOR(STRATEGY_BAYES)},
                          {"screen", FOR(STRATEGY_QUADRATIC) | FOR(STRATEGY_BAYES)}}},
    [OBJECT_BUDGET] = {"budget",
                       {{"trials", FOR_ALL},
                        {"seconds", FOR_ALL},
                        {"attempts", FOR_ALL},
                        {"items", FOR_ALL},
                        {"gain", FOR_ALL}}},
    [OBJECT_GIVEN] = {"given[]", {{"ratios", FOR_ALL}, {"scores", FOR_ALL}, {"source", FOR_ALL}}},
    [OBJECT_GIVEN_SCORE] = {"given[].scores.OBJECTIVE", {{"mean", FOR_ALL}, {"stderr", FOR_ALL}}},
};

/* What other programs call a thing, and where it is here. */
struct spec_alias {
    const char *word, *key;
};

static const struct spec_alias spec_aliases[] = {
    {"bounds", "ratio"},
    {"range", "ratio"},
    {"base", "models.base"},
    {"tuned", "models.tuned"},
    {"trials", "budget.trials"},
    {"seconds", "budget.seconds"},
    {"attempts", "budget.attempts"},
    {"bundle", "evaluator.bundle"},
    {"argv", "evaluator.argv"},
    {"rounding", "output.rounding"},
    {"dtype", "output.dtype"},
    {"out_dtype", "output.dtype"},
    {"others", "output.others"},
    {"freeze", "groups.freeze"},
    {"frozen", "groups.freeze"},
    {"tie", "groups.tie"},
    {"ties", "groups.tie"},
    {"split", "groups.split"},
    {"layer_pattern", "groups.layer_pattern"},
    {"out_dtype", "dtype"},
    {"torch_dtype", "dtype"},
    {"precision", "dtype"},
    {"integers", "others"},
    {"frozen", "freeze"},
    {"fixed", "freeze"},
    {"range", "bounds"},
    {"ratio", "bounds"},
    {"tied", "tie"},
    {"regex", "tensors"},
    {"pattern", "tensors"},
    {"filter", "tensors"},
    {"regex", "layer_pattern"},
    {"pattern", "layer_pattern"},
    {"direction", "goal"},
    {"ref", "reference"},
    {"timeout", "time_limit_s"},
    {"command", "argv"},
    {"n_trials", "trials"},
    {"items", "budget.items"},
    {"gain", "budget.gain"},
    {"slices", "evaluator.slices"},
    {"written", "evaluator.written"},
    {"log_samples", "written"},
    {"early_stop", "strategy.early_stop"},
    {"screen", "strategy.screen"},
    {"repeats", "strategy.repeats"},
    {"history", "given"},
    {"warm_start", "given"},
    {"n_startup_trials", "design"},
    {"pruning", "early_stop"},
};

#undef FOR
#undef FOR_ALL
#undef FOR_ALL_BUT
#undef FOR_PROGRAMS

#endif
