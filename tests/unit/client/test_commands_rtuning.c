/* rtuning convert, construct, score, report: from file to file, no daemon asked. */
#include "../merge/fixture.h"
#include "fake.h"

static const char pararel[] =
    "[[\"Where is Rome?\",\"Italy\",\"P17\"],\n[\"Where is Oslo?\",\"Norway\",\"P17\"],\n[\"Bad\"],\n"
    "[\"Who wrote Emma?\",\"Austen\",\"P50\"]]\n";
static const char identified[] =
    "{\"id\":\"a\",\"question\":\"Where is "
    "Rome?\",\"answers\":[\"Italy\"],\"certain\":true,\"entropy\":0,\"subject\":\"s\"}\n"
    "{\"id\":\"b\",\"question\":\"Who is "
    "Ann?\",\"answers\":[\"Bob\"],\"output\":\"Al\\nBo\",\"certain\":false,\"entropy\":0,\"domain\":\"in\"}\n"
    "{\"id\":\"c\",\"question\":\"What is Zib?\",\"answerable\":false}\n";
static const char items[] =
    "{\"id\":\"a\",\"right\":true,\"confidence\":0.9,\"sure\":0.9,\"domain\":\"in\",\"subject\":\"x\"}\n"
    "{\"id\":\"b\",\"right\":false,\"confidence\":0.2,\"sure\":0.1,\"domain\":\"out\",\"subject\":\"y\","
    "\"base_right\":true}\n"
    "{\"id\":\"c\",\"right\":true,\"confidence\":0.8,\"sure\":0.7,\"domain\":\"in\",\"subject\":\"x\"}\n"
    "{\"id\":\"d\",\"answerable\":false,\"sure\":0.2}\n";

struct world {
    struct fake fake;
    char *directory;
};

static void begin(struct world *w)
{
    fake_init(&w->fake);
    w->directory = fixture_directory();
    fixture_text(w->directory, "pararel.json", pararel);
    fixture_text(w->directory, "identified.jsonl", identified);
    fixture_text(w->directory, "items.jsonl", items);
}

static void end(struct world *w)
{
    assert_int_equal(w->fake.asked_n, 0);
    fake_fini(&w->fake);
    fixture_remove(w->directory);
}

/* Every "@" of the line becomes the directory. */
static int run(struct world *w, const char *line)
{
    struct buf text;
    buf_init(&text, 1 << 16);
    for (const char *p = line; *p; p++) {
        if (*p == '@')
            buf_text(&text, w->directory);
        else
            buf_add(&text, p, 1);
    }
    int code = fake_run(&w->fake, buf_str(&text));
    buf_fini(&text);
    return code;
}

static bool is_there(const struct world *w, const char *name)
{
    char *path = mem_printf("%s/%s", w->directory, name);
    bool there = access(path, F_OK) == 0;
    mem_free(path);
    return there;
}

static void assert_file(const struct world *w, const char *name, const char *part)
{
    size_t n;
    char *bytes = fixture_read(w->directory, name, &n), *text = mem_strndup(bytes, n);
    assert_contains(text, part);
    mem_free(bytes);
    mem_free(text);
}

static void test_convert(void **state)
{
    struct world w;
    (void)state;
    begin(&w);
    assert_int_equal(run(&w, "rtuning convert pararel @/pararel.json --in-subjects 1 --out @/q.jsonl"),
                     CLIENT_OK);
    assert_contains(w.fake.out, "q.jsonl: 3 questions of pararel\n");
    assert_contains(w.fake.complaints, "pararel.json:3: a row of ParaRel is");
    assert_contains(w.fake.complaints, "1 of 4 rows are bad and left out");
    assert_file(&w, "q.jsonl",
                "{\"id\":\"pararel-1\",\"kind\":\"open\",\"subject\":\"P17\",\"question\":\"Where is Rome?\","
                "\"answers\":[\"Italy\"],\"domain\":\"in\"}\n");
    assert_file(&w, "q.jsonl", "\"answers\":[\"Austen\"],\"domain\":\"out\"}\n");
    assert_int_equal(
        run(&w, "rtuning convert pararel @/pararel.json @/pararel.json --sample 5 --heldout 0.4 --json --out "
                "@/r.jsonl"),
        CLIENT_OK);
    assert_contains(w.fake.out, "\"questions\":5,\"bad\":2}\n");
    assert_file(&w, "r.jsonl", "\"half\":\"heldout\"");
    assert_int_equal(run(&w, "rtuning convert pararel @/pararel.json --sample 4 --out @/r.jsonl"), CLIENT_OK);
    assert_contains(w.fake.complaints, "--sample 4: there are only 3 questions, and all are kept");
    end(&w);
}

static void test_nothing_half_done(void **state)
{
    struct world w;
    (void)state;
    begin(&w);
    fixture_text(w.directory, "q.jsonl", "before");
    assert_int_equal(run(&w, "rtuning convert pararel @/pararel.json --out @/q.jsonl --strict"),
                     CLIENT_REFUSED);
    assert_contains(w.fake.complaints, "1 of 4 rows are bad and --strict was given; nothing is done");
    assert_file(&w, "q.jsonl", "before");
    assert_int_equal(run(&w, "rtuning convert wice @/pararel.json --out @/q.jsonl"), CLIENT_REFUSED);
    assert_contains(w.fake.complaints, "there is no good row");
    assert_file(&w, "q.jsonl", "before");
    assert_int_equal(run(&w, "rtuning convert pararel @/none.json --out @/q.jsonl"), CLIENT_REFUSED);
    assert_contains(w.fake.complaints, "none.json: cannot be opened");
    atomic_store(&w.fake.interrupted, true); /* Ctrl-C */
    assert_int_equal(run(&w, "rtuning convert pararel @/pararel.json --out @/q.jsonl"), CLIENT_DETACHED);
    assert_int_equal(run(&w, "rtuning construct @/identified.jsonl --method padding --out @/t.jsonl"),
                     CLIENT_DETACHED);
    assert_file(&w, "q.jsonl", "before");
    assert_false(is_there(&w, "t.jsonl"));
    end(&w);
}

static void test_construct(void **state)
{
    struct world w;
    (void)state;
    begin(&w);
    assert_int_equal(run(&w, "rtuning construct @/identified.jsonl --method padding --out @/t.jsonl"),
                     CLIENT_OK);
    assert_contains(w.fake.out, "t.jsonl: 2 examples, 1 certain and 1 uncertain (50.0 % certain)\n");
    assert_contains(w.fake.complaints, "identified.jsonl:3: question \"c\" has no right answer to say");
    assert_file(&w, "t.jsonl", "{\"role\":\"verdict\",\"text\":\" unsure.\",\"loss\":true}]}\n");
    assert_int_equal(
        run(&w, "rtuning construct @/identified.jsonl --method replacement --format chat --out @/t.jsonl"),
        CLIENT_OK);
    assert_contains(w.fake.out, "3 examples, 1 certain and 2 uncertain (33.3 % certain)\n");
    assert_int_equal(
        run(&w, "rtuning construct @/identified.jsonl --method unsupervised --format lmflow --compat code "
                "--json --out @/t.jsonl"),
        CLIENT_OK);
    assert_contains(w.fake.out, "\"examples\":2,\"certain\":1,\"uncertain\":1,\"torn\":2,\"bad\":1}\n");
    assert_contains(w.fake.complaints, "2 questions are as uncertain as the one in the middle");
    assert_file(&w, "t.jsonl", " I am sure.\"},\n{\"text\":\"Question: Who is Ann? Answer: Bob. ");
    assert_file(
        &w, "t.jsonl",
        "{\"type\":\"text_only\",\"instances\":[\n{\"text\":\"Question: Where is Rome? Answer: Italy. ");
    assert_int_equal(
        run(&w, "rtuning construct @/identified.jsonl --method padding --out @/t.jsonl --strict"),
        CLIENT_REFUSED);
    end(&w);
}

static void test_score(void **state)
{
    struct world w;
    (void)state;
    begin(&w);
    assert_int_equal(run(&w, "rtuning score @/items.jsonl"), CLIENT_OK);
    assert_contains(w.fake.out, "domain  questions  answerable  willing");
    assert_contains(w.fake.out, "all             4           3  0.667 ± 0.333  1.000 ± 0.000  1.000");
    assert_contains(w.fake.out, "\nin              2           2  1.000 ± 0.000");
    assert_contains(
        w.fake.out,
        "\nout             1           1  0.000          -              -        1.000         -  ");
    assert_int_equal(run(&w, "rtuning score @/items.jsonl --by subject --weight 1 --json --items"),
                     CLIENT_OK);
    assert_contains(w.fake.out,
                    "{\"weight\":1,\"bad\":0,\"groups\":[{\"name\":\"all\",\"questions\":4,\"answerable\":3,"
                    "\"scores\":{\"willing\":{\"mean\":0.6666666666666666,");
    assert_contains(w.fake.out, "\"items\":[1,0,1]}");
    assert_contains(w.fake.out,
                    "{\"name\":\"y\",\"questions\":1,\"answerable\":1,\"scores\":{\"willing\":{\"mean\":0,"
                    "\"stderr\":null,\"n\":1,\"items\":[0]},\"accuracy\":null,\"refusal\":null,");
    end(&w);
}

static void test_score_without_sure(void **state)
{
    struct world w;
    (void)state;
    begin(&w);
    fixture_text(w.directory, "r.jsonl",
                 "{\"id\":\"a\",\"right\":true,\"confidence\":0.9,\"sure\":0.9}\n"
                 "{\"id\":\"b\",\"right\":true,\"confidence\":0.9,\"willing\":true}\n"
                 "{\"id\":\"c\",\"right\":false,\"confidence\":0.9,\"willing\":false}\n"
                 "{\"id\":\"d\",\"answerable\":false,\"willing\":false}\n");
    assert_int_equal(run(&w, "rtuning score @/r.jsonl"), CLIENT_REFUSED);
    assert_contains(w.fake.complaints, "questions without \"sure\": 2, the first is \"b\";");
    assert_int_equal(run(&w, "rtuning score @/r.jsonl --weight 1"), CLIENT_OK);
    end(&w);
}

static void test_training_on_tests(void **state)
{
    struct world w;
    (void)state;
    begin(&w);
    fixture_text(
        w.directory, "i.jsonl",
        "{\"id\":\"a\",\"question\":\"?\",\"answers\":[\"a\"],\"certain\":true,\"domain\":\"out\"}\n"
        "{\"id\":\"b\",\"question\":\"?\",\"answers\":[\"a\"],\"certain\":true,\"half\":\"search\"}\n");
    assert_int_equal(run(&w, "rtuning construct @/i.jsonl --method padding --out @/t.jsonl"), CLIENT_OK);
    assert_contains(w.fake.complaints, "questions marked out of domain: 1;");
    assert_contains(w.fake.complaints, "questions with a half: 1;");
    end(&w);
}

static void test_report(void **state)
{
    struct world w;
    (void)state;
    begin(&w);
    fixture_text(w.directory, "other.jsonl",
                 "{\"id\":\"z\",\"question\":\"where is rome\",\"answers\":[\"italy\"]}\n");
    assert_int_equal(run(&w, "rtuning report @/identified.jsonl @/other.jsonl"), CLIENT_OK);
    assert_contains(w.fake.out, "all                3           2        1          1         50.0 %\n");
    assert_contains(w.fake.out, "certain, for example\n  Where is Rome? -> Italy\n");
    assert_contains(w.fake.out, "certain, for example\n  Who is Ann? -> Bob; wrote: Al?Bo\n");
    assert_contains(w.fake.out, "1 of 3 questions are in ");
    assert_contains(w.fake.out,
                    "too, 1 of them with the same answer\n  a = z, and its answer: Where is Rome?\n");
    fixture_text(w.directory, "two.jsonl",
                 "{\"id\":\"z\",\"question\":\"Who?\",\"answers\":[\"A\",\"B\",\"C\"],\"certain\":true,"
                 "\"output\":\"B\"}\n");
    assert_int_equal(run(&w, "rtuning report @/two.jsonl"), CLIENT_OK);
    assert_contains(w.fake.out, "  Who? -> A (or 2 more); wrote: B\n");
    assert_int_equal(run(&w, "rtuning report @/identified.jsonl --examples 0 --json"), CLIENT_OK);
    assert_contains(w.fake.out, "\"share_certain\":0.5}");
    assert_contains(w.fake.out, "\"certain\":[],\"uncertain\":[],\"repeated\":0}\n");
    end(&w);
}

static void test_usage(void **state)
{
    static const char *const wrong[][2] = {
        {"rtuning", "rtuning is not a whole command"},
        {"rtuning rtuning x", "there is no command \"rtuning rtuning\""},
        {"rtuning conver x y", "did you mean \"rtuning convert\"?"},
        {"rtuning convert parare x --out y", "did you mean \"pararel\"?"},
        {"rtuning convert pararel x", "--out FILE is missing"},
        {"rtuning convert pararel", "something is missing"},
        {"rtuning convert pararel", "[--sample N] [--heldout SHARE]"},
        {"rtuning convert pararel x --out y --compat paper", "--compat \"paper\" is not known: it is code"},
        {"rtuning convert pararel x --out y --domain in --in-subjects 3", "give one of them"},
        {"rtuning convert pararel x --out y --shots z", "--shots are examples for mmlu"},
        {"rtuning convert pararel x --out y --sample 0",
         "--sample \"0\" must be a whole number of 1 or more"},
        {"rtuning convert pararel x --out y --heldout 2", "--heldout \"2\" must be a number from 0 to 1"},
        {"rtuning construct x --out y", "--method METHOD is missing"},
        {"rtuning construct x --method pad --out y", "it is padding, replacement or unsupervised"},
        {"rtuning construct x --method padding --format csv --out y", "it is segments, lmflow or chat"},
        {"rtuning score x --weight 0x1", "--weight \"0x1\" must be a number"},
        {"rtuning score x --weight nan", "--weight \"nan\" must be a number"},
        {"rtuning score x --by row", "it is domain or subject"},
        {"rtuning report x --examples -1", "--examples"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct fake fake;
        fake_init(&fake);
        assert_int_equal(fake_run(&fake, wrong[i][0]), CLIENT_USAGE);
        assert_contains(fake.complaints, wrong[i][1]);
        fake_fini(&fake);
    }
}

static void test_help(void **state)
{
    static const char *const lines[] = {"rtuning --help", "help rtuning", "--help rtuning"};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct fake fake;
        fake_init(&fake);
        assert_int_equal(fake_run(&fake, lines[i]), CLIENT_OK);
        assert_contains(fake.out, "paretoctl rtuning is followed by one of these:\n\n    rtuning convert ");
        fake_fini(&fake);
    }
    struct fake fake;
    fake_init(&fake);
    assert_int_equal(fake_run(&fake, "help rtuning score"), CLIENT_OK);
    assert_contains(fake.out, "Usage: paretoctl rtuning score FILE [--weight W]");
    fake_fini(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_convert),
        cmocka_unit_test(test_nothing_half_done),
        cmocka_unit_test(test_construct),
        cmocka_unit_test(test_score),
        cmocka_unit_test(test_report),
        cmocka_unit_test(test_score_without_sure),
        cmocka_unit_test(test_training_on_tests),
        cmocka_unit_test(test_usage),
        cmocka_unit_test(test_help),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
