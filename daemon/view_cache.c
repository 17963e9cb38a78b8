#include "daemon/view_cache.h"

#include "daemon/views.h"

#define FRONT_MAX ((size_t)256 << 20)

const struct buf *view_cache_front(struct view_cache *cache, struct search *search)
{
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
    if (!entry->used || entry->search != search->id || entry->revision != search->revision) {
        buf_fini(&entry->json);
        buf_init(&entry->json, FRONT_MAX);
        view_front(search, &entry->json);
        entry->search = search->id;
        entry->revision = search->revision;
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
