/* WHAT   A linear recipe of mergekit for two models, read as a plan with one ratio for each weight in it.
 * WHO    client (paretoctl export --from-yaml).
 * UNITS  Ratio = weight of tuned / (weight of base + weight of tuned).
 * MEMORY recipe_read allocates; recipe_free. The plan and the ratios of recipe_plan are the caller's.
 * ERRORS ERR_INVALID: no such recipe (the sentence names line or key); ERR_UNSUPPORTED: a recipe that mergekit would
 *        carry out and we do not, with what to do; ERR_TOO_LARGE; those of plan_make.
 * STATE  Immutable.
 *
 * Read are models: or slices: (all layers, in order, both models in each), weights as numbers, gradient lists and filter
 * lists at every level where mergekit looks for them, normalize (false only where the weights add up to 1), dtype,
 * out_dtype and base_model. As in mergekit, embeddings are evaluated with the first slice and final norm and head with
 * the last, both at the beginning of a gradient. tuned is the model that is not base_model, else the second; in a file
 * of merge/recipe/mergekit_write it is the second. Source: mergekit 0.1.4, config.py, plan.py and merge_methods/linear.py. */
#ifndef MERGE_RECIPE_H
#define MERGE_RECIPE_H

#include "merge/merge.h"

struct recipe;

int recipe_read(const char *text, size_t len, struct recipe **out, struct err *err);
void recipe_free(struct recipe *recipe);

/* The models as the recipe names them: directories, or names on a hub. */
const char *recipe_base(const struct recipe *recipe);
const char *recipe_tuned(const struct recipe *recipe);

/* Nearest, in the recipe's out_dtype or dtype. */
struct merge_how recipe_how(const struct recipe *recipe);

/* What will differ from mergekit's result, a sentence each; NULL past the end. */
const char *recipe_note(const struct recipe *recipe, size_t i);

/* The plan of this pair and the ratios [(*plan)->ratios_n] (mem_free). Both NULL on failure. */
int recipe_plan(const struct recipe *recipe, const struct checkpoint *base, const struct checkpoint *tuned,
                struct plan **plan, double **ratios, struct err *err);

#endif
