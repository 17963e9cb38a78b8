/* WHAT   The shape of a Llama-like model, read strictly from config.json.
 * WHO    worker/model, worker/forward, worker/native.
 * UNITS  Counts; eps and theta as in the file.
 * MEMORY A plain struct.
 * ERRORS ERR_UNSUPPORTED for an architecture or option that the forward pass does not have, ERR_INVALID for a
 *        field that is missing or wrong. The sentence names the field; the caller puts the directory before it.
 * STATE  None.
 *
 * Defaults of missing keys are those of the transformers classes of the same model_type. */
#ifndef WORKER_MODEL_CONFIG_H
#define WORKER_MODEL_CONFIG_H

#include "proto/err.h"
#include "proto/json.h"

#include <stdbool.h>

enum rope { ROPE_DEFAULT, ROPE_LINEAR, ROPE_LLAMA3 };

struct model_config {
    int layers, hidden, heads, kv_heads, head_dim, intermediate, vocab;
    int positions_max; /* longest sequence the model is made for */
    double eps;
    double rope_theta;
    enum rope rope;
    double rope_factor, rope_low, rope_high, rope_original; /* llama3; linear has the factor alone */
    bool qkv_bias, o_bias, mlp_bias, tied;
    int window; /* sliding attention window, 0 = none. Only sequences that fit in it are evaluated */
    int pad_id; /* -1: none */
};

int model_config_read(const struct json *config, struct model_config *out, struct err *err);

/* ERR_INVALID naming the first field in which two configs differ. merge/preflight/native_config.h says the same of files, before
 * the first trial: MODEL_CONFIG_FIELDS are compared here and there. */
#define MODEL_CONFIG_FIELDS 18
int model_config_equal(const struct model_config *a, const struct model_config *b, struct err *err);

#endif
