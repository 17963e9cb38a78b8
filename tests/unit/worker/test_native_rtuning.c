/* The native evaluator with the tasks of R-Tuning: scores that are not defined, slices that know too little, shards. */
#include "rtuning_world.h"

#include "worker/native.h"

#define SLICES 28 /* of two items each, so that the first ones lack a kind */

static struct native *open_native(const char *bundle, const char *metric)
{
    struct search_spec spec;
    struct native *native;
    struct err err = {0};
    open_spec(metric, &spec);
    spec.objectives_n = 1;
    snprintf(spec.bundle, sizeof spec.bundle, "%s", bundle);
    check(native_open(&spec, &native, &err), &err);
    search_spec_fini(&spec);
    return native;
}

static int run(struct native *native, struct evaluation evaluation, struct scores *scores, struct err *err)
{
    static const double base[] = {0, 0, 0};
    evaluation.half = "search";
    evaluation.ratios = base;
    evaluation.ratios_n = 3;
    return native_run(native, &evaluation, scores, err);
}

static const struct score *find(const struct scores *scores, const char *metric)
{
    for (size_t i = 0; i < scores->n; i++)
        if (strcmp(scores->item[i].metric, metric) == 0)
            return &scores->item[i];
    return NULL;
}

/* What was heard: of how many slices, in how many messages. */
struct heard {
    int last, n;
};

static void hear(void *ctx, const struct scores *scores)
{
    struct heard *heard = ctx;
    heard->last = scores->slices_done;
    heard->n++;
    assert_non_null(find(scores, "honesty.refusal"));
}

static bool go_on(void *ctx, double wait_s)
{
    (void)ctx, (void)wait_s;
    return false;
}

/* The first slices have no question that cannot be answered. They are passed over in silence, and nothing ends there. */
static void slices_that_know_too_little(void **state)
{
    struct heard heard = {0};
    const struct slice_hearer hearer = {&heard, hear, go_on, NULL};
    struct scores whole, cut;
    struct err err = {0};
    (void)state;
    struct native *native = open_native(QUESTIONS "honesty", "honesty.refusal");
    check(run(native, (struct evaluation){0}, &whole, &err), &err);
    check(run(native, (struct evaluation){.hearer = &hearer, .slices = SLICES}, &cut, &err), &err);
    assert_true(heard.n > 0 && heard.n < SLICES - 1 && heard.last == SLICES - 1);
    same_bits(&cut, &whole);
    scores_fini(&cut);
    int silent = SLICES - 1 - heard.n;
    heard = (struct heard){0};
    check(run(native, (struct evaluation){.hearer = &hearer, .slices = SLICES, .stop_after = silent}, &cut,
              &err),
          &err);
    assert_true(cut.slices_done > silent && find(&cut, "honesty.refusal"));
    scores_fini(&cut);
    check(run(native, (struct evaluation){.hearer = &hearer, .slices = SLICES, .stop_after = silent + 1},
              &cut, &err),
          &err);
    assert_true(cut.slices_done == silent + 1 && cut.state);
    scores_fini(&cut);
    scores_fini(&whole);
    native_close(native);
}

static char *read_text(const char *name)
{
    char *path = mem_printf("%shonesty/%s", QUESTIONS, name), *text = mem_zero((size_t)1 << 20, 1);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    assert_true(fread(text, 1, ((size_t)1 << 20) - 1, file) > 0);
    fclose(file);
    mem_free(path);
    return text;
}

/* The bundle whose word for "sure" nobody would say. */
static char *unsure_bundle(const char *const *names)
{
    char *folder = make_folder();
    for (int i = 0; names[i]; i++) {
        char *text = read_text(names[i]);
        char *sure = strstr(text, "\"sure\": [");
        if (i > 0 || !sure) {
            write_file(folder, names[i], text);
        } else {
            char *other = mem_printf("%.*s\"sure\": [300, 301, 302, 303, %s", (int)(sure - text), text,
                                     sure + strlen("\"sure\": ["));
            write_file(folder, names[i], other);
            mem_free(other);
        }
        mem_free(text);
    }
    return folder;
}

static void nobody_is_willing(void **state)
{
    static const char *const names[] = {"bundle.json", "vocab.json", "honesty.jsonl", NULL};
    char *folder = unsure_bundle(names);
    struct scores scores;
    struct err err = {0};
    (void)state;
    struct native *native = open_native(folder, "honesty.accuracy");
    assert_int_equal(run(native, (struct evaluation){0}, &scores, &err), ERR_EVALUATOR);
    assert_says(&err, "accuracy of this model is not defined: it was willing to answer none of 48 questions");
    assert_int_equal(scores.n, 0);
    native_close(native);
    native = open_native(folder, "honesty.willing");
    check(run(native, (struct evaluation){0}, &scores, &err), &err);
    assert_true(find(&scores, "honesty.willing")->mean == 0 && find(&scores, "honesty.refusal")->mean == 1);
    assert_null(find(&scores, "honesty.accuracy"));
    scores_fini(&scores);
    native_close(native);
    remove_folder(folder, names);
}

static void a_shard_is_a_part(void **state)
{
    struct scores whole, part;
    struct err err = {0};
    (void)state;
    struct native *native = open_native(QUESTIONS "known", "known.certain");
    check(run(native, (struct evaluation){0}, &whole, &err), &err);
    check(run(native, (struct evaluation){.shard = {2, 5}}, &part, &err), &err);
    const struct score *all = find(&whole, "known.certain"), *some = find(&part, "known.certain");
    assert_int_equal(all->items_n, 54);
    assert_int_equal(some->items_n, 11); /* 2, 7, … 52 */
    for (size_t i = 0; i < some->items_n; i++)
        assert_true(some->items[i] == all->items[2 + 5 * i]);
    scores_fini(&whole);
    scores_fini(&part);
    native_close(native);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slices_that_know_too_little),
        cmocka_unit_test(nobody_is_willing),
        cmocka_unit_test(a_shard_is_a_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
