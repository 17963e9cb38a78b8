/* WHAT   paretod.manifest.json: size and hash of every file of an exported directory, and whether they still hold.
 * WHO    merge/output/export writes it; client (paretoctl verify).
 * UNITS  Bytes.
 * MEMORY The caller's; verify hashes block by block.
 * ERRORS ERR_IO, ERR_NOT_FOUND (no manifest), ERR_CORRUPT (manifest or a file; all wrong files are told),
 *        ERR_UNSUPPORTED (a later format), ERR_CANCELLED.
 * STATE  None.
 *
 * {"format":"paretod-manifest-1","hash":"xxh128","files":[{"name","bytes","hash"}]}, names ascending. */
#ifndef MERGE_MANIFEST_H
#define MERGE_MANIFEST_H

#include "merge/files/hash.h"
#include "proto/buf.h"
#include "proto/err.h"

#define MANIFEST_NAME "paretod.manifest.json"

struct manifest_file {
    const char *name;
    uint64_t bytes;
    struct hash128 hash;
};

/* Appends the manifest to out. files: any order. */
void manifest_write(const struct manifest_file *files, size_t n, struct buf *out);

struct verify_calls {
    void (*wrong)(void *ctx,
                  const char *sentence); /* once a finding; the sentence names the file. May be NULL */
    int (*tick)(void *ctx, uint64_t done_bytes,
                uint64_t total_bytes); /* non-zero: ERR_CANCELLED. May be NULL */
    void *ctx;
};

struct verify_result {
    size_t files_n;
    uint64_t bytes;
    size_t wrong_n; /* findings, with the strays */
    size_t stray_n; /* files that are not of the export */
};

/* Every file of the manifest is there with its size and hash, no file is there that it does not name and a program that
 * loads the directory would take (weights, tokenizer, chat template, Python, …), and the checkpoint opens. *result is filled also on ERR_CORRUPT. */
int manifest_verify(const char *directory, const struct verify_calls *calls, struct verify_result *result,
                    struct err *err);

#endif
