/* WHAT   How many files a process may have open.
 * WHO    paretod, pareto-worker and paretoctl, once at their start.
 * UNITS  Files.
 * MEMORY None.
 * ERRORS None: where it is not allowed the limit stays what it was.
 * STATE  The process's own limit (RLIMIT_NOFILE). */
#ifndef PROTO_FILES_H
#define PROTO_FILES_H

/* Lets the process open up to n files, or as many as the system allows it, but never fewer than now. */
void files_allow(unsigned long n);

#endif
