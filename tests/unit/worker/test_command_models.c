#include "command_fixture.h"

#include "merge/files/checkpoint.h"
#include "worker/answer.h"

#include <math.h>

#define FIXTURES TEST_SOURCE_DIR "/tests/fixtures"
#define EXAMPLES TEST_SOURCE_DIR "/evaluators/examples"

/* The evaluator of a pair of checkpoints, with this script and this kind of merge. */
static void open_pair(struct fixture *f, const char *merge, const char *body)
{
    open_script(f, body, 60); /* writes the script */
    command_close(f->command);
    search_spec_fini(&f->spec);
    f->command = NULL;
    char *text = mem_printf("{\"name\":\"t\",\"models\":{\"base\":\"" FIXTURES "/base\",\"tuned\":\"" FIXTURES
                            "/tuned-dpo\"},"
                            "\"groups\":{\"count\":3},\"ends\":\"follow\",\"objectives\":[{\"name\":\"one\","
                            "\"metric\":\"m\",\"goal\":\"max\"}],"
                            "\"evaluator\":{\"type\":\"command\",\"argv\":[\"%s\"],\"merge\":\"%s\"},"
                            "\"strategy\":{\"type\":\"sweep\"},\"budget\":{\"trials\":11}}",
                            f->script, merge);
    open_search(f, text, f->directory);
    mem_free(text);
}

/* Merged with ratio 1 throughout, the program saw the tuned weights: the very bytes. */
static void a_merged_checkpoint_is_handed_over(void **state)
{
    struct fixture *f = *state;
    struct checkpoint *kept, *tuned;
    char path[160];
    open_pair(f, "directory",
              "grep -q \"\\\"checkpoint\\\":\\\"$PARETOD_CHECKPOINT\\\"\" || exit 1\n"
              "cp -r $PARETOD_CHECKPOINT $DIR/kept; echo '{\"scores\":{\"m\":1}}'");
    f->ratios[0] = f->ratios[1] = f->ratios[2] = 1;
    run_well(f);
    assert_true(f->scores.merge_s > 0);
    assert_int_equal(f->scores.effective_n, 3);
    for (int i = 0; i < 3; i++)
        assert_true(f->scores.effective[i] == 1);
    snprintf(path, sizeof path, "%s/kept", f->directory);
    assert_int_equal(checkpoint_open(path, &kept, &f->err), 0);
    assert_int_equal(checkpoint_open(FIXTURES "/tuned-dpo", &tuned, &f->err), 0);
    assert_int_equal(checkpoint_count(kept), checkpoint_count(tuned));
    for (size_t i = 0; i < checkpoint_count(kept); i++)
        assert_memory_equal(checkpoint_at(kept, i)->data, checkpoint_at(tuned, i)->data,
                            checkpoint_at(kept, i)->bytes);
    checkpoint_close(kept);
    checkpoint_close(tuned);
    /* nothing is left but the script, what it kept, and no job directory */
    char *line = mem_printf("test \"$(ls %s)\" = \"$(printf 'evaluator\\nkept')\"", f->directory);
    assert_int_equal(system(line), 0);
    mem_free(line);
}

/* A large merge must not hold up a worker that is told to stop. */
static void a_cancel_ends_the_merge(void **state)
{
    struct fixture *f = *state;
    open_pair(f, "directory", "echo '{\"scores\":{\"m\":1}}'");
    f->cancel = true;
    run_badly(f, ERR_CANCELLED, "the export was stopped");
}

static void a_plan_is_handed_over(void **state)
{
    struct fixture *f = *state;
    struct json *job;
    open_pair(f, "plan", "cat > $DIR/job; echo '{\"scores\":{\"m\":1}}'");
    run_well(f);
    char *text = text_of(f, "job");
    assert_int_equal(json_parse(text, strlen(text), &job, &f->err), 0);
    assert_string_equal(json_string_or(json_get(job, "base"), ""), FIXTURES "/base");
    assert_string_equal(json_string_or(json_get(job, "tuned"), ""), FIXTURES "/tuned-dpo");
    assert_null(json_get(job, "checkpoint"));
    const struct json *output = json_get(job, "output");
    assert_string_equal(json_string_or(json_get(output, "rounding"), ""), "nearest");
    assert_string_equal(json_string_or(json_get(output, "dtype"), ""), "same");
    assert_string_equal(json_string_or(json_get(output, "others"), ""), "equal");
    assert_int_equal(f->scores.effective_n, 0); /* who merged did not say */
    const struct json *plan = json_get(job, "plan"), *tensors = json_get(job, "tensors");
    assert_int_equal(json_len(json_get(plan, "ratios")), 3);
    assert_int_equal(json_len(tensors), json_len(json_get(plan, "tensors")));
    assert_true(json_len(tensors) > 0);
    assert_true(json_number_or(json_get(tensors, "model.embed_tokens.weight"), -1) == f->ratios[0]);
    assert_true(json_number_or(json_get(tensors, "model.norm.weight"), -1) == f->ratios[2]);
    json_free(job);
    mem_free(text);
}

static void the_program_may_say_what_came_out(void **state)
{
    struct fixture *f = *state;
    open_pair(f, "directory", "echo '{\"scores\":{\"m\":1},\"effective\":[0.5,null,0.25]}'");
    run_well(f);
    assert_int_equal(f->scores.effective_n, 3);
    assert_true(f->scores.effective[0] == 0.5 && isnan(f->scores.effective[1]) &&
                f->scores.effective[2] == 0.25);
    FILE *file = fopen(f->script, "w");
    fprintf(file, "#!/bin/sh\necho '{\"scores\":{\"m\":1},\"effective\":[0.5]}'\n");
    fclose(file);
    run_badly(f, ERR_EVALUATOR, "effective has 1 numbers, but there are 3 ratios");
}

static void models_that_are_not_there(void **state)
{
    struct fixture *f = *state;
    open_pair(f, "plan", "true");
    command_close(f->command);
    snprintf(f->spec.tuned, sizeof f->spec.tuned, "%s/nowhere", f->directory);
    assert_int_not_equal(command_open(&f->spec, f->directory, &f->command, &f->err), 0);
    assert_null(f->command);
    assert_non_null(strstr(f->err.text, "nowhere"));
}

/* ---- the examples of docs/EVALUATORS.md ---- */

static void open_example(struct fixture *f, const char *name)
{
    char path[256];
    struct json *root;
    struct buf text;
    snprintf(path, sizeof path, EXAMPLES "/%s", name);
    buf_init(&text, 1 << 16);
    assert_int_equal(json_parse_file(path, 1 << 16, &root, &f->err), 0);
    assert_int_equal(json_write(&text, root), 0);
    json_free(root);
    open_search(f, buf_str(&text), EXAMPLES);
    buf_fini(&text);
}

static double mean_of(const struct fixture *f, const char *metric)
{
    const struct score *score = answer_find(&f->scores, metric);
    assert_non_null(score);
    return score->mean;
}

static void the_function_example(void **state)
{
    struct fixture *f = *state;
    open_example(f, "function.json");
    f->ratios[0] = f->ratios[1] = f->ratios[2] = 0;
    run_well(f);
    assert_true(mean_of(f, "toy.reward") == 0 && mean_of(f, "toy.tasks") == 1);
    f->ratios[0] = 1;
    run_well(f);
    assert_true(mean_of(f, "toy.reward") == 0.5 && mean_of(f, "toy.tasks") == 0.9);
}

/* The same function, and the second time the same program. */
static void the_resident_example(void **state)
{
    struct fixture *f = *state;
    open_example(f, "resident.json");
    f->ratios[0] = f->ratios[1] = f->ratios[2] = 0;
    run_well(f);
    assert_true(mean_of(f, "toy.reward") == 0 && mean_of(f, "toy.tasks") == 1);
    f->ratios[0] = 1;
    run_well(f);
    assert_true(mean_of(f, "toy.reward") == 0.5 && mean_of(f, "toy.tasks") == 0.9);
}

static void the_distance_example(void **state)
{
    struct fixture *f = *state;
    open_example(f, "distance.json");
    f->evaluation.ratios_n = 2;
    f->ratios[0] = f->ratios[1] = 1;
    run_well(f);
    assert_true(mean_of(f, "bytes.from_tuned") == 0 && mean_of(f, "bytes.from_base") > 1000);
    f->ratios[0] = f->ratios[1] = 0;
    run_well(f);
    assert_true(mean_of(f, "bytes.from_base") == 0 && mean_of(f, "bytes.from_tuned") > 1000);
}

static char *slurp(const char *path)
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    char *text = mem_zero(1 << 20, 1);
    size_t n = fread(text, 1, (1 << 20) - 1, file);
    fclose(file);
    text[n] = 0;
    return text;
}

static void the_page_shows_the_examples_as_they_are(void **state)
{
    static const char *const examples[] = {EXAMPLES "/function.py", EXAMPLES "/distance.sh"};
    (void)state;
    char *page = slurp(TEST_SOURCE_DIR "/docs/EVALUATORS.md");
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        char *example = slurp(examples[i]);
        if (!strstr(page, example))
            fail_msg("docs/EVALUATORS.md does not show %s as it is", examples[i]);
        mem_free(example);
    }
    mem_free(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_merged_checkpoint_is_handed_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_cancel_ends_the_merge, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_plan_is_handed_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_program_may_say_what_came_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(models_that_are_not_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_function_example, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_resident_example, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_distance_example, set_up, tear_down),
        cmocka_unit_test(the_page_shows_the_examples_as_they_are),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
