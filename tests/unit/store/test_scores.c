#include "store_test.h"

struct row {
    int trial;
    const char *half;
    struct store_score score;
};

struct expected {
    const struct row *rows;
    int seen;
    bool items;
};

static int compare(void *ctx, int trial, const char *half, const struct store_score *score)
{
    struct expected *expected = ctx;
    const struct row *want = &expected->rows[expected->seen++];
    assert_int_equal(trial, want->trial);
    same_text(half, want->half);
    same_text(score->metric, want->score.metric);
    same_bits(score->mean, want->score.mean);
    if (isnan(want->score.stderr_))
        assert_true(isnan(score->stderr_));
    else
        same_bits(score->stderr_, want->score.stderr_);
    assert_int_equal(score->n, want->score.n);
    const double *items = expected->items ? want->score.items : NULL;
    assert_int_equal(score->items == NULL, items == NULL);
    assert_int_equal(score->items_n, items ? want->score.items_n : 0);
    for (size_t i = 0; i < score->items_n; i++)
        same_bits(score->items[i], items[i]);
    return 0;
}

static void scores_come_back_in_order(void **state)
{
    struct fixture *f = *state;
    int64_t id = fill(f, 3);
    /* items may be anything, NaN too: they are bytes */
    const double items[] = {-0.0, 0x1p-1074, 0.1, -INFINITY, 1, 0};
    const struct row rows[] = {
        {0, "heldout", {.metric = "z.last", .mean = 0x1p-1074, .stderr_ = NAN, .n = 1}},
        {0,
         "search",
         {.metric = "z.last",
          .mean = 0.1 + 0.2,
          .stderr_ = 0x1.123456789abcdp-7,
          .n = 6,
          .items = items,
          .items_n = 6}},
        {0, "search", {.metric = "a.first", .mean = -3, .stderr_ = 0, .n = 0, .items = items, .items_n = 0}},
        {2, "search", {.metric = "a.first", .mean = 1e300, .stderr_ = NAN, .n = INT64_MAX}},
    };
    struct store_score two[] = {rows[1].score, rows[2].score};
    must(f, store_scores_insert(f->store, id, 2, "search", &rows[3].score, 1, &f->err));
    must(f, store_scores_insert(f->store, id, 0, "search", two, 2, &f->err));
    must(f, store_scores_insert(f->store, id, 0, "heldout", &rows[0].score, 1, &f->err));
    reopen(f);
    struct expected expected = {.rows = rows, .items = true};
    must(f, store_scores_each(f->store, id, -1, true, compare, &expected, &f->err));
    assert_int_equal(expected.seen, 4);
    expected = (struct expected){.rows = rows};
    must(f, store_scores_each(f->store, id, -1, false, compare, &expected, &f->err));
    assert_int_equal(expected.seen, 4);
    expected = (struct expected){.rows = rows + 3, .items = true};
    must(f, store_scores_each(f->store, id, 2, true, compare, &expected, &f->err));
    assert_int_equal(expected.seen, 1);
    must(f, store_scores_each(f->store, id, 1, true, compare, &expected, &f->err));
    must(f, store_scores_each(f->store, id + 1, -1, true, compare, &expected, &f->err));
    assert_int_equal(expected.seen, 1);
}

/* The one thing SQLite's REAL does not keep: written down in store.h. */
static void the_sign_of_a_zero_mean_is_lost(void **state)
{
    struct fixture *f = *state;
    int64_t id = fill(f, 1);
    struct row row = {0, "search", {.metric = "m", .mean = -0.0, .stderr_ = -0.0, .n = 1}};
    must(f, store_scores_insert(f->store, id, 0, "search", &row.score, 1, &f->err));
    row.score.mean = row.score.stderr_ = 0.0;
    struct expected expected = {.rows = &row};
    must(f, store_scores_each(f->store, id, -1, false, compare, &expected, &f->err));
    assert_int_equal(expected.seen, 1);
}

static void a_second_answer_changes_nothing(void **state)
{
    struct fixture *f = *state;
    int64_t id = fill(f, 1);
    const struct row row = {0, "search", {.metric = "m", .mean = 1, .stderr_ = 0.5, .n = 4}};
    struct store_score other = {.metric = "another", .mean = 2};
    must(f, store_scores_insert(f->store, id, 0, "search", &row.score, 1, &f->err));
    must_fail(f, store_scores_insert(f->store, id, 0, "search", &other, 1, &f->err), ERR_CONFLICT, "already");
    struct expected expected = {.rows = &row};
    must(f, store_scores_each(f->store, id, -1, false, compare, &expected, &f->err));
    assert_int_equal(expected.seen, 1);
}

static void all_of_a_set_or_none(void **state)
{
    struct fixture *f = *state;
    int64_t id = fill(f, 1);
    struct store_score set[3] = {
        {.metric = "a", .mean = 1}, {.metric = "b", .mean = 2}, {.metric = "a", .mean = 3}};
    must_fail(f, store_scores_insert(f->store, id, 0, "search", set, 3, &f->err), ERR_INVALID, "twice");
    set[2].metric = "c";
    set[2].mean = NAN;
    must_fail(f, store_scores_insert(f->store, id, 0, "search", set, 3, &f->err), ERR_INVALID, "\"c\"");
    set[2].mean = INFINITY;
    must_fail(f, store_scores_insert(f->store, id, 0, "search", set, 3, &f->err), ERR_INVALID, "\"c\"");
    set[2].mean = 3;
    set[2].stderr_ = -1;
    must_fail(f, store_scores_insert(f->store, id, 0, "search", set, 3, &f->err), ERR_INVALID, "\"c\"");
    set[2].stderr_ = INFINITY;
    must_fail(f, store_scores_insert(f->store, id, 0, "search", set, 3, &f->err), ERR_INVALID,
              "standard error");
    set[2].stderr_ = 0;
    must_fail(f, store_scores_insert(f->store, id, 0, "both", set, 3, &f->err), ERR_INVALID, "CHECK");
    must_fail(f, store_scores_insert(f->store, id, 9, "search", set, 3, &f->err), ERR_NOT_FOUND, "trial 9");
    must_fail(f, store_scores_insert(f->store, id, 0, "search", set, 0, &f->err), ERR_INVALID, "no score");
    struct expected expected = {0};
    must(f, store_scores_each(f->store, id, -1, false, compare, &expected, &f->err));
    must(f, store_scores_insert(f->store, id, 0, "search", set, 3, &f->err));
}

/* A refused set inside a group takes nothing else of the group with it. */
static void a_refused_set_leaves_its_group(void **state)
{
    struct fixture *f = *state;
    int64_t id = fill(f, 1);
    const struct row row = {0, "search", {.metric = "m", .mean = 1}};
    struct store_score twice[2] = {row.score, row.score};
    must(f, store_begin(f->store, &f->err));
    must(f, store_search_set_revision(f->store, id, 5, &f->err));
    must_fail(f, store_scores_insert(f->store, id, 0, "heldout", twice, 2, &f->err), ERR_INVALID, "twice");
    must(f, store_scores_insert(f->store, id, 0, "search", &row.score, 1, &f->err));
    must(f, store_commit(f->store, &f->err));
    struct expected expected = {.rows = &row};
    must(f, store_scores_each(f->store, id, -1, false, compare, &expected, &f->err));
    assert_int_equal(expected.seen, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(scores_come_back_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_sign_of_a_zero_mean_is_lost, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_second_answer_changes_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(all_of_a_set_or_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_refused_set_leaves_its_group, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
