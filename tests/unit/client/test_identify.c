/* client/identify.h: the items of a bundle, their questions, and what trials found. */
#include "../merge/fixture.h"

#include "client/identify.h"

#include <math.h>

static const char bundle[] =
    "{\"tasks\":[{\"name\":\"other\",\"type\":\"choice\",\"file\":\"x\",\"metrics\":[\"acc\"]},"
    "{\"name\":\"q\",\"type\":\"identify\",\"file\":\"q.jsonl\",\"metrics\":[\"certain\",\"entropy\"]}]}";
/* halves by turns at first; d is the last of three searched ones */
static const char items[] = "{\"id\":\"a\",\"half\":\"search\"}\n{\"id\":\"b\",\"half\":\"heldout\"}\n"
                            "{\"id\":\"c\",\"half\":\"search\"}\n{\"id\":\"d\",\"half\":\"search\"}\n"
                            "{\"id\":\"e\",\"half\":\"heldout\"}\n";

struct world {
    char *directory;
    struct question_set set;
    struct identify identify;
    struct err err;
};

static void add_question(struct world *w, const char *id)
{
    struct question q;
    question_init(&q);
    q.id = mem_strdup(id);
    q.text = mem_strdup("?");
    question_set_take(&w->set, &q);
}

static void begin(struct world *w)
{
    *w = (struct world){.directory = fixture_directory()};
    fixture_text(w->directory, "bundle.json", bundle);
    fixture_text(w->directory, "q.jsonl", items);
    for (const char *id = "zedcba"; *id; id++)
        add_question(w, (char[]){*id, 0});
}

static void end(struct world *w)
{
    identify_fini(&w->identify);
    question_set_fini(&w->set);
    fixture_remove(w->directory);
}

static void assert_says(const struct world *w, const char *part)
{
    if (!strstr(w->err.text, part))
        fail_msg("%s", w->err.text);
}

static void test_items_find_their_questions(void **state)
{
    (void)state;
    struct world w;
    size_t without;
    begin(&w);
    assert_int_equal(identify_open(w.directory, NULL, &w.identify, &w.err), 0);
    assert_true(w.identify.n == 5 && w.identify.half_n[0] == 3 && w.identify.half_n[1] == 2);
    assert_true(w.identify.metrics_n == 2 && w.identify.has_entropy);
    assert_string_equal(w.identify.metrics[1], "q.entropy");
    assert_int_equal(identify_shards_max(&w.identify), 2);
    assert_int_equal(identify_join(&w.identify, &w.set, &without, &w.err), 0);
    assert_int_equal(without, 1);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(w.identify.items[i].question, 5 - i);
    assert_true(w.identify.items[3].rank == 2 && w.identify.items[4].rank == 1);
    end(&w);
}

static int take(struct world *w, size_t trial, const char *answer)
{
    struct json *j;
    assert_int_equal(json_parse(answer, strlen(answer), &j, NULL), 0);
    int rc = identify_take(&w->identify, 2, trial, j, &w->err);
    json_free(j);
    return rc;
}

#define SCORE(metric, half, values)                                                                          \
    "{\"metric\":\"q." metric "\",\"half\":\"" half "\",\"items\":[" values "]}"

/* Two shards: of the searched a, d in the first and c in the second; of the held-out b, then e. */
static void test_values_find_their_items(void **state)
{
    (void)state;
    struct world w;
    begin(&w);
    assert_int_equal(identify_open(w.directory, "q", &w.identify, &w.err), 0);
    assert_int_equal(
        take(&w, 0,
             "{\"scores\":[" SCORE("confidence", "search", "9,9") "," SCORE(
                 "certain", "search",
                 "1,0") "," SCORE("entropy", "search",
                                  "0.5,0.25") "," SCORE("certain", "heldout",
                                                        "1") "," SCORE("entropy", "heldout", "0.125") "]}"),
        0);
    const struct identify_item *item = w.identify.items;
    assert_true(item[0].certain == 1 && item[0].entropy == 0.5);
    assert_true(item[3].certain == 0 && item[3].entropy == 0.25);
    assert_true(item[1].certain == 1 && item[1].entropy == 0.125);
    assert_true(isnan(item[2].certain) && isnan(item[4].entropy));
    end(&w);
}

static void test_answers_of_something_else(void **state)
{
    (void)state;
    struct world w;
    begin(&w);
    assert_int_equal(identify_open(w.directory, NULL, &w.identify, &w.err), 0);
    assert_int_equal(take(&w, 1, "{\"scores\":[" SCORE("certain", "search", "1,0") "]}"), ERR_CORRUPT);
    assert_says(&w, "has 2 values of \"q.certain\" for 1 questions of the half \"search\"");
    assert_int_equal(take(&w, 1, "{\"scores\":[" SCORE("certain", "search", "1") "]}"), ERR_CORRUPT);
    assert_says(&w, "has 0 values of \"q.entropy\"");
    assert_int_equal(take(&w, 1, "{\"scores\":[" SCORE("certain", "search", "null") "]}"), ERR_CORRUPT);
    assert_says(&w, "value 0 of \"q.certain\" must be 0 or 1");
    assert_int_equal(take(&w, 1, "{\"scores\":[" SCORE("certain", "search", "0.5") "]}"), ERR_CORRUPT);
    assert_int_equal(
        take(&w, 1,
             "{\"scores\":[" SCORE("certain", "search", "1") "," SCORE("entropy", "search", "-0.1") "]}"),
        ERR_CORRUPT);
    assert_says(&w, "value 0 of \"q.entropy\" must be a number of 0 or more");
    assert_int_equal(take(&w, 1, "{}"), ERR_CORRUPT);
    end(&w);
}

#define WRITTEN(search, heldout)                                                                             \
    "{\"trial\":0,\"written\":{\"search\":{\"other\":[],\"q\":[" search "]},\"heldout\":{\"q\":[" heldout    \
    "]}}}"
#define A "{\"id\":\"a\",\"output\":\"x\",\"samples\":[\"x\",\"\"]}"
#define B "{\"id\":\"b\",\"output\":\"\"}"
#define D "{\"id\":\"d\",\"output\":\"y\",\"cut\":true}"

static int take_texts(struct world *w, size_t trial, const char *answer, bool *kept, size_t *cut_n)
{
    struct json *j;
    assert_int_equal(json_parse(answer, strlen(answer), &j, NULL), 0);
    int rc = identify_take_written(&w->identify, 2, trial, j, kept, cut_n, &w->err);
    json_free(j);
    return rc;
}

/* The first shard's are a and d of the searched, b of the held-out. */
static void test_texts_find_their_items(void **state)
{
    (void)state;
    struct world w;
    size_t cut_n = 0;
    bool kept = false;
    begin(&w);
    assert_int_equal(identify_open(w.directory, NULL, &w.identify, &w.err), 0);
    for (int again = 0; again < 2; again++)
        assert_int_equal(take_texts(&w, 0, WRITTEN(A "," D, B), &kept, &cut_n), 0);
    assert_true(kept && cut_n == 2);
    const struct identify_item *item = w.identify.items;
    assert_string_equal(item[0].output, "x");
    assert_int_equal(item[0].samples_n, 2);
    assert_string_equal(item[0].samples[0], "x");
    assert_string_equal(item[0].samples[1], "");
    assert_string_equal(item[1].output, "");
    assert_string_equal(item[3].output, "y");
    assert_true(!item[2].output && !item[4].output && item[3].samples_n == 0);
    static const char *const without[] = {
        "{\"written\":{}}", "{\"written\":{\"search\":{\"q\":[" A "," D "]}}}",
        "{\"written\":{\"search\":{\"q\":[" A "," D "]},\"heldout\":{\"p\":[]}}}"};
    for (size_t i = 0; i < sizeof without / sizeof *without; i++) {
        kept = true;
        assert_int_equal(take_texts(&w, 0, without[i], &kept, &cut_n), 0);
        assert_false(kept);
    }
    end(&w);
}

static void test_texts_of_something_else(void **state)
{
    static const struct {
        const char *answer, *sentence;
    } bad[] = {
        {WRITTEN(D "," A, B), "what was written to \"d\" stands where \"a\" should"},
        {WRITTEN(A, B), "has texts of 1 items for 2 questions of the half \"search\""},
        {WRITTEN(A "," D "," D, B), "has texts of 3 items for 2 questions"},
        {WRITTEN(A "," D, ""), "has texts of 0 items for 1 questions of the half \"heldout\""},
        {WRITTEN("{\"id\":\"a\"}," D, B), "what was written to \"a\" has no \"output\""},
        {"{\"written\":{\"search\":{\"q\":7}}}", "has texts of 0 items"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct world w;
        size_t cut_n = 0;
        bool kept;
        begin(&w);
        assert_int_equal(identify_open(w.directory, NULL, &w.identify, &w.err), 0);
        assert_int_equal(take_texts(&w, 0, bad[i].answer, &kept, &cut_n), ERR_CORRUPT);
        assert_says(&w, bad[i].sentence);
        end(&w);
    }
}

static void assert_refused(const char *file, const char *text, const char *task, const char *sentence)
{
    struct world w;
    begin(&w);
    fixture_text(w.directory, file, text);
    assert_int_not_equal(identify_open(w.directory, task, &w.identify, &w.err), 0);
    assert_says(&w, sentence);
    end(&w);
}

static void test_bundles_that_are_none(void **state)
{
    (void)state;
    assert_refused("bundle.json", bundle, "other", "has no task \"other\" of type \"identify\"");
    assert_refused("bundle.json",
                   "{\"tasks\":[{\"name\":\"a\",\"type\":\"identify\",\"metrics\":[\"certain\"]},"
                   "{\"name\":\"b\",\"type\":\"identify\",\"metrics\":[\"certain\"]}]}",
                   NULL, "has 2 tasks of type \"identify\"; choose one with --task");
    assert_refused(
        "bundle.json",
        "{\"tasks\":[{\"name\":\"q\",\"type\":\"identify\",\"file\":\"q.jsonl\",\"metrics\":[\"entropy\"]}]}",
        NULL, "task \"q\" of the bundle has no metric \"certain\"");
    assert_refused("q.jsonl", "{\"id\":\"a\",\"half\":\"search\"}\n{\"id\":\"b\"}\n", NULL,
                   "q.jsonl:2: an item needs");
    assert_refused("q.jsonl", "{\"id\":\"a\",\"half\":\"search\"}\n{\"id\":\n", NULL, "q.jsonl:2: ");
    assert_refused("q.jsonl", "{\"id\":\"a\",\"half\":\"heldout\"}\n", NULL,
                   "has no item of the half \"search\"");
}

static void test_items_of_other_questions(void **state)
{
    (void)state;
    struct world w;
    size_t without;
    begin(&w);
    fixture_text(w.directory, "q.jsonl",
                 "{\"id\":\"a\",\"half\":\"search\"}\n{\"id\":\"y\",\"half\":\"search\"}\n");
    assert_int_equal(identify_open(w.directory, NULL, &w.identify, &w.err), 0);
    assert_int_equal(identify_join(&w.identify, &w.set, &without, &w.err), ERR_INVALID);
    assert_says(&w, "item \"y\" of ");
    assert_says(&w, "is no question of yours");
    identify_fini(&w.identify);
    fixture_text(w.directory, "q.jsonl",
                 "{\"id\":\"a\",\"half\":\"search\"}\n{\"id\":\"a\",\"half\":\"search\"}\n");
    assert_int_equal(identify_open(w.directory, NULL, &w.identify, &w.err), 0);
    assert_int_equal(identify_join(&w.identify, &w.set, &without, &w.err), ERR_INVALID);
    assert_says(&w, "is there twice");
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_items_find_their_questions), cmocka_unit_test(test_values_find_their_items),
        cmocka_unit_test(test_answers_of_something_else),  cmocka_unit_test(test_bundles_that_are_none),
        cmocka_unit_test(test_items_of_other_questions),   cmocka_unit_test(test_texts_find_their_items),
        cmocka_unit_test(test_texts_of_something_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
