/* WHAT   Sizes as people read them.
 * WHO    Sentences of merge/ and the client's tables.
 * UNITS  Bytes; powers of 1000.
 * MEMORY Fills the caller's array.
 * ERRORS None.
 * STATE  None. */
#ifndef PROTO_UNITS_H
#define PROTO_UNITS_H

#define UNITS_TEXT_MAX 32

/* "512 B", "1.5 kB", "2.0 GB"; "-" for NaN. */
void units_bytes(char out[UNITS_TEXT_MAX], double bytes);

#endif
