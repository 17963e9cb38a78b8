#include "command_fixture.h"

#include "merge/files/checkpoint.h"
#include "worker/answer.h"

#include <fcntl.h>
#include <math.h>
#include <pthread.h>

#define ANSWER                                                                                               \
    "echo '{\"scores\":{\"toy.a\":0.5,\"toy.b\":{\"mean\":-2,\"stderr\":0.25,\"n\":3,\"items\":[1,2,3]}}}'"

/* ---- what goes in and what comes out ---- */

static void an_answer_becomes_scores(void **state)
{
    struct fixture *f = *state;
    open_script(f, "echo progress; echo more progress >&2\n" ANSWER "\necho", 60);
    run_well(f);
    assert_int_equal(f->scores.n, 2);
    const struct score *a = answer_find(&f->scores, "toy.a"), *b = answer_find(&f->scores, "toy.b");
    assert_true(a->mean == 0.5 && isnan(a->stderr_) && a->n == 1 && !a->items);
    assert_true(b->mean == -2 && b->stderr_ == 0.25 && b->n == 3 && b->items_n == 3 && b->items[2] == 3);
    assert_true(f->scores.merge_s == 0 && f->scores.evaluate_s > 0);
    /* again with the same evaluator, as for the next trial */
    f->evaluation.trial = 8;
    f->evaluation.half = "heldout";
    run_well(f);
    char *log = text_of(f, "search-3-trial-8-attempt-2-heldout.log");
    assert_string_equal(log, "more progress\n");
    mem_free(log);
    assert_true(exists(f, "search-3-trial-7-attempt-2.log"));
}

static void the_job_is_one_line_of_json(void **state)
{
    struct fixture *f = *state;
    struct json *job;
    open_script(f, "cat > $DIR/job; cmp $DIR/job $PARETOD_JOB || exit 1\n" ANSWER, 60);
    run_well(f);
    char *text = text_of(f, "job");
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
    assert_non_null(strstr(text, "\"seed\":18446744073709551615,"));
    assert_int_equal(json_parse(text, strlen(text), &job, &f->err), 0);
    assert_true(json_number_or(json_get(job, "version"), 0) == 1);
    assert_true(json_number_or(json_get(job, "search"), 0) == 3);
    assert_true(json_number_or(json_get(job, "trial"), 0) == 7);
    assert_true(json_number_or(json_get(job, "attempt"), 0) == 2);
    assert_string_equal(json_string_or(json_get(job, "half"), ""), "search");
    const struct json *ratio = json_first(json_get(job, "ratios"));
    for (int i = 0; i < 3; i++, ratio = json_next(ratio))
        assert_true(json_number_or(ratio, -1) == f->ratios[i]); /* bit-exact, the subnormal too */
    assert_null(ratio);
    const struct json *second = json_next(json_first(json_get(job, "objectives")));
    assert_string_equal(json_string_or(json_get(second, "name"), ""), "two");
    assert_string_equal(json_string_or(json_get(second, "goal"), ""), "min");
    assert_int_equal(json_len(json_get(second, "metrics")), 2);
    json_free(job);
    mem_free(text);
}

/* Only a trial that has a part of the items is told of it. */
static void the_job_says_which_items(void **state)
{
    struct fixture *f = *state;
    open_script(f, "cat > $DIR/job\n" ANSWER, 60);
    run_well(f);
    char *text = text_of(f, "job");
    assert_null(strstr(text, "shard"));
    mem_free(text);
    f->evaluation.shard = shard_of_trials(12, 7);
    run_well(f);
    text = text_of(f, "job");
    assert_non_null(strstr(text, ",\"shard\":{\"index\":7,\"of\":12},"));
    mem_free(text);
}

static void the_environment_says_which_trial(void **state)
{
    struct fixture *f = *state;
    setenv("PARETOD_OLD", "from the worker", 1);
    open_script(f,
                "env | grep PARETOD_ | sort > $DIR/env; test -w $PARETOD_SCRATCH || exit 1; touch "
                "$PARETOD_SCRATCH/x\n"
                "mkdir -p $PARETOD_SCRATCH/deep/er; test \"$1\" = 'first argument' || exit 2\n" ANSWER,
                60);
    run_well(f);
    unsetenv("PARETOD_OLD");
    char *text = text_of(f, "env");
    assert_non_null(strstr(text, "PARETOD_ATTEMPT=2\nPARETOD_HALF=search\nPARETOD_JOB="));
    assert_non_null(strstr(text, "PARETOD_SEARCH=3\nPARETOD_SEED=18446744073709551615\nPARETOD_TRIAL=7\n"));
    assert_null(strstr(text, "PARETOD_OLD"));
    /* its scratch is gone, and there is no log of nothing */
    char path[160] = "";
    assert_int_equal(sscanf(strstr(text, "PARETOD_SCRATCH="), "PARETOD_SCRATCH=%159s", path), 1);
    assert_int_not_equal(access(path, F_OK), 0);
    assert_false(exists(f, "search-3-trial-7-attempt-2.log"));
    mem_free(text);
}

/* A worker ignores SIGPIPE and catches others; the program inherits none of that. */
static void signals_are_as_after_login(void **state)
{
    struct fixture *f = *state;
    signal(SIGPIPE, SIG_IGN);
    open_script(f, "grep -E 'Sig(Ign|Blk)' /proc/self/status > $DIR/signals\n" ANSWER, 20);
    run_well(f);
    signal(SIGPIPE, SIG_DFL);
    char *text = text_of(f, "signals");
    assert_string_equal(text, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
    mem_free(text);
}

/* libcurl's sockets are not close-on-exec: the program must not hold the worker's line to the daemon. */
static void descriptors_are_not_inherited(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(dup2(STDERR_FILENO, 57), 57);
    open_script(f, "test -e /proc/self/fd/57 && exit 3\necho '{\"scores\":{\"toy.a\":1,\"toy.b\":2}}'", 60);
    run_well(f);
    close(57);
}

static void the_ratios_must_fit(void **state)
{
    struct fixture *f = *state;
    open_script(f, ANSWER, 60);
    f->evaluation.ratios_n = 2;
    run_badly(f, ERR_INVALID, "has 3 ratios, not 2");
}

/* ---- how it can fail ---- */

static void a_status_is_a_failure(void **state)
{
    struct fixture *f = *state;
    open_script(f, ANSWER "\necho Traceback >&2; echo 'ValueError: no GPU' >&2; exit 3", 60);
    run_badly(f, ERR_EVALUATOR, "ended with status 3; its last words: Traceback ValueError: no GPU (log: ");
    assert_true(exists(f, "search-3-trial-7-attempt-2.log"));
}

static void only_the_last_words_are_quoted(void **state)
{
    struct fixture *f = *state;
    open_script(f, "for i in $(seq 2000); do echo \"line $i of a long story\" >&2; done; exit 1", 60);
    run_badly(f, ERR_EVALUATOR, "line 2000 of a long story (log: ");
    assert_null(strstr(f->err.text, "line 1980 "));
    assert_non_null(strstr(f->err.text, "its last words: line 19"));
}

static void a_signal_is_a_failure(void **state)
{
    struct fixture *f = *state;
    open_script(f, "kill -9 $$", 60);
    run_badly(f, ERR_EVALUATOR, "ended by signal 9 (Killed); it wrote nothing");
}

static void useless_answers_are_failures(void **state)
{
    static const struct {
        const char *script, *word;
    } bad[] = {
        {"echo hello", "it begins: hello"},
        {"true", "printed nothing"},
        {ANSWER "; echo done", "it begins: done"},
        {"echo '{\"scores\":{\"toy.a\":1}}'", "no score \"toy.b\", which objective \"two\" needs"},
        {"echo '{\"scores\":{\"toy.a\":NaN,\"toy.b\":1}}'", "NaN and Infinity are not JSON"},
        {"echo '{\"scores\":{\"toy.a\":null,\"toy.b\":1}}'", "scores.toy.a must be a number"},
        {"head -c 17000000 /dev/zero", "more than 16777216 bytes"},
        {"yes", "more than 16777216 bytes"},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        open_script(f, bad[i].script, 60);
        run_badly(f, ERR_EVALUATOR, bad[i].word);
        command_close(f->command);
        f->command = NULL;
        search_spec_fini(&f->spec);
    }
}

static void a_program_that_cannot_start(void **state)
{
    struct fixture *f = *state;
    open_script(f, ANSWER, 60);
    assert_int_equal(chmod(f->script, 0600), 0);
    run_badly(f, ERR_EVALUATOR, "Permission denied; evaluator.argv[0] must be");
    assert_int_equal(unlink(f->script), 0);
    run_badly(f, ERR_EVALUATOR, "No such file");
}

/* ---- how it is stopped ---- */

static void a_time_limit_ends_it(void **state)
{
    struct fixture *f = *state;
    open_script(f,
                "trap 'touch $DIR/asked; exit 0' TERM\n"
                "echo $$ > $DIR/pid; echo waiting >&2; sleep 1000 & echo $! > $DIR/child; wait",
                0.3);
    run_badly(f, ERR_TIMEOUT, "longer than time_limit_s 0.3; its last words: waiting");
    assert_true(exists(f, "asked")); /* by SIGTERM, before anything worse */
    assert_false(is_alive(f, "pid"));
    assert_false(is_alive(f, "child"));
}

/* Neither the program nor its child listens to SIGTERM; 2 s later both are killed. */
static void one_that_ignores_sigterm_is_killed(void **state)
{
    struct fixture *f = *state;
    open_script(f,
                "trap '' TERM; (trap '' TERM; while :; do sleep 1; done) & echo $! > $DIR/child\n"
                "echo $$ > $DIR/pid; while :; do sleep 1; done",
                0.3);
    run_badly(f, ERR_TIMEOUT, "longer than");
    assert_true(f->scores.evaluate_s >= 2.2);
    assert_false(is_alive(f, "pid"));
    assert_false(is_alive(f, "child"));
}

/* A process in a session of its own is no member of the group; it would hold a GPU for ever. */
static void a_daemon_that_stays_behind_is_killed(void **state)
{
    struct fixture *f = *state;
    open_script(f,
                "setsid sh -c 'echo $$ > $DIR/daemon; exec sleep 1000' &\n"
                "(sleep 1000 & echo $! > $DIR/child)\n"
                "while ! test -s $DIR/daemon; do sleep 0.02; done\n" ANSWER,
                30);
    run_well(f); /* both hold its standard output open: nobody waits for them */
    assert_false(is_alive(f, "daemon"));
    assert_false(is_alive(f, "child"));
}

static void *cancel_when_started(void *ctx)
{
    struct fixture *f = ctx;
    while (!exists(f, "started"))
        usleep(10000);
    atomic_store(&f->cancel, true);
    return NULL;
}

static void a_cancel_ends_it(void **state)
{
    struct fixture *f = *state;
    pthread_t thread;
    open_script(f, "echo $$ > $DIR/pid; touch $DIR/started; sleep 1000", 0);
    assert_int_equal(pthread_create(&thread, NULL, cancel_when_started, f), 0);
    run_badly(f, ERR_CANCELLED, "cancelled");
    pthread_join(thread, NULL);
    assert_false(is_alive(f, "pid"));
    /* and before it begins */
    unlink(f->script);
    run_badly(f, ERR_CANCELLED, "cancelled");
}

/* ---- many ---- */

static int open_descriptors(void)
{
    int n = 0;
    for (int fd = 0; fd < 256; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

static void no_run_leaves_a_descriptor(void **state)
{
    struct fixture *f = *state;
    int before = open_descriptors();
    open_script(f, "test $PARETOD_TRIAL -lt 3 || exit 1\n" ANSWER, 60);
    for (f->evaluation.trial = 0; f->evaluation.trial < 6; f->evaluation.trial++)
        assert_int_equal(run(f), f->evaluation.trial < 3 ? 0 : ERR_EVALUATOR);
    unlink(f->script);
    assert_int_equal(run(f), ERR_EVALUATOR);
    assert_int_equal(open_descriptors(), before);
}

struct slot {
    struct fixture f; /* an evaluator of its own */
    int failures;
};

static void *run_slot(void *ctx)
{
    struct slot *slot = ctx;
    for (int i = 0; i < 8; i++) {
        slot->f.evaluation.trial = i;
        int rc = run(&slot->f);
        slot->failures += rc != 0 || slot->f.scores.item[0].mean != (double)slot->f.evaluation.search;
    }
    return NULL;
}

/* The slots of a worker are threads of one process: none waits for, answers for or kills another's program. */
static void slots_do_not_disturb_each_other(void **state)
{
    struct fixture *f = *state;
    struct slot slots[4];
    pthread_t threads[4];
    open_script(f, "echo \"{\\\"scores\\\":{\\\"toy.a\\\":$PARETOD_SEARCH,\\\"toy.b\\\":0}}\"", 60);
    for (int i = 0; i < 4; i++) {
        slots[i] = (struct slot){.f = *f};
        slots[i].f.evaluation.search = 10 + i;
        assert_int_equal(command_open(&f->spec, f->directory, &slots[i].f.command, &f->err), 0);
        assert_int_equal(pthread_create(&threads[i], NULL, run_slot, &slots[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        if (slots[i].failures)
            print_error("%s\n", slots[i].f.err.text);
        assert_int_equal(slots[i].failures, 0);
        command_close(slots[i].f.command);
        scores_fini(&slots[i].f.scores);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_answer_becomes_scores, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_job_is_one_line_of_json, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_job_says_which_items, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_environment_says_which_trial, set_up, tear_down),
        cmocka_unit_test_setup_teardown(signals_are_as_after_login, set_up, tear_down),
        cmocka_unit_test_setup_teardown(descriptors_are_not_inherited, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_ratios_must_fit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_status_is_a_failure, set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_the_last_words_are_quoted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_signal_is_a_failure, set_up, tear_down),
        cmocka_unit_test_setup_teardown(useless_answers_are_failures, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_program_that_cannot_start, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_time_limit_ends_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_that_ignores_sigterm_is_killed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_daemon_that_stays_behind_is_killed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_cancel_ends_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_run_leaves_a_descriptor, set_up, tear_down),
        cmocka_unit_test_setup_teardown(slots_do_not_disturb_each_other, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
