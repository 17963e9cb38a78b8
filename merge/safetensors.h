/* WHAT   A strict reader and a byte-deterministic writer of one safetensors file.
 * WHO    merge/checkpoint, worker (reference files in tests), tests/fuzz.
 * UNITS  Bytes, elements.
 * MEMORY st_open maps the file read-only; tensors borrow from it until st_close.
 * ERRORS ERR_IO, ERR_CORRUPT: the sentence names the file and, where there is one, the tensor.
 * STATE  Immutable after open; any number of threads may read. */
#ifndef MERGE_SAFETENSORS_H
#define MERGE_SAFETENSORS_H

#include "proto/err.h"

#include <stddef.h>
#include <stdint.h>

#define ST_RANK_MAX 8

enum st_dtype { /* in the format's own order, which the writer sorts by */
    ST_BOOL, ST_F4, ST_F6_E2M3, ST_F6_E3M2, ST_U8, ST_I8, ST_F8_E5M2, ST_F8_E4M3, ST_F8_E8M0, ST_F8_E4M3FNUZ,
    ST_F8_E5M2FNUZ, ST_I16, ST_U16, ST_F16, ST_BF16, ST_I32, ST_U32, ST_F32, ST_C64, ST_F64, ST_I64, ST_U64,
    ST_DTYPES_N
};

struct st_tensor {
    const char *name;
    enum st_dtype dtype;
    int rank;
    uint64_t shape[ST_RANK_MAX];
    uint64_t elements; /* product of shape, 1 for rank 0 */
    const void *data;  /* little-endian, C order, NOT aligned to the element size */
    uint64_t bytes;
};

struct st_file;

int st_open(const char *path, struct st_file **out, struct err *err);
void st_close(struct st_file *file);
size_t st_count(const struct st_file *file);
const struct st_tensor *st_at(const struct st_file *file, size_t i); /* ascending data offset */
const struct st_tensor *st_find(const struct st_file *file, const char *name); /* NULL when absent */

const char *st_dtype_name(enum st_dtype dtype);
unsigned st_dtype_bits(enum st_dtype dtype);

/* Writes tensors (any order) with metadata {"format":"pt"} to `path`, then fsyncs it. Same tensors, same bytes. */
int st_write(const char *path, const struct st_tensor *tensors, size_t n, struct err *err);

#endif
