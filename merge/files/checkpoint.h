/* WHAT   A Hugging Face checkpoint directory: config.json and all tensors, one file or a sharded index.
 * WHO    merge/, worker (forward pass, reward model), daemon (plan at submit), client (plan, export).
 * UNITS  Bytes, elements.
 * MEMORY open maps; everything borrows until checkpoint_close.
 * ERRORS ERR_IO, ERR_NOT_FOUND, ERR_CORRUPT, ERR_UNSUPPORTED, ERR_TOO_LARGE (config.json over 1 MiB, index over 32);
 *        sentences name file and tensor.
 * STATE  Immutable after open. */
#ifndef MERGE_CHECKPOINT_H
#define MERGE_CHECKPOINT_H

#include "merge/files/hash.h"
#include "merge/files/safetensors.h"
#include "proto/json.h"

struct checkpoint;

/* With model.safetensors.index.json the index is followed strictly: a file name with '/', ".." or control characters,
 * a tensor the shard lacks or holds twice, or a tensor of a listed shard that the index does not name is refused. Other
 * weight files in the directory, model.safetensors too, then count for nothing, and metadata.total_size never does. */
int checkpoint_open(const char *directory, struct checkpoint **out, struct err *err);
void checkpoint_close(struct checkpoint *ckpt);
/* true: every weight file of one is a weight file of the other, by another path, a link or the same one. */
bool checkpoint_same_files(const struct checkpoint *a, const struct checkpoint *b);
/* true: beside an index that does not name it there is a model.safetensors, which counts for nothing here but is what
 * transformers loads. */
bool checkpoint_is_shadowed(const struct checkpoint *ckpt);
/* Which files these are, as they were when they were opened, config.json and every shard: device, inode, size, times.
 * Says nothing about content; files that are written to while they are open change it at the next open. */
struct hash128 checkpoint_identity(const struct checkpoint *ckpt);
const char *checkpoint_directory(const struct checkpoint *ckpt);
const struct json *checkpoint_config(const struct checkpoint *ckpt); /* config.json */
size_t checkpoint_count(const struct checkpoint *ckpt);
const struct st_tensor *checkpoint_at(const struct checkpoint *ckpt, size_t i); /* ascending name */
const struct st_tensor *checkpoint_find(const struct checkpoint *ckpt, const char *name);

/* Converts n elements at element offset `first` to float. F32, F16, BF16 exact; F64 rounds once.
 * ERR_UNSUPPORTED for other dtypes, ERR_INVALID past the end, and those of st_read. */
int tensor_to_f32(const struct st_tensor *tensor, uint64_t first, uint64_t n, float *out, struct err *err);

#endif
