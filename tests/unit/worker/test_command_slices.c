/* Programs that tell their scores slice by slice, and may be told to stop. */
#include "command_fixture.h"

#include "proto/log.h"
#include "worker/answer.h"
#include "worker/process.h"

#define HEARD_MAX 10

struct hearing {
    struct fixture *f;
    int heard_n, stop_at; /* stop_at: the slice after which it is enough; 0: never */
    int slice[HEARD_MAX];
    int64_t items[HEARD_MAX];
    double mean[HEARD_MAX];
    struct slice_hearer hearer;
};

static void hear(void *ctx, const struct scores *scores)
{
    struct hearing *h = ctx;
    assert_true(h->heard_n < HEARD_MAX);
    assert_int_equal(scores->slices, 4);
    h->slice[h->heard_n] = scores->slices_done;
    h->items[h->heard_n] = scores->items;
    h->mean[h->heard_n++] = answer_find(scores, "toy.a")->mean;
}

static bool enough(void *ctx, double wait_s)
{
    const struct hearing *h = ctx;
    assert_true(wait_s == 0);
    return h->stop_at && h->heard_n && h->slice[h->heard_n - 1] >= h->stop_at;
}

static void listen_to(struct fixture *f, struct hearing *h, int stop_at)
{
    *h = (struct hearing){.f = f, .stop_at = stop_at, .hearer = {h, hear, enough}};
    f->evaluation.slices = 4;
    f->evaluation.hearer = &h->hearer;
}

#define SLICE(i, items, a)                                                                                   \
    "echo '{\"slice\":" #i ",\"of\":4,\"items\":" #items ",\"scores\":{\"toy.a\":{\"mean\":" #a              \
    ",\"n\":" #items "},\"toy.b\":1}}'\n"
#define ANSWER                                                                                               \
    "echo "                                                                                                  \
    "'{\"scores\":{\"toy.a\":{\"mean\":0.5,\"n\":9},\"toy.c\":{\"mean\":1,\"n\":9},\"toy.b\":-2,\"b\":3}}'"

static void slices_are_heard_and_the_answer_counts(void **state)
{
    struct fixture *f = *state;
    struct hearing h;
    open_script(
        f,
        "read job; echo \"$job\" > $DIR/job\necho '{\"slices\":7}'; echo '{\"a\":{\"slice\":9}}'\n" SLICE(
            1, 2, 0.25) SLICE(3, 7, 0.75) SLICE(4, 9, 0.5) ANSWER,
        60);
    listen_to(f, &h, 0);
    run_well(f);
    assert_int_equal(h.heard_n, 2); /* the last one is the answer's */
    assert_true(h.slice[0] == 1 && h.items[0] == 2 && h.mean[0] == 0.25);
    assert_true(h.slice[1] == 3 && h.items[1] == 7 && h.mean[1] == 0.75);
    assert_true(f->scores.slices == 4 && f->scores.slices_done == 4 && f->scores.n == 4);
    assert_true(f->scores.items == 9 + 1); /* two metrics of the task "toy", and "b", which has no task */
    char *job = text_of(f, "job");
    assert_non_null(strstr(job, ",\"slices\":4,\"ratios\":"));
    mem_free(job);
}

/* What the program says after it was told is heard; its status and an answer in part are not. */
static void a_program_that_is_told_to_stop_says_its_last_slice(void **state)
{
    struct fixture *f = *state;
    struct hearing h;
    open_script(f,
                "read job\n" SLICE(
                    1, 2, 0.25) "read word; echo \"$word\" > $DIR/word; cat > $DIR/rest\n" SLICE(2, 5, 0.5)
                    ANSWER "\nexit 3",
                60);
    listen_to(f, &h, 1);
    run_well(f);
    assert_true(f->scores.slices == 4 && f->scores.slices_done == 2 && f->scores.items == 5);
    assert_true(answer_find(&f->scores, "toy.a")->mean == 0.5 && f->scores.n == 2);
    char *word = text_of(f, "word");
    assert_string_equal(word, "{\"stop\":true}\n");
    mem_free(word);
    word = text_of(f, "rest"); /* the input ends behind it */
    assert_string_equal(word, "");
    mem_free(word);
}

/* Without a hearer nothing is cut: the job is a file with an end, as it always was. */
static void nothing_is_cut_when_nobody_listens(void **state)
{
    struct fixture *f = *state;
    open_script(f, "cat > $DIR/job\n" SLICE(1, 2, 0.25) ANSWER, 60);
    f->evaluation.slices = 4;
    run_well(f);
    assert_true(f->scores.slices == 1 && f->scores.slices_done == 1);
    char *job = text_of(f, "job");
    assert_null(strstr(job, "slices"));
    assert_null(strstr(job, "repeat"));
    mem_free(job);
}

#define STATED(i, items, a, state)                                                                           \
    "echo '{\"slice\":" #i ",\"of\":4,\"items\":" #items ",\"scores\":{\"toy.a\":" #a                        \
    ",\"toy.b\":1},\"state\":" state "}'\n"
#define STATE "{\"sum\":0.1,\"seen\":[-0,1e-320,\"ö\"]}"

/* The state of the newest slice is the result's. */
static void a_stopped_program_leaves_its_state(void **state)
{
    struct fixture *f = *state;
    struct hearing h;
    open_script(f, "read job\n" STATED(1, 2, 0.25, "\"old\"") "read word\n" STATED(2, 5, 0.5, STATE) "exit 3",
                60);
    listen_to(f, &h, 1);
    run_well(f);
    assert_true(f->scores.slices_done == 2 && f->scores.resumed == 0);
    assert_string_equal(f->scores.state, "{\"sum\":0.1,\"seen\":[-0,9.99988867182683e-321,\"ö\"]}");
}

/* What is known beforehand need not be asked. */
static void a_program_is_stopped_where_the_job_ends(void **state)
{
    struct fixture *f = *state;
    struct hearing h;
    open_script(f, "read job\n" SLICE(1, 2, 0.25) SLICE(2, 5, 0.5) "read word; exit 3", 60);
    listen_to(f, &h, 0);
    f->evaluation.stop_after = 2;
    run_well(f);
    assert_true(f->scores.slices_done == 2 && f->scores.items == 5);
}

static void a_state_that_cannot_be_kept_is_left_out(void **state)
{
    static const char *const scripts[] = {
        "read job\necho '{\"slice\":1,\"of\":4,\"items\":2,\"scores\":{\"toy.a\":1,\"toy.b\":1},\"state\":"
        "null}'\nread word",
        "read job\nprintf '{\"slice\":1,\"of\":4,\"items\":2,\"scores\":{\"toy.a\":1,\"toy.b\":1},\"state\":"
        "\"'\nhead -c 1048576 /dev/zero | tr '\\0' x\necho '\"}'\nread word",
        "read job\nprintf '{\"slice\":1,\"of\":4,\"items\":2,\"scores\":{\"toy.a\":1,\"toy.b\":1},\"state\":"
        "'\nprintf '%033d' 0 | tr 0 '['\nprintf '%033d' 0 | tr 0 ']'\necho '}'\nread word"};
    (void)state;
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
        struct fixture *f;
        struct hearing h;
        set_up((void **)&f);
        open_script(f, scripts[i], 60);
        listen_to(f, &h, 1);
        run_well(f);
        assert_int_equal(f->scores.slices_done, 1);
        assert_null(f->scores.state);
        tear_down((void **)&f);
    }
}

/* It says with its first slice whether it goes on; its scores and items are those of all slices in any case. */
static void a_program_may_go_on_from_a_state(void **state)
{
    struct fixture *f = *state;
    struct hearing h;
    open_script(f,
                "read job; echo \"$job\" > $DIR/job\n[ -e $DIR/anew ] && " SLICE(1, 2, 0.25) SLICE(3, 7, 0.75)
                    ANSWER,
                60);
    listen_to(f, &h, 0);
    f->evaluation.resume = (struct resume){2, 4, 5, STATE};
    run_well(f);
    char *job = text_of(f, "job");
    assert_non_null(
        strstr(job, ",\"slices\":4,\"resume\":{\"slices_done\":2,\"slices\":4,\"state\":" STATE "},"));
    mem_free(job);
    assert_true(f->scores.slices_done == 4 && f->scores.items == 10);
    assert_true(f->scores.resumed == 2 && f->scores.resumed_items == 5 && !f->scores.state);
    char *path = mem_printf("%s/anew", f->directory);
    fclose(fopen(path, "we"));
    mem_free(path);
    listen_to(f, &h, 0);
    run_well(f);
    assert_true(f->scores.items == 10 && f->scores.resumed == 0 && f->scores.resumed_items == 0);
    /* of other slices: nothing is said of it */
    f->evaluation.resume.slices = 5;
    run_well(f);
    job = text_of(f, "job");
    assert_null(strstr(job, "resume"));
    mem_free(job);
    assert_int_equal(f->scores.resumed, 0);
}

static void a_repeat_says_so(void **state)
{
    struct fixture *f = *state;
    open_script(f, "cat > $DIR/job\n" ANSWER, 60);
    f->evaluation.repeat = 2;
    run_well(f);
    char *job = text_of(f, "job");
    assert_non_null(strstr(job, ",\"seed\":18446744073709551615,\"repeat\":2,"));
    mem_free(job);
}

static void items_may_be_told(void **state)
{
    struct fixture *f = *state;
    open_script(f, "echo '{\"items\":77,\"scores\":{\"toy.a\":1,\"toy.b\":2}}'", 60);
    run_well(f);
    assert_true(f->scores.items == 77);
}

#define SCORES "\"scores\":{\"toy.a\":1,\"toy.b\":1}"

static void wrong_lines_are_refused(void **state)
{
    static const struct {
        const char *line, *words;
    } bad[] = {
        {"{\"slice\":1,\"of\":8,\"items\":1," SCORES "}", "of must be 4"},
        {"{\"slice\":1,\"items\":1," SCORES "}", "of must be 4"},
        {"{\"slice\":0,\"of\":4,\"items\":1," SCORES "}", "from 1 to 4"},
        {"{\"slice\":5,\"of\":4,\"items\":1," SCORES "}", "from 1 to 4"},
        {"{\"slice\":1.5,\"of\":4,\"items\":1," SCORES "}", "from 1 to 4"},
        {"{\"slice\":1,\"of\":4," SCORES "}", "slice 1 of 4: the evaluator's answer: items must be"},
        {"{\"slice\":1,\"of\":4,\"items\":-1," SCORES "}", "items must be"},
        {"{\"slice\":1,\"of\":4,\"items\":1}", "slice 1 of 4: the evaluator's answer must be"},
        {"{\"slice\":1,\"of\":4,\"items\":1,\"scores\":{\"toy.a\":1}}", "has no score \"toy.b\""},
        {"{\"slice\":1,\"of\":4,\"items\":1,\"scores\":{\"toy.a\":NaN}}", "NaN and Infinity are none"},
        {"{\"slice\":1,\"of\":4,\"items\":1,\"scores\":{\"toy.a\":null}}", "toy.a must be a number"},
        {"{\"slice\":1,\"of\":4,\"items\":1,\"effective\":[1]," SCORES "}", "unknown member \"effective\""},
        {"{\"slice\":2,\"of\":4,\"items\":9," SCORES "}\n{\"slice\":2,\"of\":4,\"items\":9," SCORES "}",
         "slice 2 after slice 2"},
        {"{\"slice\":1,\"of\":4,\"items\":9," SCORES "}\n{\"slice\":2,\"of\":4,\"items\":8," SCORES "}",
         "slice 2 has 8 items, and the one before it 9"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct fixture *f;
        struct hearing h;
        set_up((void **)&f);
        char *body = mem_printf("read job\ncat <<X\n%s\nX\nexec sleep 100", bad[i].line);
        open_script(f, body, 60);
        listen_to(f, &h, 0);
        run_badly(f, ERR_EVALUATOR, bad[i].words);
        mem_free(body);
        tear_down((void **)&f);
    }
    (void)state;
}

static void a_cancelled_conversation_is_cancelled(void **state)
{
    struct fixture *f = *state;
    struct hearing h;
    open_script(f, "read job\n" SLICE(1, 2, 0.25) "sleep 100", 60);
    listen_to(f, &h, 0);
    f->cancel = true;
    run_badly(f, ERR_CANCELLED, "cancelled");
}

static int no_line(void *ctx, const char *line, size_t n, struct err *err)
{
    (void)ctx, (void)line, (void)n, (void)err;
    return 0;
}

static bool always(void *ctx)
{
    (void)ctx;
    return true;
}

static bool never(void *ctx)
{
    (void)ctx;
    return false;
}

static int talk_to(const char *script, const struct process_talk *talk, struct process_end *end)
{
    char *argv[] = {"/bin/sh", "-c", (char *)(uintptr_t)script, NULL};
    char *environment[] = {"MARK=test-command-slices", "PATH=/usr/bin:/bin", NULL};
    const struct process process = {.argv = argv,
                                    .environment = environment,
                                    .marker = environment[0],
                                    .input_fd = -1,
                                    .talk = talk,
                                    .log_fd = -1,
                                    .output_max_bytes = 1 << 20};
    struct stop stop;
    struct err err = {0};
    stop_init(&stop, NULL, 0);
    return process_run(&process, &stop, end, &err);
}

/* A program that does not listen is stopped after its time of grace; that is no failure. */
static void who_does_not_listen_is_stopped(void **state)
{
    struct process_end end;
    const struct process_talk talk = {"x\n", 2, NULL, no_line, always, "stop\n", 0.05};
    (void)state;
    assert_int_equal(talk_to("trap '' TERM; while :; do sleep 0.1; done", &talk, &end), 0);
    assert_true(end.asked);
    process_end_fini(&end);
}

/* More input than a pipe holds: whoever reads gets all of it, and whoever does not is not waited for. */
static void a_long_job_is_written_as_it_is_read(void **state)
{
    enum { N = 1 << 20 };
    char *input = mem_zero(N + 1, 1), want[16];
    struct process_end end;
    (void)state;
    memset(input, 'x', N);
    input[N - 1] = '\n';
    struct process_talk talk = {input, N, NULL, no_line, never, "stop\n", 1};
    assert_int_equal(talk_to("head -n 1 | wc -c", &talk, &end), 0);
    snprintf(want, sizeof want, "%d\n", N);
    assert_string_equal(buf_str(&end.output), want);
    assert_false(end.asked);
    process_end_fini(&end);
    assert_int_equal(talk_to("exec 0<&-; echo done", &talk, &end), 0);
    assert_string_equal(buf_str(&end.output), "done\n");
    process_end_fini(&end);
    assert_int_equal(talk_to("echo done", &talk, &end), 0);
    process_end_fini(&end);
    mem_free(input);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(slices_are_heard_and_the_answer_counts),
        TEST(a_program_that_is_told_to_stop_says_its_last_slice),
        TEST(nothing_is_cut_when_nobody_listens),
        TEST(a_stopped_program_leaves_its_state),
        TEST(a_program_is_stopped_where_the_job_ends),
        cmocka_unit_test(a_state_that_cannot_be_kept_is_left_out),
        TEST(a_program_may_go_on_from_a_state),
        TEST(a_repeat_says_so),
        TEST(items_may_be_told),
        cmocka_unit_test(wrong_lines_are_refused),
        TEST(a_cancelled_conversation_is_cancelled),
        cmocka_unit_test(who_does_not_listen_is_stopped),
        cmocka_unit_test(a_long_job_is_written_as_it_is_read),
    };
    signal(SIGPIPE, SIG_IGN);
    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests_name("command_slices", tests, NULL, NULL);
}
