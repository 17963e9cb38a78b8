#include "worker/once.h"

#include "worker/lease.h"

#include "proto/mem.h"
#include "proto/spec_space.h"

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
    for (*n = 0; *n < SPEC_RATIOS_MAX;) {
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

static int refuse_count(const char *const *names, int k, int n, struct err *err)
{
    struct buf list;
    buf_init(&list, 300);
    for (int i = 0; i < k; i++)
        buf_printf(&list, "%s%s", i ? ", " : "", names[i]);
    err_set(err, ERR_INVALID, "--ratios: this search has %d ratios (%s%s), not %d", k, buf_str(&list),
            list.full ? ", …" : "", n);
    buf_fini(&list);
    return ERR_INVALID;
}

/* The daemon never proposes others, and a program of the user's may not expect them. */
static int check_ratios(const struct search_spec *spec, const struct evaluator *evaluator,
                        const double *ratios, int n, struct err *err)
{
    const char *names[SPEC_RATIOS_MAX];
    double low[SPEC_RATIOS_MAX], high[SPEC_RATIOS_MAX];
    int tie[SPEC_RATIOS_MAX], k = evaluator_names(evaluator, names);
    if (n != k)
        return refuse_count(names, k, n, err);
    int rc = search_spec_space(spec, names, k, low, high, tie, err);
    for (int i = 0; !rc && i < n; i++) {
        if (low[i] == high[i] && ratios[i] != low[i])
            rc = err_set(err, ERR_INVALID, "--ratios: \"%s\" is frozen at %g in this search, not %g",
                         names[i], low[i], ratios[i]);
        else if (ratios[i] < low[i] || ratios[i] > high[i])
            rc = err_set(err, ERR_INVALID,
                         "--ratios: %g for \"%s\" is outside of its range in this search, %g to %g",
                         ratios[i], names[i], low[i], high[i]);
        else if (ratios[i] != ratios[tie[i]])
            rc = err_set(err, ERR_INVALID,
                         "--ratios: \"%s\" and \"%s\" are tied in this search (groups.tie): %g and %g must "
                         "be equal",
                         names[tie[i]], names[i], ratios[tie[i]], ratios[i]);
    }
    return rc;
}

/* Standard output may be a full disk or a closed pipe: half a line is no answer. */
static int print_scores(const struct scores *scores, void (*write)(const struct scores *, struct buf *),
                        struct err *err)
{
    struct buf buf;
    int rc = 0;
    buf_init(&buf, OUTPUT_MAX);
    write(scores, &buf);
    if (buf.full)
        rc = err_set(err, ERR_TOO_LARGE, "the scores are larger than %zu MiB", OUTPUT_MAX >> 20);
    else if (puts(buf_str(&buf)) < 0 || fflush(stdout) != 0)
        rc = err_set(err, ERR_IO, "cannot write the scores on standard output: %s", strerror(errno));
    buf_fini(&buf);
    return rc;
}

static void print_slice(void *ctx, const struct scores *scores)
{
    (void)ctx;
    print_scores(scores, lease_write_slice, NULL); /* the last line's failure is told */
}

static bool go_on(void *ctx, double wait_s)
{
    (void)ctx;
    (void)wait_s;
    return false;
}

int once_run(const struct once_options *options, const atomic_bool *cancel, struct err *err)
{
    struct search_spec spec;
    struct evaluator *evaluator = NULL;
    struct scores scores = {0};
    double ratios[SPEC_RATIOS_MAX];
    struct evaluation evaluation = {
        .search = 1, .attempt = 1, .half = options->half, .ratios = ratios, .cancel = cancel};
    const struct slice_hearer hearer = {NULL, print_slice, go_on, NULL};
    int rc = read_search(options->search, &spec, err);
    if (rc)
        return rc;
    evaluation.seed = spec.seed;
    spec.written = spec.written || options->written;
    evaluation.slices = options->slices;
    evaluation.hearer = options->slices > 1 ? &hearer : NULL;
    rc = read_ratios(options->ratios, ratios, &evaluation.ratios_n, err);
    if (!rc)
        rc = evaluator_open(&spec, options->scratch, &evaluator, err);
    if (!rc)
        rc = check_ratios(&spec, evaluator, ratios, evaluation.ratios_n, err);
    if (!rc)
        rc = evaluator_run(evaluator, &evaluation, &scores, err);
    if (!rc)
        rc = print_scores(&scores, lease_write_result, err);
    scores_fini(&scores);
    evaluator_close(evaluator);
    search_spec_fini(&spec);
    return rc;
}
