/* WHAT   A strict reader and a byte-deterministic writer of one safetensors file.
 * WHO    merge/files/checkpoint, worker (reference files in tests), tests/fuzz.
 * UNITS  Bytes, elements.
 * MEMORY st_open maps the file read-only and keeps it open; tensors borrow from it until st_close.
 * ERRORS ERR_NOT_FOUND, ERR_IO, ERR_CORRUPT, ERR_UNSUPPORTED (more than ST_RANK_MAX dimensions); writing also
 *        ERR_INVALID and ERR_TOO_LARGE. The sentence names the file and, where there is one, the tensor.
 * STATE  Immutable after open; any number of threads may read.
 *
 * Refused, because two readers could see two things: a tensor name or "__metadata__" twice, a field of a record
 * twice, holes or overlaps in the data, bytes after the data, numbers that are not plain whole numbers, the escape
 * \u0000, and the array form of a record (["I32",[2],[0,8]]), which the reference reads but nobody writes.
 *
 * Tensor data are read with st_read: from the map on local file systems, with pread into the caller's room on those of
 * a network or of a process (NFS, SMB, Lustre, Ceph, GPFS, BeeGFS, 9p, FUSE), where a map is 30 to 50 times slower and
 * a lost server or a file cut short kills the reader with SIGBUS. The environment variable PARETOD_READ=map or pread
 * chooses for all files. Known danger: with the map, whoever cuts a file short while it is open still does that.
 * Replace checkpoints by rename. */
#ifndef MERGE_SAFETENSORS_H
#define MERGE_SAFETENSORS_H

#include "proto/buf.h"
#include "proto/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ST_RANK_MAX 8
#define ST_HEADER_MAX 100000000 /* bytes of header, the format's limit, inclusive */

/* In the format's own order, which the writer sorts by. */
enum st_dtype {
    ST_BOOL,
    ST_F4,
    ST_F6_E2M3,
    ST_F6_E3M2,
    ST_U8,
    ST_I8,
    ST_F8_E5M2,
    ST_F8_E4M3,
    ST_F8_E8M0,
    ST_F8_E4M3FNUZ,
    ST_F8_E5M2FNUZ,
    ST_I16,
    ST_U16,
    ST_F16,
    ST_BF16,
    ST_I32,
    ST_U32,
    ST_F32,
    ST_C64,
    ST_F64,
    ST_I64,
    ST_U64,
    ST_DTYPES_N
};

struct st_disk; /* an open file, as st_read needs it */

struct st_tensor {
    const char *name;
    enum st_dtype dtype;
    int rank;
    uint64_t shape[ST_RANK_MAX];
    uint64_t elements; /* product of shape, 1 for rank 0 */
    /* Little-endian, C order, NOT aligned to the element size. For tensors in memory and small looks; whoever reads much
     * takes st_read. NULL where the file cannot be mapped. A copy that gets other data clears `disk`. */
    const void *data;
    uint64_t bytes;
    const struct st_disk *disk; /* where the data lie; NULL: in memory, at `data` */
    uint64_t offset;            /* of the data in that file */
};

struct st_file;

int st_open(const char *path, struct st_file **out, struct err *err);
void st_close(struct st_file *file);
size_t st_count(const struct st_file *file);
const struct st_tensor *st_at(const struct st_file *file, size_t i);           /* ascending data offset */
const struct st_tensor *st_find(const struct st_file *file, const char *name); /* NULL when absent */

/* Which file this is, as it was when it was opened: device, inode, size, time of the last change of content and of
 * inode in nanoseconds. Another file renamed over it later has other numbers. */
#define ST_IDENTITY_N 5
void st_identity(const struct st_file *file, uint64_t out[ST_IDENTITY_N]);

/* The n bytes of the data from byte `offset` on: a pointer into the map or into memory, or `room` [n], filled. NULL with
 * *err set: ERR_CORRUPT when the file has become shorter, ERR_IO; the sentence names file and tensor. offset + n must
 * lie within the tensor. Blocks of a MiB or more keep network file systems busy. */
const void *st_read(const struct st_tensor *tensor, uint64_t offset, size_t n, void *room, struct err *err);
/* Whether st_read fills `room`. When false it may be NULL. */
bool st_read_copies(const struct st_tensor *tensor);
/* Asks the file system to fetch these bytes, soon to be read; never waits for them. */
void st_ahead(const struct st_tensor *tensor, uint64_t offset, uint64_t n);
/* These bytes were read: their pages of the map no longer count as ours. They stay in the page cache. */
void st_behind(const struct st_tensor *tensor, uint64_t offset, uint64_t n);

const char *st_dtype_name(enum st_dtype dtype);
unsigned st_dtype_bits(enum st_dtype dtype);

/* Writes tensors (any order) with metadata {"format":"pt"} to `path`: first as "PATH.partial", fsynced, then renamed,
 * so that a mapped older file stays whole. Same tensors, same bytes: sorted by dtype descending, then name. */
int st_write(const char *path, const struct st_tensor *tensors, size_t n, struct err *err);

/* The start of a file of these tensors, as st_write_from makes it: appends length and header to `out`, and gives the order
 * of the data, which follow without gaps: order[0] is the index of the first tensor. `data` is not read. */
int st_layout(const struct st_tensor *tensors, size_t n, const char *const *metadata, size_t *order,
              struct buf *out, struct err *err);

/* Where st_write_from gets the bytes of tensors[i]: a pointer that lives until the next call, or NULL with *err set.
 * Called once a tensor, in the order of the file. */
struct st_source {
    const void *(*bytes)(void *ctx, size_t i, struct err *err);
    void *ctx;
};

/* As st_write, one tensor at a time; `data` of the tensors is not read. metadata: key, value, key, value, …, NULL,
 * keys ascending, or NULL for none. */
int st_write_from(const char *path, const struct st_tensor *tensors, size_t n, const char *const *metadata,
                  const struct st_source *source, struct err *err);

#endif
