#include "merge/key.h"

#include <string.h>

static void put(unsigned char *to, uint64_t x)
{
    for (int i = 0; i < 8; i++)
        to[i] = (unsigned char)(x >> 8 * i);
}

struct hash128 merge_key(struct hash128 base, struct hash128 tuned, const char *tensor, double ratio,
                         const struct merge_how *how)
{
    unsigned char head[8 * 9];
    uint64_t bits;
    double plain = ratio == 0 ? 0 : ratio; /* -0 is 0 */
    memcpy(&bits, &plain, sizeof bits);
    uint64_t drawn = how->rounding == ROUND_STOCHASTIC ? how->seed : 0;
    const uint64_t parts[9] = {base.high,
                               base.low,
                               tuned.high,
                               tuned.low,
                               bits,
                               (uint64_t)how->rounding,
                               (uint64_t)how->dtype,
                               (uint64_t)how->others,
                               drawn};
    for (int i = 0; i < 9; i++)
        put(head + 8 * i, parts[i]);
    struct hash_stream *stream = hash_create();
    hash_add(stream, head, sizeof head);
    hash_add(stream, tensor, strlen(tensor));
    struct hash128 key = hash_value(stream);
    hash_destroy(stream);
    return key;
}
