#include "worker/bundle.h"

#include "fixtures.h"

static const char *const files[] = {"bundle.json", "vocab.json", "a.jsonl", NULL};

#define HEAD                                                                                                 \
    "{\"format\":\"paretod-bundle-1\",\"name\":\"t\",\"vocab\":\"vocab.json\",\"eos_id\":0,\"pad_id\":0,"
#define TASKS(task) HEAD "\"tasks\":[" task "]}"
#define GENERATE "{\"name\":\"a\",\"type\":\"generate\",\"file\":\"a.jsonl\",\"metrics\":[\"em\"],"
#define GOOD TASKS(GENERATE "\"max_new_tokens\":4,\"stop_ids\":[0]}")
#define CHOICE                                                                                               \
    TASKS("{\"name\":\"a\",\"type\":\"choice\",\"file\":\"a.jsonl\",\"metrics\":[\"acc\",\"acc_norm\"]}")
#define LOGLIK TASKS("{\"name\":\"a\",\"type\":\"loglik\",\"file\":\"a.jsonl\",\"metrics\":[\"loglik\"]}")
#define REWARD(more)                                                                                         \
    TASKS("{\"name\":\"a\",\"type\":\"reward\",\"file\":\"a.jsonl\",\"metrics\":[\"reward\"],"               \
          "\"max_new_tokens\":4,\"stop_ids\":[0]" more "}")
#define RTUNING(more)                                                                                        \
    TASKS("{\"name\":\"a\",\"type\":\"rtuning\",\"file\":\"a.jsonl\",\"metrics\":[\"ap\",\"refusal\"],"      \
          "\"max_new_tokens\":4,\"stop_ids\":[0]" more "}")
#define VERDICTS ",\"sure\":[1],\"unsure\":[1,2]"
#define IDENTIFY(more)                                                                                       \
    TASKS(                                                                                                   \
        "{\"name\":\"a\",\"type\":\"identify\",\"file\":\"a.jsonl\",\"metrics\":[\"certain\",\"entropy\"],"  \
        "\"max_new_tokens\":4,\"stop_ids\":[0],\"samples\":2" more "}")
#define VOCAB "[\"\",\" big\",\" cat\",\" \"]"
#define ITEM "{\"id\":\"x\",\"half\":\"search\",\"prompt\":[1,2],\"answers\":[\"yes\"]}\n"
#define ITEM_PROBED                                                                                          \
    "{\"id\":\"x\",\"half\":\"search\",\"prompt\":[1,2],\"answers\":[\"yes\"],\"probe\":[3],\"known\":true}" \
    "\n"
#define PROMPT "{\"id\":\"x\",\"half\":\"heldout\",\"prompt\":[1,2]"

static int open_text(const char *bundle, const char *vocab, const char *items, struct bundle **out,
                     struct err *err)
{
    char *folder = make_folder();
    write_file(folder, "bundle.json", bundle);
    write_file(folder, "vocab.json", vocab);
    write_file(folder, "a.jsonl", items);
    int rc = bundle_open(folder, out, err);
    remove_folder(folder, files);
    return rc;
}

static void test_reads(void **state)
{
    (void)state;
    struct bundle *b;
    struct err err = {0};
    check(open_text(GOOD, VOCAB,
                    ITEM "{\"id\":\"y\",\"half\":\"heldout\",\"prompt\":[3],\"answers\":[\"a\",\"b\"]}", &b,
                    &err),
          &err);
    const struct bundle_task *task = &b->tasks[0];
    assert_int_equal(b->vocab_n, 4);
    assert_int_equal(task->items_n, 2);
    assert_false(task->items[0].held_out);
    assert_true(task->items[1].held_out);
    assert_int_equal(task->items[1].answers_n, 2);
    assert_int_equal(task->items[0].prompt.id[1], 2);
    assert_int_equal(task->longest, 2 + 4 + 1);
    char *text = bundle_text(b, (const int32_t[]){3, 1, 2, 0, 3}, 5);
    assert_string_equal(text, "big cat");
    mem_free(text);
    text = bundle_text(b, (const int32_t[]){3}, 1);
    assert_string_equal(text, "");
    mem_free(text);
    bundle_close(b);
}

static void test_reads_every_type(void **state)
{
    (void)state;
    struct bundle *b;
    struct err err = {0};
    check(open_text(CHOICE, VOCAB, PROMPT ",\"choices\":[[1],[2,3]],\"chars\":[3,4],\"gold\":1}", &b, &err),
          &err);
    assert_int_equal(b->tasks[0].items[0].choices[1].n, 2);
    assert_int_equal(b->tasks[0].items[0].gold, 1);
    bundle_close(b);
    check(open_text(LOGLIK, VOCAB, PROMPT ",\"answer\":[3,0]}", &b, &err), &err);
    assert_int_equal(b->tasks[0].items[0].choices[0].n, 2);
    bundle_close(b);
    check(open_text(REWARD(",\"reward_model\":\"../judge\""), VOCAB, PROMPT "}", &b, &err), &err);
    assert_true(b->tasks[0].temperature == 1 && b->tasks[0].samples == 1);
    assert_non_null(strstr(b->tasks[0].reward_model, "/../judge"));
    bundle_close(b);
}

static void test_reads_rtuning(void **state)
{
    (void)state;
    struct bundle *b;
    struct err err = {0};
    check(open_text(RTUNING(VERDICTS ",\"stop_text\":\"a\",\"weight\":0.25,\"match\":\"sentence\""), VOCAB,
                    ITEM_PROBED "{\"id\":\"y\",\"half\":\"heldout\",\"prompt\":[1,2]"
                                ",\"probe\":[3],\"choices\":[[1],[2]],\"gold\":1}\n"
                                "{\"id\":\"z\",\"half\":\"search\",\"prompt\":[1],\"probe\":[3,3],"
                                "\"answerable\":false}",
                    &b, &err),
          &err);
    const struct bundle_task *task = &b->tasks[0];
    assert_true(task->weight == 0.25 && task->match == MATCH_SENTENCE);
    assert_int_equal(task->stops.n, 2); /* the end, and " cat" */
    assert_int_equal(task->stops.id[1], 2);
    assert_true(task->sure.n == 1 && task->unsure.n == 2);
    assert_true(task->items[0].answerable && task->items[0].known == 1 && task->items[0].answers_n == 1);
    assert_true(task->items[1].known == -1 && task->items[1].gold == 1 && !task->items[1].chars);
    assert_true(!task->items[2].answerable && task->items[2].gold == -1 && task->items[2].probe.n == 2);
    assert_int_equal(task->longest, 2 + (4 + 1) + 1 + 1 + 2);
    bundle_close(b);
    check(open_text(RTUNING(""), VOCAB, ITEM, &b, &err), &err);
    assert_true(b->tasks[0].weight == 1 && b->tasks[0].match == MATCH_PAPER);
    bundle_close(b);
    check(open_text(IDENTIFY(""), VOCAB, ITEM, &b, &err), &err);
    assert_true(b->tasks[0].temperature == 0.7 && b->tasks[0].samples == 2 && b->tasks[0].seed == 0);
    bundle_close(b);
}

static void test_rtuning_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *bundle, *items, *says;
    } cases[] = {
        {RTUNING(",\"sure\":[1]"), ITEM, "sure and unsure must be there together"},
        {RTUNING(VERDICTS ",\"weight\":2"), ITEM, "weight must be a number from 0 to 1"},
        {RTUNING(",\"weight\":0.5"), ITEM, "weight must be 1 without sure"},
        {RTUNING(",\"match\":\"exact\""), ITEM, "match must be \"paper\""},
        {RTUNING(",\"stop_text\":\"#\""), ITEM, "no token of the vocabulary has \"#\""},
        {RTUNING(",\"samples\":3"), ITEM, "samples is not a known key"},
        {RTUNING(VERDICTS), ITEM, "a.jsonl:1: probe"},
        {RTUNING(""), PROMPT ",\"probe\":[1],\"answers\":[\"a\"]}", "probe is of no use"},
        {RTUNING(""), PROMPT "}", "answers"},
        {RTUNING(""), PROMPT ",\"answers\":[\"a\"],\"choices\":[[1],[2]],\"gold\":0}", "exclude each other"},
        {RTUNING(""), PROMPT ",\"answers\":[\"a\"],\"gold\":0}", "gold has no choices"},
        {RTUNING(""), PROMPT ",\"choices\":[[1],[2]]}", "gold"},
        {RTUNING(""), PROMPT ",\"choices\":[[1],[2]],\"gold\":2}", "gold"},
        {RTUNING(""), PROMPT ",\"answerable\":false,\"answers\":[\"a\"]}", "answers must be left out"},
        {RTUNING(""), PROMPT ",\"answerable\":false,\"known\":true}", "known must be left out"},
        {RTUNING(""), PROMPT ",\"answerable\":1,\"answers\":[\"a\"]}", "answerable must be true or false"},
        {IDENTIFY(",\"samples\":1"), ITEM, "samples"},
        {IDENTIFY(",\"temperature\":0"), ITEM, "temperature"},
        {IDENTIFY(""), PROMPT ",\"answers\":[\"a\"],\"answerable\":false}", "answerable is not a known key"},
        {TASKS("{\"name\":\"a\",\"type\":\"identify\",\"file\":\"a.jsonl\",\"metrics\":[\"entropy\"],"
               "\"max_new_tokens\":4,\"stop_ids\":[0],\"samples\":1}"),
         ITEM, "samples must be at least 2"},
        {TASKS("{\"name\":\"a\",\"type\":\"identify\",\"file\":\"a.jsonl\",\"metrics\":[\"ap\"]}"), ITEM,
         "\"ap\" is no metric of type identify"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bundle *b;
        struct err err = {0};
        if (open_text(cases[i].bundle, VOCAB, cases[i].items, &b, &err) == 0)
            fail_msg("case %zu is taken", i);
        assert_says(&err, cases[i].says);
    }
}

static void test_the_shipped_bundle(void **state)
{
    (void)state;
    struct bundle *b;
    struct err err = {0};
    check(bundle_open(FIXTURES "bundle", &b, &err), &err);
    assert_true(b->tasks_n >= 5);
    bundle_close(b);
}

static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *bundle, *vocab, *items, *says;
    } cases[] = {
        {"[]", VOCAB, ITEM, "format"},
        {"{\"format\":\"paretod-bundle-9\"}", VOCAB, ITEM, "paretod-bundle-1"},
        {HEAD "\"tasks\":[]}", VOCAB, ITEM, "tasks must be an array"},
        {HEAD "\"tusks\":[]}", VOCAB, ITEM, "did you mean \"tasks\"?"},
        {GOOD, "{}", ITEM, "vocab.json"},
        {GOOD, "[1]", ITEM, "vocab.json: entry 0"},
        {"{\"format\":\"paretod-bundle-1\",\"name\":\"t\",\"vocab\":\"../vocab.json\"}", VOCAB, ITEM,
         "own folder"},
        {"{\"format\":\"paretod-bundle-1\",\"name\":\"t\",\"vocab\":\"vocab.json\",\"eos_id\":4}", VOCAB,
         ITEM, "eos_id"},
        {TASKS("1"), VOCAB, ITEM, "tasks[0]"},
        {TASKS("{}"), VOCAB, ITEM, "tasks[0].name"},
        {TASKS("{\"name\":\"a.b\"}"), VOCAB, ITEM, "tasks[0].name"},
        {TASKS("{\"name\":\"a\",\"type\":\"essay\"}"), VOCAB, ITEM, "essay"},
        {TASKS(GENERATE "\"max_new_tokens\":4,\"stop_ids\":[0],\"beams\":2}"), VOCAB, ITEM,
         "beams is not a known key"},
        {TASKS(GENERATE "\"max_new_tokens\":4,\"stop_ids\":[0],\"temperature\":1}"), VOCAB, ITEM,
         "temperature"},
        {TASKS(GENERATE "\"max_new_tokens\":0,\"stop_ids\":[0]}"), VOCAB, ITEM, "max_new_tokens"},
        {TASKS(GENERATE "\"max_new_tokens\":4,\"stop_ids\":[4]}"), VOCAB, ITEM, "stop_ids[0]"},
        {TASKS(GENERATE "\"max_new_tokens\":4,\"stop_ids\":[0,0,0,0,0,0,0,0,0]}"), VOCAB, ITEM,
         "more than 8"},
        {TASKS("{\"name\":\"a\",\"type\":\"choice\",\"file\":\"a.jsonl\",\"metrics\":[\"em\"]}"), VOCAB, ITEM,
         "\"em\" is no metric of type choice"},
        {TASKS("{\"name\":\"a\",\"type\":\"choice\",\"file\":\"a.jsonl\",\"metrics\":[\"acc\",\"acc\"]}"),
         VOCAB, ITEM, "twice"},
        {TASKS("{\"name\":\"a\",\"type\":\"choice\",\"file\":\"a.jsonl\",\"metrics\":[]}"), VOCAB, ITEM,
         "metrics"},
        {TASKS("{\"name\":\"a\",\"type\":\"choice\",\"file\":\"/etc/passwd\",\"metrics\":[\"acc\"]}"), VOCAB,
         ITEM, "own folder"},
        {TASKS("{\"name\":\"a\",\"type\":\"choice\",\"file\":\"none.jsonl\",\"metrics\":[\"acc\"]}"), VOCAB,
         ITEM, "none.jsonl"},
        {REWARD(""), VOCAB, ITEM, "reward_model"},
        {REWARD(",\"reward_model\":\"/judge\""), VOCAB, ITEM, "beside it"},
        {REWARD(",\"reward_model\":\"../../judge\""), VOCAB, ITEM, "beside it"},
        {REWARD(",\"reward_model\":\"../judge\",\"temperature\":0"), VOCAB, ITEM, "temperature"},
        {REWARD(",\"reward_model\":\"../judge\",\"temperature\":\"1\""), VOCAB, ITEM, "temperature"},
        {REWARD(",\"reward_model\":\"../judge\",\"samples\":0"), VOCAB, ITEM, "samples"},
        {GOOD, VOCAB, "", "a.jsonl: has no items"},
        {GOOD, VOCAB, ITEM "{\"id\":", "a.jsonl:2"},
        {GOOD, VOCAB, ITEM "\n", "a.jsonl:2"},
        {GOOD, VOCAB, ITEM ITEM, "used twice"},
        {GOOD, VOCAB, "[]", "a.jsonl:1: an item must be an object"},
        {GOOD, VOCAB, "{\"id\":\"x\",\"half\":\"search\",\"prompt\":[1],\"answer\":[1]}",
         "did you mean \"answers\"?"},
        {GOOD, VOCAB, "{\"id\":7,\"half\":\"search\",\"prompt\":[1],\"answers\":[\"a\"]}", "a.jsonl:1: id"},
        {GOOD, VOCAB, "{\"id\":\"x\",\"half\":\"both\",\"prompt\":[1],\"answers\":[\"a\"]}",
         "a.jsonl:1: half"},
        {GOOD, VOCAB, "{\"id\":\"x\",\"half\":\"search\",\"prompt\":[],\"answers\":[\"a\"]}",
         "a.jsonl:1: prompt"},
        {GOOD, VOCAB, "{\"id\":\"x\",\"half\":\"search\",\"prompt\":[1,4],\"answers\":[\"a\"]}", "prompt[1]"},
        {GOOD, VOCAB, "{\"id\":\"x\",\"half\":\"search\",\"prompt\":[1.5],\"answers\":[\"a\"]}", "prompt[0]"},
        {GOOD, VOCAB, "{\"id\":\"x\",\"half\":\"search\",\"prompt\":[1],\"answers\":[]}", "answers"},
        {GOOD, VOCAB, "{\"id\":\"x\",\"half\":\"search\",\"prompt\":[1],\"answers\":[3]}", "answers[0]"},
        {CHOICE, VOCAB, PROMPT ",\"choices\":[[1]],\"chars\":[3],\"gold\":0}", "choices"},
        {CHOICE, VOCAB, PROMPT ",\"choices\":[[1],[]],\"chars\":[3,1],\"gold\":0}", "choices[1]"},
        {CHOICE, VOCAB, PROMPT ",\"choices\":[[1],[2]],\"chars\":[3],\"gold\":0}", "chars"},
        {CHOICE, VOCAB, PROMPT ",\"choices\":[[1],[2]],\"chars\":[3,0],\"gold\":0}", "chars[1]"},
        {CHOICE, VOCAB, PROMPT ",\"choices\":[[1],[2]],\"chars\":[3,1],\"gold\":2}", "gold"},
        {LOGLIK, VOCAB, PROMPT ",\"answer\":[]}", "answer"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bundle *b = NULL;
        struct err err = {0};
        if (open_text(cases[i].bundle, cases[i].vocab, cases[i].items, &b, &err) == 0 || b)
            fail_msg("case %zu (%s) was accepted", i, cases[i].says);
        assert_says(&err, cases[i].says);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads),
        cmocka_unit_test(test_reads_every_type),
        cmocka_unit_test(test_reads_rtuning),
        cmocka_unit_test(test_rtuning_refusals),
        cmocka_unit_test(test_the_shipped_bundle),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
