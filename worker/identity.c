#include "worker/identity.h"

#include "merge/files/digest.h"
#include "proto/mem.h"
#include "worker/stop.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static bool has_digests(const struct lease *lease)
{
    return lease->spec.has_models && *lease->base_digest && *lease->tuned_digest;
}

/* ---- the stamp ---- */

static bool is_part(const char *name)
{
    size_t n = strlen(name);
    return strcmp(name, "config.json") == 0 || strcmp(name, "model.safetensors.index.json") == 0 ||
           (n > 12 && strcmp(name + n - 12, ".safetensors") == 0);
}

/* Takes the line. */
static void add_line(struct hash128 *sum, char *line)
{
    struct hash128 hash = hash_bytes(line, strlen(line));
    sum->high += hash.high;
    sum->low += hash.low;
    mem_free(line);
}

/* The order in which a directory lists its files means nothing, so sums are taken. A file that is gone changes the sum
 * as well. */
static void stamp_directory(const char *directory, struct hash128 *sum)
{
    DIR *stream = opendir(directory);
    if (!stream)
        return;
    for (struct dirent *entry; (entry = readdir(stream));) {
        struct stat info = {0};
        if (!is_part(entry->d_name) || fstatat(dirfd(stream), entry->d_name, &info, 0) != 0)
            continue;
        add_line(sum, mem_printf("%s/%s %llu %llu %lld %lld %ld %lld %ld", directory, entry->d_name,
                                 (unsigned long long)info.st_dev, (unsigned long long)info.st_ino,
                                 (long long)info.st_size, (long long)info.st_mtim.tv_sec,
                                 info.st_mtim.tv_nsec, (long long)info.st_ctim.tv_sec, info.st_ctim.tv_nsec));
    }
    closedir(stream);
}

struct hash128 identity_stamp(const struct lease *lease)
{
    struct hash128 sum = {0};
    if (has_digests(lease)) {
        add_line(&sum, mem_printf("%s %s", lease->base_digest, lease->tuned_digest));
        stamp_directory(lease->spec.base, &sum);
        stamp_directory(lease->spec.tuned, &sum);
    }
    return sum;
}

/* ---- the check ---- */

/* What to do must not be cut off by a long path. */
static int refuse(struct err *err, const char *sentence)
{
    return err_set(err, ERR_CONFLICT,
                   "%.370s; give this worker the files that the search was submitted with, then start it "
                   "again, or pause "
                   "and resume the search",
                   sentence);
}

/* Which tensor is it? Without the daemon's list only: another checkpoint. side: "base" or "tuned". */
static int name_difference(const char *side, const struct checkpoint *ckpt, const struct digest *ours,
                           const char *wanted, const struct identity_source *source, struct err *err)
{
    struct json *root = NULL;
    struct err said = {0};
    char *what = mem_printf("models.%s", side);
    int rc = source->get(source->ctx, &root, NULL);
    if (!rc)
        rc = digest_compare(what, ckpt, ours, json_get(root, side), &said);
    json_free(root);
    if (rc != ERR_CONFLICT) {
        char *least = mem_printf("{\"digest\":\"%s\"}", wanted);
        rc = json_parse(least, strlen(least), &root, &said);
        if (!rc)
            digest_compare(what, ckpt, ours, root, &said);
        json_free(root);
        mem_free(least);
    }
    mem_free(what);
    return refuse(err, said.text);
}

static int check_one(const char *side, const char *directory, const char *wanted,
                     const struct identity_source *source, const atomic_bool *cancel, struct err *err)
{
    struct checkpoint *ckpt = NULL;
    struct digest ours = {0};
    struct err why = {0};
    char hex[HASH_TEXT_MAX];
    const struct digest_progress progress = {stop_tick, (void *)(uintptr_t)cancel};
    int rc = checkpoint_open(directory, &ckpt, &why);
    if (!rc)
        rc = digest_make(ckpt, &progress, &ours, &why);
    hash_print(ours.whole, hex);
    if (rc == ERR_CANCELLED)
        err_set(err, rc, "%s", why.text);
    else if (rc) {
        err_prefix(&why, rc, "models.%s cannot be read here", side);
        rc = refuse(err, why.text);
    } else if (strcmp(hex, wanted) != 0)
        rc = name_difference(side, ckpt, &ours, wanted, source, err);
    digest_fini(&ours);
    checkpoint_close(ckpt);
    return rc;
}

int identity_check(const struct lease *lease, const struct identity_source *source, const atomic_bool *cancel,
                   struct err *err)
{
    if (!has_digests(lease))
        return 0;
    int rc = check_one("base", lease->spec.base, lease->base_digest, source, cancel, err);
    if (!rc)
        rc = check_one("tuned", lease->spec.tuned, lease->tuned_digest, source, cancel, err);
    return rc;
}
