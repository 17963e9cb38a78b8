/* WHAT   What the model wrote to the items of a task, kept until the evaluation ends.
 * WHO    The tasks keep; worker/native writes.
 * UNITS  As proto/written.h.
 * MEMORY Texts are copied, as far as proto/written.h keeps them; task_close frees.
 * ERRORS None.
 * STATE  struct task's `kept`: NULL where nobody wants texts, and every keeping does nothing then. */
#ifndef WORKER_TASK_TEXTS_H
#define WORKER_TASK_TEXTS_H

#include "proto/json.h"
#include "worker/tasks.h"

struct task_text {
    char *output; /* NULL: nothing was written yet */
    char **samples;
    size_t samples_n;
    bool cut; /* one of them was longer */
};

void task_texts_free(struct task_text *all, size_t n); /* NULL is fine */

void task_keep_output(struct task *task, size_t i, const char *text);
void task_keep_choice(struct task *task, size_t i, int choice); /* its letter */
void task_keep_sample(struct task *task, size_t i, const char *text);

/* Of the items that are done, of all tasks that write, as JSON; the caller's. NULL: no task keeps texts, those of an item are
 * not known, or they are more than proto/written.h allows, *too_large then. */
char *task_texts_write(const struct task *tasks, int n, bool *too_large);

/* ---- for worker/task_state: texts of the items of the first `done` slices ---- */

void task_texts_put(const struct task *task, struct json_out *out);
/* One for each of these items, with its id; false when there is not. Replaces what was kept. */
bool task_texts_take(struct task *task, int done, const struct json *list);
void task_texts_hash(const struct task *task, int done, struct hash_stream *stream);
void task_texts_forget(struct task *task);
/* Are those of all items so far known? Not of items that another evaluation did and could not hand on. */
bool task_texts_are_whole(const struct task *task);

#endif
