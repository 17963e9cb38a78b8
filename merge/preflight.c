#include "merge/preflight_internal.h"
#include "proto/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void preflight_say(struct preflight *p, enum preflight_level level, const char *field, const char *format,
                   ...)
{
    p->findings = mem_grow(p->findings, p->findings_n + 1, sizeof *p->findings);
    struct preflight_finding *finding = &p->findings[p->findings_n++];
    va_list args;
    *finding = (struct preflight_finding){.level = level};
    snprintf(finding->field, sizeof finding->field, "%s", field);
    va_start(args, format);
    vsnprintf(finding->text, sizeof finding->text, format, args);
    va_end(args);
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

static void check_pair(struct preflight *p, const struct search_spec *spec)
{
    struct err err = {0};
    p->base = open_checkpoint(p, "models.base", spec->base);
    p->tuned = open_checkpoint(p, "models.tuned", spec->tuned);
    if (!p->base || !p->tuned)
        return;
    if (plan_make(spec, p->base, p->tuned, &p->plan, &err))
        say_sentence(p, "models", err.text);
}

static int read_pair(struct preflight *p, const struct digest_progress *progress, struct err *err)
{
    int rc = digest_make(p->base, progress, &p->base_digest, err);
    if (!rc)
        rc = digest_make(p->tuned, progress, &p->tuned_digest, err);
    p->has_digests = rc == 0;
    if (rc && rc != ERR_CANCELLED) {
        preflight_say(p, PREFLIGHT_ERROR, "models", "%s", err->text);
        rc = 0;
    }
    return rc;
}

static int by_level(const void *a, const void *b)
{
    const struct preflight_finding *const *x = a, *const *y = b;
    if ((*x)->level != (*y)->level)
        return (int)(*x)->level - (int)(*y)->level;
    return *x < *y ? -1 : *x > *y;
}

/* Errors, warnings, notes; within a level as they were found. */
static void sort_findings(struct preflight *p)
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
    p->how = merge_how_of(spec);
    p->trials = spec->trials;
    check_pair(p, spec);
    int rc = p->plan ? read_pair(p, progress, &own) : 0;
    if (rc) {
        preflight_free(p);
        return err_set(err, rc, "%s", own.text);
    }
    sort_findings(p);
    *out = p;
    return 0;
}

void preflight_free(struct preflight *p)
{
    if (!p)
        return;
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
