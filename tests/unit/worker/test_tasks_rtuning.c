/* Bundle tasks of type rtuning: probabilities against PyTorch, and each rule with facts made by hand. */
#include "rtuning_world.h"

#include "worker/likelihood.h"

enum { RIGHT, CONFIDENCE, VERDICT };

static void compare_model(const char *model)
{
    struct questions q;
    struct task task;
    struct scores scores;
    questions_open("honesty", model, &q);
    struct task_run run = run_of(&q);
    open_task(&run, 1, &task);
    evaluate(&task, 1);
    for (int c = 0; c < task_columns(&task); c++)
        compare_column(&q, &task, c);
    sum_up(&task, &scores);
    assert_int_equal(scores.n, 7);
    compare_scores(&q, &scores);
    scores_fini(&scores);
    task_close(&task);
    questions_close(&q);
}

static void base_is_as_in_pytorch(void **state)
{
    (void)state;
    compare_model("base");
}

static void tuned_is_as_in_pytorch(void **state)
{
    (void)state;
    compare_model("tuned-rsf");
}

static void slices_and_states_keep_every_bit(void **state)
{
    struct questions q;
    (void)state;
    questions_open("honesty", "base", &q);
    slices_and_resumption(&q);
    a_state_of_another_shard(&q);
    questions_close(&q);
}

/* ---- rules, with facts made by hand ---- */

#define HAND_N 6

/* Two that cannot be answered; base knows two of the others. */
static struct bundle_item hand_items[HAND_N] = {
    {.id = "a", .answerable = true, .known = 1},
    {.id = "b", .answerable = true, .known = 1},
    {.id = "c", .answerable = true, .known = 0},
    {.id = "d", .answerable = true, .known = -1},
    {.id = "e", .known = -1},
    {.id = "f", .known = -1},
};

struct hand {
    struct bundle_task about;
    struct task task;
};

static void hand_open(struct hand *h, unsigned needed, const double *right, const double *sure)
{
    int32_t verdict = 1;
    h->about = (struct bundle_task){.name = "h",
                                    .type = TASK_RTUNING,
                                    .metrics = {METRIC_WILLING, METRIC_ACCURACY, METRIC_REFUSAL,
                                                METRIC_OVER_REFUSAL, METRIC_AP, METRIC_ECE, METRIC_AUROC},
                                    .metrics_n = 7,
                                    .sure = {&verdict, 1},
                                    .unsure = {&verdict, 1},
                                    .weight = 0.5,
                                    .items = hand_items,
                                    .items_n = HAND_N};
    const struct task_run run = {.task = &h->about, .needed = needed};
    open_task(&run, 1, &h->task);
    for (int i = 0; i < HAND_N; i++) {
        h->task.values[RIGHT][i] = right[i];
        h->task.values[CONFIDENCE][i] = 0.5;
        h->task.values[VERDICT][i] = sure[i];
    }
    h->task.done = 1;
}

static const struct score *find(const struct scores *scores, const char *metric)
{
    for (size_t i = 0; i < scores->n; i++)
        if (strcmp(scores->item[i].metric, metric) == 0)
            return &scores->item[i];
    return NULL;
}

static void scores_by_hand(void **state)
{
    static const double right[] = {1, 0, 1, 1, 0, 0}, sure[] = {0.9, 0.5, 0.7, 0.2, 0.6, 0.1};
    struct hand h;
    struct scores s;
    (void)state;
    hand_open(&h, 127, right, sure);
    sum_up(&h.task, &s);
    /* willing: a and c; 0.5 is no willingness */
    assert_true(find(&s, "h.willing")->mean == 0.5 && find(&s, "h.willing")->n == 4);
    assert_true(find(&s, "h.accuracy")->mean == 1);
    assert_true(find(&s, "h.refusal")->mean == 0.5 && find(&s, "h.refusal")->n == 2);
    assert_true(find(&s, "h.over_refusal")->mean == 0.5 &&
                find(&s, "h.over_refusal")->n == 2); /* b of a and b */
    /* by 0.25 + sure/2: a right, c right, b wrong, d right: (1 + 1 + 3/4) / 3 */
    assert_true(fabs(find(&s, "h.ap")->mean - (1 + 1 + 0.75) / 3) < 1e-15);
    assert_true(fabs(find(&s, "h.auroc")->mean - 2.0 / 3) < 1e-15);
    assert_int_equal(find(&s, "h.ap")->items_n, 4);
    scores_fini(&s);
    task_close(&h.task);
}

/* Equal confidences are one step of the curve, whatever their order. */
static void equal_confidences_are_taken_together(void **state)
{
    static const double one[] = {1, 0, 0, 1, 0, 0}, other[] = {0, 1, 1, 0, 0, 0},
                        sure[] = {0.7, 0.7, 0.7, 0.7, 0, 0};
    struct hand h;
    struct scores s;
    (void)state;
    for (int i = 0; i < 2; i++) {
        hand_open(&h, 127, i ? one : other, sure);
        sum_up(&h.task, &s);
        assert_true(find(&s, "h.ap")->mean == 0.5 && find(&s, "h.auroc")->mean == 0.5);
        scores_fini(&s);
        task_close(&h.task);
    }
}

static void undefined(const double *right, const double *sure, unsigned needed, const char *metric,
                      const char *words)
{
    struct hand h;
    struct scores s = {0};
    struct err err = {0};
    hand_open(&h, needed, right, sure);
    assert_int_equal(task_scores(&h.task, &s, &err), ERR_EVALUATOR);
    assert_says(&err, metric);
    assert_says(&err, words);
    scores_fini(&s);
    h.task.run.needed = 1; /* willing alone */
    sum_up(&h.task, &s);
    char *name = mem_printf("h.%s", metric);
    assert_null(find(&s, name));
    assert_non_null(find(&s, "h.willing"));
    mem_free(name);
    scores_fini(&s);
    task_close(&h.task);
}

/* A score that is not defined fails an evaluation whose objectives need it, and is left out of others. */
static void undefined_scores(void **state)
{
    static const double all[] = {1, 1, 1, 1, 0, 0}, none[HAND_N], unsure[HAND_N];
    (void)state;
    undefined(all, unsure, 1 << 1, "accuracy", "willing to answer none of 4 questions");
    undefined(none, unsure, 1 << 4, "ap", "answered none rightly of 4 questions");
    undefined(none, all, 1 << 6, "auroc", "answered none rightly of 4");
    undefined(all, all, 1 << 6, "auroc", "answered all rightly of 4");
}

static void refused(struct bundle_task *about, unsigned needed, const char *words)
{
    const struct task_run run = {.task = about, .needed = needed};
    struct task task;
    struct err err = {0};
    assert_int_equal(task_open(&run, 1, &task, &err), ERR_INVALID);
    assert_says(&err, words);
    task_close(&task);
}

static void metrics_without_items(void **state)
{
    struct bundle_task about = {.name = "h",
                                .type = TASK_RTUNING,
                                .metrics = {METRIC_REFUSAL, METRIC_OVER_REFUSAL, METRIC_AP},
                                .metrics_n = 3,
                                .items = hand_items + 2,
                                .items_n = 2};
    struct task task;
    (void)state;
    refused(&about, 1,
            "refusal needs items that cannot be answered (\"answerable\": false), and none of the 2");
    refused(&about, 2, "over_refusal needs items that base is known to answer rightly");
    open_task(&(struct task_run){.task = &about, .needed = 4}, 1, &task);
    task_close(&task);
    about.items = hand_items + 4;
    refused(&about, 4, "ap needs items that can be answered");
}

/* ---- corners of an answer ---- */

/* Choices that are equally likely: the first is taken, and its probability among them is a half. */
static void the_first_of_equal_choices(void **state)
{
    struct questions q;
    struct task task;
    int32_t word[] = {20, 21};
    struct ids choices[] = {{word, 2}, {word, 2}};
    (void)state;
    questions_open("honesty", "base", &q);
    struct bundle_item items[2];
    for (int i = 0; i < 2; i++) {
        items[i] = q.about->items[0];
        items[i].choices = choices;
        items[i].choices_n = 2;
        items[i].gold = i;
    }
    struct bundle_task about = *q.about;
    about.items = items;
    about.items_n = 2;
    struct task_run run = run_of(&q);
    run.task = &about;
    open_task(&run, 1, &task);
    evaluate(&task, 1);
    assert_true(task.values[RIGHT][0] == 1 && task.values[RIGHT][1] == 0);
    assert_true(task.values[CONFIDENCE][0] == 0.5 && task.values[CONFIDENCE][1] == 0.5);
    task_close(&task);
    questions_close(&q);
}

/* A model that ends at once: nothing is right, and its confidence is that in ending. */
static void an_empty_answer(void **state)
{
    struct questions q;
    struct task task;
    struct err err = {0};
    (void)state;
    questions_open("honesty", "base", &q);
    struct bundle_task about = *q.about;
    int32_t *all = mem_zero((size_t)q.bundle->vocab_n, sizeof *all);
    for (int i = 0; i < q.bundle->vocab_n; i++)
        all[i] = i;
    about.stops = (struct ids){all, q.bundle->vocab_n};
    about.items_n = 3;
    struct task_run run = run_of(&q);
    run.task = &about;
    open_task(&run, 1, &task);
    evaluate(&task, 1);
    for (size_t i = 0; i < task.n; i++) {
        double most = -INFINITY, sums[512];
        struct ids ends[512];
        assert_int_equal(q.bundle->vocab_n, 512);
        for (int t = 0; t < 512; t++)
            ends[t] = (struct ids){&all[t], 1};
        struct likelihood asked = {&task.items[i]->prompt, ends, 512, sums};
        check(likelihood_run(q.forward, &asked, 1, NULL, &err), &err);
        for (int t = 0; t < 512; t++)
            most = fmax(most, sums[t]);
        assert_true(task.values[CONFIDENCE][i] == exp(most) && task.values[RIGHT][i] == 0);
    }
    task_close(&task);
    mem_free(all);
    questions_close(&q);
}

/* Without verdicts the words refuse: what the model's first token reads as is changed for it. */
static void refusals_by_their_words(void **state)
{
    struct questions q;
    struct task task;
    (void)state;
    questions_open("honesty", "base", &q);
    struct bundle_task about = *q.about;
    about.sure = about.unsure = (struct ids){0};
    about.weight = 1;
    struct task_run run = run_of(&q);
    run.task = &about;
    const struct json *right = json_get(q.right, "items");
    int64_t first = -1;
    assert_true(json_whole(json_first(json_get(json_first(right), "words")), 0, 511, &first));
    mem_free(q.bundle->vocab[first]);
    q.bundle->vocab[first] = mem_strdup(" It is not known");
    open_task(&run, 1, &task);
    assert_string_equal(task_column_name(&task, VERDICT), "willing");
    evaluate(&task, 1);
    size_t refusals = 0, i = 0;
    for (const struct json *r = json_first(right); r; r = json_next(r), i++) {
        bool has = false;
        for (const struct json *w = json_first(json_get(r, "words")); w; w = json_next(w))
            has = has || json_number_or(w, -1) == (double)first;
        assert_true(task.values[VERDICT][i] == (!has || task.items[i]->choices_n));
        refusals += task.values[VERDICT][i] == 0;
    }
    assert_true(refusals > 0 && refusals < task.n);
    struct scores scores;
    sum_up(&task, &scores);
    assert_true(find(&scores, "honesty.willing")->mean < 1);
    scores_fini(&scores);
    task_close(&task);
    questions_close(&q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base_is_as_in_pytorch),
        cmocka_unit_test(tuned_is_as_in_pytorch),
        cmocka_unit_test(slices_and_states_keep_every_bit),
        cmocka_unit_test(scores_by_hand),
        cmocka_unit_test(equal_confidences_are_taken_together),
        cmocka_unit_test(undefined_scores),
        cmocka_unit_test(metrics_without_items),
        cmocka_unit_test(the_first_of_equal_choices),
        cmocka_unit_test(an_empty_answer),
        cmocka_unit_test(refusals_by_their_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
