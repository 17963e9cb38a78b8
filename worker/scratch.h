/* WHAT   A directory of its own for one evaluation, gone with it.
 * WHO    worker/command.
 * UNITS  None.
 * MEMORY The caller's struct; scratch_fini frees the path.
 * ERRORS ERR_IO with the path.
 * STATE  The directory is locked (flock) while in use; the kernel lets go when its worker dies, and the next
 *        scratch_sweep removes it: a merged checkpoint that nobody removes would fill the disk. */
#ifndef WORKER_SCRATCH_H
#define WORKER_SCRATCH_H

#include "proto/err.h"

struct scratch {
    char *path; /* absolute; NULL: none */
    int lock_fd;
};

/* parent/paretod-job-XXXXXX */
int scratch_make(const char *parent, struct scratch *out, struct err *err);
void scratch_fini(struct scratch *scratch); /* removes it and everything in it */
void scratch_sweep(const char *parent);

#endif
