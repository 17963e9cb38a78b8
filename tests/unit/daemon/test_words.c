/* Small doors: the table of moves, tokens, options, scores as JSON. */
#include "core.h"

#include "daemon/bundle_check.h"
#include "daemon/listen.h"
#include "daemon/options.h"
#include "daemon/score_reader.h"

#include <stdlib.h>
#include <unistd.h>

static void test_moves_of_a_trial(void **state)
{
    (void)state;
    static const char *const allowed[] = {"absent>ready",       "ready>leased",     "ready>done",
                                          "ready>cancelled",    "leased>ready",     "leased>done",
                                          "leased>quarantined", "leased>cancelled", "ready>stopped",
                                          "leased>stopped",     "stopped>ready"};
    int n = 0;
    for (int from = 0; from < TRIAL_STATES_N; from++)
        for (int to = 0; to < TRIAL_STATES_N; to++) {
            if (!trial_may_move((enum trial_state)from, (enum trial_state)to))
                continue;
            char move[64];
            snprintf(move, sizeof move, "%s>%s", trial_state_name((enum trial_state)from),
                     trial_state_name((enum trial_state)to));
            bool known = false;
            for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
                known |= !strcmp(move, allowed[i]);
            if (!known)
                fail_msg("%s", move);
            n++;
        }
    assert_int_equal(n, sizeof allowed / sizeof *allowed);
    assert_false(trial_is_final(TRIAL_ABSENT));
    assert_true(trial_is_final(TRIAL_QUARANTINED));
    assert_false(trial_is_final(TRIAL_STOPPED));
    for (int i = 0; i < TRIAL_STATES_N; i++)
        assert_int_equal(trial_is_settled((enum trial_state)i),
                         i == TRIAL_STOPPED || trial_is_final((enum trial_state)i));
}

static void test_final_searches_stay(void **state)
{
    (void)state;
    for (int to = 0; to < SEARCH_STATES_N; to++) {
        assert_false(search_may_move(SEARCH_DONE, (enum search_state)to));
        assert_false(search_may_move(SEARCH_CANCELLED, (enum search_state)to));
        assert_false(search_may_move(SEARCH_FAILED, (enum search_state)to));
    }
    assert_true(search_may_move(SEARCH_PAUSED, SEARCH_CONFIRMING));
    assert_false(search_may_move(SEARCH_PAUSED, SEARCH_DONE));
}

static void test_tokens_name_their_job(void **state)
{
    (void)state;
    struct lease lease = {.search = 12, .trial = 345, .half = HALF_HELDOUT, .attempt = 2};
    int64_t search;
    int trial;
    enum half half;
    lease_token_write(&lease, UINT64_C(0x0123456789abcdef));
    assert_string_equal(lease.token, "12-345-h-2-0123456789abcdef");
    assert_true(lease_token_read(lease.token, &search, &trial, &half));
    assert_true(search == 12 && trial == 345 && half == HALF_HELDOUT);
    static const char *const wrong[] = {"",
                                        "x",
                                        "1-2-s",
                                        "1-2-q-1-00",
                                        "1-2-s-1-00x",
                                        "-1-2-s-1-00",
                                        "1--2-s-1-00",
                                        "99999999999999999999-1-s-1-00"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(lease_token_read(wrong[i], &search, &trial, &half));
}

static void read_options(const char *line, int expected, struct options *out)
{
    char copy[256];
    char *argv[16] = {copy};
    int argc = 1;
    struct err err = {0};
    snprintf(copy, sizeof copy, "paretod %s", line);
    strtok(copy, " ");
    while ((argv[argc] = strtok(NULL, " ")))
        argc++;
    for (int i = 0; i < argc; i++) /* options borrow */
        argv[i] = mem_strdup(argv[i]);
    assert_int_equal(options_read(argc, argv, out, &err), expected);
    assert_int_equal(expected == 0, *err.text == 0);
    for (int i = 0; i < argc; i++)
        mem_free(argv[i]);
}

static void test_options(void **state)
{
    struct options o;
    (void)state;
    read_options("--db d --listen unix:s --listen 127.0.0.1:0 --lease-s 5 --log-level debug", 0, &o);
    assert_int_equal(o.listen_n, 2);
    assert_int_equal(o.lease_s, 5);
    assert_int_equal(o.log_level, LOG_DEBUG);
    read_options("--help", 0, &o);
    assert_true(o.help);
    static const char *const wrong[] = {"--db d",
                                        "--listen x",
                                        "--db d --listen",
                                        "--db d --listen x --lease-s 0",
                                        "--db d --listen x --lease-s 3x",
                                        "--db d --listen x --log-level loud",
                                        "--database d",
                                        "extra"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        read_options(wrong[i], ERR_INVALID, &o);
}

static int read_scores(const char *text, struct result *result, struct err *err)
{
    struct json *root;
    assert_int_equal(json_parse(text, strlen(text), &root, err), 0);
    int rc = score_reader_read(root, result, err);
    if (rc == 0) /* names borrow from the tree */
        assert_string_equal(result->scores[0].metric, "t.a");
    score_reader_free(result);
    json_free(root);
    return rc;
}

static void test_scores(void **state)
{
    (void)state;
    struct result result;
    struct err err = {0};
    assert_int_equal(read_scores("{\"scores\":[{\"metric\":\"t.a\",\"mean\":1,\"stderr\":null,\"n\":2,"
                                 "\"items\":[1,2]}],\"merge_s\":1,\"effective\":[0.25,null]}",
                                 &result, &err),
                     0);
    static const char *const wrong[][2] = {
        {"{}", "scores"},
        {"{\"scores\":[]}", "scores"},
        {"{\"scores\":[{}]}", "scores[0].metric"},
        {"{\"scores\":[{\"metric\":\"a\",\"mean\":null,\"n\":1}]}", "scores[0].mean"},
        {"{\"scores\":[{\"metric\":\"a\",\"mean\":1,\"stderr\":-1,\"n\":1}]}", "scores[0].stderr"},
        {"{\"scores\":[{\"metric\":\"a\",\"mean\":1,\"stderr\":\"x\",\"n\":1}]}", "scores[0].stderr"},
        {"{\"scores\":[{\"metric\":\"a\",\"mean\":1,\"n\":1.5}]}", "scores[0].n"},
        {"{\"scores\":[{\"metric\":\"a\",\"mean\":1,\"n\":1,\"items\":[1,null]}]}", "scores[0].items[1]"},
        {"{\"scores\":[{\"metric\":\"a\",\"mean\":1,\"n\":1},{\"metric\":\"a\",\"mean\":1,\"n\":1}]}",
         "scores[1].metric"},
        {"{\"scores\":[{\"metric\":\"a\",\"mean\":1,\"n\":1}],\"effective\":0.5}", "effective"},
        {"{\"scores\":[{\"metric\":\"a\",\"mean\":1,\"n\":1}],\"effective\":[]}", "effective"},
        {"{\"scores\":[{\"metric\":\"a\",\"mean\":1,\"n\":1}],\"effective\":[1,\"x\"]}", "effective[1]"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(read_scores(wrong[i][0], &result, &err), ERR_INVALID);
        if (strncmp(err.text, wrong[i][1], strlen(wrong[i][1])))
            fail_msg("%s: %s", wrong[i][0], err.text);
    }
}

static void test_open_addresses(void **state)
{
    (void)state;
    static const char *const own[] = {"unix:/run/paretod/socket", "127.0.0.1:7878", "127.8.0.1:1",
                                      "[::1]:7878"};
    static const char *const wide[] = {"0.0.0.0:7878", "[::]:7878", "192.168.1.5:1", "[fe80::1]:7878",
                                       "12.7.0.0:1"};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        assert_false(address_is_open(own[i]));
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++)
        assert_true(address_is_open(wide[i]));
}

struct complaints {
    int n;
    char text[4][512];
};

static void complain(void *ctx, const char *sentence)
{
    struct complaints *c = ctx;
    assert_true(c->n < 4);
    snprintf(c->text[c->n++], sizeof c->text[0], "%s", sentence);
}

static void write_file(const char *directory, const char *name, const char *text)
{
    char *path = mem_printf("%s/%s", directory, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    mem_free(path);
}

static void look_at_bundle(const char *directory, const char *tasks, struct complaints *out)
{
    struct json *root;
    *out = (struct complaints){0};
    assert_int_equal(json_parse(tasks, strlen(tasks), &root, NULL), 0);
    bundle_check(directory, root, complain, out);
    json_free(root);
}

static void test_files_of_a_bundle(void **state)
{
    (void)state;
    char directory[] = "/tmp/paretod-bundle-XXXXXX";
    assert_non_null(mkdtemp(directory));
    write_file(directory, "good", "{\"half\":\"search\"}\n{\"half\":\"heldout\"}\n");
    write_file(directory, "word", "{\"half\":\"search\"}\n{\"half\":\"serch\"}\n");
    write_file(directory, "torn", "{\"half\":\"search\"}\n{\"half\":\n");
    write_file(directory, "bare", "{\"half\":\"search\"}\n[]\n");
    write_file(directory, "none", "{}\n");
    write_file(directory, "empty", "");
    static const char *const wrong[][2] = {
        {"{\"file\":\"word\"}", "word:2: half must be \"search\" or \"heldout\", not \"serch\""},
        {"{\"file\":\"torn\"}", "torn:2: "},
        {"{\"file\":\"bare\"}", "bare:2: an item must be an object, not an array"},
        {"{\"file\":\"none\"}", "none:1: half is missing"},
        {"{\"file\":\"empty\"}", "/empty: has no items"},
        {"{\"file\":\".\"}", "own folder"},
        {"{\"file\":\"../good\"}", "own folder"},
        {"{\"file\":\"absent\"}", "/absent: No such file"},
        {"{}", "own folder"},
        {"{\"file\":\"good\",\"reward_model\":\"rm\"}", "reward_model \"rm\": there is no "},
    };
    struct complaints found;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char *tasks = mem_printf("[{\"file\":\"good\"},%s]", wrong[i][0]);
        look_at_bundle(directory, tasks, &found);
        if (found.n != 1 || !strstr(found.text[0], wrong[i][1]) || !strstr(found.text[0], "tasks[1] "))
            fail_msg("%s: %d %s", wrong[i][0], found.n, found.text[0]);
        mem_free(tasks);
    }
    write_file(directory, "config.json", "{}");
    look_at_bundle(directory, "[{\"file\":\"good\",\"reward_model\":\"../bundle-of-nobody/..\"}]", &found);
    assert_int_equal(found.n, 1);
    look_at_bundle(directory, "[{\"file\":\"good\",\"reward_model\":\".\"}]", &found);
    assert_int_equal(found.n, 0);
    static const char *const names[] = {"good", "word", "torn", "bare", "none", "empty", "config.json"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *path = mem_printf("%s/%s", directory, names[i]);
        remove(path);
        mem_free(path);
    }
    rmdir(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_moves_of_a_trial),
        cmocka_unit_test(test_final_searches_stay),
        cmocka_unit_test(test_tokens_name_their_job),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_scores),
        cmocka_unit_test(test_open_addresses),
        cmocka_unit_test(test_files_of_a_bundle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
