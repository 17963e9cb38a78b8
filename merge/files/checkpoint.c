#include "merge/files/checkpoint.h"

#include "merge/files/safetensors_internal.h"
#include "merge/floats.h"
#include "proto/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONFIG_MAX (1u << 20)
#define INDEX_MAX (32u << 20) /* the largest public indices have 10 MB */

struct shard {
    const char *name; /* file name, borrows from the index */
    struct st_file *file;
};

/* One line of the index. */
struct mapping {
    const char *tensor, *shard;
};

struct checkpoint {
    char *directory;
    struct json *config;
    struct json *index; /* NULL with one file */
    size_t shards_n;
    struct shard *shards; /* [shards_n], ascending name */
    size_t n;
    const struct st_tensor **tensors; /* [n], ascending name */
    struct hash128 identity;
};

static int by_tensor_name(const void *a, const void *b)
{
    const struct st_tensor *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

static int by_mapped_tensor(const void *a, const void *b)
{
    return strcmp(((const struct mapping *)a)->tensor, ((const struct mapping *)b)->tensor);
}

static int by_shard_name(const void *a, const void *b)
{
    return strcmp(((const struct shard *)a)->name, ((const struct shard *)b)->name);
}

static bool present(const char *directory, const char *name)
{
    char *path = mem_printf("%s/%s", directory, name);
    bool yes = access(path, F_OK) == 0;
    mem_free(path);
    return yes;
}

/* Says what the file is when it is no JSON but something well known; leaves *err else. */
static void explain(const char *path, struct err *err)
{
    unsigned char start[64];
    FILE *file = fopen(path, "rbe");
    size_t n = file ? fread(start, 1, sizeof start, file) : 0;
    if (file)
        fclose(file);
    const char *what = n && start[0] != '{' ? st_mistaken_for(start, n) : NULL;
    if (what)
        err_set(err, ERR_CORRUPT, "%s: is not JSON: %s", st_show_path(path), what);
}

static int read_json(const struct checkpoint *ckpt, const char *name, size_t max, struct json **out,
                     struct err *err)
{
    char *path = mem_printf("%s/%s", ckpt->directory, name);
    int rc = json_parse_file(path, max, out, err);
    if (rc == ERR_INVALID) {
        rc = err ? (err->code = ERR_CORRUPT) : ERR_CORRUPT;
        explain(path, err);
    }
    if (!rc && !json_is(*out, JSON_OBJECT))
        rc = err_set(err, ERR_CORRUPT, "%s: must be a JSON object, is %s", path,
                     json_type_name(json_type(*out)));
    mem_free(path);
    return rc;
}

static int open_shard(const struct checkpoint *ckpt, struct shard *shard, struct err *err)
{
    char *path = mem_printf("%s/%s", ckpt->directory, shard->name);
    int rc = st_open(path, &shard->file, err);
    if (rc == ERR_NOT_FOUND && ckpt->index)
        err_set(err, rc,
                "%s: cannot be opened: it is not there, though model.safetensors.index.json names it; "
                "download it again",
                st_show_path(path));
    mem_free(path);
    return rc;
}

/* --- the index --- */

static int index_fail(const struct checkpoint *ckpt, struct err *err, const char *tensor, const char *what,
                      const char *shard)
{
    return err_set(err, ERR_CORRUPT, "%s/model.safetensors.index.json: tensor \"%s\" %s \"%s\"",
                   ckpt->directory, st_show(tensor).text, what, st_show(shard).text);
}

/* A shard is a file beside the index: a path out of the directory is somebody's mistake or trick. */
static bool plain_name(const char *name)
{
    for (const char *c = name; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7F)
            return false;
    return name[0] && !strchr(name, '/') && strcmp(name, ".") != 0 && !strstr(name, "..");
}

/* The lines of weight_map, ascending tensor name. The caller frees *out, also after a failure. */
static int read_index(struct checkpoint *ckpt, struct mapping **out, size_t *out_n, struct err *err)
{
    *out = NULL;
    int rc = read_json(ckpt, "model.safetensors.index.json", INDEX_MAX, &ckpt->index, err);
    if (rc)
        return rc;
    const struct json *map = json_get(ckpt->index, "weight_map");
    if (!json_is(map, JSON_OBJECT) || !json_first(map))
        return err_set(err, ERR_CORRUPT, "%s/model.safetensors.index.json: weight_map is missing or empty",
                       ckpt->directory);
    size_t n = 0;
    *out = mem_zero(json_len(map), sizeof **out);
    for (const struct json *line = json_first(map); line; line = json_next(line)) {
        const char *shard = json_string_or(line, NULL);
        if (!shard || !plain_name(shard))
            return index_fail(ckpt, err, json_key(line),
                              "must be mapped to a file name in the same directory, not",
                              shard ? shard : json_type_name(json_type(line)));
        (*out)[n++] = (struct mapping){json_key(line), shard};
    }
    qsort(*out, n, sizeof **out, by_mapped_tensor);
    *out_n = n;
    return 0;
}

/* Opens every file the index names, once. */
static int open_shards(struct checkpoint *ckpt, const struct mapping *map, size_t n, struct err *err)
{
    ckpt->shards = mem_zero(n, sizeof *ckpt->shards);
    for (size_t i = 0; i < n; i++)
        ckpt->shards[i].name = map[i].shard;
    qsort(ckpt->shards, n, sizeof *ckpt->shards, by_shard_name);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || strcmp(ckpt->shards[i].name, ckpt->shards[ckpt->shards_n - 1].name) != 0)
            ckpt->shards[ckpt->shards_n++] = ckpt->shards[i];
    for (size_t i = 0; i < ckpt->shards_n; i++) {
        int rc = open_shard(ckpt, &ckpt->shards[i], err);
        if (rc)
            return rc;
    }
    return 0;
}

/* Every line of the index must be found in its shard … */
static int find_mapped(struct checkpoint *ckpt, const struct mapping *map, size_t n, struct err *err)
{
    ckpt->tensors = mem_zero(n, sizeof *ckpt->tensors);
    for (size_t i = 0; i < n; i++) {
        struct shard key = {.name = map[i].shard};
        const struct shard *shard =
            bsearch(&key, ckpt->shards, ckpt->shards_n, sizeof *ckpt->shards, by_shard_name);
        ckpt->tensors[i] = st_find(shard->file, map[i].tensor);
        if (!ckpt->tensors[i])
            return index_fail(ckpt, err, map[i].tensor, "is not in its file", map[i].shard);
    }
    ckpt->n = n;
    return 0;
}

/* … and every tensor of a shard must be such a line, or two readers could see two models. */
static int check_unmapped(const struct checkpoint *ckpt, const struct mapping *map, size_t n, struct err *err)
{
    for (size_t s = 0; s < ckpt->shards_n; s++) {
        const struct shard *shard = &ckpt->shards[s];
        for (size_t i = 0; i < st_count(shard->file); i++) {
            struct mapping key = {.tensor = st_at(shard->file, i)->name};
            const struct mapping *line = bsearch(&key, map, n, sizeof *map, by_mapped_tensor);
            if (!line)
                return index_fail(ckpt, err, key.tensor, "is missing in weight_map, but stands in",
                                  shard->name);
            if (strcmp(line->shard, shard->name) != 0)
                return index_fail(ckpt, err, key.tensor, "is mapped to another file, but stands also in",
                                  shard->name);
        }
    }
    return 0;
}

static int open_indexed(struct checkpoint *ckpt, struct err *err)
{
    struct mapping *map;
    size_t n = 0;
    int rc = read_index(ckpt, &map, &n, err);
    if (!rc)
        rc = open_shards(ckpt, map, n, err);
    if (!rc)
        rc = find_mapped(ckpt, map, n, err);
    if (!rc)
        rc = check_unmapped(ckpt, map, n, err);
    mem_free(map);
    return rc;
}

/* --- which files --- */

/* Taken before and after config.json is read, so that a change between the two gives an identity of its own. */
static void identify_config(const struct checkpoint *ckpt, uint64_t out[ST_IDENTITY_N])
{
    struct stat st;
    char *path = mem_printf("%s/config.json", ckpt->directory);
    if (stat(path, &st) == 0)
        st_stat_identity(&st, out);
    mem_free(path);
}

static void identify(struct checkpoint *ckpt, const uint64_t config_before[ST_IDENTITY_N])
{
    uint64_t numbers[ST_IDENTITY_N] = {0};
    struct hash_stream *stream = hash_create();
    identify_config(ckpt, numbers);
    hash_add(stream, config_before, sizeof numbers);
    hash_add(stream, numbers, sizeof numbers);
    for (size_t i = 0; i < ckpt->shards_n; i++) {
        st_identity(ckpt->shards[i].file, numbers);
        hash_add(stream, numbers, sizeof numbers);
    }
    ckpt->identity = hash_value(stream);
    hash_destroy(stream);
}

/* --- opening --- */

static int open_single(struct checkpoint *ckpt, struct err *err)
{
    ckpt->shards = mem_zero(1, sizeof *ckpt->shards);
    ckpt->shards_n = 1;
    ckpt->shards[0].name = "model.safetensors";
    int rc = open_shard(ckpt, &ckpt->shards[0], err);
    if (rc)
        return rc;
    ckpt->n = st_count(ckpt->shards[0].file);
    ckpt->tensors = mem_zero(ckpt->n, sizeof *ckpt->tensors);
    for (size_t i = 0; i < ckpt->n; i++)
        ckpt->tensors[i] = st_at(ckpt->shards[0].file, i);
    qsort(ckpt->tensors, ckpt->n, sizeof *ckpt->tensors, by_tensor_name);
    return 0;
}

/* The "organisation/name" at the end of a path when that organisation is no directory either; NULL otherwise. */
static const char *hub_name(const char *directory)
{
    const char *name = strrchr(directory, '/');
    if (!name || name == directory || !name[1])
        return NULL;
    char *parent = mem_strndup(directory, (size_t)(name - directory));
    const char *slash = strrchr(parent, '/');
    bool there = access(parent, F_OK) == 0;
    const char *found = there ? NULL : slash ? directory + (slash - parent) + 1 : directory;
    mem_free(parent);
    return found;
}

/* Which of the things that are not there to speak of. */
static int check_directory(const char *directory, struct err *err)
{
    struct stat st;
    const char *slash = strrchr(directory, '/');
    if (stat(directory, &st) == 0 && !S_ISDIR(st.st_mode))
        return err_set(err, ERR_NOT_FOUND, "%s: is a file; give its directory, %.*s", directory,
                       slash && slash > directory ? (int)(slash - directory) : 1, slash ? directory : ".");
    if (access(directory, F_OK) != 0) {
        const char *hub = hub_name(directory);
        return hub ? err_set(err, ERR_NOT_FOUND,
                             "%s: there is no such directory; hub names such as \"%s\" are not downloaded; "
                             "give a "
                             "local directory",
                             directory, hub)
                   : err_set(err, ERR_NOT_FOUND, "%s: there is no such directory", directory);
    }
    if (!present(directory, "config.json"))
        return err_set(err, ERR_NOT_FOUND,
                       "%s: holds no config.json; give the directory of a Hugging Face checkpoint",
                       directory);
    if (present(directory, "model.safetensors.index.json") || present(directory, "model.safetensors"))
        return 0;
    bool pickle =
        present(directory, "pytorch_model.bin") || present(directory, "pytorch_model.bin.index.json");
    return err_set(err, ERR_NOT_FOUND,
                   "%s: holds neither model.safetensors nor model.safetensors.index.json; %s", directory,
                   pickle ? "convert its pytorch_model.bin to safetensors" : "download it again");
}

int checkpoint_open(const char *directory, struct checkpoint **out, struct err *err)
{
    *out = NULL;
    int rc = check_directory(directory, err);
    if (rc)
        return rc;
    struct checkpoint *ckpt = mem_zero(1, sizeof *ckpt);
    ckpt->directory = mem_strdup(directory);
    uint64_t config_before[ST_IDENTITY_N] = {0};
    identify_config(ckpt, config_before);
    rc = read_json(ckpt, "config.json", CONFIG_MAX, &ckpt->config, err);
    if (!rc)
        rc = present(directory, "model.safetensors.index.json") ? open_indexed(ckpt, err)
                                                                : open_single(ckpt, err);
    if (!rc && ckpt->n == 0)
        rc = err_set(err, ERR_CORRUPT, "%s: model.safetensors holds no tensors", directory);
    if (rc) {
        checkpoint_close(ckpt);
        return rc;
    }
    identify(ckpt, config_before);
    *out = ckpt;
    return 0;
}

void checkpoint_close(struct checkpoint *ckpt)
{
    if (!ckpt)
        return;
    for (size_t i = 0; i < ckpt->shards_n; i++)
        st_close(ckpt->shards[i].file);
    mem_free(ckpt->shards);
    mem_free(ckpt->tensors);
    json_free(ckpt->config);
    json_free(ckpt->index);
    mem_free(ckpt->directory);
    mem_free(ckpt);
}

struct hash128 checkpoint_identity(const struct checkpoint *ckpt)
{
    return ckpt->identity;
}

static bool same_file(const struct checkpoint *a, const char *name_a, const struct checkpoint *b,
                      const char *name_b)
{
    struct stat x, y;
    char *path_a = mem_printf("%s/%s", a->directory, name_a);
    char *path_b = mem_printf("%s/%s", b->directory, name_b);
    bool same =
        stat(path_a, &x) == 0 && stat(path_b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
    mem_free(path_a);
    mem_free(path_b);
    return same;
}

bool checkpoint_is_shadowed(const struct checkpoint *ckpt)
{
    const struct shard key = {.name = "model.safetensors"};
    return ckpt->index && present(ckpt->directory, key.name) &&
           !bsearch(&key, ckpt->shards, ckpt->shards_n, sizeof *ckpt->shards, by_shard_name);
}

bool checkpoint_same_files(const struct checkpoint *a, const struct checkpoint *b)
{
    if (a->shards_n != b->shards_n)
        return false;
    for (size_t i = 0; i < a->shards_n; i++)
        if (!same_file(a, a->shards[i].name, b, b->shards[i].name))
            return false;
    return true;
}

const char *checkpoint_directory(const struct checkpoint *ckpt)
{
    return ckpt->directory;
}

const struct json *checkpoint_config(const struct checkpoint *ckpt)
{
    return ckpt->config;
}

size_t checkpoint_count(const struct checkpoint *ckpt)
{
    return ckpt->n;
}

const struct st_tensor *checkpoint_at(const struct checkpoint *ckpt, size_t i)
{
    return i < ckpt->n ? ckpt->tensors[i] : NULL;
}

const struct st_tensor *checkpoint_find(const struct checkpoint *ckpt, const char *name)
{
    struct st_tensor named = {.name = name};
    const struct st_tensor *key = &named;
    const struct st_tensor *const *found =
        bsearch(&key, ckpt->tensors, ckpt->n, sizeof *ckpt->tensors, by_tensor_name);
    return found ? *found : NULL;
}

/* Elements a block: 1 MiB of F32. */
#define WIDEN_N (1u << 18)

static int widen(const struct st_tensor *tensor, uint64_t first, uint64_t n, void *room, float *out,
                 struct err *err)
{
    size_t size = st_dtype_bits(tensor->dtype) / 8;
    for (uint64_t i = 0; i < n; i += WIDEN_N) {
        size_t block = n - i < WIDEN_N ? (size_t)(n - i) : WIDEN_N;
        const void *bytes = st_read(tensor, (first + i) * size, block * size, room, err);
        if (!bytes)
            return err && err->code ? err->code : ERR_IO;
        floats_widen(tensor->dtype, bytes, block, out + i);
    }
    return 0;
}

int tensor_to_f32(const struct st_tensor *tensor, uint64_t first, uint64_t n, float *out, struct err *err)
{
    if (!floats_can(tensor->dtype))
        return err_set(err, ERR_UNSUPPORTED,
                       "tensor \"%.200s\" has dtype %s; only F32, F16, BF16 and F64 are numbers "
                       "to compute with",
                       tensor->name, st_dtype_name(tensor->dtype));
    if (first > tensor->elements || n > tensor->elements - first)
        return err_set(err, ERR_INVALID,
                       "tensor \"%.200s\" has %llu elements; %llu from %llu on are too many", tensor->name,
                       (unsigned long long)tensor->elements, (unsigned long long)n,
                       (unsigned long long)first);
    size_t block = (n < WIDEN_N ? (size_t)n : WIDEN_N) * (st_dtype_bits(tensor->dtype) / 8);
    void *room = st_read_copies(tensor) && n ? mem_zero(block, 1) : NULL;
    int rc = widen(tensor, first, n, room, out, err);
    mem_free(room);
    return rc;
}
