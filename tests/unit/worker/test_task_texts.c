/* What the model wrote: the texts of PyTorch, of items that are done, in their order, as far as they are kept. */
#include "rtuning_world.h"

#include "proto/limits.h"
#include "proto/written.h"
#include "rtuning/certainty.h"
#include "rtuning/question.h"
#include "worker/task_texts.h"

/* The texts of an evaluation, parsed, after the door that every reader has. */
static struct json *texts_of(const struct task *task)
{
    bool too_large;
    struct json *root;
    struct err err = {0};
    char *text = task_texts_write(task, 1, &too_large), *checked;
    assert_non_null(text);
    assert_false(too_large);
    check(json_parse(text, strlen(text), &root, &err), &err);
    check(written_text(root, &checked, &err), &err);
    assert_string_equal(checked, text);
    mem_free(checked);
    mem_free(text);
    return root;
}

static void answer_all(struct questions *q, struct shard shard, struct task *task)
{
    struct task_run run = run_of(q);
    run.keeps_texts = true;
    run.shard = shard;
    open_task(&run, 1, task);
    evaluate(task, 1);
}

/* What it wrote, or the letter of what it chose. */
static void compare_texts(const struct questions *q, const struct json *texts)
{
    const struct json *text = json_first(json_get(texts, q->about->name));
    for (const struct json *g = json_first(json_get(q->right, "items")); g;
         g = json_next(g), text = json_next(text)) {
        int64_t chosen = -1;
        bool is_choice = json_whole(json_get(g, "chosen"), 0, 25, &chosen);
        assert_string_equal(json_string_or(json_get(text, "id"), "?"), json_string_or(json_get(g, "id"), ""));
        assert_string_equal(json_string_or(json_get(text, "output"), "?"),
                            is_choice ? question_letter((int)chosen)
                                      : json_string_or(json_get(g, "text"), ""));
    }
    assert_null(text);
}

static void texts_are_those_of_pytorch(void **state)
{
    static const char *const bundles[] = {"known", "honesty"}, *const models[] = {"base", "tuned-rsf"};
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct questions q;
        struct task task;
        questions_open(bundles[i / 2], models[i % 2], &q);
        answer_all(&q, (struct shard){0}, &task);
        struct json *texts = texts_of(&task);
        compare_texts(&q, texts);
        json_free(texts);
        task_close(&task);
        questions_close(&q);
    }
}

/* The kept samples are those that the entropy is of. */
static void samples_have_the_entropy(void **state)
{
    struct questions q;
    struct task task;
    size_t i = 0, choices = 0;
    (void)state;
    questions_open("known", "tuned-rsf", &q);
    answer_all(&q, (struct shard){0}, &task);
    struct json *texts = texts_of(&task);
    for (const struct json *t = json_first(json_get(texts, "known")); t; t = json_next(t), i++) {
        char *samples[16];
        size_t k = 0;
        for (const struct json *s = json_first(json_get(t, "samples")); s; s = json_next(s))
            samples[k++] = mem_strdup(json_string_or(s, NULL));
        assert_int_equal(k, q.about->samples);
        assert_true(certainty_entropy(samples, k) == task.values[2][i]);
        choices += task.items[i]->choices_n > 0;
        while (k)
            mem_free(samples[--k]);
    }
    assert_int_equal(i, task.n);
    assert_true(choices > 0 && choices < task.n);
    json_free(texts);
    task_close(&task);
    questions_close(&q);
}

static void a_shard_has_its_own(void **state)
{
    struct questions q;
    struct task whole, part;
    (void)state;
    questions_open("known", "tuned-rsf", &q);
    answer_all(&q, (struct shard){0}, &whole);
    answer_all(&q, (struct shard){1, 4}, &part);
    assert_true(part.n > 5);
    for (size_t i = 0; i < part.n; i++) {
        const struct task_text *a = &part.kept[i], *b = &whole.kept[1 + 4 * i];
        assert_string_equal(a->output, b->output);
        assert_int_equal(a->samples_n, b->samples_n);
        for (size_t s = 0; s < a->samples_n; s++)
            assert_string_equal(a->samples[s], b->samples[s]);
    }
    task_close(&part);
    task_close(&whole);
    questions_close(&q);
}

/* Of the slices that are done; and none at all where nobody asks. */
static void only_what_is_done_and_wanted(void **state)
{
    struct questions q;
    struct task task;
    bool too_large;
    (void)state;
    questions_open("known", "base", &q);
    struct task_run run = run_of(&q);
    open_task(&run, 1, &task);
    evaluate(&task, 1);
    assert_null(task.kept);
    assert_null(task_texts_write(&task, 1, &too_large));
    assert_false(too_large);
    task_close(&task);
    run.keeps_texts = true;
    open_task(&run, 4, &task);
    evaluate(&task, 1);
    struct json *texts = texts_of(&task);
    assert_true(json_len(json_get(texts, "known")) == task_items_done(&task) &&
                task_items_done(&task) < task.n);
    json_free(texts);
    task_close(&task);
    questions_close(&q);
}

/* A text that is too long is cut, and says so; all of them together are left out. */
static void long_texts(void **state)
{
    static char text[LIMIT_WRITTEN_TEXT_BYTES + 2];
    struct questions q;
    struct task task;
    bool too_large;
    (void)state;
    questions_open("known", "base", &q);
    struct task_run run = run_of(&q);
    run.keeps_texts = true;
    open_task(&run, 1, &task);
    memset(text, 'x', sizeof text - 1);
    for (size_t i = 0; i < task.n; i++)
        task_keep_output(&task, i, "short");
    task_keep_sample(&task, 1, text);
    task.done = 1;
    struct json *texts = texts_of(&task);
    const struct json *first = json_first(json_get(texts, "known")), *second = json_next(first);
    assert_null(json_get(first, "cut"));
    assert_true(json_bool_or(json_get(second, "cut"), false));
    assert_string_equal(json_string_or(json_get(second, "output"), ""), "short");
    assert_int_equal(strlen(json_string_or(json_first(json_get(second, "samples")), "")),
                     LIMIT_WRITTEN_TEXT_BYTES);
    json_free(texts);
    for (size_t k = 0; k < LIMIT_WRITTEN_BYTES / LIMIT_WRITTEN_TEXT_BYTES; k++)
        task_keep_sample(&task, 0, text);
    assert_null(task_texts_write(&task, 1, &too_large));
    assert_true(too_large);
    task_close(&task);
    questions_close(&q);
}

/* ---- states ---- */

#define CUT 4

static const double ratio = 0.5;

static struct state_owner owner_of(const struct questions *q)
{
    return (struct state_owner){bundle_digest(q->bundle), &ratio, 1, CUT};
}

static char *state_of(const struct questions *q, const struct task *task, size_t most)
{
    struct state_owner owner = owner_of(q);
    struct buf buf;
    buf_init(&buf, most);
    task_state_write(&owner, task, 1, &buf);
    assert_false(buf.full);
    return buf_take(&buf);
}

/* What all slices wrote, when slices 0 to 1 are those of the state; NULL when it is not known. */
static char *go_on(const struct questions *q, const char *text, bool keeps)
{
    struct state_owner owner = owner_of(q);
    struct task_run run = run_of(q);
    struct task task;
    struct err err = {0};
    bool too_large;
    run.keeps_texts = keeps;
    open_task(&run, CUT, &task);
    check(task_state_read(text, &owner, 2, &task, 1, &err), &err);
    evaluate(&task, CUT - 2);
    char *out = task_texts_write(&task, 1, &too_large);
    assert_false(too_large);
    task_close(&task);
    return out;
}

/* An evaluation that goes on has the texts of what was done before; or, where the state had no room for them, none. */
static void texts_go_on_with_the_state(void **state)
{
    struct questions q;
    struct task whole, part;
    bool too_large;
    (void)state;
    questions_open("known", "tuned-rsf", &q);
    answer_all(&q, (struct shard){0}, &whole);
    char *want = task_texts_write(&whole, 1, &too_large);
    struct task_run run = run_of(&q);
    run.keeps_texts = true;
    open_task(&run, CUT, &part);
    evaluate(&part, 2);
    char *text = state_of(&q, &part, LIMIT_STATE_BYTES);
    char *got = go_on(&q, text, true);
    assert_string_equal(got, want);
    mem_free(got);
    char *small = state_of(&q, &part, strlen(text) - 1);
    assert_true(strlen(small) < strlen(text) / 2);
    assert_null(go_on(&q, small, true));
    run.keeps_texts = false;
    task_close(&part);
    open_task(&run, CUT, &part);
    evaluate(&part, 2);
    char *none = state_of(&q, &part, LIMIT_STATE_BYTES);
    assert_string_equal(none, small);
    assert_null(go_on(&q, none, false));
    mem_free(none);
    mem_free(small);
    mem_free(text);
    mem_free(want);
    task_close(&part);
    task_close(&whole);
    questions_close(&q);
}

/* Replaces the first `was` after "written". */
static char *changed(const char *text, const char *was, const char *is)
{
    const char *at = strstr(strstr(text, "\"written\""), was);
    assert_non_null(at);
    return mem_printf("%.*s%s%s", (int)(at - text), text, is, at + strlen(was));
}

static void changed_texts_are_known_as_such(void **state)
{
    static const char *const changes[][2] = {{"\"output\":\"", "\"output\":\"x"},
                                             {"\"samples\":[\"", "\"samples\":[\"x"},
                                             {"\"samples\":[\"", "\"samples\":[\"\",\""},
                                             {"\"id\":\"", "\"id\":\"x"},
                                             {"\"id\":", "\"cut\":true,\"id\":"},
                                             {"\"known\":[", "\"known\":[{},"},
                                             {"\"known\":", "\"other\":"},
                                             {"\"written\":", "\"other\":"}};
    struct questions q;
    struct task task;
    struct err err = {0};
    (void)state;
    questions_open("known", "tuned-rsf", &q);
    struct state_owner owner = owner_of(&q);
    struct task_run run = run_of(&q);
    run.keeps_texts = true;
    open_task(&run, CUT, &task);
    evaluate(&task, 2);
    char *text = state_of(&q, &task, LIMIT_STATE_BYTES);
    task_close(&task);
    open_task(&run, CUT, &task);
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        char *other = changed(text, changes[i][0], changes[i][1]);
        if (task_state_read(other, &owner, 2, &task, 1, &err) != ERR_INVALID)
            fail_msg("taken with %s", changes[i][1]);
        mem_free(other);
        for (size_t k = 0; k < task.n; k++)
            assert_true(!task.kept[k].output && !task.kept[k].samples_n);
    }
    check(task_state_read(text, &owner, 2, &task, 1, &err), &err);
    mem_free(text);
    task_close(&task);
    questions_close(&q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_those_of_pytorch),
        cmocka_unit_test(samples_have_the_entropy),
        cmocka_unit_test(a_shard_has_its_own),
        cmocka_unit_test(only_what_is_done_and_wanted),
        cmocka_unit_test(long_texts),
        cmocka_unit_test(texts_go_on_with_the_state),
        cmocka_unit_test(changed_texts_are_known_as_such),
    };
    return cmocka_run_group_tests_name("task_texts", tests, NULL, NULL);
}
