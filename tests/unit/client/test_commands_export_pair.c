/* Which checkpoints an export reads, and which it refuses. */
#include "export_setting.h"

/* The checkpoints changed since the search was made. */
static void test_another_plan_is_refused(void **state)
{
    struct setting s;
    (void)state;
    set_up(&s);
    make(s.directory, "base", other_names, 0);
    make(s.directory, "tuned", other_names, 1);
    says_all(&s, done);
    assert_int_equal(fake_run(&s.fake, s.export), CLIENT_REFUSED);
    assert_contains(s.fake.complaints, "tensor model.layers.0.b.weight");
    assert_contains(s.fake.complaints, "is tensor model.layers.0.a.weight");
    assert_false(is_there(&s, "merged"));
    tear_down(&s);
}

static void test_checkpoints_that_are_not_here(void **state)
{
    struct setting s;
    (void)state;
    set_up(&s);
    char *path = mem_printf("%s/tuned", s.directory);
    fixture_remove(path);
    says_all(&s, done);
    assert_int_equal(fake_run(&s.fake, s.export), CLIENT_REFUSED);
    assert_contains(s.fake.complaints, "on this machine");
    assert_int_equal(s.fake.asked_n, 2);
    tear_down(&s);
}

/* Other weights under the same names: only the digests tell. */
static void test_other_weights_are_refused(void **state)
{
    struct setting s;
    (void)state;
    set_up(&s);
    make(s.directory, "tuned", names, 2);
    says_all(&s, done);
    assert_int_equal(fake_run(&s.fake, s.export), CLIENT_REFUSED);
    assert_contains(s.fake.complaints, "models.tuned");
    assert_contains(s.fake.complaints, "lm_head.weight");
    assert_false(is_there(&s, "merged"));
    tear_down(&s);
}

static void test_a_search_without_digests(void **state)
{
    struct setting s;
    (void)state;
    set_up(&s);
    fake_says(&s.fake, 200, s.search);
    fake_says(&s.fake, 200, done);
    fake_says(&s.fake, 200, s.plan);
    fake_says(&s.fake, 404, "{\"error\":{\"code\":\"not_found\",\"message\":\"no digests\"}}");
    char *line = mem_printf("--json %s", s.export);
    assert_int_equal(fake_run(&s.fake, line), CLIENT_OK);
    assert_contains(s.fake.complaints, "search 3 has no digests");
    assert_contains(s.fake.out, "\"digests\":{\"base\":\""); /* they are made all the same, for the lineage */
    mem_free(line);
    tear_down(&s);
}

/* The same bytes from another place on this machine; the lineage keeps the search's names. */
static void test_checkpoints_that_lie_elsewhere(void **state)
{
    struct setting s;
    (void)state;
    set_up(&s);
    says_all(&s, done);
    assert_int_equal(fake_run(&s.fake, s.export), CLIENT_OK);
    char *moved = mem_printf("%s/moved", s.directory), *old = mem_printf("%s/base", s.directory);
    assert_int_equal(rename(old, moved), 0);
    char *line = mem_printf("export 3 7 --out %s/again --base %s --threads 2", s.directory, moved);
    says_all(&s, done);
    assert_int_equal(fake_run(&s.fake, line), CLIENT_OK);
    char *a = mem_printf("%s/merged", s.directory), *b = mem_printf("%s/again", s.directory);
    DIR *there = opendir(a);
    assert_non_null(there);
    for (struct dirent *entry; (entry = readdir(there));)
        if (entry->d_name[0] != '.')
            same_file(a, b, entry->d_name);
    closedir(there);
    assert_int_equal(entries_of(a), entries_of(b));
    mem_free(a);
    mem_free(b);
    mem_free(line);
    mem_free(moved);
    mem_free(old);
    tear_down(&s);
}

/* A plan as the former version stored it: no kinds, nothing dropped, computed tables among the tensors. */
static void test_a_plan_of_a_former_version(void **state)
{
    static const char *const with_table[] = {
        "lm_head.weight",          "model.embed_tokens.weight",
        "model.layers.0.a.weight", "model.layers.0.self_attn.rotary_emb.inv_freq",
        "model.layers.1.a.weight", NULL};
    struct setting s;
    (void)state;
    set_up(&s);
    make(s.directory, "base", with_table, 0);
    says_all(&s, done);
    mem_free(s.digests);
    s.fake.answers[3].body = s.digests = digests_of(s.directory);
    char *plan = mem_printf("{\"layers\":2,\"ratios\":[\"layer 0\",\"layer 1\"],\"groups\":[],\"tensors\":["
                            "{\"name\":\"lm_head.weight\",\"group\":\"layer 1\",\"place\":\"after\"},"
                            "{\"name\":\"model.embed_tokens.weight\",\"group\":\"layer 0\"},"
                            "{\"name\":\"model.layers.0.a.weight\",\"group\":\"layer 0\"},"
                            "{\"name\":\"%s\",\"group\":\"layer 0\"},"
                            "{\"name\":\"model.layers.1.a.weight\",\"group\":\"layer 1\",\"layer\":1}]}",
                            with_table[3]);
    s.fake.answers[2].body = plan;
    assert_int_equal(fake_run(&s.fake, s.export), CLIENT_OK);
    assert_true(is_there(&s, "merged"));
    /* a plan of this version would say that the table is dropped */
    char *line = mem_printf("export 3 7 --out %s/again", s.directory);
    char *new_plan = mem_printf("%.*s,\"dropped\":[]}", (int)strlen(plan) - 1, plan);
    says_all(&s, done);
    s.fake.answers[6].body = new_plan;
    assert_int_equal(fake_run(&s.fake, line), CLIENT_REFUSED);
    assert_contains(s.fake.complaints, "is tensor model.layers.0.self_attn.rotary_emb.inv_freq");
    mem_free(new_plan);
    mem_free(plan);
    mem_free(line);
    tear_down(&s);
}

static void test_more_tensors_than_the_plan(void **state)
{
    static const char *const more[] = {"lm_head.weight",          "model.embed_tokens.weight",
                                       "model.layers.0.a.weight", "model.layers.1.a.weight",
                                       "model.layers.1.b.weight", NULL};
    struct setting s;
    (void)state;
    set_up(&s);
    make(s.directory, "base", more, 0);
    make(s.directory, "tuned", more, 1);
    says_all(&s, done);
    assert_int_equal(fake_run(&s.fake, s.export), CLIENT_REFUSED);
    assert_contains(s.fake.complaints, "have more tensors than the daemon's plan");
    assert_false(is_there(&s, "merged"));
    tear_down(&s);
}

/* The daemon knows nothing of the tokenizer: whose it is, is said; the files stay the same. */
static void test_which_directories_were_read(void **state)
{
    struct setting s;
    (void)state;
    set_up(&s);
    says_all(&s, done);
    char *line = mem_printf("%s --tuned %s/./tuned", s.export, s.directory);
    assert_int_equal(fake_run(&s.fake, line), CLIENT_OK);
    char *said = mem_printf("/tuned, read from %s/./tuned\n", s.directory);
    assert_contains(s.fake.out, said);
    assert_contains(s.fake.complaints, "tokenizer and chat template are those of ");
    mem_free(said);
    mem_free(line);
    line = mem_printf("--json export 3 7 --out %s/b --base %s/./base", s.directory, s.directory);
    says_all(&s, done);
    assert_int_equal(fake_run(&s.fake, line), CLIENT_OK);
    said = mem_printf("\"read\":{\"base\":\"%s/./base\",\"tuned\":\"%s/tuned\"}", s.directory, s.directory);
    assert_contains(s.fake.out, said);
    mem_free(said);
    mem_free(line);
    tear_down(&s);
}

/* The error first, and no advice that was taken already. */
static void test_directories_that_are_nowhere(void **state)
{
    struct setting s;
    (void)state;
    set_up(&s);
    fake_says(&s.fake, 200, s.search);
    fake_says(&s.fake, 200, done);
    char *line = mem_printf("%s --tuned nowhere", s.export);
    assert_int_equal(fake_run(&s.fake, line), CLIENT_REFUSED);
    assert_contains(s.fake.complaints, "nowhere: there is no such directory");
    assert_null(strstr(s.fake.complaints, "--tuned DIR"));
    mem_free(line);
    line = mem_printf("%s/base", s.directory);
    fixture_remove(line);
    fake_says(&s.fake, 200, s.search);
    fake_says(&s.fake, 200, done);
    assert_int_equal(fake_run(&s.fake, s.export), CLIENT_REFUSED);
    const char *why = strstr(s.fake.complaints, "/base: there is no such directory");
    assert_non_null(why);
    assert_contains(why, "--base DIR");
    fixture_text(s.directory, "r.yml",
                 "merge_method: linear\nparameters: {weight: 1}\nmodels: [{model: a}, {model: b}]\n");
    line = mem_printf("export --from-yaml %s/r.yml --base nowhere --out %s/x", s.directory, s.directory);
    assert_int_equal(fake_run(&s.fake, line), CLIENT_REFUSED);
    assert_contains(s.fake.complaints, "--base nowhere: there is no such directory\n");
    mem_free(line);
    tear_down(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_another_plan_is_refused),
        cmocka_unit_test(test_checkpoints_that_are_not_here),
        cmocka_unit_test(test_other_weights_are_refused),
        cmocka_unit_test(test_a_search_without_digests),
        cmocka_unit_test(test_checkpoints_that_lie_elsewhere),
        cmocka_unit_test(test_a_plan_of_a_former_version),
        cmocka_unit_test(test_more_tensors_than_the_plan),
        cmocka_unit_test(test_which_directories_were_read),
        cmocka_unit_test(test_directories_that_are_nowhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
