/* WHAT   One program, run to its end, with everything that it started.
 * WHO    worker/command.
 * UNITS  Bytes.
 * MEMORY The caller's structs; process_end_fini frees the output.
 * ERRORS ERR_EVALUATOR (it did not start, ended with another status than 0 or by a signal, printed too much),
 *        ERR_TIMEOUT and ERR_CANCELLED from `stop`, ERR_IO.
 * STATE  After process_run nothing that the program started lives (child.h): it is sent SIGTERM, 2 s later SIGKILL, when
 *        it must stop, and SIGKILL goes to what is left of its group when it has ended by itself. */
#ifndef WORKER_PROCESS_H
#define WORKER_PROCESS_H

#include "worker/child.h"
#include "worker/stop.h"

#include <stdbool.h>

/* What is said and heard while the program runs. */
struct process_talk {
    const char *input; /* [input_n] written to its standard input, which then stays open */
    size_t input_n;
    void *ctx;
    /* Every whole line of its standard output, without the end of line; another result than 0 ends the program. */
    int (*line)(void *ctx, const char *line, size_t n, struct err *err);
    /* Looked at ten times a second. true: the program is told `last_word`, its standard input is closed, and after
     * grace_s it is stopped; however it ends, that is no failure. */
    bool (*enough)(void *ctx);
    const char *last_word;
    double grace_s;
};

/* SIGPIPE must be ignored by the caller's process when there is talk. */
struct process {
    char *const *argv;               /* NULL-terminated; found as a shell would find it, without a shell */
    char *const *environment;        /* NULL-terminated, whole */
    const char *marker;              /* a "NAME=value" of it that no other process has */
    int input_fd;                    /* its standard input, without talk */
    const struct process_talk *talk; /* or NULL */
    int log_fd;                      /* its standard error is copied here; -1: nowhere */
    size_t log_max_bytes;
    size_t output_max_bytes;
};

struct process_end {
    struct buf output; /* standard output, whole */
    struct child_tail tail;
    size_t logged_bytes;
    bool asked; /* talk->enough said so, and it was told its last word */
};

/* `end` is valid and for process_end_fini whatever the result is. */
int process_run(const struct process *process, const struct stop *stop, struct process_end *end,
                struct err *err);
void process_end_fini(struct process_end *end);

#endif
