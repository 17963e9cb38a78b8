/* WHAT   A directory of new files that appears whole or not at all.
 * WHO    merge/output/export and its parts.
 * UNITS  Bytes.
 * MEMORY outdir_open / outdir_close; the list of files is the directory's.
 * ERRORS ERR_IO (disk full, …), ERR_CONFLICT (the target exists); the sentence names the file.
 * STATE  open -> (create, put, record) -> publish -> [withdraw] -> close. The files lie in "TARGET.partial-PID" until
 *        publish renames it; close removes what was not published. */
#ifndef MERGE_OUTDIR_H
#define MERGE_OUTDIR_H

#include "merge/output/manifest.h"

#include <stdbool.h>

struct outdir {
    char *target, *partial; /* partial: NULL before it is made */
    bool durable;           /* everything is fsynced */
    bool published;         /* the files lie in target, else in partial */
    size_t files_n;
    struct manifest_file *files; /* in the order of their making; names are ours */
};

/* Makes the partial directory beside `directory`. durable: see the struct. */
int outdir_open(struct outdir *dir, const char *directory, bool durable, struct err *err);
/* Removes what is not published and frees; a zeroed or failed one is fine. */
void outdir_close(struct outdir *dir);

/* A new file; *fd is the caller's to finish with outdir_finish. Its name stands in `files` from now on. */
int outdir_create(struct outdir *dir, const char *name, int *fd, struct err *err);
/* Closes fd, to the disk when durable; rc is what happened before and wins. */
int outdir_finish(struct outdir *dir, const char *name, int fd, int rc, struct err *err);
/* What the file holds, for the manifest. */
void outdir_record(struct outdir *dir, const char *name, uint64_t bytes, struct hash128 hash);

/* A small file in one go: created, written, finished, recorded. */
int outdir_put(struct outdir *dir, const char *name, const void *bytes, size_t n, struct err *err);

/* ERR_IO "TARGET/NAME: cannot be written: <errno>". */
int outdir_fail(const struct outdir *dir, const char *name, const char *what, struct err *err);

/* Renames the partial directory to the target, never over something, and brings the name to the disk. */
int outdir_publish(struct outdir *dir, struct err *err);
/* Takes a published directory back, as if publish had not been called. */
void outdir_withdraw(struct outdir *dir);

/* true when `name` ends as a partial directory does: ".partial-PID" or ".partial-PID-N". */
bool outdir_is_partial(const char *name);
/* Calls found for every partial directory of `directory` beside it whose process has ended: what a killed export left. */
void outdir_leftovers(const char *directory, void (*found)(void *ctx, const char *path), void *ctx);

#endif
