/* WHAT   What the commands of "paretoctl rtuning" share: flags read as numbers and words, bad rows told.
 * WHO    commands_rtuning*.c.
 * UNITS  None.
 * MEMORY Nothing is kept.
 * ERRORS ERR_INVALID with a sentence that names the flag; exit codes where said so.
 * STATE  None. */
#ifndef CLIENT_RTUNING_H
#define CLIENT_RTUNING_H

#include "client/args.h"
#include "client/client.h"
#include "rtuning/rows.h"

/* *out stays as it is when the flag was not given. */
int rtuning_whole(const struct args *args, const char *flag, int64_t least, int64_t *out, struct err *err);
int rtuning_share(const struct args *args, const char *flag, double *out, struct err *err);
/* words: ends at NULL. *out: the index of the one given. */
int rtuning_word(const struct args *args, const char *flag, const char *const *words, int *out,
                 struct err *err);
/* --compat code. */
int rtuning_compat(const struct args *args, bool *compat_code, struct err *err);

/* Says the first bad rows and how many there are. CLIENT_REFUSED when there are any with --strict,
 * or nothing good is left. */
int rtuning_tell_bad(const struct client *client, const struct args *args, const struct bad_rows *bad,
                     size_t good_n);

#endif
