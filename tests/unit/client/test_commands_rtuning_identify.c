/* rtuning identify: what is submitted, and what is written of what came back. */
#include "../merge/fixture.h"
#include "answers.h"
#include "fake.h"

#include <sys/stat.h>

static const char bundle[] =
    "{\"vocab\":\"vocab.json\",\"tasks\":[{\"name\":\"q\",\"type\":\"identify\",\"file\":\"q.jsonl\","
    "\"metrics\":[\"certain\",\"entropy\"]}]}";
static const char items[] = "{\"id\":\"a\",\"half\":\"search\"}\n{\"id\":\"b\",\"half\":\"search\"}\n"
                            "{\"id\":\"c\",\"half\":\"search\"}\n";
static const char questions[] =
    "{\"id\":\"c\",\"question\":\"Who?\",\"answers\":[\"Bob\"]}\n"
    "{\"id\":\"b\",\"question\":\"When?\",\"answers\":[\"1066\"],\"output\":\"old\",\"samples\":[\"old\"]}\n"
    "{\"id\":\"x\",\"question\":\"Why?\",\"answerable\":false}\n"
    "{\"id\":\"a\",\"question\":\"Where?\",\"answers\":[\"Rome\"]}\n";
static const char first[] =
    "{\"state\":\"done\",\"scores\":[{\"metric\":\"q.certain\",\"half\":\"search\",\"items\":[1,0]},"
    "{\"metric\":\"q.entropy\",\"half\":\"search\",\"items\":[0.25,0.5]}]}";
static const char second[] =
    "{\"state\":\"done\",\"scores\":[{\"metric\":\"q.certain\",\"half\":\"search\",\"items\":[0]},"
    "{\"metric\":\"q.entropy\",\"half\":\"search\",\"items\":[0]}]}";

static const char first_texts[] = "{\"trial\":0,\"written\":{\"search\":{\"q\":[{\"id\":\"a\",\"output\":"
                                  "\"Rome\",\"samples\":[\"Rome\",\"\"]},"
                                  "{\"id\":\"c\",\"output\":\"Al\",\"cut\":true}]}}}";
static const char no_texts[] = "{\"trial\":1,\"written\":{}}";

struct world {
    struct fake fake;
    char *directory;
};

static void begin(struct world *w)
{
    fake_init(&w->fake);
    w->directory = fixture_directory();
    fixture_text(w->directory, "bundle.json", bundle);
    fixture_text(w->directory, "q.jsonl", items);
    fixture_text(w->directory, "questions.jsonl", questions);
    fixture_text(w->directory, "vocab.json", "[]");
    char *model = mem_printf("%s/model", w->directory);
    assert_int_equal(mkdir(model, 0700), 0);
    fixture_text(model, "config.json", "{}");
    mem_free(model);
}

static void end(struct world *w)
{
    fake_fini(&w->fake);
    fixture_remove(w->directory);
}

static int run(struct world *w, const char *more)
{
    const char *d = w->directory;
    char *line =
        mem_printf("rtuning identify --questions %s/questions.jsonl --bundle %s --model %s/model --out "
                   "%s/out.jsonl %s",
                   d, d, d, d, more);
    int code = fake_run(&w->fake, line);
    mem_free(line);
    return code;
}

/* The answers to a submission, a look at the front, and so many trials. */
static void play(struct world *w, int status, const char *const *trials, int n)
{
    fake_says(&w->fake, status, "{\"id\":3,\"name\":\"identify\"}");
    fake_says(&w->fake, 200, FRONT_NOTE("done", "2"));
    for (int i = 0; i < n; i++)
        fake_says(&w->fake, 200, trials[i]);
    fake_says(&w->fake, 200, first_texts);
    fake_says(&w->fake, 200, no_texts);
}

static char *written(const struct world *w)
{
    char *path = mem_printf("%s/out.jsonl", w->directory), *text = NULL;
    size_t size = 0;
    FILE *file = fopen(path, "r");
    mem_free(path);
    if (!file)
        return NULL;
    assert_true(getdelim(&text, &size, 0, file) > 0);
    fclose(file);
    return text;
}

static void test_the_whole_way(void **state)
{
    (void)state;
    struct world w;
    begin(&w);
    play(&w, 201, (const char *const[]){first, second}, 2);
    assert_int_equal(run(&w, "--shards 2 --seed 9"), CLIENT_OK);
    assert_string_equal(w.fake.asked[0].path, "/v1/searches");
    assert_memory_equal(w.fake.asked[0].key, "identify-", 9);
    assert_contains(w.fake.asked[0].body, "\"strategy\":{\"type\":\"identify\",\"ratio\":0}");
    assert_contains(w.fake.asked[0].body, "\"budget\":{\"trials\":2},\"held_out\":false,\"seed\":9}");
    assert_contains(w.fake.asked[0].body,
                    "{\"metric\":\"q.certain\",\"goal\":\"max\"},{\"metric\":\"q.entropy\"");
    assert_string_equal(w.fake.asked[3].path, "/v1/searches/3/trials/1");
    assert_string_equal(w.fake.asked[5].path, "/v1/searches/3/trials/1/written");
    assert_contains(w.fake.complaints, "1 of 2 shards came without what the model wrote, and their questions "
                                       "have no \"output\"; where it is larger than 4 MiB");
    assert_contains(w.fake.complaints,
                    "questions of which a text is longer than 2048 bytes, and is cut: 1\n");
    assert_contains(w.fake.complaints,
                    "questions that the bundle does not have: 1 of 4; they stay as they are");
    assert_contains(w.fake.out, "search 3: 3 questions in 2 shards\n");
    assert_contains(w.fake.out, "out.jsonl: 4 questions, 1 certain and 2 uncertain (33.3 % certain)\n");
    char *text = written(&w);
    assert_string_equal(
        text, "{\"id\":\"c\",\"kind\":\"open\",\"question\":\"Who?\",\"answers\":[\"Bob\"],"
              "\"certain\":false,\"entropy\":0.5,\"output\":\"Al\"}\n"
              "{\"id\":\"b\",\"kind\":\"open\",\"question\":\"When?\",\"answers\":[\"1066\"],"
              "\"certain\":false,\"entropy\":0}\n"
              "{\"id\":\"x\",\"kind\":\"open\",\"question\":\"Why?\",\"answerable\":false}\n"
              "{\"id\":\"a\",\"kind\":\"open\",\"question\":\"Where?\",\"answers\":[\"Rome\"]"
              ",\"certain\":true,\"entropy\":0.25,\"output\":\"Rome\",\"samples\":[\"Rome\",\"\"]}\n");
    free(text);
    end(&w);
}

/* The half with the least entropy, in the order of the bundle where it is equal: b and a of three. */
static void test_unsupervised(void **state)
{
    (void)state;
    struct world w;
    begin(&w);
    play(&w, 200, (const char *const[]){first, second}, 2);
    assert_int_equal(run(&w, "--shards 2 --unsupervised --json"), CLIENT_OK);
    assert_contains(w.fake.out,
                    "\"search\":3,\"questions\":4,\"certain\":2,\"uncertain\":1,\"not_asked\":1,\"torn\":0,"
                    "\"shards_without_texts\":1,\"cut\":1,\"bad\":0}\n");
    assert_ptr_equal(strchr(w.fake.out, '\n'), w.fake.out + strlen(w.fake.out) - 1); /* one value, a line */
    char *text = written(&w);
    assert_contains(text, "[\"1066\"],\"certain\":true,\"entropy\":0}");
    free(text);
    end(&w);
}

/* The same files, the same key; another file, another one; --again, any. */
static void test_keys(void **state)
{
    (void)state;
    struct world w;
    begin(&w);
    for (int i = 0; i < 7; i++) /* the daemon refuses: only the key is looked at */
        fake_says(&w.fake, 409, "{\"error\":\"no\",\"code\":\"conflict\"}");
    assert_int_equal(run(&w, ""), CLIENT_REFUSED);
    assert_int_equal(run(&w, ""), CLIENT_REFUSED);
    assert_int_equal(run(&w, "--shards 2"), CLIENT_REFUSED);
    assert_int_equal(run(&w, "--again"), CLIENT_REFUSED);
    fixture_text(w.directory, "model/config.json", "{ }");
    assert_int_equal(run(&w, ""), CLIENT_REFUSED);
    fixture_text(w.directory, "q.jsonl", "{\"id\":\"a\",\"half\":\"search\"}\n");
    assert_int_equal(run(&w, ""), CLIENT_REFUSED);
    fixture_text(w.directory, "vocab.json", "[\"a\"]");
    assert_int_equal(run(&w, ""), CLIENT_REFUSED);
    for (int i = 0; i < 7; i++)
        for (int k = 0; k < i; k++)
            assert_true((strcmp(w.fake.asked[i].key, w.fake.asked[k].key) == 0) == (i == 1));
    end(&w);
}

/* Of a half that failed the other's scores are there, and its reason. */
static void test_a_lost_half(void **state)
{
    (void)state;
    struct world w;
    begin(&w);
    fixture_text(w.directory, "q.jsonl",
                 "{\"id\":\"a\",\"half\":\"search\"}\n{\"id\":\"b\",\"half\":\"heldout\"}\n");
    play(&w, 201,
         (const char *const[]){
             "{\"state\":\"done\",\"reason\":\"lost\",\"scores\":[{\"metric\":\"q.certain\",\"half\":"
             "\"search\","
             "\"items\":[1]},{\"metric\":\"q.entropy\",\"half\":\"search\",\"items\":[0]}]}"},
         1);
    assert_int_equal(run(&w, ""), CLIENT_REFUSED);
    assert_contains(w.fake.asked[0].body, "\"held_out\":true");
    assert_contains(w.fake.complaints, "trial 0 of search 3 has no result: lost\n");
    end(&w);
}

static int run_made(struct world *w, const char *more)
{
    const char *d = w->directory;
    char *line = mem_printf("rtuning identify --questions %s/questions.jsonl --bundle %s --out %s/out.jsonl "
                            "--search 7 %s",
                            d, d, d, more);
    int code = fake_run(&w->fake, line);
    mem_free(line);
    return code;
}

static void test_a_search_made_by_hand(void **state)
{
    (void)state;
    struct world w;
    begin(&w);
    fake_says(&w.fake, 200,
              "{\"id\":7,\"strategy\":\"identify\",\"spec\":{\"held_out\":false,\"budget\":{\"trials\":2}}}");
    fake_says(&w.fake, 200, FRONT_NOTE("done", "2"));
    fake_says(&w.fake, 200, first);
    fake_says(&w.fake, 200, second);
    fake_says(&w.fake, 200, first_texts);
    fake_says(&w.fake, 200, no_texts);
    assert_int_equal(run_made(&w, ""), CLIENT_OK);
    assert_string_equal(w.fake.asked[0].path, "/v1/searches/7");
    assert_string_equal(w.fake.asked[3].path, "/v1/searches/7/trials/1");
    assert_contains(w.fake.out, "out.jsonl: 4 questions, 1 certain and 2 uncertain");
    assert_int_equal(run_made(&w, "--shards 2"), CLIENT_USAGE);
    assert_contains(w.fake.complaints, "--shards is of a search that is made now; leave it out, or --search");
    end(&w);
}

static void test_a_search_of_something_else(void **state)
{
    static const struct {
        const char *search, *said;
    } cases[] = {{"{\"strategy\":\"bayes\",\"spec\":{\"budget\":{\"trials\":2}}}",
                  "its strategy is \"bayes\", not \"identify\""},
                 {"{\"strategy\":\"identify\",\"spec\":{\"budget\":{\"trials\":9}}}",
                  "has 9 shards, and the bundle questions for 1"},
                 {"{\"strategy\":\"identify\",\"spec\":{\"held_out\":false,\"budget\":{\"trials\":1}}}",
                  "asks no held-out items, and the bundle has 1"}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct world w;
        begin(&w);
        fixture_text(w.directory, "q.jsonl",
                     "{\"id\":\"a\",\"half\":\"search\"}\n{\"id\":\"b\",\"half\":\"heldout\"}\n");
        fake_says(&w.fake, 200, cases[i].search);
        assert_int_equal(run_made(&w, ""), CLIENT_REFUSED);
        assert_contains(w.fake.complaints, cases[i].said);
        end(&w);
    }
}

static void test_a_lost_shard_writes_nothing(void **state)
{
    (void)state;
    struct world w;
    begin(&w);
    play(&w, 200,
         (const char *const[]){first,
                               "{\"state\":\"quarantined\",\"reason\":\"out of memory\",\"scores\":[]}"},
         2);
    assert_int_equal(run(&w, "--shards 2"), CLIENT_REFUSED);
    assert_contains(w.fake.complaints, "trial 1 of search 3 has no result: out of memory\n");
    assert_contains(w.fake.complaints, "1 of 2 shards have no result and nothing is written");
    assert_contains(w.fake.out, "in 2 shards, as before with the same files\n");
    assert_null(written(&w));
    end(&w);
}

static void test_what_is_refused(void **state)
{
    static const struct {
        const char *more, *said;
        int code;
    } cases[] = {{"--shards 4", "--shards 4 are more than there can be: 3", CLIENT_REFUSED},
                 {"--shards 0", "--shards \"0\" must be a whole number of 1 or more", CLIENT_USAGE},
                 {"--strict", "1 of 4; --strict was given and nothing is done", CLIENT_REFUSED},
                 {"--task z", "has no task \"z\" of type \"identify\"", CLIENT_REFUSED},
                 {"--model /nowhere/at/all", "--model /nowhere/at/all: No such file", CLIENT_REFUSED}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct world w;
        begin(&w);
        assert_int_equal(run(&w, cases[i].more), cases[i].code);
        assert_contains(w.fake.complaints, cases[i].said);
        end(&w);
    }
    struct fake fake;
    fake_init(&fake);
    assert_int_equal(fake_run(&fake, "rtuning identify --questions q --bundle b --out o"), CLIENT_USAGE);
    assert_contains(fake.complaints, "--model DIR is missing, or --search ID");
    fake_fini(&fake);
}

/* Without samples there is no entropy to split by. */
static void test_unsupervised_needs_samples(void **state)
{
    (void)state;
    struct world w;
    begin(&w);
    fixture_text(w.directory, "bundle.json",
                 "{\"tasks\":[{\"name\":\"q\",\"type\":\"identify\",\"file\":\"q.jsonl\",\"metrics\":["
                 "\"certain\"]}]}");
    assert_int_equal(run(&w, "--unsupervised"), CLIENT_REFUSED);
    assert_contains(w.fake.complaints, "--unsupervised needs the metric \"entropy\"");
    end(&w);
}

static void test_interrupted(void **state)
{
    (void)state;
    struct world w;
    begin(&w);
    fake_says(&w.fake, 201, "{\"id\":3,\"name\":\"identify\"}");
    fake_answer(&w.fake,
                (struct fake_answer){.status = 200, .body = FRONT_NOTE("running", "0"), .interrupts = true});
    assert_int_equal(run(&w, ""), CLIENT_DETACHED);
    assert_contains(w.fake.complaints, "the same command goes on where it was, and writes ");
    assert_null(written(&w));
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_whole_way),
        cmocka_unit_test(test_unsupervised),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_a_lost_half),
        cmocka_unit_test(test_a_search_made_by_hand),
        cmocka_unit_test(test_a_search_of_something_else),
        cmocka_unit_test(test_a_lost_shard_writes_nothing),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_unsupervised_needs_samples),
        cmocka_unit_test(test_interrupted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
