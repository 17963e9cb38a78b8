/* WHAT   What the tests of tasks share: the fixture's bundle with its first items, a model and a judge; scores compared.
 * WHO    tests/unit/worker/test_tasks_slices.c, test_task_state.c.
 * UNITS  None.
 * MEMORY world_open, world_close; open_tasks, close_tasks.
 * ERRORS Fail the test.
 * STATE  None. */
#ifndef TESTS_WORKER_TASKS_WORLD_H
#define TESTS_WORKER_TASKS_WORLD_H

#include "worker/tasks.h"

#include "fixtures.h"

#include <math.h>

#define TASKS_MAX 8
#define ITEMS 40 /* of each task and both halves: quick enough for a sanitizer's build */

/* The bundle's tasks with their first items. */
struct world {
    struct bundle *bundle;
    struct model *model, *judge;
    struct forward *forward, *scorer;
    struct bundle_task task[TASKS_MAX];
    struct task tasks[TASKS_MAX];
    int tasks_n;
};

static UNUSED void world_open(struct world *w)
{
    struct err err = {0};
    int longest = 256;
    check(bundle_open(FIXTURES "bundle", &w->bundle, &err), &err);
    w->tasks_n = w->bundle->tasks_n;
    for (int t = 0; t < w->tasks_n; t++) {
        w->task[t] = w->bundle->tasks[t];
        w->task[t].items_n = ITEMS;
        longest = w->task[t].longest > longest ? w->task[t].longest : longest;
    }
    w->model = open_model("tuned-rsf", HEAD_LANGUAGE);
    w->judge = open_model("reward", HEAD_SCORE);
    forward_open(w->model, kernel_best(), longest, 64, longest, &w->forward);
    forward_open(w->judge, kernel_best(), longest, FORWARD_LOGIT_ROWS, longest, &w->scorer);
}

static UNUSED void world_close(struct world *w)
{
    forward_close(w->forward);
    forward_close(w->scorer);
    model_close(w->model);
    model_close(w->judge);
    bundle_close(w->bundle);
}

static UNUSED void open_tasks(struct world *w, const struct bundle_task *about, int slices)
{
    struct err err = {0};
    for (int t = 0; t < w->tasks_n; t++) {
        struct task_run run = {
            .bundle = w->bundle, .task = &about[t], .model = w->forward, .reward = w->scorer, .seed = 1};
        check(task_open(&run, slices, &w->tasks[t], &err), &err);
    }
}

static UNUSED void close_tasks(struct world *w)
{
    for (int t = 0; t < w->tasks_n; t++)
        task_close(&w->tasks[t]);
}

static UNUSED void slice(struct world *w, struct scores *scores)
{
    struct err err = {0};
    check(tasks_slices(w->tasks, w->tasks_n, 1, &err), &err);
    *scores = (struct scores){0};
    for (int t = 0; t < w->tasks_n; t++)
        check(task_scores(&w->tasks[t], scores, &err), &err);
}

static UNUSED void are_equal(const struct scores *a, const struct scores *b)
{
    assert_true(a->n == b->n && a->n >= 7);
    for (size_t i = 0; i < a->n; i++) {
        const struct score *x = &a->item[i], *y = &b->item[i];
        assert_string_equal(x->metric, y->metric);
        assert_true(x->n == y->n && x->items_n == y->items_n);
        assert_memory_equal(&x->mean, &y->mean, sizeof x->mean);
        if (!isnan(x->stderr_) || !isnan(y->stderr_))
            assert_memory_equal(&x->stderr_, &y->stderr_, sizeof x->stderr_);
        assert_memory_equal(x->items, y->items, x->items_n * sizeof *x->items);
    }
}

#endif
