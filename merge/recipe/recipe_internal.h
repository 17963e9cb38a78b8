/* What recipe.c reads and recipe_plan.c evaluates. Nobody else includes this. */
#ifndef MERGE_RECIPE_INTERNAL_H
#define MERGE_RECIPE_INTERNAL_H

#include "merge/recipe/recipe.h"
#include "merge/recipe/yaml.h"

#define RECIPE_NOTES_MAX 4

/* Layers first … end - 1 of the output; end is -1 when all that there are. */
struct recipe_slice {
    long first, end;
    const struct yml *parameters;
    const struct yml *of_model[2]; /* parameters of a source, by model; NULL: none */
};

struct recipe {
    struct yml *root;
    char *models[2]; /* in the order of the first slice */
    int tuned;       /* which of them */
    const struct yml *parameters;
    struct recipe_slice *slices;
    size_t slices_n;
    enum spec_dtype dtype;
    bool int8_mask; /* is there */
    const char *notes[RECIPE_NOTES_MAX];
    size_t notes_n;
};

/* Whether `setting` is what a weight may be: a number, a gradient list or a filter list. */
int recipe_check_weight(const struct yml *setting, struct err *err);

#endif
