/* worker/lease.h: what the daemon may say about a lease, and what it gets back. */
#include "worker/lease.h"

#include "proto/limits.h"
#include "proto/mem.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define SPEC                                                                                                 \
    "{\"objectives\":[{\"metric\":\"a\",\"goal\":\"max\"},{\"metric\":\"b\",\"goal\":\"min\"}],"             \
    "\"evaluator\":{\"type\":\"command\",\"argv\":[\"./"                                                     \
    "score\"],\"merge\":\"none\"},\"groups\":{\"count\":2}}"
#define SLICED                                                                                               \
    "{\"objectives\":[{\"metric\":\"a\",\"goal\":\"max\"},{\"metric\":\"b\",\"goal\":\"min\"}],"             \
    "\"evaluator\":{\"type\":\"command\",\"argv\":[\"./score\"],\"merge\":\"none\",\"slices\":4},"           \
    "\"groups\":{\"count\":2}}"
#define NAMES "\"lease\":\"tok-1\",\"search\":3,\"trial\":0,\"half\":\"heldout\",\"attempt\":2,\"seed\":9"
#define DIGEST "0123456789abcdef0123456789abcdef"

static int parse(const char *text, struct lease *lease, struct err *err)
{
    *err = (struct err){0};
    return lease_parse(text, strlen(text), lease, err);
}

static void a_lease_is_read(void **state)
{
    struct lease lease;
    struct err err;
    (void)state;
    assert_int_equal(parse("{" NAMES ",\"ratios\":[0.1,1],\"spec\":" SPEC "}", &lease, &err), 0);
    assert_string_equal(lease.token, "tok-1");
    assert_string_equal(lease.half, "heldout");
    assert_true(lease.search == 3 && lease.trial == 0 && lease.attempt == 2 && lease.seed == 9);
    assert_true(lease.ratios_n == 2 && lease.ratios[0] == 0.1 && lease.ratios[1] == 1);
    assert_true(lease.spec.objectives_n == 2 && lease.spec.groups_n == 2);
    assert_non_null(strstr(lease.spec_text, "./score"));
    assert_string_equal(lease.base_digest, "");
    lease_fini(&lease);
    lease_fini(&lease);
    lease_fini(NULL);
    assert_int_equal(parse("{" NAMES ",\"ratios\":[0.1,1],\"models\":{\"base\":\"" DIGEST
                           "\",\"tuned\":\"" DIGEST "\"},\"spec\":" SPEC "}",
                           &lease, &err),
                     0);
    assert_string_equal(lease.base_digest, DIGEST);
    assert_string_equal(lease.tuned_digest, DIGEST);
    lease_fini(&lease);
}

/* Every one is refused with a sentence; `token` tells whether the daemon can be told which lease it was. */
static void what_cannot_be_read_is_refused(void **state)
{
    static const struct {
        const char *text, *sentence;
        bool token;
    } bad[] = {
        {"", "the daemon's lease", false},
        {"[]", "same version", false},
        {"{\"lease\":\"tok-1\"}", "same version", true},
        {"{\"lease\":\"a/b\",\"search\":3,\"trial\":0,\"half\":\"search\",\"attempt\":1,\"seed\":9}",
         "same version", false},
        {"{\"lease\":\"a\",\"search\":3,\"trial\":0,\"half\":\"../x\",\"attempt\":1,\"seed\":9}",
         "same version", true},
        {"{\"lease\":\"a\",\"search\":3,\"trial\":-1,\"half\":\"search\",\"attempt\":1,\"seed\":9}",
         "same version", true},
        {"{\"lease\":\"a\",\"search\":3,\"trial\":4294967296,\"half\":\"search\",\"attempt\":1,\"seed\":9}",
         "same version", true},
        {"{" NAMES ",\"spec\":" SPEC "}", "\"ratios\"", true},
        {"{" NAMES ",\"ratios\":[null],\"spec\":" SPEC "}", "not a number", true},
        {"{" NAMES ",\"repeat\":-1,\"ratios\":[1],\"spec\":" SPEC "}", "same version", true},
        {"{" NAMES ",\"ratios\":[1]}", "cannot read the search", true},
        {"{" NAMES ",\"ratios\":[1],\"models\":{},\"spec\":" SPEC "}", "models.base", true},
        {"{" NAMES ",\"ratios\":[1],\"models\":{\"base\":\"" DIGEST "\",\"tuned\":\"x\"},\"spec\":" SPEC "}",
         "models.tuned", true},
        {"{" NAMES ",\"ratios\":[1],\"spec\":{\"sead\":1}}", "sead", true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct lease lease;
        struct err err;
        int rc = parse(bad[i].text, &lease, &err);
        if (rc != ERR_INVALID || !strstr(err.text, bad[i].sentence) || (*lease.token != 0) != bad[i].token)
            fail_msg("%s: %d %s \"%s\"", bad[i].text, rc, err.text, lease.token);
        lease_fini(&lease);
    }
}

static void too_many_ratios_do_not_overrun(void **state)
{
    struct lease lease;
    struct err err;
    struct buf text;
    (void)state;
    buf_init(&text, 1 << 16);
    buf_text(&text, "{" NAMES ",\"ratios\":[0");
    for (int i = 0; i < SPEC_GROUPS_MAX + 1; i++)
        buf_text(&text, ",0");
    buf_text(&text, "],\"spec\":" SPEC "}");
    assert_int_equal(parse(buf_str(&text), &lease, &err), ERR_INVALID);
    lease_fini(&lease);
    buf_fini(&text);
}

static void a_repeat_has_a_number(void **state)
{
    struct lease lease;
    struct err err;
    (void)state;
    assert_int_equal(parse("{" NAMES ",\"repeat\":2,\"ratios\":[1],\"spec\":" SPEC "}", &lease, &err), 0);
    assert_int_equal(lease.repeat, 2);
    assert_int_equal(lease.seed, 9);
    lease_fini(&lease);
    assert_int_equal(parse("{" NAMES ",\"ratios\":[1],\"spec\":" SPEC "}", &lease, &err), 0);
    assert_int_equal(lease.repeat, 0);
    lease_fini(&lease);
}

/* A lease is as good without it: nothing that is wrong with it is worth a refusal. */
static void a_reopened_trial_brings_its_state(void **state)
{
    static const char *const wrong[] = {
        "7",
        "null",
        "{}",
        "{\"slices_done\":2,\"slices\":8,\"items\":30}",
        "{\"slices_done\":8,\"slices\":8,\"items\":30,\"state\":7}",
        "{\"slices_done\":0,\"slices\":8,\"items\":30,\"state\":7}",
        "{\"slices_done\":2,\"slices\":65,\"items\":30,\"state\":7}",
        "{\"slices_done\":2,\"slices\":8,\"state\":7}",
    };
    struct lease lease;
    struct err err;
    (void)state;
    assert_int_equal(parse("{" NAMES
                           ",\"ratios\":[1],\"resume\":{\"slices_done\":2,\"slices\":8,\"items\":30,"
                           "\"state\":{\"b\":[-0,0.1]}},\"spec\":" SPEC "}",
                           &lease, &err),
                     0);
    assert_true(lease.resume.slices_done == 2 && lease.resume.slices == 8 && lease.resume.items == 30);
    assert_string_equal(lease.resume.state, "{\"b\":[-0,0.1]}");
    lease_fini(&lease);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char *text = mem_printf("{" NAMES ",\"ratios\":[1],\"resume\":%s,\"spec\":" SPEC "}", wrong[i]);
        assert_int_equal(parse(text, &lease, &err), 0);
        assert_true(!lease.resume.state && lease.resume.slices == 0);
        lease_fini(&lease);
        mem_free(text);
    }
}

/* Of the spec's slices, or the state's. */
static void a_trial_may_end_early_in_any_case(void **state)
{
    static const struct {
        const char *after, *resume;
        int want;
    } leases[] = {{"2", "", 2},
                  {"3", "", 3},
                  {"4", "", 0},
                  {"0", "", 0},
                  {"null", "", 0},
                  {"5", "\"resume\":{\"slices_done\":2,\"slices\":6,\"items\":3,\"state\":7},", 5},
                  {"2", "\"resume\":{\"slices_done\":2,\"slices\":6,\"items\":3,\"state\":7},", 0}};
    struct lease lease;
    struct err err;
    (void)state;
    for (size_t i = 0; i < sizeof leases / sizeof *leases; i++) {
        char *text = mem_printf("{" NAMES ",\"ratios\":[1],\"stop_after\":%s,%s\"spec\":" SLICED "}",
                                leases[i].after, leases[i].resume);
        assert_int_equal(parse(text, &lease, &err), 0);
        assert_int_equal(lease.stop_after, leases[i].want);
        lease_fini(&lease);
        mem_free(text);
    }
}

/* Behind everything else; and not at all where it is what would not fit. */
static void an_ended_evaluation_sends_its_state(void **state)
{
    struct score score = {.metric = "a", .mean = 1, .stderr_ = NAN, .n = 3};
    struct scores scores = {.n = 1, .item = &score, .slices = 8, .slices_done = 2, .items = 3};
    struct buf buf;
    char kept[] = "{\"b\":[-0]}";
    scores.state = kept;
    (void)state;
    buf_init(&buf, LIMIT_BODY_BYTES);
    lease_write_result(&scores, &buf);
    assert_non_null(strstr(buf_str(&buf), "\"evaluate_s\":0,\"state\":{\"b\":[-0]}}"));
    size_t n = buf.len;
    buf_fini(&buf);
    buf_init(&buf, n - 1);
    lease_write_result(&scores, &buf);
    assert_false(buf.full);
    assert_null(strstr(buf_str(&buf), "state"));
    buf_clear(&buf);
    lease_write_slice(&scores, &buf);
    assert_null(strstr(buf_str(&buf), "state"));
    buf_fini(&buf);
}

static void words(void **state)
{
    (void)state;
    assert_true(lease_word("w3") && lease_word("a-b_c.9"));
    assert_false(lease_word("") || lease_word("a b") || lease_word("a/b") || lease_word("a\r\n") ||
                 lease_word("\""));
}

static void results_are_exact(void **state)
{
    double items[] = {0.1, -0.0, 0x1p-1074};
    struct score score = {
        .metric = "a\"b", .mean = 1.0 / 3, .stderr_ = NAN, .n = 3, .items = items, .items_n = 3};
    struct scores scores = {
        .n = 1, .item = &score, .merge_s = 0.5, .evaluate_s = 2, .slices = 8, .slices_done = 2, .items = 30};
    struct buf buf;
    (void)state;
    buf_init(&buf, LIMIT_BODY_BYTES);
    lease_write_result(&scores, &buf);
    assert_string_equal(buf_str(&buf),
                        "{\"slices_done\":2,\"slices\":8,\"items\":30,"
                        "\"scores\":[{\"metric\":\"a\\\"b\",\"mean\":0.3333333333333333,\"stderr\":null,"
                        "\"n\":3,\"items\":[0.1,-0,4.94065645841247e-324]}],\"merge_s\":0.5,"
                        "\"evaluate_s\":2}");
    buf_clear(&buf);
    lease_write_slice(&scores, &buf);
    assert_string_equal(buf_str(&buf),
                        "{\"slices_done\":2,\"slices\":8,\"items\":30,"
                        "\"scores\":[{\"metric\":\"a\\\"b\",\"mean\":0.3333333333333333,\"stderr\":null,"
                        "\"n\":3}]}");
    buf_clear(&buf);
    scores = (struct scores){
        .slices = 1, .slices_done = 1, .items = 4, .effective_n = 2, .effective = {0.006, NAN}};
    lease_write_result(&scores, &buf);
    assert_string_equal(buf_str(&buf), "{\"slices_done\":1,\"slices\":1,\"items\":4,\"scores\":[],\"merge_"
                                       "s\":0,\"evaluate_s\":0,\"effective\":[0.006,null]}");
    buf_clear(&buf);
    lease_write_refusal("tensor \"x\" differs", &buf);
    assert_string_equal(buf_str(&buf), "{\"refused\":\"tensor \\\"x\\\" differs\"}");
    buf_clear(&buf);
    lease_write_failure(ERR_TIMEOUT, "it\ntook \xff long", &buf);
    assert_string_equal(buf_str(&buf), "{\"reason\":\"it\\ntook \xef\xbf\xbd long\",\"code\":\"timeout\"}");
    buf_fini(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lease_is_read),
        cmocka_unit_test(what_cannot_be_read_is_refused),
        cmocka_unit_test(too_many_ratios_do_not_overrun),
        cmocka_unit_test(a_repeat_has_a_number),
        cmocka_unit_test(a_reopened_trial_brings_its_state),
        cmocka_unit_test(a_trial_may_end_early_in_any_case),
        cmocka_unit_test(an_ended_evaluation_sends_its_state),
        cmocka_unit_test(words),
        cmocka_unit_test(results_are_exact),
    };
    return cmocka_run_group_tests_name("lease", tests, NULL, NULL);
}
