/* WHAT   The dashboard's files, read once at the start.
 * WHO    daemon/paretod.c loads, api.c serves.
 * UNITS  Bytes.
 * MEMORY load/fini.
 * ERRORS None: a missing directory is no assets, and said in the log.
 * STATE  Immutable after load. A request names a file of the list exactly, so there is no path to escape by. */
#ifndef DAEMON_ASSETS_H
#define DAEMON_ASSETS_H

#include <stddef.h>

struct asset {
    char *name;       /* "dashboard.js" */
    const char *type; /* static storage */
    char *bytes;
    size_t len;
    char etag[24];
};

struct assets {
    struct asset *asset;
    int n, cap;
};

void assets_load(struct assets *assets, const char *directory);
void assets_fini(struct assets *assets);
const struct asset *assets_find(const struct assets *assets, const char *name); /* NULL when absent */

#endif
