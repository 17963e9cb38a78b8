/* Findings about tokenizers, special tokens and chat templates. */
#include "preflight_world.h"

static void tokenizers(struct world *world, const char *base, const char *tuned)
{
    world->sides[0].files[0][1] = base;
    world->sides[1].files[0][1] = tuned;
}

static void test_moved_tokens(void **state)
{
    struct world *world = *state;
    tokenizers(world, TOKENIZER("{\"a\":0,\"b\":1,\"c\":2}", ""), TOKENIZER("{\"a\":0,\"c\":1,\"b\":2}", ""));
    expect(world, PREFLIGHT_ERROR, "models", "2 tokens have another id");
    found(world, PREFLIGHT_ERROR, "models", "the first \"b\" 1 in base and 2 in tuned");
}

static void test_added_tokens(void **state)
{
    struct world *world = *state;
    tokenizers(
        world, TOKENIZER("[[\"a\",-1],[\"b\",-2]]", ""),
        TOKENIZER("[[\"a\",-1],[\"b\",-2.5]]", ",\"added_tokens\":[{\"id\":2,\"content\":\"<|user|>\"}]"));
    expect(world, PREFLIGHT_WARNING, "models",
           "1 token is in models.tuned alone, the first \"<|user|>\" with id 2");
}

static void test_other_tokenizer_parts(void **state)
{
    struct world *world = *state;
    tokenizers(world, TOKENIZER("{\"a\":0}", ",\"normalizer\":null"),
               TOKENIZER("{\"a\":0}", ",\"normalizer\":{\"type\":\"NFC\"},\"version\":\"1\""));
    expect(world, PREFLIGHT_WARNING, "models", "tokenizer.json differs in normalizer");
    tokenizers(world, TOKENIZER("{\"a\":0}", ""), TOKENIZER("{\"a\":0}", ",\"version\":\"1\""));
    expect(world, PREFLIGHT_NOTE, "models", "not in its vocabulary");
}

static void test_missing_tokenizers(void **state)
{
    struct world *world = *state;
    world->sides[0].files[0][0] = NULL;
    expect(world, PREFLIGHT_NOTE, "models.base", "has no tokenizer.json");
}

static void test_tokenizer_not_in_tuned(void **state)
{
    struct world *world = *state;
    world->sides[1].files[0][0] = NULL;
    expect(world, PREFLIGHT_WARNING, "models.tuned", "has no tokenizer.json, which base has");
    world->sides[0].files[1][0] = "tokenizer_config.json", world->sides[0].files[1][1] = "{}";
    world->sides[0].files[2][0] = "vocab.json", world->sides[0].files[2][1] = "{}";
    expect(world, PREFLIGHT_WARNING, "models.tuned",
           "has no tokenizer.json, vocab.json, tokenizer_config.json, which base has; exported models get "
           "tuned's "
           "files: put them there");
}

static void test_old_tokenizers(void **state)
{
    struct world *world = *state;
    for (int i = 0; i < 2; i++)
        world->sides[i].files[0][0] = "tokenizer.model", world->sides[i].files[0][1] = i ? "x" : "y";
    expect(world, PREFLIGHT_WARNING, "models", "tokenizer.model differs");
}

static void test_broken_file(void **state)
{
    struct world *world = *state;
    world->sides[1].files[1][0] = "tokenizer_config.json";
    world->sides[1].files[1][1] = "{\"bos_token\": ";
    expect(world, PREFLIGHT_WARNING, "models.tuned", "tokenizer_config.json: ");
}

/* Whoever reads a report at a terminal sees one line without colours and bells of a file's making. */
static void test_tokens_that_are_no_text(void **state)
{
    struct world *world = *state;
    world->sides[0].files[0][1] = TOKENIZER("{\"\\u001b[31m\\n\":0}", "");
    world->sides[1].files[0][1] = TOKENIZER("{\"\\u001b[31m\\n\":1}", "");
    expect(world, PREFLIGHT_ERROR, "models", "the first \"?[31m?\" 0 in base and 1 in tuned");
}

/* As if they were not there; nobody waits for what comes out of them. */
static void test_pipes(void **state)
{
    static const char *const names[] = {"tokenizer.json", "tokenizer_config.json", "chat_template.jinja"};
    struct world *world = *state;
    run(world);
    for (size_t i = 0; i < 3; i++) {
        char *path = mem_printf("%s/base/%s", world->root, names[i]);
        remove(path);
        assert_int_equal(mkfifo(path, 0600), 0);
        mem_free(path);
    }
    preflight_free(world->report);
    struct err err = {0};
    assert_int_equal(preflight_run(&world->spec, NULL, &world->report, &err), 0);
    found(world, PREFLIGHT_NOTE, "models.base", "has no tokenizer.json, which tuned has");
    found(world, PREFLIGHT_WARNING, "models.base", "tokenizer_config.json: is a pipe that nobody writes to");
}

static void test_special_tokens(void **state)
{
    struct world *world = *state;
    world->sides[0].files[1][0] = "special_tokens_map.json";
    world->sides[0].files[1][1] = "{\"eos_token\":{\"content\":\"</s>\"},\"bos_token\":\"<s>\"}";
    world->sides[1].files[1][0] = "tokenizer_config.json";
    world->sides[1].files[1][1] = "{\"eos_token\":\"<|im_end|>\",\"bos_token\":\"<s>\"}";
    for (int i = 0; i < 2; i++) {
        world->sides[i].files[2][0] = "generation_config.json";
        world->sides[i].files[2][1] = i ? "{\"eos_token_id\":[2,7]}" : "{\"eos_token_id\":2}";
    }
    world->sides[0].config = CONFIG(",\"pad_token_id\":0");
    run(world);
    found(world, PREFLIGHT_WARNING, "models",
          "eos_token is \"</s>\" in models.base and \"<|im_end|>\" in models.tuned");
    found(world, PREFLIGHT_WARNING, "models",
          "generation_config.json: eos_token_id is 2 in models.base and [2,7] in models.tuned");
    found(world, PREFLIGHT_WARNING, "models", "config.json: pad_token_id is 0 in models.base and nothing");
    assert_int_equal(preflight_count(world->report, PREFLIGHT_WARNING), 3);
    assert_int_equal(preflight_count(world->report, PREFLIGHT_ERROR), 0);
}

static void test_chat_templates(void **state)
{
    struct world *world = *state;
    struct side *base = &world->sides[0], *tuned = &world->sides[1];
    tuned->files[1][0] = "tokenizer_config.json";
    tuned->files[1][1] = "{\"chat_template\":\"{{ x }}\"}";
    expect(world, PREFLIGHT_NOTE, "models.base",
           "has no chat template, tuned has one (tokenizer_config.json)");
    base->files[1][0] = "chat_template.jinja";
    base->files[1][1] = "{{ x }}";
    run(world);
    assert_null(preflight_finding(world->report, 0));
    base->files[1][1] = "{{ y }}";
    expect(world, PREFLIGHT_WARNING, "models",
           "the chat templates differ (chat_template.jinja of base: 7 bytes");
    tuned->files[1][1] = "{}";
    expect(world, PREFLIGHT_WARNING, "models.tuned", "has no chat template, base has one");
    tuned->files[1][0] = "chat_template.json";
    tuned->files[1][1] = "{\"chat_template\":[{\"name\":\"default\",\"template\":\"{{ y }}\"}]}";
    expect(world, PREFLIGHT_WARNING, "models", "chat_template.json of tuned");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_moved_tokens),
        TEST(test_added_tokens),
        TEST(test_other_tokenizer_parts),
        TEST(test_missing_tokenizers),
        TEST(test_tokenizer_not_in_tuned),
        TEST(test_old_tokenizers),
        TEST(test_broken_file),
        TEST(test_tokens_that_are_no_text),
        TEST(test_pipes),
        TEST(test_special_tokens),
        TEST(test_chat_templates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
