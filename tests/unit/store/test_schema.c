#include "store_test.h"

#include <sqlite3.h>

#define NEWEST 5

/* Runs SQL on the file beside the store, which is closed meanwhile. */
static void change_file(struct fixture *f, const char *sql)
{
    sqlite3 *db;
    store_close(f->store);
    f->store = NULL;
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static char *slurp(const char *path, size_t *n)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char *bytes = mem_zero(1 << 20, 1);
    *n = fread(bytes, 1, (1 << 20) - 1, file);
    fclose(file);
    return bytes;
}

static void write_file(const char *path, long offset, const char *bytes, size_t n)
{
    FILE *file = fopen(path, offset ? "r+b" : "wb");
    assert_non_null(file);
    fseek(file, offset, SEEK_SET);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

/* Opening fails with this code and word, and the file keeps every byte. */
static void refused(struct fixture *f, int code, const char *word)
{
    size_t before_n, after_n;
    store_close(f->store);
    f->store = NULL;
    char *before = slurp(f->path, &before_n);
    must_fail(f, store_open(f->path, &f->store, &f->err), code, word);
    assert_non_null(strstr(f->err.text, f->path));
    assert_null(f->store);
    char *after = slurp(f->path, &after_n);
    assert_int_equal(after_n, before_n);
    assert_memory_equal(after, before, before_n);
    mem_free(before);
    mem_free(after);
}

static int version_of(const struct fixture *f)
{
    sqlite3 *db;
    sqlite3_stmt *stmt;
    assert_int_equal(sqlite3_open_v2(f->path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    int version = sqlite3_column_int(stmt, 0);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return version;
}

/* The very next version is as foreign as any. */
static void a_newer_version_is_refused(void **state)
{
    struct fixture *f = *state;
    char sql[64], sentence[64];
    int next = version_of(f) + 1;
    snprintf(sql, sizeof sql, "PRAGMA user_version = %d", next);
    snprintf(sentence, sizeof sentence, "newer paretod (schema version %d,", next);
    change_file(f, sql);
    refused(f, ERR_CORRUPT, sentence);
    change_file(f, "PRAGMA user_version = -1");
    refused(f, ERR_CORRUPT, "never existed");
}

static void a_foreign_database_is_refused(void **state)
{
    struct fixture *f = *state;
    change_file(f, "PRAGMA application_id = 7");
    refused(f, ERR_CORRUPT, "another program");
    store_close(f->store);
    unlink(f->path);
    change_file(f, "CREATE TABLE guests (name TEXT)");
    refused(f, ERR_CORRUPT, "another program");
    unlink(f->path);
    change_file(f, "PRAGMA user_version = 3");
    refused(f, ERR_CORRUPT, "another program");
}

static void no_database_is_refused(void **state)
{
    struct fixture *f = *state;
    char text[5000];
    store_close(f->store);
    f->store = NULL;
    memset(text, 'x', sizeof text);
    write_file(f->path, 0, text, sizeof text);
    refused(f, ERR_CORRUPT, "not a database");
    write_file(f->path, 0, text, 20);
    refused(f, ERR_CORRUPT, "not a database");
}

static void a_damaged_file_is_refused(void **state)
{
    struct fixture *f = *state;
    char noise[4096];
    fill(f, 200);
    store_close(f->store);
    f->store = NULL;
    memset(noise, 0x5a, sizeof noise);
    write_file(f->path, 3 * 4096, noise, sizeof noise); /* the root page of a table */
    refused(f, ERR_CORRUPT, "restore a backup");
}

static void a_missing_table_is_refused_when_used(void **state)
{
    struct fixture *f = *state;
    change_file(f, "DROP TABLE lease");
    must(f, store_open(f->path, &f->store, &f->err));
    struct store_lease lease = a_lease(1, 0, "t");
    must_fail(f, store_lease_insert(f->store, &lease, &f->err), ERR_CORRUPT, "no such table: lease");
}

static void an_empty_file_becomes_ours(void **state)
{
    struct fixture *f = *state;
    store_close(f->store);
    f->store = NULL;
    write_file(f->path, 0, "", 0);
    must(f, store_open(f->path, &f->store, &f->err));
    fill(f, 1);
}

/* A released step never changes: schema-N.sql is what version N looks like, for ever. A new step brings a new
 * file. */
static void compare_schema(const struct fixture *f)
{
    sqlite3 *db;
    sqlite3_stmt *stmt;
    char got[16384] = "", path[256];
    size_t n;
    assert_int_equal(sqlite3_open_v2(f->path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db,
                                        "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid",
                                        -1, &stmt, NULL),
                     SQLITE_OK);
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        size_t used = strlen(got);
        snprintf(got + used, sizeof got - used, "%s;\n", (const char *)sqlite3_column_text(stmt, 0));
    }
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    snprintf(path, sizeof path, "%s/tests/unit/store/schema-%d.sql", TEST_SOURCE_DIR, version_of(f));
    char *want = slurp(path, &n);
    if (strcmp(got, want) != 0)
        print_error("%s should be:\n%s", path, got);
    assert_string_equal(got, want);
    mem_free(want);
}

static void the_schema_is_the_released_one(void **state)
{
    compare_schema(*state);
}

/* Puts a database of an earlier version with these rows in the place of the store's own. */
static void put_version(struct fixture *f, int version, const char *rows)
{
    char path[256],
        *pragmas = mem_printf("PRAGMA application_id = 0x70617264; PRAGMA user_version = %d;", version);
    size_t n;
    snprintf(path, sizeof path, "%s/tests/unit/store/schema-%d.sql", TEST_SOURCE_DIR, version);
    char *tables = slurp(path, &n);
    store_close(f->store);
    f->store = NULL;
    unlink(f->path);
    sqlite3 *db;
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, tables, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, rows, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, pragmas, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    mem_free(tables);
    mem_free(pragmas);
}

/* One search, a done trial and an open one. */
static void put_version_1(struct fixture *f)
{
    static const char rows[] =
        "INSERT INTO search VALUES "
        "(4,'key','hash','old','{}','{\"layers\":8}','[\"a\",\"b\"]','running',NULL,"
        "'{}',9,1,0);"
        "INSERT INTO trial VALUES "
        "(4,0,0,0,x'000000000000e03f000000000000d03f','done',0,NULL,NULL,1,2,0.5,0.25,1,"
        "'host:1'), (4,1,0,1,x'000000000000f03f0000000000000000','ready',1,'it fell "
        "over',NULL,1,0,0,0,0,NULL);"
        "INSERT INTO score VALUES (4,0,'search',0,'facts.em',0.5,0.1,3,NULL);";
    put_version(f, 1, rows);
}

static int look_at_search(void *ctx, const struct store_search *row)
{
    ++*(int *)ctx;
    assert_int_equal(row->id, 4);
    assert_string_equal(row->plan, "{\"layers\":8}");
    assert_int_equal(row->revision, 9);
    assert_null(row->preflight);
    assert_null(row->digests);
    return 0;
}

static int look_at_trial(void *ctx, const struct store_trial *row)
{
    ++*(int *)ctx;
    assert_int_equal(row->k, 2);
    same_bits(row->ratios[0], row->number ? 1.0 : 0.5);
    same_text(row->worker, row->number ? NULL : "host:1");
    assert_null(row->effective);
    assert_int_equal(row->watermark, 0);
    assert_string_equal(row->path, "direct");
    assert_int_equal(row->repeat_of, -1);
    assert_true(isnan(row->gain));
    return 0;
}

struct story {
    int events;
    char text[400]; /* "TRIAL KIND ITEMS, " of every event, in order */
};

static int tell(void *ctx, const struct store_event *row)
{
    struct story *story = ctx;
    size_t n = strlen(story->text);
    assert_int_equal(row->seq, story->events++);
    assert_int_equal(row->m, 0);
    same_bits(row->share, strcmp(row->kind, "done") ? 0.0 : 1.0);
    snprintf(story->text + n, sizeof story->text - n, "%d %s %d, ", row->trial, row->kind, (int)row->items);
    return 0;
}

static void version_1_becomes_the_newest(void **state)
{
    struct fixture *f = *state;
    const double ratios[] = {1, 0}, effective[] = {0.875, NAN};
    int searches = 0, trials = 0;
    put_version_1(f);
    assert_int_equal(version_of(f), 1);
    must(f, store_open(f->path, &f->store, &f->err));
    assert_int_equal(version_of(f), NEWEST);
    compare_schema(f);
    must(f, store_search_each(f->store, look_at_search, &searches, &f->err));
    must(f, store_trial_each(f->store, 4, look_at_trial, &trials, &f->err));
    assert_int_equal(searches, 1);
    assert_int_equal(trials, 2);
    struct store_trial done =
        a_trial(4, 1, ratios, 2); /* the search goes on with what the new version knows */
    done.state = "done";
    done.effective = effective;
    must(f, store_trial_update(f->store, &done, &f->err));
}

/* What became known of the trials of version 2, by the time of their completion; the scores stay where they were. */
static void version_2_gets_its_events(void **state)
{
    static const char rows[] =
        "INSERT INTO search (id,name,spec,groups,state,revision,created_us,ended_us) VALUES"
        " (1,'a','{}','[]','running',9,1,0), (2,'b','{}','[]','running',9,1,0);"
        "INSERT INTO trial "
        "(search,number,stream,step,ratios,state,attempts,reason,created_us,done_us,merge_s,evaluate_s,"
        "wall_s,effective) VALUES"
        " (1,0,0,0,x'000000000000e03f','done',0,NULL,10,40,1,2,3,x'000000000000d03f'),"
        " (1,1,0,1,x'000000000000e03f','done',0,NULL,11,30,1,2,3,NULL),"
        " (1,2,0,2,x'000000000000e03f','quarantined',3,'no memory',12,0,0,0,0,NULL),"
        " (1,3,0,3,x'000000000000e03f','cancelled',0,NULL,35,0,0,0,0,NULL),"
        " (1,4,0,4,x'000000000000e03f','leased',0,NULL,13,0,0,0,0,NULL),"
        " (1,5,0,5,x'000000000000e03f','ready',1,'once',14,0,0,0,0,NULL),"
        " (2,0,0,0,x'000000000000e03f','done',0,NULL,1,2,0,0,0,NULL);"
        "INSERT INTO score VALUES (1,0,'search',0,'qa.em',0.5,0.1,30,NULL), "
        "(1,0,'search',1,'qa.f1',0.5,0.1,32,NULL),"
        " (1,0,'search',2,'chat',0.5,NULL,8,NULL), (1,0,'heldout',0,'qa.em',0.5,0.1,100,NULL),"
        " (1,1,'search',0,'qa.em',0.5,0.1,7,NULL), (2,0,'search',0,'qa.em',0.5,0.1,5,NULL);"
        "INSERT INTO lease VALUES ('t',1,4,'search','host:1',1,'active',NULL,20,0);";
    struct fixture *f = *state;
    struct story one = {0}, two = {0};
    put_version(f, 2, rows);
    must(f, store_open(f->path, &f->store, &f->err));
    assert_int_equal(version_of(f), NEWEST);
    compare_schema(f);
    must(f, store_event_each(f->store, 1, tell, &one, &f->err));
    must(f, store_event_each(f->store, 2, tell, &two, &f->err));
    assert_string_equal(one.text, "2 failed 0, 1 done 7, 3 failed 0, 0 done 40, ");
    assert_string_equal(two.text, "0 done 5, ");
    struct store_lease twin = a_lease(1, 4, "u"); /* scores and leases still belong to their trials */
    must_fail(f, store_lease_insert(f->store, &twin, &f->err), ERR_CONFLICT, "trial 4");
    struct store_event nobody = {.search = 1, .seq = 4, .trial = 6, .kind = "failed"};
    must_fail(f, store_event_insert(f->store, &nobody, &f->err), ERR_NOT_FOUND, "event 4");
    struct store_lease lost = a_lease(1, 6, "v");
    must_fail(f, store_lease_insert(f->store, &lost, &f->err), ERR_NOT_FOUND, "trial 6");
}

/* A search with a stopped trial goes on; the state of its evaluation was never asked for. */
static void version_3_has_no_states_yet(void **state)
{
    static const char rows[] =
        "INSERT INTO search (id,name,spec,groups,state,revision,created_us,ended_us) VALUES"
        " (1,'a','{}','[]','running',9,1,0);"
        "INSERT INTO trial "
        "(search,number,stream,step,ratios,state,attempts,created_us,done_us,merge_s,evaluate_s,"
        "wall_s) VALUES (1,0,0,0,x'000000000000e03f','stopped',0,10,40,1,2,3);"
        "INSERT INTO event VALUES (1,0,0,'stopped',0.5,12,x'000000000000e03f',x'000000000000e03f');";
    struct fixture *f = *state;
    put_version(f, 3, rows);
    must(f, store_open(f->path, &f->store, &f->err));
    assert_int_equal(version_of(f), NEWEST);
    compare_schema(f);
    struct store_partial partial = {
        .search = 1, .trial = 0, .slices_done = 2, .slices = 4, .items = 12, .state = "{}"};
    must_fail(f, store_partial_get(f->store, 1, 0, NULL, NULL, &f->err), ERR_NOT_FOUND, "trial 0");
    must(f, store_partial_put(f->store, &partial, &f->err));
}

static int count_partial(void *ctx, const struct store_partial *row)
{
    (void)row;
    ++*(int *)ctx;
    return 0;
}

/* An identification that was half done: its scores stay, what was written to them was never kept, and the next shard's is. */
static void version_4_kept_no_texts(void **state)
{
    static const char rows[] =
        "INSERT INTO search (id,name,spec,groups,state,revision,created_us,ended_us) VALUES"
        " (1,'identify','{}','[]','running',9,1,0);"
        "INSERT INTO trial (search,number,stream,step,ratios,state,attempts,created_us,done_us,merge_s,"
        "evaluate_s,wall_s) VALUES (1,0,0,0,x'000000000000e03f','done',0,10,40,1,2,3),"
        " (1,1,0,1,x'000000000000e03f','leased',0,10,0,0,0,0), "
        "(1,2,0,2,x'000000000000e03f','stopped',0,10,40,1,2,3);"
        "INSERT INTO score VALUES (1,0,'search',0,'q.certain',0.5,0.1,1,x'000000000000e03f');"
        "INSERT INTO event VALUES (1,0,0,'done',1,1,NULL,NULL);"
        "INSERT INTO partial VALUES (1,2,2,4,12,'{}');"
        "INSERT INTO lease VALUES ('t',1,1,'search','host:1',1,'active',NULL,20,0);";
    struct fixture *f = *state;
    int partials = 0;
    put_version(f, 4, rows);
    must(f, store_open(f->path, &f->store, &f->err));
    assert_int_equal(version_of(f), NEWEST);
    compare_schema(f);
    must(f, store_written_each(f->store, 1, 0, NULL, NULL, &f->err));
    must(f, store_partial_get(f->store, 1, 2, count_partial, &partials, &f->err));
    assert_int_equal(partials, 1);
    const struct store_written texts = {1, 1, "search", "{\"q\":[{\"id\":\"a\",\"output\":\"x\"}]}"};
    must(f, store_written_insert(f->store, &texts, &f->err));
    const struct store_written nobody = {1, 3, "search", "{}"};
    must_fail(f, store_written_insert(f->store, &nobody, &f->err), ERR_NOT_FOUND, "trial 3");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_newer_version_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_foreign_database_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_database_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_damaged_file_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_missing_table_is_refused_when_used, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_empty_file_becomes_ours, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_schema_is_the_released_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(version_1_becomes_the_newest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(version_2_gets_its_events, set_up, tear_down),
        cmocka_unit_test_setup_teardown(version_3_has_no_states_yet, set_up, tear_down),
        cmocka_unit_test_setup_teardown(version_4_kept_no_texts, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
