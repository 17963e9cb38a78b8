/* Tasks against the lab's golden values (transformers in float32, sacrebleu). */
#include "worker/tasks.h"

#include "fixtures.h"

#include <math.h>

struct world {
    struct bundle *bundle;
    struct model *model;
    struct forward *forward;
    struct json *golden;
};

static void world_open(const char *name, struct world *w)
{
    struct err err = {0};
    char *path = mem_printf("%sscores-%s.json", GOLDEN, name);
    check(bundle_open(FIXTURES "bundle", &w->bundle, &err), &err);
    int longest = 0;
    for (int t = 0; t < w->bundle->tasks_n; t++)
        longest = w->bundle->tasks[t].longest > longest ? w->bundle->tasks[t].longest : longest;
    w->model = open_model(name, HEAD_LANGUAGE);
    forward_open(w->model, kernel_best(), longest > 256 ? longest : 256, 64, longest, &w->forward);
    w->golden = read_json(path);
    mem_free(path);
}

static void world_close(struct world *w)
{
    json_free(w->golden);
    forward_close(w->forward);
    model_close(w->model);
    bundle_close(w->bundle);
}

static struct task_run run_of(struct world *w, const struct bundle_task *task)
{
    return (struct task_run){.bundle = w->bundle, .task = task, .model = w->forward, .seed = 1};
}

static const struct json *golden_items(struct world *w, const char *task)
{
    return json_get(json_get(json_get(w->golden, "tasks"), task), "items");
}

static double golden_score(struct world *w, const char *task, const char *metric)
{
    return json_number_or(json_get(json_get(json_get(json_get(w->golden, "tasks"), task), "scores"), metric),
                          NAN);
}

/* Greedy texts may differ from PyTorch's where two tokens are all but equally likely: in at most 1 % of the items. */
static size_t compare_texts(struct world *w, const struct task *task)
{
    size_t other = 0;
    const struct json *right = json_first(golden_items(w, task->run.task->name));
    for (size_t i = 0; i < task->n; i++, right = json_next(right)) {
        assert_string_equal(task->items[i]->id, json_string_or(json_get(right, "id"), ""));
        other += strcmp(task->texts[i], json_string_or(json_get(right, "text"), "")) != 0;
    }
    assert_null(right);
    print_message("%s: %zu of %zu texts differ\n", task->run.task->name, other, task->n);
    assert_true(100 * other <= task->n);
    return other;
}

static void compare_sums(struct world *w, const struct task *task)
{
    double *at = task->sums, worst = 0;
    const struct json *right = json_first(golden_items(w, task->run.task->name));
    for (size_t i = 0; i < task->n; i++, right = json_next(right)) {
        assert_string_equal(task->items[i]->id, json_string_or(json_get(right, "id"), ""));
        const struct json *value = task->run.task->type == TASK_CHOICE ? json_first(json_get(right, "loglik"))
                                                                       : json_get(right, "sum");
        for (int c = 0; c < task->items[i]->choices_n; c++, value = json_next(value)) {
            double off = fabs(*at++ - json_number_or(value, NAN));
            assert_true(isfinite(off)); /* fmax would pass over a NaN */
            worst = fmax(worst, off);
        }
    }
    assert_null(right);
    print_message("%s: largest difference of a log-likelihood %.3g\n", task->run.task->name, worst);
    assert_true(worst < 1e-3);
}

/* Scores: exact where no text differs. A choice may tip where two are within the error: allow one item. */
static void compare_scores(struct world *w, const struct task *task, size_t other)
{
    const struct bundle_task *about = task->run.task;
    struct scores scores = {0};
    struct err err = {0};
    check(task_scores(task, &scores, &err), &err);
    assert_int_equal(scores.n, about->metrics_n);
    for (size_t i = 0; i < scores.n; i++) {
        const struct score *s = &scores.item[i];
        double right = golden_score(w, about->name, s->metric + strlen(about->name) + 1);
        double allowed = about->type == TASK_LOGLIK   ? 1e-4
                         : about->type == TASK_CHOICE ? 1.5 / (double)s->n
                         : other                      ? 0.02
                                                      : 1e-9;
        if (!(fabs(s->mean - right) <= allowed))
            fail_msg("%s is %.17g, not %.17g", s->metric, s->mean, right);
        assert_true(s->n == (int64_t)s->items_n && s->stderr_ >= 0);
    }
    scores_fini(&scores);
}

static void compare_all(const char *name)
{
    struct world w;
    world_open(name, &w);
    for (int t = 0; t < w.bundle->tasks_n; t++) {
        const struct bundle_task *task = &w.bundle->tasks[t];
        if (!golden_items(&w, task->name))
            continue;
        struct task_run run = run_of(&w, task);
        struct task work;
        struct err err = {0};
        size_t other = 0;
        check(task_open(&run, 1, &work, &err), &err);
        check(tasks_slices(&work, 1, 1, &err), &err);
        if (task->type == TASK_GENERATE)
            other = compare_texts(&w, &work);
        else
            compare_sums(&w, &work);
        compare_scores(&w, &work, other);
        task_close(&work);
    }
    world_close(&w);
}

static void test_golden_base(void **state)
{
    (void)state;
    compare_all("base");
}

static void test_golden_tuned(void **state)
{
    (void)state;
    compare_all("tuned-rsf");
}

/* Of choices that are equally likely the first is taken, as numpy's argmax does. */
static void test_first_of_equal_choices(void **state)
{
    (void)state;
    struct world w;
    world_open("base", &w);
    int32_t prompt[] = {1, 105, 28}, choice[] = {20, 21};
    struct ids choices[] = {{choice, 2}, {choice, 2}};
    int chars[] = {3, 3};
    struct bundle_item items[] = {
        {.id = "a", .prompt = {prompt, 3}, .choices = choices, .choices_n = 2, .chars = chars},
        {.id = "b", .prompt = {prompt, 3}, .choices = choices, .choices_n = 2, .chars = chars, .gold = 1}};
    struct bundle_task task = {.name = "tie",
                               .type = TASK_CHOICE,
                               .metrics = {METRIC_ACC, METRIC_ACC_NORM},
                               .metrics_n = 2,
                               .items = items,
                               .items_n = 2};
    struct task_run run = run_of(&w, &task);
    struct task work;
    struct scores scores = {0};
    struct err err = {0};
    check(task_open(&run, 1, &work, &err), &err);
    check(tasks_slices(&work, 1, 1, &err), &err);
    check(task_scores(&work, &scores, &err), &err);
    task_close(&work);
    for (size_t i = 0; i < 2; i++)
        assert_true(scores.item[i].items[0] == 1 && scores.item[i].items[1] == 0);
    scores_fini(&scores);
    world_close(&w);
}

static void test_a_half_without_items(void **state)
{
    (void)state;
    struct bundle_item item = {.held_out = true};
    struct bundle_task task = {.name = "facts", .items = &item, .items_n = 1};
    struct task_run run = {.task = &task};
    struct task work;
    struct err err = {0};
    assert_int_equal(task_open(&run, 1, &work, &err), ERR_INVALID);
    assert_says(&err, "facts has no search items");
    task_close(&work);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden_base),
        cmocka_unit_test(test_golden_tuned),
        cmocka_unit_test(test_first_of_equal_choices),
        cmocka_unit_test(test_a_half_without_items),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
