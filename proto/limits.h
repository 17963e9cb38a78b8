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

#define LIMIT_STATE_BYTES ((size_t)1 << 20) /* of what an evaluation that was ended goes on from, as JSON … */
#define LIMIT_STATE_DEPTH 32                /* … and of its arrays and objects within each other */

#define LIMIT_WRITTEN_BYTES ((size_t)4 << 20) /* of what a model wrote in one evaluation, as JSON … */
#define LIMIT_WRITTEN_TEXT_BYTES 2048         /* … and of one text of it */

/* An effective ratio that is further from the one asked for is warned of. */
#define LIMIT_RATIO_ERROR 0.02

#endif
