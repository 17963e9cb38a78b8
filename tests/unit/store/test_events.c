#include "store_test.h"

#include <float.h>

static struct store_event an_event(int64_t search, int seq, int trial, const char *kind)
{
    return (struct store_event){
        .search = search, .seq = seq, .trial = trial, .kind = kind, .share = 0.5, .items = 12};
}

struct expected {
    const struct store_event *rows;
    int seen;
};

static int compare(void *ctx, const struct store_event *row)
{
    struct expected *expected = ctx;
    const struct store_event *want = &expected->rows[expected->seen++];
    assert_int_equal(row->search, want->search);
    assert_int_equal(row->seq, want->seq);
    assert_int_equal(row->trial, want->trial);
    assert_string_equal(row->kind, want->kind);
    same_bits(row->share, want->share);
    assert_int_equal(row->items, want->items);
    assert_int_equal(row->m, want->m);
    for (int j = 0; j < want->m; j++) {
        same_bits(row->means[j], want->means[j]);
        assert_int_equal(isnan(row->stderrs[j]), isnan(want->stderrs[j]));
        if (!isnan(want->stderrs[j]))
            same_bits(row->stderrs[j], want->stderrs[j]);
    }
    return 0;
}

static void events_come_back_in_order(void **state)
{
    struct fixture *f = *state;
    const double means[] = {-0.0, DBL_MIN / 8}, stderrs[] = {NAN, 0.1};
    int64_t id = fill(f, 3), other = fill(f, 1);
    struct store_event rows[] = {an_event(id, 0, 2, "slice"), an_event(id, 1, 2, "stopped"),
                                 an_event(id, 2, 0, "done"), an_event(id, 3, 2, "reopened"),
                                 an_event(id, 4, 1, "failed")};
    for (int i = 0; i < 2; i++) {
        rows[i].means = means;
        rows[i].stderrs = stderrs;
        rows[i].m = 2;
    }
    static const int order[] = {3, 1, 0, 4, 2};
    for (int i = 0; i < 5; i++)
        must(f, store_event_insert(f->store, &rows[order[i]], &f->err));
    struct store_event elsewhere = an_event(other, 0, 0, "done");
    must(f, store_event_insert(f->store, &elsewhere, &f->err));
    for (int round = 0; round < 2; round++) {
        struct expected expected = {rows, 0};
        must(f, store_event_each(f->store, id, compare, &expected, &f->err));
        assert_int_equal(expected.seen, 5);
        reopen(f);
    }
}

static void events_that_cannot_be_are_refused(void **state)
{
    struct fixture *f = *state;
    const double good[] = {1}, nan[] = {NAN}, infinite[] = {INFINITY}, negative[] = {-1};
    int64_t id = fill(f, 2);
    struct store_event first = an_event(id, 0, 0, "done");
    must(f, store_event_insert(f->store, &first, &f->err));
    must_fail(f, store_event_insert(f->store, &first, &f->err), ERR_CONFLICT, "event 0");
    struct store_event nobody = an_event(id, 1, 7, "done");
    must_fail(f, store_event_insert(f->store, &nobody, &f->err), ERR_NOT_FOUND, "event 1");
    struct store_event bad[9];
    for (int i = 0; i < 9; i++) {
        bad[i] = an_event(id, 1, 1, "slice");
        bad[i].means = bad[i].stderrs = good;
        bad[i].m = 1;
    }
    bad[0].kind = "finished";
    bad[1].kind = "done"; /* its scores are elsewhere */
    bad[2].m = 0;         /* a slice without scores */
    bad[3].means = nan;
    bad[4].means = infinite;
    bad[5].stderrs = negative;
    bad[6].share = 1.5;
    bad[7].share = NAN;
    bad[8].items = -1;
    for (int i = 0; i < 9; i++)
        must_fail(f, store_event_insert(f->store, &bad[i], &f->err), ERR_INVALID, "event 1");
    struct expected expected = {&first, 0};
    must(f, store_event_each(f->store, id, compare, &expected, &f->err));
    assert_int_equal(expected.seen, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(events_come_back_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(events_that_cannot_be_are_refused, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
