#include "worker/resident.h"

#include "proto/json.h"
#include "proto/log.h"
#include "proto/mem.h"
#include "worker/answer.h"
#include "worker/program.h"
#include "worker/stop.h"

#include <inttypes.h>
#include <signal.h>
#include <string.h>

struct resident {
    struct program program;
    bool started;       /* the next three are of a program; its child.pid is 0 when it has been reaped */
    struct child child; /* its last words and bytes of log outlive it */
    struct scratch scratch;
    struct environment environment;
    int64_t number;     /* of the newest job */
    double idle_from_s; /* an instant */
};

/* What comes of one job. */
struct turn {
    struct resident *resident;
    const struct evaluation *evaluation;
    struct conversation conversation;
    struct stop stop;
    struct scores *scores;
    bool heard;     /* a line of this job came */
    bool told;      /* to stop */
    bool cancelled; /* that is why */
    bool over;      /* the program is done with the job, and may have the next */
    bool left;      /* it ended by itself, without a word about the job */
    double until_s; /* told: it is waited for until then */
    int rc;         /* over: what the job failed of */
};

int resident_open(const struct search_spec *spec, const char *scratch_directory, struct resident **out,
                  struct err *err)
{
    struct resident *resident = mem_zero(1, sizeof *resident);
    int rc = program_open(spec, scratch_directory, &resident->program, err);
    *out = rc ? NULL : resident;
    if (rc)
        mem_free(resident);
    return rc;
}

int resident_names(const struct resident *resident, const char *names[SPEC_RATIOS_MAX])
{
    return program_names(&resident->program, names);
}

/* ---- the program's end ---- */

/* Drops its lines. true: it has ended. */
static bool look(struct child *child, int most_ms)
{
    const char *line;
    size_t n;
    bool ended = child_watch(child, most_ms);
    while (child_line(child, &line, &n))
        continue;
    child_forget(child);
    return ended;
}

static bool wait_for_end(struct child *child, double most_s)
{
    double until_s = stop_now_s() + most_s;
    bool ended = false;
    while (!ended && stop_now_s() < until_s)
        ended = look(child, CHILD_LOOK_MS);
    return ended;
}

/* Everything that is left of a program, which has been reaped or will be now. */
static void clear_away(struct resident *resident)
{
    if (resident->child.pid)
        child_end(&resident->child);
    child_fini(&resident->child);
    environment_fini(&resident->environment);
    scratch_fini(&resident->scratch);
    resident->started = false;
}

/* grace_s: for it to end by itself, once its input has. */
static void end_program(struct resident *resident, double grace_s)
{
    struct child *child = &resident->child;
    if (!resident->started)
        return;
    if (grace_s > 0)
        child_close_input(child);
    if (child->pid && !wait_for_end(child, grace_s)) {
        child_signal(child, SIGTERM);
        wait_for_end(child, CHILD_GRACE_S);
    }
    clear_away(resident);
}

void resident_close(struct resident *resident)
{
    if (!resident)
        return;
    end_program(resident, PROGRAM_STOP_GRACE_S);
    program_close(&resident->program);
    mem_free(resident);
}

/* Has it ended between two jobs? That is nobody's failure. */
static bool has_gone(struct resident *resident)
{
    struct err how = {0};
    if (!look(&resident->child, 0))
        return false;
    if (child_status(child_end(&resident->child), &how) == 0)
        err_set(&how, 0, "the evaluator ended with status 0");
    log_event(LOG_WARN, "evaluator_gone", "reason=%s", LOG_QUOTE(how.text));
    clear_away(resident);
    return true;
}

void resident_rest(struct resident *resident)
{
    double limit_s = resident->program.spec.idle_limit_s;
    if (!resident->started || has_gone(resident))
        return;
    if (limit_s > 0 && stop_now_s() - resident->idle_from_s > limit_s) {
        log_event(LOG_INFO, "evaluator_idle", "limit_s=%g", limit_s);
        end_program(resident, PROGRAM_STOP_GRACE_S);
    }
}

/* ---- its start ---- */

static int spawn(struct resident *resident, int64_t search, const struct place *place, struct err *err)
{
    int rc = scratch_make(resident->program.directory, &resident->scratch, err);
    if (rc)
        return rc;
    resident->started = true;
    environment_init(&resident->program, search, resident->scratch.path, &resident->environment);
    char **whole = environment_whole(&resident->environment);
    const struct child_how how = {resident->program.argv, whole, whole[0], -1, PROGRAM_OUTPUT_BYTES_MAX};
    rc = child_start(&how, &resident->child, err);
    mem_free(whole);
    resident->child.log_fd = place->log_fd;
    resident->child.log_max_bytes = PROGRAM_LOG_BYTES_MAX;
    return rc;
}

/* Is this the line that says so? An error before it is the start's. */
static int read_ready(const char *line, size_t n, bool *ready, struct err *err)
{
    struct json *root;
    struct err ignored;
    int rc = 0;
    if (n == 0 || *line != '{' || json_parse(line, n, &root, &ignored) != 0)
        return 0; /* libraries print things */
    const char *error = json_string_or(json_get(root, "error"), NULL);
    *ready = json_bool_or(json_get(root, "ready"), false);
    if (!*ready && error)
        rc = err_set(err, ERR_EVALUATOR, "the evaluator did not start: %.300s", error);
    json_free(root);
    return rc;
}

static int wait_ready(struct resident *resident, const struct evaluation *evaluation, struct err *err)
{
    struct stop stop;
    struct child *child = &resident->child;
    double limit_s = resident->program.spec.start_limit_s, start_s = stop_now_s();
    stop_init(&stop, evaluation->cancel, 0);
    for (bool ready = false, ended = false; !ready;) {
        const char *line;
        size_t n;
        int rc = stop_check(&stop, err);
        if (ended)
            rc = child_status(child_end(child), err);
        else
            ended = child_watch(child, CHILD_LOOK_MS);
        while (!rc && !ready && child_line(child, &line, &n))
            rc = read_ready(line, n, &ready, err);
        if (rc)
            return rc;
        if (!child->pid) /* whatever was still in its pipe */
            return err_set(err, ERR_EVALUATOR, "the evaluator ended before it was ready");
        if (!ready && child->output.full)
            return err_set(err, ERR_EVALUATOR, "the evaluator printed more than %d bytes before it was ready",
                           PROGRAM_OUTPUT_BYTES_MAX);
        if (!ready && limit_s > 0 && stop_now_s() - start_s > limit_s)
            return err_set(err, ERR_TIMEOUT,
                           "the evaluator did not print {\"ready\":true} within start_limit_s %g", limit_s);
    }
    log_event(LOG_INFO, "evaluator_ready", "search=%" PRId64 " start_s=%.3f", evaluation->search,
              stop_now_s() - start_s);
    return 0;
}

/* A program that is ready, a new one if need be. */
static int have_program(struct resident *resident, const struct evaluation *evaluation,
                        const struct place *place, struct err *err)
{
    struct child *child = &resident->child;
    if (resident->started && !has_gone(resident)) {
        child->log_fd = place->log_fd;
        child->logged_bytes = 0;
        child->tail = (struct child_tail){.n = 0};
        return 0;
    }
    int rc = spawn(resident, evaluation->search, place, err);
    if (!rc)
        rc = wait_ready(resident, evaluation, err);
    return rc;
}

/* ---- a job ---- */

static int hear_line(struct turn *turn, const char *line, size_t n, struct err *err)
{
    struct answer_line said;
    struct scores scores;
    int64_t number = turn->resident->number;
    int rc =
        answer_parse_numbered(line, n, number, program_slices(turn->evaluation),
                              search_spec_wants_written(&turn->resident->program.spec), &said, &scores, err);
    if (rc || said.kind == ANSWER_NONE)
        return rc;
    turn->heard = true;
    if (said.kind == ANSWER_SLICE)
        return conversation_slice(&turn->conversation, said.slice, &scores, err);
    turn->over = true;
    if (said.kind == ANSWER_SCORES)
        *turn->scores = scores;
    else if (said.kind == ANSWER_ERROR)
        turn->rc = turn->told ? 0 : err_set(err, ERR_EVALUATOR, "the evaluator says: %s", said.error);
    else if (!turn->told)
        turn->rc =
            err_set(err, ERR_EVALUATOR,
                    "the evaluator says that it stopped job %" PRId64 ", but nobody told it to", number);
    return 0;
}

static int hear(struct turn *turn, struct err *err)
{
    const char *line;
    size_t n;
    int rc = 0;
    while (!rc && !turn->over && child_line(&turn->resident->child, &line, &n))
        rc = hear_line(turn, line, n, err);
    return rc;
}

static void tell_stop(struct turn *turn)
{
    char *word = mem_printf("{\"stop\":true,\"job\":%" PRId64 "}\n", turn->resident->number);
    turn->told = true;
    turn->until_s = stop_now_s() + PROGRAM_STOP_GRACE_S;
    child_say(&turn->resident->child, word, strlen(word));
    mem_free(word);
}

/* Gives a code when the program cannot have another job. */
static int decide(struct turn *turn, struct err *err)
{
    struct err why;
    if (turn->resident->child.output.full)
        return err_set(
            err, ERR_EVALUATOR,
            "the evaluator printed more than %d bytes on its standard output for one job; print the "
            "scores there and everything else on standard error",
            PROGRAM_OUTPUT_BYTES_MAX);
    int rc = stop_check(&turn->stop, &why);
    turn->cancelled |= rc == ERR_CANCELLED;
    if (turn->told)
        return stop_now_s() > turn->until_s
                   ? err_set(err, ERR_TIMEOUT, "the evaluator did not stop when it was told to")
                   : 0;
    if (rc == ERR_TIMEOUT)
        return err_set(err, rc, "%s", why.text);
    if (rc || (program_slices(turn->evaluation) > 1 && conversation_is_enough(&turn->conversation)))
        tell_stop(turn);
    return 0;
}

/* Its last words may be the answer. */
static int hear_end(struct turn *turn, struct err *err)
{
    int status = child_end(&turn->resident->child);
    int rc = hear(turn, err);
    if (rc || turn->over)
        return rc;
    rc = child_status(status, err);
    turn->left = rc == 0 && !turn->heard;
    return rc ? rc : err_set(err, ERR_EVALUATOR, "the evaluator ended without an answer");
}

static int converse(struct turn *turn, const struct place *place, struct err *err)
{
    struct child *child = &turn->resident->child;
    int rc = 0;
    child_say(child, place->job_text.data, place->job_text.len);
    while (!rc && !turn->over) {
        bool ended = child_watch(child, CHILD_LOOK_MS);
        rc = hear(turn, err);
        if (rc || turn->over)
            break;
        rc = ended ? hear_end(turn, err) : decide(turn, err);
    }
    child_watch(child, 0); /* what it said on standard error before its answer */
    return rc;
}

/* What the turn came to, as a result. */
static int settle(struct turn *turn, int rc, const struct place *place, struct err *err)
{
    if (turn->cancelled)
        return err_set(err, ERR_CANCELLED, "the evaluation was cancelled");
    if (turn->told && (rc == ERR_TIMEOUT || !turn->resident->child.pid))
        rc = 0; /* however it ended, its newest slice is the result */
    if (!rc)
        rc = turn->rc;
    return rc ? rc : conversation_settle(&turn->conversation, turn->told, place, turn->scores, err);
}

/* One job, given once. *left: the program had ended by itself and has not seen it. */
static int execute(struct resident *resident, const struct evaluation *evaluation, const struct place *place,
                   struct scores *scores, bool *left, struct err *err)
{
    struct turn turn = {.resident = resident,
                        .evaluation = evaluation,
                        .conversation = {.program = &resident->program, .evaluation = evaluation},
                        .scores = scores};
    int rc = have_program(resident, evaluation, place, err);
    bool lives = false;
    if (!rc) {
        stop_init(&turn.stop, evaluation->cancel, resident->program.spec.time_limit_s);
        rc = converse(&turn, place, err);
        lives = rc == 0 && resident->child.pid;
        rc = settle(&turn, rc, place, err);
    }
    if (!lives)
        end_program(resident, 0);
    resident->child.log_fd = -1;
    *left = rc && turn.left;
    if (rc && !(turn.over && !resident->child.tail.n)) /* what it said is explained */
        place_explain(place, rc, &resident->child.tail, err);
    scores_fini(&turn.conversation.last);
    return rc;
}

int resident_run(struct resident *resident, const struct evaluation *evaluation, struct scores *scores,
                 struct err *err)
{
    struct place place;
    struct stop stop;
    bool left = true;
    *scores = (struct scores){0};
    int rc = program_check_ratios(&resident->program, evaluation, err);
    if (rc)
        return rc;
    rc = place_open(&resident->program, evaluation, ++resident->number, &place, err);
    stop_init(&stop, evaluation->cancel, 0); /* a merge may have taken long */
    if (!rc)
        rc = stop_check(&stop, err);
    resident->child.logged_bytes = 0;
    double start_s = stop_now_s();
    if (!rc)
        for (int try = 0; try < 2 && left; try++)
            rc = execute(resident, evaluation, &place, scores, &left, err);
    if (rc)
        scores_fini(scores);
    scores->merge_s = place.merge_s;
    scores->evaluate_s = stop_now_s() - start_s;
    place_close(&place, resident->child.logged_bytes > 0);
    resident->idle_from_s = stop_now_s();
    return rc;
}
