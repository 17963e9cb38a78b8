#include "merge/plan/naming.h"

#include "merge/plan/pattern.h"
#include "proto/mem.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* Nobody has so many layers; keeps integers small. */
#define LAYERS_MAX 100000
#define COMPONENT_MAX 64 /* longer ones say nothing that we know */

struct naming {
    struct pattern *layer; /* NULL: the rule */
    bool tied;             /* and the only copy is called head: it is the embeddings */
    bool norms_after; /* there are norms of "feedforward", so that of "post_attention" is the attention's */
};

const char *tensor_kind_name(enum tensor_kind kind)
{
    static const char *const names[] = {
        [TENSOR_OTHER] = "other",   [TENSOR_ATTENTION] = "attention", [TENSOR_MLP] = "mlp",
        [TENSOR_NORM] = "norm",     [TENSOR_EMBEDDING] = "embedding", [TENSOR_HEAD] = "head",
        [TENSOR_BUFFER] = "buffer",
    };
    return names[kind];
}

static bool has(const char *text, const char *piece)
{
    return strstr(text, piece) != NULL;
}

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

static bool is_one_of(const char *word, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(word, words[i]) == 0)
            return true;
    return false;
}

/* Whether the name is `end`, or ends in it after a dot. */
static bool ends_in(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);
    return n >= m && strcmp(name + n - m, end) == 0 && (n == m || name[n - m - 1] == '.');
}

/* The next path component in lower case, and what follows it. false at the end. Those that are too long are "". */
static bool next_component(const char **at, char word[COMPONENT_MAX])
{
    const char *start = *at;
    size_t n = strcspn(start, ".");
    if (!*start)
        return false;
    for (size_t i = 0; i < n && n < COMPONENT_MAX; i++)
        word[i] = (char)tolower((unsigned char)start[i]);
    word[n < COMPONENT_MAX ? n : 0] = 0;
    *at = start + n + (start[n] == '.');
    return true;
}

/* --- embeddings and heads --- */

const struct st_tensor *naming_embeddings(const struct checkpoint *ckpt)
{
    static const char *const names[] = {"embed_tokens.weight", "wte.weight", "word_embeddings.weight",
                                        "embed_in.weight", "tok_embeddings.weight"};
    for (size_t n = 0; n < COUNT(names); n++)
        for (size_t i = 0; i < checkpoint_count(ckpt); i++)
            if (ends_in(checkpoint_at(ckpt, i)->name, names[n]))
                return checkpoint_at(ckpt, i);
    return NULL;
}

static bool is_head_matrix(const char *name)
{
    return ends_in(name, "lm_head.weight") || ends_in(name, "embed_out.weight");
}

const struct st_tensor *naming_head(const struct checkpoint *ckpt)
{
    for (size_t i = 0; i < checkpoint_count(ckpt); i++)
        if (is_head_matrix(checkpoint_at(ckpt, i)->name))
            return checkpoint_at(ckpt, i);
    return NULL;
}

bool naming_tied(const struct checkpoint *ckpt)
{
    /* families whose config.json leaves the key out when the head is tied: it is their default */
    static const char *const families[] = {
        "biogpt",          "bloom",        "cohere",      "cohere2",    "ctrl",
        "falcon",          "falcon_mamba", "gemma",       "gemma2",     "gemma3",
        "gemma3_text",     "gpt2",         "gpt_bigcode", "gpt_neo",    "gpt_neox_japanese",
        "jetmoe",          "mamba",        "mpt",         "openai-gpt", "opt",
        "recurrent_gemma", "starcoder2",   "t5",          "xglm",       "zamba",
    };
    const struct json *config = checkpoint_config(ckpt);
    const char *family = json_string_or(json_get(config, "model_type"), "");
    return json_bool_or(json_get(config, "tie_word_embeddings"),
                        is_one_of(family, families, COUNT(families)));
}

/* --- inside a layer --- */

static bool is_norm(const char *word)
{
    return has(word, "norm") || starts_with(word, "ln_") || strcmp(word, "ln") == 0 ||
           (starts_with(word, "ln") && isdigit((unsigned char)word[2]));
}

static bool is_attention(const char *word)
{
    static const char *const words[] = {"q_proj",   "k_proj",          "v_proj",   "o_proj",
                                        "qkv_proj", "query_key_value", "att_proj", "att_out"};
    return has(word, "attn") || has(word, "attention") || is_one_of(word, words, COUNT(words));
}

static bool is_mlp(const char *word)
{
    static const char *const words[] = {"fc1",           "fc2",           "fc_in",         "fc_out",
                                        "c_fc",          "gate_proj",     "up_proj",       "down_proj",
                                        "gate_up_proj",  "ff_proj",       "ff_out",        "dense_h_to_4h",
                                        "dense_4h_to_h", "intermediate",  "output",        "router",
                                        "experts",       "shared_expert", "densereludense"};
    return has(word, "mlp") || has(word, "ffn") || has(word, "feed_forward") || has(word, "feedforward") ||
           has(word, "moe") || is_one_of(word, words, COUNT(words));
}

/* The part that a norm of the layer itself belongs to, by its own name. */
static enum spec_kind part_of_norm(const struct naming *naming, const char *word)
{
    char last = word[strlen(word) - 1];
    if (has(word, "feedforward") || has(word, "feed_forward") || has(word, "ffn") || has(word, "mlp") ||
        starts_with(word, "ff_") || strcmp(word, "final_layer_norm") == 0)
        return KIND_MLP;
    if (starts_with(word, "post_attention"))
        return naming->norms_after ? KIND_ATTENTION : KIND_MLP;
    if (is_attention(word) || starts_with(word, "input_"))
        return KIND_ATTENTION;
    return last == '1' ? KIND_ATTENTION : last == '2' ? KIND_MLP : KIND_ALL;
}

/* rest: the name after the layer's index. */
static void look_inside(const struct naming *naming, const char *rest, struct tensor_role *role)
{
    char word[COMPONENT_MAX];
    while (next_component(&rest, word)) {
        if (is_norm(word)) {
            role->kind = TENSOR_NORM;
            if (role->part == KIND_ALL)
                role->part = part_of_norm(naming, word);
            return;
        }
        if (role->part == KIND_ALL)
            role->part = is_attention(word) ? KIND_ATTENTION : is_mlp(word) ? KIND_MLP : KIND_ALL;
    }
    role->kind = role->part == KIND_ATTENTION ? TENSOR_ATTENTION
                 : role->part == KIND_MLP     ? TENSOR_MLP
                                              : TENSOR_OTHER;
}

/* A causal mask is called like the bias of a projection; its shape tells them apart. */
static bool is_buffer(const struct st_tensor *tensor)
{
    static const char *const tables[] = {"inv_freq", "cos_cached", "sin_cached", "masked_bias",
                                         "position_ids"};
    static const char *const masks[] = {"attn.bias", "attention.bias"};
    for (size_t i = 0; i < COUNT(tables); i++)
        if (ends_in(tensor->name, tables[i]))
            return true;
    bool mask = tensor->rank == 4 || tensor->dtype == ST_BOOL || tensor->dtype == ST_U8;
    return mask && (ends_in(tensor->name, masks[0]) || ends_in(tensor->name, masks[1]));
}

const char *naming_surplus(const struct checkpoint *ckpt, const struct st_tensor *tensor)
{
    if (is_buffer(tensor))
        return "a table that programs compute";
    bool copy = is_head_matrix(tensor->name) && naming_tied(ckpt) && naming_embeddings(ckpt);
    return copy ? "a copy of the embeddings, which are the head too" : NULL;
}

/* --- where --- */

static bool all_digits(const char *start, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isdigit((unsigned char)start[i]))
            return false;
    return n > 0;
}

static int to_index(const char *digits, size_t n)
{
    long index = n > 9 ? LAYERS_MAX : strtol(digits, NULL, 10);
    return index < LAYERS_MAX ? (int)index : LAYERS_MAX;
}

/* The layer of a name by the rule, -1 without one; *rest: what follows. As an integer: as text, layer 1 would also be the
 * start of layer 10. The first number counts: T5's "block.3.layer.1" is a part of layer 3. */
static int layer_by_rule(const char *name, const char **rest)
{
    static const char *const parents[] = {"layers", "h", "blocks", "block", "layer"};
    bool below = false;
    for (const char *at = name;;) {
        size_t n = strcspn(at, ".");
        if (below && all_digits(at, n)) {
            *rest = at + n + (at[n] == '.');
            return to_index(at, n);
        }
        if (!at[n])
            return -1;
        below = false;
        for (size_t i = 0; i < COUNT(parents); i++)
            below = below || (strlen(parents[i]) == n && memcmp(at, parents[i], n) == 0);
        at += n + 1;
    }
}

static int layer_by_pattern(const struct naming *naming, const char *name, int *layer, struct err *err)
{
    struct pattern_match match;
    int rc = pattern_match(naming->layer, name, &match, err);
    *layer = -1;
    if (rc || !match.found || !match.group)
        return rc;
    if (!all_digits(match.group, match.group_n))
        return err_set(
            err, ERR_INVALID,
            "groups.layer_pattern: the parentheses hold \"%.*s\" of tensor \"%.150s\"; they must hold the "
            "digits of a layer",
            (int)(match.group_n < 40 ? match.group_n : 40), match.group, name);
    *layer = to_index(match.group, match.group_n);
    return 0;
}

static void look_outside(const struct naming *naming, const char *name, struct tensor_role *role)
{
    static const char *const heads[] = {"lm_head",    "embed_out", "unembed", "score",
                                        "classifier", "output",    "head",    "v_head"};
    char word[COMPONENT_MAX];
    bool embedding =
        has(name, "embed") || has(name, "wte") || has(name, "wpe") || ends_in(name, "shared.weight");
    if (naming->tied && is_head_matrix(name))
        embedding = true;
    else if (has(name, "embed_out") || has(name, "unembed"))
        embedding = false;
    role->place = embedding ? PLACE_BEFORE : PLACE_AFTER;
    role->kind = embedding ? TENSOR_EMBEDDING : TENSOR_OTHER;
    for (const char *rest = name; next_component(&rest, word);) {
        if (is_norm(word))
            role->kind = TENSOR_NORM;
        else if (!embedding && role->kind == TENSOR_OTHER && is_one_of(word, heads, COUNT(heads)))
            role->kind = TENSOR_HEAD;
    }
}

int naming_role(struct naming *naming, const struct st_tensor *tensor, struct tensor_role *role,
                struct err *err)
{
    const char *name = tensor->name, *rest = name; /* with a pattern, the part may stand before the number */
    *role = (struct tensor_role){.place = PLACE_LAYER};
    if (naming->layer) {
        int rc = layer_by_pattern(naming, name, &role->layer, err);
        if (rc)
            return rc;
    } else {
        role->layer = layer_by_rule(name, &rest);
    }
    if (role->layer == LAYERS_MAX)
        return err_set(err, ERR_INVALID, "tensor \"%.200s\": the layer index is too large", name);
    if (role->layer >= 0)
        look_inside(naming, rest, role);
    else
        look_outside(naming, name, role);
    if (is_buffer(tensor)) {
        role->kind = TENSOR_BUFFER;
        if (role->place == PLACE_LAYER)
            role->part = KIND_ATTENTION;
    }
    return 0;
}

int naming_open(const struct search_spec *spec, const struct checkpoint *base, struct naming **out,
                struct err *err)
{
    struct naming *naming = mem_zero(1, sizeof *naming);
    *out = NULL;
    if (*spec->layer_pattern) {
        int rc = pattern_compile("groups.layer_pattern", spec->layer_pattern, false, &naming->layer, err);
        if (!rc && pattern_groups(naming->layer) != 1)
            rc = err_set(
                err, ERR_INVALID,
                "groups.layer_pattern: \"%.200s\" must have exactly one pair of ( ), around the layer's "
                "digits; use (?: ) for others",
                spec->layer_pattern);
        if (rc) {
            naming_close(naming);
            return rc;
        }
    }
    naming->tied = naming_tied(base);
    for (size_t i = 0; i < checkpoint_count(base); i++)
        naming->norms_after =
            naming->norms_after || has(checkpoint_at(base, i)->name, "feedforward_layernorm");
    *out = naming;
    return 0;
}

void naming_close(struct naming *naming)
{
    if (!naming)
        return;
    pattern_free(naming->layer);
    mem_free(naming);
}
