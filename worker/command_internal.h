/* WHAT   What the parts of the command evaluator share: the evaluator, the place of a run, and what the program says.
 * WHO    worker/command.c, command_job.c, command_place.c, command_talk.c.
 * UNITS  Seconds.
 * MEMORY place_open / place_close; a conversation's `last` is scores_fini's.
 * ERRORS See command.h.
 * STATE  None. */
#ifndef WORKER_COMMAND_INTERNAL_H
#define WORKER_COMMAND_INTERNAL_H

#include "merge/plan/plan.h"
#include "proto/buf.h"
#include "worker/command.h"
#include "worker/process.h"
#include "worker/scratch.h"

#define JOB_BYTES_MAX (64 << 20) /* a plan of a hundred thousand tensors */
#define OWN_ENVIRONMENT 10       /* variables */

struct command {
    struct search_spec spec; /* without argv: see argv */
    char *argv[SPEC_ARGV_MAX + 1];
    char *directory;                 /* scratch */
    struct checkpoint *base, *tuned; /* NULL with merge "none" */
    struct plan *plan;
    char names[SPEC_RATIOS_MAX][20]; /* of the ratios without a plan */
};

/* What one run holds. */
struct place {
    struct scratch scratch;
    char *checkpoint;                  /* NULL unless merge "directory" */
    double effective[SPEC_RATIOS_MAX]; /* of that checkpoint */
    char *job;                         /* path of the job's JSON */
    char *log;
    struct buf job_text;
    int job_fd, log_fd;
    char *environment[OWN_ENVIRONMENT]; /* "NAME=value" */
    int environment_n;
};

/* Into how many slices the evaluation is cut, and whether there is a state of as many. */
int command_slices(const struct evaluation *evaluation);
bool command_resumes(const struct evaluation *evaluation);

/* What the program is told. checkpoint: NULL unless merge "directory". */
void command_write_job(const struct command *command, const char *checkpoint,
                       const struct evaluation *evaluation, struct buf *buf);

/* Merges where the program gets a checkpoint, and makes the files of a run. place_close after a failure too. */
int place_open(const struct command *command, const struct evaluation *evaluation, struct place *place,
               double *merge_s, struct err *err);
void place_close(struct place *place, bool keep_log);
/* Ours first, then the worker's without PARETOD_*. The array is the caller's, the strings are not. */
char **place_environment(const struct place *place);

/* What a program says while it runs. */
struct conversation {
    const struct command *command;
    const struct evaluation *evaluation;
    struct scores last; /* of the newest slice; n = 0: none came */
    int first;          /* the first slice that was printed; 0: none was */
};

/* For struct process_talk; ctx is a struct conversation. The last slice is not heard: the answer says the same. */
int conversation_hear(void *ctx, const char *line, size_t n, struct err *err);
bool conversation_is_enough(void *ctx);
/* What the program said last is the result: of its newest slice when it was told to stop, else its answer. */
int conversation_settle(struct conversation *c, const struct process_end *end, const struct place *place,
                        struct scores *scores, struct err *err);

#endif
