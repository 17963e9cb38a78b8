/* WHAT   Writes the merged checkpoint of a ratio vector as a Hugging Face directory.
 * WHO    client (export), worker (evaluator commands that want a directory).
 * UNITS  Bytes.
 * MEMORY One output tensor at a time.
 * ERRORS ERR_IO (disk full, …), ERR_CONFLICT (the directory exists), ERR_CANCELLED (by tick), and those of merge.h.
 * STATE  Either no directory or a whole one: written beside the target as "NAME.partial-PID", fsynced, renamed. What a
 *        killed export leaves under that name can be deleted. */
#ifndef MERGE_EXPORT_H
#define MERGE_EXPORT_H

#include "merge/merge.h"

struct export_progress {
    /* Before each tensor and after the last one. Non-zero stops the export: ERR_CANCELLED, nothing is left. May be
     * NULL. */
    int (*tick)(void *ctx, uint64_t done_bytes, uint64_t total_bytes);
    void *ctx;
};

/* ratios: [plan->ratios_n]. Copies config, generation config, tokenizer and chat template files from tuned byte for
 * byte (the dtypes are tuned's own), writes model.safetensors and paretod.json (lineage: both paths, plan, ratios; no
 * time, so that the bytes are the same). */
int export_checkpoint(const struct checkpoint *base, const struct checkpoint *tuned, const struct plan *plan,
                      const double *ratios, const char *directory, const struct export_progress *progress,
                      struct err *err);

#endif
