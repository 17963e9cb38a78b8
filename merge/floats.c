#include "merge/floats.h"

#include "merge/kernel.h"

#include <assert.h>
#include <string.h>

bool floats_can(enum st_dtype dtype)
{
    return dtype == ST_F16 || dtype == ST_BF16 || dtype == ST_F32 || dtype == ST_F64;
}

static void widen_f64(const char *in, size_t n, float *out)
{
    for (size_t i = 0; i < n; i++) {
        double value;
        memcpy(&value, in + i * sizeof value, sizeof value);
        out[i] = (float)value;
    }
}

void floats_widen(enum st_dtype dtype, const void *in, size_t n, float *out)
{
    assert(floats_can(dtype));
    if (dtype == ST_F64)
        widen_f64(in, n, out);
    else
        merge_kernel_best()->widen(dtype, in, n, out);
}

void floats_narrow(enum st_dtype dtype, const float *in, size_t n, void *out)
{
    assert(dtype == ST_F16 || dtype == ST_BF16 || dtype == ST_F32);
    merge_kernel_best()->narrow(dtype, in, n, out);
}
