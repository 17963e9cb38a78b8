/* Evaluations that are cut into slices: scores in part are those of a smaller bundle, scores of all items keep every bit. */
#include "tasks_world.h"

#include "worker/native.h"

static void whole_scores_keep_every_bit(void **state)
{
    static const int cuts[] = {2, 3, 8, 64};
    struct world w;
    struct scores whole, cut;
    (void)state;
    world_open(&w);
    open_tasks(&w, w.task, 1);
    slice(&w, &whole);
    close_tasks(&w);
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        open_tasks(&w, w.task, cuts[i]);
        for (int s = 0; s < cuts[i]; s++) {
            slice(&w, &cut);
            if (s + 1 < cuts[i])
                scores_fini(&cut);
        }
        are_equal(&cut, &whole);
        scores_fini(&cut);
        close_tasks(&w);
    }
    scores_fini(&whole);
    world_close(&w);
}

/* The task with the items of its first slices alone; the others are put into the other half, so every item stays at its
 * place in the file, from which its draws come. The items are the caller's. */
static struct bundle_task subset(const struct task *task, int slices_done)
{
    struct bundle_task out = *task->run.task;
    out.items = mem_zero(out.items_n, sizeof *out.items);
    memcpy(out.items, task->run.task->items, out.items_n * sizeof *out.items);
    for (size_t i = 0; i < task->n; i++) {
        if (task->slice[i] >= slices_done)
            out.items[task->items[i] - task->run.task->items].held_out = true;
    }
    return out;
}

static void scores_in_part_are_those_of_the_items_alone(void **state)
{
    enum { CUT = 3 };
    struct world w;
    struct scores part[CUT - 1], alone;
    struct bundle_task few[CUT - 1][TASKS_MAX];
    (void)state;
    world_open(&w);
    open_tasks(&w, w.task, CUT);
    for (int s = 0; s < CUT - 1; s++) {
        slice(&w, &part[s]);
        size_t done = task_items_done(&w.tasks[0]);
        assert_true(done > 0 && done < w.tasks[0].n && (int64_t)done == part[s].item[0].n);
        for (int t = 0; t < w.tasks_n; t++)
            few[s][t] = subset(&w.tasks[t], s + 1);
    }
    close_tasks(&w);
    for (int s = 0; s < CUT - 1; s++) {
        open_tasks(&w, few[s], 1);
        slice(&w, &alone);
        are_equal(&part[s], &alone);
        close_tasks(&w);
        scores_fini(&alone);
        scores_fini(&part[s]);
        for (int t = 0; t < w.tasks_n; t++)
            mem_free(few[s][t].items);
    }
    world_close(&w);
}

/* ---- the native evaluator ---- */

#define CUT 5

struct hearing {
    int heard_n, stop_at;
    int64_t items[CUT];
    double mean[CUT];
};

static void hear(void *ctx, const struct scores *scores)
{
    struct hearing *h = ctx;
    assert_true(scores->slices == CUT && scores->slices_done == h->heard_n + 1);
    h->items[h->heard_n] = scores->items;
    h->mean[h->heard_n++] = scores->item[0].mean;
}

static bool enough(void *ctx, double wait_s)
{
    const struct hearing *h = ctx;
    assert_true(wait_s > 0);
    return h->heard_n == h->stop_at;
}

static void it_ends_after_any_slice_with_what_it_has(void **state)
{
    static const double ratios[] = {0.25, 0.5, 0.75};
    struct search_spec spec;
    struct native *native;
    struct err err = {0};
    struct hearing first = {0};
    (void)state;
    open_spec("distil.loglik", &spec); /* and facts.em */
    check(native_open(&spec, &native, &err), &err);
    for (int stop_at = 1; stop_at <= CUT; stop_at++) { /* CUT: never */
        struct hearing h = {.stop_at = stop_at};
        struct scores scores;
        const struct slice_hearer hearer = {&h, hear, enough, NULL};
        struct evaluation e = {
            .half = "search", .ratios = ratios, .ratios_n = 3, .slices = CUT, .hearer = &hearer};
        check(native_run(native, &e, &scores, &err), &err);
        assert_int_equal(h.heard_n, stop_at < CUT ? stop_at : CUT - 1);
        assert_true(scores.slices == CUT && scores.slices_done == stop_at);
        if (stop_at == 1)
            first = h;
        if (stop_at < CUT)
            assert_true(scores.items == h.items[stop_at - 1] && scores.item[0].mean == h.mean[stop_at - 1]);
        else
            assert_int_equal(scores.items, scores.item[0].n + scores.item[2].n); /* facts: em, f1; distil */
        assert_true(h.items[0] == first.items[0] && h.mean[0] == first.mean[0]);
        scores_fini(&scores);
    }
    native_close(native);
    search_spec_fini(&spec);
}

static atomic_bool word, halt;
static bool halts;

static void say_soon(void *ctx, const struct scores *scores)
{
    hear(ctx, scores);
    if (scores->slices_done == 2)
        atomic_store(&word, true);
    atomic_store(&halt, halts && scores->slices_done == 2);
}

/* The word comes while the third slice is under way: it is lost, the two before it are the result. */
static void a_slice_under_way_is_given_up(void **state)
{
    static const double ratios[] = {0.25, 0.5, 0.75};
    struct search_spec spec;
    struct native *native;
    struct err err = {0};
    struct hearing h = {0};
    struct scores scores;
    const struct slice_hearer hearer = {&h, say_soon, enough, &word};
    struct evaluation e = {
        .half = "search", .ratios = ratios, .ratios_n = 3, .slices = CUT, .hearer = &hearer};
    (void)state;
    open_spec("distil.loglik", &spec);
    check(native_open(&spec, &native, &err), &err);
    atomic_store(&word, false);
    check(native_run(native, &e, &scores, &err), &err);
    assert_true(h.heard_n == 2 && scores.slices_done == 2 && scores.slices == CUT);
    assert_true(scores.items == h.items[1] && scores.item[0].mean == h.mean[1]);
    scores_fini(&scores);
    /* a word that stands there from the start waits for the first slice, and a cancel is a cancel */
    h = (struct hearing){0};
    check(native_run(native, &e, &scores, &err), &err);
    assert_int_equal(scores.slices_done, 1);
    scores_fini(&scores);
    h = (struct hearing){0};
    atomic_store(&word, false);
    halts = true;
    e.cancel = &halt;
    assert_int_equal(native_run(native, &e, &scores, &err), ERR_CANCELLED);
    native_close(native);
    search_spec_fini(&spec);
}

static void only_a_repeat_draws_from_its_own_seed(void **state)
{
    static const double ratios[] = {0.25, 0.5, 0.75};
    struct search_spec spec;
    struct native *native;
    struct err err = {0};
    double mean[4];
    (void)state;
    open_spec("chat.reward", &spec);
    spec.objectives_n = 1;
    check(native_open(&spec, &native, &err), &err);
    for (int i = 0; i < 4; i++) {
        struct scores scores;
        struct evaluation e = {
            .half = "search", .ratios = ratios, .ratios_n = 3, .seed = i % 2 ? 7 : 8, .repeat = i / 2};
        check(native_run(native, &e, &scores, &err), &err);
        mean[i] = scores.item[0].mean;
        scores_fini(&scores);
    }
    assert_true(mean[0] == mean[1]);
    assert_true(mean[2] != mean[3] && mean[2] != mean[0]);
    native_close(native);
    search_spec_fini(&spec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_scores_keep_every_bit),
        cmocka_unit_test(scores_in_part_are_those_of_the_items_alone),
        cmocka_unit_test(it_ends_after_any_slice_with_what_it_has),
        cmocka_unit_test(a_slice_under_way_is_given_up),
        cmocka_unit_test(only_a_repeat_draws_from_its_own_seed),
    };
    return cmocka_run_group_tests_name("tasks_slices", tests, NULL, NULL);
}
