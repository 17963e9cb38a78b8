/* WHAT   The loops of merge/kernel.h, written once over vectors of LANES numbers.
 * WHO    kernel_avx512.c, kernel_avx2.c, kernel_plain.c, each of which defines vec, uvec, ivec, hvec, mask, what
 *        chooses and converts between them, LANES, KERNEL and KERNEL_NAME first.
 * UNITS  Elements.
 * MEMORY The caller's.
 * ERRORS None.
 * STATE  None.
 *
 * Elements are taken in sets of SET, two vectors at a time. The vectors of a set lie as loading is cheapest: of BF16 the
 * even elements and the odd ones of the same bytes, of the others one in each half of the set. So element i of a set is
 * in lane i / 2 (BF16) or i % 16 of the 16 sums; they are added to in ascending i. Likewise the draws: mix number
 * 16 * set + lane, its low 16 bits for the first of the two vectors, the high ones for the second. */
#include "merge/kernel_internal.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define ALWAYS static inline __attribute__((always_inline))
#define SUMS 16
#define SET 32
#define AHEAD                                                                                                \
    1536 /* bytes fetched early, past the end of a page, where the processor's own prefetching stops */
#define VECS (SUMS / LANES) /* vectors in half a set */

typedef uvec any_uvec __attribute__((aligned(1), may_alias));
typedef hvec any_hvec __attribute__((aligned(1), may_alias));

ALWAYS uvec set(uint32_t x)
{
    return (uvec){0} + x;
}

ALWAYS uvec positions(void)
{
    uvec p;
    for (uint32_t i = 0; i < LANES; i++)
        p[i] = i;
    return p;
}

/* ---- stored numbers. dtype is a constant of the caller ---- */

ALWAYS size_t size_of(enum st_dtype dtype)
{
    return dtype == ST_F32 ? 4 : 2;
}

ALWAYS vec load(enum st_dtype dtype, const char *p)
{
    if (dtype == ST_BF16)
        return (vec)(widen16(*(const any_hvec *)p) << 16);
    if (dtype == ST_F16)
        return half_widen(*(const any_hvec *)p);
    return (vec) * (const any_uvec *)p;
}

/* The v-th two vectors of the set at p. */
ALWAYS void load_two(enum st_dtype dtype, const char *p, int v, vec out[2])
{
    if (dtype == ST_BF16) {
        uvec both = *(const any_uvec *)(p + v * LANES * 4);
        out[0] = (vec)(both << 16);
        out[1] = (vec)(both & 0xFFFF0000);
        return;
    }
    out[0] = load(dtype, p + (size_t)(v * LANES) * size_of(dtype));
    out[1] = load(dtype, p + (size_t)(v * LANES + SUMS) * size_of(dtype));
}

ALWAYS void put(char *p, uvec x, bool stream)
{
    if (stream)
        stream_whole(p, x);
    else
        *(any_uvec *)p = x;
}

ALWAYS void put_half(char *p, hvec x, bool stream)
{
    if (stream)
        stream_half(p, x);
    else
        *(any_hvec *)p = x;
}

/* Half a unit less one, plus the last kept bit: ties go to even. Carries into the exponent are right, up to infinity.
 * The rounded number is in the upper half. */
ALWAYS uvec bf16_nearest(uvec bits)
{
    return bits + 0x7FFF + (bits >> 16 & 1);
}

/* draw: 16 bits. The 16 bits that go are the fraction in 65536ths, so it is carried with just that chance. Between the
 * largest number and infinity nearest decides. */
ALWAYS uvec bf16_stochastic(uvec bits, uvec draw)
{
    return choose(mask_below(bits & 0x7FFFFFFF, set(0x7F7F0000)), bits + draw, bf16_nearest(bits));
}

/* The same for F16. A normal number loses 13 bits. Below 2^-14 the unit is 2^-24, and its fraction is cut to
 * 65536ths. */
ALWAYS hvec f16_stochastic(uvec bits, uvec draw)
{
    uvec magnitude = bits & 0x7FFFFFFF;
    uvec normal = (magnitude - (112u << 23) + (draw >> 3)) >> 13;
    mask tiny = mask_below(magnitude, set(113u << 23));
    vec parts = (vec)choose(tiny, magnitude, set(0)) * 0x1p40f; /* exact, below 2^26 */
    uvec small = ((uvec) __builtin_convertvector(parts, ivec) + draw) >> 16;
    uvec half = choose(tiny, small, normal) | (bits >> 16 & 0x8000);
    uvec top = widen16(half_narrow((vec)bits)); /* from the largest number on, infinity and NaN too */
    return narrow16(choose(mask_below(magnitude, set(0x477FE000)), half, top));
}

/* Rounds x to dtype; the number is left in bits, of F16 in the lower half, and returned as it can be read back. */
ALWAYS vec rounded(enum st_dtype dtype, bool stochastic, vec x, uvec draw, uvec *bits)
{
    *bits = (uvec)x;
    if (dtype == ST_BF16) {
        *bits = stochastic ? bf16_stochastic(*bits, draw) : bf16_nearest(*bits);
        return (vec)(*bits & 0xFFFF0000);
    }
    if (dtype == ST_F16) {
        hvec half = stochastic ? f16_stochastic(*bits, draw) : half_narrow(x);
        *bits = widen16(half);
        return half_widen(half);
    }
    return x;
}

/* Two vectors as `rounded` left them go where load_two would read them; bf16 from f32 was not loaded so. */
ALWAYS void store_two(enum st_dtype in, enum st_dtype dtype, char *p, int v, const uvec bits[2], bool stream)
{
    size_t first = (size_t)(v * LANES), second = first + SUMS;
    if (dtype == ST_BF16 && in == ST_BF16) {
        put(p + first * 4, upper_halves(bits[0], bits[1]), stream);
    } else if (dtype == ST_F32) {
        put(p + first * 4, bits[0], stream);
        put(p + second * 4, bits[1], stream);
    } else {
        int shift = dtype == ST_BF16 ? 16 : 0;
        put_half(p + first * 2, narrow16(bits[0] >> shift), stream);
        put_half(p + second * 2, narrow16(bits[1] >> shift), stream);
    }
}

/* ---- draws ---- */

/* The mixing function of 32 bits is "lowbias32" of Chris Wellons' hash-prospector, with the block's second half of key
 * between its rounds. */
ALWAYS uvec draw32(uint64_t draws, uvec number)
{
    uvec x = number * 0x9E3779B9u + (uint32_t)draws;
    x ^= x >> 16;
    x *= 0x7FEB352Du;
    x ^= x >> 15;
    x += (uint32_t)(draws >> 32);
    x *= 0x846CA68Bu;
    x ^= x >> 16;
    return x;
}

/* ---- one block ---- */

struct sums {
    vec along[VECS], update[VECS];
};

ALWAYS void flush(const struct sums *sums, double sign, struct merge_effect *effect)
{
    double along = 0, update = 0;
    for (int i = 0; i < SUMS; i++) {
        along += (double)sums->along[i / LANES][i % LANES];
        update += (double)sums->update[i / LANES][i % LANES];
    }
    along = effect->along + sign * along;
    update += effect->update;
    effect->along = along == along ? along : (double)NAN; /* one NaN */
    effect->update = update == update ? update : (double)NAN;
}

/* What is the same for all vectors of a block; `with` are constants of the caller. */
struct with {
    enum st_dtype in, out;
    bool stochastic, effect;
};
struct work {
    float weight; /* |ratio| */
    bool outward; /* ratio < 0 */
    bool stream;
    uint64_t draws;
};

/* merged = base - |ratio| * step, where step = base - tuned, or tuned - base for negative ratios: where both are equal
 * step is +0 and base stays as it is, -0 too. */
ALWAYS vec step_of(bool outward, vec base, vec tuned)
{
    return outward ? tuned - base : base - tuned;
}

/* NaN is among the results: equal infinities are kept, the others become one and the same NaN. Where both are equal,
 * base and step become 0 for the sums. */
ALWAYS void mend(vec *base, vec tuned, vec *mixed, vec *step)
{
    mask equal = mask_equal(*base, tuned);
    uvec kept = choose(equal, (uvec)*base, set(0x7FC00000));
    *mixed = (vec)choose(mask_nan(*mixed), kept, (uvec)*mixed);
    *step = (vec)choose(equal, set(0), (uvec)*step);
    *base = (vec)choose(equal, set(0), (uvec)*base);
}

/* There may be nothing; then nothing is fetched. */
ALWAYS void fetch_early(const char *p)
{
    __builtin_prefetch((const void *)((uintptr_t)p + AHEAD)); /* no pointer may point past its array */
}

ALWAYS void mix_set(struct with with, const struct work *work, const char *base, const char *tuned, char *out,
                    uint32_t number, struct sums *sums)
{
#pragma GCC unroll 2
    for (int v = 0; v < VECS; v++) {
        vec b[2], t[2], step[2], mixed[2], written[2];
        uvec bits[2], draw = set(0);
        fetch_early(base + v * LANES * 4);
        fetch_early(tuned + v * LANES * 4);
        load_two(with.in, base, v, b);
        load_two(with.in, tuned, v, t);
        for (int i = 0; i < 2; i++) {
            step[i] = step_of(work->outward, b[i], t[i]);
            mixed[i] = b[i] - work->weight * step[i];
        }
        bool rare = any_nan(mixed[0], mixed[1]);
        for (int i = 0; __builtin_expect(rare, 0) && i < 2; i++)
            mend(&b[i], t[i], &mixed[i], &step[i]);
        if (with.stochastic)
            draw = draw32(work->draws, positions() + (number + (uint32_t)(v * LANES)));
        written[0] = rounded(with.out, with.stochastic, mixed[0], draw & 0xFFFF, &bits[0]);
        written[1] = rounded(with.out, with.stochastic, mixed[1], draw >> 16, &bits[1]);
        store_two(with.in, with.out, out, v, bits, work->stream);
        for (int i = 0; with.effect && i < 2; i++) {
            /* Where both are equal nothing is added, also when what is written is infinity. */
            if (with.in != with.out || __builtin_expect(rare, 0))
                written[i] = (vec)choose(mask_equal(step[i], (vec)set(0)), (uvec)b[i], (uvec)written[i]);
            sums->along[v] += (written[i] - b[i]) * step[i];
            sums->update[v] += step[i] * step[i];
        }
    }
}

ALWAYS void mix_block(struct with with, const struct merge_mix *mix, const char *base, const char *tuned,
                      size_t n, char *out, struct merge_effect *effect)
{
    size_t in = size_of(with.in), to = size_of(with.out), i = 0;
    struct work work = {mix->ratio < 0 ? -mix->ratio : mix->ratio, mix->ratio < 0, mix->stream, mix->draws};
    struct sums sums = {0};
    for (; i + SET <= n; i += SET)
        mix_set(with, &work, base + i * in, tuned + i * in, out + i * to, (uint32_t)i / 2, &sums);
    if (i < n) { /* as a set whose rest is zero, which adds nothing */
        char b[SET * 4] = {0}, t[SET * 4] = {0}, o[SET * 4];
        memcpy(b, base + i * in, (n - i) * in);
        memcpy(t, tuned + i * in, (n - i) * in);
        work.stream = false;
        mix_set(with, &work, b, t, o, (uint32_t)i / 2, &sums);
        memcpy(out + i * to, o, (n - i) * to);
    }
    if (with.effect)
        flush(&sums, work.outward ? 1 : -1, effect);
}

#define MIX(NAME, IN, OUT, STOCHASTIC)                                                                       \
    static void NAME(const struct merge_mix *mix, const void *base, const void *tuned, size_t n, void *out,  \
                     struct merge_effect *effect)                                                            \
    {                                                                                                        \
        struct with with = {IN, OUT, STOCHASTIC, true}, without = {IN, OUT, STOCHASTIC, false};              \
        if (effect)                                                                                          \
            mix_block(with, mix, base, tuned, n, out, effect);                                               \
        else                                                                                                 \
            mix_block(without, mix, base, tuned, n, out, effect);                                            \
    }

MIX(bf16_to_bf16, ST_BF16, ST_BF16, false)
MIX(bf16_to_bf16_drawn, ST_BF16, ST_BF16, true)
MIX(f16_to_f16, ST_F16, ST_F16, false)
MIX(f16_to_f16_drawn, ST_F16, ST_F16, true)
MIX(f32_to_f32, ST_F32, ST_F32, false)
MIX(f32_to_bf16, ST_F32, ST_BF16, false)
MIX(f32_to_bf16_drawn, ST_F32, ST_BF16, true)
MIX(f32_to_f16, ST_F32, ST_F16, false)
MIX(f32_to_f16_drawn, ST_F32, ST_F16, true)

static void mix_any(const struct merge_mix *mix, const void *base, const void *tuned, size_t n, void *out,
                    struct merge_effect *effect)
{
    static const struct {
        enum st_dtype in, out;
        void (*mix[2])(const struct merge_mix *mix, const void *base, const void *tuned, size_t n, void *out,
                       struct merge_effect *effect); /* nearest, stochastic */
    } all[] = {
        {ST_BF16, ST_BF16, {bf16_to_bf16, bf16_to_bf16_drawn}},
        {ST_F16, ST_F16, {f16_to_f16, f16_to_f16_drawn}},
        {ST_F32, ST_F32, {f32_to_f32, f32_to_f32}},
        {ST_F32, ST_BF16, {f32_to_bf16, f32_to_bf16_drawn}},
        {ST_F32, ST_F16, {f32_to_f16, f32_to_f16_drawn}},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (all[i].in == mix->in && all[i].out == mix->out) {
            all[i].mix[mix->stochastic](mix, base, tuned, n, out, effect);
            return;
        }
    }
    assert(!"a pair of dtypes that has a loop");
}

/* ---- arrays ---- */

ALWAYS void widen_all(enum st_dtype dtype, const char *in, size_t n, float *out)
{
    size_t i = 0, size = size_of(dtype);
    for (; i + LANES <= n; i += LANES)
        *(any_uvec *)(out + i) = (uvec)load(dtype, in + i * size);
    if (i < n) {
        char rest[LANES * 4] = {0};
        memcpy(rest, in + i * size, (n - i) * size);
        vec wide = load(dtype, rest);
        memcpy(out + i, &wide, (n - i) * sizeof *out);
    }
}

static void widen(enum st_dtype dtype, const void *in, size_t n, float *out)
{
    if (dtype == ST_BF16)
        widen_all(ST_BF16, in, n, out);
    else if (dtype == ST_F16)
        widen_all(ST_F16, in, n, out);
    else if (n)
        memcpy(out, in, n * sizeof *out);
}

ALWAYS hvec narrow_vector(enum st_dtype dtype, uvec bits)
{
    if (dtype == ST_F16)
        return half_narrow((vec)bits);
    /* A NaN could carry into infinity or zero, so it is made by hand. */
    uvec nan = bits >> 16 | 0x40;
    return narrow16(choose(mask_nan((vec)bits), nan, bf16_nearest(bits) >> 16));
}

ALWAYS void narrow_all(enum st_dtype dtype, const float *in, size_t n, char *out)
{
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        *(any_hvec *)(out + i * 2) = narrow_vector(dtype, *(const any_uvec *)(in + i));
    if (i < n) {
        uvec rest = {0};
        memcpy(&rest, in + i, (n - i) * sizeof *in);
        hvec half = narrow_vector(dtype, rest);
        memcpy(out + i * 2, &half, (n - i) * 2);
    }
}

static void narrow(enum st_dtype dtype, const float *in, size_t n, void *out)
{
    if (dtype == ST_BF16)
        narrow_all(ST_BF16, in, n, out);
    else if (dtype == ST_F16)
        narrow_all(ST_F16, in, n, out);
    else if (n)
        memcpy(out, in, n * sizeof *in);
}

static void sum_all(const float *base, const float *tuned, const float *written, size_t n,
                    struct merge_effect *effect)
{
    struct sums sums = {0};
    for (size_t i = 0; i < n; i += SUMS) {
        float all[3][SUMS] = {0};
        size_t some = n - i < SUMS ? n - i : SUMS;
        memcpy(all[0], base + i, some * sizeof *base);
        memcpy(all[1], tuned + i, some * sizeof *tuned);
        memcpy(all[2], written + i, some * sizeof *written);
        for (int v = 0; v < VECS; v++) {
            uvec b = *(const any_uvec *)(all[0] + v * LANES), t = *(const any_uvec *)(all[1] + v * LANES);
            uvec w = *(const any_uvec *)(all[2] + v * LANES);
            mask equal = mask_equal((vec)b, (vec)t);
            b = choose(equal, set(0), b);
            t = choose(equal, set(0), t);
            w = choose(equal, set(0), w);
            vec step = (vec)t - (vec)b;
            sums.along[v] += ((vec)w - (vec)b) * step;
            sums.update[v] += step * step;
        }
    }
    flush(&sums, 1, effect);
}

const struct merge_kernel KERNEL = {KERNEL_NAME, widen, narrow, mix_any, sum_all, fence};
