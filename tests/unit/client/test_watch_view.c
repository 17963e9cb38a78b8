/* A search under way, as a line and as a frame. */
#include "fake.h"

#include "client/watch_view.h"

#include <math.h>

static struct front front_under_way(void)
{
    struct front front = {.id = 3, .name = "toy", .state = "confirming", .objectives_n = 2};
    front.progress = (struct front_counts){.total = 60, .done = 30, .failed = 15, .running = 0};
    front.confirm = (struct front_counts){.total = 8, .done = 2, .running = 1};
    front.eta_s = 75;
    front.hypervolume = 0.5;
    front.sweep_hypervolume = front.heldout_hypervolume = front.heldout_sweep_hypervolume = NAN;
    return front;
}

static void test_line(void **state)
{
    struct front front = front_under_way();
    struct buf out;
    (void)state;
    buf_init(&out, 10000);
    watch_line(&front, 2.5, &out);
    assert_string_equal(buf_str(&out),
                        "search 3 confirming: 30/60 done, 15 failed, held-out 2/8 done, 1 running, "
                        "2.5 trials/s, ETA 1 min 15 s, hypervolume 0.5000\n");
    snprintf(front.state, sizeof front.state, "paused");
    front.hypervolume = NAN;
    buf_clear(&out);
    watch_line(&front, 2.5, &out);
    assert_string_equal(buf_str(&out),
                        "search 3 paused: 30/60 done, 15 failed, held-out 2/8 done, 1 running\n");
    front.progress.stopped = 4;
    buf_clear(&out);
    watch_line(&front, 2.5, &out);
    assert_contains(buf_str(&out), "30/60 done, 4 stopped, 15 failed, ");
    snprintf(front.state, sizeof front.state, "done");
    buf_clear(&out);
    watch_line(&front, 2.5, &out);
    assert_contains(buf_str(&out), "1 running, no hypervolume: an end of the sweep has no score\n");
    snprintf(front.state, sizeof front.state, "\033[2J");
    buf_clear(&out);
    watch_line(&front, 2.5, &out);
    watch_frame(&front, NAN, 80, 6, false, &out);
    assert_null(strchr(buf_str(&out), '\033'));
    buf_fini(&out);
}

static int lines_of(const struct buf *out)
{
    int n = 0;
    for (size_t i = 0; i < out->len; i++)
        n += out->data[i] == '\n';
    return n;
}

/* Progress is all that there is to see. */
static void test_without_a_front(void **state)
{
    struct front front = front_under_way();
    struct buf out;
    (void)state;
    buf_init(&out, 10000);
    front.note = (char[]){"there is none"};
    front.hypervolume = NAN;
    watch_frame(&front, NAN, 80, 40, false, &out);
    const char *end = strstr(buf_str(&out), " 2/8 done, 1 running\n"); /* the bar is the last line */
    assert_true(end && !end[strlen(" 2/8 done, 1 running\n")]);
    assert_null(strstr(buf_str(&out), "hypervolume"));
    snprintf(front.state, sizeof front.state, "done");
    buf_clear(&out);
    watch_line(&front, NAN, &out);
    assert_string_equal(buf_str(&out),
                        "search 3 done: 30/60 done, 15 failed, held-out 2/8 done, 1 running\n");
    buf_fini(&out);
}

static void test_frame_fits_every_terminal(void **state)
{
    struct front front = front_under_way();
    struct front_point point = {.trial = 1, .on_front = true};
    struct buf out;
    (void)state;
    front.points = &point;
    front.points_n = 1;
    buf_init(&out, 1 << 20);
    for (int rows = 6; rows < 80; rows++) {
        buf_clear(&out);
        watch_frame(&front, NAN, 80, rows, false, &out);
        assert_true(lines_of(&out) < rows);
    }
    assert_contains(buf_str(&out), "search 3 \"toy\": confirming\n"
                                   "trials   ████████████░░░░ 30/60 done, 15 failed, ETA 1 min 15 s\n"
                                   "held-out ████░░░░░░░░░░░░ 2/8 done, 1 running\n"
                                   "hypervolume 0.5000\n");
    buf_fini(&out);
}

static void test_frame_keeps_what_stands_in_the_way(void **state)
{
    struct front front = front_under_way();
    char reason[301];
    struct buf out;
    (void)state;
    memset(reason, 'x', 300);
    reason[300] = 0;
    front.stalled = reason;
    buf_init(&out, 1 << 20);
    for (int rows = 6; rows < 80; rows++) {
        buf_clear(&out);
        watch_frame(&front, NAN, 80, rows, false, &out);
        assert_true(lines_of(&out) < rows);
        assert_contains(buf_str(&out), "confirming\n! nobody works on this search: xxx");
    }
    assert_contains(buf_str(&out), "x (paretoctl workers)\ntrials ");
    assert_contains(buf_str(&out), "xxx\nxxx"); /* a line is as wide as the terminal */
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_line),
        cmocka_unit_test(test_without_a_front),
        cmocka_unit_test(test_frame_fits_every_terminal),
        cmocka_unit_test(test_frame_keeps_what_stands_in_the_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
