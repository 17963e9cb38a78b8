#include "worker/once.h"

#include "worker/lease.h"

#include "proto/mem.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX ((size_t)1 << 20)
#define OUTPUT_MAX ((size_t)64 << 20)

static int read_search(const char *path, struct search_spec *spec, struct err *err)
{
    struct json *root;
    struct spec_errors errors;
    int rc = json_parse_file(path, FILE_MAX, &root, err);
    if (rc)
        return rc;
    if (search_spec_parse(root, spec, &errors))
        rc = err_set(err, ERR_INVALID, "%s: %s: %s", path, errors.item[0].field, errors.item[0].text);
    json_free(root);
    if (rc)
        return rc;
    rc = search_spec_resolve_file(spec, path, err);
    if (rc)
        search_spec_fini(spec);
    return rc;
}

static int read_ratios(const char *text, double *ratios, int *n, struct err *err)
{
    const char *at = text;
    for (*n = 0; *n < SPEC_GROUPS_MAX + 1;) {
        char *end;
        double x = strtod(at, &end);
        if (end == at || !isfinite(x))
            break;
        ratios[(*n)++] = x;
        if (*end == 0)
            return 0;
        if (*end != ',')
            break;
        at = end + 1;
    }
    return err_set(err, ERR_INVALID,
                   "--ratios %s: write numbers with commas between them, such as 0.2,0.5,0.8", text);
}

/* The daemon never proposes others, and a program of the user's may not expect them. Which group a ratio is of is not
 * known here, so it may lie in the range of any group. */
static int check_ratios(const struct search_spec *spec, const double *ratios, int n, struct err *err)
{
    double low = spec->ratio_min, high = spec->ratio_max;
    for (int i = 0; i < spec->bounds_n; i++) {
        low = fmin(low, spec->bounds[i].min);
        high = fmax(high, spec->bounds[i].max);
    }
    for (int i = 0; i < n; i++)
        if (ratios[i] < low || ratios[i] > high)
            return err_set(err, ERR_INVALID,
                           "--ratios: %g is outside of this search's ratio.min and ratio.max, %g to %g",
                           ratios[i], low, high);
    return 0;
}

/* Standard output may be a full disk or a closed pipe: half a line is no answer. */
static int print_scores(const struct scores *scores, struct err *err)
{
    struct buf buf;
    int rc = 0;
    buf_init(&buf, OUTPUT_MAX);
    lease_write_result(scores, &buf);
    if (buf.full)
        rc = err_set(err, ERR_TOO_LARGE, "the scores are larger than %zu MiB", OUTPUT_MAX >> 20);
    else if (puts(buf_str(&buf)) < 0 || fflush(stdout) != 0)
        rc = err_set(err, ERR_IO, "cannot write the scores on standard output: %s", strerror(errno));
    buf_fini(&buf);
    return rc;
}

int once_run(const struct once_options *options, const atomic_bool *cancel, struct err *err)
{
    struct search_spec spec;
    struct evaluator *evaluator = NULL;
    struct scores scores = {0};
    double ratios[SPEC_GROUPS_MAX + 1];
    struct evaluation evaluation = {
        .search = 1, .attempt = 1, .half = options->half, .ratios = ratios, .cancel = cancel};
    int rc = read_search(options->search, &spec, err);
    if (rc)
        return rc;
    evaluation.seed = spec.seed;
    rc = read_ratios(options->ratios, ratios, &evaluation.ratios_n, err);
    if (!rc)
        rc = check_ratios(&spec, ratios, evaluation.ratios_n, err);
    if (!rc)
        rc = evaluator_open(&spec, options->scratch, &evaluator, err);
    if (!rc)
        rc = evaluator_run(evaluator, &evaluation, &scores, err);
    if (!rc)
        rc = print_scores(&scores, err);
    scores_fini(&scores);
    evaluator_close(evaluator);
    search_spec_fini(&spec);
    return rc;
}
