/* WHAT   A program that was started: what is written to it, what it says, its end with everything that it started.
 * WHO    worker/process (one that is run to its end), worker/resident (one that stays).
 * UNITS  Bytes, seconds.
 * MEMORY The caller's struct; child_fini after child_start, whatever came of it.
 * ERRORS ERR_EVALUATOR (it did not start; the sentence says why), ERR_IO.
 * STATE  (1) it leads a session and group of its own, which child_end leaves nobody of;
 *        (2) child_end also kills every process whose environment has `marker`: those that left the group. One that
 *            also cleared its environment is not found;
 *        (3) the program itself (not its children) is killed by the kernel when the thread that started it dies.
 *        The program has descriptors 0, 1 and 2 alone, no signal is blocked or ignored.
 *        SIGPIPE must be ignored by the caller's process when its input is a pipe. */
#ifndef WORKER_CHILD_H
#define WORKER_CHILD_H

#include "proto/buf.h"
#include "proto/err.h"

#include <stdbool.h>
#include <sys/types.h>

#define CHILD_TAIL_BYTES 4096
#define CHILD_LOOK_MS 100 /* how often whoever waits looks at other things */
#define CHILD_GRACE_S 2.0 /* between SIGTERM and SIGKILL */

struct child_how {
    char *const *argv;        /* NULL-terminated; found as a shell would find it, without a shell */
    char *const *environment; /* NULL-terminated, whole */
    const char *marker;       /* a "NAME=value" of it that no other process has; borrowed until child_end */
    int input_fd;             /* its standard input; -1: a pipe, for child_say */
    size_t output_max_bytes;
};

/* The end of what it said on standard error. */
struct child_tail {
    char text[CHILD_TAIL_BYTES + 1];
    size_t n;
};

struct child {
    pid_t pid; /* also its group; not reaped before the last signal, so never somebody else's. 0: none */
    int pid_fd, input_fd, output_fd, error_fd; /* our ends of its pipes; -1: none */
    const char *marker;
    struct buf input;  /* said, but not yet written … */
    size_t written;    /* … from here on */
    bool close_behind; /* its input is closed when all is written */
    struct buf output; /* standard output; `full`: it printed too much */
    size_t heard;      /* of it: what child_line has given */
    struct child_tail tail;
    int log_fd; /* standard error is copied here; -1: nowhere. The caller's */
    size_t log_max_bytes, logged_bytes;
};

/* log_fd is -1 afterwards, and the caller's to set. */
int child_start(const struct child_how *how, struct child *child, struct err *err);

/* To its standard input, as it reads. A program that has closed it does not want to know. */
void child_say(struct child *child, const char *text, size_t n);
bool child_has_heard(const struct child *child); /* all that was said is written */
void child_close_input(struct child *child);     /* behind what was said */

/* Waits most_ms at most until something happens, and moves what is there, both ways. true: the program has ended. */
bool child_watch(struct child *child, int most_ms);
/* The next whole line of its standard output, without its end; false: there is none yet. Borrowed until child_watch. */
bool child_line(struct child *child, const char **line, size_t *n);
void child_forget(struct child *child); /* the lines that were given, to begin anew: output.full too */

void child_signal(const struct child *child, int signal); /* to its group */
/* SIGKILL to whoever is left; what it still said is there afterwards. Gives the status of waitpid. */
int child_end(struct child *child);
/* 0, or ERR_EVALUATOR with how it ended. */
int child_status(int status, struct err *err);
void child_fini(struct child *child);

#endif
