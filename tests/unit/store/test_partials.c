#include "store_test.h"

static struct store_partial a_partial(int64_t search, int trial, const char *state)
{
    return (struct store_partial){
        .search = search, .trial = trial, .slices_done = 2, .slices = 8, .items = 30, .state = state};
}

static int compare(void *ctx, const struct store_partial *row)
{
    const struct store_partial *want = ctx;
    assert_int_equal(row->search, want->search);
    assert_int_equal(row->trial, want->trial);
    assert_int_equal(row->slices_done, want->slices_done);
    assert_int_equal(row->slices, want->slices);
    assert_int_equal(row->items, want->items);
    assert_string_equal(row->state, want->state);
    return 7;
}

/* What the callback returns is returned. */
static void is_there(struct fixture *f, struct store_partial want)
{
    assert_int_equal(store_partial_get(f->store, want.search, want.trial, compare, &want, &f->err), 7);
}

static void is_gone(struct fixture *f, int64_t search, int trial)
{
    must_fail(f, store_partial_get(f->store, search, trial, compare, NULL, &f->err), ERR_NOT_FOUND,
              "has no state");
}

static void the_newest_state_of_a_trial_is_kept(void **state)
{
    struct fixture *f = *state;
    int64_t id = fill(f, 3), other = fill(f, 1);
    struct store_partial one = a_partial(id, 1, "{\"a\":[-0,1e-320,\"ö\"]}"), two = a_partial(id, 2, "7");
    struct store_partial elsewhere = a_partial(other, 0, "\"x\"");
    is_gone(f, id, 1);
    must(f, store_partial_put(f->store, &one, &f->err));
    must(f, store_partial_put(f->store, &two, &f->err));
    must(f, store_partial_put(f->store, &elsewhere, &f->err));
    is_there(f, one);
    one = a_partial(id, 1, "[]");
    one.slices_done = 5;
    one.slices = 6;
    one.items = 77;
    must(f, store_partial_put(f->store, &one, &f->err));
    reopen(f);
    is_there(f, one);
    is_there(f, two);
    must(f, store_partial_drop(f->store, id, 1, &f->err));
    must(f, store_partial_drop(f->store, id, 1, &f->err)); /* again */
    is_gone(f, id, 1);
    is_there(f, two);
    must(f, store_partial_put(f->store, &one, &f->err));
    must(f, store_partial_drop(f->store, id, -1, &f->err));
    is_gone(f, id, 1);
    is_gone(f, id, 2);
    is_there(f, elsewhere);
}

static void states_that_cannot_be_are_refused(void **state)
{
    struct fixture *f = *state;
    int64_t id = fill(f, 1);
    struct store_partial nobody = a_partial(id, 4, "{}");
    must_fail(f, store_partial_put(f->store, &nobody, &f->err), ERR_NOT_FOUND, "trial 4");
    struct store_partial bad[6];
    for (int i = 0; i < 6; i++)
        bad[i] = a_partial(id, 0, "{}");
    bad[0].state = "{";
    bad[1].state = "";
    bad[2].state = NULL;
    bad[3].slices_done = 8;
    bad[4].slices_done = 0;
    bad[5].items = -1;
    for (int i = 0; i < 6; i++)
        must_fail(f, store_partial_put(f->store, &bad[i], &f->err), ERR_INVALID, "trial 0");
    is_gone(f, id, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_newest_state_of_a_trial_is_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(states_that_cannot_be_are_refused, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
