/* WHAT   The answer of an evaluator program: the last line it printed, as scores.
 * WHO    worker/command, worker/resident, worker/program_talk.
 * UNITS  The program's own.
 * MEMORY scores are the caller's (scores_fini).
 * ERRORS ERR_EVALUATOR: the sentence names the field and what to print. *scores is then empty.
 * STATE  None.
 *
 * {"scores":{"task.metric":{"mean":x,"stderr":y,"n":N,"items":[…]},"other":0.93}}. Only the mean is needed. Without
 * "n", it is the number of items, else 1. Without "stderr", it is sd/sqrt(n) of the items, else unknown; null says
 * unknown. "effective", beside "scores", may say what came out for each ratio, null without an update, and "items" how many
 * items were evaluated. Anything else, NaN, null and the mean of no items included, is refused by name. */
#ifndef WORKER_ANSWER_H
#define WORKER_ANSWER_H

#include "worker/evaluator.h"

/* texts: "written" is wanted; else it is not looked at. */
int answer_parse(const char *output, size_t len, bool texts, struct scores *scores, struct err *err);

/* One line of the output as scores so far: {"slice":2,"of":8,"items":40,"scores":{…},"state":…}, where the state, what another
 * evaluation goes on from, may be left out. Lines without "slice" are none:
 * *slice is 0 then, and nothing is wrong with them. */
int answer_parse_slice(const char *line, size_t len, int of, int *slice, struct scores *scores,
                       struct err *err);

/* What a line says of a program that gets many jobs. */
struct answer_line {
    enum answer_kind {
        ANSWER_NONE, /* nothing of this job: something that a library printed, or the answer to an earlier job */
        ANSWER_SLICE,   /* `slice` of the job's, and scores so far */
        ANSWER_SCORES,  /* the answer */
        ANSWER_ERROR,   /* the evaluation failed, and why */
        ANSWER_STOPPED, /* the program was told to stop, and has */
    } kind;
    int slice;
    char error[400];
};

/* One line of such a program: an answer, a slice, {"error":"why"} or {"stopped":true}, each with "job", the number of the job
 * that it is about. Refused: a line that should have the number and has not, and numbers of jobs that were never given. */
int answer_parse_numbered(const char *line, size_t len, int64_t job, int of, bool texts,
                          struct answer_line *said, struct scores *scores, struct err *err);

/* Items behind the scores: metrics of one task ("task.metric") share theirs. */
int64_t answer_items(const struct scores *scores);

/* NULL when there is none of this name. */
const struct score *answer_find(const struct scores *scores, const char *metric);

#endif
