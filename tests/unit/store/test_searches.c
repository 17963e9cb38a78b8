#include "store_test.h"

struct expected {
    const struct store_search *rows;
    int seen;
};

static int compare(void *ctx, const struct store_search *row)
{
    struct expected *expected = ctx;
    const struct store_search *want = &expected->rows[expected->seen++];
    assert_int_equal(row->id, want->id);
    same_text(row->key, want->key);
    same_text(row->key_hash, want->key_hash);
    same_text(row->name, want->name);
    same_text(row->spec, want->spec);
    same_text(row->plan, want->plan);
    same_text(row->groups, want->groups);
    same_text(row->state, want->state);
    same_text(row->reason, want->reason);
    same_text(row->reference, want->reference);
    assert_int_equal(row->revision, want->revision);
    assert_int_equal(row->created_us, want->created_us);
    assert_int_equal(row->ended_us, want->ended_us);
    same_text(row->preflight, want->preflight);
    same_text(row->digests, want->digests);
    return 0;
}

static void every_field_comes_back(void **state)
{
    struct fixture *f = *state;
    struct store_search rows[2] = {
        {.key = "k-1",
         .key_hash = "h-1",
         .name = "größer",
         .spec = "{\"a\":[1,2]}",
         .plan = "{\"layers\":8}",
         .groups = "[\"layers 0-1\",\"layers 2-3\"]",
         .state = "failed",
         .reason = "the bundle is gone",
         .reference = "[0.1,null]",
         .revision = INT64_MAX,
         .created_us = 1700000000000000,
         .ended_us = 1700000000000001,
         .preflight = "{\"ok\":true}",
         .digests = "{\"base\":{},\"tuned\":{}}"},
        a_search(),
    };
    for (int i = 0; i < 2; i++) {
        must(f, store_search_insert(f->store, &rows[i], &rows[i].id, &f->err));
        assert_int_equal(rows[i].id, i + 1);
    }
    reopen(f);
    struct expected expected = {.rows = rows};
    must(f, store_search_each(f->store, compare, &expected, &f->err));
    assert_int_equal(expected.seen, 2);
    for (int i = 0; i < 2; i++) {
        expected = (struct expected){.rows = rows + i};
        must(f, store_search_get(f->store, rows[i].id, NULL, compare, &expected, &f->err));
        assert_int_equal(expected.seen, 1);
    }
    expected = (struct expected){.rows = rows};
    must(f, store_search_get(f->store, 0, "k-1", compare, &expected, &f->err));
    assert_int_equal(expected.seen, 1);
    must_fail(f, store_search_get(f->store, 0, "k-2", compare, &expected, &f->err), ERR_NOT_FOUND, "no such");
    must_fail(f, store_search_get(f->store, 0, NULL, compare, &expected, &f->err), ERR_NOT_FOUND, "no such");
    must_fail(f, store_search_get(f->store, 3, "k-1", compare, &expected, &f->err), ERR_NOT_FOUND, "no such");
}

static void state_and_revision_change(void **state)
{
    struct fixture *f = *state;
    struct store_search row = a_search();
    must(f, store_search_insert(f->store, &row, &row.id, &f->err));
    must(f, store_search_set_state(f->store, row.id, "cancelled", "by request", 99, &f->err));
    must(f, store_search_set_revision(f->store, row.id, 12, &f->err));
    row.state = "cancelled";
    row.reason = "by request";
    row.ended_us = 99;
    row.revision = 12;
    struct expected expected = {.rows = &row};
    must(f, store_search_each(f->store, compare, &expected, &f->err));
    assert_int_equal(expected.seen, 1);
    must_fail(f, store_search_set_state(f->store, 9, "done", NULL, 1, &f->err), ERR_NOT_FOUND, "no search 9");
    must_fail(f, store_search_set_revision(f->store, 9, 1, &f->err), ERR_NOT_FOUND, "no search 9");
}

static void a_key_belongs_to_one_search(void **state)
{
    struct fixture *f = *state;
    struct store_search row = a_search();
    int64_t first, again;
    row.key = "k";
    row.key_hash = "h";
    must(f, store_search_insert(f->store, &row, &first, &f->err));
    must_fail(f, store_search_insert(f->store, &row, &again, &f->err), ERR_CONFLICT, "idempotency key");
    assert_int_equal(again, first);
    row.key = "K"; /* keys differ by case */
    must(f, store_search_insert(f->store, &row, &again, &f->err));
    assert_int_not_equal(again, first);
}

static void impossible_rows_are_refused(void **state)
{
    struct fixture *f = *state;
    struct store_search bad[7];
    int64_t id;
    for (int i = 0; i < 7; i++)
        bad[i] = a_search();
    bad[0].state = "runnning";
    bad[1].spec = "{";
    bad[2].name = NULL;
    bad[3].key = "k";        /* without key_hash */
    bad[4].state = "failed"; /* without reason */
    bad[5].ended_us = 1;     /* while running */
    bad[6].revision = -1;
    for (int i = 0; i < 7; i++) {
        must_fail(f, store_search_insert(f->store, &bad[i], &id, &f->err), ERR_INVALID,
                  "cannot store the search");
        assert_int_equal(id, 0);
    }
    id = fill(f, 0);
    must_fail(f, store_search_set_state(f->store, id, "failed", NULL, 1, &f->err), ERR_INVALID, "CHECK");
}

static int stop(void *ctx, const struct store_search *row)
{
    (void)row;
    ++*(int *)ctx;
    return ERR_CANCELLED;
}

static void a_callback_can_stop(void **state)
{
    struct fixture *f = *state;
    int seen = 0;
    fill(f, 0);
    fill(f, 0);
    assert_int_equal(store_search_each(f->store, stop, &seen, &f->err), ERR_CANCELLED);
    assert_int_equal(seen, 1);
}

static int finish(void *ctx, const struct store_search *row)
{
    struct fixture *f = ctx;
    int seen = 0;
    must(f, store_search_set_state(f->store, row->id, "done", NULL, 1, &f->err));
    assert_int_equal(store_search_each(f->store, stop, &seen, &f->err), ERR_CANCELLED);
    return 0;
}

static void a_callback_may_use_the_store(void **state)
{
    struct fixture *f = *state;
    fill(f, 0);
    fill(f, 0);
    must(f, store_search_each(f->store, finish, f, &f->err));
    struct store_search rows[2] = {a_search(), a_search()};
    for (int i = 0; i < 2; i++) {
        rows[i].id = i + 1;
        rows[i].state = "done";
        rows[i].ended_us = 1;
    }
    struct expected expected = {.rows = rows};
    must(f, store_search_each(f->store, compare, &expected, &f->err));
    assert_int_equal(expected.seen, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_field_comes_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(state_and_revision_change, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_key_belongs_to_one_search, set_up, tear_down),
        cmocka_unit_test_setup_teardown(impossible_rows_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_callback_can_stop, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_callback_may_use_the_store, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
