/* Tables. */
#include "fake.h"

#include "client/table.h"

static void test_columns_are_as_wide_as_their_widest_cell(void **state)
{
    struct table table;
    struct buf out;
    (void)state;
    table_init(&table);
    buf_init(&out, 1000);
    table_column(&table, "id", TABLE_RIGHT);
    table_column(&table, "name", TABLE_LEFT);
    table_column(&table, "score ↑", TABLE_LEFT);
    table_cellf(&table, "%d", 7);
    table_cell(&table, "a longer name");
    table_cell(&table, "0.5 ± 0.1");
    table_cell(&table, "1234");
    table_cell(&table, "b\nc");
    table_cell(&table, NULL);
    assert_int_equal(table_width(&table), 4 + 2 + 13 + 2 + 9);
    table_print(&table, &out);
    assert_string_equal(buf_str(&out), "  id  name           score ↑\n"
                                       "   7  a longer name  0.5 ± 0.1\n"
                                       "1234  b?c            -\n");
    buf_fini(&out);
    table_fini(&table);
}

static void test_no_blanks_at_line_ends(void **state)
{
    struct table table;
    struct buf out;
    (void)state;
    table_init(&table);
    buf_init(&out, 1000);
    table_column(&table, "a", TABLE_LEFT);
    table_column(&table, "reason", TABLE_LEFT);
    table_cell(&table, "x");
    table_cell(&table, "");
    table_print(&table, &out);
    assert_string_equal(buf_str(&out), "a  reason\nx\n");
    buf_fini(&out);
    table_fini(&table);
}

static void test_many_rows(void **state)
{
    struct table table;
    struct buf out;
    (void)state;
    table_init(&table);
    buf_init(&out, 100000);
    table_column(&table, "n", TABLE_RIGHT);
    for (int i = 0; i < 1000; i++)
        table_cellf(&table, "%d", i);
    table_print(&table, &out);
    assert_int_equal(out.len, 1001 * 4);
    assert_string_equal(buf_str(&out) + out.len - 4, "999\n");
    buf_fini(&out);
    table_fini(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns_are_as_wide_as_their_widest_cell),
        cmocka_unit_test(test_no_blanks_at_line_ends),
        cmocka_unit_test(test_many_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
