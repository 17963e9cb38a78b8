#include "merge/output/export.h"

#include "merge/output/card.h"
#include "merge/output/companions.h"
#include "merge/output/lineage.h"
#include "merge/output/manifest.h"
#include "merge/output/outdir.h"
#include "merge/output/shards.h"
#include "merge/output/stream.h"
#include "proto/mem.h"

#include <math.h>
#include <unistd.h>

#define TEXT_MAX (256u << 20)
#define THREADS_MAX 8

/* One call of export_checkpoints. */
struct export
{
    const struct checkpoint *base, *tuned;
    const struct plan *plan;
    size_t n;
    struct export_target *targets; /* [n], copies; effective is ours */
    double *effective;             /* [n][plan->ratios_n] */
    struct outdir *dirs;           /* [n] */
    struct shards shards;
    struct merge_effect *effects; /* [n][plan->entries_n] */
    struct export_options options;
};

/* --- the small files --- */

typedef void (*text_writer)(const struct export *export, size_t i, struct buf *out);

static void write_index(const struct export *export, size_t i, struct buf *out)
{
    (void)i;
    shards_write_index(&export->shards, out);
}

static void write_lineage(const struct export *export, size_t i, struct buf *out)
{
    lineage_write(export->plan, &export->targets[i], &export->options.how, out);
}

static void write_card(const struct export *export, size_t i, struct buf *out)
{
    card_write(export->plan, &export->targets[i], &export->options.how, out);
}

static void write_manifest(const struct export *export, size_t i, struct buf *out)
{
    manifest_write(export->dirs[i].files, export->dirs[i].files_n, out);
}

static int put_text(struct export *export, size_t i, const char *name, text_writer write, struct err *err)
{
    struct buf buf;
    buf_init(&buf, TEXT_MAX);
    write(export, i, &buf);
    int rc = buf.full
                 ? err_set(err, ERR_TOO_LARGE, "%s/%s: is too large to write", export->dirs[i].target, name)
                 : outdir_put(&export->dirs[i], name, buf_str(&buf), buf.len, err);
    buf_fini(&buf);
    return rc;
}

/* What can be written before the weights: a small disk says so early. */
static int write_first(struct export *export, size_t i, struct err *err)
{
    int rc =
        companions_copy(checkpoint_directory(export->tuned), &export->options.how, &export->dirs[i], err);
    return rc || export->shards.n == 1 ? rc : put_text(export, i, SHARDS_INDEX, write_index, err);
}

/* What says how the weights came out. */
static int write_last(struct export *export, size_t i, struct err *err)
{
    int rc = put_text(export, i, LINEAGE_NAME, write_lineage, err);
    if (!rc && !export->options.scratch)
        rc = put_text(export, i, "README.md", write_card, err);
    if (!rc && !export->options.scratch)
        rc = put_text(export, i, MANIFEST_NAME, write_manifest, err);
    return rc;
}

/* --- all of it --- */

static int write_weights(struct export *export, const struct export_progress *progress, struct err *err)
{
    const struct stream_job job = {.base = export->base,
                                   .tuned = export->tuned,
                                   .plan = export->plan,
                                   .how = &export->options.how,
                                   .shards = &export->shards,
                                   .k = export->n,
                                   .targets = export->targets,
                                   .dirs = export->dirs,
                                   .effects = export->effects,
                                   .threads = export->options.threads,
                                   .progress = progress};
    int rc = stream_run(&job, err);
    for (size_t i = 0; !rc && i < export->n; i++)
        merge_effective_ratios(export->plan, export->effects + i * export->plan->entries_n,
                               export->targets[i].effective);
    return rc;
}

/* All or none of them is published. */
static int publish(struct export *export, struct err *err)
{
    for (size_t i = 0; i < export->n; i++) {
        int rc = outdir_publish(&export->dirs[i], err);
        if (!rc)
            continue;
        for (size_t j = 0; j <= i; j++)
            outdir_withdraw(&export->dirs[j]);
        return rc;
    }
    return 0;
}

static int run(struct export *export, const struct export_target *targets,
               const struct export_progress *progress, struct err *err)
{
    int rc = shards_make(export->plan, export->base, &export->options.how, export->options.shard_bytes,
                         &export->shards, err);
    for (size_t i = 0; !rc && i < export->n; i++)
        rc = outdir_open(&export->dirs[i], targets[i].directory, !export->options.scratch, err);
    for (size_t i = 0; !rc && i < export->n; i++)
        rc = write_first(export, i, err);
    if (!rc)
        rc = write_weights(export, progress, err);
    for (size_t i = 0; !rc && i < export->n; i++)
        rc = write_last(export, i, err);
    return rc ? rc : publish(export, err);
}

static void complete(struct export_options *options)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    if (!options->shard_bytes)
        options->shard_bytes = EXPORT_SHARD_BYTES;
    if (options->threads <= 0)
        options->threads = cores < 1 ? 1 : cores > THREADS_MAX ? THREADS_MAX : (int)cores;
}

int export_checkpoints(const struct checkpoint *base, const struct checkpoint *tuned, const struct plan *plan,
                       const struct export_target *targets, size_t n, const struct export_options *options,
                       const struct export_progress *progress, struct err *err)
{
    struct err own = {0};
    struct export export = {.base = base, .tuned = tuned, .plan = plan, .n = n};
    size_t ratios_n = (size_t)plan->ratios_n;
    if (options)
        export.options = *options;
    complete(&export.options);
    export.targets = mem_zero(n, sizeof *export.targets);
    export.effective = mem_zero(n * ratios_n, sizeof *export.effective);
    export.dirs = mem_zero(n, sizeof *export.dirs);
    export.effects = mem_zero(n * plan->entries_n, sizeof *export.effects);
    for (size_t i = 0; i < n; i++) {
        export.targets[i] = targets[i];
        export.targets[i].effective = export.effective + i * ratios_n;
    }
    int rc = n ? run(&export, targets, progress, &own) : 0;
    for (size_t i = 0; !rc && i < n; i++)
        for (size_t r = 0; targets[i].effective && r < ratios_n; r++)
            targets[i].effective[r] = export.targets[i].effective[r];
    for (size_t i = 0; i < n; i++)
        outdir_close(&export.dirs[i]);
    shards_fini(&export.shards);
    mem_free(export.effects);
    mem_free(export.dirs);
    mem_free(export.effective);
    mem_free(export.targets);
    if (rc && err)
        *err = own;
    return rc;
}
