/* WHAT   128-bit content hashes (XXH3), whole and streamed.
 * WHO    merge/files/digest, merge/output/manifest, merge/merge (seeds); worker/model (keys).
 * UNITS  Bytes.
 * MEMORY hash_create / hash_destroy; values are plain structs.
 * ERRORS None.
 * STATE  A stream; one thread at a time.
 *
 * XXH3 finds accidents: other weights, flipped bits, cut files. It is no signature: whoever wants two contents with
 * one hash can make them. `xxh128sum` of Debian's xxhash prints the same numbers. Source: github.com/Cyan4973/xxHash. */
#ifndef MERGE_HASH_H
#define MERGE_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hash128 {
    uint64_t high, low;
};

#define HASH_TEXT_MAX 33

struct hash128 hash_bytes(const void *bytes, size_t n);
bool hash_equal(struct hash128 a, struct hash128 b);

/* 32 lower-case hexadecimal digits, high part first, as xxh128sum prints them. */
void hash_print(struct hash128 hash, char out[HASH_TEXT_MAX]);
bool hash_read(const char *text, struct hash128 *out); /* false: not 32 hexadecimal digits */

struct hash_stream;
struct hash_stream *hash_create(void);
void hash_add(struct hash_stream *stream, const void *bytes, size_t n);
struct hash128 hash_value(const struct hash_stream *stream); /* of all bytes so far; more may follow */
void hash_reset(struct hash_stream *stream);
void hash_destroy(struct hash_stream *stream);

#endif
