/* A program that is started once and gets one job after another. */
#include "command_fixture.h"

#include "proto/log.h"
#include "worker/answer.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>

/* What most of them begin with; then `job` is a line and `n` its number. answer SCORE: says it, of this job. */
#define READY                                                                                                \
    "echo start >> $DIR/starts; echo $$ > $DIR/pid\n"                                                        \
    "answer() { echo \"{\\\"job\\\":$n,\\\"scores\\\":{\\\"toy.a\\\":$1,\\\"toy.b\\\":-2}}\"; }\n"           \
    "number() { n=${job#*\\\"job\\\":}; n=${n%%[,\\}]*}; t=${job#*\\\"trial\\\":}; t=${t%%,*}; }\n"          \
    "echo '{\"ready\":true,\"model\":\"tiny\"}'\n"
#define LOOP(body) READY "while read -r job; do number\n" body "\ndone\ntouch $DIR/bye\n"

static void open_resident(struct fixture *f, const char *body)
{
    open_program(f, "resident", body, "\"time_limit_s\":60");
}

static size_t starts(const struct fixture *f)
{
    char *text = text_of(f, "starts");
    size_t n = strlen(text) / strlen("start\n");
    mem_free(text);
    return n;
}

static void run_trial(struct fixture *f, int trial, double want)
{
    f->evaluation.trial = trial;
    run_well(f);
    assert_true(answer_find(&f->scores, "toy.a")->mean == want);
}

static size_t scratch_directories(const struct fixture *f)
{
    size_t n = 0;
    DIR *directory = opendir(f->directory);
    assert_non_null(directory);
    for (struct dirent *entry; (entry = readdir(directory));)
        n += strncmp(entry->d_name, "paretod-job-", 12) == 0;
    closedir(directory);
    return n;
}

/* ---- one job after another ---- */

static void it_is_started_once(void **state)
{
    struct fixture *f = *state;
    open_resident(f,
                  "env | grep PARETOD_ | sort > $DIR/env; echo loading >&2\n" LOOP(
                      "echo \"$job\" > $DIR/job; echo a library prints this; echo trial $t >&2; answer $t"));
    assert_false(exists(f, "starts")); /* nothing is started before it is needed */
    run_trial(f, 7, 7);
    run_trial(f, 8, 8);
    run_trial(f, 9, 9);
    assert_int_equal(starts(f), 1);
    char *job = text_of(f, "job"), *env = text_of(f, "env");
    assert_non_null(strstr(job, "{\"version\":1,\"job\":3,\"search\":3,\"trial\":9,"));
    assert_non_null(strstr(env, "PARETOD_SEARCH=3\n"));
    assert_non_null(strstr(env, "PARETOD_SCRATCH=/"));
    assert_null(strstr(env, "PARETOD_TRIAL")); /* what changes from job to job stands in the job alone */
    mem_free(job);
    mem_free(env);
    char *first = text_of(f, "search-3-trial-7-attempt-2.log"),
         *last = text_of(f, "search-3-trial-9-attempt-2.log");
    assert_string_equal(first, "loading\ntrial 7\n");
    assert_string_equal(last, "trial 9\n");
    mem_free(first);
    mem_free(last);
}

static void its_input_ends_with_the_evaluator(void **state)
{
    struct fixture *f = *state;
    open_resident(f, LOOP("answer 1"));
    run_trial(f, 1, 1);
    assert_true(is_alive(f, "pid"));
    assert_int_equal(scratch_directories(f), 1); /* its own */
    resident_close(f->resident);
    f->resident = NULL;
    assert_true(exists(f, "bye"));
    assert_false(is_alive(f, "pid"));
    assert_int_equal(scratch_directories(f), 0);
}

static void an_idle_program_is_ended(void **state)
{
    struct fixture *f = *state;
    open_program(f, "resident", LOOP("answer 1"), "\"idle_limit_s\":1e-6");
    resident_rest(f->resident); /* of none */
    run_trial(f, 1, 1);
    usleep(2000);
    resident_rest(f->resident);
    assert_true(exists(f, "bye"));
    assert_false(is_alive(f, "pid"));
    run_trial(f, 2, 1);
    assert_int_equal(starts(f), 2);
    resident_close(f->resident);
    search_spec_fini(&f->spec);
    open_program(f, "resident", LOOP("answer 1"), "\"idle_limit_s\":0"); /* no limit */
    run_trial(f, 1, 1);
    usleep(2000);
    resident_rest(f->resident);
    assert_true(is_alive(f, "pid"));
}

/* ---- what is wrong with one job is not wrong with the next ---- */

static void an_error_is_an_answer(void **state)
{
    struct fixture *f = *state;
    open_resident(f,
                  LOOP("if [ $t = 2 ]; then echo \"{\\\"job\\\":$n,\\\"error\\\":\\\"no such tensor\\\"}\"\n"
                       "else answer $t; fi"));
    run_trial(f, 1, 1);
    f->evaluation.trial = 2;
    run_badly(f, ERR_EVALUATOR, "the evaluator says: no such tensor");
    run_trial(f, 3, 3);
    assert_int_equal(starts(f), 1);
}

static void a_score_that_is_missing_is_no_end(void **state)
{
    struct fixture *f = *state;
    open_resident(f, LOOP("if [ $t = 2 ]; then echo \"{\\\"job\\\":$n,\\\"scores\\\":{\\\"toy.a\\\":1}}\"; "
                          "else answer $t; fi"));
    f->evaluation.trial = 2;
    run_badly(f, ERR_EVALUATOR, "has no score \"toy.b\"");
    run_trial(f, 3, 3);
    assert_int_equal(starts(f), 1);
}

static void a_crash_fails_one_job(void **state)
{
    struct fixture *f = *state;
    open_resident(
        f, LOOP("if [ $t = 2 ]; then sleep 1000 & echo $! > $DIR/child; echo out of memory >&2; exit 3; fi\n"
                "if [ $t = 3 ]; then kill -9 $$; fi; answer $t"));
    run_trial(f, 1, 1);
    f->evaluation.trial = 2;
    run_badly(f, ERR_EVALUATOR, "ended with status 3; its last words: out of memory (log: ");
    assert_false(is_alive(f, "child"));
    f->evaluation.trial = 3;
    run_badly(f, ERR_EVALUATOR, "ended by signal 9");
    run_trial(f, 4, 4);
    assert_int_equal(starts(f), 3);
    assert_int_equal(scratch_directories(f), 1);
}

/* Whoever leaves of his own accord between jobs has failed nobody: seen at once, or when the job is there already. */
static void one_that_leaves_is_started_again(void **state)
{
    struct fixture *f = *state;
    open_resident(f, READY "read -r job; number; answer $t; exit 0");
    for (int trial = 1; trial <= 4; trial++)
        run_trial(f, trial, trial);
    assert_int_equal(starts(f), 4);
    resident_close(f->resident);
    search_spec_fini(&f->spec);
    open_resident(f, READY "read -r job; exit 0"); /* it is not given the job for ever */
    run_badly(f, ERR_EVALUATOR, "ended without an answer");
    assert_int_equal(starts(f), 6);
}

static void a_late_answer_is_nobodys(void **state)
{
    struct fixture *f = *state;
    open_resident(f, LOOP("if [ $n = 2 ]; then n=1; answer 0.125; n=2; fi; answer $t"));
    run_trial(f, 5, 5);
    run_trial(f, 6, 6);
    assert_int_equal(starts(f), 1);
}

/* What is printed behind an answer is not the next job's, whatever it is. */
static void what_comes_between_jobs_is_dropped(void **state)
{
    struct fixture *f = *state;
    open_resident(f, LOOP("answer $t; echo '{\"scores\":{\"toy.a\":9,\"toy.b\":9}}'; touch $DIR/said"));
    run_trial(f, 5, 5);
    while (!exists(f, "said"))
        usleep(1000);
    run_trial(f, 6, 6);
    assert_int_equal(starts(f), 1);
}

/* The limit of what is printed is a job's, not the program's. */
static void what_was_printed_for_other_jobs_does_not_count(void **state)
{
    struct fixture *f = *state;
    open_resident(f, LOOP("head -c 6000000 /dev/zero | tr '\\0' '\\n'; answer $t"));
    for (int trial = 1; trial <= 4; trial++)
        run_trial(f, trial, trial);
    assert_int_equal(starts(f), 1);
}

static void wrong_lines_are_refused(void **state)
{
    static const struct {
        const char *line, *word;
    } bad[] = {
        {"{\\\"scores\\\":{\\\"toy.a\\\":1,\\\"toy.b\\\":1}}",
         "does not say which job it is about; give it \"job\": 1"},
        {"{\\\"error\\\":\\\"x\\\"}", "does not say which job"},
        {"{\\\"job\\\":\\\"1\\\",\\\"error\\\":\\\"x\\\"}", "does not say which job"},
        {"{\\\"job\\\":2,\\\"scores\\\":{\\\"toy.a\\\":1,\\\"toy.b\\\":1}}",
         "answered job 2, but the newest one is 1"},
        {"{\\\"job\\\":1,\\\"scores\\\":{\\\"toy.a\\\":NaN}}", "NaN and Infinity are not JSON"},
        {"{\\\"job\\\":1,\\\"scores\\\":{\\\"toy.a\\\":null}}", "toy.a must be a number"},
        {"{\\\"job\\\":1,\\\"progress\\\":1}", "unknown member \"progress\""},
        {"{\\\"job\\\":1,\\\"stopped\\\":true}", "nobody told it to"},
        {"$(seq 9)\"; yes; echo \"", "more than 16777216 bytes"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct fixture *f;
        set_up((void **)&f);
        char *body = mem_printf(READY "read -r job; number; echo \"%s\"; echo done\ncat", bad[i].line);
        open_resident(f, body);
        run_badly(f, ERR_EVALUATOR, bad[i].word);
        mem_free(body);
        tear_down((void **)&f);
    }
}

static void a_time_limit_is_the_jobs(void **state)
{
    struct fixture *f = *state;
    open_program(
        f, "resident",
        LOOP("if [ $t = 2 ]; then echo waiting >&2; sleep 1000 & echo $! > $DIR/child; wait; fi; answer $t"),
        "\"time_limit_s\":0.5");
    run_trial(f, 1, 1);
    f->evaluation.trial = 2;
    run_badly(f, ERR_TIMEOUT, "longer than time_limit_s 0.5; its last words: waiting");
    assert_false(is_alive(f, "pid"));
    assert_false(is_alive(f, "child"));
    run_trial(f, 3, 3);
    assert_int_equal(starts(f), 2);
}

/* ---- its start ---- */

static void a_start_that_fails(void **state)
{
    static const struct {
        const char *body, *word;
        int code;
    } bad[] = {
        {"echo no GPU >&2; echo $$ > $DIR/pid; exec sleep 1000",
         "did not print {\"ready\":true} within start_limit_s 0.3; its last words: no GPU (log: ",
         ERR_TIMEOUT},
        {"echo $$ > $DIR/pid; exit 4", "ended with status 4", ERR_EVALUATOR},
        {"echo $$ > $DIR/pid; echo '{\"ready\":false}'; exit 0", "ended before it was ready", ERR_EVALUATOR},
        {"echo $$ > $DIR/pid; echo '{\"error\":\"the bundle is gone\"}'; sleep 1000",
         "did not start: the bundle is gone", ERR_EVALUATOR},
        {"echo $$ > $DIR/pid; yes", "before it was ready", ERR_EVALUATOR},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct fixture *f;
        set_up((void **)&f);
        open_program(f, "resident", bad[i].body, i == 0 ? "\"start_limit_s\":0.3" : "\"start_limit_s\":0");
        run_badly(f, bad[i].code, bad[i].word);
        assert_false(is_alive(f, "pid"));
        assert_int_equal(scratch_directories(f), 0);
        tear_down((void **)&f);
    }
}

/* Its ready is in the pipe still, behind more than is read at once, when its end is seen. */
static void one_that_is_gone_is_not_ready(void **state)
{
    struct fixture *f = *state;
    open_resident(f, "exec /usr/bin/python3 -S -E -c 'import fcntl, os\n"
                     "fcntl.fcntl(1, 1031, 1 << 20)\n" /* F_SETPIPE_SZ */
                     "os.write(1, b\"x\\n\" * 200000 + b\"{\\\"ready\\\":true}\\n\")'");
    run_badly(f, ERR_EVALUATOR, "ended before it was ready");
}

static void a_program_that_cannot_start(void **state)
{
    struct fixture *f = *state;
    open_resident(f, LOOP("answer $t"));
    assert_int_equal(chmod(f->script, 0600), 0);
    run_badly(f, ERR_EVALUATOR, "Permission denied; evaluator.argv[0] must be");
    assert_int_equal(chmod(f->script, 0700), 0);
    run_trial(f, 3, 3);
}

/* ---- how a job is stopped ---- */

static void *cancel_when_started(void *ctx)
{
    struct fixture *f = ctx;
    while (!exists(f, "started"))
        usleep(10000);
    atomic_store(&f->cancel, true);
    return NULL;
}

static void run_cancelled(struct fixture *f)
{
    pthread_t thread;
    f->evaluation.trial = 2;
    assert_int_equal(pthread_create(&thread, NULL, cancel_when_started, f), 0);
    run_badly(f, ERR_CANCELLED, "cancelled");
    pthread_join(thread, NULL);
    atomic_store(&f->cancel, false);
}

#define UNTIL_TOLD "if [ $t = 2 ]; then touch $DIR/started; read -r word; echo \"$word\" > $DIR/word\n"
#define STOPPED "echo \"{\\\"job\\\":$n,\\\"stopped\\\":true}\"\n"

static void a_program_that_listens_outlives_a_cancel(void **state)
{
    struct fixture *f = *state;
    open_resident(f, LOOP(UNTIL_TOLD STOPPED "else answer $t; fi"));
    run_cancelled(f);
    char *word = text_of(f, "word");
    assert_string_equal(word, "{\"stop\":true,\"job\":1}\n");
    mem_free(word);
    run_trial(f, 3, 3);
    assert_int_equal(starts(f), 1);
}

static void one_that_ends_instead_is_started_again(void **state)
{
    struct fixture *f = *state;
    open_resident(f, LOOP(UNTIL_TOLD "exit 5; fi; answer $t"));
    run_cancelled(f);
    run_trial(f, 3, 3);
    assert_int_equal(starts(f), 2);
}

/* It hears neither the word nor the signal. */
static void a_deaf_program_is_killed(void **state)
{
    struct fixture *f = *state;
    open_resident(f, LOOP("if [ $t = 2 ]; then trap '' TERM; touch $DIR/started; while :; do sleep 0.1; "
                          "done; fi; answer $t"));
    run_cancelled(f);
    assert_false(is_alive(f, "pid"));
    run_trial(f, 3, 3);
    assert_int_equal(starts(f), 2);
}

/* ---- slices ---- */

#define SLICE(i, items)                                                                                      \
    "echo \"{\\\"job\\\":$n,\\\"slice\\\":" #i ",\\\"of\\\":4,\\\"items\\\":" #items                         \
    ",\\\"scores\\\":{\\\"toy.a\\\":{\\\"mean\\\":0." #i ",\\\"n\\\":" #items "},\\\"toy.b\\\":1},"          \
    "\\\"state\\\":[" #i "]}\"\n"

struct hearing {
    int heard_n, stop_at;
    struct slice_hearer hearer;
};

static void hear(void *ctx, const struct scores *scores)
{
    struct hearing *h = ctx;
    h->heard_n = scores->slices_done;
}

static bool enough(void *ctx, double wait_s)
{
    const struct hearing *h = ctx;
    (void)wait_s;
    return h->stop_at && h->heard_n >= h->stop_at;
}

static void listen_to(struct fixture *f, struct hearing *h, int stop_at)
{
    *h = (struct hearing){.stop_at = stop_at, .hearer = {h, hear, enough, NULL}};
    f->evaluation.slices = 4;
    f->evaluation.hearer = &h->hearer;
}

static void slices_are_heard_and_stopped(void **state)
{
    struct fixture *f = *state;
    struct hearing h;
    open_resident(f, LOOP(SLICE(1, 2) "if [ $t = 2 ]; then read -r word; echo \"$word\" > $DIR/word\n" SLICE(
                         2, 5) STOPPED "else answer $t; fi"));
    listen_to(f, &h, 0);
    run_trial(f, 1, 1);
    assert_int_equal(h.heard_n, 1);
    assert_true(f->scores.slices == 4 && f->scores.slices_done == 4 && !f->scores.state);
    listen_to(f, &h, 1);
    run_trial(f, 2, 0.2);
    assert_int_equal(f->scores.slices_done, 2);
    assert_true(f->scores.items == 5);
    assert_string_equal(f->scores.state, "[2]");
    char *word = text_of(f, "word");
    assert_string_equal(word, "{\"stop\":true,\"job\":2}\n");
    mem_free(word);
    listen_to(f, &h, 0);
    run_trial(f, 3, 3);
    assert_int_equal(starts(f), 1);
}

/* Its answer crosses the word: the slice counts, and the next job is not mistaken for the word's. */
static void an_answer_behind_the_word_is_not_heard(void **state)
{
    struct fixture *f = *state;
    struct hearing h;
    open_resident(f, LOOP("case $job in *stop*) continue;; esac\n" SLICE(1, 2) "sleep 0.3; answer $t"));
    listen_to(f, &h, 1);
    run_trial(f, 2, 0.1);
    assert_int_equal(f->scores.slices_done, 1);
    listen_to(f, &h, 0);
    run_trial(f, 3, 3);
    assert_int_equal(starts(f), 1);
}

static void it_goes_on_from_a_state(void **state)
{
    struct fixture *f = *state;
    struct hearing h;
    open_resident(f, LOOP("echo \"$job\" > $DIR/job\n" SLICE(3, 7) "answer $t"));
    listen_to(f, &h, 0);
    f->evaluation.resume = (struct resume){2, 4, 5, "[2]"};
    f->evaluation.trial = 1;
    run_well(f);
    char *job = text_of(f, "job");
    assert_non_null(strstr(job, "\"resume\":{\"slices_done\":2,\"slices\":4,\"state\":[2]},"));
    mem_free(job);
}

/* Slices that nobody asked for are no harm. */
static void slices_of_an_uncut_job_are_ignored(void **state)
{
    struct fixture *f = *state;
    open_resident(f, LOOP(SLICE(1, 2) "answer $t"));
    run_trial(f, 1, 1);
    assert_int_equal(f->scores.slices, 1);
}

/* ---- many ---- */

static int open_descriptors(void)
{
    int n = 0;
    for (int fd = 0; fd < 256; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

static void no_program_leaves_a_descriptor(void **state)
{
    struct fixture *f = *state;
    int before = open_descriptors();
    open_resident(f, LOOP("[ $t -lt 3 ] || exit 1; answer $t"));
    for (f->evaluation.trial = 0; f->evaluation.trial < 6; f->evaluation.trial++)
        assert_int_equal(run(f), f->evaluation.trial < 3 ? 0 : ERR_EVALUATOR);
    unlink(f->script);
    assert_int_equal(run(f), ERR_EVALUATOR);
    assert_int_equal(open_descriptors(), before);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(it_is_started_once),
        TEST(its_input_ends_with_the_evaluator),
        TEST(an_idle_program_is_ended),
        TEST(an_error_is_an_answer),
        TEST(a_score_that_is_missing_is_no_end),
        TEST(a_crash_fails_one_job),
        TEST(one_that_leaves_is_started_again),
        TEST(a_late_answer_is_nobodys),
        TEST(what_comes_between_jobs_is_dropped),
        TEST(what_was_printed_for_other_jobs_does_not_count),
        cmocka_unit_test(wrong_lines_are_refused),
        TEST(a_time_limit_is_the_jobs),
        cmocka_unit_test(a_start_that_fails),
        TEST(one_that_is_gone_is_not_ready),
        TEST(a_program_that_cannot_start),
        TEST(a_program_that_listens_outlives_a_cancel),
        TEST(one_that_ends_instead_is_started_again),
        TEST(a_deaf_program_is_killed),
        TEST(slices_are_heard_and_stopped),
        TEST(an_answer_behind_the_word_is_not_heard),
        TEST(it_goes_on_from_a_state),
        TEST(slices_of_an_uncut_job_are_ignored),
        TEST(no_program_leaves_a_descriptor),
    };
    signal(SIGPIPE, SIG_IGN);
    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests_name("resident", tests, NULL, NULL);
}
