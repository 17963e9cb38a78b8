#include "store_test.h"

struct expected {
    const struct store_lease *rows;
    int seen;
};

static int compare(void *ctx, const struct store_lease *row)
{
    struct expected *expected = ctx;
    const struct store_lease *want = &expected->rows[expected->seen++];
    same_text(row->token, want->token);
    assert_int_equal(row->search, want->search);
    assert_int_equal(row->trial, want->trial);
    same_text(row->half, want->half);
    same_text(row->worker, want->worker);
    assert_int_equal(row->attempt, want->attempt);
    same_text(row->state, want->state);
    same_text(row->reason, want->reason);
    assert_int_equal(row->granted_us, want->granted_us);
    assert_int_equal(row->ended_us, want->ended_us);
    return 0;
}

static void leases_come_back_by_time(void **state)
{
    struct fixture *f = *state;
    int64_t id = fill(f, 3);
    struct store_lease rows[3] = {a_lease(id, 2, "t2"), a_lease(id, 0, "t0"), a_lease(id, 1, "t1")};
    rows[0].granted_us = 1;
    rows[1].granted_us = 2;
    rows[2].granted_us = 3;
    rows[2].half = "heldout";
    rows[2].attempt = 4;
    for (int i = 2; i >= 0; i--)
        must(f, store_lease_insert(f->store, &rows[i], &f->err));
    must(f, store_lease_end(f->store, "t0", "failed", "exit status 3", 9, &f->err));
    rows[1].state = "failed";
    rows[1].reason = "exit status 3";
    rows[1].ended_us = 9;
    reopen(f);
    struct expected expected = {.rows = rows};
    must(f, store_lease_each(f->store, NULL, compare, &expected, &f->err));
    assert_int_equal(expected.seen, 3);
    expected = (struct expected){.rows = rows + 1};
    must(f, store_lease_each(f->store, "failed", compare, &expected, &f->err));
    assert_int_equal(expected.seen, 1);
}

static void a_lease_ends_once(void **state)
{
    struct fixture *f = *state;
    int64_t id = fill(f, 1);
    struct store_lease row = a_lease(id, 0, "t");
    must(f, store_lease_insert(f->store, &row, &f->err));
    must_fail(f, store_lease_end(f->store, "t", "active", NULL, 0, &f->err), ERR_INVALID, "active");
    must_fail(f, store_lease_end(f->store, "t", "ended", NULL, 1, &f->err), ERR_INVALID, "CHECK");
    must(f, store_lease_end(f->store, "t", "expired", NULL, 1, &f->err));
    must_fail(f, store_lease_end(f->store, "t", "done", NULL, 2, &f->err), ERR_CONFLICT, "expired");
    must_fail(f, store_lease_end(f->store, "u", "done", NULL, 2, &f->err), ERR_NOT_FOUND, "no lease u");
}

static void one_active_lease_for_one_work(void **state)
{
    struct fixture *f = *state;
    int64_t id = fill(f, 1);
    struct store_lease row = a_lease(id, 0, "first");
    must(f, store_lease_insert(f->store, &row, &f->err));
    must_fail(f, store_lease_insert(f->store, &row, &f->err), ERR_CONFLICT, "trial 0");
    row.token = "second";
    must_fail(f, store_lease_insert(f->store, &row, &f->err), ERR_CONFLICT, "trial 0");
    row.half = "heldout";
    must(f, store_lease_insert(f->store, &row, &f->err));
    must(f, store_lease_end(f->store, "first", "released", NULL, 1, &f->err));
    row.half = "search";
    row.token = "third";
    must(f, store_lease_insert(f->store, &row, &f->err));
    row.trial = 5;
    row.token = "fourth";
    must_fail(f, store_lease_insert(f->store, &row, &f->err), ERR_NOT_FOUND, "trial 5");
}

static int expire(void *ctx, const struct store_lease *row)
{
    struct fixture *f = ctx;
    must(f, store_lease_end(f->store, row->token, "expired", NULL, 50, &f->err));
    return 0;
}

/* What a daemon does when it comes back: every lease it knew is over. */
static void a_walk_may_end_its_leases(void **state)
{
    struct fixture *f = *state;
    int64_t id = fill(f, 20);
    struct store_lease rows[20];
    char tokens[20][16];
    for (int i = 0; i < 20; i++) {
        snprintf(tokens[i], sizeof tokens[i], "t%d", i);
        rows[i] = a_lease(id, i, tokens[i]);
        must(f, store_lease_insert(f->store, &rows[i], &f->err));
        rows[i].state = "expired";
        rows[i].ended_us = 50;
    }
    must(f, store_lease_each(f->store, "active", expire, f, &f->err));
    struct expected expected = {.rows = rows};
    must(f, store_lease_each(f->store, NULL, compare, &expected, &f->err));
    assert_int_equal(expected.seen, 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(leases_come_back_by_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_lease_ends_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_active_lease_for_one_work, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_walk_may_end_its_leases, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
