/* WHAT   Limits that the programs must agree on.
 * WHO    daemon (refuses what is over them), worker (says so before it sends), client (marks what is over them).
 * UNITS  Bytes in *_BYTES.
 * MEMORY None.
 * ERRORS None.
 * STATE  None. */
#ifndef PROTO_LIMITS_H
#define PROTO_LIMITS_H

#include <stddef.h>

#define LIMIT_BODY_BYTES ((size_t)16 << 20) /* of one request to the daemon */

/* An effective ratio that is further from the one asked for is warned of. */
#define LIMIT_RATIO_ERROR 0.02

#endif
