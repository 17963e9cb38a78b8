#include "proto/files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

#include <cmocka.h>

static struct rlimit limits(void)
{
    struct rlimit files;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
    return files;
}

static void more_up_to_what_the_system_allows(void **state)
{
    (void)state;
    struct rlimit few = {.rlim_cur = 50, .rlim_max = 200};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    files_allow(100);
    assert_int_equal(limits().rlim_cur, 100);
    files_allow(60); /* never fewer */
    assert_int_equal(limits().rlim_cur, 100);
    files_allow(1000);
    assert_int_equal(limits().rlim_cur, 200);
    assert_int_equal(limits().rlim_max, 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(more_up_to_what_the_system_allows)};
    return cmocka_run_group_tests_name("files", tests, NULL, NULL);
}
