#include "merge/preflight/tally.h"

#include "merge/floats.h"

#include <math.h>
#include <string.h>

#define LANES 16
#define EXPONENT 0x7f800000u

/* A block as numbers and as bits. */
union block {
    float f[TALLY_BLOCK_N];
    uint32_t u[TALLY_BLOCK_N];
};

/* How a dtype counts its units in the last place: one is 2^(e - mantissa) for a number of exponent e, and no smaller
 * than at the exponent field `least` of f32. */
struct ulps {
    uint32_t mantissa, least;
};

static struct ulps ulps_of(enum st_dtype dtype)
{
    switch (dtype) {
    case ST_BF16:
        return (struct ulps){7, 8u << 23};
    case ST_F16:
        return (struct ulps){10, 113u << 23}; /* subnormal below 2^-14 */
    case ST_F64:
        return (struct ulps){52, 53u << 23};
    default:
        return (struct ulps){23, 24u << 23};
    }
}

static float as_float(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* What element i of a block adds to lane i % LANES. */
struct lanes {
    float square[LANES], square_ulp[LANES];
    uint32_t changed[LANES], most[LANES]; /* most: the largest exponent */
};

static inline void add(struct lanes *lanes, const union block *base, const union block *tuned, size_t first,
                       size_t n, struct ulps ulps)
{
    for (size_t lane = 0; lane < n; lane++) {
        uint32_t x = base->u[first + lane] & EXPONENT, y = tuned->u[first + lane] & EXPONENT;
        uint32_t e = x > y ? x : y;
        lanes->most[lane] = e > lanes->most[lane] ? e : lanes->most[lane];
        e = e > ulps.least ? e : ulps.least;
        float update = tuned->f[first + lane] - base->f[first + lane];
        float ulp = as_float(e - (ulps.mantissa << 23));
        lanes->changed[lane] += update != 0;
        lanes->square[lane] += update * update;
        lanes->square_ulp[lane] += ulp * ulp;
    }
}

/* false: something is infinite or no number, and nothing was added. */
static bool sum(const union block *base, const union block *tuned, size_t n, struct ulps ulps,
                struct tally *tally)
{
    struct lanes lanes = {.most = {0}};
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        add(&lanes, base, tuned, i, LANES, ulps);
    add(&lanes, base, tuned, i, n - i, ulps);
    for (size_t lane = 0; lane < LANES; lane++)
        if (lanes.most[lane] == EXPONENT)
            return false;
    for (size_t lane = 0; lane < LANES; lane++) {
        tally->changed += lanes.changed[lane];
        tally->square += lanes.square[lane];
        tally->square_ulp += lanes.square_ulp[lane];
    }
    return true;
}

/* Counts what is no finite number and makes it 0 on both sides. */
static void take_out(union block *base, union block *tuned, size_t n, struct tally *tally)
{
    for (size_t i = 0; i < n; i++) {
        float b = base->f[i], t = tuned->f[i];
        if (isfinite(b) && isfinite(t))
            continue;
        tally->nans[0] += isnan(b);
        tally->nans[1] += isnan(t);
        tally->infinite_too += b == t;
        tally->infinite += b != t && !isnan(b) && !isnan(t);
        base->f[i] = tuned->f[i] = 0;
    }
}

void tally_block(enum st_dtype dtype, enum st_dtype out, const void *base, const void *tuned, size_t n,
                 struct tally *tally)
{
    union block b, t;
    floats_widen(dtype, base, n, b.f);
    floats_widen(dtype, tuned, n, t.f);
    if (!sum(&b, &t, n, ulps_of(out), tally)) {
        take_out(&b, &t, n, tally);
        sum(&b, &t, n, ulps_of(out), tally);
    }
}
