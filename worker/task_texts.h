/* WHAT   What the model wrote to the items of a task, kept until the evaluation ends.
 * WHO    The tasks keep; worker/native writes.
 * UNITS  As proto/written.h.
 * MEMORY Texts are copied, as far as proto/written.h keeps them; task_close frees.
 * ERRORS None.
 * STATE  struct task's `kept`: NULL where nobody wants texts, and every keeping does nothing then. */
#ifndef WORKER_TASK_TEXTS_H
#define WORKER_TASK_TEXTS_H

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

/* Of the items that are done, of all tasks that write, as JSON; the caller's. NULL: no task keeps texts, or they are more than
 * proto/written.h allows, *too_large then. */
char *task_texts_write(const struct task *tasks, int n, bool *too_large);

#endif
