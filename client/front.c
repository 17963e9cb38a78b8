#include "client/front.h"

#include "proto/mem.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static int corrupt(struct err *err, const char *what)
{
    return err_set(err, ERR_CORRUPT, "the daemon's answer is not a front: %s", what);
}

static double number_or_nan(const struct json *object, const char *key)
{
    return json_number_or(json_get(object, key), NAN);
}

static int64_t count_of(const struct json *object, const char *key)
{
    int64_t n = 0;
    json_whole(json_get(object, key), 0, INT64_MAX / 2, &n);
    return n;
}

static void read_counts(const struct json *j, struct front_counts *counts)
{
    counts->total = count_of(j, "total");
    counts->done = count_of(j, "done");
    counts->failed = count_of(j, "failed");
    counts->running = count_of(j, "running");
    counts->stopped = count_of(j, "stopped");
}

static int read_objectives(const struct json *j, struct front *front, struct err *err)
{
    if (!json_is(j, JSON_ARRAY) || json_len(j) < 1 || json_len(j) > SPEC_OBJECTIVES_MAX)
        return corrupt(err, "\"objectives\" is missing or of another length");
    for (const struct json *o = json_first(j); o; o = json_next(o)) {
        int i = front->objectives_n++;
        snprintf(front->objectives[i].name, sizeof front->objectives[i].name, "%s",
                 json_string_or(json_get(o, "name"), "?"));
        front->objectives[i].minimise = strcmp(json_string_or(json_get(o, "goal"), "max"), "min") == 0;
    }
    return 0;
}

static int read_groups(const struct json *j, struct front *front, struct err *err)
{
    if (!json_is(j, JSON_ARRAY) || json_len(j) > SPEC_GROUPS_MAX + 1)
        return corrupt(err, "\"groups\" is missing or too long");
    for (const struct json *g = json_first(j); g; g = json_next(g))
        snprintf(front->groups[front->groups_n++], sizeof front->groups[0], "%s", json_string_or(g, "?"));
    return 0;
}

/* second: what stands beside a mean. */
static int read_scores(const struct json *j, const struct front *front, const char *second,
                       struct front_score *scores, struct err *err)
{
    if (!json_is(j, JSON_ARRAY) || json_len(j) != (size_t)front->objectives_n)
        return corrupt(err, "a point's scores are not one an objective");
    for (const struct json *s = json_first(j); s; s = json_next(s)) {
        scores->mean = number_or_nan(s, "mean");
        scores->stderr_of = number_or_nan(s, second);
        scores++;
    }
    return 0;
}

/* An older daemon says nothing of it. */
static void read_effective(const struct json *list, const struct front *front, struct front_point *point)
{
    if (!json_is(list, JSON_ARRAY) || json_len(list) != (size_t)front->groups_n)
        return;
    double *ratio = point->effective = mem_zero((size_t)front->groups_n + 1, sizeof *ratio);
    for (const struct json *r = json_first(list); r; r = json_next(r))
        *ratio++ = json_number_or(r, NAN);
}

/* What models know of a point; an older daemon says nothing of it. */
static int read_insight_of(const struct json *j, const struct front *front, struct front_point *point,
                           struct err *err)
{
    const struct json *posterior = json_get(j, "posterior");
    point->confidence = number_or_nan(j, "confidence");
    point->share = json_number_or(json_get(j, "share"), 1);
    point->repeat_of = -1;
    json_whole(json_get(j, "repeat_of"), 0, INT64_MAX / 2, &point->repeat_of);
    snprintf(point->verdict, sizeof point->verdict, "%s", json_string_or(json_get(j, "verdict"), ""));
    if (strcmp(point->verdict, "unknown") == 0)
        point->verdict[0] = 0;
    snprintf(point->path, sizeof point->path, "%s", json_string_or(json_get(j, "path"), ""));
    if (!json_is(posterior, JSON_ARRAY))
        return 0;
    point->has_posterior = true;
    return read_scores(posterior, front, "sd", point->posterior, err);
}

static void free_point(struct front_point *point)
{
    mem_free(point->ratios);
    mem_free(point->effective);
}

static int read_point(const struct json *j, const struct front *front, struct front_point *point,
                      struct err *err)
{
    const struct json *ratios = json_get(j, "ratios");
    const struct json *heldout = json_get(j, "heldout");
    if (!json_whole(json_get(j, "trial"), 0, INT64_MAX / 2, &point->trial))
        return corrupt(err, "a point has no trial number");
    if (!json_is(ratios, JSON_ARRAY) || json_len(ratios) != (size_t)front->groups_n)
        return corrupt(err, "a point's ratios are not one a group");
    snprintf(point->kind, sizeof point->kind, "%s", json_string_or(json_get(j, "kind"), "?"));
    point->mean_ratio = number_or_nan(j, "mean_ratio");
    int rc = read_scores(json_get(j, "scores"), front, "stderr", point->scores, err);
    if (!rc && json_is(heldout, JSON_ARRAY)) {
        point->has_heldout = true;
        rc = read_scores(heldout, front, "stderr", point->heldout, err);
    }
    if (!rc)
        rc = read_insight_of(j, front, point, err);
    if (rc)
        return rc;
    point->ratios = mem_zero((size_t)front->groups_n + 1, sizeof *point->ratios);
    double *ratio = point->ratios;
    for (const struct json *r = json_first(ratios); r; r = json_next(r))
        *ratio++ = json_number_or(r, NAN);
    read_effective(json_get(j, "effective"), front, point);
    return 0;
}

static struct front_point *find_point(struct front *front, int64_t trial)
{
    for (size_t i = 0; i < front->points_n; i++)
        if (front->points[i].trial == trial)
            return &front->points[i];
    return NULL;
}

/* A sweep trial on the front stands in two lists of the answer and becomes one point. Two of the lists are
 * short, so only a sweep trial is looked for. */
static int read_list(const struct json *j, enum front_set set, struct front *front, struct err *err)
{
    for (const struct json *p = json_first(j); p; p = json_next(p)) {
        struct front_point point = {0};
        int rc = read_point(p, front, &point, err);
        if (rc)
            return rc;
        struct front_point *kept = set == FRONT_SWEEP ? find_point(front, point.trial) : NULL;
        if (kept)
            free_point(&point);
        else {
            kept = &front->points[front->points_n++];
            *kept = point;
        }
        kept->on_front |= set == FRONT_MEMBER || json_bool_or(json_get(p, "on_front"), false);
        kept->in_sweep |= set == FRONT_SWEEP;
        front->has_confidence |= !isnan(kept->confidence);
    }
    return 0;
}

static int read_points(const struct json *j, struct front *front, struct err *err)
{
    const struct json *lists[3] = {json_get(j, "points"), json_get(j, "sweep"), json_get(j, "dominated")};
    size_t n = 0;
    for (int set = 0; set < 3; set++) {
        if (!json_is(lists[set], JSON_ARRAY))
            return corrupt(err, "\"points\", \"sweep\" or \"dominated\" is missing");
        n += json_len(lists[set]);
    }
    front->points = mem_zero(n + 1, sizeof *front->points);
    for (int set = 0; set < 3; set++) {
        int rc = read_list(lists[set], (enum front_set)set, front, err);
        if (rc)
            return rc;
    }
    return 0;
}

static void read_insight(const struct json *j, struct front *front)
{
    static const char *const members[FRONT_PICKS_N] = {"knee", "certain", "least_tax"};
    const struct json *insight = json_get(j, "insight"), *volume = json_get(insight, "hypervolume");
    front->by_posterior = strcmp(json_string_or(json_get(j, "answer"), ""), "posterior") == 0;
    front->has_insight = json_is(insight, JSON_OBJECT);
    front->insight = (struct front_insight){number_or_nan(volume, "value"),  number_or_nan(volume, "low"),
                                            number_or_nan(volume, "median"), number_or_nan(volume, "high"),
                                            number_or_nan(insight, "gain"),  count_of(insight, "watermark"),
                                            count_of(insight, "events")};
    for (int i = 0; i < FRONT_PICKS_N; i++) {
        front->picks[i] = -1;
        json_whole(json_get(json_get(j, "picks"), members[i]), 0, INT64_MAX / 2, &front->picks[i]);
    }
}

int front_parse(const struct json *j, struct front *front, struct err *err)
{
    *front = (struct front){0};
    const struct json *heldout = json_get(j, "heldout");
    front->id = count_of(j, "id");
    snprintf(front->name, sizeof front->name, "%s", json_string_or(json_get(j, "name"), ""));
    snprintf(front->state, sizeof front->state, "%s", json_string_or(json_get(j, "state"), "?"));
    const char *stalled = json_string_or(json_get(j, "stalled"), NULL);
    front->stalled = stalled ? mem_strdup(stalled) : NULL;
    const char *note = json_string_or(json_get(j, "note"), NULL);
    front->note = note ? mem_strdup(note) : NULL;
    read_counts(json_get(j, "progress"), &front->progress);
    read_counts(json_get(j, "confirm"), &front->confirm);
    front->eta_s = number_or_nan(j, "eta_s");
    front->hypervolume = number_or_nan(j, "hypervolume");
    front->sweep_hypervolume = number_or_nan(j, "sweep_hypervolume");
    front->heldout_hypervolume = number_or_nan(heldout, "hypervolume");
    front->heldout_sweep_hypervolume = number_or_nan(heldout, "sweep_hypervolume");
    read_insight(j, front);
    int rc = read_objectives(json_get(j, "objectives"), front, err);
    if (!rc)
        rc = read_groups(json_get(j, "groups"), front, err);
    if (!rc)
        rc = read_points(j, front, err);
    if (rc)
        front_fini(front);
    return rc;
}

bool front_is_early(const struct json *j)
{
    const struct json *insight = json_get(j, "insight");
    return strcmp(json_string_or(json_get(j, "state"), ""), "done") == 0 &&
           count_of(insight, "watermark") < count_of(insight, "events");
}

void front_fini(struct front *front)
{
    if (!front)
        return;
    for (size_t i = 0; i < front->points_n; i++)
        free_point(&front->points[i]);
    mem_free(front->points);
    mem_free(front->stalled);
    mem_free(front->note);
    *front = (struct front){0};
}

bool front_has_heldout(const struct front *front)
{
    for (size_t i = 0; i < front->points_n; i++)
        if (front->points[i].has_heldout)
            return true;
    return false;
}

int front_objective(const struct front *front, const char *name, int *number, struct err *err)
{
    const char *words[SPEC_OBJECTIVES_MAX];
    struct buf list;
    for (int k = 0; k < front->objectives_n; k++) {
        words[k] = front->objectives[k].name;
        if (strcmp(words[k], name) == 0) {
            *number = k + 1;
            return 0;
        }
    }
    const char *near = spec_nearest(name, words, (size_t)front->objectives_n);
    if (near)
        return err_set(err, ERR_INVALID, "there is no objective \"%s\"; did you mean \"%s\"?", name, near);
    buf_init(&list, 4096);
    for (int k = 0; k < front->objectives_n; k++)
        buf_printf(&list, "%s\"%s\"", k ? ", " : "", words[k]);
    err_set(err, ERR_INVALID, "there is no objective \"%s\"; there are %s", name, buf_str(&list));
    buf_fini(&list);
    return err->code;
}
