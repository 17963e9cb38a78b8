/* WHAT   Reads tests/golden/optimizer/NAME.json.
 * WHO    The tests of the optimizer.
 * UNITS  None.
 * MEMORY The caller gives the value to json_free.
 * ERRORS Fails the test.
 * STATE  None. */
#ifndef TESTS_UNIT_OPTIMIZER_GOLDEN_H
#define TESTS_UNIT_OPTIMIZER_GOLDEN_H

#include "proto/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

static inline struct json *golden_read(const char *name)
{
    struct json *j = NULL;
    struct err err = {0};
    char path[1024];
    snprintf(path, sizeof path, "%s/tests/golden/optimizer/%s.json", TEST_SOURCE_DIR, name);
    if (json_parse_file(path, 1 << 20, &j, &err))
        fail_msg("%s", err.text);
    return j;
}

/* A list of numbers, or of lists of numbers, into x in order; returns how many. */
static inline int golden_numbers(const struct json *list, double *x, int max)
{
    int n = 0;
    for (const struct json *c = json_first(list); c; c = json_next(c)) {
        if (json_is(c, JSON_ARRAY)) {
            n += golden_numbers(c, x + n, max - n);
            continue;
        }
        assert_true(n < max && json_is(c, JSON_NUMBER));
        x[n++] = json_number_or(c, 0);
    }
    return n;
}

#endif
