/* WHAT   The tables that kernel.c chooses from.
 * WHO    worker/kernel*.c.
 * UNITS  None.
 * MEMORY None.
 * ERRORS None.
 * STATE  Constant. */
#ifndef WORKER_KERNEL_INTERNAL_H
#define WORKER_KERNEL_INTERNAL_H

#include "worker/kernel.h"

#if defined(__x86_64__)
extern const struct kernel kernel_avx512;
extern const struct kernel kernel_avx2;
#endif
extern const struct kernel kernel_plain; /* any processor; slow where fmaf is not an instruction */

#endif
