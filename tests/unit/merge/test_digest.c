/* The identity of a checkpoint: the same wherever it lies and however it is sharded, another when anything differs. */
#include "fixture.h"

#include "merge/files/digest.h"

#define CONFIG "{\"model_type\":\"llama\",\"rope_theta\":10000.0,\"torch_dtype\":\"bfloat16\"}"

static const float ones[4] = {1, 1, 1, 1}, twos[4] = {2, 2, 2, 2};

struct world {
    char *root;
};

static int begin(void **state)
{
    struct world *world = mem_zero(1, sizeof *world);
    world->root = fixture_directory();
    *state = world;
    return 0;
}

static int end(void **state)
{
    struct world *world = *state;
    fixture_remove(world->root);
    mem_free(world);
    return 0;
}

/* Writes DIR/NAME/{config.json, FILE}. */
static char *put(const struct world *world, const char *name, const char *config, const char *file,
                 const struct st_tensor *tensors, size_t n)
{
    struct err err = {0};
    char *directory = mem_printf("%s/%s", world->root, name);
    mkdir(directory, 0777);
    fixture_text(directory, "config.json", config);
    char *path = mem_printf("%s/%s", directory, file);
    assert_int_equal(st_write(path, tensors, n, &err), 0);
    mem_free(path);
    return directory;
}

static struct digest digest_of(const char *directory, struct checkpoint **ckpt)
{
    struct err err = {0};
    struct digest digest;
    if (checkpoint_open(directory, ckpt, &err) || digest_make(*ckpt, NULL, &digest, &err))
        fail_msg("%s", err.text);
    return digest;
}

static struct hash128 whole_of(char *directory)
{
    struct checkpoint *ckpt;
    struct digest digest = digest_of(directory, &ckpt);
    struct hash128 whole = digest.whole;
    digest_fini(&digest);
    checkpoint_close(ckpt);
    mem_free(directory);
    return whole;
}

static void test_shards_and_order_do_not_count(void **state)
{
    const struct world *world = *state;
    struct st_tensor ab[] = {fixture_f32("a", ones, 4), fixture_f32("b", twos, 4)};
    struct hash128 whole = whole_of(put(world, "whole", CONFIG, "model.safetensors", ab, 2));
    /* "b" lies in the first file, "a" in the second */
    mem_free(put(world, "shards", CONFIG, "x.safetensors", &ab[1], 1));
    char *shards = put(world, "shards", CONFIG, "y.safetensors", &ab[0], 1);
    fixture_text(shards, "model.safetensors.index.json",
                 "{\"weight_map\":{\"a\":\"y.safetensors\",\"b\":\"x.safetensors\"}}");
    assert_true(hash_equal(whole, whole_of(shards)));
}

static void test_what_counts(void **state)
{
    const struct world *world = *state;
    struct st_tensor a = fixture_f32("a", ones, 4), value = fixture_f32("a", twos, 4), name = a, shape = a,
                     dtype = a;
    name.name = "b";
    shape.rank = 2, shape.shape[0] = shape.shape[1] = 2;
    dtype.dtype = ST_U32;
    struct hash128 whole = whole_of(put(world, "a", CONFIG, "model.safetensors", &a, 1));
    const struct st_tensor *others[] = {&value, &name, &shape, &dtype};
    for (size_t i = 0; i < 4; i++) {
        char *directory = mem_printf("other%zu", i);
        assert_false(
            hash_equal(whole, whole_of(put(world, directory, CONFIG, "model.safetensors", others[i], 1))));
        mem_free(directory);
    }
    assert_true(hash_equal(whole, whole_of(put(world, "again", CONFIG, "model.safetensors", &a, 1))));
}

static void test_config_counts_by_what_it_says(void **state)
{
    const struct world *world = *state;
    struct st_tensor a = fixture_f32("a", ones, 4);
    struct hash128 whole = whole_of(put(world, "a", CONFIG, "model.safetensors", &a, 1));
    struct hash128 same = whole_of(put(world, "b",
                                       "{ \"transformers_version\": \"5\", \"rope_theta\": 10000,\n"
                                       " \"_name_or_path\":\"x\", \"dtype\":\"f\", \"model_type\":\"llama\"}",
                                       "model.safetensors", &a, 1));
    struct hash128 other = whole_of(
        put(world, "c", "{\"model_type\":\"llama\",\"rope_theta\":500000.0}", "model.safetensors", &a, 1));
    assert_true(hash_equal(whole, same));
    assert_false(hash_equal(whole, other));
}

/* The very number: a digest is kept for years, so its definition may not drift. */
static void test_golden(void **state)
{
    char hex[HASH_TEXT_MAX], data[HASH_TEXT_MAX], config[HASH_TEXT_MAX], text[256];
    struct st_tensor a = fixture_f32("a", ones, 4);
    hash_print(whole_of(put(*state, "a", CONFIG, "model.safetensors", &a, 1)), hex);
    hash_print(hash_bytes(ones, sizeof ones), data);
    hash_print(hash_bytes("{\"model_type\":\"llama\",\"rope_theta\":10000}", 41), config);
    snprintf(text, sizeof text, "a F32 [4] %s\nconfig %s\n", data, config);
    char want[HASH_TEXT_MAX];
    hash_print(hash_bytes(text, strlen(text)), want);
    assert_string_equal(hex, want);
    assert_string_equal(hex, "7c7f25e369f2787f039766f9c8a4aada");
}

static int count_ticks(void *ctx, uint64_t done, uint64_t total)
{
    assert_true(done <= total);
    ++*(int *)ctx;
    return 0;
}

static int refuse_tick(void *ctx, uint64_t done, uint64_t total)
{
    (void)ctx, (void)done, (void)total;
    return 1;
}

static void test_read_once(void **state)
{
    int ticks = 0;
    struct err err = {0};
    struct checkpoint *ckpt;
    struct digest digest, again;
    struct digest_progress count = {count_ticks, &ticks}, refuse = {refuse_tick, NULL};
    struct st_tensor a = fixture_f32("a", ones, 4), b = fixture_f32("a", twos, 4);
    char *directory = put(*state, "a", CONFIG, "model.safetensors", &a, 1);
    assert_int_equal(checkpoint_open(directory, &ckpt, &err), 0);
    fixture_refused(digest_make(ckpt, &refuse, &digest, &err), ERR_CANCELLED, &err, directory);
    assert_int_equal(digest_make(ckpt, &count, &digest, &err), 0);
    assert_int_equal(ticks, 1);
    assert_int_equal(digest_make(ckpt, &count, &again, &err), 0);
    assert_int_equal(ticks, 1);
    assert_true(hash_equal(digest.whole, again.whole));
    assert_memory_equal(digest.tensors, again.tensors, sizeof *digest.tensors);
    digest_fini(&again);
    checkpoint_close(ckpt);
    /* other bytes of the same size in the same place are read again */
    mem_free(put(*state, "a", CONFIG, "model.safetensors", &b, 1));
    again = digest_of(directory, &ckpt);
    assert_false(hash_equal(digest.whole, again.whole));
    digest_fini(&again);
    digest_fini(&digest);
    checkpoint_close(ckpt);
    mem_free(directory);
}

static struct json *written(const struct checkpoint *ckpt, const struct digest *digest)
{
    struct buf text;
    struct json_out out;
    struct json *j;
    struct err err = {0};
    buf_init(&text, 1u << 20);
    json_begin(&out, &text);
    digest_write(ckpt, digest, &out);
    if (json_parse(buf_str(&text), text.len, &j, &err))
        fail_msg("%s", err.text);
    buf_fini(&text);
    return j;
}

/* Ours is a checkpoint with these tensors, theirs one with a = 1 and c = 1. */
static void compare(void **state, const struct st_tensor *tensors, size_t n, const char *config,
                    const char *says)
{
    struct err err = {0};
    struct checkpoint *ckpt, *other;
    struct st_tensor ac[] = {fixture_f32("a", ones, 4), fixture_f32("c", ones, 4)};
    char *theirs = put(*state, "theirs", CONFIG, "model.safetensors", ac, 2);
    char *mine = put(*state, "mine", config, "model.safetensors", tensors, n);
    struct digest a = digest_of(theirs, &ckpt), b = digest_of(mine, &other);
    struct json *j = written(ckpt, &a);
    int rc = digest_compare("models.base", other, &b, j, &err);
    if (says) {
        fixture_refused(rc, ERR_CONFLICT, &err, says);
        assert_non_null(strstr(err.text, "models.base: "));
        assert_non_null(strstr(err.text, mine));
    } else
        assert_int_equal(rc, 0);
    json_free(j);
    digest_fini(&a);
    digest_fini(&b);
    checkpoint_close(ckpt);
    checkpoint_close(other);
    mem_free(theirs);
    mem_free(mine);
}

static void test_compare(void **state)
{
    struct st_tensor a = fixture_f32("a", ones, 4), b = fixture_f32("b", ones, 4),
                     c = fixture_f32("c", ones, 4), d = fixture_f32("d", ones, 4),
                     other = fixture_f32("c", twos, 4), shaped = c;
    shaped.rank = 2, shaped.shape[0] = shaped.shape[1] = 2;
    compare(state, (struct st_tensor[]){a, c}, 2, CONFIG, NULL);
    compare(state, (struct st_tensor[]){a, other}, 2, CONFIG, "tensor \"c\"");
    compare(state, (struct st_tensor[]){a}, 1, CONFIG, "lacks tensor \"c\"");
    compare(state, (struct st_tensor[]){c}, 1, CONFIG, "lacks tensor \"a\"");
    compare(state, (struct st_tensor[]){a, b, c}, 3, CONFIG, "holds tensor \"b\"");
    compare(state, (struct st_tensor[]){a, c, d}, 3, CONFIG, "holds tensor \"d\"");
    compare(state, (struct st_tensor[]){a, c}, 2, "{\"model_type\":\"gemma\"}", "/config.json differs");
    compare(state, (struct st_tensor[]){a, shaped}, 2, CONFIG, "another checkpoint");
}

/* A lease has the digest alone. */
static void test_compare_by_the_digest_alone(void **state)
{
    struct err err = {0};
    struct json *j;
    struct checkpoint *ckpt;
    struct st_tensor a = fixture_f32("a", ones, 4);
    char *directory = put(*state, "a", CONFIG, "model.safetensors", &a, 1), hex[HASH_TEXT_MAX];
    struct digest digest = digest_of(directory, &ckpt);
    static const char *const wrong[] = {"{\"digest\":\"00000000000000000000000000000000\"}", "{}", "3"};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(json_parse(wrong[i], strlen(wrong[i]), &j, &err), 0);
        fixture_refused(digest_compare("models.tuned", ckpt, &digest, j, &err), ERR_CONFLICT, &err,
                        "another checkpoint");
        json_free(j);
    }
    hash_print(digest.whole, hex);
    char *text = mem_printf("{\"digest\":\"%s\"}", hex);
    assert_int_equal(json_parse(text, strlen(text), &j, &err), 0);
    assert_int_equal(digest_compare("models.tuned", ckpt, &digest, j, &err), 0);
    json_free(j);
    mem_free(text);
    digest_fini(&digest);
    checkpoint_close(ckpt);
    mem_free(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_shards_and_order_do_not_count, begin, end),
        cmocka_unit_test_setup_teardown(test_what_counts, begin, end),
        cmocka_unit_test_setup_teardown(test_config_counts_by_what_it_says, begin, end),
        cmocka_unit_test_setup_teardown(test_golden, begin, end),
        cmocka_unit_test_setup_teardown(test_read_once, begin, end),
        cmocka_unit_test_setup_teardown(test_compare, begin, end),
        cmocka_unit_test_setup_teardown(test_compare_by_the_digest_alone, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
