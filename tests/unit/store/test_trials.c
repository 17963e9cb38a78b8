#include "store_test.h"

#include "proto/rng.h"

struct expected {
    const struct store_trial *rows;
    int seen;
};

static int compare(void *ctx, const struct store_trial *row)
{
    struct expected *expected = ctx;
    const struct store_trial *want = &expected->rows[expected->seen++];
    assert_int_equal(row->search, want->search);
    assert_int_equal(row->number, want->number);
    assert_int_equal(row->stream, want->stream);
    assert_int_equal(row->step, want->step);
    assert_int_equal(row->k, want->k);
    for (int i = 0; i < want->k; i++)
        same_bits(row->ratios[i], want->ratios[i]);
    same_text(row->state, want->state);
    assert_int_equal(row->attempts, want->attempts);
    same_text(row->reason, want->reason);
    same_text(row->heldout_state, want->heldout_state);
    assert_int_equal(row->created_us, want->created_us);
    assert_int_equal(row->done_us, want->done_us);
    same_bits(row->merge_s, want->merge_s);
    same_bits(row->evaluate_s, want->evaluate_s);
    same_bits(row->wall_s, want->wall_s);
    same_text(row->worker, want->worker);
    assert_int_equal(row->watermark, want->watermark);
    same_text(row->path, want->path);
    assert_int_equal(row->repeat_of, want->repeat_of);
    assert_int_equal(isnan(row->gain), isnan(want->gain));
    if (!isnan(want->gain))
        same_bits(row->gain, want->gain);
    assert_int_equal(row->effective == NULL, want->effective == NULL);
    for (int i = 0; want->effective && i < want->k; i++)
        same_bits(row->effective[i], want->effective[i]);
    return 0;
}

static void every_field_comes_back(void **state)
{
    struct fixture *f = *state;
    int64_t id = fill(f, 0);
    /* Ratios a reader could lose: the sign of zero, subnormals, 1 - ulp, a whole number, beyond [0, 1]. */
    const double ratios[] = {-0.0, 0.0, 0x1p-1074, -0x1.fffffffffffffp-1023, 0x1.fffffffffffffp-1,
                             1.0,  0.1, -1.5};
    const double effective[] = {0.0, NAN, 0x1p-1074, -0.0, 0.006, 1.0, 0.1, -1.5};
    struct store_trial rows[2] = {a_trial(id, 0, ratios, 8), a_trial(id, 7, ratios + 1, 1)};
    rows[0].effective = effective;
    rows[0].worker = "host:42";
    rows[0].merge_s = 0.1;
    rows[0].evaluate_s = 1e-9;
    rows[0].wall_s = 12345.678901234567;
    rows[0].heldout_state = "quarantined";
    rows[0].attempts = 3;
    rows[0].state = "quarantined";
    rows[0].reason = "it ended with status 3";
    rows[0].done_us = 77;
    rows[1].stream = 5;
    rows[1].watermark = 12;
    rows[1].path = "repeat";
    rows[1].repeat_of = 6;
    rows[1].gain = 0.1;
    rows[1].state = "stopped";
    must(f, store_trial_insert(f->store, &rows[1], &f->err));
    must(f, store_trial_insert(f->store, &rows[0], &f->err));
    reopen(f);
    struct expected expected = {.rows = rows};
    must(f, store_trial_each(f->store, id, compare, &expected, &f->err));
    assert_int_equal(expected.seen, 2);
}

static void random_bits_come_back(void **state)
{
    struct fixture *f = *state;
    int64_t id = fill(f, 0);
    struct rng rng;
    double ratios[64];
    struct store_trial rows[50];
    double all[50][64];
    rng_seed(&rng, 20, 0);
    for (int t = 0; t < 50; t++) {
        for (int i = 0; i < 64; i++) {
            do {
                uint64_t bits = rng_u64(&rng);
                memcpy(&ratios[i], &bits, sizeof bits);
            } while (!isfinite(ratios[i]));
            all[t][i] = ratios[i];
        }
        rows[t] = a_trial(id, t, all[t], 64);
        must(f, store_trial_insert(f->store, &rows[t], &f->err));
    }
    reopen(f);
    struct expected expected = {.rows = rows};
    must(f, store_trial_each(f->store, id, compare, &expected, &f->err));
    assert_int_equal(expected.seen, 50);
}

static void an_update_keeps_the_ratios(void **state)
{
    struct fixture *f = *state;
    const double ratios[] = {0.5, 0.25}, other[] = {1, 1};
    int64_t id = fill(f, 0);
    struct store_trial row = a_trial(id, 3, ratios, 2);
    must(f, store_trial_insert(f->store, &row, &f->err));
    struct store_trial change = a_trial(id, 3, other, 2);
    change.stream = 9;
    change.step = 9;
    change.state = "done";
    change.done_us = 8;
    change.worker = "w";
    change.wall_s = 0.5;
    change.effective = other;
    must(f, store_trial_update(f->store, &change, &f->err));
    change.stream = row.stream;
    change.step = row.step;
    change.ratios = ratios;
    struct expected expected = {.rows = &change};
    must(f, store_trial_each(f->store, id, compare, &expected, &f->err));
    assert_int_equal(expected.seen, 1);
    change.number = 4;
    must_fail(f, store_trial_update(f->store, &change, &f->err), ERR_NOT_FOUND, "no trial 4");
}

static void a_number_is_taken_once(void **state)
{
    struct fixture *f = *state;
    const double ratios[] = {0.5};
    int64_t id = fill(f, 1), other = fill(f, 1); /* the same number in two searches is fine */
    assert_int_not_equal(id, other);
    struct store_trial row = a_trial(id, 0, ratios, 1);
    row.step = 100;
    must_fail(f, store_trial_insert(f->store, &row, &f->err), ERR_CONFLICT, "trial 0");
    row = a_trial(id, 5, ratios, 1);
    row.step = 0; /* stream 0, step 0 is trial 0 */
    must_fail(f, store_trial_insert(f->store, &row, &f->err), ERR_CONFLICT, "trial 5");
    row = a_trial(77, 0, ratios, 1);
    must_fail(f, store_trial_insert(f->store, &row, &f->err), ERR_NOT_FOUND, "search 77");
}

static void impossible_rows_are_refused(void **state)
{
    struct fixture *f = *state;
    const double ratios[] = {0.5}, nan_ratio[] = {NAN}, infinite[] = {INFINITY};
    int64_t id = fill(f, 0);
    struct store_trial bad[14];
    for (int i = 0; i < 14; i++)
        bad[i] = a_trial(id, i, ratios, 1);
    bad[0].state = "finished";
    bad[1].heldout_state = "";
    bad[2].k = 0;
    bad[3].number = -1;
    bad[4].merge_s = NAN;
    bad[5].state = "quarantined"; /* without reason */
    bad[6].ratios = nan_ratio;
    bad[7].ratios = infinite;
    bad[8].attempts = -1;
    bad[9].effective = infinite;
    bad[10].path = "luck";
    bad[11].repeat_of = 11; /* itself */
    bad[12].gain = INFINITY;
    bad[13].watermark = -1;
    for (int i = 0; i < 14; i++)
        must_fail(f, store_trial_insert(f->store, &bad[i], &f->err), ERR_INVALID, "trial");
    struct expected expected = {0};
    must(f, store_trial_each(f->store, id, compare, &expected, &f->err));
    assert_int_equal(expected.seen, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_field_comes_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(random_bits_come_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_update_keeps_the_ratios, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_number_is_taken_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(impossible_rows_are_refused, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
