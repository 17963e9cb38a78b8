/* What an ended evaluation leaves: another goes on from it with the same bits, and whatever is not its own is recognised. */
#include "tasks_world.h"

#include "worker/native.h"
#include "worker/task_state.h"

#include "proto/limits.h"
#include "proto/log.h"
#include "proto/rng.h"

#define CUT 4

static const double ratios[] = {0.25, 0.1, 0.75};

static struct state_owner owner_of(const struct world *w)
{
    return (struct state_owner){
        .bundle = bundle_digest(w->bundle), .ratios = ratios, .ratios_n = 3, .slices = CUT};
}

static char *write_state(const struct world *w, const struct state_owner *owner)
{
    struct buf buf;
    buf_init(&buf, LIMIT_STATE_BYTES);
    task_state_write(owner, w->tasks, w->tasks_n, &buf);
    assert_false(buf.full);
    return buf_take(&buf);
}

/* The fixture's bundle has tasks of the first four types, and all their metrics (test_tasks_rtuning.c has the others). */
static void every_type_goes_on_with_the_same_bits(void **state)
{
    struct world w;
    struct scores whole, part[CUT], scores;
    struct err err = {0};
    bool type[TASK_TYPES_N] = {0}, metric[METRICS_N] = {0};
    char *text[CUT];
    (void)state;
    world_open(&w);
    struct state_owner owner = owner_of(&w);
    open_tasks(&w, w.task, CUT);
    for (int s = 1; s < CUT; s++) {
        slice(&w, &part[s]);
        text[s] = write_state(&w, &owner);
    }
    slice(&w, &whole);
    close_tasks(&w);
    for (int t = 0; t < w.tasks_n; t++) {
        type[w.task[t].type] = true;
        for (int m = 0; m < w.task[t].metrics_n; m++)
            metric[w.task[t].metrics[m]] = true;
    }
    for (int t = 0; t < TASK_RTUNING; t++)
        assert_true(type[t]);
    for (int m = 0; m < METRIC_WILLING; m++)
        assert_true(metric[m]);
    for (int s = 1; s < CUT; s++) {
        open_tasks(&w, w.task, CUT);
        check(task_state_read(text[s], &owner, s, w.tasks, w.tasks_n, &err), &err);
        scores = (struct scores){0};
        for (int t = 0; t < w.tasks_n; t++) {
            assert_int_equal(w.tasks[t].done, s);
            check(task_scores(&w.tasks[t], &scores, &err), &err);
        }
        are_equal(&scores, &part[s]);
        scores_fini(&scores);
        char *again = write_state(&w, &owner);
        assert_string_equal(again, text[s]);
        mem_free(again);
        for (int at = s; at < CUT; at++) {
            scores_fini(&scores);
            slice(&w, &scores);
        }
        are_equal(&scores, &whole);
        scores_fini(&scores);
        scores_fini(&part[s]);
        close_tasks(&w);
        mem_free(text[s]);
    }
    scores_fini(&whole);
    world_close(&w);
}

static void refused(struct world *w, const struct state_owner *owner, int done, const char *text,
                    const char *words)
{
    struct err err = {0};
    if (task_state_read(text, owner, done, w->tasks, w->tasks_n, &err) != ERR_INVALID)
        fail_msg("taken, but should say \"%s\"", words);
    assert_says(&err, words);
    for (int t = 0; t < w->tasks_n; t++)
        assert_int_equal(w->tasks[t].done, 0);
}

/* Two slices' values, made up, as if they had been evaluated. */
static char *made_up(struct world *w, const struct state_owner *owner)
{
    for (int t = 0; t < w->tasks_n; t++) {
        w->tasks[t].done = 2;
        for (size_t i = 0; i < w->tasks[t].n; i++)
            for (int m = 0; m < w->task[t].metrics_n; m++)
                if (w->tasks[t].values[m])
                    w->tasks[t].values[m][i] = i % 3 == 0 ? -0.0 : i % 3 == 1 ? 0x1p-1074 : 1.0 / (double)i;
    }
    char *text = write_state(w, owner);
    for (int t = 0; t < w->tasks_n; t++)
        w->tasks[t].done = 0;
    return text;
}

static void states_of_something_else_are_refused(void **state)
{
    static const double others[] = {0.25, 0.1, 0.7500000000000001};
    struct world w;
    struct err err = {0};
    (void)state;
    world_open(&w);
    const struct state_owner owner = owner_of(&w);
    open_tasks(&w, w.task, CUT);
    char *text = made_up(&w, &owner);
    struct state_owner other = owner;
    other.ratios = others;
    refused(&w, &other, 2, text, "other slices, ratios, seed, bundle");
    other = owner;
    other.bundle.low ^= 1;
    refused(&w, &other, 2, text, "other slices, ratios, seed, bundle");
    other = owner;
    other.slices = CUT + 1; /* as many items in each slice that is done, perhaps, but others */
    refused(&w, &other, 2, text, "other slices");
    refused(&w, &owner, 1, text, "other tasks, metrics or items");
    refused(&w, &owner, 3, text, "other tasks, metrics or items");
    refused(&w, &owner, 0, text, "no part");
    refused(&w, &owner, CUT, text, "no part");
    for (int t = 0; t < w.tasks_n; t++)
        w.tasks[t].run.seed++;
    refused(&w, &owner, 2, text, "seed");
    for (int t = 0; t < w.tasks_n; t++) {
        w.tasks[t].run.seed--;
        w.tasks[t].run.held_out = true;
    }
    refused(&w, &owner, 2, text, "other slices, ratios, seed");
    for (int t = 0; t < w.tasks_n; t++)
        w.tasks[t].run.held_out = false;
    check(task_state_read(text, &owner, 2, w.tasks, w.tasks_n, &err), &err); /* and its own is taken */
    for (int t = 0; t < w.tasks_n; t++)
        w.tasks[t].done = 0;
    mem_free(text);
    close_tasks(&w);
    world_close(&w);
}

static void damaged_states_are_refused(void **state)
{
    static const char *const garbage[] = {"",
                                          "null",
                                          "7",
                                          "[]",
                                          "{}",
                                          "\"state\"",
                                          "{\"format\":\"paretod-state-1\"}",
                                          "{\"format\":\"paretod-state-1\",\"check\":7,\"tasks\":[]}",
                                          "{\"format\":\"paretod-state-2\",\"check\":\"\",\"tasks\":{}}"};
    struct world w;
    struct rng rng;
    (void)state;
    world_open(&w);
    const struct state_owner owner = owner_of(&w);
    open_tasks(&w, w.task, CUT);
    char *text = made_up(&w, &owner);
    size_t n = strlen(text);
    for (size_t i = 0; i < sizeof garbage / sizeof *garbage; i++)
        refused(&w, &owner, 2, garbage[i], "");
    for (size_t cut = 0; cut < n; cut += n / 50 + 1) {
        char *half = mem_printf("%.*s", (int)cut, text);
        refused(&w, &owner, 2, half, "");
        mem_free(half);
    }
    rng_seed(&rng, 5, 0);
    for (int i = 0; i < 200; i++) { /* a digit for another: JSON still, and as many values */
        size_t at = (size_t)(rng_u64(&rng) % n);
        while (text[at] < '0' || text[at] > '9')
            at = (at + 1) % n;
        char was = text[at];
        text[at] = was == '9' ? '1' : (char)(was + 1);
        struct err err = {0};
        int rc = task_state_read(text, &owner, 2, w.tasks, w.tasks_n, &err);
        if (rc == 0) /* the same double, written with other digits; its bits are checked */
            for (int t = 0; t < w.tasks_n; t++)
                w.tasks[t].done = 0;
        assert_true(rc == ERR_INVALID || at > 60);
        text[at] = was;
    }
    mem_free(text);
    close_tasks(&w);
    world_close(&w);
}

static void a_bundle_has_a_digest_of_its_own(void **state)
{
    struct bundle *bundle;
    struct err err = {0};
    (void)state;
    check(bundle_open(FIXTURES "bundle", &bundle, &err), &err);
    struct hash128 digest = bundle_digest(bundle);
    bundle->tasks[0].items[3].prompt.id[0]++;
    assert_false(hash_equal(digest, bundle_digest(bundle)));
    bundle->tasks[0].items[3].prompt.id[0]--;
    bundle->tasks[0].items[3].held_out ^= true;
    assert_false(hash_equal(digest, bundle_digest(bundle)));
    bundle->tasks[0].items[3].held_out ^= true;
    bundle->tasks[0].max_new_tokens++;
    assert_false(hash_equal(digest, bundle_digest(bundle)));
    bundle->tasks[0].max_new_tokens--;
    assert_true(hash_equal(digest, bundle_digest(bundle)));
    bundle_close(bundle);
}

/* ---- the native evaluator ---- */

static void are_equal_bits(const struct scores *a, const struct scores *b)
{
    assert_true(a->n == b->n && a->items == b->items && !a->state == !b->state);
    for (size_t i = 0; i < a->n; i++) {
        assert_memory_equal(&a->item[i].mean, &b->item[i].mean, sizeof(double));
        assert_memory_equal(&a->item[i].stderr_, &b->item[i].stderr_, sizeof(double));
        assert_memory_equal(a->item[i].items, b->item[i].items, a->item[i].items_n * sizeof(double));
    }
}

static void hear(void *ctx, const struct scores *scores)
{
    *(int *)ctx = scores->slices_done;
}

static bool enough(void *ctx, double wait_s)
{
    (void)wait_s;
    return *(int *)ctx == 2;
}

static bool go_on(void *ctx, double wait_s)
{
    (void)ctx, (void)wait_s;
    return false;
}

static int evaluate_until(struct native *native, int stop_after, const struct resume *from,
                          bool (*stop)(void *ctx, double wait_s), struct scores *scores)
{
    int heard = 0;
    struct err err = {0};
    const struct slice_hearer hearer = {&heard, hear, stop, NULL};
    struct evaluation e = {.half = "search",
                           .ratios = ratios,
                           .ratios_n = 3,
                           .slices = CUT,
                           .hearer = &hearer,
                           .stop_after = stop_after};
    if (from)
        e.resume = *from;
    check(native_run(native, &e, scores, &err), &err);
    return heard;
}

static void evaluate(struct native *native, const struct resume *from, bool (*stop)(void *ctx, double wait_s),
                     struct scores *scores)
{
    evaluate_until(native, 0, from, stop, scores);
}

/* Another worker opened the same files; a state that does not fit costs its slices, and nothing else. */
static void the_evaluator_goes_on_or_begins_anew(void **state)
{
    struct search_spec spec;
    struct native *first, *second;
    struct scores whole, part, scores;
    struct err err = {0};
    (void)state;
    open_spec("distil.loglik", &spec); /* and facts.em */
    check(native_open(&spec, &first, &err), &err);
    check(native_open(&spec, &second, &err), &err);
    evaluate(first, NULL, go_on, &whole);
    assert_true(!whole.state && whole.resumed == 0 && whole.resumed_items == 0);
    evaluate(first, NULL, enough, &part);
    assert_true(part.slices_done == 2 && part.state);
    const struct resume good = {2, CUT, part.items, part.state};
    evaluate(second, &good, go_on, &scores);
    assert_true(scores.slices_done == CUT && scores.resumed == 2 && scores.resumed_items == part.items);
    assert_true(scores.items == whole.items && !scores.state && scores.n == whole.n);
    are_equal_bits(&scores, &whole);
    scores_fini(&scores);
    const struct resume bad[] = {{1, CUT, part.items, part.state},
                                 {2, CUT + 1, part.items, part.state},
                                 {2, CUT, part.items, "{\"format\":\"paretod-state-1\"}"},
                                 {2, CUT, part.items, "]"}};
    for (size_t b = 0; b < sizeof bad / sizeof *bad; b++) {
        evaluate(second, &bad[b], go_on, &scores);
        assert_true(scores.resumed == 0 && scores.resumed_items == 0 && scores.items == whole.items);
        assert_memory_equal(&scores.item[0].mean, &whole.item[0].mean, sizeof(double));
        scores_fini(&scores);
    }
    scores_fini(&whole);
    scores_fini(&part);
    native_close(first);
    native_close(second);
    search_spec_fini(&spec);
}

/* Two slices at once, the others at once: nobody is asked between, and every bit is the same. */
static void slices_may_come_at_once(void **state)
{
    struct search_spec spec;
    struct native *native;
    struct scores whole, part, at_once, scores;
    struct err err = {0};
    (void)state;
    open_spec("distil.loglik", &spec);
    check(native_open(&spec, &native, &err), &err);
    assert_int_equal(evaluate_until(native, 0, NULL, go_on, &whole), CUT - 1);
    assert_int_equal(evaluate_until(native, 0, NULL, enough, &part), 2);
    assert_int_equal(evaluate_until(native, 2, NULL, go_on, &at_once), 0);
    assert_true(at_once.slices_done == 2 && at_once.slices == CUT && at_once.items == part.items);
    assert_string_equal(at_once.state, part.state);
    const struct resume from = {2, CUT, at_once.items, at_once.state};
    assert_int_equal(evaluate_until(native, 0, &from, go_on, &scores), 0);
    assert_true(scores.slices_done == CUT && scores.resumed == 2);
    are_equal_bits(&scores, &whole);
    scores_fini(&scores);
    assert_int_equal(evaluate_until(native, 3, &from, go_on, &scores), 0);
    assert_true(scores.slices_done == 3 && scores.resumed == 2 && scores.state);
    scores_fini(&scores);
    scores_fini(&at_once);
    scores_fini(&part);
    scores_fini(&whole);
    native_close(native);
    search_spec_fini(&spec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_goes_on_with_the_same_bits),
        cmocka_unit_test(states_of_something_else_are_refused),
        cmocka_unit_test(damaged_states_are_refused),
        cmocka_unit_test(a_bundle_has_a_digest_of_its_own),
        cmocka_unit_test(the_evaluator_goes_on_or_begins_anew),
        cmocka_unit_test(slices_may_come_at_once),
    };
    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests_name("task_state", tests, NULL, NULL);
}
