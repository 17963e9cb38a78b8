#include "merge/files/once.h"

#include <stddef.h>

static struct once_slot *find(struct once *once, struct hash128 key)
{
    for (size_t i = 0; i < ONCE_N; i++)
        if (once->slots[i].taken && hash_equal(once->slots[i].key, key))
            return &once->slots[i];
    return NULL;
}

/* NULL when every value is held or being made; then one more is made and not kept. */
static struct once_slot *make_room(struct once *once)
{
    struct once_slot *oldest = NULL;
    for (size_t i = 0; i < ONCE_N; i++) {
        struct once_slot *slot = &once->slots[i];
        if (!slot->taken)
            return slot;
        if (slot->value && slot->holders == 0 && (!oldest || slot->used < oldest->used))
            oldest = slot;
    }
    if (oldest)
        once->destroy(oldest->value);
    return oldest;
}

void *once_hold(struct once *once, struct hash128 key)
{
    struct once_slot *slot;
    void *value = NULL;
    pthread_mutex_lock(&once->lock);
    while ((slot = find(once, key)) && !slot->value)
        pthread_cond_wait(&once->changed, &once->lock);
    if (slot) {
        slot->holders++;
        slot->used = ++once->clock;
        value = slot->value;
    } else if ((slot = make_room(once)))
        *slot = (struct once_slot){.taken = true, .key = key};
    pthread_mutex_unlock(&once->lock);
    return value;
}

void once_settle(struct once *once, struct hash128 key, void *value)
{
    pthread_mutex_lock(&once->lock);
    struct once_slot *slot = find(once, key);
    if (slot && !slot->value) {
        *slot = (struct once_slot){
            .taken = value != NULL, .key = key, .value = value, .holders = 1, .used = ++once->clock};
        pthread_cond_broadcast(&once->changed);
    }
    pthread_mutex_unlock(&once->lock);
}

void once_release(struct once *once, void *value)
{
    struct once_slot *slot = NULL;
    pthread_mutex_lock(&once->lock);
    for (size_t i = 0; value && !slot && i < ONCE_N; i++)
        if (once->slots[i].value == value)
            slot = &once->slots[i];
    if (slot)
        slot->holders--;
    pthread_mutex_unlock(&once->lock);
    if (value && !slot)
        once->destroy(value); /* there was no room for it */
}
