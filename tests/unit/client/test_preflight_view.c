/* A preflight report as people read it. */
#include "fake.h"

#include "client/preflight_view.h"
#include "client/text.h"

#define MODEL(directory, digest)                                                                             \
    "{\"directory\":\"" directory "\",\"digest\":" digest                                                    \
    ",\"architecture\":\"LlamaForCausalLM\",\"layers\":8,\"vocabulary\":512,\"tied\":false,\"tensors\":75,"  \
    "\"parameters\":1607808,\"bytes\":3215616,\"dtypes\":{\"BF16\":74,\"F32\":1}}"
#define GROUP(name, nearest)                                                                                 \
    "{\"name\":\"" name "\",\"tensors\":28,\"parameters\":6738415616,\"changed\":0.1978,"                    \
    "\"update_rms\":2.69e-05,\"update_ulps\":0.234,\"effective\":{\"nearest\":" nearest                      \
    ",\"stochastic\":[0.101,0.501]}}"
#define NEEDS                                                                                                \
    "{\"read_bytes\":6431232,\"export_bytes\":3215616,\"free_bytes\":2e10,\"memory_bytes\":6431232,"         \
    "\"merge_s\":0.5,\"trials\":60}"
#define REPORT(findings, nearest)                                                                            \
    "{\"ok\":true,\"findings\":[" findings                                                                   \
    "],\"models\":{\"base\":" MODEL("/m/base", "\"ce35\"") ",\"tuned\":" MODEL(                              \
        "/m/tuned",                                                                                          \
        "null") "},\"groups\":[" GROUP("layers 0-2",                                                         \
                                       nearest) "],\"ratios\":[0.1,0.5],\"sampled\":true,\"needs\":" NEEDS   \
                                                "}"
#define FINDING(level, text) "{\"level\":\"" level "\",\"field\":\"models\",\"text\":\"" text "\"}"

static struct buf shown(const char *report, int columns, bool colour)
{
    struct json *j;
    struct err err = {0};
    struct buf text;
    if (json_parse(report, strlen(report), &j, &err))
        fail_msg("%s", err.text);
    buf_init(&text, 1u << 20);
    preflight_view(j, PREFLIGHT_OF_FILE, columns, colour, &text);
    json_free(j);
    return text;
}

static void test_all_parts(void **state)
{
    (void)state;
    struct buf text = shown(REPORT("", "[0.1,0.5]"), 0, false);
    assert_string_equal(
        buf_str(&text),
        "base   /m/base\n"
        "tuned  /m/tuned\n"
        "\n"
        "model  architecture      layers  vocabulary  tensors  parameters  dtype       size  digest\n"
        "base   LlamaForCausalLM       8         512       75       1.6 M  BF16 F32  3.2 MB  ce35\n"
        "tuned  LlamaForCausalLM       8         512       75       1.6 M  BF16 F32  3.2 MB  -\n"
        "\n"
        "group       tensors  parameters  changed   update  in ulps\n"
        "layers 0-2       28       6.7 G    19.8%  2.7e-05     0.23\n"
        "\n"
        "Ratios 0.1 to 0.9 come out as asked (of a sample of the weights): within 0.0000 rounded to nearest, "
        "0.0010 stochastically.\n"
        "\n"
        "an export   3.2 MB of the 20.0 GB that are free here\n"
        "memory      6.4 MB of weights a slot, evaluated natively\n"
        "merging     about 500 ms a trial in one thread, 30 s for 60 trials\n"
        "\n"
        "Ready: the pair can be merged as asked. What the strategy and the budget allow is checked at "
        "submit.\n");
    buf_fini(&text);
}

static void test_ratios_that_are_off(void **state)
{
    (void)state;
    struct buf text = shown(REPORT("", "[0.006,0.5]"), 0, false);
    assert_contains(buf_str(&text), "What the ratios 0.1 to 0.9 come out as (of a sample of the weights):\n"
                                    "group       rounding      0.1    0.5\n"
                                    "layers 0-2  nearest     0.006  0.500\n"
                                    "layers 0-2  stochastic  0.101  0.501\n");
    buf_fini(&text);
}

/* Groups that come out as asked are not in the table, and of very many the first are. */
static void test_many_groups(void **state)
{
    (void)state;
    struct buf report, text;
    buf_init(&report, 1u << 20);
    buf_text(&report, "{\"ratios\":[0.1,0.5],\"groups\":[" GROUP("true", "[0.1,0.5]"));
    for (int i = 0; i < 14; i++)
        buf_printf(&report, "," GROUP("layer %d", "[0.006,0.5]"), i);
    buf_text(&report, "]}");
    text = shown(buf_str(&report), 0, false);
    assert_null(strstr(buf_str(&text), "true        nearest"));
    assert_contains(buf_str(&text), "layer 11  nearest     0.006");
    assert_null(strstr(buf_str(&text), "layer 12  nearest"));
    assert_contains(buf_str(&text), "… and 2 more groups; --json has all of them\n");
    buf_fini(&text);
    buf_fini(&report);
}

static void test_findings(void **state)
{
    (void)state;
    struct buf text = shown(REPORT(FINDING("error", "it is\\u0007 wrong") "," FINDING(
                                       "warning", "it is odd") "," FINDING("note", "it is so"),
                                   "[0.1,0.5]"),
                            0, false);
    assert_contains(buf_str(&text),
                    "✗ models: it is? wrong\n! models: it is odd\n· models: it is so\n\n"
                    "1 error, 1 warning: this search would be refused, or its trials would fail.\n");
    buf_fini(&text);
    text = shown(REPORT(FINDING("warning", "it is odd"), "[0.1,0.5]"), 0, true);
    assert_contains(buf_str(&text),
                    "\033[33m!\033[0m models: it is odd\n\nThe pair can be merged as asked; 1 warning. What "
                    "the strategy and the budget allow is checked at submit.\n");
    buf_fini(&text);
}

/* No line of a terminal's report is longer than the terminal, tables aside; nothing is cut. */
static void test_findings_are_wrapped(void **state)
{
    (void)state;
    struct buf text = shown(
        "{\"findings\":[" FINDING("note", "one two three four five six seven eight nine ten eleven") "]}", 30,
        false);
    assert_contains(buf_str(&text),
                    "· models: one two three four\n  five six seven eight nine\n  ten eleven\n");
    buf_fini(&text);
}

/* What the daemon of another version left out, or what could not be opened. */
static void test_empty(void **state)
{
    (void)state;
    static const char *const reports[] = {
        "{}", "3",
        "{\"models\":{\"base\":null},\"groups\":[{}],\"ratios\":3,\"needs\":[],\"findings\":[3,{}]}"};
    for (size_t i = 0; i < 3; i++) {
        struct buf text = shown(reports[i], 80, true);
        assert_contains(buf_str(&text), "tuned  cannot be opened\n");
        buf_fini(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_parts),
        cmocka_unit_test(test_ratios_that_are_off),
        cmocka_unit_test(test_many_groups),
        cmocka_unit_test(test_findings),
        cmocka_unit_test(test_findings_are_wrapped),
        cmocka_unit_test(test_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
