/* proto/search_spec.h: paths are made whole. */
#include "spec_text.h"

#include "proto/mem.h"

#include <stdlib.h>

static void test_resolve(void **state)
{
    (void)state;
    struct search_spec spec;
    struct spec_errors errors;
    assert_int_equal(parse(WHOLE, &spec, &errors), 0);
    assert_int_equal(search_spec_resolve(&spec, "/here", NULL), 0);
    assert_string_equal(spec.base, "/here/pre");
    assert_string_equal(spec.tuned, "/post");
    assert_string_equal(spec.bundle, "/here/bundle");
    search_spec_fini(&spec);
    static const char command[] =
        "{\"objectives\":[{\"metric\":\"f\",\"goal\":\"max\"}],\"evaluator\":{\"type\":\"command\","
        "\"argv\":[\"python3\",\"./f.py\",\"-x\"],\"merge\":\"none\"}}";
    assert_int_equal(parse(command, &spec, &errors), 0);
    assert_int_equal(search_spec_resolve(&spec, "/here", NULL), 0);
    assert_string_equal(spec.argv[0], "python3");
    assert_string_equal(spec.argv[1], "/here/./f.py");
    assert_string_equal(spec.argv[2], "-x");
    search_spec_fini(&spec);
}

static void test_paths_are_tidy(void **state)
{
    (void)state;
    struct search_spec spec;
    struct spec_errors errors;
    static const char text[] =
        "{\"models\":{\"base\":\"../tests/fixtures/base\",\"tuned\":\"../tests/no/../tuned\"},"
        "\"objectives\":[{\"metric\":\"f\",\"goal\":\"max\"}],"
        "\"evaluator\":{\"type\":\"command\",\"argv\":[\"./quickstart.sh\"]}}";
    assert_int_equal(parse(text, &spec, &errors), 0);
    assert_int_equal(search_spec_resolve(&spec, TEST_SOURCE_DIR "/deploy", NULL), 0);
    assert_null(strstr(spec.base, ".."));
    assert_non_null(strstr(spec.base, "/tests/fixtures/base"));
    assert_string_equal(spec.tuned, TEST_SOURCE_DIR "/deploy/../tests/no/../tuned");
    assert_null(strstr(spec.argv[0], "/./"));
    search_spec_fini(&spec);
}

static void test_paths_stand_beside_the_file(void **state)
{
    (void)state;
    struct search_spec spec;
    struct spec_errors errors;
    struct err err = {0};
    assert_int_equal(parse(WHOLE, &spec, &errors), 0);
    assert_int_equal(search_spec_resolve_file(&spec, TEST_SOURCE_DIR "/deploy/../tests/search.json", &err),
                     0);
    char *real = realpath(TEST_SOURCE_DIR "/tests", NULL);
    char *expected = mem_printf("%s/pre", real);
    assert_string_equal(spec.base, expected);
    free(real);
    mem_free(expected);
    search_spec_fini(&spec);
    assert_int_equal(parse(WHOLE, &spec, &errors), 0);
    assert_int_equal(search_spec_resolve_file(&spec, "/search.json", &err), 0);
    assert_string_equal(spec.base, "/pre");
    search_spec_fini(&spec);
    assert_int_equal(parse(WHOLE, &spec, &errors), 0);
    assert_int_equal(search_spec_resolve_file(&spec, "/nonexistent/search.json", &err), ERR_IO);
    assert_non_null(strstr(err.text, "/nonexistent"));
    search_spec_fini(&spec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resolve),
        cmocka_unit_test(test_paths_are_tidy),
        cmocka_unit_test(test_paths_stand_beside_the_file),
    };
    return cmocka_run_group_tests_name("search_spec_resolve", tests, NULL, NULL);
}
