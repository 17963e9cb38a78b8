/* WHAT   WIDE: a function whose loops are compiled for the widest vectors that the machine has.
 * WHO    gp/kernel.c, gp/polynomial.c.
 * UNITS  None.
 * MEMORY None.
 * ERRORS None.
 * STATE  None.
 *
 * Each element's operations and their order stay the same (no fused multiply-add, no reordered sum), and so do the bits. Sanitizers
 * cannot bear the resolver that picks at program start. */
#ifndef OPTIMIZER_GP_WIDE_H
#define OPTIMIZER_GP_WIDE_H

#if defined(__x86_64__) && defined(__OPTIMIZE__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)
#define WIDE __attribute__((target_clones("default", "avx2", "avx512f")))
#else
#define WIDE
#endif

#endif
