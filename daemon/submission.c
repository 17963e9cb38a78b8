#include "daemon/submission.h"

#include "daemon/bundle_check.h"
#include "merge/preflight.h"
#include "proto/mem.h"
#include "proto/spec_space.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define REPORT_MAX ((size_t)64 << 20) /* plan, digests and report: a hundred thousand tensors */
#define BUNDLE_MAX ((size_t)1 << 20)
#define METRICS_MAX 256

void submission_error(struct submission *s, const char *field, const char *format, ...)
{
    bool full = s->errors.n == SPEC_ERRORS_MAX; /* then the last says that there are more */
    int i = full ? SPEC_ERRORS_MAX - 1 : s->errors.n++;
    va_list args;
    va_start(args, format);
    snprintf(s->errors.item[i].field, sizeof s->errors.item[i].field, "%s", field);
    vsnprintf(s->errors.item[i].text, sizeof s->errors.item[i].text,
              full ? "and more is wrong than is listed: mend what stands above, then submit again" : format,
              args);
    va_end(args);
}

/* A sentence of a lower room opens with the field it is about ("strategy.algorithm: …"), or with something else. */
static void add_sentence(struct submission *s, const char *otherwise, const char *sentence)
{
    static const char *const roots[] = {"strategy",   "budget", "groups", "ratio",
                                        "objectives", "ends",   "output"};
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

struct metrics {
    int n;
    char *name[METRICS_MAX];
};

static void complain_of_bundle(void *ctx, const char *sentence)
{
    submission_error(ctx, "evaluator.bundle", "%s", sentence);
}

static int read_bundle(struct submission *s, struct metrics *known, struct err *err)
{
    const char *directory = s->spec.bundle;
    struct stat st;
    if (stat(directory, &st) || !S_ISDIR(st.st_mode))
        return err_set(err, ERR_NOT_FOUND, "\"%s\" is not a directory; give the path of a bundle", directory);
    char *path = mem_printf("%s/bundle.json", directory);
    struct json *root;
    int rc = json_parse_file(path, BUNDLE_MAX, &root, err);
    mem_free(path);
    if (rc)
        return rc;
    const struct json *tasks = json_get(root, "tasks");
    for (const struct json *task = json_first(tasks); task; task = json_next(task)) {
        const char *name = json_string_or(json_get(task, "name"), NULL);
        const struct json *metrics = json_get(task, "metrics");
        for (const struct json *m = json_first(metrics); m && name && known->n < METRICS_MAX;
             m = json_next(m))
            if (json_string_or(m, NULL))
                known->name[known->n++] = mem_printf("%s.%s", name, json_string_or(m, ""));
    }
    bundle_check(directory, tasks, complain_of_bundle, s);
    json_free(root);
    if (known->n == 0)
        return err_set(err, ERR_INVALID, "%s/bundle.json names no task with metrics", directory);
    return 0;
}

static void check_metric(struct submission *s, int o, int i, const struct metrics *known)
{
    const struct spec_objective *objective = &s->spec.objectives[o];
    const char *metric = objective->metrics[i];
    for (int k = 0; k < known->n; k++)
        if (!strcmp(known->name[k], metric))
            return;
    char field[64];
    if (objective->metrics_n == 1)
        snprintf(field, sizeof field, "objectives[%d].metric", o);
    else
        snprintf(field, sizeof field, "objectives[%d].mean_of[%d]", o, i);
    const char *near = spec_nearest(metric, (const char *const *)known->name, (size_t)known->n);
    submission_error(s, field, "the bundle has no metric \"%s\"; %s \"%s\"%s", metric,
                     near ? "did you mean" : "it has, among others,", near ? near : known->name[0],
                     near ? "?" : "");
}

static void check_bundle(struct submission *s)
{
    struct metrics known = {0};
    struct err err = {0};
    if (s->spec.bundle[0] != '/')
        submission_error(s, "evaluator.bundle", "\"%s\" must be an absolute path", s->spec.bundle);
    else if (read_bundle(s, &known, &err))
        submission_error(s, "evaluator.bundle", "%s", err.text);
    else
        for (int o = 0; o < s->spec.objectives_n; o++)
            for (int i = 0; i < s->spec.objectives[o].metrics_n; i++)
                check_metric(s, o, i, &known);
    for (int i = 0; i < known.n; i++)
        mem_free(known.name[i]);
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
    buf_init(&text, (size_t)1 << 20);
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
