/* Rows in every shape, bad ones told by line. */
#include "given.h"

#include "rtuning/rows.h"

/* "LINE:[KEY=]ROW" of every row, a line each. */
static void read_all(const char *name, const char *text, const char *under, const char *rows_want,
                     const char *bad_want)
{
    struct rows *rows;
    struct json *row;
    struct bad_rows bad = {0};
    struct buf got, complaints;
    buf_init(&got, 1 << 16);
    buf_init(&complaints, 1 << 16);
    assert_int_equal(rows_open_text(name, text, strlen(text), under, &rows, NULL), 0);
    while (rows_next(rows, &bad, &row)) {
        buf_printf(&got, "%zu:", rows_line(rows));
        if (rows_key(rows))
            buf_printf(&got, "%s=", rows_key(rows));
        json_write(&got, row);
        buf_text(&got, "\n");
        json_free(row);
    }
    assert_false(rows_next(rows, &bad, &row)); /* stays over */
    for (size_t i = 0; i < bad.n && i < BAD_ROWS_KEPT; i++)
        buf_printf(&complaints, "%s\n", bad.first[i].text);
    assert_string_equal(buf_str(&got), rows_want);
    if (*bad_want)
        assert_contains(buf_str(&complaints), bad_want);
    else
        assert_string_equal(buf_str(&complaints), "");
    bad_rows_fini(&bad);
    rows_close(rows);
    buf_fini(&got);
    buf_fini(&complaints);
}

static void test_lines(void **state)
{
    (void)state;
    read_all("a", "{\"a\":1}\n\n [2]\r\n3", NULL, "1:{\"a\":1}\n3:[2]\n4:3\n", "");
    read_all("a", "{\"a\":1}\n{\"a\":\n{\"a\":3}\n", NULL, "1:{\"a\":1}\n3:{\"a\":3}\n", "a:2: ");
    read_all("a", "[1,2]\n[3,4]\n", NULL, "1:[1,2]\n2:[3,4]\n", ""); /* rows that are arrays */
    read_all("a", "\xEF\xBB\xBF{}\n", NULL, "1:{}\n", "");
    read_all("a", "", NULL, "", "");
    read_all("a", "{\"a\":1,\"a\":2}\n7", NULL, "2:7\n", "stands twice");
}

static void test_array(void **state)
{
    (void)state;
    read_all("a", "[\n {\"a\":\"],[\"},\n\n [1,[2]],\n \"x\\\"]\"\n]\n", NULL,
             "2:{\"a\":\"],[\"}\n4:[1,[2]]\n5:\"x\\\"]\"\n", "");
    read_all("a", "[]", NULL, "", "");
    read_all("a", "[1,\n{\"a\" 2},\n3]", NULL, "1:1\n3:3\n", "a:2: ");
    read_all("a", "[1,\n2,\n{\"a\":", NULL, "1:1\n2:2\n", "a:3: the row does not end");
    read_all("a", "[1,\n", NULL, "1:1\n", "a:2: the array does not end");
    read_all("a", "[1,\n2, {\"a\" 2}]", NULL, "1:1\n2:2\n", "a:2: row 2 of the line: not valid JSON");
}

static void test_members(void **state)
{
    (void)state;
    read_all("a", "{\"name\":\"x\",\"n\":{\"y\":[9]},\n\"example\":[1,\n2],\"z\":[3]}", "example",
             "2:example=1\n3:example=2\n", "");
    read_all("a", "{\"q\":1}\n{\"q\":2}", "example", "1:{\"q\":1}\n2:{\"q\":2}\n", "");
    read_all("a", "{\"b\":[[1],[2]],\n\"a\":[],\"c\":[[3]]}", "*", "1:b=[1]\n1:b=[2]\n2:c=[3]\n", "");
    read_all("a", "{\"b\":[1],\"c\":7,\"d\":[2]}", "*", "1:b=1\n1:d=2\n", "no array of rows");
    read_all("a", "{\"b\":[1],\n\"c\":", "*", "1:b=1\n", "a:2: ");
    read_all("a", "{\"b\":[1]}\n{\"c\":[2]}\n", "*", "1:b=1\n", "a:2: more follows");
    read_all("a", "{\"b\":[1]}\n\n", "*", "1:b=1\n", "");
}

static void test_csv(void **state)
{
    (void)state;
    read_all("a.csv", "q,a,label\r\nWhy?,\"x, \"\"y\"\"\nz\",1\n\nB,,0", NULL,
             "2:{\"q\":\"Why?\",\"a\":\"x, \\\"y\\\"\\nz\",\"label\":\"1\"}\n"
             "5:{\"q\":\"B\",\"a\":\"\",\"label\":\"0\"}\n",
             "");
    read_all("a.csv", "q,a\n1\n1,2\n1,2,3\n", NULL, "3:{\"q\":\"1\",\"a\":\"2\"}\n",
             "a.csv:2: has not as many fields");
    read_all("a.csv", "", NULL, "", "");
    /* without its second quote the last field would be a good one that holds the other rows */
    read_all("a.csv", "a,q\n1,\"x\n2,y\n3,z\n", NULL, "", "a.csv:2: has a field whose quotes do not end");
}

static void test_csv_with_nul(void **state)
{
    static const char text[] = "a,q\n1,x\0y\n2,z\n";
    struct rows *rows;
    struct json *row;
    struct bad_rows bad = {0};
    (void)state;
    assert_int_equal(rows_open_text("a.csv", text, sizeof text - 1, NULL, &rows, NULL), 0);
    assert_true(rows_next(rows, &bad, &row));
    assert_string_equal(json_string_or(json_get(row, "q"), ""), "z");
    json_free(row);
    assert_int_equal(bad.n, 1);
    assert_contains(bad.first[0].text, "a.csv:2: ");
    bad_rows_fini(&bad);
    rows_close(rows);
}

static void test_more_bad_rows_than_are_kept(void **state)
{
    struct bad_rows bad = {0};
    (void)state;
    for (size_t i = 1; i <= BAD_ROWS_KEPT + 5; i++)
        bad_rows_add(&bad, "a\n", i, "wrong");
    assert_int_equal(bad.n, BAD_ROWS_KEPT + 5);
    assert_string_equal(bad.first[BAD_ROWS_KEPT - 1].text, "a?:20: wrong");
    bad_rows_fini(&bad);
    assert_int_equal(bad.n, 0);
}

static void test_files(void **state)
{
    struct rows *rows;
    struct err err = {0};
    (void)state;
    assert_int_equal(rows_open("/nonexistent/a", NULL, &rows, &err), ERR_NOT_FOUND);
    assert_contains(err.text, "/nonexistent/a");
    assert_null(rows);
    assert_int_equal(rows_open("/tmp", NULL, &rows, &err), ERR_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),        cmocka_unit_test(test_array),
        cmocka_unit_test(test_members),      cmocka_unit_test(test_csv),
        cmocka_unit_test(test_csv_with_nul), cmocka_unit_test(test_more_bad_rows_than_are_kept),
        cmocka_unit_test(test_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
