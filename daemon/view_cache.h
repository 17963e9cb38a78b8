/* WHAT   The last front view of each search, so that a revision is written at most once.
 * WHO    daemon/api_search.c.
 * UNITS  Bytes.
 * MEMORY init by zero; fini.
 * ERRORS None.
 * STATE  At most VIEW_CACHE_MAX entries; the one used longest ago makes way. */
#ifndef DAEMON_VIEW_CACHE_H
#define DAEMON_VIEW_CACHE_H

#include "daemon/views.h"
#include "proto/buf.h"

#include <stdint.h>

#define VIEW_ETAG_MAX 96
#define VIEW_CACHE_MAX 32

struct view_cache_entry {
    char etag
        [VIEW_ETAG_MAX]; /* of search, revision, what it stands still for, insight, and how it is looked at */
    int64_t search;
    bool posterior;
    double tax;
    uint64_t used; /* 0 = empty */
    struct buf json;
};

struct view_cache {
    struct view_cache_entry entry[VIEW_CACHE_MAX];
    uint64_t clock;
};

/* What changes when the front does: with the revision, with an insight, and when the search comes to stand still or goes
 * on. */
void view_front_etag(const struct search *search, const struct view_look *look, char etag[VIEW_ETAG_MAX]);
/* Borrows until the next call. */
const struct buf *view_cache_front(struct view_cache *cache, struct search *search,
                                   const struct view_look *look);
void view_cache_fini(struct view_cache *cache);

#endif
