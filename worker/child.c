#include "worker/child.h"

#include "proto/mem.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define INPUT_BYTES_MAX (128 << 20) /* a job and a word to stop */
#define DRAIN_MAX 64 /* reads of 64 KiB; a pipe holds 1 MiB at most unless root says otherwise */
#define SWEEPS_MAX 200
#define SWEEP_PAUSE_US 10000
#define ENVIRON_BYTES_MAX (4 << 20)

/* ---- between fork and exec: async-signal-safe calls only ---- */

static void become(const struct child_how *how, pid_t parent, int input, int output, int error, int report)
{
    struct sigaction fallback = {.sa_handler = SIG_DFL};
    sigset_t none;
    setsid();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(127); /* the worker died before prctl */
    for (int i = 1; i < NSIG; i++)
        sigaction(i, &fallback, NULL); /* a worker ignores SIGPIPE; the program must not inherit that */
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    /* Libraries open descriptors without close-on-exec (libcurl its sockets), which are no business of the program. */
    close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
    if (dup2(input, 0) >= 0 && dup2(output, 1) >= 0 && dup2(error, 2) >= 0)
        execvpe(how->argv[0], how->argv, how->environment);
    int reason = errno;
    ssize_t written = write(report, &reason, sizeof reason);
    _exit(written == sizeof reason ? 127 : 126);
}

/* ---- start ---- */

static int reap(pid_t pid)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return status;
}

struct pipes {
    int input[2], output[2], error[2], report[2];
};

static void close_pipes(struct pipes *pipes)
{
    int *fds[] = {pipes->input, pipes->output, pipes->error, pipes->report};
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 2; j++) {
            if (fds[i][j] >= 0)
                close(fds[i][j]);
            fds[i][j] = -1;
        }
}

static bool open_pipes(const struct child_how *how, struct pipes *pipes)
{
    return (how->input_fd >= 0 || pipe2(pipes->input, O_CLOEXEC) == 0) &&
           pipe2(pipes->output, O_CLOEXEC) == 0 && pipe2(pipes->error, O_CLOEXEC) == 0 &&
           pipe2(pipes->report, O_CLOEXEC) == 0;
}

/* Our ends of the pipes. */
static void keep_ends(struct child *child, struct pipes *pipes)
{
    child->output_fd = pipes->output[0];
    child->error_fd = pipes->error[0];
    child->input_fd = pipes->input[1];
    pipes->output[0] = pipes->error[0] = pipes->input[1] = -1;
    fcntl(child->output_fd, F_SETFL, O_NONBLOCK);
    fcntl(child->error_fd, F_SETFL, O_NONBLOCK);
    if (child->input_fd >= 0)
        fcntl(child->input_fd, F_SETFL, O_NONBLOCK);
}

/* Did exec succeed? 0, or its errno. */
static int read_report(int fd)
{
    int reason = 0;
    ssize_t n;
    do
        n = read(fd, &reason, sizeof reason); /* end of file: exec has closed it */
    while (n < 0 && errno == EINTR);
    return n == sizeof reason ? reason : 0;
}

int child_start(const struct child_how *how, struct child *child, struct err *err)
{
    struct pipes pipes = {{-1, -1}, {-1, -1}, {-1, -1}, {-1, -1}};
    int rc = 0, reason;
    pid_t parent = getpid();
    *child = (struct child){
        .pid_fd = -1, .input_fd = -1, .output_fd = -1, .error_fd = -1, .log_fd = -1, .marker = how->marker};
    buf_init(&child->input, INPUT_BYTES_MAX);
    buf_init(&child->output, how->output_max_bytes);
    if (!open_pipes(how, &pipes) || (child->pid = fork()) < 0) {
        child->pid = 0;
        rc = err_set(err, ERR_IO, "cannot start \"%s\": %s", how->argv[0], strerror(errno));
        close_pipes(&pipes);
        return rc;
    }
    if (child->pid == 0)
        become(how, parent, how->input_fd >= 0 ? how->input_fd : pipes.input[0], pipes.output[1],
               pipes.error[1], pipes.report[1]);
    close(pipes.report[1]);
    pipes.report[1] = -1;
    if ((reason = read_report(pipes.report[0]))) {
        rc = err_set(
            err, ERR_EVALUATOR,
            "cannot start \"%s\": %s; evaluator.argv[0] must be a program on the worker's PATH or the "
            "path of an executable file",
            how->argv[0], strerror(reason));
    } else if ((child->pid_fd = pidfd_open(child->pid, 0)) < 0) {
        rc = err_set(err, ERR_IO, "cannot watch \"%s\": %s", how->argv[0], strerror(errno));
        kill(-child->pid, SIGKILL);
    }
    if (rc) {
        reap(child->pid);
        child->pid = 0;
    } else {
        keep_ends(child, &pipes);
    }
    close_pipes(&pipes);
    return rc;
}

/* ---- what it says ---- */

static void keep_tail(struct child_tail *tail, const char *bytes, size_t n)
{
    if (n >= CHILD_TAIL_BYTES) {
        bytes += n - CHILD_TAIL_BYTES;
        n = CHILD_TAIL_BYTES;
    }
    size_t keep = tail->n < CHILD_TAIL_BYTES - n ? tail->n : CHILD_TAIL_BYTES - n;
    memmove(tail->text, tail->text + tail->n - keep, keep);
    memcpy(tail->text + keep, bytes, n);
    tail->n = keep + n;
    tail->text[tail->n] = 0;
}

static void keep_log(struct child *child, const char *bytes, size_t n)
{
    size_t room = child->log_max_bytes - child->logged_bytes;
    if (n > room)
        n = room;
    /* A log that cannot be written (disk full) is no reason to lose an evaluation. */
    if (child->log_fd >= 0 && n > 0 && write(child->log_fd, bytes, n) > 0)
        child->logged_bytes += n;
}

/* Takes what is there; closes the descriptor at the end of it. False: nothing was there. */
static bool take(struct child *child, int *fd)
{
    char bytes[65536];
    if (*fd < 0)
        return false;
    ssize_t n = read(*fd, bytes, sizeof bytes);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (n <= 0) {
        close(*fd);
        *fd = -1;
        return false;
    }
    if (fd == &child->error_fd) {
        keep_tail(&child->tail, bytes, (size_t)n);
        keep_log(child, bytes, (size_t)n);
    } else {
        buf_add(&child->output, bytes, (size_t)n); /* `full` remembers a refusal */
    }
    return true;
}

bool child_line(struct child *child, const char **line, size_t *n)
{
    size_t left = child->output.len - child->heard;
    const char *first = left ? child->output.data + child->heard : NULL;
    const char *end = left ? memchr(first, '\n', left) : NULL;
    if (!end)
        return false;
    *line = first;
    *n = (size_t)(end - first);
    child->heard += *n + 1;
    return true;
}

void child_forget(struct child *child)
{
    struct buf rest;
    buf_init(&rest, child->output.max);
    buf_add(&rest, buf_str(&child->output) + child->heard, child->output.len - child->heard);
    buf_fini(&child->output);
    child->output = rest;
    child->heard = 0;
}

/* ---- what it is told ---- */

static void end_input(struct child *child)
{
    if (child->input_fd >= 0)
        close(child->input_fd);
    child->input_fd = -1;
    child->written = 0;
    buf_clear(&child->input);
}

/* Writes what the pipe takes. */
static void give(struct child *child)
{
    size_t left = child->input.len - child->written;
    if (child->input_fd < 0)
        return;
    ssize_t n = left ? write(child->input_fd, child->input.data + child->written, left) : 0;
    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        end_input(child);
    } else if (n > 0) {
        child->written += (size_t)n;
        left -= (size_t)n;
    }
    if (left)
        return;
    buf_clear(&child->input);
    child->written = 0;
    if (child->close_behind)
        end_input(child);
}

void child_say(struct child *child, const char *text, size_t n)
{
    if (child->input_fd < 0)
        return;
    buf_add(&child->input, text, n);
    give(child);
}

bool child_has_heard(const struct child *child)
{
    return child->input.len == child->written;
}

void child_close_input(struct child *child)
{
    child->close_behind = true;
    give(child);
}

bool child_watch(struct child *child, int most_ms)
{
    struct pollfd fds[] = {{.fd = child->pid_fd, .events = POLLIN},
                           {.fd = child->output_fd, .events = POLLIN}, /* -1 is skipped */
                           {.fd = child->error_fd, .events = POLLIN},
                           {.fd = child_has_heard(child) ? -1 : child->input_fd, .events = POLLOUT}};
    poll(fds, 4, most_ms);
    give(child);
    take(child, &child->output_fd);
    take(child, &child->error_fd);
    return fds[0].revents != 0;
}

/* ---- its end ---- */

/* Does the environment of this process hold the marker as a whole entry? */
static bool is_marked(const char *pid, const char *marker)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%s/environ", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false; /* gone, or somebody else's */
    struct buf text;
    char bytes[8192];
    ssize_t n;
    buf_init(&text, ENVIRON_BYTES_MAX);
    buf_add(&text, "", 1); /* a 0 before the first entry as between the others */
    while ((n = read(fd, bytes, sizeof bytes)) > 0 && buf_add(&text, bytes, (size_t)n) == 0)
        continue;
    close(fd);
    size_t want_n = strlen(marker) + 2;
    char *want = mem_zero(want_n, 1);
    memcpy(want + 1, marker, want_n - 2);
    bool found = memmem(text.data, text.len, want, want_n) != NULL;
    mem_free(want);
    buf_fini(&text);
    return found;
}

/* Kills what left the group, and waits (2 s at most) until it and the group are gone: the next evaluation may
 * need the memory. A dead process that nobody has reaped has no environment, so it is not found. */
static void kill_marked(const char *marker)
{
    bool found = true;
    for (int i = 0; i < SWEEPS_MAX && found; i++) {
        DIR *proc = opendir("/proc");
        found = false;
        if (!proc)
            return;
        for (struct dirent *entry; (entry = readdir(proc));) {
            long pid = strtol(entry->d_name, NULL, 10);
            if (pid > 1 && pid != getpid() && is_marked(entry->d_name, marker)) {
                kill((pid_t)pid, SIGKILL);
                found = true;
            }
        }
        closedir(proc);
        if (found)
            usleep(SWEEP_PAUSE_US);
    }
}

/* What is still in the pipe. Bounded: somebody whom we did not find may go on writing. */
static void drain(struct child *child, int *fd)
{
    for (int i = 0; i < DRAIN_MAX && take(child, fd); i++)
        continue;
}

void child_signal(const struct child *child, int signal)
{
    assert(child->pid > 0); /* 0 would be our own group */
    kill(-child->pid, signal);
}

int child_end(struct child *child)
{
    assert(child->pid > 0);
    kill(-child->pid, SIGKILL);
    int status = reap(child->pid);
    child->pid = 0;
    kill_marked(child->marker);
    drain(child, &child->output_fd);
    drain(child, &child->error_fd);
    return status;
}

int child_status(int status, struct err *err)
{
    if (WIFSIGNALED(status))
        return err_set(err, ERR_EVALUATOR, "the evaluator was ended by signal %d (%s)", WTERMSIG(status),
                       strsignal(WTERMSIG(status)));
    if (WEXITSTATUS(status) != 0)
        return err_set(err, ERR_EVALUATOR, "the evaluator ended with status %d", WEXITSTATUS(status));
    return 0;
}

void child_fini(struct child *child)
{
    int *fds[] = {&child->pid_fd, &child->input_fd, &child->output_fd, &child->error_fd};
    for (int i = 0; i < 4; i++) {
        if (*fds[i] >= 0)
            close(*fds[i]);
        *fds[i] = -1;
    }
    buf_fini(&child->input);
    buf_fini(&child->output);
}
