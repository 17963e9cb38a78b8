#include "merge/export.h"

#include "proto/mem.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINEAGE_MAX (256u << 20)

/* What makes a model whole besides its weights. Python files are not copied: they would run at the next load. */
static const char *const copied[] = {
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "chat_template.jinja",
    "chat_template.json",
};
#define COPIED_N (sizeof copied / sizeof *copied)

/* --- files --- */

static int io_fail(struct err *err, const char *path, const char *what)
{
    return err_set(err, ERR_IO, "%s: %s: %s", path, what, strerror(errno));
}

static int put(int fd, const char *bytes, size_t n)
{
    while (n) {
        ssize_t done = write(fd, bytes, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return ERR_IO;
        bytes += done;
        n -= (size_t)done;
    }
    return 0;
}

static int create(const char *path, struct err *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0)
        io_fail(err, path, "cannot be created");
    return fd;
}

/* Brings a new file to the disk and closes it; rc is what happened before. */
static int finish(int fd, int rc, const char *path, struct err *err)
{
    if (!rc && fsync(fd) != 0)
        rc = io_fail(err, path, "cannot be brought to the disk");
    if (close(fd) != 0 && !rc)
        rc = io_fail(err, path, "cannot be closed");
    return rc;
}

static int write_file(const char *path, const char *bytes, size_t n, struct err *err)
{
    int fd = create(path, err);
    if (fd < 0)
        return ERR_IO;
    int rc = put(fd, bytes, n) ? io_fail(err, path, "cannot be written") : 0;
    return finish(fd, rc, path, err);
}

static int pump(int in, int out, const char *from, const char *to, struct err *err)
{
    char block[1 << 16];
    for (;;) {
        ssize_t n = read(in, block, sizeof block);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return io_fail(err, from, "cannot be read");
        if (n == 0)
            return 0;
        if (put(out, block, (size_t)n))
            return io_fail(err, to, "cannot be written");
    }
}

/* Copies from/name to to/name; a file that is not there is no failure. */
static int copy_file(const char *from_directory, const char *to_directory, const char *name, struct err *err)
{
    char *from = mem_printf("%s/%s", from_directory, name), *to = mem_printf("%s/%s", to_directory, name);
    int rc = 0;
    int in = open(from, O_RDONLY | O_CLOEXEC), out = -1;
    if (in < 0) {
        rc = errno == ENOENT ? 0 : io_fail(err, from, "cannot be opened");
    } else {
        out = create(to, err);
        rc = out < 0 ? ERR_IO : finish(out, pump(in, out, from, to, err), to, err);
        close(in);
    }
    mem_free(from);
    mem_free(to);
    return rc;
}

static int sync_directory(const char *path, struct err *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return io_fail(err, path, "cannot be opened");
    int rc = fsync(fd) == 0 ? 0 : io_fail(err, path, "cannot be brought to the disk");
    close(fd);
    return rc;
}

/* --- the weights --- */

struct stream {
    const struct checkpoint *base, *tuned;
    const struct plan *plan;
    const double *ratios;
    const struct export_progress *progress;
    uint64_t done_bytes, total_bytes;
    uint64_t last_bytes; /* of the tensor handed out, counted as done at the next call */
    void *room;          /* the merged tensor */
    uint64_t room_bytes;
};

static int tick(struct stream *stream, struct err *err)
{
    stream->done_bytes += stream->last_bytes;
    stream->last_bytes = 0;
    if (stream->progress && stream->progress->tick &&
        stream->progress->tick(stream->progress->ctx, stream->done_bytes, stream->total_bytes))
        return err_set(err, ERR_CANCELLED, "the export was stopped; nothing of it is left");
    return 0;
}

/* struct st_source: merges tensor i of the base's order. */
static const void *merged_bytes(void *ctx, size_t i, struct err *err)
{
    struct stream *stream = ctx;
    const struct st_tensor *base = checkpoint_at(stream->base, i), *tuned = checkpoint_at(stream->tuned, i);
    if (tick(stream, err))
        return NULL;
    if (base->bytes > stream->room_bytes || !stream->room) {
        mem_free(stream->room);
        stream->room = mem_zero(base->bytes, 1);
        stream->room_bytes = base->bytes;
    }
    double ratio = plan_ratio(stream->plan, &stream->plan->entries[i], stream->ratios);
    if (merge_tensor(base, tuned, ratio, NULL, stream->room, NULL, err))
        return NULL;
    stream->last_bytes = base->bytes;
    return stream->room;
}

static int write_weights(struct stream *stream, const char *directory, struct err *err)
{
    static const char *const metadata[] = {"format", "pt", NULL};
    size_t n = checkpoint_count(stream->base);
    struct st_tensor *tensors = mem_zero(n, sizeof *tensors);
    for (size_t i = 0; i < n; i++) {
        tensors[i] = *checkpoint_at(stream->base, i);
        stream->total_bytes += tensors[i].bytes;
    }
    char *path = mem_printf("%s/model.safetensors", directory);
    struct st_source source = {merged_bytes, stream};
    int rc = st_write_from(path, tensors, n, metadata, &source, err);
    if (!rc)
        rc = tick(stream, err);
    mem_free(path);
    mem_free(stream->room);
    mem_free(tensors);
    return rc;
}

/* --- lineage --- */

static int write_lineage(const struct stream *stream, const char *directory, struct err *err)
{
    struct buf buf;
    struct json_out out;
    buf_init(&buf, LINEAGE_MAX);
    json_begin(&out, &buf);
    json_object(&out);
    json_put_text(&out, "format", "paretod-export-1");
    json_put_text(&out, "version", PARETOD_VERSION);
    json_put_text(&out, "base", checkpoint_directory(stream->base));
    json_put_text(&out, "tuned", checkpoint_directory(stream->tuned));
    json_put_text(&out, "ratio_of", "tuned"); /* others write the weight of the base under the same word */
    json_put_doubles(&out, "ratios", stream->ratios, (size_t)stream->plan->ratios_n);
    json_name(&out, "plan");
    plan_write(stream->plan, &out);
    json_end_object(&out);
    buf_text(&buf, "\n");
    char *path = mem_printf("%s/paretod.json", directory);
    int rc = buf.full ? err_set(err, ERR_TOO_LARGE, "%s: the plan is too large to write", path)
                      : write_file(path, buf.data, buf.len, err);
    mem_free(path);
    buf_fini(&buf);
    return rc;
}

/* --- the directory --- */

static int write_all_files(struct stream *stream, const char *partial, struct err *err)
{
    int rc = 0;
    for (size_t i = 0; !rc && i < COPIED_N; i++)
        rc = copy_file(checkpoint_directory(stream->tuned), partial, copied[i], err);
    if (!rc)
        rc = write_lineage(stream, partial, err);
    if (!rc)
        rc = write_weights(stream, partial, err);
    return rc ? rc : sync_directory(partial, err);
}

/* Removes what write_all_files may have made. */
static void discard(const char *partial)
{
    static const char *const made[] = {"paretod.json", "model.safetensors"};
    for (size_t i = 0; i < COPIED_N + 2; i++) {
        char *path = mem_printf("%s/%s", partial, i < COPIED_N ? copied[i] : made[i - COPIED_N]);
        unlink(path);
        mem_free(path);
    }
    rmdir(partial);
}

/* A new directory beside the target. A number is added where an earlier process of our id left one behind. */
static char *make_partial(const char *target, struct err *err)
{
    for (int i = 0; i < 100; i++) {
        char *path = i ? mem_printf("%s.partial-%d-%d", target, (int)getpid(), i)
                       : mem_printf("%s.partial-%d", target, (int)getpid());
        if (mkdir(path, 0777) == 0)
            return path;
        int why = errno;
        mem_free(path);
        errno = why;
        if (why != EEXIST)
            break;
    }
    io_fail(err, target, "cannot be created beside its place");
    return NULL;
}

static int exists(const char *target, struct err *err)
{
    return err_set(err, ERR_CONFLICT, "%s: exists already; choose another directory or remove it", target);
}

/* Renames, never over something. rename alone would replace an empty directory. */
static int publish(const char *partial, const char *target, struct err *err)
{
    struct stat st;
    if (renameat2(AT_FDCWD, partial, AT_FDCWD, target, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno == EINVAL || errno == ENOSYS) { /* a file system without it: look, then rename */
        if (lstat(target, &st) == 0)
            return exists(target, err);
        if (rename(partial, target) == 0)
            return 0;
    }
    return errno == EEXIST || errno == ENOTEMPTY ? exists(target, err)
                                                 : io_fail(err, target, "cannot be renamed");
}

static int sync_parent(const char *target, struct err *err)
{
    char *parent = mem_strdup(target);
    char *slash = strrchr(parent, '/');
    if (slash == parent)
        slash[1] = 0;
    else if (slash)
        *slash = 0;
    int rc = sync_directory(slash ? parent : ".", err);
    mem_free(parent);
    return rc;
}

/* Without slashes at the end, so that the partial directory lies beside the target and not in it. */
static char *trim(const char *directory)
{
    size_t n = strlen(directory);
    while (n > 1 && directory[n - 1] == '/')
        n--;
    return mem_strndup(directory, n);
}

static int export_checkpoint(const struct checkpoint *base, const struct checkpoint *tuned, const struct plan *plan,
                      const double *ratios, const char *directory, const struct export_progress *progress,
                      struct err *err)
{
    struct stream stream = {
        .base = base, .tuned = tuned, .plan = plan, .ratios = ratios, .progress = progress};
    struct stat st;
    assert(plan->entries_n == checkpoint_count(base)); /* the plan of this very pair */
    char *target = trim(directory), *partial = NULL;
    int rc = lstat(target, &st) == 0 ? exists(target, err) : 0;
    if (!rc) {
        partial = make_partial(target, err);
        rc = partial ? write_all_files(&stream, partial, err) : ERR_IO;
    }
    if (!rc)
        rc = publish(partial, target, err);
    if (rc && partial)
        discard(partial);
    if (!rc)
        rc = sync_parent(target, err);
    mem_free(partial);
    mem_free(target);
    return rc;
}

int export_checkpoints(const struct checkpoint *base, const struct checkpoint *tuned, const struct plan *plan,
                       const struct export_target *targets, size_t n, const struct export_options *options,
                       const struct export_progress *progress, struct err *err)
{
    int rc = 0;
    (void)options;
    for (size_t i = 0; !rc && i < n; i++)
        rc = export_checkpoint(base, tuned, plan, targets[i].ratios, targets[i].directory, progress, err);
    return rc;
}
