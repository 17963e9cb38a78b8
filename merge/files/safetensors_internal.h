/* WHAT   What the sources of safetensors share: the open file, the header scanner, the names in sentences.
 * WHO    merge/files/safetensors*.c; merge/files/checkpoint.c for the sentences and a file's identity.
 * UNITS  Bytes.
 * MEMORY st_header_fini frees what st_scan gave, also after a failure.
 * ERRORS As safetensors.h.
 * STATE  None. */
#ifndef MERGE_SAFETENSORS_INTERNAL_H
#define MERGE_SAFETENSORS_INTERNAL_H

#include "merge/files/safetensors.h"

#include <sys/stat.h>

/* A file that is open for reading. */
struct st_disk {
    char *path;
    int fd;
    uint64_t bytes; /* its size when it was opened */
    uint64_t identity[ST_IDENTITY_N];
    unsigned char *map; /* NULL where it cannot be mapped; then by_pread */
    bool by_pread;
};

/* The numbers of st_identity. */
void st_stat_identity(const struct stat *st, uint64_t out[ST_IDENTITY_N]);

/* ERR_NOT_FOUND, ERR_IO, ERR_CORRUPT (empty), ERR_INVALID (PARETOD_READ). */
int st_disk_open(struct st_disk *disk, const char *path, struct err *err);
void st_disk_close(struct st_disk *disk);
/* n bytes from offset on, all of them. what: "header", "tensor \"a\"" for the sentence. */
int st_disk_read(const struct st_disk *disk, uint64_t offset, size_t n, void *out, const char *what,
                 struct err *err);

/* One record as it stands in the header; `tensor` has no data pointer yet. */
struct st_record {
    struct st_tensor tensor;
    uint64_t begin, end; /* offsets in the data part */
};

struct st_header {
    struct st_record *records; /* in the order of the header */
    size_t n, cap;
    char *names; /* what the records' names point into */
};

/* Scans a header text: JSON of the one form the format allows, in one pass, time linear in len. Checks each record by
 * itself (dtype, shape, size against offsets), not the records against each other. path is for sentences. */
int st_scan(const char *path, const char *text, size_t len, struct st_header *header, struct err *err);
void st_header_fini(struct st_header *header);

/* Elements and bytes of dtype and shape. ERR_CORRUPT on overflow or when the last byte is not full. */
int st_size(enum st_dtype dtype, int rank, const uint64_t *shape, uint64_t *elements, uint64_t *bytes);

/* Whether all n bytes are well-formed UTF-8 (no overlong forms, no surrogates). *bad is the first byte that is not. */
bool st_utf8(const char *text, size_t n, size_t *bad);

/* A name fit for a sentence: control bytes as '?', cut to the size. */
struct st_shown {
    char text[104];
};
struct st_shown st_show(const char *name);

/* What people really have in place of a file, by the n bytes it begins with: "it is a web page, …; download it again".
 * NULL: nothing known. */
const char *st_mistaken_for(const unsigned char *start, size_t n);

/* The path, or its end when it would crowd the sentence out. */
const char *st_show_path(const char *path);

#endif
