#include "worker/model_config.h"

#include <limits.h>
#include <string.h>

static const char *const types[] = {"llama", "mistral", "qwen2"};
enum type { LLAMA, MISTRAL, QWEN2, TYPES_N };

static const struct json *given(const struct json *object, const char *key)
{
    const struct json *j = json_get(object, key);
    return json_is(j, JSON_NULL) ? NULL : j;
}

/* A whole number of at least `least`; `otherwise` when the key is missing, or an error when otherwise < least. */
static int count(const struct json *config, const char *key, int least, int otherwise, int *out,
                 struct err *err)
{
    const struct json *j = given(config, key);
    int64_t value = otherwise;
    if (j && !json_whole(j, least, INT_MAX / 4, &value))
        return err_set(err, ERR_INVALID, "config.json: %s must be a whole number of at least %d", key, least);
    if (!j && otherwise < least)
        return err_set(err, ERR_INVALID, "config.json: %s is missing", key);
    *out = (int)value;
    return 0;
}

static int positive(const struct json *config, const char *key, double otherwise, double *out,
                    struct err *err)
{
    const struct json *j = given(config, key);
    *out = json_number_or(j, otherwise);
    if ((j && !json_is(j, JSON_NUMBER)) || !(*out > 0))
        return err_set(err, ERR_INVALID, "config.json: %s must be a number above 0", key);
    return 0;
}

static int flag(const struct json *config, const char *key, bool otherwise, bool *out, struct err *err)
{
    const struct json *j = given(config, key);
    if (j && !json_is(j, JSON_BOOL))
        return err_set(err, ERR_INVALID, "config.json: %s must be true or false", key);
    *out = json_bool_or(j, otherwise);
    return 0;
}

static int read_type(const struct json *config, enum type *out, struct err *err)
{
    const char *name = json_string_or(json_get(config, "model_type"), NULL);
    if (!name)
        return err_set(err, ERR_INVALID, "config.json: model_type is missing");
    for (int t = 0; t < TYPES_N; t++) {
        if (strcmp(name, types[t]) == 0) {
            *out = (enum type)t;
            return 0;
        }
    }
    return err_set(err, ERR_UNSUPPORTED,
                   "config.json: model_type \"%s\" is not one the native evaluator computes (llama, mistral, "
                   "qwen2); use an evaluator of type command",
                   name);
}

/* What would change the arithmetic in a way that we do not follow. */
static int refuse_options(const struct json *config, struct err *err)
{
    if (given(config, "quantization_config"))
        return err_set(err, ERR_UNSUPPORTED,
                       "config.json: quantization_config: quantised checkpoints cannot be merged; use the "
                       "unquantised ones");
    const struct json *named = given(config, "hidden_act");
    const char *act = json_string_or(named, named ? "(not a text)" : "silu");
    if (strcmp(act, "silu") != 0)
        return err_set(err, ERR_UNSUPPORTED, "config.json: hidden_act \"%s\" is not supported, only silu",
                       act);
    if (json_number_or(given(config, "partial_rotary_factor"), 1.0) != 1.0 ||
        json_number_or(given(given(config, "rope_parameters"), "partial_rotary_factor"), 1.0) != 1.0)
        return err_set(err, ERR_UNSUPPORTED,
                       "config.json: partial_rotary_factor other than 1 is not supported");
    return 0;
}

static int read_counts(const struct json *config, enum type type, struct model_config *out, struct err *err)
{
    static const int kv_otherwise[TYPES_N] = {0, 8, 32}; /* llama: as many as heads */
    static const int positions_otherwise[TYPES_N] = {2048, 131072, 32768};
    int rc;
    if ((rc = count(config, "num_hidden_layers", 1, 0, &out->layers, err)) ||
        (rc = count(config, "hidden_size", 1, 0, &out->hidden, err)) ||
        (rc = count(config, "num_attention_heads", 1, 0, &out->heads, err)) ||
        (rc = count(config, "intermediate_size", 1, 0, &out->intermediate, err)) ||
        (rc = count(config, "vocab_size", 1, 0, &out->vocab, err)) ||
        (rc = count(config, "max_position_embeddings", 1, positions_otherwise[type], &out->positions_max,
                    err)))
        return rc;
    int kv = type == LLAMA ? out->heads : kv_otherwise[type];
    if ((rc = count(config, "num_key_value_heads", 1, kv, &out->kv_heads, err)) ||
        (rc = count(config, "head_dim", 2, out->hidden / out->heads, &out->head_dim, err)))
        return rc;
    if (out->heads % out->kv_heads)
        return err_set(err, ERR_INVALID,
                       "config.json: num_attention_heads %d is not a multiple of "
                       "num_key_value_heads %d",
                       out->heads, out->kv_heads);
    if (out->head_dim % 2)
        return err_set(err, ERR_INVALID, "config.json: head_dim %d is odd", out->head_dim);
    return 0;
}

/* rope_theta and scaling stand at the top level (transformers 4) or in rope_parameters (5). */
static int read_rope(const struct json *config, struct model_config *out, struct err *err)
{
    const struct json *parameters = given(config, "rope_parameters");
    const struct json *scaling = parameters ? parameters : given(config, "rope_scaling");
    if (scaling && !json_is(scaling, JSON_OBJECT))
        return err_set(err, ERR_INVALID, "config.json: %s must be an object",
                       parameters ? "rope_parameters" : "rope_scaling");
    int rc = positive(given(parameters, "rope_theta") ? parameters : config, "rope_theta", 10000.0,
                      &out->rope_theta, err);
    if (rc || !scaling)
        return rc;
    const struct json *named = given(scaling, "rope_type");
    const char *type = json_string_or(named ? named : given(scaling, "type"), parameters ? "default" : "");
    if (strcmp(type, "default") == 0)
        return 0;
    if (strcmp(type, "linear") == 0) {
        out->rope = ROPE_LINEAR;
        return positive(scaling, "factor", 0, &out->rope_factor, err);
    }
    if (strcmp(type, "llama3") == 0) {
        out->rope = ROPE_LLAMA3;
        if ((rc = positive(scaling, "factor", 0, &out->rope_factor, err)) ||
            (rc = positive(scaling, "low_freq_factor", 0, &out->rope_low, err)) ||
            (rc = positive(scaling, "high_freq_factor", 0, &out->rope_high, err)) ||
            (rc = positive(scaling, "original_max_position_embeddings", 0, &out->rope_original, err)))
            return rc;
        if (!(out->rope_high > out->rope_low))
            return err_set(err, ERR_INVALID, "config.json: high_freq_factor must be above low_freq_factor");
        return 0;
    }
    return err_set(
        err, ERR_UNSUPPORTED,
        "config.json: rope_type \"%s\" is not supported (default, linear, llama3); use an evaluator of "
        "type command",
        type);
}

static int read_window(const struct json *config, enum type type, struct model_config *out, struct err *err)
{
    bool used = type == MISTRAL;
    int rc = type == QWEN2 ? flag(config, "use_sliding_window", false, &used, err) : 0;
    if (rc || !used)
        return rc;
    const struct json *window = json_get(config, "sliding_window");
    if (json_is(window, JSON_NULL))
        return 0;
    return count(config, "sliding_window", 1, 4096, &out->window, err);
}

int model_config_read(const struct json *config, struct model_config *out, struct err *err)
{
    *out = (struct model_config){.pad_id = -1};
    enum type type = LLAMA;
    int rc;
    if ((rc = read_type(config, &type, err)) || (rc = refuse_options(config, err)) ||
        (rc = read_counts(config, type, out, err)) || (rc = read_rope(config, out, err)) ||
        (rc = read_window(config, type, out, err)) ||
        (rc = positive(config, "rms_norm_eps", 1e-6, &out->eps, err)) ||
        (rc = flag(config, "tie_word_embeddings", false, &out->tied, err)) ||
        (rc = count(config, "pad_token_id", -1, -1, &out->pad_id, err)))
        return rc;
    if (type == QWEN2)
        out->qkv_bias = true;
    if (type == LLAMA) {
        if ((rc = flag(config, "attention_bias", false, &out->qkv_bias, err)) ||
            (rc = flag(config, "mlp_bias", false, &out->mlp_bias, err)))
            return rc;
        out->o_bias = out->qkv_bias;
    }
    return 0;
}

int model_config_equal(const struct model_config *a, const struct model_config *b, struct err *err)
{
    const struct {
        const char *field;
        double a, b;
    } fields[MODEL_CONFIG_FIELDS] = {
        {"num_hidden_layers", a->layers, b->layers},
        {"hidden_size", a->hidden, b->hidden},
        {"num_attention_heads", a->heads, b->heads},
        {"num_key_value_heads", a->kv_heads, b->kv_heads},
        {"head_dim", a->head_dim, b->head_dim},
        {"intermediate_size", a->intermediate, b->intermediate},
        {"vocab_size", a->vocab, b->vocab},
        {"rms_norm_eps", a->eps, b->eps},
        {"rope_theta", a->rope_theta, b->rope_theta},
        {"rope_type", a->rope, b->rope},
        {"factor", a->rope_factor, b->rope_factor},
        {"low_freq_factor", a->rope_low, b->rope_low},
        {"high_freq_factor", a->rope_high, b->rope_high},
        {"original_max_position_embeddings", a->rope_original, b->rope_original},
        {"attention_bias", a->qkv_bias, b->qkv_bias},
        {"mlp_bias", a->mlp_bias, b->mlp_bias},
        {"tie_word_embeddings", a->tied, b->tied},
        {"sliding_window", a->window, b->window},
    };
    for (size_t i = 0; i < MODEL_CONFIG_FIELDS; i++) {
        if (fields[i].a != fields[i].b)
            return err_set(err, ERR_INVALID,
                           "config.json: %s is %.17g in base and %.17g in tuned; a merge needs the "
                           "same model twice",
                           fields[i].field, fields[i].a, fields[i].b);
    }
    return 0;
}
