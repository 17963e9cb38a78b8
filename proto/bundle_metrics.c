#include "proto/bundle_metrics.h"

#include "proto/mem.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define BUNDLE_MAX ((size_t)1 << 20)

static void add_task(const struct json *task, struct bundle_metrics *out)
{
    const char *name = json_string_or(json_get(task, "name"), NULL);
    for (const struct json *m = json_first(json_get(task, "metrics"));
         m && name && out->n < BUNDLE_METRICS_MAX; m = json_next(m))
        if (json_string_or(m, NULL))
            out->name[out->n++] = mem_printf("%s.%s", name, json_string_or(m, ""));
}

int bundle_metrics_read(const char *directory, struct bundle_metrics *out, struct err *err)
{
    struct stat st;
    *out = (struct bundle_metrics){0};
    if (stat(directory, &st) || !S_ISDIR(st.st_mode))
        return err_set(err, ERR_NOT_FOUND, "\"%s\" is not a directory; give the path of a bundle", directory);
    char *path = mem_printf("%s/bundle.json", directory);
    int rc = json_parse_file(path, BUNDLE_MAX, &out->root, err);
    mem_free(path);
    if (rc)
        return rc;
    const struct json *tasks = json_get(out->root, "tasks");
    for (const struct json *task = json_first(tasks); task; task = json_next(task))
        add_task(task, out);
    return out->n ? 0 : err_set(err, ERR_INVALID, "%s/bundle.json names no task with metrics", directory);
}

void bundle_metrics_fini(struct bundle_metrics *metrics)
{
    for (int i = 0; i < metrics->n; i++)
        mem_free(metrics->name[i]);
    json_free(metrics->root);
    *metrics = (struct bundle_metrics){0};
}

static bool has(const struct bundle_metrics *metrics, const char *metric)
{
    for (int i = 0; i < metrics->n; i++)
        if (strcmp(metrics->name[i], metric) == 0)
            return true;
    return false;
}

void bundle_metrics_check(const struct bundle_metrics *metrics, const struct search_spec *spec,
                          void (*complain)(void *ctx, const char *field, const char *sentence), void *ctx)
{
    for (int o = 0; o < spec->objectives_n; o++) {
        const struct spec_objective *objective = &spec->objectives[o];
        for (int i = 0; i < objective->metrics_n; i++) {
            const char *metric = objective->metrics[i];
            char field[64];
            if (has(metrics, metric))
                continue;
            if (objective->metrics_n == 1)
                snprintf(field, sizeof field, "objectives[%d].metric", o);
            else
                snprintf(field, sizeof field, "objectives[%d].mean_of[%d]", o, i);
            const char *near = spec_nearest(metric, (const char *const *)metrics->name, (size_t)metrics->n);
            char *sentence = mem_printf("the bundle has no metric \"%s\"; %s \"%s\"%s", metric,
                                        near ? "did you mean" : "it has, among others,",
                                        near ? near : metrics->name[0], near ? "?" : "");
            complain(ctx, field, sentence);
            mem_free(sentence);
        }
    }
}
