/* preflight, of files and of the daemon. */
#include "fake.h"

#include <unistd.h>

#define MODELS                                                                                               \
    "\"models\":{\"base\":\"" TEST_SOURCE_DIR "/tests/fixtures/%s\",\"tuned\":\"" TEST_SOURCE_DIR            \
    "/tests/fixtures/%s\"},"

/* Writes a search over two of the shipped checkpoints; the caller removes and frees the path. */
static char *search_file(const char *models, const char *merge)
{
    char *path = mem_strdup("/tmp/preflight-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *file = fdopen(fd, "w");
    fprintf(
        file,
        "{\"name\":\"x\",%s\"groups\":{\"count\":3},\"objectives\":[{\"name\":\"a\",\"metric\":\"a.a\","
        "\"goal\":\"max\"}],\"evaluator\":{\"type\":\"command\",\"argv\":[\"/bin/true\"],\"merge\":\"%s\"},"
        "\"budget\":{\"trials\":5}}",
        models, merge);
    fclose(file);
    return path;
}

/* Runs "preflight FILE MORE". */
static int run(struct fake *fake, char *path, const char *more)
{
    char line[512];
    snprintf(line, sizeof line, "preflight %s %s", path, more);
    int code = fake_run(fake, line);
    unlink(path);
    mem_free(path);
    return code;
}

static char *pair(const char *base, const char *tuned)
{
    char models[1024];
    snprintf(models, sizeof models, MODELS, base, tuned);
    return search_file(models, "plan");
}

static void test_shipped_pair(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    assert_int_equal(run(&fake, pair("base", "tuned-rsf"), ""), CLIENT_OK);
    assert_contains(fake.out, "layers 0-2       28");
    assert_contains(fake.out, "come out as asked");
    assert_contains(fake.out, "Ready: the pair can be merged as asked. What the strategy and the budget "
                              "allow is checked at submit.\n");
    assert_string_equal(fake.complaints, "");
    assert_int_equal(fake.asked_n, 0);
    fake_fini(&fake);
}

static void test_wrong_pair(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    assert_int_equal(run(&fake, pair("base", "reward"), ""), CLIENT_REFUSED);
    assert_contains(fake.out, "✗ models: models.tuned is a sequence classifier");
    assert_contains(fake.out, "this search would be refused, or its trials would fail");
    fake_fini(&fake);
}

static void test_json(void **state)
{
    (void)state;
    struct fake fake;
    struct json *j;
    struct err err;
    fake_init(&fake);
    assert_int_equal(run(&fake, pair("base", "tuned-dpo"), "--json --set groups.count=2"), CLIENT_OK);
    assert_int_equal(json_parse(fake.out, fake.out_len, &j, &err), 0);
    assert_true(json_bool_or(json_get(j, "ok"), false));
    assert_int_equal(json_len(json_get(j, "groups")), 2);
    assert_true(json_is(json_get(json_get(j, "needs"), "free_bytes"), JSON_NUMBER));
    json_free(j);
    fake_fini(&fake);
}

static void test_without_models(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    assert_int_equal(run(&fake, search_file("", "none"), ""), CLIENT_REFUSED);
    assert_contains(fake.complaints, "names no models");
    fake_fini(&fake);
}

static void test_interrupted(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    atomic_store(&fake.interrupted, true);
    /* another seed than the other tests: what was read once is not read again */
    assert_int_equal(run(&fake, pair("base", "tuned-dpo"), "--set seed=77"), CLIENT_DETACHED);
    assert_string_equal(fake.out, "");
    assert_contains(fake.complaints, "interrupted");
    fake_fini(&fake);
}

/* A bar while it reads, gone before the report. */
static void test_progress(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    fake.client.tty = true;
    assert_int_equal(run(&fake, pair("base", "tuned-dpo"), "--set seed=78"), CLIENT_OK);
    assert_contains(fake.out, "\r\033[Kreading █");
    assert_contains(fake.out, "6.4 MB of 6.4 MB\r\033[Kbase ");
    fake_fini(&fake);
}

static void test_of_a_search(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    fake_says(&fake, 200,
              "{\"ok\":true,\"findings\":[{\"level\":\"note\",\"field\":\"models\",\"text\":\"so\"}],"
              "\"models\":{}}");
    assert_int_equal(fake_run(&fake, "preflight 12"), CLIENT_OK);
    assert_string_equal(fake.asked[0].path, "/v1/searches/12/preflight");
    assert_contains(fake.out, "· models: so\n");
    assert_contains(fake.out, "\n\nThe search was submitted with no warning.\n");
    fake_fini(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shipped_pair), cmocka_unit_test(test_wrong_pair),
        cmocka_unit_test(test_json),         cmocka_unit_test(test_without_models),
        cmocka_unit_test(test_interrupted),  cmocka_unit_test(test_progress),
        cmocka_unit_test(test_of_a_search),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
