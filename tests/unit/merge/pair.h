/* Small pairs of checkpoints for the tests of the plan. A tensor is a name and, after '|', what is special about it:
 * "w" is F32 [2] of ones, "w|twos" has other values, "w|rows" is F32 [3,2], "w|more" F32 [4,2], "w|half" BF16 [2],
 * "w|other half" F16 [2] of the same bytes,
 * "w|mask" U8 [1,1,2,2], "w|ids" I64 [2], "w|other ids" I64 [2] with other values. */
#ifndef TESTS_MERGE_PAIR_H
#define TESTS_MERGE_PAIR_H

#include "fixture.h"

#include "merge/plan/plan.h"

#define UNTIED "{\"tie_word_embeddings\":false}"
#define TIED "{\"tie_word_embeddings\":true}"

struct pair {
    char *directory;
    struct checkpoint *base, *tuned;
};

static UNUSED struct st_tensor pair_tensor(const char *text, char name[128])
{
    static const float ones[8] = {1, 1, 1, 1, 1, 1, 1, 1}, twos[2] = {2, 2};
    static const int64_t ids[2] = {7, 8}, other_ids[2] = {7, 9};
    const char *bar = strchr(text, '|'), *special = bar ? bar + 1 : "";
    snprintf(name, 128, "%.*s", (int)(bar ? bar - text : (long)strlen(text)), text);
    struct st_tensor t = fixture_f32(name, ones, 2);
    if (!strcmp(special, "twos"))
        t.data = twos;
    else if (!strcmp(special, "rows"))
        t = (struct st_tensor){name, ST_F32, 2, {3, 2}, 6, ones, 24, NULL, 0};
    else if (!strcmp(special, "more"))
        t = (struct st_tensor){name, ST_F32, 2, {4, 2}, 8, ones, 32, NULL, 0};
    else if (!strcmp(special, "half"))
        t = (struct st_tensor){name, ST_BF16, 1, {2}, 2, ones, 4, NULL, 0};
    else if (!strcmp(special, "other half"))
        t = (struct st_tensor){name, ST_F16, 1, {2}, 2, ones, 4, NULL, 0};
    else if (!strcmp(special, "mask"))
        t = (struct st_tensor){name, ST_U8, 4, {1, 1, 2, 2}, 4, ones, 4, NULL, 0};
    else if (!strcmp(special, "ids"))
        t = (struct st_tensor){name, ST_I64, 1, {2}, 2, ids, 16, NULL, 0};
    else if (!strcmp(special, "other ids"))
        t = (struct st_tensor){name, ST_I64, 1, {2}, 2, other_ids, 16, NULL, 0};
    else
        assert_string_equal(special, "");
    return t;
}

/* tensors: NULL at the end. */
static UNUSED struct checkpoint *pair_side(const struct pair *pair, const char *name, const char *config,
                                           const char *const *tensors)
{
    static struct st_tensor list[1024];
    static char names[1024][128];
    size_t n = 0;
    for (; tensors[n]; n++) {
        assert_true(n < 1024);
        list[n] = pair_tensor(tensors[n], names[n]);
    }
    struct err err = {0};
    char *directory = mem_printf("%s/%s", pair->directory, name);
    mkdir(directory, 0777);
    fixture_text(directory, "config.json", config);
    char *path = mem_printf("%s/model.safetensors", directory);
    struct checkpoint *ckpt;
    if (st_write(path, list, n, &err) || checkpoint_open(directory, &ckpt, &err))
        fail_msg("%s", err.text);
    mem_free(path);
    mem_free(directory);
    return ckpt;
}

static UNUSED struct pair pair_of(const char *base_config, const char *const *base, const char *tuned_config,
                                  const char *const *tuned)
{
    struct pair pair = {.directory = fixture_directory()};
    pair.base = pair_side(&pair, "base", base_config, base);
    pair.tuned = pair_side(&pair, "tuned", tuned_config, tuned);
    return pair;
}

static UNUSED struct pair open_pair(const char *config, const char *const *base, const char *const *tuned)
{
    return pair_of(config, base, config, tuned);
}

static UNUSED void close_pair(struct pair *pair)
{
    checkpoint_close(pair->base);
    checkpoint_close(pair->tuned);
    fixture_remove(pair->directory);
}

static UNUSED struct plan *planned(const struct pair *pair, const struct search_spec *spec)
{
    struct err err = {0};
    struct plan *plan;
    if (plan_make(spec, pair->base, pair->tuned, &plan, &err))
        fail_msg("%s", err.text);
    return plan;
}

static UNUSED void refused(const struct pair *pair, const struct search_spec *spec, const char *says)
{
    struct err err = {0};
    struct plan *plan;
    fixture_refused(plan_make(spec, pair->base, pair->tuned, &plan, &err), ERR_INVALID, &err, says);
    assert_null(plan);
}

static UNUSED const struct plan_entry *entry(const struct plan *plan, const char *name)
{
    const struct plan_entry *found = plan_find(plan, name);
    if (!found)
        fail_msg("%s is not in the plan", name);
    return found;
}

static UNUSED const struct plan_dropped *dropped(const struct plan *plan, const char *name)
{
    for (size_t i = 0; i < plan->dropped_n; i++)
        if (strcmp(plan->dropped[i].tensor, name) == 0)
            return &plan->dropped[i];
    fail_msg("%s is not dropped", name);
    return NULL;
}

#endif
