#include "daemon/submission.h"

#include "daemon/bundle_check.h"
#include "merge/preflight/preflight.h"
#include "proto/bundle_metrics.h"
#include "proto/limits.h"
#include "proto/mem.h"
#include "proto/spec_space.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define NAMED 3                       /* wrong fields in a sentence */
#define REPORT_MAX ((size_t)64 << 20) /* plan, digests and report: a hundred thousand tensors */

void submission_error(struct submission *s, const char *field, const char *format, ...)
{
    struct spec_errors *errors = &s->errors;
    const int last = SPEC_ERRORS_MAX - 1;
    va_list args;
    if (errors->n == SPEC_ERRORS_MAX) {
        errors->more += errors->more ? 1 : 2; /* the last makes way for the line that says so */
        snprintf(errors->item[last].field, sizeof errors->item[last].field, "search");
        snprintf(errors->item[last].text, sizeof errors->item[last].text,
                 "has %d more faults than are listed; mend what stands above, then submit again",
                 errors->more);
        return;
    }
    int i = errors->n++;
    va_start(args, format);
    snprintf(errors->item[i].field, sizeof errors->item[i].field, "%s", field);
    vsnprintf(errors->item[i].text, sizeof errors->item[i].text, format, args);
    va_end(args);
}

char *submission_sentence(const struct spec_errors *errors)
{
    int listed = errors->more ? errors->n - 1 : errors->n; /* the last says that there are more */
    int total = listed + errors->more, named = listed < NAMED ? listed : NAMED;
    struct buf buf;
    buf_init(&buf, (size_t)1 << 20);
    buf_printf(&buf, "the search has %d wrong field%s: ", total, total == 1 ? "" : "s");
    for (int i = 0; i < named; i++)
        buf_printf(&buf, "%s%s: %s", i ? "; " : "", errors->item[i].field, errors->item[i].text);
    if (total > named)
        buf_printf(&buf, "; and %d more (\"fields\" lists %s%d); mend them and submit again", total - named,
                   total > listed ? "the first " : "all ", listed);
    return buf_take(&buf);
}

/* A sentence of a lower room opens with the field it is about ("strategy.algorithm: …"), or with something else. */
static void add_sentence(struct submission *s, const char *otherwise, const char *sentence)
{
    static const char *const roots[] = {"strategy",   "budget", "groups", "ratio",
                                        "objectives", "ends",   "output", "given"};
    size_t n = strcspn(sentence, ": ");
    for (size_t i = 0; i < sizeof roots / sizeof *roots; i++)
        if (!strncmp(sentence, roots[i], strlen(roots[i])) && n < 100 && !strncmp(sentence + n, ": ", 2)) {
            char field[128];
            snprintf(field, sizeof field, "%.*s", (int)n, sentence);
            submission_error(s, field, "%s", sentence + n + 2);
            return;
        }
    submission_error(s, otherwise, "%s", sentence);
}

static void add_name(struct submission *s, const char *name)
{
    if (s->k <= OPT_K_MAX)
        s->names[s->k] = mem_strdup(name);
    s->k++;
}

/* The daemon does not know the directory of whoever submits, nor do the workers. */
static bool is_absolute(const char *directory)
{
    return directory[0] == '/';
}

/* What can be said of one checkpoint without the other. */
static void check_model(struct submission *s, const char *field, const char *directory)
{
    struct checkpoint *ckpt;
    struct err err = {0};
    if (!is_absolute(directory))
        submission_error(s, field, "\"%s\" must be an absolute path: the daemon does not know your directory",
                         directory);
    else if (checkpoint_open(directory, &ckpt, &err))
        submission_error(s, field, "%s", err.text);
    else
        checkpoint_close(ckpt);
}

static void take_plan(struct submission *s, const struct plan *plan)
{
    struct json_out out;
    json_begin(&out, &s->plan);
    plan_write(plan, &out);
    for (int i = 0; i < plan->ratios_n && i <= OPT_K_MAX; i++)
        add_name(s, plan->names[i]);
    s->k = plan->ratios_n;
}

/* What the preflight found: errors are the submitter's, the report and the identity of the pair are kept. */
static void take_report(struct submission *s, const struct preflight *preflight)
{
    const struct preflight_finding *finding;
    struct json_out out;
    for (size_t i = 0; (finding = preflight_finding(preflight, i)); i++)
        if (finding->level == PREFLIGHT_ERROR)
            submission_error(s, finding->field, "%s", finding->text);
    const struct plan *plan = preflight_plan(preflight);
    if (!plan || s->errors.n > 0)
        return;
    take_plan(s, plan);
    json_begin(&out, &s->preflight);
    preflight_write(preflight, &out);
    json_begin(&out, &s->digests);
    preflight_write_digests(preflight, &out);
    if (s->plan.full || s->preflight.full || s->digests.full)
        submission_error(s, "models", "the plan of so many tensors is over %zu MiB", REPORT_MAX >> 20);
}

static int is_cancelled(void *cancel, uint64_t done_bytes, uint64_t total_bytes)
{
    (void)done_bytes;
    (void)total_bytes;
    return atomic_load((const atomic_bool *)cancel);
}

static int check_models(struct submission *s, const atomic_bool *cancel)
{
    struct preflight *preflight;
    struct err err = {0};
    const struct digest_progress progress = {is_cancelled, (void *)(uintptr_t)cancel};
    if (!is_absolute(s->spec.base) || !is_absolute(s->spec.tuned)) {
        check_model(s, "models.base", s->spec.base);
        check_model(s, "models.tuned", s->spec.tuned);
        return 0;
    }
    int rc = preflight_run(&s->spec, &progress, &preflight, &err);
    if (rc == ERR_CANCELLED)
        return rc;
    if (rc) {
        submission_error(s, "models", "%s", err.text);
        return 0;
    }
    take_report(s, preflight);
    preflight_free(preflight);
    return 0;
}

/* Without models nothing has layers: the ratios are numbers for the user's own function. */
static void check_groups(struct submission *s)
{
    const struct search_spec *spec = &s->spec;
    if (spec->grouping == GROUPING_LAYERWISE || spec->groups_n < 1) {
        submission_error(s, "groups", "without models there are no layers; give {\"count\": N}");
        return;
    }
    for (int i = 0; i < spec->groups_n && i <= OPT_K_MAX; i++) {
        char name[32];
        snprintf(name, sizeof name, "group %d", i + 1);
        add_name(s, spec->grouping == GROUPING_NAMED ? spec->groups[i].name : name);
    }
    s->k = spec->groups_n;
}

static void complain_of_bundle(void *ctx, const char *sentence)
{
    submission_error(ctx, "evaluator.bundle", "%s", sentence);
}

static void complain_of_metric(void *ctx, const char *field, const char *sentence)
{
    submission_error(ctx, field, "%s", sentence);
}

static void check_bundle(struct submission *s)
{
    struct bundle_metrics metrics = {0};
    struct err err = {0};
    if (s->spec.bundle[0] != '/')
        submission_error(s, "evaluator.bundle", "\"%s\" must be an absolute path", s->spec.bundle);
    else {
        int rc = bundle_metrics_read(s->spec.bundle, &metrics, &err);
        bundle_check(s->spec.bundle, json_get(metrics.root, "tasks"), complain_of_bundle, s);
        if (rc)
            submission_error(s, "evaluator.bundle", "%s", err.text);
        else
            bundle_metrics_check(&metrics, &s->spec, complain_of_metric, s);
    }
    bundle_metrics_fini(&metrics);
}

/* The daemon does not know the directory of whoever submits, nor do the workers. */
static void check_command(struct submission *s)
{
    for (int i = 0; i < s->spec.argv_n; i++) {
        const char *word = s->spec.argv[i];
        char field[64];
        if (strncmp(word, "./", 2) && strncmp(word, "../", 3))
            continue;
        snprintf(field, sizeof field, "evaluator.argv[%d]", i);
        submission_error(
            s, field, "\"%s\": give an absolute path; paretoctl makes paths absolute against the search file",
            word);
    }
}

static void make_search(struct submission *s)
{
    struct err err = {0};
    struct buf text;
    struct json_out out;
    buf_init(&text, 2 * LIMIT_BODY_BYTES); /* what was given may be written longer than it came */
    json_begin(&out, &text);
    if (s->k <= OPT_K_MAX)
        search_spec_settle(&s->spec, (const char *const *)s->names, s->k);
    search_spec_write(&s->spec, &out);
    s->spec_text = buf_take(&text);
    if (search_create(0, &s->spec, s->k, (const char *const *)s->names, &s->search, &err))
        add_sentence(s, "strategy", err.text);
}

int submission_check(struct submission *s, const atomic_bool *cancel)
{
    int rc = 0;
    buf_init(&s->plan, REPORT_MAX);
    buf_init(&s->preflight, REPORT_MAX);
    buf_init(&s->digests, REPORT_MAX);
    if (s->spec.has_models)
        rc = check_models(s, cancel);
    else
        check_groups(s);
    if (rc)
        return rc;
    if (s->spec.evaluator == EVALUATOR_NATIVE)
        check_bundle(s);
    else
        check_command(s);
    if (s->k > OPT_K_MAX)
        submission_error(s, "groups", "%d ratios are too many; at most %d", s->k, OPT_K_MAX);
    if (s->errors.n == 0)
        make_search(s);
    return 0;
}

void submission_fini(struct submission *s)
{
    search_spec_fini(&s->spec);
    buf_fini(&s->plan);
    buf_fini(&s->preflight);
    buf_fini(&s->digests);
    for (int i = 0; i <= OPT_K_MAX; i++)
        mem_free(s->names[i]);
    mem_free(s->spec_text);
    search_destroy(s->search);
}
