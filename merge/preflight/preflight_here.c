/* What only the machine of whoever asks can tell: its files, its disk, its memory. */
#include "merge/preflight/preflight_internal.h"

#include "proto/bundle_metrics.h"
#include "proto/units.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* --- the evaluator --- */

static void complain(void *ctx, const char *field, const char *sentence)
{
    preflight_say(ctx, PREFLIGHT_ERROR, field, "%s", sentence);
}

static void check_bundle(struct preflight *p, const struct search_spec *spec)
{
    struct bundle_metrics metrics;
    struct err err = {0};
    if (bundle_metrics_read(spec->bundle, &metrics, &err))
        preflight_say(p, PREFLIGHT_ERROR, "evaluator.bundle", "%s", err.text);
    else
        bundle_metrics_check(&metrics, spec, complain, p);
    bundle_metrics_fini(&metrics);
}

/* A name without a slash is looked up where the worker runs. */
static void check_program(struct preflight *p, const char *program)
{
    struct stat st;
    if (!strchr(program, '/'))
        return;
    if (stat(program, &st) != 0)
        preflight_say(p, PREFLIGHT_ERROR, "evaluator.argv[0]",
                      "there is no %.300s; give the path of the evaluator's program", program);
    else if (!S_ISREG(st.st_mode))
        preflight_say(p, PREFLIGHT_ERROR, "evaluator.argv[0]",
                      "%.300s is not a file; give the path of the evaluator's program", program);
    else if (access(program, X_OK) != 0)
        preflight_say(p, PREFLIGHT_ERROR, "evaluator.argv[0]",
                      "%.200s is not executable; \"chmod +x\" it, or put the interpreter before it, as in "
                      "[\"python3\", …]",
                      program);
}

/* --- room --- */

static void check_disk(struct preflight *p, const char *directory, double export_bytes)
{
    struct statvfs disk;
    char *where, has[UNITS_TEXT_MAX], are[UNITS_TEXT_MAX];
    if (statvfs(directory, &disk) != 0)
        return;
    p->free_bytes = (double)disk.f_bavail * (double)disk.f_frsize;
    if (!(export_bytes > p->free_bytes))
        return;
    units_bytes(has, export_bytes);
    units_bytes(are, p->free_bytes);
    where = realpath(directory, NULL);
    preflight_say(p, PREFLIGHT_WARNING, "export",
                  "an exported model has %s, and %s are free in %.200s: export to another disk, or make room",
                  has, are, where ? where : directory);
    free(where);
}

static void check_memory(struct preflight *p, double needs_bytes)
{
    char needs[UNITS_TEXT_MAX], has[UNITS_TEXT_MAX];
    double memory = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
    if (!(needs_bytes > memory))
        return;
    units_bytes(needs, needs_bytes);
    units_bytes(has, memory);
    preflight_say(p, PREFLIGHT_WARNING, "evaluator",
                  "native evaluation holds %s of weights a slot, and this machine has %s of memory: run the "
                  "workers on larger ones",
                  needs, has);
}

void preflight_here(struct preflight *p, const struct search_spec *spec, const char *directory)
{
    struct preflight_needs needs = preflight_needs(p);
    if (spec->evaluator == EVALUATOR_NATIVE)
        check_bundle(p, spec);
    else if (spec->argv_n > 0)
        check_program(p, spec->argv[0]);
    check_disk(p, directory, needs.export_bytes);
    check_memory(p, needs.memory_bytes);
    preflight_sort(p);
}
