#include "merge/recipe/recipe_internal.h"

#include "merge/recipe/mergekit_write.h"
#include "proto/mem.h"

#include <string.h>

#define SLICES_MAX 10000

void recipe_free(struct recipe *recipe)
{
    if (!recipe)
        return;
    yml_free(recipe->root);
    mem_free(recipe->models[0]);
    mem_free(recipe->models[1]);
    mem_free(recipe->slices);
    mem_free(recipe);
}

/* --- keys --- */

/* A key that mergekit knows and we do not carry out. */
struct refusal {
    const char *key, *why;
};

static int check_keys(const struct yml *map, const char *what, const char *const *known, size_t known_n,
                      const struct refusal *refusals, struct err *err)
{
    if (yml_type(map) != YML_MAP)
        return err_set(err, ERR_INVALID, "line %d: %s must be a mapping, this is %s", yml_line(map), what,
                       yml_type_name(map));
    for (const struct yml *y = yml_first(map); y; y = yml_next(y)) {
        size_t i = 0;
        while (i < known_n && strcmp(known[i], yml_key(y)) != 0)
            i++;
        if (i < known_n || yml_is_null(y))
            continue;
        for (const struct refusal *r = refusals; r && r->key; r++)
            if (strcmp(r->key, yml_key(y)) == 0)
                return err_set(err, ERR_UNSUPPORTED, "line %d: %s: %s", yml_line(y), r->key, r->why);
        const char *near = spec_nearest(yml_key(y), known, known_n);
        return err_set(err, ERR_INVALID, "line %d: the key \"%.60s\" of %s is not known%s%s%s", yml_line(y),
                       yml_key(y), what, near ? "; did you mean \"" : "", near ? near : "",
                       near ? "\"?" : "");
    }
    return 0;
}

/* The value of a key, NULL also when it is null. */
static const struct yml *get(const struct yml *map, const char *key)
{
    const struct yml *y = yml_get(map, key);
    return yml_is_null(y) ? NULL : y;
}

/* parameters: of a model (weight) or of a slice or the whole (weight and normalize). */
static int check_parameters(struct recipe *recipe, const struct yml *map, const char *what, bool normalize,
                            struct err *err)
{
    static const char *const known[] = {"weight", "int8_mask", "normalize"};
    static const struct refusal refusals[] = {
        {"normalize", "mergekit does not look for it at a model; put it under the slice or at the top"},
        {NULL, NULL}};
    const struct yml *parameters = get(map, "parameters"), *y;
    bool truth;
    double number;
    if (!parameters)
        return 0;
    int rc = check_keys(parameters, what, known, normalize ? 3 : 2, normalize ? NULL : refusals, err);
    if (!rc && (y = get(parameters, "weight")))
        rc = recipe_check_weight(y, err);
    recipe->int8_mask |= get(parameters, "int8_mask") != NULL;
    if (!rc && (y = get(parameters, "normalize")) && !yml_bool(y, &truth) &&
        !(yml_number(y, &number) && (number == 0 || number == 1)))
        rc = err_set(err, ERR_UNSUPPORTED, "line %d: normalize must be true or false for all tensors",
                     yml_line(y));
    return rc;
}

/* --- models --- */

static int check_path(const char *path, int line, struct err *err)
{
    if (strchr(path, '+'))
        return err_set(
            err, ERR_UNSUPPORTED,
            "line %d: \"%.200s\" names an adapter behind the \"+\"; merge the adapter into the model first",
            line, path);
    if (strchr(path, '@'))
        return err_set(
            err, ERR_UNSUPPORTED,
            "line %d: \"%.200s\" names a revision behind the \"@\"; download it and give its directory", line,
            path);
    return 0;
}

/* model: PATH, or {model: PATH}, or {model: {path: PATH}}. */
static int read_model(const struct yml *y, const char *what, const char **path, struct err *err)
{
    static const char *const outer[] = {"model"}, *const inner[] = {"path"};
    static const struct refusal refusals[] = {
        {"lora", "merge the adapter into the model first"},
        {"override_architecture", "the tensors' names say what they are; delete it"},
        {"revision", "download this revision and give its directory"},
        {NULL, NULL}};
    if (!y)
        return err_set(err, ERR_INVALID, "%s: the model is missing", what);
    int rc = 0;
    bool mapping = yml_type(y) == YML_MAP, path_alone = false;
    if (mapping) {
        rc = check_keys(y, what, outer, 1, refusals, err);
        y = rc ? NULL : get(y, "model");
    }
    if (!rc && y && yml_type(y) == YML_MAP && mapping) {
        path_alone = true;
        rc = check_keys(y, what, inner, 1, refusals, err);
        y = rc ? NULL : get(y, "path");
    }
    if (rc)
        return rc;
    *path = yml_text(y);
    if (!*path || !**path)
        return err_set(err, ERR_INVALID, "%s: the model must be the path of a directory", what);
    return path_alone ? 0 : check_path(*path, yml_line(y), err);
}

/* The index of a model; a new one takes the next free place, a third is refused. */
static int model_index(struct recipe *recipe, const char *path, int line, int *index, struct err *err)
{
    for (*index = 0; *index < 2; (*index)++) {
        if (!recipe->models[*index])
            recipe->models[*index] = mem_strdup(path);
        if (strcmp(recipe->models[*index], path) == 0)
            return 0;
    }
    return err_set(err, ERR_UNSUPPORTED,
                   "line %d: \"%.200s\" is a third model; paretod averages two, base and tuned", line, path);
}

/* --- slices --- */

/* One member of models: or sources:. */
static int read_source(struct recipe *recipe, const struct yml *y, struct recipe_slice *slice, bool *seen,
                       bool has_range, struct err *err)
{
    static const char *const known[] = {"model", "parameters", "layer_range"};
    const char *path, *what = has_range ? "sources" : "models";
    int index = 0;
    int rc = check_keys(y, what, known, has_range ? 3 : 2, NULL, err);
    if (!rc)
        rc = read_model(get(y, "model"), what, &path, err);
    if (!rc)
        rc = check_parameters(recipe, y, "a model's parameters", false, err);
    if (!rc)
        rc = model_index(recipe, path, yml_line(y), &index, err);
    if (rc)
        return rc;
    if (seen[index])
        return err_set(
            err, ERR_UNSUPPORTED,
            "line %d: \"%.200s\" is there twice; mergekit takes one of the two silently: delete one",
            yml_line(y), path);
    seen[index] = true;
    slice->of_model[index] = get(y, "parameters");
    return 0;
}

static int read_range(const struct yml *y, long *first, long *end, struct err *err)
{
    const struct yml *range = get(y, "layer_range"), *a = yml_first(range), *b = a ? yml_next(a) : NULL;
    if (range && yml_type(range) == YML_LIST && yml_len(range) == 2 && yml_whole(a, 1000000, first) &&
        yml_whole(b, 1000000, end) && *first < *end)
        return 0;
    return err_set(err, ERR_INVALID,
                   "line %d: layer_range must be [FIRST, END] with whole numbers, FIRST less than END",
                   yml_line(range ? range : y));
}

static int read_ranges(const struct yml *sources, struct recipe_slice *slice, struct err *err)
{
    const struct yml *a = yml_first(sources), *b = yml_next(a);
    long first, end;
    int rc = read_range(a, &slice->first, &slice->end, err);
    if (!rc)
        rc = read_range(b, &first, &end, err);
    if (!rc && (first != slice->first || end != slice->end))
        rc = err_set(err, ERR_UNSUPPORTED,
                     "line %d: layers %ld-%ld of one model and %ld-%ld of the other cannot be averaged as "
                     "base and tuned; "
                     "give both the same layer_range",
                     yml_line(b), slice->first, slice->end - 1, first, end - 1);
    return rc;
}

static int read_slice(struct recipe *recipe, const struct yml *y, struct recipe_slice *slice, struct err *err)
{
    static const char *const known[] = {"sources", "parameters"};
    static const struct refusal refusals[] = {
        {"base_model", "say it once, at the top"},
        {"residual_weight", "a linear merge does not know it; delete it"},
        {NULL, NULL}};
    bool seen[2] = {false};
    int rc = check_keys(y, "a slice", known, 2, refusals, err);
    if (!rc)
        rc = check_parameters(recipe, y, "a slice's parameters", true, err);
    if (rc)
        return rc;
    const struct yml *sources = get(y, "sources");
    if (!sources || yml_type(sources) != YML_LIST || yml_len(sources) != 2)
        return err_set(err, ERR_UNSUPPORTED,
                       "line %d: a slice must have both models as sources, if need be one with weight 0",
                       yml_line(y));
    for (const struct yml *s = yml_first(sources); !rc && s; s = yml_next(s))
        rc = read_source(recipe, s, slice, seen, true, err);
    slice->parameters = get(y, "parameters");
    return rc ? rc : read_ranges(sources, slice, err);
}

static int check_list(const struct yml *y, const char *what, struct err *err)
{
    if (yml_type(y) != YML_LIST || !yml_len(y))
        return err_set(err, ERR_INVALID, "line %d: %s must be a list", yml_line(y), what);
    if (yml_len(y) > SLICES_MAX)
        return err_set(err, ERR_TOO_LARGE, "line %d: %s has more than %d members", yml_line(y), what,
                       SLICES_MAX);
    return 0;
}

static int read_slices(struct recipe *recipe, const struct yml *list, struct err *err)
{
    int rc = check_list(list, "slices", err);
    if (rc)
        return rc;
    recipe->slices = mem_zero(yml_len(list), sizeof *recipe->slices);
    long covered = 0;
    for (const struct yml *y = yml_first(list); !rc && y; y = yml_next(y)) {
        struct recipe_slice *slice = &recipe->slices[recipe->slices_n++];
        rc = read_slice(recipe, y, slice, err);
        if (!rc && slice->first != covered)
            rc = err_set(
                err, ERR_UNSUPPORTED,
                "line %d: this slice begins at layer %ld, the one before ends at %ld; slices must cover all "
                "layers once and in order",
                yml_line(y), slice->first, covered);
        covered = slice->end;
    }
    return rc;
}

static int read_models(struct recipe *recipe, const struct yml *list, struct err *err)
{
    bool seen[2] = {false};
    int rc = check_list(list, "models", err);
    if (rc)
        return rc;
    recipe->slices = mem_zero(1, sizeof *recipe->slices);
    recipe->slices_n = 1;
    recipe->slices[0].end = -1;
    for (const struct yml *y = yml_first(list); !rc && y; y = yml_next(y))
        rc = read_source(recipe, y, &recipe->slices[0], seen, false, err);
    return rc;
}

/* --- the whole --- */

static bool is_ours(const char *text, size_t len)
{
    size_t n = strlen(MERGEKIT_FIRST_LINE);
    return len > n && memcmp(text, MERGEKIT_FIRST_LINE, n) == 0 && (text[n] == '\n' || text[n] == '\r');
}

/* base_model: which of the two is tuned. One that is not in models: takes part in the merge. */
static int read_roles(struct recipe *recipe, bool ours, struct err *err)
{
    const struct yml *y = get(recipe->root, "base_model");
    const char *path;
    int index = 0, rc = 0;
    if (y && !(rc = read_model(y, "base_model", &path, err)))
        rc = model_index(recipe, path, yml_line(y), &index, err);
    if (!rc && !recipe->models[1])
        rc = err_set(err, ERR_UNSUPPORTED, "the recipe has one model, \"%.200s\"; an average needs two",
                     recipe->models[0]);
    recipe->tuned = y && !ours ? 1 - index : 1;
    if (!rc && !y)
        recipe->notes[recipe->notes_n++] =
            "config.json and the tokenizer are those of tuned, the second model; "
            "without base_model mergekit takes those of the first";
    else if (!rc && !ours)
        recipe->notes[recipe->notes_n++] =
            "config.json and the tokenizer are those of tuned; mergekit takes those of base_model";
    return rc;
}

static int read_dtype(const struct yml *y, const char *key, enum spec_dtype *out, struct err *err)
{
    static const struct {
        const char *name;
        enum spec_dtype dtype;
    } known[] = {{"float32", OUTPUT_F32}, {"bfloat16", OUTPUT_BF16}, {"float16", OUTPUT_F16}};
    const char *name = yml_text(y);
    if (name && strncmp(name, "torch.", 6) == 0)
        name += 6;
    for (size_t i = 0; name && i < sizeof known / sizeof *known; i++)
        if (strcmp(name, known[i].name) == 0) {
            *out = known[i].dtype;
            return 0;
        }
    return err_set(err, ERR_UNSUPPORTED, "line %d: %s must be float32, bfloat16 or float16", yml_line(y),
                   key);
}

static int read_dtypes(struct recipe *recipe, struct err *err)
{
    const struct yml *y;
    enum spec_dtype computed = OUTPUT_SAME;
    int rc = 0;
    if ((y = get(recipe->root, "dtype")))
        rc = read_dtype(y, "dtype", &computed, err);
    recipe->dtype = computed;
    if (!rc && (y = get(recipe->root, "out_dtype")))
        rc = read_dtype(y, "out_dtype", &recipe->dtype, err);
    if (computed != OUTPUT_F32)
        recipe->notes[recipe->notes_n++] = "averages are computed in float32 and rounded once; without "
                                           "\"dtype: float32\" mergekit computes in the dtype of "
                                           "the weights, which can lose the ratio";
    return rc;
}

static int check_method(const struct yml *root, struct err *err)
{
    const struct yml *y = get(root, "merge_method");
    const char *method = yml_text(y);
    if (!method)
        return err_set(err, ERR_INVALID,
                       "merge_method is missing; \"merge_method: linear\" is what can be read");
    if (strcmp(method, "linear") == 0)
        return 0;
    return err_set(err, ERR_UNSUPPORTED,
                   "line %d: merge_method \"%.60s\" is no weighted average; only linear recipes can be "
                   "exported here, run "
                   "mergekit for this one",
                   yml_line(y), method);
}

static int read_all(struct recipe *recipe, bool ours, struct err *err)
{
    static const char *const known[] = {"merge_method", "models",     "slices",   "base_model",
                                        "dtype",        "parameters", "out_dtype"};
    static const char *const tokenizer =
        "the exported directory gets tuned's tokenizer and embeddings keep their rows; "
        "delete it, or run mergekit";
    const struct refusal refusals[] = {
        {"modules", "models of several parts are not read; write slices"},
        {"tokenizer_source", tokenizer},
        {"tokenizer", tokenizer},
        {"chat_template", "the exported directory gets tuned's chat template; delete it"},
        {NULL, NULL}};
    const struct yml *root = recipe->root;
    int rc = check_keys(root, "the recipe", known, sizeof known / sizeof *known, refusals, err);
    if (!rc)
        rc = check_method(root, err);
    if (!rc)
        rc = check_parameters(recipe, root, "parameters", true, err);
    recipe->parameters = get(root, "parameters");
    const struct yml *models = get(root, "models"), *slices = get(root, "slices");
    if (!rc && !models == !slices)
        rc = err_set(err, ERR_INVALID, "the recipe must have either models or slices");
    if (!rc)
        rc = models ? read_models(recipe, models, err) : read_slices(recipe, slices, err);
    if (!rc)
        rc = read_roles(recipe, ours, err);
    if (!rc)
        rc = read_dtypes(recipe, err);
    if (!rc && recipe->int8_mask)
        recipe->notes[recipe->notes_n++] =
            "int8_mask is of other methods than linear: it changes nothing and is not read";
    return rc;
}

int recipe_read(const char *text, size_t len, struct recipe **out, struct err *err)
{
    struct recipe *recipe = mem_zero(1, sizeof *recipe);
    *out = NULL;
    int rc = yml_parse(text, len, &recipe->root, err);
    if (!rc)
        rc = read_all(recipe, is_ours(text, len), err);
    if (rc)
        recipe_free(recipe);
    else
        *out = recipe;
    return rc;
}

const char *recipe_base(const struct recipe *recipe)
{
    return recipe->models[1 - recipe->tuned];
}

const char *recipe_tuned(const struct recipe *recipe)
{
    return recipe->models[recipe->tuned];
}

struct merge_how recipe_how(const struct recipe *recipe)
{
    return (struct merge_how){.dtype = recipe->dtype};
}

const char *recipe_note(const struct recipe *recipe, size_t i)
{
    return i < recipe->notes_n ? recipe->notes[i] : NULL;
}
