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

#define VIEW_ETAG_MAX 64
#define VIEW_CACHE_MAX 32

struct search;

struct view_cache_entry {
    char etag[VIEW_ETAG_MAX]; /* of search, revision and what it stands still for */
    int64_t search;
    uint64_t used; /* 0 = empty */
    struct buf json;
};

struct view_cache {
    struct view_cache_entry entry[VIEW_CACHE_MAX];
    uint64_t clock;
};

/* What changes when the front does: with the revision, and when the search comes to stand still or goes on. */
void view_front_etag(const struct search *search, const char *stalled, char etag[VIEW_ETAG_MAX]);
/* Borrows until the next call. */
const struct buf *view_cache_front(struct view_cache *cache, struct search *search, const char *stalled);
void view_cache_fini(struct view_cache *cache);

#endif
