#include "merge/files/hash.h"

#include "proto/mem.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>
#if defined(__x86_64__) && __has_include(<xxh_x86dispatch.h>)
#include <xxh_x86dispatch.h> /* the same numbers with AVX2 or AVX-512, where there is one */
#endif

struct hash_stream {
    XXH3_state_t *state;
};

static struct hash128 of(XXH128_hash_t h)
{
    return (struct hash128){h.high64, h.low64};
}

struct hash128 hash_bytes(const void *bytes, size_t n)
{
    return of(XXH3_128bits(n ? bytes : "", n));
}

bool hash_equal(struct hash128 a, struct hash128 b)
{
    return a.high == b.high && a.low == b.low;
}

void hash_print(struct hash128 hash, char out[HASH_TEXT_MAX])
{
    snprintf(out, HASH_TEXT_MAX, "%016" PRIx64 "%016" PRIx64, hash.high, hash.low);
}

static bool read_half(const char *text, uint64_t *out)
{
    *out = 0;
    for (int i = 0; i < 16; i++) {
        char c = text[i];
        int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (digit < 0)
            return false;
        *out = *out << 4 | (uint64_t)digit;
    }
    return true;
}

bool hash_read(const char *text, struct hash128 *out)
{
    *out = (struct hash128){0};
    return strlen(text) == 32 && read_half(text, &out->high) && read_half(text + 16, &out->low);
}

struct hash_stream *hash_create(void)
{
    struct hash_stream *stream = mem_zero(1, sizeof *stream);
    stream->state = XXH3_createState();
    assert(stream->state); /* out of memory */
    hash_reset(stream);
    return stream;
}

void hash_add(struct hash_stream *stream, const void *bytes, size_t n)
{
    if (n)
        XXH3_128bits_update(stream->state, bytes, n);
}

struct hash128 hash_value(const struct hash_stream *stream)
{
    return of(XXH3_128bits_digest(stream->state));
}

void hash_reset(struct hash_stream *stream)
{
    XXH3_128bits_reset(stream->state);
}

void hash_destroy(struct hash_stream *stream)
{
    if (!stream)
        return;
    XXH3_freeState(stream->state);
    mem_free(stream);
}
