#include "worker/process.h"

#include "proto/mem.h"

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

#define LOOK_MS 100 /* how often `stop` is looked at */
#define GRACE_S 2.0
#define DRAIN_MAX 64 /* reads of 64 KiB; a pipe holds 1 MiB at most unless root says otherwise */
#define SWEEPS_MAX 200
#define SWEEP_PAUSE_US 10000
#define ENVIRON_BYTES_MAX (4 << 20)

/*   RUNNING --stop or too much output--> ENDING (SIGTERM sent) --2 s--> KILLED (SIGKILL sent)
 *      │ └──enough──> ASKED ──grace_s────────^                           │
 *      └────────────────┴─── it has ended: SIGKILL to what is left of it ┘ */
enum phase { RUNNING, ASKED, ENDING, KILLED };

struct run {
    const struct process *process;
    const struct stop *stop;
    struct process_end *end;
    struct err *err;
    pid_t pid; /* also its group; not reaped before the last signal, so never somebody else's */
    int pid_fd, input_fd, output_fd, error_fd; /* our ends of its pipes; -1: none */
    const char *input;                         /* [input_n] still to be written */
    size_t input_n;
    size_t heard; /* bytes of its output that talk->line has had */
    enum phase phase;
    double kill_at_s;
    int rc; /* why it must stop */
};

/* ---- the child, between fork and exec: async-signal-safe calls only ---- */

static void become(const struct process *process, pid_t parent, int input, int output, int error, int report)
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
        execvpe(process->argv[0], process->argv, process->environment);
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

static bool open_pipes(const struct process *process, struct pipes *pipes)
{
    return (!process->talk || pipe2(pipes->input, O_CLOEXEC) == 0) && pipe2(pipes->output, O_CLOEXEC) == 0 &&
           pipe2(pipes->error, O_CLOEXEC) == 0 && pipe2(pipes->report, O_CLOEXEC) == 0;
}

/* Our ends of the pipes. */
static void keep_ends(struct run *run, struct pipes *pipes)
{
    run->output_fd = pipes->output[0];
    run->error_fd = pipes->error[0];
    run->input_fd = pipes->input[1];
    pipes->output[0] = pipes->error[0] = pipes->input[1] = -1;
    fcntl(run->output_fd, F_SETFL, O_NONBLOCK);
    fcntl(run->error_fd, F_SETFL, O_NONBLOCK);
    if (run->process->talk) {
        fcntl(run->input_fd, F_SETFL, O_NONBLOCK);
        run->input = run->process->talk->input;
        run->input_n = run->process->talk->input_n;
    }
}

static int start(struct run *run)
{
    struct pipes pipes = {{-1, -1}, {-1, -1}, {-1, -1}, {-1, -1}};
    const char *name = run->process->argv[0];
    int reason = 0, rc = 0;
    pid_t parent = getpid();
    if (!open_pipes(run->process, &pipes) || (run->pid = fork()) < 0) {
        rc = err_set(run->err, ERR_IO, "cannot start \"%s\": %s", name, strerror(errno));
        close_pipes(&pipes);
        return rc;
    }
    if (run->pid == 0)
        become(run->process, parent, run->process->talk ? pipes.input[0] : run->process->input_fd,
               pipes.output[1], pipes.error[1], pipes.report[1]);
    close(pipes.report[1]);
    pipes.report[1] = -1;
    ssize_t n;
    do
        n = read(pipes.report[0], &reason, sizeof reason); /* end of file: exec has closed it */
    while (n < 0 && errno == EINTR);
    if (n == sizeof reason) {
        reap(run->pid);
        rc = err_set(
            run->err, ERR_EVALUATOR,
            "cannot start \"%s\": %s; evaluator.argv[0] must be a program on the worker's PATH or the "
            "path of an executable file",
            name, strerror(reason));
    } else if ((run->pid_fd = pidfd_open(run->pid, 0)) < 0) {
        rc = err_set(run->err, ERR_IO, "cannot watch \"%s\": %s", name, strerror(errno));
        kill(-run->pid, SIGKILL);
        reap(run->pid);
    }
    if (rc == 0)
        keep_ends(run, &pipes);
    close_pipes(&pipes);
    return rc;
}

/* ---- its output ---- */

static void keep_tail(struct process_end *end, const char *bytes, size_t n)
{
    if (n >= PROCESS_TAIL_BYTES) {
        bytes += n - PROCESS_TAIL_BYTES;
        n = PROCESS_TAIL_BYTES;
    }
    size_t keep = end->tail_n < PROCESS_TAIL_BYTES - n ? end->tail_n : PROCESS_TAIL_BYTES - n;
    memmove(end->tail, end->tail + end->tail_n - keep, keep);
    memcpy(end->tail + keep, bytes, n);
    end->tail_n = keep + n;
    end->tail[end->tail_n] = 0;
}

static void keep_log(struct run *run, const char *bytes, size_t n)
{
    size_t room = run->process->log_max_bytes - run->end->logged_bytes;
    if (n > room)
        n = room;
    /* A log that cannot be written (disk full) is no reason to lose an evaluation. */
    if (run->process->log_fd >= 0 && n > 0 && write(run->process->log_fd, bytes, n) > 0)
        run->end->logged_bytes += n;
}

/* Takes what is there; closes the descriptor at the end of it. False: nothing was there. */
static bool take(struct run *run, int *fd, bool error)
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
    if (error) {
        keep_tail(run->end, bytes, (size_t)n);
        keep_log(run, bytes, (size_t)n);
    } else {
        buf_add(&run->end->output, bytes, (size_t)n); /* `full` remembers a refusal */
    }
    return true;
}

/* Gives what came to talk->line, a whole line after another. */
static void hear(struct run *run)
{
    const struct process_talk *talk = run->process->talk;
    const struct buf *output = &run->end->output;
    while (talk && !run->rc) {
        const char *line = output->data + run->heard;
        size_t left = output->len - run->heard;
        const char *end = left ? memchr(line, '\n', left) : NULL;
        if (!end)
            return;
        run->heard += (size_t)(end - line) + 1;
        run->rc = talk->line(talk->ctx, line, (size_t)(end - line), run->err);
    }
}

/* ---- its input ---- */

static void close_input(struct run *run)
{
    if (run->input_fd >= 0)
        close(run->input_fd);
    run->input_fd = -1;
    run->input_n = 0;
}

/* Writes what the pipe takes. A program that closed it does not want to know. */
static void give(struct run *run)
{
    if (run->input_fd < 0 || !run->input_n)
        return;
    ssize_t n = write(run->input_fd, run->input, run->input_n);
    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        close_input(run);
    } else if (n > 0) {
        run->input += n;
        run->input_n -= (size_t)n;
    }
    if (!run->input_n && run->phase == ASKED)
        close_input(run);
}

/* ---- its end ---- */

static int refuse_flood(struct run *run)
{
    return err_set(
        run->err, ERR_EVALUATOR,
        "the evaluator printed more than %zu bytes on its standard output; print the scores there and "
        "everything else on standard error",
        run->process->output_max_bytes);
}

static void end_it(struct run *run)
{
    run->phase = ENDING;
    run->kill_at_s = stop_now_s() + GRACE_S;
    kill(-run->pid, SIGTERM);
}

/* A program that has not read all of its input yet is not told the last word: it could not make sense of it. */
static void say_enough(struct run *run)
{
    const struct process_talk *talk = run->process->talk;
    run->phase = ASKED;
    run->kill_at_s = stop_now_s() + talk->grace_s;
    run->end->asked = true;
    if (run->input_n) {
        close_input(run);
    } else {
        run->input = talk->last_word;
        run->input_n = strlen(talk->last_word);
        give(run);
    }
}

static void decide(struct run *run)
{
    const struct process_talk *talk = run->process->talk;
    if (run->phase == RUNNING || run->phase == ASKED) {
        if (!run->rc)
            run->rc = run->end->output.full ? refuse_flood(run) : stop_check(run->stop, run->err);
        if (run->rc || (run->phase == ASKED && stop_now_s() > run->kill_at_s))
            end_it(run);
        else if (run->phase == RUNNING && talk && talk->enough(talk->ctx))
            say_enough(run);
    } else if (run->phase == ENDING && stop_now_s() > run->kill_at_s) {
        run->phase = KILLED;
        kill(-run->pid, SIGKILL);
    }
}

static void watch(struct run *run)
{
    for (;;) {
        struct pollfd fds[] = {{.fd = run->pid_fd, .events = POLLIN},
                               {.fd = run->output_fd, .events = POLLIN}, /* -1 is skipped */
                               {.fd = run->error_fd, .events = POLLIN},
                               {.fd = run->input_n ? run->input_fd : -1, .events = POLLOUT}};
        poll(fds, 4, LOOK_MS);
        give(run);
        take(run, &run->output_fd, false);
        take(run, &run->error_fd, true);
        hear(run);
        if (fds[0].revents)
            return;
        decide(run);
    }
}

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
static void drain(struct run *run, int *fd, bool error)
{
    for (int i = 0; i < DRAIN_MAX && take(run, fd, error); i++)
        continue;
}

static int finish(struct run *run)
{
    kill(-run->pid, SIGKILL);
    int status = reap(run->pid);
    kill_marked(run->process->marker);
    drain(run, &run->output_fd, false);
    drain(run, &run->error_fd, true);
    hear(run);
    if (run->rc)
        return run->rc;
    if (run->end->output.full)
        return refuse_flood(run);
    if (run->end->asked)
        return 0;
    if (WIFSIGNALED(status))
        return err_set(run->err, ERR_EVALUATOR, "the evaluator was ended by signal %d (%s)", WTERMSIG(status),
                       strsignal(WTERMSIG(status)));
    if (WEXITSTATUS(status) != 0)
        return err_set(run->err, ERR_EVALUATOR, "the evaluator ended with status %d", WEXITSTATUS(status));
    return 0;
}

int process_run(const struct process *process, const struct stop *stop, struct process_end *end,
                struct err *err)
{
    struct run run = {.process = process,
                      .stop = stop,
                      .end = end,
                      .err = err,
                      .pid_fd = -1,
                      .input_fd = -1,
                      .output_fd = -1,
                      .error_fd = -1};
    *end = (struct process_end){0};
    buf_init(&end->output, process->output_max_bytes);
    int rc = start(&run);
    if (rc)
        return rc;
    watch(&run);
    rc = finish(&run);
    close(run.pid_fd);
    close_input(&run);
    if (run.output_fd >= 0)
        close(run.output_fd);
    if (run.error_fd >= 0)
        close(run.error_fd);
    return rc;
}

void process_end_fini(struct process_end *end)
{
    buf_fini(&end->output);
}
