/* WHAT   Which search an identification is: a key of the files and flags that it is made of.
 * WHO    commands_rtuning_identify.
 * UNITS  None.
 * MEMORY None is kept.
 * ERRORS ERR_IO: a file cannot be read.
 * STATE  None. */
#ifndef CLIENT_IDENTIFY_KEY_H
#define CLIENT_IDENTIFY_KEY_H

#include "client/identify.h"
#include "client/submit.h"
#include "proto/buf.h"

/* The same files and flags give the same key, and so the same search. body: the search as it is submitted. */
int identify_key(const struct identify *identify, const char *bundle, const char *model,
                 const struct buf *body, char key[SUBMIT_KEY_MAX], struct err *err);

#endif
