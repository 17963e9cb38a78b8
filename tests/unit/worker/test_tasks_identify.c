/* Bundle tasks of type identify: what PyTorch finds certain, sampled answers, and shards. */
#include "rtuning_world.h"

#include "rtuning/certainty.h"
#include "worker/generate.h"

enum { CERTAIN, CONFIDENCE, ENTROPY };

static void compare_model(const char *model)
{
    struct questions q;
    struct task task;
    struct scores scores;
    questions_open("known", model, &q);
    struct task_run run = run_of(&q);
    open_task(&run, 1, &task);
    evaluate(&task, 1);
    compare_column(&q, &task, CERTAIN);
    compare_column(&q, &task, CONFIDENCE);
    sum_up(&task, &scores);
    assert_int_equal(scores.n, 3);
    assert_int_equal(scores.item[ENTROPY].items_n, task.n);
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
    questions_open("known", "tuned-rsf", &q);
    slices_and_resumption(&q);
    a_state_of_another_shard(&q);
    questions_close(&q);
}

/* The entropies of all items, by seed and temperature. The caller's. */
static double *entropies(struct questions *q, uint64_t seed, double temperature)
{
    struct bundle_task about = *q->about;
    struct task task;
    about.temperature = temperature;
    struct task_run run = run_of(q);
    run.task = &about;
    run.seed = seed;
    open_task(&run, 1, &task);
    evaluate(&task, 1);
    double *out = mem_zero(task.n, sizeof *out);
    memcpy(out, task.values[ENTROPY], task.n * sizeof *out);
    task_close(&task);
    return out;
}

static void samples_follow_from_the_seed(void **state)
{
    struct questions q;
    (void)state;
    questions_open("known", "tuned-rsf", &q);
    size_t n = q.about->items_n, certain = 0;
    double *one = entropies(&q, 1, 0.9), *again = entropies(&q, 1, 0.9), *other = entropies(&q, 2, 0.9),
           *cold = entropies(&q, 1, 0.01);
    assert_memory_equal(one, again, n * sizeof *one);
    assert_memory_not_equal(one, other, n * sizeof *one);
    for (size_t i = 0; i < n; i++) {
        assert_true(one[i] >= 0 && one[i] <= log(q.about->samples) + 1e-12);
        certain += cold[i] == 0;
    }
    assert_true(10 * certain >= 9 * n); /* nearly greedy: two tokens would have to be within a hundredth */
    mem_free(one);
    mem_free(again);
    mem_free(other);
    mem_free(cold);
    questions_close(&q);
}

/* The entropy of the item at a place of its file from its own draws, one at a time. */
static double entropy_alone(struct questions *q, size_t place, uint64_t seed, double temperature)
{
    const struct bundle_task *about = q->about;
    const struct generation_rules rules = {q->bundle->vocab_n, about->stops.id, about->stops.n};
    struct err err = {0};
    char *texts[16] = {0};
    int k = about->samples;
    for (int s = 0; s < k; s++) {
        int32_t made[64];
        struct generation g = {.rules = &rules,
                               .prompt = about->items[place].prompt.id,
                               .prompt_n = about->items[place].prompt.n,
                               .max_new = about->max_new_tokens,
                               .temperature = temperature,
                               .made = made};
        rng_seed(&g.rng, seed ^ about->seed, place * (size_t)k + (size_t)s);
        check(generate_run(q->forward, &g, 1, NULL, &err), &err);
        texts[s] = bundle_text(q->bundle, made, g.made_n);
    }
    double entropy = certainty_entropy(texts, (size_t)k);
    for (int s = 0; s < k; s++)
        mem_free(texts[s]);
    return entropy;
}

static void streams_are_those_of_the_place_in_the_file(void **state)
{
    enum { FIRST = 5, LAST = 12 };
    struct questions q;
    size_t uncertain = 0;
    (void)state;
    questions_open("known", "tuned-rsf", &q);
    double *all = entropies(&q, 3, 1.5);
    for (size_t place = FIRST; place < LAST; place++) {
        assert_true(all[place] == entropy_alone(&q, place, 3, 1.5));
        uncertain += all[place] > 0;
    }
    assert_true(uncertain > 0);
    mem_free(all);
    questions_close(&q);
}

/* Choices are drawn by their probabilities at the temperature: of very many draws the shares tell, and the entropy is that of
 * the distribution. */
static void choices_are_drawn_by_their_probabilities(void **state)
{
    struct questions q;
    struct task task;
    (void)state;
    questions_open("known", "base", &q);
    struct bundle_task about = *q.about;
    struct bundle_item *item = NULL;
    for (size_t i = 0; i < about.items_n && !item; i++)
        item = about.items[i].choices_n ? &about.items[i] : NULL;
    assert_non_null(item);
    about.items = item;
    about.items_n = 1;
    about.samples = 1000;
    about.temperature = 0.1;
    struct task_run run = run_of(&q);
    run.task = &about;
    open_task(&run, 1, &task);
    evaluate(&task, 1);
    double total = 0, entropy = 0;
    for (int c = 0; c < item->choices_n; c++)
        total += exp((task.sums[c] - task.sums[0]) / 0.1);
    for (int c = 0; c < item->choices_n; c++)
        entropy -= exp((task.sums[c] - task.sums[0]) / 0.1) / total *
                   log(exp((task.sums[c] - task.sums[0]) / 0.1) / total);
    print_message("entropy %.4f of 1000 draws, %.4f of the distribution\n", task.values[ENTROPY][0], entropy);
    assert_true(entropy > 0.3 && entropy < 1.2 && fabs(task.values[ENTROPY][0] - entropy) < 0.06);
    task_close(&task);
    questions_close(&q);
}

/* Shards divide the items, and an item's values are the same in its shard as in the whole. */
static void shards_together_are_the_whole(void **state)
{
    enum { OF = 3 };
    struct questions q;
    struct task whole, part;
    struct err err = {0};
    (void)state;
    questions_open("known", "tuned-rsf", &q);
    struct task_run run = run_of(&q);
    open_task(&run, 1, &whole);
    evaluate(&whole, 1);
    size_t seen = 0;
    for (int s = 0; s < OF; s++) {
        run.shard = shard_of_trials(OF, s);
        open_task(&run, 1, &part);
        evaluate(&part, 1);
        for (size_t i = 0; i < part.n; i++) {
            size_t at = (size_t)s + OF * i; /* all are of one half */
            assert_ptr_equal(part.items[i], whole.items[at]);
            for (int c = 0; c < 3; c++)
                assert_true(part.values[c][i] == whole.values[c][at]);
        }
        seen += part.n;
        task_close(&part);
    }
    assert_int_equal(seen, whole.n);
    run.shard = shard_of_trials((int)whole.n + 1, (int)whole.n);
    assert_int_equal(task_open(&run, 1, &part, &err), ERR_INVALID);
    assert_says(&err, "use fewer shards");
    task_close(&part);
    task_close(&whole);
    questions_close(&q);
}

/* A half is divided by itself: a bundle whose halves take turns has no empty shards. */
static void each_half_is_divided_by_itself(void **state)
{
    struct questions q;
    struct task task;
    (void)state;
    questions_open("known", "base", &q);
    for (size_t i = 1; i < q.about->items_n; i += 2)
        q.about->items[i].held_out = true;
    struct task_run run = run_of(&q);
    for (int half = 0; half < 2; half++) {
        run.held_out = half;
        for (int s = 0; s < 2; s++) {
            run.shard = shard_of_trials(2, s);
            open_task(&run, 1, &task);
            for (size_t i = 0; i < task.n; i++)
                assert_ptr_equal(task.items[i], &q.about->items[half + 2 * (s + 2 * (int)i)]);
            assert_true(task.n == 13 || task.n == 14); /* of 27 */
            task_close(&task);
        }
    }
    questions_close(&q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base_is_as_in_pytorch),
        cmocka_unit_test(tuned_is_as_in_pytorch),
        cmocka_unit_test(slices_and_states_keep_every_bit),
        cmocka_unit_test(samples_follow_from_the_seed),
        cmocka_unit_test(streams_are_those_of_the_place_in_the_file),
        cmocka_unit_test(choices_are_drawn_by_their_probabilities),
        cmocka_unit_test(shards_together_are_the_whole),
        cmocka_unit_test(each_half_is_divided_by_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
