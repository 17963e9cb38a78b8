/* Every format with a few rows as its authors write them, good and bad. */
#include "given.h"

#include "rtuning/convert.h"
#include "rtuning/prompt.h"

struct converted {
    struct question_set set;
    struct bad_rows bad;
};

static struct converted convert(const char *format, const char *ending, const char *text, bool compat_code,
                                const char *shots)
{
    struct converted out = {0};
    struct err err = {0};
    struct json *j = NULL;
    char *path = given_file(ending, text);
    if (shots)
        assert_int_equal(json_parse(shots, strlen(shots), &j, &err), 0);
    struct convert_options options = {.compat_code = compat_code, .shots = j};
    assert_int_equal(convert_file(convert_find(format, NULL), path, &options, &out.set, &out.bad, &err), 0);
    json_free(j);
    given_remove(path);
    return out;
}

static void converted_fini(struct converted *c)
{
    question_set_fini(&c->set);
    bad_rows_fini(&c->bad);
}

static void assert_prompt(const struct question *q, const char *want)
{
    struct buf buf;
    buf_init(&buf, 1 << 16);
    prompt_render(q, &buf);
    buf_printf(&buf, "|%s|%s", prompt_lead(q), question_answer(q) ? question_answer(q) : "-");
    assert_string_equal(buf_str(&buf), want);
    buf_fini(&buf);
}

/* What was converted is a file of questions that reads back without a complaint. */
static void assert_reads_back(const struct question_set *set)
{
    struct buf buf;
    buf_init(&buf, 1 << 20);
    for (size_t i = 0; i < set->n; i++) {
        struct json_out out;
        json_begin(&out, &buf);
        question_write(&set->items[i], &out);
        buf_text(&buf, "\n");
    }
    struct question_set again = given_set(buf_str(&buf));
    assert_int_equal(again.n, set->n);
    question_set_fini(&again);
    buf_fini(&buf);
}

static void test_pararel(void **state)
{
    (void)state;
    struct converted c =
        convert("pararel", ".json",
                "[[\"Where is Q?\", \"Rome\", \"P36\"],\n[\"Where?\"],\n[\"Who?\", \"\", \"P1\"],"
                "\n[\"Which?\", \"X\", \"P37\"]]",
                false, NULL);
    assert_int_equal(c.set.n, 2);
    assert_prompt(&c.set.items[0], "Question: Where is Q? Answer:| |Rome");
    assert_string_equal(c.set.items[0].subject, "P36");
    assert_string_equal(c.set.items[0].id, "pararel-1");
    assert_string_equal(c.set.items[1].id, "pararel-2");
    assert_int_equal(c.bad.n, 2);
    assert_int_equal(c.bad.first[0].line, 2);
    assert_int_equal(c.bad.first[1].line, 3);
    assert_contains(c.bad.first[1].text, "[question, answer, relation]");
    assert_reads_back(&c.set);
    converted_fini(&c);
}

static const char mmlu[] = "{\"high_school_biology\": [[\"What?\", \"a\", \"b\", \"c\", \"d\", \"C\"],\n"
                           "[\"Bad?\", \"a\", \"b\", \"c\", \"d\", \"E\"],\n[\"Bad?\", \"a\", \"b\"]],\n"
                           "\"law\": [[\"Who?\", \"a\", \"b\", \"c\", \"d\", \"A\"]]}";

static void test_mmlu(void **state)
{
    (void)state;
    struct converted c = convert("mmlu", ".json", mmlu, false, NULL);
    assert_int_equal(c.set.n, 2);
    assert_prompt(&c.set.items[0], "Question: What?\nA. a\nB. b\nC. c\nD. d\nAnswer:| |C");
    assert_string_equal(c.set.items[0].subject, "high_school_biology");
    assert_string_equal(c.set.items[1].subject, "law");
    assert_int_equal(c.bad.n, 2);
    assert_int_equal(c.bad.first[0].line, 2);
    assert_contains(c.bad.first[0].text, "\"E\" must be the letter of a choice, A to D");
    assert_int_equal(c.bad.first[1].line, 3);
    assert_reads_back(&c.set);
    converted_fini(&c);
}

/* A subject without a name could not be read back. */
static void test_mmlu_without_a_subject(void **state)
{
    (void)state;
    struct converted c = convert("mmlu", ".json", "{\"\":[[\"Q?\",\"a\",\"b\",\"A\"]]}", false, NULL);
    assert_int_equal(c.set.n, 0);
    assert_int_equal(c.bad.n, 1);
    assert_contains(c.bad.first[0].text, "under its subject");
    converted_fini(&c);
}

static void test_mmlu_as_the_code(void **state)
{
    const char *shots = "{\"high_school_biology\": [[\"S?\", \"1\", \"2\", \"3\", \"4\", \"B\"]]}";
    (void)state;
    struct converted c = convert("mmlu", ".json", mmlu, true, shots);
    assert_prompt(&c.set.items[0],
                  "The following are multiple choice questions (with answers) about  high school "
                  "biology.\n\nS?\nA. 1\nB. 2\nC. 3\nD. 4\nAnswer:B\n\n"
                  "What?\nA. a\nB. b\nC. c\nD. d\nAnswer:||C");
    assert_prompt(&c.set.items[1],
                  "The following are multiple choice questions (with answers) about  law.\n\n"
                  "Who?\nA. a\nB. b\nC. c\nD. d\nAnswer:||A");
    assert_reads_back(&c.set);
    converted_fini(&c);
    c = convert("mmlu", ".json", mmlu, false, shots);
    assert_prompt(&c.set.items[0],
                  "The following are multiple choice questions (with answers) about high school "
                  "biology.\n\nS?\nA. 1\nB. 2\nC. 3\nD. 4\nAnswer: B\n\n"
                  "Question: What?\nA. a\nB. b\nC. c\nD. d\nAnswer:| |C");
    converted_fini(&c);
}

/* An example that cannot be shown is said, by the questions that want it. */
static void test_mmlu_with_bad_shots(void **state)
{
    const char *shots = "{\"law\": [[\"S?\", \"1\", \"2\", \"3\", \"4\", \"B\"], [\"T?\", \"1\", 2, \"B\"]]}";
    (void)state;
    struct converted c = convert("mmlu", ".json", mmlu, false, shots);
    assert_int_equal(c.set.n, 1); /* biology has no examples */
    assert_int_equal(c.bad.n, 3);
    assert_contains(c.bad.first[2].text, "an example of \"law\": [2] must be a text");
    converted_fini(&c);
    c = convert("mmlu", ".json", mmlu, true, "[[\"S?\", \"1\", \"2\", \"B\"]]");
    assert_int_equal(c.set.n, 0);
    assert_contains(c.bad.first[0].text, "the examples must be {subject: rows}");
    converted_fini(&c);
}

static void test_wice_and_fever(void **state)
{
    static const char wice[] =
        "{\"label\":\"not_supported\",\"supporting_sentences\":[[1]],\"claim\":\"C.\",\"evidence\":"
        "[\"E1.\",\"E2.\"],\"meta\":{\"id\":\"dev01\"}}\n{\"label\":\"maybe\",\"claim\":\"C\","
        "\"evidence\":[]}\n{\"label\":\"supported\",\"claim\":\"C\",\"evidence\":\"E\"}\n";
    static const char fever[] =
        "[{\"id\":7,\"claim\":\"C.\",\"evidence\":[\"E.\"],\"label\":\"REFUTES\"},\n"
        "{\"id\":8,\"claim\":\"C.\",\"evidence\":[[[1,2,\"T\",0]]],\"label\":\"SUPPORTS\"},\n"
        "{\"id\":9,\"evidence\":[],\"label\":\"SUPPORTS\"}]";
    (void)state;
    struct converted c = convert("wice", ".jsonl", wice, true, NULL);
    assert_int_equal(c.set.n, 1);
    assert_string_equal(c.set.items[0].id, "wice-dev01");
    assert_prompt(&c.set.items[0],
                  "Evidence:E1. E2.\nClaim:C.\nQuestion:Does the evidence support the claim?\nA:supported."
                  "\nB:partially_supported.\nC:not_supported.\nAnswer:||C");
    assert_int_equal(c.bad.n, 2);
    assert_contains(c.bad.first[0].text, "\"label\" must be supported, partially_supported or not_supported");
    assert_contains(c.bad.first[1].text, "\"evidence\" must be an array of texts");
    converted_fini(&c);
    c = convert("fever", ".json", fever, true, NULL);
    assert_string_equal(c.set.items[0].id, "fever-7");
    assert_prompt(&c.set.items[0],
                  "Evidence:E.\nClaim:C.\nQuestion:Does the evidence support the claim?\nA: SUPPORTS."
                  "\nB: REFUTES.\nC: NOT ENOUGH INFO.\nAnswer:| |B");
    assert_int_equal(c.bad.n, 2);
    assert_contains(c.bad.first[0].text, "must hold texts, not an array");
    assert_contains(c.bad.first[1].text, "\"claim\" is missing");
    converted_fini(&c);
    c = convert("fever", ".json", fever, false, NULL);
    assert_prompt(&c.set.items[0],
                  "Evidence: E.\nQuestion: Does the evidence support the claim? Claim: C.\nA. SUPPORTS"
                  "\nB. REFUTES\nC. NOT ENOUGH INFO\nAnswer:| |B");
    assert_reads_back(&c.set);
    converted_fini(&c);
}

static void test_hotpotqa(void **state)
{
    static const char rows[] =
        "[{\"_id\":\"5a\",\"question\":\"Who?\",\"answer\":\"He\",\"context\":[[\"T\",[\"S1.\",\" "
        "S2.\"]],[\"U\",[\"V.\"]]],"
        "\"type\":\"bridge\"},\n{\"_id\":\"5b\",\"question\":\"Who?\",\"answer\":\"He\",\"context\":[]},\n"
        "{\"id\":\"5c\",\"question\":\"Who?\",\"answer\":\"He\",\"context\":{\"title\":[\"T\"],\"sentences\":"
        "[[\"S.\"]]}},\n"
        "{\"_id\":\"5d\",\"question\":\"Who?\",\"context\":[[\"T\",[\"S1.\"]]]},\n"
        "{\"id\":\"5e\",\"question\":\"Who?\",\"answer\":\"He\",\"context\":{\"title\":[\"T\",\"U\"],"
        "\"sentences\":"
        "[[\"S.\"]]}}]";
    (void)state;
    struct converted c = convert("hotpotqa", ".json", rows, true, NULL);
    assert_int_equal(c.set.n, 2);
    assert_string_equal(c.set.items[0].id, "hotpotqa-5a");
    assert_prompt(&c.set.items[0], "T:S1.  S2.\n U:V.\n\nQuestion: Who?\nAnswer:| |He");
    assert_prompt(&c.set.items[1], "T:S.\n\nQuestion: Who?\nAnswer:| |He");
    assert_int_equal(c.bad.n, 3);
    assert_contains(c.bad.first[0].text, "\"context\" must be");
    assert_contains(c.bad.first[1].text, "\"answer\" is missing");
    assert_contains(c.bad.first[2].text, "as many sentences as title");
    converted_fini(&c);
    c = convert("hotpotqa", ".json", rows, false, NULL);
    assert_prompt(&c.set.items[0], "T: S1. S2.\nU: V.\nQuestion: Who? Answer:| |He");
    assert_reads_back(&c.set);
    converted_fini(&c);
}

static void test_halueval(void **state)
{
    static const char rows[] =
        "{\"knowledge\":\"K.\",\"question\":\"Who?\",\"right_answer\":\"He\",\"hallucinated_answer\":"
        "\"She\"}\n{\"knowledge\":\"K.\",\"question\":\" \",\"right_answer\":\"He\"}\n";
    (void)state;
    struct converted c = convert("halueval", ".json", rows, true, NULL);
    assert_int_equal(c.set.n, 1);
    assert_prompt(&c.set.items[0], "Knowledge: K.\nQuestion: Who?\nAnswer:| |He");
    assert_int_equal(c.bad.n, 1);
    assert_contains(c.bad.first[0].text, "\"question\" must be a text that is not empty");
    converted_fini(&c);
    c = convert("halueval", ".json", rows, false, NULL);
    assert_prompt(&c.set.items[0], "Knowledge: K.\nQuestion: Who? Answer:| |He");
    assert_reads_back(&c.set);
    converted_fini(&c);
}

static void test_selfaware(void **state)
{
    static const char rows[] =
        "{\"dataset_name\":\"SelfAware\",\"quantity\":2,\"keywords\":[\"a\",\"b\"],\n\"example\":[\n"
        "{\"question_id\":1,\"question\":\"What?\",\"answer\":[\"song\",\"tune\"],\"answerable\":true,"
        "\"source\":\"h\"},\n"
        "{\"question_id\":2,\"question\":\"Why?\",\"answer\":null,\"answerable\":false,\"source\":\"q\"},\n"
        "{\"question_id\":3,\"question\":\"Why?\",\"answer\":null,\"answerable\":true,\"source\":\"q\"},\n"
        "{\"question_id\":4,\"question\":\"Why?\",\"answer\":null}]}";
    (void)state;
    struct converted c = convert("selfaware", ".json", rows, false, NULL);
    assert_int_equal(c.set.n, 2);
    assert_string_equal(c.set.items[0].id, "selfaware-1");
    assert_int_equal(c.set.items[0].answers_n, 2);
    assert_true(c.set.items[0].answerable);
    assert_false(c.set.items[1].answerable);
    assert_string_equal(c.set.items[1].subject, "q");
    assert_int_equal(c.bad.n, 2);
    assert_int_equal(c.bad.first[0].line, 5);
    assert_contains(c.bad.first[1].text, "\"answerable\" must be true or false");
    assert_reads_back(&c.set);
    converted_fini(&c);
}

static void test_falseqa(void **state)
{
    (void)state;
    struct converted c =
        convert("falseqa", ".csv",
                "question,answer,label\nWhy do pigs fly?,\"['Pigs do not fly.', \"\"They can't.\"\"]\",1\n"
                "Why do birds fly?,\"['They \\'flap\\'.', \"\"It's wings\"\"]\",0\nWhy?,It is "
                "so,0\nWhy?,,0\nWhy?,x,2\n",
                false, NULL);
    assert_int_equal(c.set.n, 3);
    assert_false(c.set.items[0].answerable);
    assert_int_equal(c.set.items[0].answers_n, 0);
    assert_int_equal(c.set.items[1].answers_n, 2);
    assert_string_equal(c.set.items[1].answers[0], "They 'flap'.");
    assert_string_equal(c.set.items[1].answers[1], "It's wings");
    assert_string_equal(c.set.items[2].answers[0], "It is so");
    assert_int_equal(c.bad.n, 2);
    assert_contains(c.bad.first[0].text, "comes without an answer");
    assert_contains(c.bad.first[1].text, "\"label\" must be 1");
    assert_reads_back(&c.set);
    converted_fini(&c);
    c = convert("falseqa", ".json", "{\"prompt\":\"How many wings?\",\"label\":1}\n", false, NULL);
    assert_int_equal(c.set.n, 1);
    assert_string_equal(c.set.items[0].text, "How many wings?");
    converted_fini(&c);
}

static void test_nec(void **state)
{
    (void)state;
    struct converted c = convert("nec", ".json",
                                 "{\"prompt\":\"What is Zib?\",\"label\":1,\"category\":\"animals\"}\n"
                                 "{\"prompt\":\"What is a dog?\",\"label\":0,\"category\":\"animals\"}\n"
                                 "{\"prompt\":\"What?\",\"label\":\"x\"}\n{\"label\":1}\n",
                                 false, NULL);
    assert_int_equal(c.set.n, 1);
    assert_false(c.set.items[0].answerable);
    assert_string_equal(c.set.items[0].subject, "animals");
    assert_int_equal(c.bad.n, 3);
    assert_contains(c.bad.first[2].text, "\"question\" is missing");
    converted_fini(&c);
}

static void test_formats(void **state)
{
    struct err err = {0};
    (void)state;
    for (size_t i = 0; i < convert_formats_n; i++)
        assert_ptr_equal(convert_find(convert_formats[i].name, &err), &convert_formats[i]);
    assert_null(convert_find("hotpot", &err));
    assert_contains(err.text, "hotpotqa");
    assert_null(convert_find("zzzzzzzzzzzz", &err));
    assert_contains(err.text, "it is pararel, mmlu");
}

/* The same file twice: ids stay unique. */
static void test_unique_ids(void **state)
{
    struct question_set set = {0};
    struct bad_rows bad = {0};
    struct convert_options options = {0};
    (void)state;
    char *path =
        given_file(".jsonl", "{\"id\":7,\"claim\":\"C.\",\"evidence\":[\"E.\"],\"label\":\"REFUTES\"}\n");
    for (int i = 0; i < 2; i++)
        assert_int_equal(convert_file(convert_find("fever", NULL), path, &options, &set, &bad, NULL), 0);
    assert_string_equal(set.items[0].id, "fever-7#1");
    assert_string_equal(set.items[1].id, "fever-7#2");
    question_set_fini(&set);
    given_remove(path);
}

static struct question_set many(void)
{
    struct buf buf;
    buf_init(&buf, 1 << 20);
    for (int i = 0; i < 100; i++)
        buf_printf(&buf, "{\"id\":\"%d\",\"question\":\"%d?\",\"answers\":[\"a\"],\"subject\":\"s%d\"}\n", i,
                   i, i % 4);
    struct question_set set = given_set(buf_str(&buf));
    buf_fini(&buf);
    return set;
}

static void test_choose(void **state)
{
    struct question_set set = many(), again = many();
    struct convert_choice choice = {.in_subjects = 3, .sample_n = 40, .heldout = 0.25, .seed = 5};
    size_t heldout = 0;
    (void)state;
    convert_choose(&set, &choice);
    convert_choose(&again, &choice);
    assert_int_equal(set.n, 40);
    for (size_t i = 0; i < set.n; i++) {
        const struct question *q = &set.items[i];
        assert_int_equal(q->domain, strcmp(q->subject, "s3") == 0 ? QUESTION_OUT : QUESTION_IN);
        assert_true(i == 0 || atoi(set.items[i - 1].id) < atoi(q->id)); /* in the order they came */
        heldout += q->half == QUESTION_HELDOUT;
        assert_string_equal(q->id, again.items[i].id);
        assert_int_equal(q->half, again.items[i].half);
    }
    assert_int_equal(heldout, 10);
    question_set_fini(&again);
    again = many();
    choice.seed = 6;
    convert_choose(&again, &choice);
    bool other = false;
    for (size_t i = 0; i < set.n; i++)
        other |= strcmp(set.items[i].id, again.items[i].id) != 0;
    assert_true(other);
    question_set_fini(&set);
    question_set_fini(&again);
    set = many();
    convert_choose(&set, &(struct convert_choice){.domain = QUESTION_OUT, .sample_n = 1000});
    assert_int_equal(set.n, 100);
    assert_int_equal(set.items[0].domain, QUESTION_OUT);
    assert_int_equal(set.items[0].half, QUESTION_NO_HALF);
    question_set_fini(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pararel),
        cmocka_unit_test(test_mmlu),
        cmocka_unit_test(test_mmlu_without_a_subject),
        cmocka_unit_test(test_mmlu_as_the_code),
        cmocka_unit_test(test_mmlu_with_bad_shots),
        cmocka_unit_test(test_wice_and_fever),
        cmocka_unit_test(test_hotpotqa),
        cmocka_unit_test(test_halueval),
        cmocka_unit_test(test_selfaware),
        cmocka_unit_test(test_falseqa),
        cmocka_unit_test(test_nec),
        cmocka_unit_test(test_formats),
        cmocka_unit_test(test_unique_ids),
        cmocka_unit_test(test_choose),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
