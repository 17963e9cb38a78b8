#include "worker/bleu.h"

#include "fixtures.h"
#include "worker/metrics.h"

#include <math.h>

static void expect(const char *text, const char *tokens)
{
    char *got = bleu_tokenise(text);
    assert_string_equal(got, tokens);
    mem_free(got);
}

static void test_tokenise(void **state)
{
    (void)state;
    expect("Hello, world!", "Hello , world !");
    expect("1,000.5 v1.2-beta", "1,000.5 v1.2 - beta");
    expect("a-b -\nc", "a-b c");
    expect("x..y", "x . . y");
    expect("caf\xc3\xa9, \xc3\xa0.", "caf\xc3\xa9 , \xc3\xa0 .");
    expect("a\xc2\xa0 b ", "a b");
    expect("&lt;&amp;gt;", "< >"); /* &amp; first, then &gt; is read again */
    expect("   ", "");
}

static void test_golden_corpora(void **state)
{
    (void)state;
    struct json *golden = read_json(GOLDEN "metrics.json");
    const struct json *pairs = json_get(golden, "pairs");
    int corpora = 0;
    for (const struct json *c = json_first(json_get(golden, "corpora")); c; c = json_next(c), corpora++) {
        struct bleu_counts sum = {0};
        for (const struct json *at = json_first(json_get(c, "pairs")); at; at = json_next(at)) {
            const struct json *pair = json_first(pairs);
            for (int i = (int)json_number_or(at, 0); i > 0; i--)
                pair = json_next(pair);
            char *reference = (char *)json_string_or(json_get(pair, "reference"), NULL);
            struct bleu_counts one;
            bleu_count(json_string_or(json_get(pair, "prediction"), NULL), &reference, 1, &one);
            bleu_add(&sum, &one);
        }
        const char *name = json_string_or(json_get(c, "name"), "?");
        assert_int_equal(sum.hypothesis_n, (int)json_number_or(json_get(c, "hyp_len"), -1));
        assert_int_equal(sum.reference_n, (int)json_number_or(json_get(c, "ref_len"), -1));
        const struct json *correct = json_first(json_get(c, "correct")),
                          *total = json_first(json_get(c, "total"));
        for (int i = 0; i < BLEU_ORDER; i++, correct = json_next(correct), total = json_next(total)) {
            if (sum.correct[i] != (int64_t)json_number_or(correct, -1) ||
                sum.total[i] != (int64_t)json_number_or(total, -1))
                fail_msg("%s: order %d: %lld of %lld", name, i + 1, (long long)sum.correct[i],
                         (long long)sum.total[i]);
        }
        if (fabs(bleu_score(&sum) - json_number_or(json_get(c, "bleu"), -1)) > 1e-9)
            fail_msg("%s: %.17g", name, bleu_score(&sum));
    }
    assert_true(corpora > 5);
    json_free(golden);
}

static void test_several_references(void **state)
{
    (void)state;
    char *references[] = {"one two three four five six", "one two two", "one two three four five"};
    struct bleu_counts counts;
    bleu_count("one two two three", references, 3, &counts);
    assert_int_equal(counts.reference_n, 3); /* 3 and 5 are as near: the shorter */
    assert_int_equal(counts.correct[0], 4);  /* "two" twice by the second, "three" by the first */
    assert_int_equal(counts.correct[1], 3);  /* one two, two two, two three */
    assert_int_equal(counts.total[1], 3);
}

/* The pseudo-values' standard error is the delete-one jackknife's. */
static void test_jackknife(void **state)
{
    (void)state;
    static const char *const texts[][2] = {{"one two three four five", "one two three four six"},
                                           {"a big red dog ran home", "the big red dog ran home"},
                                           {"we see nothing at all here", "we see nothing here at all"},
                                           {"yes", "no"}};
    enum { N = 4 };
    struct bleu_counts counts[N], all = {0};
    for (int i = 0; i < N; i++) {
        char *reference = (char *)texts[i][1];
        bleu_count(texts[i][0], &reference, 1, &counts[i]);
        bleu_add(&all, &counts[i]);
    }
    double items[N], left_out[N], mean = 0, squares = 0;
    assert_true(bleu_jackknife(counts, N, items) == bleu_score(&all));
    for (int i = 0; i < N; i++) {
        struct bleu_counts rest = {0};
        for (int j = 0; j < N; j++) {
            if (j != i)
                bleu_add(&rest, &counts[j]);
        }
        mean += (left_out[i] = bleu_score(&rest)) / N;
    }
    for (int i = 0; i < N; i++)
        squares += (left_out[i] - mean) * (left_out[i] - mean);
    assert_true(fabs(metrics_stderr(items, N) - sqrt((N - 1.0) / N * squares)) < 1e-12);
}

static void test_jackknife_of_one_sentence(void **state)
{
    (void)state;
    char *reference = "one two three four";
    struct bleu_counts counts;
    double item;
    bleu_count(reference, &reference, 1, &counts);
    assert_true(bleu_jackknife(&counts, 1, &item) == 1 && item == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tokenise),
        cmocka_unit_test(test_golden_corpora),
        cmocka_unit_test(test_several_references),
        cmocka_unit_test(test_jackknife),
        cmocka_unit_test(test_jackknife_of_one_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
