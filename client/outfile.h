/* WHAT   A file that appears whole or not at all: written beside its place, renamed at the end.
 * WHO    commands_rtuning*.
 * UNITS  Bytes.
 * MEMORY outfile_open / outfile_close.
 * ERRORS ERR_IO with a sentence that names the file; the first one is kept and returned again at outfile_publish.
 * STATE  open -> add … -> publish -> close. close removes what was not published. A file that is there already is replaced by
 *        publish, in one step. */
#ifndef CLIENT_OUTFILE_H
#define CLIENT_OUTFILE_H

#include "proto/buf.h"
#include "proto/err.h"

#include <stdio.h>

struct outfile {
    char *path, *partial; /* "PATH.partial-PID" */
    FILE *file;
    int errno_of; /* of the first write that failed; 0 */
};

int outfile_open(struct outfile *out, const char *path, struct err *err);
/* Writes what the buffer holds and clears it. */
void outfile_add(struct outfile *out, struct buf *text);
int outfile_publish(struct outfile *out, struct err *err);
void outfile_close(struct outfile *out); /* zeroed or closed is fine */

#endif
