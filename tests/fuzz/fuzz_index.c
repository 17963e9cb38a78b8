/* A sharded checkpoint: model.safetensors.index.json, then, each after a zero byte (JSON holds none), config.json and
 * the shard x.safetensors. one.safetensors and two.safetensors are always there and whole. */
#include "tests/fuzz/fuzz.h"

#include "merge/files/checkpoint.h"

static void put(const char *name, const void *bytes, size_t n)
{
    char *path = fuzz_path(name);
    fuzz_write(path, bytes, n);
    mem_free(path);
}

static void put_shard(const char *name, const char *const *tensors, size_t n)
{
    static const float values[2] = {1, 2};
    struct st_tensor list[4];
    struct err err = {0};
    char *path = fuzz_path(name);
    MUST(n <= 4);
    for (size_t i = 0; i < n; i++)
        list[i] = (struct st_tensor){.name = tensors[i],
                                     .dtype = ST_F32,
                                     .rank = 1,
                                     .shape = {2},
                                     .elements = 2,
                                     .data = values,
                                     .bytes = 8};
    MUST(st_write(path, list, n, &err) == 0);
    mem_free(path);
}

/* The tensors are the lines of the index: each once, by name, with bytes that can be read. */
static void look(const struct checkpoint *ckpt)
{
    size_t n = checkpoint_count(ckpt);
    struct err err = {0};
    MUST(n > 0 && !checkpoint_at(ckpt, n) && json_is(checkpoint_config(ckpt), JSON_OBJECT));
    for (size_t i = 0; i < n; i++) {
        const struct st_tensor *t = checkpoint_at(ckpt, i);
        MUST(i == 0 || strcmp(checkpoint_at(ckpt, i - 1)->name, t->name) < 0);
        MUST(checkpoint_find(ckpt, t->name) == t);
        float value;
        int rc = t->elements ? tensor_to_f32(t, t->elements - 1, 1, &value, &err) : 0;
        MUST(rc == 0 || rc == ERR_UNSUPPORTED);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const one[] = {"b", "d"}, *const two[] = {"a", "c"};
    static bool ready;
    if (!ready) {
        put_shard("one.safetensors", one, 2);
        put_shard("two.safetensors", two, 2);
        ready = true;
    }
    const uint8_t *end = data + size, *config = size ? memchr(data, 0, size) : NULL;
    const uint8_t *shard = config ? memchr(config + 1, 0, (size_t)(end - config - 1)) : NULL;
    put("model.safetensors.index.json", data, (size_t)((config ? config : end) - data));
    if (config)
        put("config.json", config + 1, (size_t)((shard ? shard : end) - config - 1));
    else
        put("config.json", "{}", 2);
    put("x.safetensors", shard ? shard + 1 : data, shard ? (size_t)(end - shard - 1) : 0);

    struct err err = {0};
    struct checkpoint *ckpt = NULL;
    int rc = checkpoint_open(fuzz_directory(), &ckpt, &err);
    if (rc)
        fuzz_refused(rc, &err, ckpt);
    else
        look(ckpt);
    checkpoint_close(ckpt);
    return 0;
}
