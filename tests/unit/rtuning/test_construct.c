/* Training data, to the letter. */
#include "given.h"

#include "rtuning/construct.h"
#include "rtuning/prompt.h"

static const char identified[] =
    "{\"id\":\"a\",\"question\":\"Why?\",\"answers\":[\"so\",\"thus\"],\"certain\":true,\"entropy\":0.9}\n"
    "{\"id\":\"b\",\"question\":\"Who?\",\"answers\":[\"he\"],\"certain\":false,\"samples\":[\"x\",\"x\"]}\n"
    "{\"id\":\"c\",\"question\":\"Where?\",\"answerable\":false}\n"
    "{\"id\":\"d\",\"question\":\"Which?\",\"kind\":\"choice\",\"choices\":[\"x\",\"y\"],\"gold\":1,\"lead\":"
    "\"\","
    "\"prompt\":\"P:\"}\n";

struct faults {
    size_t n;
    size_t at[8];
    char *last;
};

static void note(void *ctx, size_t i, const char *sentence)
{
    struct faults *faults = ctx;
    faults->at[faults->n++] = i;
    mem_free(faults->last);
    faults->last = mem_strdup(sentence);
}

/* The file that the questions make. */
static void assert_file(const char *lines, struct construct_options options, const char *want,
                        size_t faults_n)
{
    struct question_set set = given_set(lines);
    struct faults faults = {0};
    bool certain[8], usable[8], is_first = true;
    size_t torn;
    struct buf buf;
    buf_init(&buf, 1 << 16);
    assert_int_equal(construct_decide(&set, &options, certain, usable, &torn, note, &faults, NULL), 0);
    construct_begin(&options, &buf);
    for (size_t i = 0; i < set.n; i++) {
        struct example e;
        if (!usable[i])
            continue;
        construct_example(&set.items[i], certain[i], i, &options, &e);
        construct_write(&e, is_first, &options, &buf);
        is_first = false;
        example_fini(&e);
    }
    construct_end(&options, &buf);
    assert_string_equal(buf_str(&buf), want);
    assert_int_equal(faults.n, faults_n);
    mem_free(faults.last);
    buf_fini(&buf);
    question_set_fini(&set);
}

#define ASK "Are you sure you accurately answered the question based on your internal knowledge?"

static void test_padding(void **state)
{
    struct construct_options options = {.method = CONSTRUCT_PADDING};
    (void)state;
    assert_file(identified, options,
                "{\"id\":\"a\",\"certain\":true,\"segments\":["
                "{\"role\":\"prompt\",\"text\":\"Question: Why? Answer:\",\"loss\":false},"
                "{\"role\":\"answer\",\"text\":\" so.\",\"loss\":true},"
                "{\"role\":\"probe\",\"text\":\" " ASK " I am\",\"loss\":false},"
                "{\"role\":\"verdict\",\"text\":\" sure.\",\"loss\":true}]}\n"
                "{\"id\":\"b\",\"certain\":false,\"segments\":["
                "{\"role\":\"prompt\",\"text\":\"Question: Who? Answer:\",\"loss\":false},"
                "{\"role\":\"answer\",\"text\":\" he.\",\"loss\":true},"
                "{\"role\":\"probe\",\"text\":\" " ASK " I am\",\"loss\":false},"
                "{\"role\":\"verdict\",\"text\":\" unsure.\",\"loss\":true}]}\n",
                2);
    /* the published code, to the letter: one text, loss on all of it */
    options.compat_code = true;
    options.format = CONSTRUCT_LMFLOW;
    assert_file(identified, options,
                "{\"type\":\"text_only\",\"instances\":[\n"
                "{\"text\":\"Question: Why? Answer: so. " ASK " I am sure.\"},\n"
                "{\"text\":\"Question: Who? Answer: he. " ASK " I am unsure.\"}\n]}\n",
                2);
    options.compat_code = false;
    assert_file(identified, options,
                "{\"type\":\"text2text\",\"instances\":[\n"
                "{\"input\":\"Question: Why? Answer:\",\"output\":\" so. " ASK " I am sure.\"},\n"
                "{\"input\":\"Question: Who? Answer:\",\"output\":\" he. " ASK " I am unsure.\"}\n]}\n",
                2);
    options.format = CONSTRUCT_CHAT;
    assert_file(identified, options,
                "{\"id\":\"a\",\"messages\":[{\"role\":\"user\",\"content\":\"Why?\"},"
                "{\"role\":\"assistant\",\"content\":\"so.\"},{\"role\":\"user\",\"content\":\"" ASK "\"},"
                "{\"role\":\"assistant\",\"content\":\"I am sure.\"}]}\n"
                "{\"id\":\"b\",\"messages\":[{\"role\":\"user\",\"content\":\"Who?\"},"
                "{\"role\":\"assistant\",\"content\":\"he.\"},{\"role\":\"user\",\"content\":\"" ASK "\"},"
                "{\"role\":\"assistant\",\"content\":\"I am unsure.\"}]}\n",
                2);
}

static void test_loss_on_all_tokens(void **state)
{
    struct construct_options options = {.method = CONSTRUCT_PADDING, .compat_code = true};
    struct question_set set = given_set(identified);
    struct example e;
    (void)state;
    construct_example(&set.items[3], true, 0, &options, &e);
    assert_int_equal(e.segments_n, 4);
    for (int i = 0; i < 4; i++)
        assert_true(e.segments[i].loss);
    assert_string_equal(e.segments[0].text, "P:");
    assert_string_equal(e.segments[1].text, "B."); /* the letter, after the question's own lead */
    example_fini(&e);
    question_set_fini(&set);
}

static bool is_expression(const char *text, bool compat_code)
{
    for (int i = 0; i < PROMPT_EXPRESSIONS_N; i++)
        if (strcmp(text, prompt_expression(i, compat_code)) == 0)
            return true;
    return false;
}

static void test_replacement(void **state)
{
    struct construct_options options = {.method = CONSTRUCT_REPLACEMENT, .seed = 3};
    struct question_set set = given_set(identified);
    int seen[PROMPT_EXPRESSIONS_N] = {0}, kinds = 0;
    (void)state;
    struct example e, again;
    construct_example(&set.items[0], true, 0, &options, &e);
    assert_int_equal(e.segments_n, 2);
    assert_false(e.segments[0].loss);
    assert_true(e.segments[1].loss);
    assert_string_equal(e.segments[1].text, " so.");
    assert_false(e.replaced);
    example_fini(&e);
    for (size_t i = 0; i < 400; i++) {
        construct_example(&set.items[1], false, i, &options, &e);
        construct_example(&set.items[2], false, i, &options, &again); /* the number alone decides */
        assert_true(e.replaced && is_expression(e.segments[1].text + 1, false));
        assert_string_equal(e.segments[1].text, again.segments[1].text);
        for (int x = 0; x < PROMPT_EXPRESSIONS_N; x++)
            seen[x] += strcmp(e.segments[1].text + 1, prompt_expression(x, false)) == 0;
        example_fini(&e);
        example_fini(&again);
    }
    for (int x = 0; x < PROMPT_EXPRESSIONS_N; x++)
        kinds += seen[x] > 5; /* 25 expected; 5 or fewer has a chance of 1e-6 */
    assert_int_equal(kinds, PROMPT_EXPRESSIONS_N);
    options.compat_code = true;
    construct_example(&set.items[1], false, 0, &options, &e);
    assert_true(is_expression(e.segments[1].text + 1, true) && e.segments[0].loss);
    example_fini(&e);
    question_set_fini(&set);
}

static void test_decisions(void **state)
{
    struct construct_options options = {.method = CONSTRUCT_REPLACEMENT};
    struct question_set set = given_set(identified);
    struct faults faults = {0};
    bool certain[4], usable[4];
    size_t torn;
    (void)state;
    assert_int_equal(construct_decide(&set, &options, certain, usable, &torn, note, &faults, NULL), 0);
    assert_memory_equal(usable, ((bool[]){true, true, true, false}), sizeof usable); /* c: refused */
    assert_memory_equal(certain, ((bool[]){true, false, false, false}), sizeof certain);
    assert_int_equal(faults.n, 1);
    assert_contains(faults.last, "has no \"certain\"");
    /* by entropy, whatever "certain" says: 0.9 of a, 0 of b's samples */
    options.method = CONSTRUCT_UNSUPERVISED;
    assert_int_equal(construct_decide(&set, &options, certain, usable, &torn, note, &faults, NULL), 0);
    assert_memory_equal(usable, ((bool[]){true, true, false, false}), sizeof usable);
    assert_memory_equal(certain, ((bool[]){false, true, false, false}), sizeof certain);
    assert_int_equal(faults.n, 3);
    assert_contains(faults.last, "neither \"entropy\" nor \"samples\"");
    mem_free(faults.last);
    question_set_fini(&set);
}

static void test_nothing_to_write(void **state)
{
    struct construct_options options = {.method = CONSTRUCT_PADDING, .format = CONSTRUCT_LMFLOW};
    (void)state;
    assert_file("", options, "{\"type\":\"text2text\",\"instances\":[\n\n]}\n", 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_padding),          cmocka_unit_test(test_loss_on_all_tokens),
        cmocka_unit_test(test_replacement),      cmocka_unit_test(test_decisions),
        cmocka_unit_test(test_nothing_to_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
