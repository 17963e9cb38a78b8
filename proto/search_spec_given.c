/* "given": trials that were scored elsewhere. */
#include "proto/mem.h"
#include "proto/search_spec_internal.h"
#include "proto/spec_words.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void parse_ratios(const struct reader *in, struct spec_given *given, int i)
{
    const struct json *list = json_get(in->object, "ratios");
    double *ratio = given->ratios + (size_t)i * (size_t)given->k;
    char name[32];
    size_t j = 0;
    if (!json_is(list, JSON_ARRAY)) {
        reader_error(in, "ratios", "must be an array of %d ratios, one a group", given->k);
        return;
    }
    if (json_len(list) != (size_t)given->k) {
        reader_error(in, "ratios", "must be an array of %d ratios, one a group, and has %zu", given->k,
                     json_len(list));
        return;
    }
    for (const struct json *c = json_first(list); c; c = json_next(c), j++) {
        ratio[j] = json_number_or(c, NAN) + 0.0; /* never -0: ratios are compared bit by bit */
        if (ratio[j] >= -10 && ratio[j] <= 10)
            continue;
        snprintf(name, sizeof name, "ratios[%zu]", j);
        if (json_is(c, JSON_NUMBER))
            reader_error(in, name, "must be a number from -10 to 10, not %g", ratio[j]);
        else
            reader_error(in, name, "must be a number from -10 to 10, not %s", json_type_name(json_type(c)));
    }
}

/* A number, or {"mean", "stderr"}. */
static void parse_score(const struct reader *scores, const char *objective, const struct json *j,
                        double *mean, double *stderr_)
{
    struct reader in;
    *stderr_ = NAN;
    if (json_is(j, JSON_NUMBER)) {
        *mean = json_number_or(j, 0);
        if (!(fabs(*mean) <= 1e300))
            reader_error(scores, objective, "must be from -1e+300 to 1e+300");
        return;
    }
    reader_inner(scores, objective, &in);
    if (!in.object)
        return;
    reader_known(&in, &spec_objects[OBJECT_GIVEN_SCORE], NULL, 0, 0);
    if (!json_get(in.object, "mean"))
        reader_error(&in, "mean", "is missing; give a number, or {\"mean\", \"stderr\"}");
    reader_number(&in, "mean", -1e300, 1e300, mean);
    reader_number(&in, "stderr", 0, 1e300, stderr_);
}

static int find_objective(const struct search_spec *spec, const char *name)
{
    int i = 0;
    while (i < spec->objectives_n && strcmp(spec->objectives[i].name, name) != 0)
        i++;
    return i;
}

static void parse_scores(const struct reader *row, const struct search_spec *spec, struct spec_given *given,
                         int i)
{
    size_t at = (size_t)i * (size_t)given->m;
    bool has[SPEC_OBJECTIVES_MAX] = {false};
    struct reader in;
    reader_inner(row, "scores", &in);
    for (const struct json *c = json_first(in.object); c; c = json_next(c)) {
        int j = find_objective(spec, json_key(c));
        if (j == spec->objectives_n) {
            reader_error(&in, json_key(c), "is not the name of one of the objectives");
            continue;
        }
        has[j] = true;
        parse_score(&in, json_key(c), c, &given->means[at + (size_t)j], &given->stderrs[at + (size_t)j]);
    }
    for (int j = 0; j < given->m; j++)
        if (!has[j])
            reader_error(row, "scores", "must have every objective; \"%s\" is missing",
                         spec->objectives[j].name);
}

static void parse_row(const struct reader *row, const struct search_spec *spec, struct spec_given *given,
                      int i)
{
    reader_known(row, &spec_objects[OBJECT_GIVEN], NULL, 0, 0);
    parse_ratios(row, given, i);
    parse_scores(row, spec, given, i);
    if (json_get(row->object, "source"))
        reader_text(row, "source", false, given->sources[i], sizeof given->sources[i]);
}

static struct spec_given *given_make(int n, int k, int m)
{
    struct spec_given *given = mem_zero(1, sizeof *given);
    given->n = n;
    given->k = k;
    given->m = m;
    given->ratios = mem_zero((size_t)n * (size_t)k, sizeof *given->ratios);
    given->means = mem_zero((size_t)n * (size_t)m, sizeof *given->means);
    given->stderrs = mem_zero((size_t)n * (size_t)m, sizeof *given->stderrs);
    given->sources = mem_zero((size_t)n, sizeof *given->sources);
    return given;
}

void spec_given_free(struct spec_given *given)
{
    if (!given)
        return;
    mem_free(given->ratios);
    mem_free(given->means);
    mem_free(given->stderrs);
    mem_free(given->sources);
    mem_free(given);
}

/* Of the first row that can be right; 1 when none can: every row is then refused. */
static size_t count_ratios(const struct json *list)
{
    for (const struct json *c = json_first(list); c; c = json_next(c)) {
        const struct json *ratios = json_get(c, "ratios");
        if (json_is(ratios, JSON_ARRAY) && json_len(ratios) >= 1 && json_len(ratios) <= SPEC_RATIOS_MAX)
            return json_len(ratios);
    }
    return 1;
}

void spec_parse_given(const struct reader *r, size_t k, struct search_spec *spec)
{
    const struct json *list = json_get(r->object, "given");
    int i = 0;
    if (!list || (json_is(list, JSON_ARRAY) && json_len(list) == 0))
        return;
    if (!json_is(list, JSON_ARRAY) || json_len(list) > SPEC_GIVEN_MAX) {
        reader_error(r, "given", "must be an array of up to %d objects {\"ratios\": […], \"scores\": {…}}",
                     SPEC_GIVEN_MAX);
        return;
    }
    if (!k)
        k = count_ratios(list);
    if (spec->objectives_n == 0)
        return; /* said already */
    spec->given = given_make((int)json_len(list), (int)k, spec->objectives_n);
    for (const struct json *c = json_first(list); c; c = json_next(c), i++) {
        struct reader row;
        reader_element(r, "given", (size_t)i, c, &row);
        if (row.object)
            parse_row(&row, spec, spec->given, i);
    }
}

static void write_row(const struct search_spec *spec, int i, struct json_out *out)
{
    const struct spec_given *given = spec->given;
    json_object(out);
    json_put_doubles(out, "ratios", given->ratios + (size_t)i * (size_t)given->k, (size_t)given->k);
    json_name(out, "scores");
    json_object(out);
    for (int j = 0; j < given->m; j++) {
        size_t at = (size_t)i * (size_t)given->m + (size_t)j;
        json_name(out, spec->objectives[j].name);
        if (isnan(given->stderrs[at])) {
            json_double(out, given->means[at]);
            continue;
        }
        json_object(out);
        json_put_double(out, "mean", given->means[at]);
        json_put_double(out, "stderr", given->stderrs[at]);
        json_end_object(out);
    }
    json_end_object(out);
    if (*given->sources[i])
        json_put_text(out, "source", given->sources[i]);
    json_end_object(out);
}

void spec_write_given(const struct search_spec *spec, struct json_out *out)
{
    if (!spec->given)
        return;
    json_name(out, "given");
    json_array(out);
    for (int i = 0; i < spec->given->n; i++)
        write_row(spec, i, out);
    json_end_array(out);
}
