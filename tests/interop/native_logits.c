/* native_logits SEARCH.json RATIOS IDS: the logits of the merged model after every token, merged in memory and run as
 * a worker does. Prints one JSON array a token. For tests/interop, which compares them with transformers' logits of
 * the exported checkpoint. */
#include "worker/forward.h"

#include "proto/mem.h"
#include "proto/search_spec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIST_MAX 512

static int fail(const struct err *err)
{
    fprintf(stderr, "native_logits: %s\n", err->text);
    return 1;
}

static int read_list(const char *text, double *out)
{
    int n = 0;
    for (char *end; n < LIST_MAX; text = end + 1) {
        out[n++] = strtod(text, &end);
        if (*end != ',')
            return n;
    }
    return n;
}

static void print_logits(struct forward *forward, int n)
{
    size_t columns = (size_t)forward_columns(forward);
    float *logits = mem_zero(columns, sizeof *logits);
    for (int r = 0; r < n; r++) {
        struct buf buf;
        struct json_out out;
        buf_init(&buf, 1 << 20);
        json_begin(&out, &buf);
        json_array(&out);
        forward_logits(forward, &r, 1, logits);
        for (size_t j = 0; j < columns; j++)
            json_double(&out, (double)logits[j]);
        json_end_array(&out);
        puts(buf_str(&buf));
        buf_fini(&buf);
    }
    mem_free(logits);
}

static int run(const struct search_spec *spec, const double *ratios, int ratios_n, const int32_t *ids, int n)
{
    struct checkpoint *base = NULL, *tuned = NULL;
    struct plan *plan = NULL;
    struct model *model = NULL;
    struct err err = {0};
    int rc = checkpoint_open(spec->base, &base, &err);
    if (!rc)
        rc = checkpoint_open(spec->tuned, &tuned, &err);
    if (!rc)
        rc = plan_make(spec, base, tuned, &plan, &err);
    if (!rc && ratios_n != plan->ratios_n)
        rc = err_set(&err, ERR_INVALID, "the plan has %d ratios, not %d", plan->ratios_n, ratios_n);
    if (!rc)
        rc = model_open(base, HEAD_LANGUAGE, &model, &err);
    if (!rc)
        rc =
            model_load(model, &(struct weights){.base = base, .tuned = tuned, .plan = plan, .ratios = ratios},
                       NULL, &err);
    if (!rc) {
        struct forward *forward;
        forward_open(model, kernel_best(), n, 1, n, &forward);
        rc = forward_run(forward, &(struct segment){.n = n, .ids = ids}, 1, NULL, &err);
        if (!rc)
            print_logits(forward, n);
        forward_close(forward);
    }
    model_close(model);
    plan_free(plan);
    checkpoint_close(tuned);
    checkpoint_close(base);
    return rc ? fail(&err) : 0;
}

int main(int argc, char **argv)
{
    struct json *root;
    struct search_spec spec;
    struct spec_errors errors;
    struct err err = {0};
    double ratios[LIST_MAX], list[LIST_MAX];
    int32_t ids[LIST_MAX];
    if (argc != 4) {
        fputs("usage: native_logits SEARCH.json 0.2,0.5,0.8 1,17,4   (absolute paths in the search)\n",
              stderr);
        return 2;
    }
    if (json_parse_file(argv[1], 1 << 20, &root, &err))
        return fail(&err);
    int rc = search_spec_parse(root, &spec, &errors);
    json_free(root);
    if (rc) {
        fprintf(stderr, "native_logits: %s: %s\n", errors.item[0].field, errors.item[0].text);
        return 1;
    }
    int ratios_n = read_list(argv[2], ratios);
    int n = read_list(argv[3], list);
    for (int i = 0; i < n; i++)
        ids[i] = (int32_t)list[i];
    rc = run(&spec, ratios, ratios_n, ids, n);
    search_spec_fini(&spec);
    return rc;
}
