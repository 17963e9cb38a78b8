/* A file that appears whole or not at all, on a full disk too. */
#include "../merge/fixture.h"

#include "client/outfile.h"

#include <signal.h>
#include <sys/resource.h>

static size_t entries(const char *directory)
{
    size_t n = 0;
    DIR *dir = opendir(directory);
    for (struct dirent *e; (e = readdir(dir));)
        n += e->d_name[0] != '.';
    closedir(dir);
    return n;
}

static void write_some(struct outfile *out, size_t n)
{
    struct buf text;
    buf_init(&text, 1 << 20);
    for (size_t i = 0; i < n; i++)
        buf_text(&text, "0123456789");
    outfile_add(out, &text);
    assert_int_equal(text.len, 0);
    buf_fini(&text);
}

static void test_whole(void **state)
{
    (void)state;
    char *directory = fixture_directory(), *path = mem_printf("%s/a", directory);
    struct outfile out;
    struct err err = {0};
    size_t n;
    fixture_text(directory, "a", "before");
    assert_int_equal(outfile_open(&out, path, &err), 0);
    write_some(&out, 3);
    char *bytes = fixture_read(directory, "a", &n);
    assert_int_equal(n, 6); /* not before it is published */
    mem_free(bytes);
    assert_int_equal(outfile_publish(&out, &err), 0);
    outfile_close(&out);
    bytes = fixture_read(directory, "a", &n);
    assert_int_equal(n, 30);
    mem_free(bytes);
    assert_int_equal(entries(directory), 1);
    mem_free(path);
    fixture_remove(directory);
}

static void test_given_up(void **state)
{
    (void)state;
    char *directory = fixture_directory(), *path = mem_printf("%s/a", directory);
    struct outfile out;
    struct err err = {0};
    assert_int_equal(outfile_open(&out, path, &err), 0);
    write_some(&out, 3);
    outfile_close(&out);
    outfile_close(&out);
    assert_int_equal(entries(directory), 0);
    mem_free(path);
    fixture_remove(directory);
}

static void test_full_disk(void **state)
{
    (void)state;
    char *directory = fixture_directory(), *path = mem_printf("%s/a", directory);
    struct outfile out;
    struct err err = {0};
    struct rlimit before, limit;
    size_t n;
    fixture_text(directory, "a", "before");
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = before;
    limit.rlim_cur = 1000;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_int_equal(outfile_open(&out, path, &err), 0);
    write_some(&out, 2000);
    int rc = outfile_publish(&out, &err);
    outfile_close(&out);
    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_equal(rc, ERR_IO);
    assert_non_null(strstr(err.text, "cannot be written: File too large"));
    char *bytes = fixture_read(directory, "a", &n);
    assert_int_equal(n, 6);
    mem_free(bytes);
    assert_int_equal(entries(directory), 1);
    mem_free(path);
    fixture_remove(directory);
}

static void test_refused(void **state)
{
    struct outfile out;
    struct err err = {0};
    (void)state;
    assert_int_equal(outfile_open(&out, "/nonexistent/a", &err), ERR_IO);
    outfile_close(&out);
    assert_int_equal(outfile_open(&out, "/tmp", &err), ERR_IO);
    assert_non_null(strstr(err.text, "/tmp is there and is no file"));
    outfile_close(&out);
    assert_int_equal(outfile_open(&out, "/dev/null", &err), ERR_IO);
    outfile_close(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_given_up),
        cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
