/* The picture, as text. */
#include "fake.h"

#include "client/plot.h"

#include <math.h>

/* A sweep along a quarter circle, two front members above it, two others below. */
static const struct plot_point sweep[] = {{0, 1}, {0.5, 0.866}, {0.866, 0.5}, {1, 0}};
static const struct plot_point front[] = {{0, 1}, {0.8, 0.8}, {NAN, 1}, {1, 0}};
static const struct plot_point others[] = {{0.2, 0.3}, {0.5, 0.1}, {0.5, INFINITY}};

static void fill(struct plot *plot)
{
    *plot = (struct plot){
        .x_name = "reward (max)", .y_name = "tasks (max)", .columns = 48, .rows = 14, .series_n = 3};
    plot->series[0] = (struct plot_series){"other trials", "·", "2", false, others, 3};
    plot->series[1] = (struct plot_series){"sweep", "o", "33", true, sweep, 4};
    plot->series[2] = (struct plot_series){"front", "●", "1;32", false, front, 4};
}

static void assert_drawn(const struct plot *plot, const char *expected)
{
    struct buf out;
    buf_init(&out, 100000);
    plot_draw(plot, &out);
    if (strcmp(buf_str(&out), expected) != 0)
        print_message("%s", buf_str(&out));
    assert_string_equal(buf_str(&out), expected);
    buf_fini(&out);
}

static void test_golden(void **state)
{
    struct plot plot;
    (void)state;
    fill(&plot);
    assert_drawn(&plot, "      tasks (max)\n"
                        " 1.05 ┤ ●⠒⠢⠤⠤⠤⢄⣀⣀⣀⡀\n"
                        "      │           ⠈⠉⠉⠉⠒⠒⠒⠒⠤o⢄⡀\n"
                        "      │                      ⠈⠑⠢⢄⡀    ●\n"
                        "      │                          ⠈⠑⠢⢄⡀\n"
                        " 0.50 ┤                              ⠈⠑⠢⢄o\n"
                        "      │                                  ⠘⡄\n"
                        "      │         ·                         ⠘⡄\n"
                        "      │                                    ⠘⡄\n"
                        "      │                    ·                ⠘⡄\n"
                        "-0.05 ┤                                      ⠘●\n"
                        "      └─────────────────────────────────────────\n"
                        "       -0.05          reward (max)          1.05\n"
                        "       ● front  o sweep  · other trials\n");
}

static void test_one_point(void **state)
{
    static const struct plot_point point[] = {{2, -3}};
    struct plot plot = {.x_name = "x", .y_name = "y", .columns = 1, .rows = 1, .series_n = 1};
    (void)state;
    plot.series[0] = (struct plot_series){"front", "●", "32", true, point, 1};
    assert_drawn(&plot, "       y\n"
                        "-2.850 ┤\n"
                        "       │\n"
                        "-3.000 ┤            ●\n"
                        "       │\n"
                        "       │\n"
                        "-3.150 ┤\n"
                        "       └────────────────────────\n"
                        "        1.900      x       2.100\n"
                        "        ● front\n");
}

/* A 20th of the smallest double is nothing, and would leave an axis without length. */
static void test_one_point_next_to_nothing(void **state)
{
    static const struct plot_point point[] = {{5e-324, 0}};
    struct plot plot = {.x_name = "x", .y_name = "y", .columns = 32, .rows = 10, .series_n = 1};
    (void)state;
    plot.series[0] = (struct plot_series){"front", "●", "32", false, point, 1};
    assert_drawn(&plot, "      y\n"
                        " 0.50 ┤\n"
                        "      │\n"
                        " 0.00 ┤            ●\n"
                        "      │\n"
                        "      │\n"
                        "-0.50 ┤\n"
                        "      └─────────────────────────\n"
                        "       -0.50       x        0.50\n"
                        "       ● front\n");
}

static void test_nothing_to_draw(void **state)
{
    static const struct plot_point point[] = {{NAN, 1}};
    struct plot plot = {.x_name = "x", .y_name = "y", .columns = 40, .rows = 10, .series_n = 1};
    (void)state;
    assert_drawn(&plot, "nothing to draw yet: no trial has scores\n");
    plot.series[0] = (struct plot_series){"front", "●", "32", true, point, 1};
    assert_drawn(&plot, "nothing to draw yet: no trial has scores\n");
}

static void test_colour_only_when_asked(void **state)
{
    struct plot plot;
    struct buf out;
    (void)state;
    fill(&plot);
    buf_init(&out, 100000);
    plot_draw(&plot, &out);
    assert_null(strchr(buf_str(&out), '\033'));
    buf_clear(&out);
    plot.colour = true;
    plot_draw(&plot, &out);
    assert_contains(buf_str(&out), "\033[1;32m●\033[0m");
    assert_contains(buf_str(&out), "\033[33mo\033[0m");
    buf_fini(&out);
}

/* Every size gives exactly its rows, and no canvas line is wider than asked. */
static void test_every_size_holds(void **state)
{
    struct plot plot;
    struct buf out;
    (void)state;
    fill(&plot);
    buf_init(&out, 1 << 20);
    for (plot.columns = PLOT_COLUMNS_MIN; plot.columns < 130; plot.columns += 7)
        for (plot.rows = PLOT_ROWS_MIN; plot.rows < 40; plot.rows += 3) {
            int lines = 0;
            buf_clear(&out);
            plot_draw(&plot, &out);
            for (size_t i = 0; i < out.len; i++)
                lines += out.data[i] == '\n';
            assert_int_equal(lines, plot.rows);
        }
    buf_fini(&out);
}

static void test_ranges_of_every_magnitude(void **state)
{
    struct buf out;
    (void)state;
    buf_init(&out, 1 << 20);
    for (double size = 1e-300; size < 1e300; size *= 1e20) {
        const struct plot_point points[] = {{-size, size}, {size, 3 * size}};
        struct plot plot = {.x_name = "x", .y_name = "y", .columns = 60, .rows = 12, .series_n = 1};
        plot.series[0] = (struct plot_series){"front", "●", "32", true, points, 2};
        buf_clear(&out);
        plot_draw(&plot, &out);
        assert_contains(buf_str(&out), "●");
    }
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_one_point),
        cmocka_unit_test(test_one_point_next_to_nothing),
        cmocka_unit_test(test_nothing_to_draw),
        cmocka_unit_test(test_colour_only_when_asked),
        cmocka_unit_test(test_every_size_holds),
        cmocka_unit_test(test_ranges_of_every_magnitude),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
