/* WHAT   Trials that score the ratios of another one again: the number of each, and what it draws from.
 * WHO    daemon/api_worker.c, daemon/api_ask.c: what a job says.
 * UNITS  None.
 * MEMORY None.
 * ERRORS None.
 * STATE  None: functions of the search's trials. */
#ifndef DAEMON_CORE_REPEAT_H
#define DAEMON_CORE_REPEAT_H

#include "daemon/core/search.h"

/* 0 for a trial that is no repeat; else 1, 2 … among the repeats of the same trial. */
int repeat_number(const struct search *search, int trial);

/* The seed of a job, below 2^53 so that JSON keeps it: the search's own, or one derived from it and the repeat's number.
 * First repeats of different trials share it: they are compared with each other, too. */
uint64_t repeat_seed(const struct search *search, int trial);

#endif
