/* config.json of both checkpoints, and what it says about the tensors. */
#include "merge/preflight/preflight_internal.h"

#include "merge/floats.h"
#include "merge/preflight/native_config.h"
#include "proto/buf.h"
#include "proto/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VALUE_MAX 65536

struct preflight_value preflight_value(const struct json *value)
{
    struct preflight_value out = {"nothing"};
    struct buf text;
    if (!value)
        return out;
    buf_init(&text, VALUE_MAX);
    json_write(&text, value);
    size_t n = text.len < sizeof out.text ? text.len : sizeof out.text - 4;
    while (n < text.len && n > 0 && ((unsigned char)buf_str(&text)[n] & 0xc0) == 0x80)
        n--; /* not within a character */
    snprintf(out.text, sizeof out.text, "%.*s%s", (int)n, buf_str(&text), n < text.len ? "…" : "");
    buf_fini(&text);
    return out;
}

static int by_key(const void *a, const void *b)
{
    return strcmp(json_key(*(const struct json *const *)a), json_key(*(const struct json *const *)b));
}

/* The members of an object by ascending key, the elements of an array as they are: whoever looks each key up walks the
 * object once a key, and a file of a MiB has 100,000. mem_free. */
static const struct json **members_of(const struct json *j, size_t *n)
{
    const struct json **members = mem_zero(json_len(j) + 1, sizeof *members);
    *n = 0;
    for (const struct json *m = json_first(j); m; m = json_next(m))
        members[(*n)++] = m;
    if (json_is(j, JSON_OBJECT))
        qsort(members, *n, sizeof *members, by_key);
    return members;
}

static bool same_members(const struct json *a, const struct json *b)
{
    size_t n, m;
    const struct json **x = members_of(a, &n), **y = members_of(b, &m);
    bool same = n == m, object = json_is(a, JSON_OBJECT);
    for (size_t i = 0; i < n && same; i++)
        same = (!object || strcmp(json_key(x[i]), json_key(y[i])) == 0) && preflight_same(x[i], y[i]);
    mem_free(x);
    mem_free(y);
    return same;
}

/* The depth is bounded by JSON_DEPTH_MAX. */
bool preflight_same(const struct json *a, const struct json *b)
{
    if (!a || !b || json_type(a) != json_type(b))
        return (!a || json_is(a, JSON_NULL)) && (!b || json_is(b, JSON_NULL));
    switch (json_type(a)) {
    case JSON_STRING:
        return strcmp(json_string_or(a, ""), json_string_or(b, "")) == 0;
    case JSON_NUMBER:
        return json_number_or(a, 0) == json_number_or(b, 0);
    case JSON_BOOL:
        return json_bool_or(a, false) == json_bool_or(b, false);
    case JSON_NULL:
        return true;
    default:
        return same_members(a, b);
    }
}

/* What a key means that is not there: newer programs write defaults out. */
static bool is_default(const struct json *value)
{
    return !value || json_is(value, JSON_NULL) || (json_is(value, JSON_BOOL) && !json_bool_or(value, true)) ||
           (json_is(value, JSON_NUMBER) && json_number_or(value, 1) == 0);
}

/* Keys that say how matrices are to be read: with other heads the same shapes mean other things. */
static const char *const shaping[] = {"model_type", "num_attention_heads", "n_head", "num_key_value_heads",
                                      "head_dim",   "num_experts_per_tok"};
/* Keys with checks of their own, or that say nothing about what the model computes. */
static const char *const aside[] = {"_name_or_path",
                                    "transformers_version",
                                    "torch_dtype",
                                    "dtype",
                                    "tie_word_embeddings",
                                    "vocab_size",
                                    "num_hidden_layers",
                                    "n_layer",
                                    "n_layers",
                                    "num_layers",
                                    "bos_token_id",
                                    "eos_token_id",
                                    "pad_token_id",
                                    "use_cache",
                                    "_attn_implementation",
                                    "attn_implementation",
                                    "auto_map",
                                    "unsloth_version",
                                    "initializer_range",
                                    "pretraining_tp",
                                    "torchscript"};

static bool among(const char *key, const char *const *keys, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(key, keys[i]) == 0)
            return true;
    return false;
}

struct differences {
    struct buf text;
    size_t n;
    struct native_difference native[NATIVE_CONFIG_KEYS]; /* said as errors already */
    size_t native_n;
};

/* Those of rope may stand in objects of their own. */
static bool is_said(const struct differences *said, const char *key)
{
    static const char *const of_rope[] = {"rope_theta",       "rope_type",
                                          "factor",           "low_freq_factor",
                                          "high_freq_factor", "original_max_position_embeddings"};
    bool rope = strcmp(key, "rope_scaling") == 0 || strcmp(key, "rope_parameters") == 0;
    for (size_t i = 0; i < said->native_n; i++)
        if (strcmp(said->native[i].key, key) == 0 ||
            (rope && among(said->native[i].key, of_rope, sizeof of_rope / sizeof *of_rope)))
            return true;
    return false;
}

/* A search that is evaluated natively would fail in every trial. What is said of any search is not said again. */
static void check_native(struct preflight *p, struct differences *said)
{
    const struct json *base = checkpoint_config(p->base), *tuned = checkpoint_config(p->tuned);
    said->native_n = p->is_native ? native_config_compare(base, tuned, said->native) : 0;
    for (size_t i = 0; i < said->native_n; i++) {
        const struct native_difference *d = &said->native[i];
        if (strcmp(d->key, "tie_word_embeddings") == 0 ||
            (among(d->key, shaping, sizeof shaping / sizeof *shaping) && json_get(base, d->key) &&
             json_get(tuned, d->key)))
            continue;
        preflight_say(p, PREFLIGHT_ERROR, "models",
                      "config.json: %s is %s in models.base and %s in models.tuned; native evaluation needs "
                      "them equal: give two checkpoints of one model, or use an evaluator of type command",
                      d->key, d->base, d->tuned);
    }
}

static void compare_key(struct preflight *p, struct differences *warn, const char *key,
                        const struct json *base, const struct json *tuned)
{
    struct preflight_value b = preflight_value(base), t = preflight_value(tuned);
    if (among(key, aside, sizeof aside / sizeof *aside) || preflight_same(base, tuned) ||
        ((!base || !tuned) && is_default(base) && is_default(tuned)))
        return;
    if (base && tuned && among(key, shaping, sizeof shaping / sizeof *shaping))
        preflight_say(p, PREFLIGHT_ERROR, "models",
                      "config.json: %.60s is %s in models.base and %s in models.tuned: their matrices mean "
                      "different things and cannot be averaged; give two checkpoints of one architecture",
                      key, b.text, t.text);
    else if (!is_said(warn, key) && warn->n++ < PREFLIGHT_SAME_MAX)
        buf_printf(&warn->text, "%s%.60s (%s in base, %s in tuned)", warn->n > 1 ? ", " : "", key, b.text,
                   t.text);
}

/* By ascending key, side by side. */
static void compare_keys(struct preflight *p, struct differences *warn)
{
    size_t n, m;
    const struct json **base = members_of(checkpoint_config(p->base), &n);
    const struct json **tuned = members_of(checkpoint_config(p->tuned), &m);
    for (size_t i = 0, j = 0; i < n || j < m;) {
        int order = i == n ? 1 : j == m ? -1 : strcmp(json_key(base[i]), json_key(tuned[j]));
        compare_key(p, warn, json_key(order <= 0 ? base[i] : tuned[j]), order <= 0 ? base[i] : NULL,
                    order >= 0 ? tuned[j] : NULL);
        i += order <= 0;
        j += order >= 0;
    }
    mem_free(base);
    mem_free(tuned);
}

static void check_shadowed(struct preflight *p, const struct checkpoint *ckpt, const char *field)
{
    if (checkpoint_is_shadowed(ckpt))
        preflight_say(p, PREFLIGHT_WARNING, field,
                      "holds model.safetensors beside model.safetensors.index.json, which does not name it: "
                      "here the files of the index count, but transformers loads model.safetensors; remove "
                      "what is not the model");
}

void preflight_config(struct preflight *p)
{
    struct differences warn = {.n = 0};
    buf_init(&warn.text, 300);
    check_shadowed(p, p->base, "models.base");
    check_shadowed(p, p->tuned, "models.tuned");
    check_native(p, &warn);
    compare_keys(p, &warn);
    if (warn.n)
        preflight_say(
            p, PREFLIGHT_WARNING, "models",
            "config.json differs in %zu key%s: %s%s; merged models run with tuned's config.json: make "
            "sure that base's weights were made for it",
            warn.n, warn.n == 1 ? "" : "s", buf_str(&warn.text), warn.text.full ? ", …" : "");
    buf_fini(&warn.text);
}

/* --- what config.json says about the tensors --- */

/* A whole number of config.json, or of the text_config in it; -1 when it is not there. */
static int64_t number_of(const struct checkpoint *ckpt, const char *key)
{
    int64_t x;
    const struct json *config = checkpoint_config(ckpt);
    return json_whole(json_get(config, key), 0, INT64_MAX / 2, &x) ||
                   json_whole(json_get(json_get(config, "text_config"), key), 0, INT64_MAX / 2, &x)
               ? x
               : -1;
}

static void check_layers(struct preflight *p, const struct checkpoint *ckpt, const char *field)
{
    static const char *const keys[] = {"num_hidden_layers", "n_layer", "n_layers", "num_layers"};
    int64_t says = -1, has = p->plan->layers_n;
    for (size_t i = 0; i < sizeof keys / sizeof *keys && says < 0; i++)
        says = number_of(ckpt, keys[i]);
    if (says < 0 || says == has)
        return;
    if (says > has)
        preflight_say(p, PREFLIGHT_ERROR, field,
                      "config.json says %" PRId64 " layers, the tensors make %" PRId64
                      "; a part of the checkpoint is missing: download it again",
                      says, has);
    else
        preflight_say(p, PREFLIGHT_WARNING, field,
                      "config.json says %" PRId64 " layers, the tensors make %" PRId64
                      "; if the others belong to another stack, name the groups yourself (groups.names)",
                      says, has);
}

static void check_vocabulary(struct preflight *p, const struct checkpoint *ckpt, const char *field)
{
    const struct st_tensor *embeddings = naming_embeddings(ckpt);
    int64_t says = number_of(ckpt, "vocab_size");
    if (!embeddings || embeddings->rank != 2 || says < 0)
        return;
    int64_t has = (int64_t)embeddings->shape[0];
    if (has < says)
        preflight_say(p, PREFLIGHT_ERROR, field,
                      "config.json says a vocabulary of %" PRId64 ", \"%.100s\" has %" PRId64
                      " rows; config.json belongs to another checkpoint: get the right one",
                      says, embeddings->name, has);
    else if (has > says)
        preflight_say(p, PREFLIGHT_NOTE, field,
                      "\"%.100s\" has %" PRId64 " rows for a vocabulary of %" PRId64
                      "; the rows beyond it are averaged like all others",
                      embeddings->name, has, says);
}

static void check_head(struct preflight *p)
{
    const struct checkpoint *const sides[] = {p->base, p->tuned};
    static const char *const fields[] = {"models.base", "models.tuned"};
    for (int i = 0; i < 2; i++)
        if (!naming_tied(sides[i]) && naming_embeddings(sides[i]) && !naming_head(sides[i]))
            preflight_say(
                p, PREFLIGHT_WARNING, fields[i],
                "there is no head's matrix, and config.json does not say that the head is tied to the "
                "embeddings; set tie_word_embeddings to true in it when that is so");
}

/* What is in the plan and not averaged, and what is not in it. */
static void note_others(struct preflight *p)
{
    size_t n = 0;
    const char *first = NULL, *dtype = "";
    for (size_t i = 0; i < p->plan->entries_n; i++) {
        const struct plan_entry *entry = &p->plan->entries[i];
        if (floats_can(entry->dtype))
            continue;
        if (n++ == 0) {
            first = entry->tensor;
            dtype = st_dtype_name(entry->dtype);
        }
    }
    if (n)
        preflight_say(p, PREFLIGHT_NOTE, "output.others",
                      "%zu tensor%s of a dtype that cannot be averaged %s copied: \"%.150s\" (%s)%s", n,
                      n == 1 ? "" : "s", n == 1 ? "is" : "are", first, dtype, n > 1 ? " and others" : "");
    if (p->plan->dropped_n)
        preflight_say(p, PREFLIGHT_NOTE, "models",
                      "%zu tensor%s not merged and not written: \"%.150s\" (%.100s)%s", p->plan->dropped_n,
                      p->plan->dropped_n == 1 ? " is" : "s are", p->plan->dropped[0].tensor,
                      p->plan->dropped[0].why, p->plan->dropped_n > 1 ? " and others" : "");
}

void preflight_layout(struct preflight *p)
{
    check_vocabulary(p, p->base, "models.base");
    check_vocabulary(p, p->tuned, "models.tuned");
    if (!p->plan)
        return;
    check_layers(p, p->base, "models.base");
    check_layers(p, p->tuned, "models.tuned");
    check_head(p);
    note_others(p);
}
