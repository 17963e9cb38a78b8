/* Writing and resolving: the other half of proto/search_spec.h. */
#include "proto/search_spec.h"

#include "proto/mem.h"
#include "proto/search_spec_internal.h"
#include "proto/spec_words.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *spec_strategy_name(enum spec_strategy strategy)
{
    return spec_strategy_words[strategy];
}

/* directory/path with "." and ".." gone where that directory exists. The last name stays as it is written: a link there
 * may be what tells the program where it lives, as that of a Python environment does. */
static char *join(const char *directory, const char *path)
{
    char *full = mem_printf("%s/%s", directory, path);
    char *slash = strrchr(full, '/');
    if (!slash[1] || strcmp(slash, "/.") == 0 || strcmp(slash, "/..") == 0)
        return full;
    *slash = 0;
    char *real = realpath(*full ? full : "/", NULL);
    *slash = '/';
    if (!real)
        return full;
    char *whole = mem_printf("%s%s", strcmp(real, "/") == 0 ? "" : real, slash);
    free(real);
    mem_free(full);
    return whole;
}

static int resolve(char *path, size_t size, const char *directory, const char *field, struct err *err)
{
    if (!*path || *path == '/')
        return 0;
    char *full = join(directory, path);
    size_t n = strlen(full);
    if (n < size)
        memcpy(path, full, n + 1);
    mem_free(full);
    return n < size ? 0 : err_set(err, ERR_INVALID, "%s: the path is longer than %zu bytes", field, size - 1);
}

/* "./score.py" and "../score.py" mean files beside the search; other arguments are the program's own business. */
static void resolve_argument(char **argument, const char *directory)
{
    if (strncmp(*argument, "./", 2) != 0 && strncmp(*argument, "../", 3) != 0)
        return;
    char *full = join(directory, *argument);
    mem_free(*argument);
    *argument = full;
}

int search_spec_resolve(struct search_spec *spec, const char *directory, struct err *err)
{
    int rc = resolve(spec->base, sizeof spec->base, directory, "models.base", err);
    if (!rc)
        rc = resolve(spec->tuned, sizeof spec->tuned, directory, "models.tuned", err);
    if (!rc)
        rc = resolve(spec->bundle, sizeof spec->bundle, directory, "evaluator.bundle", err);
    for (int i = 0; i < spec->argv_n && !rc; i++)
        resolve_argument(&spec->argv[i], directory);
    return rc;
}

int search_spec_resolve_file(struct search_spec *spec, const char *file, struct err *err)
{
    const char *slash = strrchr(file, '/');
    char *name = !slash          ? mem_strdup(".")
                 : slash == file ? mem_strdup("/")
                                 : mem_strndup(file, (size_t)(slash - file));
    char *directory = realpath(name, NULL);
    int rc = directory ? search_spec_resolve(spec, directory, err)
                       : err_set(err, ERR_IO, "%s: %s", name, strerror(errno));
    free(directory);
    mem_free(name);
    return rc;
}

static void write_models(const struct search_spec *spec, struct json_out *out)
{
    if (!spec->has_models)
        return;
    json_name(out, "models");
    json_object(out);
    json_put_text(out, "base", spec->base);
    json_put_text(out, "tuned", spec->tuned);
    json_end_object(out);
    json_name(out, "ends");
    if (spec->ends == ENDS_OWN)
        json_raw(out, "{\"own\":true}");
    else
        json_text(out, spec_ends_words[spec->ends]);
}

static void write_ratio(const struct search_spec *spec, struct json_out *out)
{
    json_name(out, "ratio");
    json_object(out);
    json_put_double(out, "min", spec->ratio_min);
    json_put_double(out, "max", spec->ratio_max);
    json_put_bool(out, "extrapolate", spec_extrapolates(spec));
    json_end_object(out);
}

void search_spec_write_output(const struct search_spec *spec, struct json_out *out)
{
    json_name(out, "output");
    json_object(out);
    json_put_text(out, "rounding", spec_rounding_words[spec->rounding]);
    json_put_text(out, "dtype", spec_dtype_words[spec->output_dtype]);
    json_put_text(out, "others", spec_others_words[spec->others]);
    json_end_object(out);
}

static void write_objective(const struct spec_objective *objective, struct json_out *out)
{
    json_object(out);
    json_put_text(out, "name", objective->name);
    if (objective->metrics_n == 1) {
        json_put_text(out, "metric", objective->metrics[0]);
    } else {
        json_name(out, "mean_of");
        json_array(out);
        for (int i = 0; i < objective->metrics_n; i++)
            json_text(out, objective->metrics[i]);
        json_end_array(out);
    }
    json_put_text(out, "goal", spec_goal_words[objective->minimise]);
    if (objective->has_reference)
        json_put_double(out, "reference", objective->reference);
    json_end_object(out);
}

static void write_evaluator(const struct search_spec *spec, struct json_out *out)
{
    json_name(out, "evaluator");
    json_object(out);
    json_put_text(out, "type", spec_evaluator_words[spec->evaluator]);
    if (spec->evaluator == EVALUATOR_NATIVE) {
        json_put_text(out, "bundle", spec->bundle);
    } else if (spec->evaluator != EVALUATOR_EXTERNAL) {
        json_name(out, "argv");
        json_array(out);
        for (int i = 0; i < spec->argv_n; i++)
            json_text(out, spec->argv[i]);
        json_end_array(out);
        json_put_text(out, "merge", spec_merge_words[spec->merge - MERGE_DIRECTORY]);
        json_put_double(out, "time_limit_s", spec->time_limit_s);
    }
    if (spec->evaluator == EVALUATOR_RESIDENT) {
        json_put_double(out, "start_limit_s", spec->start_limit_s);
        json_put_double(out, "idle_limit_s", spec->idle_limit_s);
    }
    if (spec->slices != (spec->evaluator == EVALUATOR_NATIVE ? SPEC_SLICES_NATIVE : 1))
        json_put_int(out, "slices", spec->slices);
    if (spec->written)
        json_put_bool(out, "written", true);
    json_end_object(out);
}

static void write_strategy(const struct search_spec *spec, struct json_out *out)
{
    json_name(out, "strategy");
    json_object(out);
    json_put_text(out, "type", spec_strategy_words[spec->strategy]);
    if (spec->strategy == STRATEGY_IDENTIFY)
        json_put_double(out, "ratio", spec->ratio);
    else
        json_put_int(out, "sweep_points", spec->sweep_points);
    if (spec->strategy == STRATEGY_HMA || spec->strategy == STRATEGY_SCALARIZE) {
        json_put_text(out, "algorithm", spec->algorithm);
        json_put_double(out, "initial_step", spec->initial_step);
    }
    if (spec->strategy == STRATEGY_HMA) {
        json_put_doubles(out, "means", spec->means, (size_t)spec->means_n);
        json_put_text(out, "objective", spec->objectives[spec->alignment].name);
    }
    if (spec->strategy == STRATEGY_SCALARIZE) {
        json_put_int(out, "streams", spec->streams);
        json_put_double(out, "rho", spec->rho);
    }
    if (spec->strategy == STRATEGY_QUADRATIC || spec->strategy == STRATEGY_BAYES) {
        if (spec->has_mean)
            json_put_double(out, "mean", spec->mean);
        if (spec->design >= 0)
            json_put_int(out, "design", spec->design);
        json_put_double(out, "early_stop", spec->early_stop);
        if (spec->screen > 0)
            json_put_double(out, "screen", spec->screen);
    }
    if (spec->strategy == STRATEGY_BAYES)
        json_put_double(out, "repeats", spec->repeats);
    json_end_object(out);
}

static void write_budget(const struct search_spec *spec, struct json_out *out)
{
    json_name(out, "budget");
    json_object(out);
    json_put_int(out, "trials", spec->trials);
    json_put_double(out, "seconds", spec->budget_s);
    json_put_int(out, "attempts", spec->attempts);
    if (spec->items)
        json_put_int(out, "items", spec->items);
    if (spec->gain > 0)
        json_put_double(out, "gain", spec->gain);
    json_end_object(out);
}

static void write_spec(const struct search_spec *spec, bool with_given, struct json_out *out)
{
    json_object(out);
    json_put_text(out, "name", spec->name);
    write_models(spec, out);
    spec_write_groups(spec, out);
    write_ratio(spec, out);
    /* left out when it is all default: such a search has the text that it always had */
    if (spec->rounding != ROUND_NEAREST || spec->output_dtype != OUTPUT_SAME || spec->others != OTHERS_EQUAL)
        search_spec_write_output(spec, out);
    json_name(out, "objectives");
    json_array(out);
    for (int i = 0; i < spec->objectives_n; i++)
        write_objective(&spec->objectives[i], out);
    json_end_array(out);
    write_evaluator(spec, out);
    write_strategy(spec, out);
    write_budget(spec, out);
    if (with_given)
        spec_write_given(spec, out);
    json_put_bool(out, "held_out", spec->held_out);
    json_put_int(out, "seed", (int64_t)spec->seed);
    json_end_object(out);
}

void search_spec_write(const struct search_spec *spec, struct json_out *out)
{
    write_spec(spec, true, out);
}

void search_spec_write_brief(const struct search_spec *spec, struct json_out *out)
{
    write_spec(spec, false, out);
}
