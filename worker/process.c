#include "worker/process.h"

#include <signal.h>
#include <string.h>

/*   RUNNING --stop or too much output--> ENDING (SIGTERM sent) --2 s--> KILLED (SIGKILL sent)
 *      │ └──enough──> ASKED ──grace_s────────^                           │
 *      └────────────────┴─── it has ended: SIGKILL to what is left of it ┘ */
enum phase { RUNNING, ASKED, ENDING, KILLED };

struct run {
    const struct process *process;
    const struct stop *stop;
    struct process_end *end;
    struct err *err;
    struct child child;
    enum phase phase;
    double kill_at_s;
    int rc; /* why it must stop */
};

/* Gives what came to talk->line, a whole line after another. */
static void hear(struct run *run)
{
    const struct process_talk *talk = run->process->talk;
    const char *line;
    size_t n;
    while (talk && !run->rc && child_line(&run->child, &line, &n))
        run->rc = talk->line(talk->ctx, line, n, run->err);
}

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
    run->kill_at_s = stop_now_s() + CHILD_GRACE_S;
    child_signal(&run->child, SIGTERM);
}

static void say_enough(struct run *run)
{
    const struct process_talk *talk = run->process->talk;
    run->phase = ASKED;
    run->kill_at_s = stop_now_s() + talk->grace_s;
    run->end->asked = true;
    child_say(&run->child, talk->last_word, strlen(talk->last_word));
    child_close_input(&run->child);
}

static void decide(struct run *run)
{
    const struct process_talk *talk = run->process->talk;
    if (run->phase == RUNNING || run->phase == ASKED) {
        if (!run->rc)
            run->rc = run->child.output.full ? refuse_flood(run) : stop_check(run->stop, run->err);
        if (run->rc || (run->phase == ASKED && stop_now_s() > run->kill_at_s))
            end_it(run);
        else if (run->phase == RUNNING && talk && talk->enough(talk->ctx))
            say_enough(run);
    } else if (run->phase == ENDING && stop_now_s() > run->kill_at_s) {
        run->phase = KILLED;
        child_signal(&run->child, SIGKILL);
    }
}

static void watch(struct run *run)
{
    for (;;) {
        bool ended = child_watch(&run->child, CHILD_LOOK_MS);
        hear(run);
        if (ended)
            return;
        decide(run);
    }
}

static int finish(struct run *run)
{
    int status = child_end(&run->child);
    hear(run);
    if (run->rc)
        return run->rc;
    if (run->child.output.full)
        return refuse_flood(run);
    return run->end->asked ? 0 : child_status(status, run->err);
}

/* What is left of it for the caller. */
static void keep_end(struct run *run)
{
    struct process_end *end = run->end;
    end->output = run->child.output;
    buf_init(&run->child.output, 0);
    end->tail = run->child.tail;
    end->logged_bytes = run->child.logged_bytes;
}

int process_run(const struct process *process, const struct stop *stop, struct process_end *end,
                struct err *err)
{
    const struct process_talk *talk = process->talk;
    struct run run = {.process = process, .stop = stop, .end = end, .err = err};
    const struct child_how how = {process->argv, process->environment, process->marker,
                                  talk ? -1 : process->input_fd, process->output_max_bytes};
    *end = (struct process_end){0};
    int rc = child_start(&how, &run.child, err);
    if (!rc) {
        run.child.log_fd = process->log_fd;
        run.child.log_max_bytes = process->log_max_bytes;
        if (talk)
            child_say(&run.child, talk->input, talk->input_n);
        watch(&run);
        rc = finish(&run);
    }
    keep_end(&run);
    child_fini(&run.child);
    return rc;
}

void process_end_fini(struct process_end *end)
{
    buf_fini(&end->output);
}
