/* WHAT   Small things of the operating system about files that every room would write again.
 * WHO    paretod, pareto-worker and paretoctl at their start (the limit); merge/, client (writing).
 * UNITS  Files; bytes.
 * MEMORY The caller's.
 * ERRORS ERR_IO with errno set; no sentence, which only the caller can make.
 * STATE  The process's own limit of open files (RLIMIT_NOFILE). */
#ifndef PROTO_FILES_H
#define PROTO_FILES_H

#include <stddef.h>
#include <stdint.h>

/* Lets the process open up to n files, or as many as the system allows it, but never fewer than now. Where it is not
 * allowed the limit stays what it was. */
void files_allow(unsigned long n);

/* Writes all n bytes at `offset` of a file, however many calls it takes. 0 or ERR_IO. */
int files_put(int fd, const void *bytes, size_t n, uint64_t offset);

#endif
