/* The exact words. */
#include "given.h"

#include "rtuning/prompt.h"

static void assert_text(void (*write)(const struct question *, struct buf *), const struct question *q,
                        const char *want)
{
    struct buf buf;
    buf_init(&buf, 1 << 16);
    write(q, &buf);
    assert_string_equal(buf_str(&buf), want);
    buf_fini(&buf);
}

static void identify_code(const struct question *q, struct buf *out)
{
    prompt_identify(q, true, out);
}

static void identify(const struct question *q, struct buf *out)
{
    prompt_identify(q, false, out);
}

static void test_prompts(void **state)
{
    (void)state;
    struct question_set set = given_set(
        "{\"id\":\"a\",\"question\":\"Why?\",\"answers\":[\"so\"]}\n"
        "{\"id\":\"b\",\"question\":\"Why?\",\"answers\":[\"so\"],\"context\":\"C.\"}\n"
        "{\"id\":\"c\",\"question\":\"Which?\",\"kind\":\"choice\",\"choices\":[\"x\",\"y\"],\"gold\":0,"
        "\"context\":\"C.\\n\\n\"}\n"
        "{\"id\":\"d\",\"question\":\"Why?\",\"answers\":[\"so\"],\"prompt\":\"P:\",\"lead\":\"\"}\n");
    assert_text(prompt_render, &set.items[0], "Question: Why? Answer:");
    assert_text(prompt_render, &set.items[1], "C.\nQuestion: Why? Answer:");
    assert_text(prompt_render, &set.items[2], "C.\n\nQuestion: Which?\nA. x\nB. y\nAnswer:");
    assert_text(prompt_render, &set.items[3], "P:");
    assert_text(identify, &set.items[0], "Question: Why? Answer:");
    assert_text(identify_code, &set.items[0], "Question:Why? Answer:");
    for (int i = 1; i < 4; i++) {
        struct buf buf;
        buf_init(&buf, 1 << 16);
        prompt_render(&set.items[i], &buf);
        assert_text(identify_code, &set.items[i], buf_str(&buf));
        buf_fini(&buf);
    }
    assert_text(prompt_chat, &set.items[0], "Why?");
    assert_text(prompt_chat, &set.items[2], "C.\n\nWhich?\nA. x\nB. y");
    assert_string_equal(prompt_lead(&set.items[0]), " ");
    assert_string_equal(prompt_lead(&set.items[3]), "");
    question_set_fini(&set);
}

/* Paper and code have the same expressions but for one, in another order. */
static void test_expressions(void **state)
{
    size_t same = 0;
    (void)state;
    for (int i = 0; i < PROMPT_EXPRESSIONS_N; i++) {
        for (int j = 0; j < PROMPT_EXPRESSIONS_N; j++)
            same += strcmp(prompt_expression(i, false), prompt_expression(j, true)) == 0;
        assert_true(prompt_refuses(prompt_expression(i, false)));
        assert_true(prompt_refuses(prompt_expression(i, true)));
    }
    assert_int_equal(same, PROMPT_EXPRESSIONS_N - 1);
    assert_string_equal(prompt_expression(14, false), "We do not know.");
    assert_string_equal(prompt_expression(4, true), "I do not know the answer.");
}

static void test_refuses(void **state)
{
    (void)state;
    assert_true(prompt_refuses(" well, the answer is unknown to me"));
    assert_true(prompt_refuses("I’m not sure"));
    assert_true(prompt_refuses("I am unsure."));
    assert_false(prompt_refuses("Paris"));
    assert_false(prompt_refuses("I am sure"));
    assert_false(prompt_refuses("The answer is"));
    assert_false(prompt_refuses(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prompts),
        cmocka_unit_test(test_expressions),
        cmocka_unit_test(test_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
