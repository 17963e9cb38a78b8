/* What stopped trials go on from: kept with the trial by the same transaction, and no longer than it is of use. */
#include "core.h"

#include "daemon/persist.h"
#include "store/store.h"

#include <stdlib.h>
#include <unistd.h>

struct disk {
    struct core core;
    char directory[64];
    struct store *store;
};

static int persist(void *ctx, const struct sched_write *write, struct err *err)
{
    return persist_write(((struct disk *)ctx)->store, write, err);
}

static int setup(void **state)
{
    struct disk *disk = mem_zero(1, sizeof *disk);
    struct sched_ops ops = {disk, persist, core_ask, core_wake, core_changed, core_learnt, core_hurry};
    struct err err = {0};
    int64_t id;
    const struct store_search row = {
        .name = "t", .spec = "{}", .groups = "[\"a\",\"b\"]", .state = "running", .created_us = 1};
    snprintf(disk->directory, sizeof disk->directory, "/tmp/partials-test-XXXXXX");
    assert_non_null(mkdtemp(disk->directory));
    char *path = mem_printf("%s/db", disk->directory);
    if (store_open(path, &disk->store, &err) || store_search_insert(disk->store, &row, &id, &err))
        fail_msg("%s", err.text);
    mem_free(path);
    disk->core.now = (struct now){SECOND_US, 1000 * SECOND_US};
    sched_init(&disk->core.sched, &ops, 30 * SECOND_US, 7);
    sched_add(&disk->core.sched, core_search(id, STRATEGY_SOBOL, 2, 6), disk->core.now);
    disk->core.sched.waiting = 2;
    sched_more(&disk->core.sched);
    core_answer(&disk->core);
    *state = disk;
    return 0;
}

static int teardown(void **state)
{
    struct disk *disk = *state;
    char *line = mem_printf("rm -rf %s", disk->directory);
    sched_fini(&disk->core.sched);
    store_close(disk->store);
    assert_int_equal(system(line), 0);
    mem_free(line);
    mem_free(disk);
    return 0;
}

static int64_t one_trial(struct disk *disk, const char *name, char token[LEASE_TOKEN_MAX])
{
    const struct lease *lease;
    struct core *core = &disk->core;
    assert_int_equal(sched_lease(&core->sched, core_worker(core, name, 1), core->now, NULL, &lease, NULL), 0);
    memcpy(token, lease->token, LEASE_TOKEN_MAX);
    return lease->trial;
}

static void deliver(struct disk *disk, const char *token, int done, const char *state)
{
    struct score scores[2] = {{"t.m0", 3, 0.3, 4, NULL, 0}, {"t.m1", 7, NAN, 4, NULL, 0}};
    struct result result = {.scores = scores,
                            .scores_n = 2,
                            .slices_done = done,
                            .slices = 4,
                            .items = 10 * done,
                            .state = state};
    bool duplicate;
    struct err err = {0};
    if (sched_result(&disk->core.sched, token, &result, disk->core.now, &duplicate, &err))
        fail_msg("%s", err.text);
}

static int look(void *ctx, const struct store_partial *row)
{
    snprintf(ctx, 64, "%d/%d %d %s", row->slices_done, row->slices, (int)row->items, row->state);
    return 0;
}

static void kept(struct disk *disk, int trial, const char *want)
{
    char got[64] = "nothing";
    struct err err = {0};
    int rc = store_partial_get(disk->store, 1, trial, look, got, &err);
    assert_true(rc == 0 || rc == ERR_NOT_FOUND);
    assert_string_equal(got, want);
}

/* Trial 0 was stopped after two slices and goes on. */
static void begin(struct disk *disk, char token[LEASE_TOKEN_MAX])
{
    assert_int_equal(one_trial(disk, "h:1", token), 0);
    kept(disk, 0, "nothing");
    deliver(disk, token, 2, "{\"a\":1}");
    kept(disk, 0, "2/4 20 {\"a\":1}");
    assert_int_equal(sched_reopen(&disk->core.sched, 1, (int[]){0}, 1, disk->core.now, NULL), 0);
    assert_int_equal(one_trial(disk, "h:2", token), 0);
    kept(disk, 0, "2/4 20 {\"a\":1}");
}

static void it_is_kept_until_the_trial_is_whole(void **state)
{
    struct disk *disk = *state;
    char token[LEASE_TOKEN_MAX], other[LEASE_TOKEN_MAX];
    begin(disk, token);
    assert_int_equal(sched_release(&disk->core.sched, token, disk->core.now, NULL), 0);
    kept(disk, 0, "2/4 20 {\"a\":1}"); /* the worker was told to end */
    assert_int_equal(one_trial(disk, "h:3", token), 0);
    disk->core.now.us += 60 * SECOND_US;
    sched_tick(&disk->core.sched, disk->core.now);
    kept(disk, 0, "2/4 20 {\"a\":1}"); /* or died */
    assert_int_equal(one_trial(disk, "h:4", token), 0);
    assert_int_equal(one_trial(disk, "h:5", other), 1);
    deliver(disk, other, 1, "7");
    deliver(disk, token, 4, NULL);
    kept(disk, 0, "nothing");
    kept(disk, 1, "1/4 10 7");
}

/* The state may be what it failed on. */
static void an_attempt_that_failed_begins_anew(void **state)
{
    struct disk *disk = *state;
    char token[LEASE_TOKEN_MAX];
    begin(disk, token);
    assert_int_equal(sched_failure(&disk->core.sched, token, "it fell over", disk->core.now, NULL), 0);
    kept(disk, 0, "nothing");
}

static void the_newest_counts(void **state)
{
    struct disk *disk = *state;
    char token[LEASE_TOKEN_MAX];
    begin(disk, token);
    deliver(disk, token, 3, "[3]");
    kept(disk, 0, "3/4 30 [3]");
    assert_int_equal(one_trial(disk, "h:3", token), 1);
    deliver(disk, token, 2, "[]");
    assert_int_equal(sched_reopen(&disk->core.sched, 1, (int[]){1}, 1, disk->core.now, NULL), 0);
    assert_int_equal(one_trial(disk, "h:4", token), 1);
    deliver(disk, token, 3, NULL); /* that one left none */
    kept(disk, 1, "nothing");
}

static void nothing_outlives_the_search(void **state)
{
    struct disk *disk = *state;
    char token[LEASE_TOKEN_MAX];
    begin(disk, token);
    assert_int_equal(one_trial(disk, "h:3", token), 1);
    deliver(disk, token, 2, "[]");
    kept(disk, 1, "2/4 20 []");
    assert_int_equal(sched_cancel(&disk->core.sched, 1, disk->core.now, NULL), 0);
    kept(disk, 0, "nothing");
    kept(disk, 1, "nothing");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_is_kept_until_the_trial_is_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(an_attempt_that_failed_begins_anew, setup, teardown),
        cmocka_unit_test_setup_teardown(the_newest_counts, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_outlives_the_search, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
