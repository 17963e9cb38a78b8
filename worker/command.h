/* WHAT   The command evaluator: a program of the user's own gets one job as JSON and prints scores as JSON.
 * WHO    worker/evaluator.
 * UNITS  Seconds; scores as docs/EVALUATORS.md says. Ratios: weight of the tuned checkpoint.
 * MEMORY open copies what it needs of the spec; checkpoints stay mapped until close.
 * ERRORS ERR_EVALUATOR (it did not start, ended badly, or gave no usable answer; the sentence quotes its last
 *        words), ERR_TIMEOUT, ERR_CANCELLED, ERR_INVALID (ratios that do not fit), ERR_IO, those of merge/.
 *        When the evaluation is cut into slices, SIGPIPE must be ignored (process.h).
 * STATE  Nothing of a run is left but its log, "search-S-trial-N-attempt-A[-heldout].log" in the scratch
 *        directory (none when the program wrote nothing to standard error): no process, no file. */
#ifndef WORKER_COMMAND_H
#define WORKER_COMMAND_H

#include "worker/evaluator.h"

struct command;

/* Also removes what dead workers left in scratch_directory. */
int command_open(const struct search_spec *spec, const char *scratch_directory, struct command **out,
                 struct err *err);
void command_close(struct command *command);
int command_names(const struct command *command,
                  const char *names[SPEC_RATIOS_MAX]); /* see evaluator_names */
int command_run(struct command *command, const struct evaluation *evaluation, struct scores *scores,
                struct err *err);

#endif
