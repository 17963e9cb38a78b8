#include "worker/scratch.h"

#include "proto/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void touch(const char *directory, const char *name)
{
    char *path = mem_printf("%s/%s", directory, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
    mem_free(path);
}

static void it_goes_with_all_that_is_in_it(void **state)
{
    char parent[] = "/tmp/scratch-test-XXXXXX";
    struct scratch scratch;
    struct err err;
    (void)state;
    assert_non_null(mkdtemp(parent));
    touch(parent, "outside");
    assert_int_equal(scratch_make(parent, &scratch, &err), 0);
    char *deep = mem_printf("%s/deep", scratch.path), *link = mem_printf("%s/link", scratch.path);
    assert_int_equal(mkdir(deep, 0700), 0);
    touch(deep, "file");
    assert_int_equal(symlink(parent, link), 0); /* links are removed, not followed */
    char *path = mem_strdup(scratch.path);
    scratch_fini(&scratch);
    scratch_fini(&scratch);
    assert_int_not_equal(access(path, F_OK), 0);
    char *outside = mem_printf("%s/outside", parent);
    assert_int_equal(unlink(outside), 0);
    assert_int_equal(rmdir(parent), 0);
    mem_free(deep);
    mem_free(link);
    mem_free(path);
    mem_free(outside);
}

/* What a worker killed with -9 left is removed; what another worker uses, and what is not ours, stays. */
static void a_sweep_takes_what_the_dead_left(void **state)
{
    char parent[] = "/tmp/scratch-test-XXXXXX";
    char dead[160] = "";
    int channel[2];
    struct scratch alive;
    struct err err;
    (void)state;
    assert_non_null(mkdtemp(parent));
    assert_int_equal(pipe(channel), 0);
    pid_t child = fork();
    if (child == 0) {
        struct scratch scratch;
        if (scratch_make(parent, &scratch, NULL) == 0) {
            touch(scratch.path, "model.safetensors");
            if (write(channel[1], scratch.path, strlen(scratch.path)) < 0)
                _exit(1);
        }
        _exit(0); /* without scratch_fini, as if killed */
    }
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_true(read(channel[0], dead, sizeof dead - 1) > 0);
    assert_int_equal(access(dead, F_OK), 0);
    assert_int_equal(scratch_make(parent, &alive, &err), 0);
    char *other = mem_printf("%s/other", parent);
    assert_int_equal(mkdir(other, 0700), 0);
    scratch_sweep(parent);
    assert_int_not_equal(access(dead, F_OK), 0);
    assert_int_equal(access(alive.path, F_OK), 0);
    assert_int_equal(rmdir(other), 0);
    scratch_fini(&alive);
    assert_int_equal(rmdir(parent), 0);
    scratch_sweep(parent); /* nothing there: nothing done */
    mem_free(other);
    close(channel[0]);
    close(channel[1]);
}

static void a_parent_that_is_not_there(void **state)
{
    struct scratch scratch;
    struct err err;
    (void)state;
    assert_int_equal(scratch_make("/no/such/place", &scratch, &err), ERR_IO);
    assert_non_null(strstr(err.text, "/no/such/place"));
    assert_null(scratch.path);
    scratch_fini(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_goes_with_all_that_is_in_it),
        cmocka_unit_test(a_sweep_takes_what_the_dead_left),
        cmocka_unit_test(a_parent_that_is_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
