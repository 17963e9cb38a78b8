/* WHAT   What the tests of rtuning and identify share: a golden bundle of one task, a model, and what PyTorch made of both.
 * WHO    tests/unit/worker/test_tasks_rtuning.c, test_tasks_identify.c.
 * UNITS  None.
 * MEMORY questions_open, questions_close; open_task is the caller's to close.
 * ERRORS Fail the test.
 * STATE  None. */
#ifndef TESTS_WORKER_RTUNING_WORLD_H
#define TESTS_WORKER_RTUNING_WORLD_H

#include "worker/task_state.h"
#include "worker/tasks.h"

#include "fixtures.h"

#include <math.h>

#define QUESTIONS TEST_SOURCE_DIR "/tests/golden/worker/rtuning/"

struct questions {
    struct bundle *bundle;
    struct bundle_task *about; /* its only task */
    struct model *model;
    struct forward *forward;
    struct json *golden;
    const struct json *right; /* of this model and bundle: {"scores","items"} */
};

static UNUSED void questions_open(const char *bundle, const char *model, struct questions *q)
{
    struct err err = {0};
    char *path = mem_printf("%s%s", QUESTIONS, bundle);
    check(bundle_open(path, &q->bundle, &err), &err);
    mem_free(path);
    q->about = &q->bundle->tasks[0];
    q->model = open_model(model, HEAD_LANGUAGE);
    int rows = q->about->longest > 256 ? q->about->longest : 256;
    forward_open(q->model, kernel_best(), rows, 64, rows, &q->forward);
    q->golden = read_json(QUESTIONS "golden.json");
    q->right = json_get(json_get(q->golden, model), bundle);
    assert_non_null(q->right);
}

static UNUSED void questions_close(struct questions *q)
{
    json_free(q->golden);
    forward_close(q->forward);
    model_close(q->model);
    bundle_close(q->bundle);
}

static UNUSED struct task_run run_of(const struct questions *q)
{
    return (struct task_run){.bundle = q->bundle, .task = q->about, .model = q->forward, .seed = 1};
}

static UNUSED void open_task(const struct task_run *run, int slices, struct task *task)
{
    struct err err = {0};
    check(task_open(run, slices, task, &err), &err);
}

static UNUSED void evaluate(struct task *task, int slices)
{
    struct err err = {0};
    check(tasks_slices(task, 1, slices, &err), &err);
}

static UNUSED void sum_up(const struct task *task, struct scores *scores)
{
    struct err err = {0};
    *scores = (struct scores){0};
    check(task_scores(task, scores, &err), &err);
}

static UNUSED double golden_number(const struct json *object, const char *key)
{
    const struct json *value = json_get(object, key);
    return json_is(value, JSON_BOOL) ? json_bool_or(value, false) : json_number_or(value, NAN);
}

/* A column against the member of the same name, item by item; what it does not have is left out. */
static UNUSED void compare_column(const struct questions *q, const struct task *task, int column)
{
    const char *name = task_column_name(task, column);
    const struct json *right = json_first(json_get(q->right, "items"));
    const char *key = strcmp(name, "certain") == 0 ? "right" : name;
    double worst = 0;
    for (size_t i = 0; i < task->n; i++, right = json_next(right)) {
        assert_string_equal(task->items[i]->id, json_string_or(json_get(right, "id"), ""));
        double off = fabs(task->values[column][i] - golden_number(right, key));
        assert_true(isfinite(off));
        worst = fmax(worst, off);
    }
    assert_null(right);
    print_message("%s: largest difference %.3g\n", name, worst);
    assert_true(worst < 1e-5);
}

static UNUSED void compare_scores(const struct questions *q, const struct scores *scores)
{
    const struct json *right = json_get(q->right, "scores");
    for (size_t s = 0; s < scores->n; s++) {
        const char *name = strchr(scores->item[s].metric, '.') + 1;
        if (!json_get(right, name))
            continue;
        if (!(fabs(scores->item[s].mean - golden_number(right, name)) < 1e-5))
            fail_msg("%s is %.17g, not %.17g", name, scores->item[s].mean, golden_number(right, name));
    }
}

static UNUSED void same_bits(const struct scores *a, const struct scores *b)
{
    assert_int_equal(a->n, b->n);
    for (size_t i = 0; i < a->n; i++) {
        const struct score *x = &a->item[i], *y = &b->item[i];
        assert_string_equal(x->metric, y->metric);
        assert_true(x->n == y->n && x->items_n == y->items_n && !x->items == !y->items);
        assert_memory_equal(&x->mean, &y->mean, sizeof x->mean);
        if (!isnan(x->stderr_) || !isnan(y->stderr_))
            assert_memory_equal(&x->stderr_, &y->stderr_, sizeof x->stderr_);
        if (x->items)
            assert_memory_equal(x->items, y->items, x->items_n * sizeof *x->items);
    }
}

/* Scores of all items do not depend on the slices, nor on being stopped after one and going on from what it left. */
static UNUSED void slices_and_resumption(const struct questions *q)
{
    enum { CUT = 4 };
    const double ratio = 0.5;
    struct state_owner owner = {bundle_digest(q->bundle), &ratio, 1, CUT};
    struct task_run run = run_of(q);
    struct task task;
    struct scores whole, cut;
    struct err err = {0};
    char *states[CUT] = {0};
    open_task(&run, 1, &task);
    evaluate(&task, 1);
    sum_up(&task, &whole);
    task_close(&task);
    open_task(&run, CUT, &task);
    for (int s = 1; s <= CUT; s++) {
        evaluate(&task, 1);
        struct buf buf;
        buf_init(&buf, (size_t)1 << 20);
        if (s < CUT)
            task_state_write(&owner, &task, 1, &buf);
        states[s % CUT] = s < CUT ? buf_take(&buf) : NULL;
    }
    sum_up(&task, &cut);
    task_close(&task);
    same_bits(&cut, &whole);
    scores_fini(&cut);
    for (int s = 1; s < CUT; s++) {
        open_task(&run, CUT, &task);
        check(task_state_read(states[s], &owner, s, &task, 1, &err), &err);
        evaluate(&task, CUT - s);
        sum_up(&task, &cut);
        same_bits(&cut, &whole);
        scores_fini(&cut);
        task_close(&task);
        mem_free(states[s]);
    }
    scores_fini(&whole);
}

/* As many items, but others. */
static UNUSED void a_state_of_another_shard(const struct questions *q)
{
    const double ratio = 0.5;
    struct state_owner owner = {bundle_digest(q->bundle), &ratio, 1, 4};
    struct task_run run = run_of(q);
    struct task task[2];
    struct err err = {0};
    struct buf buf;
    buf_init(&buf, (size_t)1 << 20);
    for (int s = 0; s < 2; s++) {
        run.shard = shard_of_trials(2, s);
        open_task(&run, 4, &task[s]);
    }
    assert_int_equal(task[0].n, task[1].n);
    task[0].done = 1; /* with zeros for values */
    task_state_write(&owner, &task[0], 1, &buf);
    task[0].done = 0;
    assert_int_equal(task_state_read(buf_str(&buf), &owner, 1, &task[1], 1, &err), ERR_INVALID);
    check(task_state_read(buf_str(&buf), &owner, 1, &task[0], 1, &err), &err);
    buf_fini(&buf);
    task_close(&task[0]);
    task_close(&task[1]);
}

#endif
