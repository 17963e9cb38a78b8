#include "daemon/view_cache.h"

#include "daemon/hash.h"
#include "daemon/views.h"

#include <stdio.h>
#include <string.h>

#define FRONT_MAX ((size_t)256 << 20)

void view_front_etag(const struct search *search, const char *stalled, char etag[VIEW_ETAG_MAX])
{
    int n = snprintf(etag, VIEW_ETAG_MAX, "%lld-%lld", (long long)search->id, (long long)search->revision);
    if (stalled)
        snprintf(etag + n, VIEW_ETAG_MAX - (size_t)n, "-%016llx",
                 (unsigned long long)hash_fnv(0, stalled, strlen(stalled)));
}

const struct buf *view_cache_front(struct view_cache *cache, struct search *search, const char *stalled)
{
    char etag[VIEW_ETAG_MAX];
    view_front_etag(search, stalled, etag);
    struct view_cache_entry *entry = &cache->entry[0];
    for (int i = 0; i < VIEW_CACHE_MAX; i++) {
        struct view_cache_entry *e = &cache->entry[i];
        if (e->used && e->search == search->id) {
            entry = e;
            break;
        }
        if (e->used < entry->used)
            entry = e;
    }
    if (!entry->used || entry->search != search->id || strcmp(entry->etag, etag)) {
        buf_fini(&entry->json);
        buf_init(&entry->json, FRONT_MAX);
        view_front(search, stalled, &entry->json);
        entry->search = search->id;
        memcpy(entry->etag, etag, sizeof etag);
    }
    entry->used = ++cache->clock;
    return &entry->json;
}

void view_cache_fini(struct view_cache *cache)
{
    for (int i = 0; i < VIEW_CACHE_MAX; i++)
        buf_fini(&cache->entry[i].json);
    *cache = (struct view_cache){0};
}
