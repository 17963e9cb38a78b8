/* verify, of a directory of a few bytes. */
#include "../merge/fixture.h"
#include "fake.h"

#include "merge/output/manifest.h"
#include "proto/buf.h"

static char *exported(const char *directory)
{
    static const char *const names[] = {"model.layers.0.a.weight", NULL};
    char *path = mem_printf("%s/best", directory);
    checkpoint_close(fixture_checkpoint(path, "{}", names, 1));
    size_t n;
    char *bytes = fixture_read(path, "model.safetensors", &n);
    const struct manifest_file files[] = {{"config.json", 2, hash_bytes("{}", 2)},
                                          {"model.safetensors", n, hash_bytes(bytes, n)}};
    struct buf buf;
    buf_init(&buf, 4096);
    manifest_write(files, 2, &buf);
    fixture_text(path, MANIFEST_NAME, buf_str(&buf));
    buf_fini(&buf);
    mem_free(bytes);
    return path;
}

static int run(struct fake *fake, const char *flags, const char *path)
{
    char *line = mem_printf("verify %s%s", flags, path);
    int code = fake_run(fake, line);
    mem_free(line);
    return code;
}

static void test_whole_and_not(void **state)
{
    (void)state;
    struct fake fake;
    char *directory = fixture_directory(), *path = exported(directory);
    fake_init(&fake);
    assert_int_equal(run(&fake, "", path), CLIENT_OK);
    assert_contains(fake.out, "best: 2 files, ");
    assert_contains(fake.out, "all as they were written\n");
    assert_string_equal(fake.complaints, "");
    assert_int_equal(fake.asked_n, 0);
    fixture_text(path, "config.json", "[]");
    fixture_text(path, "x.safetensors", "[]");
    assert_int_equal(run(&fake, "", path), CLIENT_REFUSED);
    assert_contains(fake.out, "wrong: config.json: has other bytes");
    assert_contains(fake.out, "wrong: x.safetensors: is not of this export");
    fixture_text(path, "config.json", "{}");
    assert_int_equal(run(&fake, "", path), CLIENT_REFUSED);
    assert_contains(fake.out, "best: 1 file is not of this export; remove it\n");
    fixture_text(path, "tokenizer.json", "{}");
    assert_int_equal(run(&fake, "", path), CLIENT_REFUSED);
    assert_contains(fake.out, "best: 2 files are not of this export; remove them\n");
    fixture_text(path, "config.json", "[]");
    assert_int_equal(run(&fake, "", path), CLIENT_REFUSED);
    assert_contains(fake.out, "best: 1 of 2 files wrong; export it again\n");
    fake_fini(&fake);
    fixture_remove(directory);
    mem_free(path);
}

static void test_json(void **state)
{
    (void)state;
    struct fake fake;
    char *directory = fixture_directory(), *path = exported(directory);
    fake_init(&fake);
    assert_int_equal(run(&fake, "--json ", path), CLIENT_OK);
    assert_contains(fake.out, "\"ok\":true,\"files\":2,\"bytes\":");
    assert_contains(fake.out, "\"wrong\":[]}\n");
    fixture_text(path, "config.json", "[]");
    assert_int_equal(run(&fake, "--json ", path), CLIENT_REFUSED);
    assert_contains(fake.out, "\"ok\":false");
    assert_contains(fake.out,
                    "\"wrong\":[\"config.json: has other bytes than were written: its hash differs\"]}\n");
    fake_fini(&fake);
    fixture_remove(directory);
    mem_free(path);
}

static void test_what_is_no_export(void **state)
{
    (void)state;
    struct fake fake;
    char *directory = fixture_directory();
    fake_init(&fake);
    assert_int_equal(run(&fake, "", directory), CLIENT_REFUSED);
    assert_contains(fake.complaints, "holds no " MANIFEST_NAME);
    fixture_text(directory, "best.safetensors", "x");
    char *file = mem_printf("%s/best.safetensors", directory);
    assert_int_equal(run(&fake, "", file), CLIENT_REFUSED);
    assert_contains(fake.complaints, "best.safetensors is a file: give the directory of an export");
    mem_free(file);
    fixture_text(directory, MANIFEST_NAME,
                 "{\"format\":\"paretod-manifest-1\",\"hash\":\"xxh128\",\"files\":[]}");
    assert_int_equal(run(&fake, "--json ", directory), CLIENT_REFUSED);
    assert_contains(fake.complaints, "files is missing or empty");
    assert_string_equal(fake.out, "");
    assert_int_equal(fake_run(&fake, "verify"), CLIENT_USAGE);
    fake_fini(&fake);
    fixture_remove(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_and_not),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_what_is_no_export),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
