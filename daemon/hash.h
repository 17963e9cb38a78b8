/* WHAT   A 64-bit hash of bytes (FNV-1a), for tags and for "is this the same body"; not against an adversary.
 * WHO    daemon.
 * UNITS  None.
 * MEMORY None.
 * ERRORS None.
 * STATE  None. Constants: Fowler, Noll, Vo, draft-eastlake-fnv. */
#ifndef DAEMON_HASH_H
#define DAEMON_HASH_H

#include <stddef.h>
#include <stdint.h>

/* seed 0 is plain FNV-1a; another seed gives another function; hash_fnv(hash_fnv(0, a), b) chains. */
static inline uint64_t hash_fnv(uint64_t seed, const void *bytes, size_t n)
{
    const unsigned char *p = bytes;
    uint64_t h = seed ? seed : UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < n; i++)
        h = (h ^ p[i]) * UINT64_C(0x100000001b3);
    return h;
}

#endif
