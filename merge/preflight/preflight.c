#include "merge/preflight/preflight_internal.h"
#include "proto/mem.h"
#include "proto/spec_space.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THREADS 2 /* of the pass over the weights: enough for a disk, and a server keeps its other cores */

/* --- findings --- */

/* Two checks may come upon the same broken file; it is said once. */
static bool is_said(const struct preflight *p, const struct preflight_finding *finding)
{
    for (size_t i = 0; i < p->findings_n; i++)
        if (strcmp(p->findings[i].field, finding->field) == 0 &&
            strcmp(p->findings[i].text, finding->text) == 0)
            return true;
    return false;
}

void preflight_say(struct preflight *p, enum preflight_level level, const char *field, const char *format,
                   ...)
{
    struct preflight_finding finding = {.level = level};
    va_list args;
    snprintf(finding.field, sizeof finding.field, "%s", field);
    va_start(args, format);
    vsnprintf(finding.text, sizeof finding.text, format, args);
    va_end(args);
    err_line(finding.text); /* names and tokens of the files stand in it */
    if (is_said(p, &finding))
        return;
    p->findings = mem_grow(p->findings, p->findings_n + 1, sizeof *p->findings);
    p->findings[p->findings_n++] = finding;
}

bool preflight_one_more(size_t *n)
{
    return (*n)++ < PREFLIGHT_SAME_MAX;
}

void preflight_say_rest(struct preflight *p, enum preflight_level level, const char *field, size_t n,
                        const char *what)
{
    if (n > PREFLIGHT_SAME_MAX)
        preflight_say(p, level, field, "… and %zu more %s", n - PREFLIGHT_SAME_MAX, what);
}

/* A sentence of a lower room opens with the field it is about ("groups.count: …"), or with something else. */
static void say_sentence(struct preflight *p, const char *otherwise, const char *sentence)
{
    static const char *const roots[] = {"groups", "ends", "ratio", "output"};
    size_t n = strcspn(sentence, ": ");
    for (size_t i = 0; i < sizeof roots / sizeof *roots; i++)
        if (!strncmp(sentence, roots[i], strlen(roots[i])) && n < sizeof p->findings->field &&
            !strncmp(sentence + n, ": ", 2)) {
            char field[sizeof p->findings->field];
            snprintf(field, sizeof field, "%.*s", (int)n, sentence);
            preflight_say(p, PREFLIGHT_ERROR, field, "%s", sentence + n + 2);
            return;
        }
    preflight_say(p, PREFLIGHT_ERROR, otherwise, "%s", sentence);
}

static struct checkpoint *open_checkpoint(struct preflight *p, const char *field, const char *directory)
{
    struct err err = {0};
    struct checkpoint *ckpt;
    if (checkpoint_open(directory, &ckpt, &err) == 0)
        return ckpt;
    preflight_say(p, PREFLIGHT_ERROR, field, "%s", err.text);
    return NULL;
}

/* --- the run --- */

static bool begins(const char *sentence, const char *with)
{
    return strncmp(sentence, with, strlen(with)) == 0;
}

/* Why there is no plan. When plan_make stumbled over a tensor, all that differ are listed; a tensor under another name
 * has a sentence of its own. */
static void say_why(struct preflight *p, const char *sentence)
{
    size_t before = p->findings_n;
    bool vocabulary = begins(sentence, "the vocabularies differ");
    if (vocabulary)
        preflight_say(p, PREFLIGHT_ERROR, "models", "%s", sentence);
    if (vocabulary || (begins(sentence, "tensor \"") && !strstr(sentence, "\" is called \"")))
        preflight_tensors(p, vocabulary);
    if (p->findings_n == before)
        say_sentence(p, "models", sentence);
}

/* "groups.freeze", "groups.bounds" and "groups.tie" speak of groups by name. */
static void check_space(struct preflight *p)
{
    int tie[SPEC_RATIOS_MAX];
    const char *names[SPEC_RATIOS_MAX];
    struct err err = {0};
    for (int i = 0; i < p->plan->ratios_n; i++)
        names[i] = p->plan->names[i];
    if (search_spec_space(p->spec, names, p->plan->ratios_n, p->low, p->high, tie, &err)) {
        say_sentence(p, "groups", err.text);
        return;
    }
    if (p->plan->ratios_n > SPEC_GROUPS_MAX)
        preflight_say(
            p, PREFLIGHT_ERROR, "ends",
            "with %d groups there is no ratio left for the ends (at most %d in all); make fewer groups, "
            "or give ends another value",
            p->plan->groups_n, SPEC_GROUPS_MAX);
    int free_n = 0;
    for (int i = 0; i < p->plan->ratios_n; i++)
        free_n += p->low[i] < p->high[i];
    if (free_n == 0 && p->spec->strategy != STRATEGY_IDENTIFY)
        preflight_say(
            p, PREFLIGHT_ERROR, "groups.freeze",
            "every ratio is frozen, so there is one model and nothing to search; leave at least one "
            "group free");
}

static void check_pair(struct preflight *p)
{
    struct err err = {0};
    p->base = open_checkpoint(p, "models.base", p->spec->base);
    p->tuned = open_checkpoint(p, "models.tuned", p->spec->tuned);
    if (!p->base || !p->tuned)
        return;
    preflight_config(p);
    if (plan_make(p->spec, p->base, p->tuned, &p->plan, &err))
        say_why(p, err.text);
    else
        check_space(p);
    preflight_layout(p);
    preflight_tokens(p);
    preflight_template(p);
}

static int read_weights(struct preflight *p, const struct digest_progress *progress, struct err *err)
{
    int rc =
        survey_hold(p->base, p->tuned, p->plan, &p->how, SURVEY_SAMPLE_N, THREADS, progress, &p->survey, err);
    if (!rc)
        rc = digest_make(p->base, progress, &p->base_digest, err);
    if (!rc)
        rc = digest_make(p->tuned, progress, &p->tuned_digest, err);
    return rc;
}

/* Reading takes its time; a pair that is wrong already is not read. */
static int read_pair(struct preflight *p, const struct digest_progress *progress, struct err *err)
{
    int rc = read_weights(p, progress, err);
    p->has_digests = rc == 0;
    if (rc == ERR_CANCELLED)
        return rc;
    if (rc)
        preflight_say(p, PREFLIGHT_ERROR, "models", "%s", err->text);
    else
        preflight_numbers(p);
    return 0;
}

static int by_level(const void *a, const void *b)
{
    const struct preflight_finding *const *x = a, *const *y = b;
    if ((*x)->level != (*y)->level)
        return (int)(*x)->level - (int)(*y)->level;
    return *x < *y ? -1 : *x > *y;
}

/* Errors, warnings, notes; within a level as they were found. */
void preflight_sort(struct preflight *p)
{
    struct preflight_finding *sorted = mem_zero(p->findings_n, sizeof *sorted);
    const struct preflight_finding **order = mem_zero(p->findings_n, sizeof *order);
    for (size_t i = 0; i < p->findings_n; i++)
        order[i] = &p->findings[i];
    qsort(order, p->findings_n, sizeof *order, by_level);
    for (size_t i = 0; i < p->findings_n; i++)
        sorted[i] = *order[i];
    mem_free(order);
    mem_free(p->findings);
    p->findings = sorted;
}

int preflight_run(const struct search_spec *spec, const struct digest_progress *progress,
                  struct preflight **out, struct err *err)
{
    struct err own = {0};
    struct preflight *p = mem_zero(1, sizeof *p);
    *out = NULL;
    p->free_bytes = NAN;
    p->spec = spec;
    p->how = merge_how_of(spec);
    p->trials = spec->trials;
    p->is_native = spec->evaluator == EVALUATOR_NATIVE;
    check_pair(p);
    int rc = p->plan && preflight_count(p, PREFLIGHT_ERROR) == 0 ? read_pair(p, progress, &own) : 0;
    if (!rc && p->base && p->tuned && !p->survey)
        preflight_say(p, PREFLIGHT_NOTE, "models",
                      "the weights were not read to their end because of the errors; what they hold (NaN, "
                      "groups without an "
                      "update, ratios that do not come out) is not known: mend those first, then run again");
    p->spec = NULL;
    if (rc) {
        preflight_free(p);
        return err_set(err, rc, "%s", own.text);
    }
    preflight_sort(p);
    *out = p;
    return 0;
}

void preflight_free(struct preflight *p)
{
    if (!p)
        return;
    survey_release(p->survey);
    digest_fini(&p->base_digest);
    digest_fini(&p->tuned_digest);
    plan_free(p->plan);
    checkpoint_close(p->base);
    checkpoint_close(p->tuned);
    mem_free(p->findings);
    mem_free(p);
}

/* --- looking --- */

size_t preflight_count(const struct preflight *p, enum preflight_level level)
{
    size_t n = 0;
    for (size_t i = 0; i < p->findings_n; i++)
        n += p->findings[i].level == level;
    return n;
}

const struct preflight_finding *preflight_finding(const struct preflight *p, size_t i)
{
    return i < p->findings_n ? &p->findings[i] : NULL;
}

const struct plan *preflight_plan(const struct preflight *p)
{
    return p->plan;
}
