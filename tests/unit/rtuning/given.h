/* Files and questions for the tests of rtuning/. */
#ifndef TESTS_RTUNING_GIVEN_H
#define TESTS_RTUNING_GIVEN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../contains.h"

#include "proto/mem.h"
#include "rtuning/question.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define UNUSED __attribute__((unused))

/* A file of these bytes with this ending; given_remove takes it away and frees the path. */
static UNUSED char *given_file(const char *ending, const char *text)
{
    char *path = mem_printf("/tmp/rtuning-XXXXXX%s", ending);
    int fd = mkstemps(path, (int)strlen(ending));
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(close(fd), 0);
    return path;
}

static UNUSED void given_remove(char *path)
{
    unlink(path);
    mem_free(path);
}

/* The questions of some lines, all of which must be good. */
static UNUSED struct question_set given_set(const char *lines)
{
    struct question_set set = {0};
    struct bad_rows bad = {0};
    char *path = given_file(".jsonl", lines);
    assert_int_equal(question_set_read(&set, path, &bad, NULL), 0);
    if (bad.n)
        print_error("%s\n", bad.first[0].text);
    assert_int_equal(bad.n, 0);
    given_remove(path);
    return set;
}

#endif
