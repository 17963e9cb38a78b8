#include "daemon/view_cache.h"

#include "daemon/hash.h"
#include "daemon/views.h"

#include <stdio.h>
#include <string.h>

#define FRONT_MAX ((size_t)256 << 20)

void view_front_etag(const struct search *search, const struct view_look *look, char etag[VIEW_ETAG_MAX])
{
    uint64_t h = hash_fnv(0, &look->tax, sizeof look->tax);
    if (look->stalled)
        h = hash_fnv(h, look->stalled, strlen(look->stalled));
    snprintf(etag, VIEW_ETAG_MAX, "%lld-%lld-%c%d-%016llx", (long long)search->id,
             (long long)search->revision, look->posterior ? 'p' : 'r',
             look->insight ? look->insight->watermark : -1, (unsigned long long)h);
}

const struct buf *view_cache_front(struct view_cache *cache, struct search *search,
                                   const struct view_look *look)
{
    char etag[VIEW_ETAG_MAX];
    view_front_etag(search, look, etag);
    struct view_cache_entry *entry = &cache->entry[0];
    for (int i = 0; i < VIEW_CACHE_MAX; i++) {
        struct view_cache_entry *e = &cache->entry[i];
        if (e->used && e->search == search->id && e->posterior == look->posterior && e->tax == look->tax) {
            entry = e;
            break;
        }
        if (e->used < entry->used)
            entry = e;
    }
    if (!entry->used || strcmp(entry->etag, etag)) {
        buf_fini(&entry->json);
        buf_init(&entry->json, FRONT_MAX);
        view_front(search, look, &entry->json);
        entry->search = search->id;
        entry->posterior = look->posterior;
        entry->tax = look->tax;
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
