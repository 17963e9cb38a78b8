#include "merge/tally.h"

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

/* n: a multiple of LANES. false: something is infinite or no number, and nothing was added. */
static bool sum(const union block *base, const union block *tuned, size_t n, struct ulps ulps,
                struct tally *tally)
{
    float square[LANES] = {0}, square_ulp[LANES] = {0};
    uint32_t changed[LANES] = {0}, most[LANES] = {0};
    for (size_t i = 0; i < n; i += LANES)
        for (size_t lane = 0; lane < LANES; lane++) {
            uint32_t x = base->u[i + lane] & EXPONENT, y = tuned->u[i + lane] & EXPONENT;
            uint32_t e = x > y ? x : y;
            most[lane] = e > most[lane] ? e : most[lane];
            e = e > ulps.least ? e : ulps.least;
            float update = tuned->f[i + lane] - base->f[i + lane];
            float ulp = as_float(e - (ulps.mantissa << 23));
            changed[lane] += update != 0;
            square[lane] += update * update;
            square_ulp[lane] += ulp * ulp;
        }
    for (size_t lane = 0; lane < LANES; lane++)
        if (most[lane] == EXPONENT)
            return false;
    for (size_t lane = 0; lane < LANES; lane++) {
        tally->changed += changed[lane];
        tally->square += square[lane];
        tally->square_ulp += square_ulp[lane];
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
    size_t whole = (n + LANES - 1) / LANES * LANES;
    floats_widen(dtype, base, n, b.f);
    floats_widen(dtype, tuned, n, t.f);
    for (size_t i = n; i < whole; i++)
        b.f[i] = t.f[i] = 0;
    if (!sum(&b, &t, whole, ulps_of(out), tally)) {
        take_out(&b, &t, n, tally);
        sum(&b, &t, whole, ulps_of(out), tally);
    }
}
