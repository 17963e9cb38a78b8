/* WHAT   Values that a process makes once, by key: whoever comes while one is being made waits for it.
 * WHO    merge/files/digest, merge/preflight/survey.
 * UNITS  None.
 * MEMORY At most ONCE_N values are kept; of those that nobody holds, the one used longest ago goes first.
 * ERRORS None.
 * STATE  A static struct once each, for the life of the process, under its mutex. */
#ifndef MERGE_ONCE_H
#define MERGE_ONCE_H

#include "merge/files/hash.h"

#include <pthread.h>

#define ONCE_N 32

struct once_slot {
    bool taken; /* key counts; without a value somebody is making it */
    struct hash128 key;
    void *value;
    int holders;
    uint64_t used;
};

struct once {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    void (*destroy)(void *value);
    uint64_t clock;
    struct once_slot slots[ONCE_N];
};

#define ONCE_INIT(destroy_value)                                                                             \
    {                                                                                                        \
        .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER, .destroy = (destroy_value)   \
    }

/* The value, until once_release. NULL: there is none, and the caller makes it and then calls once_settle. */
void *once_hold(struct once *once, struct hash128 key);

/* Takes the value, which the caller holds from now on; NULL: it could not be made, and the next one may try. */
void once_settle(struct once *once, struct hash128 key, void *value);

void once_release(struct once *once, void *value);

#endif
