/* plan and export, on two checkpoints of a few bytes. */
#include "../merge/fixture.h"
#include "answers.h"
#include "fake.h"

#include "merge/files/digest.h"
#include "proto/buf.h"

#include <dirent.h>
#include <sys/stat.h>

static const char *const names[] = {"lm_head.weight", "model.embed_tokens.weight", "model.layers.0.a.weight",
                                    "model.layers.1.a.weight", NULL};
static const char *const other_names[] = {"lm_head.weight", "model.embed_tokens.weight",
                                          "model.layers.0.b.weight", "model.layers.1.a.weight", NULL};
static const char config[] = "{\"num_hidden_layers\":2}";

struct setting {
    struct fake fake;
    char *directory;
    char *search, *plan, *digests, *export; /* answers and a command line */
};

static void make(const char *directory, const char *name, const char *const *tensors, float value)
{
    char *path = mem_printf("%s/%s", directory, name);
    checkpoint_close(fixture_checkpoint(path, config, tensors, value));
    mem_free(path);
}

static char *spec_of(const char *base, const char *tuned, const char *more)
{
    return mem_printf(
        "{\"name\":\"toy\",\"models\":{\"base\":\"%s\",\"tuned\":\"%s\"},\"groups\":{\"count\":2},%s"
        "\"objectives\":[{\"name\":\"a\",\"metric\":\"x.a\",\"goal\":\"max\"}],"
        "\"evaluator\":{\"type\":\"command\",\"argv\":[\"./ev\"],\"merge\":\"directory\"},"
        "\"strategy\":{\"type\":\"sweep\"}}",
        base, tuned, more);
}

static void put_digest(struct json_out *out, const char *directory, const char *name)
{
    char *path = mem_printf("%s/%s", directory, name);
    struct checkpoint *ckpt;
    struct digest digest;
    assert_int_equal(checkpoint_open(path, &ckpt, NULL), 0);
    assert_int_equal(digest_make(ckpt, NULL, &digest, NULL), 0);
    json_name(out, name);
    digest_write(ckpt, &digest, out);
    digest_fini(&digest);
    checkpoint_close(ckpt);
    mem_free(path);
}

/* What the daemon keeps of base and tuned as they are now. */
static char *digests_of(const char *directory)
{
    struct buf text;
    struct json_out out;
    buf_init(&text, 1 << 20);
    json_begin(&out, &text);
    json_object(&out);
    put_digest(&out, directory, "base");
    put_digest(&out, directory, "tuned");
    json_end_object(&out);
    return buf_take(&text);
}

/* more: members of the search, each with a comma after it. */
static void set_up_with(struct setting *s, const char *more)
{
    fake_init(&s->fake);
    s->directory = fixture_directory();
    make(s->directory, "base", names, 0);
    make(s->directory, "tuned", names, 1);
    char *spec = spec_of("base", "tuned", more);
    fixture_text(s->directory, "s.json", spec);
    mem_free(spec);
    char *base = mem_printf("%s/base", s->directory), *tuned = mem_printf("%s/tuned", s->directory);
    spec = spec_of(base, tuned, more);
    s->search = mem_printf("{\"id\":3,\"name\":\"toy\",\"spec\":%s}", spec);
    s->export = mem_printf("export 3 7 --out %s/merged", s->directory);
    mem_free(base);
    mem_free(tuned);
    mem_free(spec);
    /* the daemon's plan is what "plan --json" prints here */
    char *line = mem_printf("plan --json %s/s.json", s->directory);
    assert_int_equal(fake_run(&s->fake, line), CLIENT_OK);
    s->plan = mem_strdup(s->fake.out);
    s->digests = digests_of(s->directory);
    mem_free(line);
    fake_fini(&s->fake);
    fake_init(&s->fake);
}

static void set_up(struct setting *s)
{
    set_up_with(s, "");
}

static void tear_down(struct setting *s)
{
    fake_fini(&s->fake);
    fixture_remove(s->directory);
    mem_free(s->search);
    mem_free(s->plan);
    mem_free(s->digests);
    mem_free(s->export);
}

static void says_all(struct setting *s, const char *trial)
{
    fake_says(&s->fake, 200, s->search);
    fake_says(&s->fake, 200, trial);
    fake_says(&s->fake, 200, s->plan);
    fake_says(&s->fake, 200, s->digests);
}

static const char done[] = "{\"number\":7,\"state\":\"done\",\"ratios\":[0.25,0.5]}";

static bool is_there(const struct setting *s, const char *name)
{
    char *path = mem_printf("%s/%s", s->directory, name);
    bool there = access(path, F_OK) == 0;
    mem_free(path);
    return there;
}

static int entries_of(const char *directory)
{
    int n = 0;
    DIR *there = opendir(directory);
    assert_non_null(there);
    for (struct dirent *entry; (entry = readdir(there));)
        n += entry->d_name[0] != '.';
    closedir(there);
    return n;
}

static void test_plan_of_a_file_and_of_the_daemon(void **state)
{
    struct setting s;
    (void)state;
    set_up(&s);
    char *line = mem_printf("plan %s/s.json", s.directory);
    assert_int_equal(fake_run(&s.fake, line), CLIENT_OK);
    assert_int_equal(s.fake.asked_n, 0);
    assert_contains(s.fake.out, "model.layers.1.a.weight");
    assert_contains(s.fake.out, "layer 0  0             2 ");
    assert_contains(s.fake.out, "0 to 1");
    fake_says(&s.fake, 200, s.plan);
    fake_says(&s.fake, 200, s.search);
    size_t before = s.fake.out_len;
    assert_int_equal(fake_run(&s.fake, "plan 3"), CLIENT_OK);
    assert_string_equal(s.fake.asked[0].path, "/v1/searches/3/plan");
    assert_string_equal(s.fake.asked[1].path, "/v1/searches/3");
    assert_contains(s.fake.out + before, "  model.layers.1.a.weight\n");
    assert_contains(s.fake.out + before, "\n\ngroup ");
    assert_int_equal(s.fake.out_len, 2 * before); /* both look alike */
    assert_memory_equal(s.fake.out, s.fake.out + before, before);
    mem_free(line);
    tear_down(&s);
}

static void test_export_writes_what_the_trial_was(void **state)
{
    struct setting s;
    (void)state;
    set_up(&s);
    says_all(&s, done);
    assert_int_equal(fake_run(&s.fake, s.export), CLIENT_OK);
    assert_contains(s.fake.out, "/merged: trial 7 of search 3 \"toy\", 4 tensors\n");
    assert_contains(s.fake.out, "layer 0: 0.25 of tuned, 0.2500 effective\n");
    assert_contains(s.fake.out, "lineage in paretod.json");
    assert_string_equal(s.fake.complaints, "");
    assert_string_equal(s.fake.asked[1].path, "/v1/searches/3/trials/7");
    assert_string_equal(s.fake.asked[3].path, "/v1/searches/3/digests");
    assert_true(is_there(&s, "merged/paretod.json"));
    char *path = mem_printf("%s/merged", s.directory);
    struct checkpoint *merged;
    float value;
    assert_int_equal(checkpoint_open(path, &merged, NULL), 0);
    assert_int_equal(tensor_to_f32(checkpoint_find(merged, names[3]), 0, 1, &value, NULL), 0);
    assert_true(value == 0.5f);
    checkpoint_close(merged);
    mem_free(path);
    /* a second time: the directory is there, and nobody is asked */
    assert_int_equal(fake_run(&s.fake, s.export), CLIENT_REFUSED);
    assert_contains(s.fake.complaints, "is there already");
    assert_int_equal(s.fake.asked_n, 4);
    tear_down(&s);
}

/* The knee is trial 7; that it is named too writes it no second time. */
static void test_export_of_a_pick(void **state)
{
    struct setting s;
    (void)state;
    set_up(&s);
    fake_says(&s.fake, 200, FRONT_INSIGHT);
    says_all(&s, done);
    char *line = mem_printf("export 3 knee --out %s/merged", s.directory);
    assert_int_equal(fake_run(&s.fake, line), CLIENT_OK);
    assert_string_equal(s.fake.asked[0].path, "/v1/searches/3/front");
    assert_contains(s.fake.out, "/merged: trial 7 of search 3");
    mem_free(line);
    fake_says(&s.fake, 200, FRONT_INSIGHT);
    assert_int_equal(fake_run(&s.fake, "export 3 certain --out x"), CLIENT_REFUSED);
    assert_contains(s.fake.complaints, "no trial that is its certain");
    assert_int_equal(fake_run(&s.fake, "export 3 kne --out x"), CLIENT_USAGE);
    assert_contains(s.fake.complaints,
                    "\"kne\" is not the number of a trial (0 or more), nor knee, certain or least-tax");
    tear_down(&s);
}

static void test_export_json_and_a_trial_without_scores(void **state)
{
    struct setting s;
    (void)state;
    set_up(&s);
    says_all(&s, "{\"number\":7,\"state\":\"quarantined\",\"ratios\":[0.25,0.5]}");
    char *line = mem_printf("--json %s", s.export);
    assert_int_equal(fake_run(&s.fake, line), CLIENT_OK);
    assert_contains(s.fake.out, "{\"search\":3,\"recipe\":null,\"base\":\"");
    assert_contains(
        s.fake.out,
        "\"groups\":[\"layer 0\",\"layer 1\"],\"exports\":[{\"trial\":7,\"state\":\"quarantined\",");
    assert_contains(s.fake.out, "\"ratios\":[0.25,0.5],\"effective\":[0.25,0.5],\"warnings\":[]}");
    assert_contains(s.fake.complaints, "trial 7 is quarantined");
    mem_free(line);
    tear_down(&s);
}

static void test_a_bar_on_a_terminal(void **state)
{
    struct setting s;
    (void)state;
    set_up(&s);
    s.fake.client.tty = true;
    make(s.directory, "base", names, 0); /* a new file, whose digest this process does not know yet */
    says_all(&s, done);
    assert_int_equal(fake_run(&s.fake, s.export), CLIENT_OK);
    assert_contains(s.fake.out, "\r\033[Kchecking base ");
    assert_contains(s.fake.out, "\r\033[Kwriting ");
    assert_contains(s.fake.out, " 32 B of 32 B\r\033[Kwrote ");
    tear_down(&s);
}

/* Ctrl-C while it writes: nothing is left beside the target either. */
static void test_interrupted(void **state)
{
    struct setting s;
    (void)state;
    set_up(&s);
    fake_says(&s.fake, 200, s.search);
    fake_says(&s.fake, 200, done);
    fake_says(&s.fake, 200, s.plan);
    fake_answer(&s.fake, (struct fake_answer){.status = 200, .body = s.digests, .interrupts = true});
    assert_int_equal(fake_run(&s.fake, s.export), CLIENT_DETACHED);
    assert_contains(s.fake.complaints, "interrupted");
    assert_int_equal(entries_of(s.directory), 3); /* base, tuned, s.json */
    tear_down(&s);
}

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

static void test_ratios_that_do_not_fit(void **state)
{
    struct setting s;
    (void)state;
    set_up(&s);
    says_all(&s, "{\"number\":7,\"state\":\"done\",\"ratios\":[0.25]}");
    assert_int_equal(fake_run(&s.fake, s.export), CLIENT_REFUSED);
    assert_contains(s.fake.complaints, "trial 7 has 1 ratios and the plan 2 groups");
    fake_says(&s.fake, 200, s.search);
    s.fake.asked_n = s.fake.answers_n - 1;
    fake_says(&s.fake, 200, "{\"number\":7,\"state\":\"done\",\"ratios\":[null,1]}");
    assert_int_equal(fake_run(&s.fake, s.export), CLIENT_REFUSED);
    assert_contains(s.fake.complaints, "no ratios that can be read");
    assert_false(is_there(&s, "merged"));
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
    for (struct dirent *entry; (entry = readdir(there));) {
        size_t n, m;
        if (entry->d_name[0] == '.')
            continue;
        char *x = fixture_read(a, entry->d_name, &n), *y = fixture_read(b, entry->d_name, &m);
        assert_int_equal(n, m);
        assert_memory_equal(x, y, n);
        mem_free(x);
        mem_free(y);
    }
    closedir(there);
    assert_int_equal(entries_of(a), entries_of(b));
    mem_free(a);
    mem_free(b);
    mem_free(line);
    mem_free(moved);
    mem_free(old);
    tear_down(&s);
}

static void test_several_trials_in_one_pass(void **state)
{
    struct setting s;
    (void)state;
    set_up(&s);
    char *line = mem_printf("export 3 7,9 --out %s/many", s.directory);
    fake_says(&s.fake, 200, s.search);
    fake_says(&s.fake, 200, done);
    fake_says(&s.fake, 200,
              "{\"number\":9,\"state\":\"done\",\"ratios\":[1,0],\"objectives\":[{\"name\":\"a\","
              "\"mean\":0.5,\"stderr\":null}]}");
    fake_says(&s.fake, 200, s.plan);
    fake_says(&s.fake, 200, s.digests);
    assert_int_equal(fake_run(&s.fake, line), CLIENT_OK);
    assert_contains(s.fake.out, "/many/trial-7: trial 7 of search 3");
    assert_contains(s.fake.out, "/many/trial-9: trial 9 of search 3");
    assert_true(is_there(&s, "many/trial-7/model.safetensors"));
    char *many = mem_printf("%s/many/trial-9", s.directory);
    size_t n;
    char *card = fixture_read(many, "README.md", &n);
    assert_contains(card, "# toy, trial 9\n");
    assert_contains(card, "| a | higher | 0.5 | - |\n");
    mem_free(card);
    mem_free(many);
    /* one of them is there: nothing is asked, nothing is written */
    mem_free(line);
    line = mem_printf("export 3 8,9 --out %s/many", s.directory);
    assert_int_equal(fake_run(&s.fake, line), CLIENT_REFUSED);
    assert_contains(s.fake.complaints, "/many/trial-9 is there already");
    assert_false(is_there(&s, "many/trial-8"));
    mem_free(line);
    many = mem_printf("%s/many", s.directory);
    fixture_remove(many);
    tear_down(&s);
}

static void test_shards(void **state)
{
    struct setting s;
    (void)state;
    set_up(&s);
    char *line = mem_printf("%s --max-shard-size 16B", s.export);
    says_all(&s, done);
    assert_int_equal(fake_run(&s.fake, line), CLIENT_OK);
    assert_true(is_there(&s, "merged/model-00002-of-00002.safetensors"));
    mem_free(line);
    tear_down(&s);
}

/* bf16 between 1 and 1 + 2^-7 has nothing. */
static void test_a_ratio_that_did_not_come_out(void **state)
{
    struct setting s;
    (void)state;
    set_up(&s);
    static const uint16_t one[] = {0x3f80, 0x3f80}, next[] = {0x3f81, 0x3f81};
    for (int k = 0; k < 2; k++) {
        struct st_tensor tensors[4];
        for (int i = 0; i < 4; i++)
            tensors[i] = (struct st_tensor){.name = names[i],
                                            .dtype = ST_BF16,
                                            .rank = 1,
                                            .shape = {2},
                                            .elements = 2,
                                            .data = k ? next : one,
                                            .bytes = 4};
        char *path = mem_printf("%s/%s/model.safetensors", s.directory, k ? "tuned" : "base");
        assert_int_equal(st_write(path, tensors, 4, NULL), 0);
        mem_free(path);
    }
    mem_free(s.digests);
    s.digests = digests_of(s.directory);
    char *plan = mem_printf("plan --json %s/s.json", s.directory);
    mem_free(s.plan);
    assert_int_equal(fake_run(&s.fake, plan), CLIENT_OK);
    s.plan = mem_strdup(s.fake.out);
    mem_free(plan);
    says_all(&s, done);
    assert_int_equal(fake_run(&s.fake, s.export), CLIENT_OK);
    assert_contains(s.fake.out, "layer 0: 0.25 of tuned, 0.0000 effective\n");
    assert_contains(s.fake.complaints, "layer 0: ratio 0.25 was asked for, 0 came out");
    assert_contains(s.fake.complaints, "a search with output.rounding");
    fixture_text(s.directory, "r.yml",
                 "merge_method: linear\nmodels: [{model: a, parameters: {weight: 3}}, {model: b, "
                 "parameters: {weight: 1}}]\n");
    char *line = mem_printf("--json export --from-yaml %s/r.yml --base %s/base --tuned %s/tuned --out %s/x",
                            s.directory, s.directory, s.directory, s.directory);
    assert_int_equal(fake_run(&s.fake, line), CLIENT_OK);
    assert_contains(s.fake.out,
                    "\"effective\":[0],\"warnings\":[\"layers 0-1, both ends: ratio 0.25 was asked for");
    assert_contains(s.fake.complaints, "out_dtype: float32 in the recipe");
    mem_free(line);
    tear_down(&s);
}

static void says_for_recipe(struct setting *s)
{
    fake_says(&s->fake, 200, s->search);
    fake_says(&s->fake, 200, done);
    fake_says(&s->fake, 200, s->plan);
}

static void test_as_a_recipe_and_back(void **state)
{
    struct setting s;
    (void)state;
    set_up(&s);
    says_for_recipe(&s);
    assert_int_equal(fake_run(&s.fake, "export 3 7 --format mergekit"), CLIENT_OK);
    assert_contains(s.fake.out, "# trial 7 of search \"toy\"\nmerge_method: linear\n");
    char *line = mem_printf("export 3 7 --format mergekit --out %s/plain.yml", s.directory);
    says_for_recipe(&s);
    assert_int_equal(fake_run(&s.fake, line), CLIENT_OK);
    assert_contains(s.fake.out, "plain.yml: trial 7 of search 3 \"toy\" as a recipe of mergekit\n");
    mem_free(line);
    line = mem_printf("--json export 3 7 --format=mergekit --out %s/r.yml", s.directory);
    says_for_recipe(&s);
    assert_int_equal(fake_run(&s.fake, line), CLIENT_OK);
    assert_contains(s.fake.out, "{\"search\":3,\"trial\":7,\"format\":\"mergekit\",\"file\":\"");
    says_for_recipe(&s);
    assert_int_equal(fake_run(&s.fake, line), CLIENT_REFUSED); /* it is there */
    assert_contains(s.fake.complaints, "r.yml is there already");
    mem_free(line);
    /* the recipe gives what the trial gives */
    says_all(&s, done);
    assert_int_equal(fake_run(&s.fake, s.export), CLIENT_OK);
    line = mem_printf("export --from-yaml %s/r.yml --out %s/back", s.directory, s.directory);
    int asked = s.fake.asked_n;
    assert_int_equal(fake_run(&s.fake, line), CLIENT_OK);
    assert_int_equal(s.fake.asked_n, asked);
    assert_contains(s.fake.out, "/back: ");
    assert_contains(s.fake.out, "layer 0, embeddings: 0.25 of tuned, 0.2500 effective\n");
    mem_free(line);
    char *a = mem_printf("%s/merged", s.directory), *b = mem_printf("%s/back", s.directory);
    size_t n, m;
    char *x = fixture_read(a, "model.safetensors", &n), *y = fixture_read(b, "model.safetensors", &m);
    assert_int_equal(n, m);
    assert_memory_equal(x, y, n);
    mem_free(x);
    mem_free(y);
    mem_free(a);
    mem_free(b);
    tear_down(&s);
}

static void test_recipes_that_cannot_be_exported(void **state)
{
    struct setting s;
    (void)state;
    set_up(&s);
    fixture_text(s.directory, "slerp.yml", "merge_method: slerp\n");
    fixture_text(s.directory, "hub.yml",
                 "merge_method: linear\nparameters: {weight: 1}\nmodels: [{model: o/a}, {model: o/b}]\n");
    const struct {
        const char *file, *says;
    } cases[] = {{"none.yml", "none.yml: cannot be opened"},
                 {"slerp.yml", "slerp.yml: line 1: merge_method \"slerp\" is no weighted average"},
                 {"hub.yml", "o/a: there is no such directory here; a model on a hub must be downloaded"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *line =
            mem_printf("export --from-yaml %s/%s --out %s/x", s.directory, cases[i].file, s.directory);
        assert_int_equal(fake_run(&s.fake, line), CLIENT_REFUSED);
        assert_contains(s.fake.complaints, cases[i].says);
        mem_free(line);
    }
    /* ... but directories can be put in place of the names */
    char *line = mem_printf("--json export --from-yaml %s/hub.yml --base %s/base --tuned %s/tuned --out %s/x",
                            s.directory, s.directory, s.directory, s.directory);
    assert_int_equal(fake_run(&s.fake, line), CLIENT_OK);
    assert_contains(s.fake.out, "{\"search\":null,\"recipe\":\"");
    assert_contains(s.fake.out, "\"base\":\"o/a\",\"tuned\":\"o/b\",\"digests\":{\"base\":\"");
    assert_contains(s.fake.out, "{\"trial\":null,\"state\":null,\"directory\":\"");
    assert_contains(s.fake.complaints, "note: averages are computed in float32");
    mem_free(line);
    tear_down(&s);
}

static void test_command_lines_that_are_none(void **state)
{
    (void)state;
    static const char *const lines[][2] = {
        {"export 3 7", "--out DIR is missing"},
        {"export 3 --out x", "something is missing"},
        {"export --out x", "something is missing"},
        {"export x 7 --out x", "not the number of a search"},
        {"export 3 7, --out x", "\"\" is not the number of a trial"},
        {"export 3 7,x --out x", "\"x\" is not the number of a trial"},
        {"export 3 7,-1 --out x", "\"-1\" is not the number of a trial"},
        {"export 3 99999999999999999999 --out x", "is not the number of a trial"},
        {"export 3 7,8,7 --out x", "trial 7 is there twice"},
        {"export 3 7 --out x --threads 0", "--threads must be a number from 1 to 256"},
        {"export 3 7 --out x --threads 2x", "--threads must be"},
        {"export 3 7 --out x --max-shard-size 5XB", "--max-shard-size \"5XB\" is no size"},
        {"export 3 7 --out x --max-shard-size 0", "is no size"},
        {"export 3 7 --out x --max-shard-size -1GB", "is no size"},
        {"export 3 7 --out x --max-shard-size 1e3", "is no size"},
        {"export 3 7 --format gguf", "--format \"gguf\" is not known"},
        {"export 3 7 --format mergekit --threads 2", "do not go with it"},
        {"export 3 7,8 --format mergekit", "one trial at a time"},
        {"export 3 7 --from-yaml x --out y", "give one of them"},
        {"export --from-yaml x --format mergekit", "do not go with it"},
        {"export --from-yaml x", "--out DIR is missing"},
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct fake fake;
        fake_init(&fake);
        assert_int_equal(fake_run(&fake, lines[i][0]), CLIENT_USAGE);
        assert_contains(fake.complaints, lines[i][1]);
        assert_int_equal(fake.asked_n, 0);
        fake_fini(&fake);
    }
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

/* Ctrl-C while several are written: the directory that was made for them goes too. */
static void test_interrupted_with_several(void **state)
{
    struct setting s;
    (void)state;
    set_up(&s);
    char *line = mem_printf("export 3 7,9 --out %s/many", s.directory);
    fake_says(&s.fake, 200, s.search);
    fake_says(&s.fake, 200, done);
    fake_says(&s.fake, 200, done);
    fake_says(&s.fake, 200, s.plan);
    fake_answer(&s.fake, (struct fake_answer){.status = 200, .body = s.digests, .interrupts = true});
    assert_int_equal(fake_run(&s.fake, line), CLIENT_DETACHED);
    assert_false(is_there(&s, "many"));
    mem_free(line);
    tear_down(&s);
}

/* The daemon is not there, or does not know the search: nothing of the search is there to go on with. */
static void test_no_search(void **state)
{
    static const char *const lines[] = {"export 3 1 --out zz", "--json export 3 1 --out zz",
                                        "export 3 1 --format mergekit", "export 3 1,2 --out zz"};
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct fake fake;
        fake_init(&fake);
        fake_answer(&fake, (struct fake_answer){.rc = ERR_UNREACHABLE});
        fake_says(&fake, 404, "{\"error\":\"there is no search 3\",\"code\":\"not_found\"}");
        assert_int_equal(fake_run(&fake, lines[i]), CLIENT_UNREACHABLE);
        assert_int_equal(fake_run(&fake, lines[i]), CLIENT_REFUSED);
        assert_contains(fake.complaints, "there is no search 3");
        fake_fini(&fake);
    }
}

/* What a killed export left is named by the next one. */
static void test_leftovers_are_named(void **state)
{
    struct setting s;
    (void)state;
    set_up(&s);
    char *left = mem_printf("%s/merged.partial-2147483646", s.directory);
    assert_int_equal(mkdir(left, 0777), 0);
    says_all(&s, done);
    assert_int_equal(fake_run(&s.fake, s.export), CLIENT_OK);
    assert_contains(s.fake.complaints, "merged.partial-2147483646: ");
    mem_free(left);
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

static void refuses_out(struct setting *s, const char *trials, const char *out, const char *says)
{
    char *line = mem_printf("export 3 %s --out %s/%s", trials, s->directory, out);
    assert_int_equal(fake_run(&s->fake, line), CLIENT_REFUSED);
    assert_contains(s->fake.complaints, says);
    assert_int_equal(s->fake.asked_n, 0);
    mem_free(line);
}

static void test_places_that_are_none(void **state)
{
    struct setting s;
    (void)state;
    set_up(&s);
    char *none = mem_printf("there is no directory %s/a/b: make it first", s.directory);
    refuses_out(&s, "7", "a/b/c", none);
    refuses_out(&s, "7", "a/b/c//", none);
    refuses_out(&s, "7,8", "a/b/many", none);
    refuses_out(&s, "7", "s.json/x", "s.json is no directory");
    refuses_out(&s, "7,8", "s.json", "s.json is no directory: several trials need one");
    refuses_out(&s, "7 --format mergekit", "a/b/r.yml", none);
    mem_free(none);
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

/* Ends that no ratio is for are told too. */
static void test_ends_of_the_paper(void **state)
{
    struct setting s;
    (void)state;
    set_up_with(&s, "\"ends\":\"paper-code\",");
    says_all(&s, done);
    assert_int_equal(fake_run(&s.fake, s.export), CLIENT_OK);
    assert_contains(s.fake.out, "  (base): 0 of tuned, 1 tensor\n");
    assert_contains(s.fake.out, "  (the mean of the groups): 0.375 of tuned, 1 tensor\n");
    tear_down(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plan_of_a_file_and_of_the_daemon),
        cmocka_unit_test(test_export_writes_what_the_trial_was),
        cmocka_unit_test(test_export_of_a_pick),
        cmocka_unit_test(test_export_json_and_a_trial_without_scores),
        cmocka_unit_test(test_a_bar_on_a_terminal),
        cmocka_unit_test(test_interrupted),
        cmocka_unit_test(test_another_plan_is_refused),
        cmocka_unit_test(test_checkpoints_that_are_not_here),
        cmocka_unit_test(test_ratios_that_do_not_fit),
        cmocka_unit_test(test_other_weights_are_refused),
        cmocka_unit_test(test_a_search_without_digests),
        cmocka_unit_test(test_checkpoints_that_lie_elsewhere),
        cmocka_unit_test(test_several_trials_in_one_pass),
        cmocka_unit_test(test_shards),
        cmocka_unit_test(test_a_ratio_that_did_not_come_out),
        cmocka_unit_test(test_as_a_recipe_and_back),
        cmocka_unit_test(test_recipes_that_cannot_be_exported),
        cmocka_unit_test(test_command_lines_that_are_none),
        cmocka_unit_test(test_a_plan_of_a_former_version),
        cmocka_unit_test(test_more_tensors_than_the_plan),
        cmocka_unit_test(test_interrupted_with_several),
        cmocka_unit_test(test_no_search),
        cmocka_unit_test(test_ends_of_the_paper),
        cmocka_unit_test(test_leftovers_are_named),
        cmocka_unit_test(test_which_directories_were_read),
        cmocka_unit_test(test_places_that_are_none),
        cmocka_unit_test(test_directories_that_are_nowhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
