/* WHAT   The tables that merge/kernel.c chooses from.
 * WHO    merge/kernel*.c.
 * UNITS  None.
 * MEMORY None.
 * ERRORS None.
 * STATE  Constant. */
#ifndef MERGE_KERNEL_INTERNAL_H
#define MERGE_KERNEL_INTERNAL_H

#include "merge/kernel.h"

#if defined(__x86_64__)
extern const struct merge_kernel merge_kernel_avx512;
extern const struct merge_kernel merge_kernel_avx2;
#endif
extern const struct merge_kernel merge_kernel_plain; /* any little-endian processor */

#endif
