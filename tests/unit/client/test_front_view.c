/* The front as a table, as CSV, as a picture. */
#include "answers.h"
#include "fake.h"

#include "client/front.h"

#include <math.h>

typedef void show_fn(const struct front *front, const struct front_view *view, struct buf *out);

/* Parses `text`, shows it and gives what was shown (the caller's). */
static char *show(const char *text, const struct front_view *view, show_fn *fn)
{
    struct json *j;
    struct front front;
    struct err err = {0};
    struct buf out;
    buf_init(&out, 1 << 20);
    assert_int_equal(json_parse(text, strlen(text), &j, &err), 0);
    assert_int_equal(front_parse(j, &front, &err), 0);
    fn(&front, view, &out);
    front_fini(&front);
    json_free(j);
    return buf_take(&out);
}

static void assert_shown(const char *text, const struct front_view *view, show_fn *fn, const char *expected)
{
    char *shown = show(text, view, fn);
    assert_string_equal(shown, expected);
    mem_free(shown);
}

static void headline(const struct front *front, const struct front_view *view, struct buf *out)
{
    (void)view;
    front_headline(front, out);
}

static void headline_of_nothing(const struct front *front, const struct front_view *view, struct buf *out)
{
    struct front empty = *front;
    (void)view;
    empty.hypervolume = empty.sweep_hypervolume = empty.heldout_hypervolume = NAN;
    front_headline(&empty, out);
    empty.objectives_n = 4;
    buf_text(out, "|");
    front_headline(&empty, out);
}

static void picture(const struct front *front, const struct front_view *view, struct buf *out)
{
    front_picture(front, view, 50, 12, false, out);
}

#define LEGEND "ratios: layers 0-2 | layers 3-5\n"

static void test_table(void **state)
{
    const struct front_view view = {0};
    (void)state;
    assert_shown(FRONT_JSON("running", "12", HELDOUT_NONE), &view, front_table,
                 LEGEND "trial  kind   ratios     mean ratio  reward ↑       loss ↓\n"
                        "    2  sweep  1.00 1.00       1.000  0.100          1.500\n"
                        "    7  hma    0.10 0.90       0.500  0.800 ± 0.011  2.250 ± 0.020\n");
}

#define HELDOUT_TABLE                                                                                        \
    "\ntrial  reward held-out ↑  loss held-out ↓\n"                                                      \
    "    2  -                  -\n"                                                                          \
    "    7  0.700 ± 0.030      2.500\n"

static void test_table_with_held_out_scores(void **state)
{
    const struct front_view both = {0}, alone = {.heldout = true};
    (void)state;
    assert_shown(
        FRONT_JSON("done", "60", HELDOUT_SCORES), &both, front_table,
        LEGEND
        "trial  kind   ratios     mean ratio  reward ↑       loss ↓         reward held-out ↑  "
        "loss held-out ↓\n"
        "    2  sweep  1.00 1.00       1.000  0.100          1.500          -                  -\n"
        "    7  hma    0.10 0.90       0.500  0.800 ± 0.011  2.250 ± 0.020  0.700 ± 0.030      2.500\n");
    assert_shown(FRONT_JSON("done", "60", HELDOUT_SCORES), &alone, front_table,
                 LEGEND "trial  kind  ratios     mean ratio  reward held-out ↑  loss held-out ↓\n"
                        "    7  hma   0.10 0.90       0.500  0.700 ± 0.030      2.500\n");
}

/* 101 columns hold all, 65 the search's half, 53 that without the mean ratio. */
static void test_table_on_a_narrow_terminal(void **state)
{
    static const char full[] =
        LEGEND "trial  kind   ratios     mean ratio  reward ↑       loss ↓\n"
               "    2  sweep  1.00 1.00       1.000  0.100          1.500\n"
               "    7  hma    0.10 0.90       0.500  0.800 ± 0.011  2.250 ± 0.020\n" HELDOUT_TABLE;
    static const char no_mean[] =
        LEGEND "trial  kind   ratios     reward ↑       loss ↓\n"
               "    2  sweep  1.00 1.00  0.100          1.500\n"
               "    7  hma    0.10 0.90  0.800 ± 0.011  2.250 ± 0.020\n" HELDOUT_TABLE;
    static const char little[] = "ratios: layers 0-2 |…\n"
                                 "trial  ratios     reward ↑       loss ↓\n"
                                 "    2  1.00 1.00  0.100          1.500\n";
    struct front_view view = {.columns = 101};
    (void)state;
    char *shown = show(FRONT_JSON("done", "60", HELDOUT_SCORES), &view, front_table);
    assert_contains(shown, "0.020  0.700 ± 0.030      2.500\n");
    mem_free(shown);
    view.columns = 100;
    assert_shown(FRONT_JSON("done", "60", HELDOUT_SCORES), &view, front_table, full);
    view.columns = 65;
    assert_shown(FRONT_JSON("done", "60", HELDOUT_SCORES), &view, front_table, full);
    view.columns = 64;
    assert_shown(FRONT_JSON("done", "60", HELDOUT_SCORES), &view, front_table, no_mean);
    view.columns = 21;
    shown = show(FRONT_JSON("done", "60", HELDOUT_SCORES), &view, front_table);
    assert_contains(shown, little);
    mem_free(shown);
}

static void test_table_of_all(void **state)
{
    const struct front_view view = {.all = true};
    (void)state;
    assert_shown(FRONT_JSON("running", "12", HELDOUT_NONE), &view, front_table,
                 LEGEND "trial  kind   front  ratios     mean ratio  reward ↑       loss ↓\n"
                        "    1  sweep         0.00 0.00       0.000  0.050 ± 0.000  3.000 ± 0.000\n"
                        "    2  sweep  yes    1.00 1.00       1.000  0.100          1.500\n"
                        "    9  hma           0.30 0.20       0.250  0.400 ± 0.000  4.000 ± 0.000\n"
                        "    7  hma    yes    0.10 0.90       0.500  0.800 ± 0.011  2.250 ± 0.020\n");
}

static void test_csv_keeps_every_digit(void **state)
{
    const struct front_view view = {0};
    (void)state;
    assert_shown(
        FRONT_JSON("done", "60", HELDOUT_SCORES), &view, front_csv,
        "trial,kind,on_front,mean_ratio,ratio layers 0-2,ratio layers 3-5,effective layers 0-2,"
        "effective layers 3-5,reward,reward stderr,reward heldout,reward heldout stderr,loss,loss "
        "stderr,loss heldout,loss heldout stderr,confidence,verdict,share,path,repeat_of,reward posterior,"
        "reward posterior sd,loss posterior,loss posterior sd\n"
        "2,sweep,true,1,1,1,,,0.10000000000000001,,,,1.5,,,,,,1,,,,,,\n"
        "7,hma,true,0.5,0.10000000000000001,0.90000000000000002,0.10000000000000001,,0.80000000000000004,"
        "0.010999999999999999,0.69999999999999996,0.029999999999999999,2.25,0.02,2.5,,,,1,,,,,,\n");
}

static void says(const struct front *front, const struct front_view *view, struct buf *out)
{
    (void)view;
    front_says(front, out);
}

static void test_what_models_say(void **state)
{
    const struct front_view view = {0}, all = {.all = true}, narrow = {.columns = 60};
    (void)state;
    assert_shown(
        FRONT_INSIGHT, &view, front_table,
        LEGEND
        "trial  kind   ratios     mean ratio  confidence     reward ↑       loss ↓         reward fit ↑     "
        "loss fit ↓\n"
        "    2  sweep  1.00 1.00       1.000  100 % front    0.100          1.500          -                "
        "-\n"
        "    7  bayes  0.10 0.90       0.500  43 % doubtful  0.800 ± 0.011  2.250 ± 0.020  0.7900 ± 0.0080  "
        "2.300 ± 0.010\n");
    assert_shown(
        FRONT_INSIGHT, NULL, says,
        "by the model 0.9190, 90 % sure to be between 0.9010 and 0.9420; the next trial may add 0.0012\n"
        "picks: knee: trial 7, least-tax: trial 2\n");
    assert_shown(FRONT_JSON("done", "60", HELDOUT_NONE), NULL, says, "");
    char *shown = show(FRONT_INSIGHT, &all, front_csv);
    assert_contains(shown, "\n7,bayes,true,0.5,");
    assert_contains(shown, ",0.42999999999999999,doubtful,1,model,,0.79000000000000004,0.0080000000000000002,"
                           "2.2999999999999998,0.01\n");
    assert_contains(shown, ",0.029999999999999999,dominated,0.375,repeat,7,,,,\n");
    mem_free(shown);
    shown = show(FRONT_INSIGHT, &view, picture);
    assert_contains(shown, "◐ doubtful");
    mem_free(shown);
    shown = show(FRONT_INSIGHT, &narrow, front_table);
    assert_contains(shown, "confidence");
    assert_null(strstr(shown, "fit"));
    mem_free(shown);
    shown = show(FRONT_JSON("done", "60", HELDOUT_NONE), &view, picture);
    assert_null(strstr(shown, "doubtful"));
    mem_free(shown);
}

/* Errors of 0.02, and of 0.006: one column, one number of decimals; and a longer number beside a shorter one. */
static void test_numbers_stand_below_each_other(void **state)
{
    const struct front_view view = {0};
    (void)state;
    char *text = mem_strdup(FRONT_JSON("done", "60", HELDOUT_NONE)), *two;
    while ((two = strstr(text, "{\"mean\":1.5,\"stderr\":null}")))
        memcpy(two, "{\"mean\":-15,\"stderr\":6e-3}", strlen("{\"mean\":1.5,\"stderr\":null}"));
    char *shown = show(text, &view, front_table);
    mem_free(text);
    assert_contains(shown, "-15.0000 ± 0.0060\n");
    assert_contains(shown, "  2.2500 ± 0.0200\n");
    mem_free(shown);
}

/* One ratio came out otherwise than asked for: marked, and said below. */
static void test_ratios_that_came_out_otherwise(void **state)
{
    const struct front_view view = {0};
    (void)state;
    char *text = mem_strdup(FRONT_JSON("done", "60", HELDOUT_NONE));
    memcpy(strstr(text, "[0.1,null]"), "[0.0,null]", strlen("[0.0,null]"));
    char *shown = show(text, &view, front_table);
    mem_free(text);
    assert_contains(shown, "    7  hma    0.10→0.00* 0.90 ");
    assert_contains(shown, "\n* asked for→what came out");
    mem_free(shown);
}

static void test_headline(void **state)
{
    (void)state;
    assert_shown(FRONT_JSON("done", "60", HELDOUT_NONE), NULL, headline,
                 "hypervolume 0.9270 (sweep 0.9220), held-out 0.9200 (sweep 0.9100)");
    static const char none[] = "no hypervolume: an end of the sweep has no score|"
                               "hypervolume not computed for more than 3 objectives";
    static const char yet[] = "hypervolume not known yet|hypervolume not computed for more than 3 objectives";
    assert_shown(FRONT_JSON("running", "6", HELDOUT_NONE), NULL, headline_of_nothing, yet);
    assert_shown(FRONT_JSON("paused", "6", HELDOUT_NONE), NULL, headline_of_nothing, yet);
    assert_shown(FRONT_JSON("done", "60", HELDOUT_NONE), NULL, headline_of_nothing, none);
    assert_shown(FRONT_JSON("failed", "6", HELDOUT_NONE), NULL, headline_of_nothing, none);
    assert_shown(FRONT_JSON("cancelled", "6", HELDOUT_NONE), NULL, headline_of_nothing, none);
}

static void warnings(const struct front *front, const struct front_view *view, struct buf *out)
{
    (void)view;
    front_warnings(front, out);
}

static void warnings_without_hypervolume(const struct front *front, const struct front_view *view,
                                         struct buf *out)
{
    struct front none = *front;
    (void)view;
    none.hypervolume = NAN;
    front_warnings(&none, out);
}

static void test_ends_that_hardly_differ(void **state)
{
    (void)state;
    /* 2 * sqrt(0.015² + 0.02²) = 0.05, as far as the ends are apart */
    assert_shown(FRONT_NEAR_ENDS("done", "0.015", "0.019"), NULL, warnings, "");
    assert_shown(
        FRONT_NEAR_ENDS("done", "0.015", "0.0201"), NULL, warnings,
        "reward: the two ends differ by 0.050, within 2 standard errors; hypervolume mostly measures "
        "noise here\n");
    assert_shown(FRONT_NEAR_ENDS("done", "null", "1"), NULL, warnings, "");
    assert_shown(FRONT_NEAR_ENDS("done", "1", "1"), NULL, warnings_without_hypervolume, "");
    assert_shown(FRONT_JSON("done", "60", HELDOUT_NONE), NULL, warnings, "");
}

static void test_picture(void **state)
{
    const struct front_view view = {0}, heldout = {.heldout = true};
    (void)state;
    char *shown = show(FRONT_JSON("running", "12", HELDOUT_NONE), &view, picture);
    assert_contains(shown, "loss (min)\n");
    assert_contains(shown, "reward (max)");
    assert_contains(shown, "●");
    assert_contains(shown, "o");
    assert_contains(shown, "·");
    mem_free(shown);
    /* nothing but trial 7 has held-out scores */
    shown = show(FRONT_JSON("done", "60", HELDOUT_SCORES), &heldout, picture);
    assert_contains(shown, "2.500 ┤");
    mem_free(shown);
}

static void test_axes_that_were_chosen(void **state)
{
    static const struct {
        int x, y;
        const char *below, *beside;
    } cases[] = {{0, 0, " reward (max) ", " loss (min)\n"}, {1, 0, " reward (max) ", " loss (min)\n"},
                 {2, 0, " loss (min) ", " reward (max)\n"}, {0, 1, " loss (min) ", " reward (max)\n"},
                 {0, 2, " reward (max) ", " loss (min)\n"}, {2, 1, " loss (min) ", " reward (max)\n"}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct front_view view = {.x = cases[i].x, .y = cases[i].y};
        char *shown = show(FRONT_JSON("running", "12", HELDOUT_NONE), &view, picture);
        assert_contains(shown, cases[i].below);
        assert_contains(shown, cases[i].beside);
        mem_free(shown);
    }
}

static void test_one_objective_is_drawn_over_the_mean_ratio(void **state)
{
    static const char text[] =
        "{\"id\":1,\"name\":\"n\",\"state\":\"done\",\"objectives\":[{\"name\":\"acc\",\"goal\":\"max\"}],"
        "\"groups\":[\"a\"],\"points\":[{\"trial\":1,\"kind\":\"sweep\",\"ratios\":[0.5],\"mean_ratio\":0.5,"
        "\"scores\":[{\"mean\":0.7,\"stderr\":0.1}]}],\"sweep\":[],\"dominated\":[]}";
    const struct front_view view = {0};
    (void)state;
    char *shown = show(text, &view, picture);
    assert_contains(shown, "mean ratio");
    assert_contains(shown, "acc (max)\n");
    mem_free(shown);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_table_with_held_out_scores),
        cmocka_unit_test(test_table_on_a_narrow_terminal),
        cmocka_unit_test(test_table_of_all),
        cmocka_unit_test(test_csv_keeps_every_digit),
        cmocka_unit_test(test_what_models_say),
        cmocka_unit_test(test_ratios_that_came_out_otherwise),
        cmocka_unit_test(test_numbers_stand_below_each_other),
        cmocka_unit_test(test_headline),
        cmocka_unit_test(test_ends_that_hardly_differ),
        cmocka_unit_test(test_picture),
        cmocka_unit_test(test_axes_that_were_chosen),
        cmocka_unit_test(test_one_objective_is_drawn_over_the_mean_ratio),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
