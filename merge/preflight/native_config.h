/* WHAT   The keys of config.json in which base and tuned must agree, or no merge of them can be evaluated natively.
 * WHO    merge/preflight/preflight. The worker has the arithmetic itself (worker/model_config.h); a test holds the two together.
 * UNITS  As in config.json.
 * MEMORY Borrows nothing; keys are static.
 * ERRORS None: a value of the wrong type counts as one that is not there and has no default.
 * STATE  None.
 *
 * Compared is what the native evaluator computes with: a key that is left out means its default, rope_theta may stand in
 * rope_parameters, and a key that the model_type does not use is not compared. */
#ifndef MERGE_NATIVE_CONFIG_H
#define MERGE_NATIVE_CONFIG_H

#include "proto/json.h"

#include <stddef.h>

#define NATIVE_CONFIG_KEYS 18

struct native_difference {
    const char *key;
    char base[32], tuned[32]; /* values as they stand in a sentence; "nothing" without one */
};

/* How many keys differ; out [NATIVE_CONFIG_KEYS] are told. */
size_t native_config_compare(const struct json *base, const struct json *tuned,
                             struct native_difference *out);

#endif
