#include "store_test.h"

#include "proto/rng.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <sqlite3.h>

/* ---- opening and locking ---- */

static void a_second_opener_is_refused(void **state)
{
    struct fixture *f = *state;
    struct store *second;
    char alias[128];
    must_fail(f, store_open(f->path, &second, &f->err), ERR_CONFLICT, "in use by another paretod (process ");
    assert_null(second);
    /* another name of the same file */
    snprintf(alias, sizeof alias, "%s-other", f->path);
    assert_int_equal(symlink(f->path, alias), 0);
    must_fail(f, store_open(alias, &second, &f->err), ERR_CONFLICT, "in use");
    /* the refused attempt has taken nothing from the first */
    fill(f, 1);
    reopen(f);
}

static void a_dead_process_holds_nothing(void **state)
{
    struct fixture *f = *state;
    int ready[2];
    char byte;
    store_close(f->store);
    f->store = NULL;
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        struct store *store;
        alarm(60); /* should the parent's test fail before the kill */
        if (store_open(f->path, &store, NULL) == 0 && write(ready[1], "x", 1) == 1)
            pause();
        _exit(1);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    must_fail(f, store_open(f->path, &f->store, &f->err), ERR_CONFLICT, "in use");
    char pid[32];
    snprintf(pid, sizeof pid, "process %d", (int)child);
    assert_non_null(strstr(f->err.text, pid));
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
    must(f, store_open(f->path, &f->store, &f->err));
    close(ready[0]);
    close(ready[1]);
}

/* What a person with the sqlite3 shell does while the daemon runs. */
static void people_may_read_meanwhile(void **state)
{
    struct fixture *f = *state;
    sqlite3 *db;
    sqlite3_stmt *stmt;
    fill(f, 3);
    assert_int_equal(sqlite3_open_v2(f->path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT count(*) FROM trial", -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int(stmt, 0), 3);
    fill(f, 2); /* while the reader's statement is open */
    sqlite3_finalize(stmt);
    sqlite3_close(db);
}

static void places_that_cannot_be_opened(void **state)
{
    struct fixture *f = *state;
    struct store *store;
    char path[128];
    must_fail(f, store_open(f->directory, &store, &f->err), ERR_IO, f->directory);
    snprintf(path, sizeof path, "%s/no/such/place.db", f->directory);
    must_fail(f, store_open(path, &store, &f->err), ERR_IO, "check that the file and its directory exist");
    assert_null(store);
    store_close(NULL);
}

/* ---- groups ---- */

static int count(void *ctx, const struct store_trial *row)
{
    (void)row;
    ++*(int *)ctx;
    return 0;
}

static int count_event(void *ctx, const struct store_event *row)
{
    (void)row;
    ++*(int *)ctx;
    return 0;
}

static int events_of(struct fixture *f, int64_t search)
{
    int n = 0;
    must(f, store_event_each(f->store, search, count_event, &n, &f->err));
    return n;
}

static int trials_of(struct fixture *f, int64_t search)
{
    int n = 0;
    must(f, store_trial_each(f->store, search, count, &n, &f->err));
    return n;
}

static void a_group_is_whole_or_absent(void **state)
{
    struct fixture *f = *state;
    const double ratios[] = {1};
    int64_t id = fill(f, 0);
    for (int round = 0; round < 3; round++) { /* rolled back, closed without commit, committed */
        must(f, store_begin(f->store, &f->err));
        for (int i = 0; i < 10; i++) {
            struct store_trial trial = a_trial(id, i, ratios, 1);
            must(f, store_trial_insert(f->store, &trial, &f->err));
        }
        struct store_trial again = a_trial(id, 4, ratios, 1);
        must_fail(f, store_trial_insert(f->store, &again, &f->err), ERR_CONFLICT, "trial 4");
        if (round == 0)
            store_rollback(f->store);
        else if (round == 1)
            reopen(f);
        else
            must(f, store_commit(f->store, &f->err));
        reopen(f);
        assert_int_equal(trials_of(f, id), round == 2 ? 10 : 0);
    }
    store_rollback(f->store); /* outside a group: nothing */
}

/* ---- a full disk: RLIMIT_FSIZE lets every file grow to `bytes` and no further ---- */

static struct rlimit limit_files(rlim_t bytes)
{
    struct rlimit old, new;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    new = old;
    new.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &new), 0);
    return old;
}

static void a_full_disk_keeps_earlier_rows(void **state)
{
    struct fixture *f = *state;
    double ratios[64] = {0};
    int stored = 0, rc = 0;
    int64_t id = fill(f, 0);
    struct rlimit old = limit_files(300000);
    while (rc == 0 && stored < 1000) {
        struct store_trial trial = a_trial(id, stored, ratios, 64);
        rc = store_trial_insert(f->store, &trial, &f->err);
        stored += rc == 0;
    }
    struct store_trial next = a_trial(id, stored, ratios, 64);
    int again = store_trial_insert(f->store, &next, NULL);
    setrlimit(RLIMIT_FSIZE, &old);
    must_fail(f, rc, ERR_IO, "cannot store trial");
    assert_int_equal(again, ERR_IO);
    assert_in_range(stored, 5, 900);
    assert_int_equal(trials_of(f, id), stored);
    must(f, store_trial_insert(f->store, &next, &f->err)); /* there is room again */
    reopen(f);
    assert_int_equal(trials_of(f, id), stored + 1);
}

/* A group larger than SQLite's cache meets the full disk before its commit, and SQLite undoes it by itself.
 * What follows in the group must not be written on its own. */
static void a_full_disk_in_a_group(void **state)
{
    struct fixture *f = *state;
    const size_t items_n = 100000;
    double *items = mem_zero(items_n, sizeof *items);
    struct store_score score = {.metric = "m", .mean = 1, .items = items, .items_n = items_n};
    const double ratios[] = {1};
    int64_t id = fill(f, 20);
    int rc = 0;
    struct rlimit old = limit_files(1 << 20);
    must(f, store_begin(f->store, &f->err));
    for (int i = 0; i < 20 && rc == 0; i++)
        rc = store_scores_insert(f->store, id, i, "search", &score, 1, &f->err);
    setrlimit(RLIMIT_FSIZE, &old);
    must_fail(f, rc, ERR_IO, "cannot store score");
    struct store_trial late = a_trial(id, 20, ratios, 1);
    must_fail(f, store_trial_insert(f->store, &late, &f->err), ERR_IO, "an earlier error undid this group");
    must_fail(f, store_commit(f->store, &f->err), ERR_IO, "undid");
    assert_int_equal(trials_of(f, id), 20);
    must(f, store_begin(f->store, &f->err));
    must(f, store_scores_insert(f->store, id, 0, "search", &score, 1, &f->err)); /* nothing of it was left */
    must(f, store_commit(f->store, &f->err));
    mem_free(items);
}

/* Writes a search and up to 40 trials, every other one in a group with its score; how many trials were acknowledged. */
static int write_until_failure(struct store *store, int64_t *search)
{
    const double ratios[] = {0.5};
    const struct store_score score = {.metric = "m", .mean = 1, .items = ratios, .items_n = 1};
    struct store_search row = a_search();
    int n = 0, rc = store_search_insert(store, &row, search, NULL);
    for (; rc == 0 && n < 40; n += rc == 0) {
        struct store_trial trial = a_trial(*search, n, ratios, 1);
        if (n % 2 == 0) {
            rc = store_trial_insert(store, &trial, NULL);
            continue;
        }
        rc = store_begin(store, NULL);
        if (!rc)
            rc = store_trial_insert(store, &trial, NULL);
        if (!rc)
            rc = store_scores_insert(store, *search, n, "search", &score, 1, NULL);
        struct store_event event = {.search = *search, .seq = n / 2, .trial = n, .kind = "done", .share = 1};
        if (!rc)
            rc = store_event_insert(store, &event, NULL);
        if (!rc)
            rc = store_commit(store, NULL);
        store_rollback(store);
    }
    assert_true(rc == 0 || rc == ERR_IO);
    return n;
}

/* The disk is full at any point from the first byte on: what was acknowledged is there, and nothing else is. */
static void wherever_the_disk_is_full(void **state)
{
    struct fixture *f = *state;
    store_close(f->store);
    for (rlim_t limit = 0; limit < 400000; limit += 4096 + 511) {
        int64_t id = 0;
        int acknowledged = 0;
        f->store = NULL;
        unlink(f->path);
        struct rlimit old = limit_files(limit);
        int rc = store_open(f->path, &f->store, &f->err);
        if (rc == 0)
            acknowledged = write_until_failure(f->store, &id);
        store_close(f->store);
        setrlimit(RLIMIT_FSIZE, &old);
        if (rc)
            must_fail(f, rc, ERR_IO, "");
        must(f, store_open(f->path, &f->store, &f->err));
        if (id)
            assert_int_equal(trials_of(f, id) * 1000 + events_of(f, id),
                             acknowledged * 1000 + acknowledged / 2); /* every other trial has its event */
        else
            assert_int_equal(acknowledged, 0);
        store_close(f->store);
    }
    f->store = NULL;
}

/* ---- kill -9 ---- */

/* Ratios that anyone can compute again. */
static void ratios_of(int number, double ratios[8])
{
    struct rng rng;
    rng_seed(&rng, 77, (uint64_t)number);
    for (int i = 0; i < 8; i++)
        ratios[i] = rng_uniform(&rng);
}

/* Inserts trial after trial with a score each, in groups of `group` (1: every trial on its own, which then is
 * two transactions), and writes the number of trials that are durable to `acknowledge` after each group. */
static void insert_for_ever(const char *path, int64_t search, int first, int group, int acknowledge)
{
    struct store *store;
    if (store_open(path, &store, NULL) != 0)
        _exit(2);
    for (int number = first;; number += group) {
        if (group > 1 && store_begin(store, NULL) != 0)
            _exit(3);
        for (int i = number; i < number + group; i++) {
            double ratios[8];
            ratios_of(i, ratios);
            struct store_trial trial = a_trial(search, i, ratios, 8);
            struct store_score score = {.metric = "m", .mean = ratios[0], .items = ratios, .items_n = 8};
            if (store_trial_insert(store, &trial, NULL) != 0 ||
                store_scores_insert(store, search, i, "search", &score, 1, NULL) != 0)
                _exit(4);
        }
        if (group > 1 && store_commit(store, NULL) != 0)
            _exit(5);
        int durable = number + group;
        if (write(acknowledge, &durable, sizeof durable) != sizeof durable)
            _exit(6);
    }
}

/* Lets a child insert, kills it after `patience` acknowledgements; the last number it acknowledged. */
static int insert_and_kill(struct fixture *f, int64_t search, int first, int group, int patience)
{
    int channel[2], durable = first, next;
    assert_int_equal(pipe(channel), 0);
    pid_t child = fork();
    if (child == 0) {
        close(channel[0]);
        insert_for_ever(f->path, search, first, group, channel[1]);
    }
    close(channel[1]);
    for (int n = 0; read(channel[0], &next, sizeof next) == sizeof next; n++) {
        durable = next;
        if (n == patience)
            kill(child, SIGKILL);
    }
    close(channel[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    return durable;
}

static int check_trial(void *ctx, const struct store_trial *row)
{
    int *next = ctx;
    double ratios[8];
    assert_int_equal(row->number, (*next)++);
    assert_int_equal(row->k, 8);
    ratios_of(row->number, ratios);
    assert_memory_equal(row->ratios, ratios, sizeof ratios);
    return 0;
}

static int check_score(void *ctx, int trial, const char *half, const struct store_score *score)
{
    int *next = ctx;
    double ratios[8];
    (void)half;
    assert_int_equal(trial, (*next)++);
    ratios_of(trial, ratios);
    same_bits(score->mean, ratios[0]);
    assert_int_equal(score->items_n, 8);
    assert_memory_equal(score->items, ratios, sizeof ratios);
    return 0;
}

static void killed_in_a_stream_of_inserts(void **state)
{
    struct fixture *f = *state;
    int64_t id = fill(f, 0);
    int first = 0;
    for (int round = 0; round < 8; round++) {
        int group = round % 2 ? 5 : 1, trials = 0, scores = 0;
        store_close(f->store);
        f->store = NULL;
        int durable = insert_and_kill(f, id, first, group, 3 + 7 * round);
        must(f, store_open(f->path, &f->store, &f->err)); /* the whole file is checked here */
        must(f, store_trial_each(f->store, id, check_trial, &trials, &f->err));
        must(f, store_scores_each(f->store, id, -1, true, check_score, &scores, &f->err));
        /* all that was acknowledged, and at most the one that was under way */
        assert_in_range(trials, durable, durable + group);
        assert_in_range(scores, durable, durable + group);
        assert_int_equal((trials - first) % group, 0);
        if (group > 1)
            assert_int_equal(trials, scores);
        if (scores < trials) { /* killed between the two transactions of one trial: finish it by hand */
            double ratios[8];
            ratios_of(scores, ratios);
            struct store_score score = {.metric = "m", .mean = ratios[0], .items = ratios, .items_n = 8};
            must(f, store_scores_insert(f->store, id, scores, "search", &score, 1, &f->err));
        }
        first = trials;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_second_opener_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_dead_process_holds_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(people_may_read_meanwhile, set_up, tear_down),
        cmocka_unit_test_setup_teardown(places_that_cannot_be_opened, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_group_is_whole_or_absent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_disk_keeps_earlier_rows, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_disk_in_a_group, set_up, tear_down),
        cmocka_unit_test_setup_teardown(wherever_the_disk_is_full, set_up, tear_down),
        cmocka_unit_test_setup_teardown(killed_in_a_stream_of_inserts, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
