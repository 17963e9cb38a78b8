/* WHAT   The last front view of each search, so that a revision is written at most once.
 * WHO    daemon/api_search.c.
 * UNITS  Bytes.
 * MEMORY init by zero; fini.
 * ERRORS None.
 * STATE  At most VIEW_CACHE_MAX entries; the one used longest ago makes way. */
#ifndef DAEMON_VIEW_CACHE_H
#define DAEMON_VIEW_CACHE_H

#include "proto/buf.h"

#include <stdint.h>

#define VIEW_CACHE_MAX 32

struct search;

struct view_cache_entry {
    int64_t search, revision;
    uint64_t used; /* 0 = empty */
    struct buf json;
};

struct view_cache {
    struct view_cache_entry entry[VIEW_CACHE_MAX];
    uint64_t clock;
};

/* Borrows until the next call. */
const struct buf *view_cache_front(struct view_cache *cache, struct search *search);
void view_cache_fini(struct view_cache *cache);

#endif
