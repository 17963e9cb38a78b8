/* A report by hand. */
#include "given.h"

#include "rtuning/report.h"

static const char here[] =
    "{\"id\":\"a\",\"question\":\"Where is "
    "Rome?\",\"answers\":[\"Italy\"],\"subject\":\"t\",\"domain\":\"in\",\"certain\":true}\n"
    "{\"id\":\"b\",\"question\":\"Who is "
    "Ann?\",\"answers\":[\"née\"],\"subject\":\"s\",\"domain\":\"in\",\"certain\":false}\n"
    "{\"id\":\"c\",\"question\":\"who is "
    "ANN\",\"answers\":[\"somebody\"],\"subject\":\"t\",\"domain\":\"out\"}\n"
    "{\"id\":\"d\",\"question\":\"Which?\",\"kind\":\"choice\",\"choices\":[\"x\",\"y\"],\"gold\":1,"
    "\"certain\":true}\n"
    "{\"id\":\"e\",\"question\":\"What is Zib?\",\"answerable\":false}\n"
    "{\"id\":\"f\",\"question\":\"True?\",\"context\":\"It rains.\",\"answers\":[\"yes\"]}\n";
static const char there[] =
    "{\"id\":\"1\",\"question\":\"where is rome\",\"answers\":[\"France\"]}\n"
    "{\"id\":\"2\",\"question\":\"Where is  Rome!\",\"answers\":[\"ITALY.\"]}\n"
    "{\"id\":\"3\",\"question\":\"Who is Ann?\",\"answers\":[\"X\"]}\n"
    "{\"id\":\"4\",\"question\":\"Which?\",\"kind\":\"choice\",\"choices\":[\"y\",\"z\"],\"gold\":0}\n"
    "{\"id\":\"5\",\"question\":\"What is Zib?\",\"answerable\":false}\n"
    "{\"id\":\"6\",\"question\":\"True?\",\"context\":\"It does not rain.\",\"answers\":[\"yes\"]}\n";

static void test_counts(void **state)
{
    struct question_set set = given_set(here);
    struct report r;
    (void)state;
    report_make(&set, NULL, 5, 1, &r);
    assert_int_equal(r.all.n, 6);
    assert_int_equal(r.all.answerable_n, 5);
    assert_int_equal(r.all.certain_n, 2);
    assert_int_equal(r.all.uncertain_n, 1);
    assert_int_equal(r.subjects_n, 2);
    assert_string_equal(r.subjects[0].name, "s");
    assert_int_equal(r.subjects[1].counts.n, 2);
    assert_int_equal(r.subjects[1].counts.certain_n, 1);
    assert_int_equal(r.domains[0].counts.n, 2);
    assert_int_equal(r.domains[1].counts.n, 1);
    /* Italy 5, née 3, somebody 8, yes 3; letters do not count */
    assert_int_equal(r.length.n, 4);
    assert_int_equal(r.length.min, 3);
    assert_int_equal(r.length.median, 3);
    assert_int_equal(r.length.max, 8);
    assert_true(r.length.mean == 19 / 4.0);
    assert_int_equal(r.certain_length.n, 1);
    assert_int_equal(r.certain_length.max, 5);
    assert_int_equal(r.uncertain_length.max, 3);
    assert_int_equal(r.certain_n, 2);
    assert_int_equal(r.uncertain_n, 1);
    assert_string_equal(r.uncertain[0]->id, "b");
    assert_int_equal(r.repeated_n, 1); /* b and c ask the same */
    assert_int_equal(r.leaks_n, 0);
    report_fini(&r);
    report_make(&set, NULL, 1, 1, &r);
    assert_int_equal(r.certain_n, 1);
    report_fini(&r);
    question_set_fini(&set);
}

static void test_leaks(void **state)
{
    struct question_set set = given_set(here), other = given_set(there);
    struct report r;
    (void)state;
    report_make(&set, &other, 0, 1, &r);
    assert_int_equal(r.leaks_n, 5);
    assert_int_equal(r.label_leaks_n, 2);
    assert_string_equal(r.leaks[0].there->id, "2"); /* the one with the same answer, not the first */
    assert_true(r.leaks[0].answer_too);
    assert_false(r.leaks[1].answer_too);
    assert_string_equal(r.leaks[3].here->id, "d"); /* B there is A here: the choice counts */
    assert_true(r.leaks[3].answer_too);
    assert_string_equal(r.leaks[4].here->id, "e");
    assert_false(r.leaks[4].answer_too); /* there is no label to leak */
    report_fini(&r);
    question_set_fini(&set);
    question_set_fini(&other);
}

static void test_more_leaks_than_are_kept(void **state)
{
    struct buf buf;
    struct report r;
    (void)state;
    buf_init(&buf, 1 << 20);
    for (int i = 0; i < REPORT_LEAKS_KEPT + 5; i++)
        buf_printf(&buf, "{\"id\":\"%d\",\"question\":\"%d?\",\"answers\":[\"a\"]}\n", i, i);
    struct question_set set = given_set(buf_str(&buf));
    report_make(&set, &set, 0, 1, &r);
    assert_int_equal(r.leaks_n, REPORT_LEAKS_KEPT + 5);
    assert_int_equal(r.label_leaks_n, REPORT_LEAKS_KEPT + 5);
    report_fini(&r);
    question_set_fini(&set);
    buf_fini(&buf);
}

static void test_normalise(void **state)
{
    struct buf buf;
    (void)state;
    buf_init(&buf, 1 << 10);
    report_normalise("  The U.S.'s — \"Größe\"\n42! ", &buf);
    assert_string_equal(buf_str(&buf), "the u s s — größe 42");
    buf_fini(&buf);
}

static void test_nothing(void **state)
{
    struct question_set set = {0};
    struct report r;
    (void)state;
    report_make(&set, &set, 3, 1, &r);
    assert_int_equal(r.all.n + r.leaks_n + r.repeated_n + r.certain_n, 0);
    report_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_leaks),
        cmocka_unit_test(test_more_leaks_than_are_kept),
        cmocka_unit_test(test_normalise),
        cmocka_unit_test(test_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
