/* WHAT   A program of the user's own that scores: what is known of it, where it runs, what it is told and what it says.
 * WHO    worker/command (started for every evaluation), worker/resident (started for many); program_*.c.
 * UNITS  Seconds.
 * MEMORY open / close, checkpoints stay mapped between; place_open / place_close, environment_fini; a conversation's `last`
 *        is scores_fini's.
 * ERRORS ERR_EVALUATOR (no usable answer; the sentence names the member), ERR_INVALID (ratios that do not fit), ERR_TOO_LARGE,
 *        ERR_IO, those of merge/.
 * STATE  None. */
#ifndef WORKER_PROGRAM_H
#define WORKER_PROGRAM_H

#include "merge/plan/plan.h"
#include "proto/buf.h"
#include "worker/child.h"
#include "worker/evaluator.h"
#include "worker/scratch.h"

#define PROGRAM_JOB_BYTES_MAX (64 << 20)    /* a plan of a hundred thousand tensors */
#define PROGRAM_OUTPUT_BYTES_MAX (16 << 20) /* of one evaluation */
#define PROGRAM_LOG_BYTES_MAX (1 << 20)
#define PROGRAM_STOP_GRACE_S 10.0 /* between the word to stop and the end of the program */

struct program {
    struct search_spec spec; /* without argv: see argv */
    char *argv[SPEC_ARGV_MAX + 1];
    char *directory;                 /* scratch */
    struct checkpoint *base, *tuned; /* NULL with merge "none" */
    struct plan *plan;
    char names[SPEC_RATIOS_MAX][20]; /* of the ratios without a plan */
};

/* Copies what it needs of the spec. Also removes what dead workers left in scratch_directory. */
int program_open(const struct search_spec *spec, const char *scratch_directory, struct program *program,
                 struct err *err);
void program_close(struct program *program); /* also of a zero one */
int program_names(const struct program *program,
                  const char *names[SPEC_RATIOS_MAX]); /* see evaluator_names */
int program_check_ratios(const struct program *program, const struct evaluation *evaluation, struct err *err);

/* Into how many slices the evaluation is cut, and whether there is a state of as many. */
int program_slices(const struct evaluation *evaluation);
bool program_resumes(const struct evaluation *evaluation);

/* What the program is told, one line. number: of the job, for a program that gets many; 0: it gets one. checkpoint: NULL
 * unless merge "directory". */
void program_write_job(const struct program *program, const char *checkpoint,
                       const struct evaluation *evaluation, int64_t number, struct buf *buf);

/* ---- where it runs ---- */

/* What one evaluation has. */
struct place {
    struct scratch scratch;
    char *checkpoint;                  /* NULL unless merge "directory" */
    double effective[SPEC_RATIOS_MAX]; /* of that checkpoint */
    double merge_s;
    char *log;
    struct buf job_text;
    int log_fd;
    char *job; /* path of the job's JSON, and */
    int job_fd;
};

/* Merges where the program gets a checkpoint, makes the log, and writes the job. place_close after a failure too. */
int place_open(const struct program *program, const struct evaluation *evaluation, int64_t number,
               struct place *place, struct err *err);
int place_write_job(struct place *place, struct err *err); /* into a file, open for reading from its start */
void place_close(struct place *place, bool keep_log);
/* Adds what the program said last on standard error, and where the log is. Gives rc. */
int place_explain(const struct place *place, int rc, const struct child_tail *tail, struct err *err);

#define ENVIRONMENT_OWN_MAX 10

struct environment {
    char *own[ENVIRONMENT_OWN_MAX]; /* "NAME=value"; the first is the program's marker */
    int n;
};

/* Of all evaluations of a search. */
void environment_init(const struct program *program, int64_t search, const char *scratch,
                      struct environment *environment);
/* And of one. */
void environment_add(struct environment *environment, const struct place *place,
                     const struct evaluation *evaluation);
/* Ours first, then the worker's without PARETOD_*. The array is the caller's (mem_free), the strings are not. */
char **environment_whole(const struct environment *environment);
void environment_fini(struct environment *environment);

/* ---- what it says ---- */

struct conversation {
    const struct program *program;
    const struct evaluation *evaluation;
    struct scores last; /* of the newest slice; n = 0: none came */
    int first;          /* the first slice that was printed; 0: none was */
};

/* Scores of `done` slices; taken. The last slice is checked and not told: the answer says the same. */
int conversation_slice(struct conversation *c, int done, struct scores *slice, struct err *err);
/* Need the evaluation not go on? ctx is a struct conversation. */
bool conversation_is_enough(void *ctx);
/* The scores of an evaluation that ended: its answer, or, when it was told to stop, those of its newest slice, which *scores
 * gets. */
int conversation_settle(struct conversation *c, bool told, const struct place *place, struct scores *scores,
                        struct err *err);

#endif
