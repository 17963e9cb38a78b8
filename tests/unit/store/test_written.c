#include "store_test.h"

static struct store_written some(int64_t search, int trial, const char *half, const char *texts)
{
    return (struct store_written){search, trial, half, texts};
}

/* "HALF TEXTS, " of every row, in order. */
static int tell(void *ctx, const struct store_written *row)
{
    char *text = ctx;
    snprintf(text + strlen(text), 400 - strlen(text), "%s %s, ", row->half, row->texts);
    return 0;
}

static void has(struct fixture *f, int64_t search, int trial, const char *want)
{
    char text[400] = "";
    must(f, store_written_each(f->store, search, trial, tell, text, &f->err));
    assert_string_equal(text, want);
}

static int seven(void *ctx, const struct store_written *row)
{
    (void)ctx, (void)row;
    return 7;
}

static void texts_are_kept_by_half(void **state)
{
    struct fixture *f = *state;
    int64_t id = fill(f, 3), other = fill(f, 2);
    struct store_written rows[] = {some(id, 1, "heldout", "{\"a\":[\"ö\\n\"]}"),
                                   some(id, 1, "search", "{\"a\":[{\"id\":\"q\",\"output\":\"\"}]}"),
                                   some(id, 2, "search", "{}"), some(other, 1, "search", "{\"b\":[]}")};
    for (int i = 0; i < 4; i++)
        must(f, store_written_insert(f->store, &rows[i], &f->err));
    reopen(f);
    has(f, id, 0, "");
    has(f, id, 1, "search {\"a\":[{\"id\":\"q\",\"output\":\"\"}]}, heldout {\"a\":[\"ö\\n\"]}, ");
    has(f, id, 2, "search {}, ");
    has(f, other, 1, "search {\"b\":[]}, ");
    assert_int_equal(store_written_each(f->store, id, 1, seven, NULL, &f->err), 7);
}

static void nothing_is_replaced(void **state)
{
    struct fixture *f = *state;
    int64_t id = fill(f, 1);
    struct store_written first = some(id, 0, "search", "{}"), again = some(id, 0, "search", "{\"a\":[]}");
    must(f, store_written_insert(f->store, &first, &f->err));
    must_fail(f, store_written_insert(f->store, &again, &f->err), ERR_CONFLICT, "trial 0");
    has(f, id, 0, "search {}, ");
}

static void texts_that_cannot_be_are_refused(void **state)
{
    struct fixture *f = *state;
    int64_t id = fill(f, 1);
    struct store_written nobody = some(id, 1, "search", "{}");
    must_fail(f, store_written_insert(f->store, &nobody, &f->err), ERR_NOT_FOUND, "trial 1");
    struct store_written bad[] = {some(id, 0, "search", "{"), some(id, 0, "search", ""),
                                  some(id, 0, "search", NULL), some(id, 0, "both", "{}"),
                                  some(id, 0, NULL, "{}")};
    for (int i = 0; i < 5; i++)
        must_fail(f, store_written_insert(f->store, &bad[i], &f->err), ERR_INVALID, "trial 0");
    has(f, id, 0, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(texts_are_kept_by_half, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_replaced, set_up, tear_down),
        cmocka_unit_test_setup_teardown(texts_that_cannot_be_are_refused, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
