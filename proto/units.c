#include "proto/units.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>

void units_bytes(char out[UNITS_TEXT_MAX], double bytes)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    size_t unit = 0;
    while (bytes >= (unit ? 999.95 : 999.5) && unit + 1 < sizeof units / sizeof units[0]) {
        bytes /= 1000;
        unit++;
    }
    if (isnan(bytes))
        snprintf(out, UNITS_TEXT_MAX, "-");
    else
        snprintf(out, UNITS_TEXT_MAX, unit ? "%.1f %s" : "%.0f %s", bytes, units[unit]);
}
