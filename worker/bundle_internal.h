/* WHAT   What the readers of a bundle share: fields with sentences that say where.
 * WHO    worker/bundle.c, worker/bundle_task.c, worker/bundle_items.c.
 * UNITS  None.
 * MEMORY See bundle.h.
 * ERRORS ERR_INVALID.
 * STATE  None. */
#ifndef WORKER_BUNDLE_INTERNAL_H
#define WORKER_BUNDLE_INTERNAL_H

#include "proto/json.h"
#include "worker/bundle.h"

#define BUNDLE_FILE_MAX ((size_t)1 << 30)

/* Where a value stands: "facts.jsonl:12: " or "bundle.json: tasks[3]." and the object. */
struct fields {
    const struct json *object;
    const char *where;
};

int fields_whole(const struct fields *in, const char *key, int64_t least, int64_t most, int64_t *out,
                 struct err *err);
int fields_text(const struct fields *in, const char *key, const char **out, struct err *err); /* not empty */
/* An array of at least one token id below vocab_n. Allocates out->id. */
int fields_ids(const struct fields *in, const char *key, const struct json *array, int vocab_n,
               struct ids *out, struct err *err);
/* ERR_INVALID when the object has a key that is not in allowed[n]. */
int fields_known(const struct fields *in, const char *const *allowed, size_t n, struct err *err);

/* A file of the bundle, in its own folder: no '/', no "..". *name borrows from the object, *out is allocated. */
int fields_path(const struct bundle *bundle, const struct fields *in, const char *key, const char **name,
                char **out, struct err *err);

/* One entry of "tasks", with its items. Half-read tasks can be freed. */
int bundle_task_read(const struct bundle *bundle, const struct fields *in, struct bundle_task *task,
                     struct err *err);
void bundle_task_free(struct bundle_task *task);

/* Reads the task's items from the file `path`; `name` is for sentences. */
int bundle_items_read(const struct bundle *bundle, struct bundle_task *task, const char *path,
                      const char *name, struct err *err);
void bundle_items_free(struct bundle_task *task);

#endif
