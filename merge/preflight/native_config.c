#include "merge/preflight/native_config.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* A model_type that is none of these is read as llama: the worker refuses it by its name. */
enum family { LLAMA, MISTRAL, QWEN2 };

enum rope { ROPE_DEFAULT, ROPE_LINEAR, ROPE_LLAMA3, ROPE_OTHER };
static const char *const rope_words[] = {"default", "linear", "llama3"};

static const struct json *given(const struct json *object, const char *key)
{
    const struct json *j = json_get(object, key);
    return json_is(j, JSON_NULL) ? NULL : j;
}

static double number(const struct json *object, const char *key, double otherwise)
{
    const struct json *j = given(object, key);
    return j ? json_number_or(j, NAN) : otherwise;
}

static double flag(const struct json *config, const char *key)
{
    const struct json *j = given(config, key);
    return j && !json_is(j, JSON_BOOL) ? NAN : json_bool_or(j, false);
}

static enum family family_of(const struct json *config)
{
    const char *name = json_string_or(json_get(config, "model_type"), "");
    return strcmp(name, "mistral") == 0 ? MISTRAL : strcmp(name, "qwen2") == 0 ? QWEN2 : LLAMA;
}

static const struct json *scaling_of(const struct json *config)
{
    const struct json *parameters = given(config, "rope_parameters");
    return parameters ? parameters : given(config, "rope_scaling");
}

static double rope_theta(const struct json *config)
{
    const struct json *parameters = given(config, "rope_parameters");
    return number(given(parameters, "rope_theta") ? parameters : config, "rope_theta", 10000);
}

static enum rope rope_type(const struct json *config)
{
    const struct json *scaling = scaling_of(config), *named = given(scaling, "rope_type");
    const char *word = json_string_or(named ? named : given(scaling, "type"), "default");
    for (int i = 0; i < ROPE_OTHER; i++)
        if (strcmp(word, rope_words[i]) == 0)
            return (enum rope)i;
    return ROPE_OTHER;
}

/* Zero when the type of rope does not use it. */
static double rope_number(const struct json *config, const char *key, bool linear_too)
{
    enum rope type = rope_type(config);
    return type == ROPE_LLAMA3 || (type == ROPE_LINEAR && linear_too) ? number(scaling_of(config), key, NAN)
                                                                      : 0;
}

static double kv_heads(const struct json *config)
{
    static const double otherwise[] = {NAN, 8, 32};
    enum family family = family_of(config);
    return number(config, "num_key_value_heads",
                  family == LLAMA ? number(config, "num_attention_heads", NAN) : otherwise[family]);
}

static double head_dim(const struct json *config)
{
    double hidden = number(config, "hidden_size", NAN), heads = number(config, "num_attention_heads", NAN);
    return number(config, "head_dim", floor(hidden / heads));
}

static double window(const struct json *config)
{
    enum family family = family_of(config);
    if (family == LLAMA || (family == QWEN2 && flag(config, "use_sliding_window") == 0) ||
        json_is(json_get(config, "sliding_window"), JSON_NULL))
        return 0;
    return number(config, "sliding_window", 4096);
}

static double attention_bias(const struct json *config)
{
    enum family family = family_of(config);
    return family == LLAMA ? flag(config, "attention_bias") : family == QWEN2;
}

static const char *const keys[NATIVE_CONFIG_KEYS] = {"num_hidden_layers",
                                                     "hidden_size",
                                                     "num_attention_heads",
                                                     "num_key_value_heads",
                                                     "head_dim",
                                                     "intermediate_size",
                                                     "vocab_size",
                                                     "rms_norm_eps",
                                                     "rope_theta",
                                                     "rope_type",
                                                     "factor",
                                                     "low_freq_factor",
                                                     "high_freq_factor",
                                                     "original_max_position_embeddings",
                                                     "attention_bias",
                                                     "mlp_bias",
                                                     "tie_word_embeddings",
                                                     "sliding_window"};
enum { ROPE_TYPE = 9, ROPE_LAST = 13 }; /* the keys between them are factors of that type */

static void read_all(const struct json *config, double values[NATIVE_CONFIG_KEYS])
{
    const double all[NATIVE_CONFIG_KEYS] = {
        number(config, keys[0], NAN),
        number(config, keys[1], NAN),
        number(config, keys[2], NAN),
        kv_heads(config),
        head_dim(config),
        number(config, keys[5], NAN),
        number(config, keys[6], NAN),
        number(config, keys[7], 1e-6),
        rope_theta(config),
        rope_type(config),
        rope_number(config, keys[10], true),
        rope_number(config, keys[11], false),
        rope_number(config, keys[12], false),
        rope_number(config, keys[13], false),
        attention_bias(config),
        family_of(config) == LLAMA ? flag(config, keys[15]) : 0,
        flag(config, keys[16]),
        window(config),
    };
    memcpy(values, all, sizeof all);
}

static void show(char out[32], const struct json *config, size_t i, double x)
{
    if (i == ROPE_TYPE) {
        const struct json *scaling = scaling_of(config), *named = given(scaling, "rope_type");
        snprintf(out, 32, "\"%.24s\"", json_string_or(named ? named : given(scaling, "type"), "default"));
    } else if (isnan(x))
        snprintf(out, 32, "nothing");
    else
        snprintf(out, 32, "%.15g", x);
}

size_t native_config_compare(const struct json *base, const struct json *tuned, struct native_difference *out)
{
    double b[NATIVE_CONFIG_KEYS], t[NATIVE_CONFIG_KEYS];
    size_t n = 0;
    read_all(base, b);
    read_all(tuned, t);
    for (size_t i = 0; i < NATIVE_CONFIG_KEYS; i++) {
        bool of_other_ropes = i > ROPE_TYPE && i <= ROPE_LAST && b[ROPE_TYPE] != t[ROPE_TYPE];
        if (b[i] == t[i] || (isnan(b[i]) && isnan(t[i])) || of_other_ropes)
            continue;
        out[n].key = keys[i];
        show(out[n].base, base, i, b[i]);
        show(out[n].tuned, tuned, i, t[i]);
        n++;
    }
    return n;
}
