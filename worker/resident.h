/* WHAT   The resident evaluator: a program of the user's own that is started once and gets one job after another.
 * WHO    worker/evaluator.
 * UNITS  Seconds; scores as docs/EVALUATORS.md says. Ratios: weight of the tuned checkpoint.
 * MEMORY open copies what it needs of the spec; checkpoints stay mapped until close.
 * ERRORS As command.h; ERR_TIMEOUT also when the program is not ready in time. SIGPIPE must be ignored.
 * STATE  A program that lives, or none. One job at a time; every job has a number of its own, and so have the lines that answer it.
 *
 *     none --job--> starting --"ready"--> idle --job--> working --answer, error, "stopped"--> idle
 *                      |                    |              |
 *                      '-- (not ready) -.   '--(rest)--.   '-- (it ended, a wrong line, time, deaf to "stop") -.
 *                                       '---> none <---'------------------------------------------------------'
 *
 *        (1) a job is given when the program is done with the one before it;
 *        (2) lines that answer an earlier job are never taken for this one's;
 *        (3) whatever goes wrong fails the evaluation under way and no other: the next one finds the program idle, or none.
 *        close, and what leads to none, leave no process and no scratch; the log of an evaluation is what the program wrote on
 *        standard error meanwhile (the first has the start too). The thread that runs the first evaluation must live until
 *        close (child.h, 3). */
#ifndef WORKER_RESIDENT_H
#define WORKER_RESIDENT_H

#include "worker/evaluator.h"

struct resident;

/* Starts nothing yet. Also removes what dead workers left in scratch_directory. */
int resident_open(const struct search_spec *spec, const char *scratch_directory, struct resident **out,
                  struct err *err);
/* Its input ends; 10 s later it is told by SIGTERM, 2 s later it is killed. */
void resident_close(struct resident *resident);
int resident_names(const struct resident *resident,
                   const char *names[SPEC_RATIOS_MAX]); /* see evaluator_names */
int resident_run(struct resident *resident, const struct evaluation *evaluation, struct scores *scores,
                 struct err *err);
/* See evaluator_rest. */
void resident_rest(struct resident *resident);

#endif
