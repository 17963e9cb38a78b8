/* WHAT   The command line of paretod.
 * WHO    main.c; paretod.c reads it.
 * UNITS  Seconds in *_s.
 * MEMORY Borrows from argv.
 * ERRORS ERR_INVALID with a sentence.
 * STATE  Immutable. */
#ifndef DAEMON_OPTIONS_H
#define DAEMON_OPTIONS_H

#include "proto/err.h"
#include "proto/log.h"

#include <stdbool.h>

#define LISTEN_MAX 8

struct options {
    const char *db; /* directory */
    const char *listen[LISTEN_MAX];
    int listen_n;
    const char *assets; /* directory */
    enum log_level log_level;
    int lease_s;
    bool help, version;
};

int options_read(int argc, char **argv, struct options *out, struct err *err);
const char *options_help(void);

#endif
