/* proto/buf.h, proto/err.h, proto/rng.h: the small things everybody stands on. */
#include "proto/buf.h"
#include "proto/err.h"
#include "proto/log.h"
#include "proto/mem.h"
#include "proto/rng.h"
#include "proto/units.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void test_buf_keeps_its_maximum(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 5);
    assert_string_equal(buf_str(&buf), "");
    assert_int_equal(buf_text(&buf, "abc"), 0);
    assert_int_equal(buf_text(&buf, "def"), ERR_TOO_LARGE);
    assert_true(buf.full);
    assert_string_equal(buf_str(&buf), "abc");
    assert_int_equal(buf_printf(&buf, "%d", 12), 0);
    assert_int_equal(buf_printf(&buf, "%d", 3), ERR_TOO_LARGE);
    assert_string_equal(buf_str(&buf), "abc12");
    assert_int_equal(buf_add(&buf, "x", SIZE_MAX), ERR_TOO_LARGE);
    char *taken = buf_take(&buf);
    assert_string_equal(taken, "abc12");
    assert_int_equal(buf.len, 0);
    mem_free(taken);
    buf_fini(&buf);
    buf_fini(NULL);
}

static void test_err_sentences(void **state)
{
    (void)state;
    struct err err = {0};
    assert_int_equal(err_set(&err, ERR_IO, "disk %s", "full"), ERR_IO);
    assert_int_equal(err_prefix(&err, ERR_INVALID, "file %d", 3), ERR_IO);
    assert_string_equal(err.text, "file 3: disk full");
    assert_int_equal(err_set(NULL, ERR_TIMEOUT, "x"), ERR_TIMEOUT);
    assert_string_equal(err_name(ERR_NOT_FOUND), "not_found");
    assert_string_equal(err_name(-999), "unknown");
    char big[2000];
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = 0;
    err_set(&err, ERR_IO, "%s", big);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    err_prefix(&err, ERR_IO, "p");
    assert_memory_equal(err.text, "p: x", 4);
}

/* A name from outside cannot break a sentence in two, or draw on a terminal. */
static void test_err_is_one_line(void **state)
{
    (void)state;
    struct err err = {0};
    err_set(&err, ERR_INVALID, "tensor \"%s\"", "a\nb\x1b[2J\x7f\t\xc3\xa9");
    assert_string_equal(err.text, "tensor \"a?b?[2J??\xc3\xa9\"");
    err_prefix(&err, ERR_INVALID, "x\r");
    assert_string_equal(err.text, "x?: tensor \"a?b?[2J??\xc3\xa9\"");
}

/* Reference values: SplitMix64 and xoshiro256** recomputed in Python with unbounded integers. */
static void test_rng_reference(void **state)
{
    (void)state;
    static const uint64_t expected[] = {0x84f02f195ab5fd66u, 0x46ff6f0daaf44911u, 0x8276408e60c29367u,
                                        0x9d7cf08eef179a7bu};
    struct rng rng, same, other;
    rng_seed(&rng, 1, 2);
    rng_seed(&same, 1, 2);
    rng_seed(&other, 1, 3);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        assert_int_equal(rng_u64(&rng), expected[i]);
        assert_int_equal(rng_u64(&same), expected[i]);
        assert_int_not_equal(rng_u64(&other), expected[i]);
    }
    double sum = 0;
    for (int i = 0; i < 10000; i++) {
        double u = rng_uniform(&rng);
        assert_true(u >= 0 && u < 1);
        sum += u;
    }
    assert_true(sum > 4900 && sum < 5100);
}

/* Bytes from outside must not be able to forge a line of the log. */
static void test_log_line(void **state)
{
    (void)state;
    char line[4000] = "";
    FILE *file = tmpfile();
    fflush(stderr);
    int kept = dup(STDERR_FILENO);
    assert_true(file && kept >= 0);
    dup2(fileno(file), STDERR_FILENO);
    log_event(LOG_DEBUG, "hidden", "x=1");
    log_event(LOG_WARN, "seen", "reason=\"%s\"", "a\nb\033[31m");
    dup2(kept, STDERR_FILENO);
    close(kept);
    rewind(file);
    size_t n = fread(line, 1, sizeof line - 1, file);
    fclose(file);
    assert_non_null(strstr(line, "Z warn seen reason=\"a?b?[31m\"\n"));
    assert_ptr_equal(strchr(line, '\n'), line + n - 1);
    assert_null(strstr(line, "hidden"));
}

static void test_log_values_keep_their_quotes(void **state)
{
    (void)state;
    assert_string_equal(LOG_QUOTE("plain words"), "\"plain words\"");
    assert_string_equal(LOG_QUOTE("no \"x\" in C:\\d"), "\"no \\\"x\\\" in C:\\\\d\"");
    assert_string_equal(LOG_QUOTE(NULL), "\"\"");
    char text[3 * LOG_VALUE_MAX];
    memset(text, '"', sizeof text);
    text[sizeof text - 1] = 0;
    const char *quoted = LOG_QUOTE(text);
    assert_true(strlen(quoted) < LOG_VALUE_MAX && strlen(quoted) % 2 == 0); /* no escape was cut in two */
    for (int shift = 0; shift < 3; shift++) {
        for (size_t i = 0; i + 4 < sizeof text; i += 3)
            memcpy(text + i + shift, "\xe2\x82\xac", 4); /* a character of three bytes */
        memset(text, 'x', (size_t)shift);
        quoted = LOG_QUOTE(text);
        size_t n = strlen(quoted);
        assert_int_equal((n - 2 - (size_t)shift) % 3, 0);
        assert_true(quoted[n - 1] == '"' && n > LOG_VALUE_MAX - 8);
    }
}

static void test_sizes(void **state)
{
    (void)state;
    static const struct {
        double bytes;
        const char *text;
    } cases[] = {{0, "0 B"},        {999, "999 B"},    {1500, "1.5 kB"}, {3223616, "3.2 MB"},
                 {999.7, "1.0 kB"}, {27e9, "27.0 GB"}, {NAN, "-"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[UNITS_TEXT_MAX];
        units_bytes(text, cases[i].bytes);
        assert_string_equal(text, cases[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buf_keeps_its_maximum),
        cmocka_unit_test(test_err_sentences),
        cmocka_unit_test(test_err_is_one_line),
        cmocka_unit_test(test_rng_reference),
        cmocka_unit_test(test_log_line),
        cmocka_unit_test(test_log_values_keep_their_quotes),
        cmocka_unit_test(test_sizes),
    };
    return cmocka_run_group_tests_name("ground", tests, NULL, NULL);
}
