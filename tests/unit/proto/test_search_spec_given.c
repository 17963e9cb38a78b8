/* "given": rows of trials that were scored elsewhere, read, refused by name, and written back. */
#include "spec_text.h"

#include "proto/mem.h"
#include "proto/spec_space.h"

#include <math.h>
#include <stdio.h>

#define SEARCH                                                                                               \
    "{\"groups\":{\"count\":2},\"objectives\":[{\"name\":\"up\",\"metric\":\"u\",\"goal\":\"max\"},"         \
    "{\"name\":\"down\",\"metric\":\"d\",\"goal\":\"min\"}],\"evaluator\":{\"type\":\"external\"},"

static void test_rows(void **state)
{
    (void)state;
    struct search_spec spec;
    struct spec_errors errors;
    assert_int_equal(parse(SEARCH
                           "\"given\":[{\"ratios\":[0,0.1],\"scores\":{\"down\":{\"mean\":-2,\"stderr\":0.5},"
                           "\"up\":1e-3},\"source\":\"study 7\"},"
                           "{\"ratios\":[1,-0.0],\"scores\":{\"up\":{\"mean\":3},\"down\":4}}]}",
                           &spec, &errors),
                     0);
    const struct spec_given *given = spec.given;
    assert_true(given->n == 2 && given->k == 2 && given->m == 2);
    assert_true(given->ratios[1] == 0.1 && given->ratios[2] == 1 && !signbit(given->ratios[3]));
    assert_true(given->means[0] == 1e-3 && given->means[1] == -2 && given->means[2] == 3 &&
                given->means[3] == 4);
    assert_true(isnan(given->stderrs[0]) && given->stderrs[1] == 0.5 && isnan(given->stderrs[2]));
    assert_string_equal(given->sources[0], "study 7");
    assert_string_equal(given->sources[1], "");
    search_spec_fini(&spec);
}

static void test_no_rows(void **state)
{
    (void)state;
    struct search_spec spec;
    struct spec_errors errors;
    assert_int_equal(parse(SEARCH "\"given\":[]}", &spec, &errors), 0);
    assert_null(spec.given);
    search_spec_fini(&spec);
}

/* What is stored is read back to the last bit; what a worker is sent has no rows. */
static void test_written(void **state)
{
    (void)state;
    struct search_spec spec;
    struct spec_errors errors;
    assert_int_equal(parse(SEARCH
                           "\"given\":[{\"ratios\":[0.1,0.30000000000000004],\"scores\":{\"up\":1,\"down\":"
                           "{\"mean\":2,\"stderr\":0}}},{\"ratios\":[1,1],\"scores\":{\"down\":3,\"up\":4},"
                           "\"source\":\"b\"}]}",
                           &spec, &errors),
                     0);
    char *first = written(&spec, false), *brief = written(&spec, true);
    assert_non_null(strstr(first,
                           "\"given\":[{\"ratios\":[0.1,0.30000000000000004],\"scores\":{\"up\":1,"
                           "\"down\":{\"mean\":2,\"stderr\":0}}},{\"ratios\":[1,1],\"scores\":{\"up\":4,"
                           "\"down\":3},\"source\":\"b\"}]"));
    assert_null(strstr(brief, "given"));
    search_spec_fini(&spec);
    assert_int_equal(parse(first, &spec, &errors), 0);
    char *second = written(&spec, false);
    assert_string_equal(first, second);
    search_spec_fini(&spec);
    assert_int_equal(parse(brief, &spec, &errors), 0);
    assert_null(spec.given);
    search_spec_fini(&spec);
    mem_free(first);
    mem_free(second);
    mem_free(brief);
}

static void test_wrong_rows(void **state)
{
    (void)state;
    static const struct {
        const char *rows, *field, *text;
    } bad[] = {
        {"{}", "given", "must be an array of up to 10000 objects"},
        {"[7]", "given[0]", "must be an object"},
        {"[{\"ratios\":[0,1],\"scores\":{\"up\":1,\"down\":1}},7]", "given[1]", "must be an object"},
        {"[{\"ratios\":[0,1],\"scores\":{\"up\":1,\"down\":1}},{\"ratios\":[0],\"scores\":{\"up\":1,\"down\":"
         "1}}]",
         "given[1].ratios", "must be an array of 2 ratios"},
        {"[{\"ratios\":[0,\"1\"],\"scores\":{\"up\":1,\"down\":1}}]", "given[0].ratios[1]",
         "must be a number from -10 to 10, not a string"},
        {"[{\"ratios\":[0],\"scores\":{\"up\":1,\"down\":1}},{\"ratios\":[0,1],\"scores\":{\"up\":1,\"down\":"
         "1}}]",
         "given[0].ratios", "must be an array of 2 ratios, one a group, and has 1"},
        {"[{\"ratios\":7,\"scores\":{\"up\":1,\"down\":1}}]", "given[0].ratios",
         "must be an array of 2 ratios"},
        {"[{\"ratios\":[0,11],\"scores\":{\"up\":1,\"down\":1}}]", "given[0].ratios[1]",
         "from -10 to 10, not 11"},
        {"[{\"ratios\":[0,1],\"scores\":{\"up\":1}}]", "given[0].scores", "\"down\" is missing"},
        {"[{\"ratios\":[0,1],\"scores\":{\"up\":1,\"down\":1,\"d\":2}}]", "given[0].scores.d",
         "not the name of one"},
        {"[{\"ratios\":[0,1],\"scores\":{\"up\":null,\"down\":1}}]", "given[0].scores.up",
         "must be an object"},
        {"[{\"ratios\":[0,1],\"scores\":{\"up\":1e301,\"down\":1}}]", "given[0].scores.up", "from -1e+300"},
        {"[{\"ratios\":[0,1],\"scores\":{\"up\":{\"mean\":1,\"stderr\":-1},\"down\":1}}]",
         "given[0].scores.up.stderr", "from 0 to"},
        {"[{\"ratios\":[0,1],\"scores\":{\"up\":{\"stderr\":1},\"down\":1}}]", "given[0].scores.up.mean",
         "is missing"},
        {"[{\"ratios\":[0,1],\"scores\":{\"up\":{\"mean\":1,\"std\":1},\"down\":1}}]",
         "given[0].scores.up.std", "known here: mean, stderr"},
        {"[{\"ratio\":[0],\"ratios\":[0,1],\"scores\":{\"up\":1,\"down\":1}}]", "given[0].ratio",
         "did you mean \"ratios\"?"},
        {"[{\"ratios\":[0,1],\"scores\":{\"up\":1,\"down\":1},\"source\":7}]", "given[0].source", "a string"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[800];
        snprintf(text, sizeof text, SEARCH "\"given\":%s}", bad[i].rows);
        refuses(text, bad[i].field, bad[i].text);
    }
}

/* Both halves of a row are looked at, wherever the first mistake is. */
static void test_all_that_is_wrong_is_told(void **state)
{
    (void)state;
    struct search_spec spec;
    struct spec_errors errors;
    static const char *const fields[] = {"given[0].ratios", "given[0].scores", "given[1].ratios[0]",
                                         "given[1].ratios[1]", "given[1].scores.u"};
    assert_int_equal(
        parse(SEARCH
              "\"given\":[{\"scores\":{\"up\":1}},{\"ratios\":[null,true],\"scores\":{\"up\":1,\"down\":2,"
              "\"u\":3}}]}",
              &spec, &errors),
        ERR_INVALID);
    assert_int_equal(errors.n, 5);
    for (int i = 0; i < 5; i++)
        assert_string_equal(errors.item[i].field, fields[i]);
}

static void put_rows(struct buf *text, int n)
{
    buf_text(text, SEARCH "\"given\":[");
    for (int i = 0; i < n; i++)
        buf_printf(
            text,
            "%s{\"ratios\":[%.17g,0.25],\"scores\":{\"up\":%d,\"down\":{\"mean\":0.5,\"stderr\":0.125}}}",
            i ? "," : "", i / 20000., i);
    buf_text(text, "]}");
}

static void test_ten_thousand_rows(void **state)
{
    (void)state;
    struct search_spec spec;
    struct spec_errors errors;
    struct buf text;
    buf_init(&text, 64u << 20);
    put_rows(&text, SPEC_GIVEN_MAX);
    assert_int_equal(parse(buf_str(&text), &spec, &errors), 0);
    assert_int_equal(spec.given->n, SPEC_GIVEN_MAX);
    assert_true(spec.given->means[2 * (SPEC_GIVEN_MAX - 1)] == SPEC_GIVEN_MAX - 1);
    search_spec_fini(&spec);
    buf_fini(&text);
    buf_init(&text, 64u << 20);
    put_rows(&text, SPEC_GIVEN_MAX + 1);
    assert_int_equal(parse(buf_str(&text), &spec, &errors), ERR_INVALID);
    assert_string_equal(errors.item[0].field, "given");
    buf_fini(&text);
}

/* The groups' names and number are known when the plan is: so this is search_spec_space's to refuse. */
static void test_rows_are_trials_of_this_search(void **state)
{
    (void)state;
    static const struct {
        const char *ratios, *groups, *text;
    } cases[] = {
        {"[0.5,0.5]", "\"count\":2", NULL},
        {"[0.5]", "\"layerwise\":true", "given: its rows have 1 ratios, and this search has 2 groups"},
        {"[0.5,1.5]", "\"count\":2", "given[0].ratios[1]: 1.5 is outside of the range of \"high\" (0 to 1)"},
        {"[0.5,0.25]", "\"count\":2,\"freeze\":{\"high\":0.75}", "range of \"high\" (0.75 to 0.75)"},
        {"[0.5,0.25]", "\"count\":2,\"tie\":[[\"low\",\"high\"]]", "\"low\" and \"high\" are tied"},
    };
    static const char *const names[] = {"low", "high"};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct search_spec spec;
        struct spec_errors errors;
        struct err err = {0};
        double low[2], high[2];
        int tie[2];
        char text[800];
        snprintf(text, sizeof text,
                 "{\"models\":{\"base\":\"a\",\"tuned\":\"b\"},\"groups\":{%s},\"objectives\":[{\"metric\":"
                 "\"up\",\"goal\":"
                 "\"max\"}],\"evaluator\":{\"type\":"
                 "\"external\"},\"given\":[{\"ratios\":%s,\"scores\":{\"up\":1}}]}",
                 cases[i].groups, cases[i].ratios);
        assert_int_equal(parse(text, &spec, &errors), 0);
        int rc = search_spec_space(&spec, names, 2, low, high, tie, &err);
        assert_int_equal(rc, cases[i].text ? ERR_INVALID : 0);
        if (rc && !strstr(err.text, cases[i].text))
            fail_msg("\"%s\" does not say \"%s\"", err.text, cases[i].text);
        search_spec_fini(&spec);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_no_rows),
        cmocka_unit_test(test_written),
        cmocka_unit_test(test_wrong_rows),
        cmocka_unit_test(test_all_that_is_wrong_is_told),
        cmocka_unit_test(test_ten_thousand_rows),
        cmocka_unit_test(test_rows_are_trials_of_this_search),
    };
    return cmocka_run_group_tests_name("search_spec_given", tests, NULL, NULL);
}
