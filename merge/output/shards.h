/* WHAT   How the tensors of an export are divided into files, as Hugging Face does it.
 * WHO    merge/output/export.
 * UNITS  Bytes.
 * MEMORY shards_make allocates, shards_fini; tensors' names borrow from the plan.
 * ERRORS ERR_INVALID and ERR_TOO_LARGE of the safetensors writer.
 * STATE  Immutable.
 *
 * Greedy, in the order of a model's state: before the layers, layers ascending, after them; a tensor that does not fit
 * any more begins the next file, one above the limit has a file for itself. One file: "model.safetensors"; more:
 * "model-00001-of-00003.safetensors" and so on. Source: split_state_dict_into_shards_factory of huggingface_hub. */
#ifndef MERGE_SHARDS_H
#define MERGE_SHARDS_H

#include "merge/merge.h"
#include "proto/buf.h"

#define SHARDS_INDEX "model.safetensors.index.json"

/* A tensor in its file. */
struct shard_tensor {
    size_t entry;            /* of the plan */
    struct st_tensor tensor; /* as it is written: dtype and bytes of the output, no data */
    uint64_t offset;         /* of its data in the file */
};

struct shard {
    char name[64];
    uint64_t bytes;    /* of the file */
    struct buf header; /* the first bytes of the file: length and header */
    size_t first, n;   /* its tensors */
};

struct shards {
    uint64_t total; /* bytes of all files */
    uint64_t data;  /* bytes of all tensors */
    size_t n;
    struct shard *shards;
    size_t tensors_n;
    struct shard_tensor *tensors; /* by file, then in the order of their data */
};

/* base: the checkpoint whose tensors the plan's entries are. max: bytes of tensors a file. */
int shards_make(const struct plan *plan, const struct checkpoint *base, const struct merge_how *how,
                uint64_t max, struct shards *out, struct err *err);
void shards_fini(struct shards *shards);

/* The text of model.safetensors.index.json, as Python's json.dumps(indent=2, sort_keys=True) writes it, and a newline. */
void shards_write_index(const struct shards *shards, struct buf *out);

#endif
