#include "worker/command.h"

#include "merge/output/export.h"
#include "proto/json.h"
#include "proto/mem.h"
#include "worker/answer.h"
#include "worker/process.h"
#include "worker/scratch.h"
#include "worker/stop.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define JOB_BYTES_MAX (64 << 20) /* a plan of a hundred thousand tensors */
#define OUTPUT_BYTES_MAX (16 << 20)
#define LOG_BYTES_MAX (1 << 20)
#define QUOTE_BYTES 280    /* of the last words in a sentence */
#define OWN_ENVIRONMENT 10 /* variables */
#define STOP_WORD "{\"stop\":true}\n"
#define STOP_GRACE_S 10.0

extern char **environ;

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

/* ---- open and close ---- */

int command_open(const struct search_spec *spec, const char *scratch_directory, struct command **out,
                 struct err *err)
{
    struct command *command = mem_zero(1, sizeof *command);
    int rc = 0;
    *out = NULL;
    command->spec = *spec;
    command->spec.argv_n = 0;
    memset(command->spec.argv, 0, sizeof command->spec.argv); /* the caller's */
    command->directory = mem_strdup(scratch_directory);
    for (int i = 0; i < spec->argv_n; i++)
        command->argv[i] = mem_strdup(spec->argv[i]);
    for (int i = 0; i < SPEC_RATIOS_MAX; i++)
        snprintf(command->names[i], sizeof command->names[i], "group %d", i + 1);
    if (spec->argv_n == 0)
        rc = err_set(err, ERR_INVALID, "evaluator.argv must name a program");
    if (!rc && spec->merge != MERGE_NONE) {
        rc = checkpoint_open(spec->base, &command->base, err);
        if (!rc)
            rc = checkpoint_open(spec->tuned, &command->tuned, err);
        if (!rc)
            rc = plan_make(spec, command->base, command->tuned, &command->plan, err);
    }
    if (rc) {
        command_close(command);
        return rc;
    }
    scratch_sweep(scratch_directory);
    *out = command;
    return 0;
}

int command_names(const struct command *command, const char *names[SPEC_RATIOS_MAX])
{
    int n = command->plan ? command->plan->ratios_n : command->spec.groups_n;
    for (int i = 0; i < n; i++)
        names[i] = command->plan ? command->plan->names[i] : command->names[i];
    return n;
}

void command_close(struct command *command)
{
    if (!command)
        return;
    plan_free(command->plan);
    checkpoint_close(command->tuned);
    checkpoint_close(command->base);
    for (int i = 0; command->argv[i]; i++)
        mem_free(command->argv[i]);
    mem_free(command->directory);
    mem_free(command);
}

/* ---- the job: what the program is told ---- */

static void write_objectives(const struct search_spec *spec, struct json_out *out)
{
    json_name(out, "objectives");
    json_array(out);
    for (int i = 0; i < spec->objectives_n; i++) {
        const struct spec_objective *objective = &spec->objectives[i];
        json_object(out);
        json_put_text(out, "name", objective->name);
        json_put_text(out, "goal", objective->minimise ? "min" : "max");
        json_name(out, "metrics");
        json_array(out);
        for (int m = 0; m < objective->metrics_n; m++)
            json_text(out, objective->metrics[m]);
        json_end_array(out);
        json_end_object(out);
    }
    json_end_array(out);
}

static void write_models(const struct command *command, const struct place *place, const double *ratios,
                         struct json_out *out)
{
    json_put_text(out, "base", checkpoint_directory(command->base));
    json_put_text(out, "tuned", checkpoint_directory(command->tuned));
    if (command->spec.merge == MERGE_DIRECTORY) {
        json_put_text(out, "checkpoint", place->checkpoint);
        return;
    }
    search_spec_write_output(&command->spec, out); /* a program that merges by itself must do so too */
    json_name(out, "plan");
    plan_write(command->plan, out);
    json_name(out, "tensors");
    json_object(out);
    for (size_t i = 0; i < command->plan->entries_n; i++) {
        const struct plan_entry *entry = &command->plan->entries[i];
        json_put_double(out, entry->tensor, plan_ratio(command->plan, entry, ratios));
    }
    json_end_object(out);
}

static int slices_of(const struct evaluation *evaluation)
{
    return evaluation->hearer && evaluation->slices > 1 ? evaluation->slices : 1;
}

/* Is there a state of as many slices as this evaluation has? */
static bool resumes(const struct evaluation *evaluation)
{
    return evaluation->resume.state && slices_of(evaluation) > 1 &&
           evaluation->resume.slices == slices_of(evaluation);
}

static void write_resume(const struct resume *resume, struct json_out *out)
{
    json_name(out, "resume");
    json_object(out);
    json_put_int(out, "slices_done", resume->slices_done);
    json_put_int(out, "slices", resume->slices);
    json_name(out, "state");
    json_raw(out, resume->state);
    json_end_object(out);
}

static void write_job(const struct command *command, const struct place *place,
                      const struct evaluation *evaluation, struct buf *buf)
{
    struct json_out out;
    char seed[24];
    json_begin(&out, buf);
    json_object(&out);
    json_put_int(&out, "version", 1);
    json_put_int(&out, "search", evaluation->search);
    json_put_int(&out, "trial", evaluation->trial);
    json_put_int(&out, "attempt", evaluation->attempt);
    json_put_text(&out, "half", evaluation->half);
    snprintf(seed, sizeof seed, "%" PRIu64, evaluation->seed); /* may be above INT64_MAX */
    json_name(&out, "seed");
    json_raw(&out, seed);
    if (evaluation->repeat > 0)
        json_put_int(&out, "repeat", evaluation->repeat);
    if (slices_of(evaluation) > 1)
        json_put_int(&out, "slices", slices_of(evaluation));
    if (resumes(evaluation))
        write_resume(&evaluation->resume, &out);
    json_put_doubles(&out, "ratios", evaluation->ratios, (size_t)evaluation->ratios_n);
    if (command->plan)
        write_models(command, place, evaluation->ratios, &out);
    write_objectives(&command->spec, &out);
    json_end_object(&out);
    buf_text(buf, "\n");
}

/* Standard input is this file, so a program that never reads it cannot block us; with slices a pipe that is written to as
 * it is read. */
static int make_job(const struct command *command, struct place *place, const struct evaluation *evaluation,
                    struct err *err)
{
    struct buf *buf = &place->job_text;
    write_job(command, place, evaluation, buf);
    place->job = mem_printf("%s/job.json", place->scratch.path);
    place->job_fd = open(place->job, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (buf->full)
        return err_set(err, ERR_TOO_LARGE,
                       "the plan of this search is larger than %d MiB; use evaluator.merge "
                       "\"directory\"",
                       JOB_BYTES_MAX >> 20);
    if (place->job_fd < 0 || write(place->job_fd, buf->data, buf->len) != (ssize_t)buf->len ||
        lseek(place->job_fd, 0, SEEK_SET) != 0)
        return err_set(err, ERR_IO, "cannot write %s: %s", place->job, strerror(errno));
    return 0;
}

static int make_log(const struct command *command, struct place *place, const struct evaluation *evaluation,
                    struct err *err)
{
    bool heldout = strcmp(evaluation->half, "search") != 0;
    place->log = mem_printf("%s/search-%lld-trial-%d-attempt-%d%s%s.log", command->directory,
                            (long long)evaluation->search, evaluation->trial, evaluation->attempt,
                            heldout ? "-" : "", heldout ? evaluation->half : "");
    place->log_fd = open(place->log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    return place->log_fd >= 0 ? 0 : err_set(err, ERR_IO, "cannot write %s: %s", place->log, strerror(errno));
}

static void tell(struct place *place, char *name_and_value)
{
    assert(place->environment_n < OWN_ENVIRONMENT);
    place->environment[place->environment_n++] = name_and_value;
}

static void make_environment(const struct command *command, struct place *place,
                             const struct evaluation *evaluation)
{
    tell(place, mem_printf("PARETOD_SCRATCH=%s", place->scratch.path)); /* first: the marker */
    tell(place, mem_printf("PARETOD_JOB=%s", place->job));
    tell(place, mem_printf("PARETOD_SEARCH=%lld", (long long)evaluation->search));
    tell(place, mem_printf("PARETOD_TRIAL=%d", evaluation->trial));
    tell(place, mem_printf("PARETOD_ATTEMPT=%d", evaluation->attempt));
    tell(place, mem_printf("PARETOD_HALF=%s", evaluation->half));
    tell(place, mem_printf("PARETOD_SEED=%" PRIu64, evaluation->seed));
    if (command->plan) {
        tell(place, mem_printf("PARETOD_BASE=%s", checkpoint_directory(command->base)));
        tell(place, mem_printf("PARETOD_TUNED=%s", checkpoint_directory(command->tuned)));
    }
    if (place->checkpoint)
        tell(place, mem_printf("PARETOD_CHECKPOINT=%s", place->checkpoint));
}

/* Ours first, then the worker's without PARETOD_*. The array is the caller's, the strings are not. */
static char **whole_environment(const struct place *place)
{
    size_t n = 0, used = 0;
    while (environ[n])
        n++;
    char **all = mem_zero(n + OWN_ENVIRONMENT + 1, sizeof *all);
    for (int i = 0; i < place->environment_n; i++)
        all[used++] = place->environment[i];
    for (size_t i = 0; i < n; i++)
        if (strncmp(environ[i], "PARETOD_", 8) != 0)
            all[used++] = environ[i];
    return all;
}

/* ---- a run ---- */

static int prepare(const struct command *command, const struct evaluation *evaluation, struct place *place,
                   double *merge_s, struct err *err)
{
    double start_s = stop_now_s();
    int rc = scratch_make(command->directory, &place->scratch, err);
    if (!rc && command->spec.merge == MERGE_DIRECTORY) {
        place->checkpoint = mem_printf("%s/checkpoint", place->scratch.path);
        const struct export_progress progress = {stop_tick, (void *)(uintptr_t)evaluation->cancel};
        const struct export_target target = {
            .directory = place->checkpoint, .ratios = evaluation->ratios, .effective = place->effective};
        const struct export_options options = {.how = merge_how_of(&command->spec), .scratch = true};
        rc = export_checkpoints(command->base, command->tuned, command->plan, &target, 1, &options, &progress,
                                err);
        *merge_s = stop_now_s() - start_s;
    }
    if (!rc)
        rc = make_job(command, place, evaluation, err);
    if (!rc)
        rc = make_log(command, place, evaluation, err);
    if (!rc)
        make_environment(command, place, evaluation);
    return rc;
}

static void place_fini(struct place *place, bool keep_log)
{
    if (place->job_fd >= 0)
        close(place->job_fd);
    if (place->log_fd >= 0) {
        close(place->log_fd);
        if (!keep_log)
            unlink(place->log);
    }
    for (int i = 0; i < place->environment_n; i++)
        mem_free(place->environment[i]);
    buf_fini(&place->job_text);
    mem_free(place->checkpoint);
    mem_free(place->job);
    mem_free(place->log);
    scratch_fini(&place->scratch);
}

/* The last lines of standard error, as one line. out: [QUOTE_BYTES + 1]. */
static void quote(const struct process_end *end, char *out)
{
    const char *text = end->tail;
    size_t n = end->tail_n;
    while (n > 0 && (unsigned char)text[n - 1] <= ' ')
        n--;
    size_t first = n > QUOTE_BYTES ? n - QUOTE_BYTES : 0;
    if (first > 0) { /* begin with a whole line, if there is one */
        const char *line = memchr(text + first, '\n', n - first);
        if (line)
            first = (size_t)(line - text) + 1;
    }
    for (size_t i = first; i < n; i++)
        *out++ = (unsigned char)text[i] < ' ' ? ' ' : text[i];
    *out = 0;
}

/* Adds where the log is and what the program said last. */
static int explain(int rc, const struct process_end *end, const struct place *place, struct err *err)
{
    char words[QUOTE_BYTES + 1];
    if (!err || rc == ERR_CANCELLED)
        return rc;
    size_t used = strlen(err->text);
    quote(end, words);
    if (words[0])
        snprintf(err->text + used, sizeof err->text - used, "; its last words: %s (log: %s)", words,
                 place->log);
    else
        snprintf(err->text + used, sizeof err->text - used, "; it wrote nothing on standard error");
    return rc;
}

static int need_objectives(const struct command *command, const struct scores *scores, struct err *err)
{
    for (int i = 0; i < command->spec.objectives_n; i++) {
        const struct spec_objective *objective = &command->spec.objectives[i];
        for (int m = 0; m < objective->metrics_n; m++)
            if (!answer_find(scores, objective->metrics[m]))
                return err_set(err, ERR_EVALUATOR,
                               "the evaluator's answer has no score \"%s\", which objective \"%s\" needs; it "
                               "has \"%s\"%s",
                               objective->metrics[m], objective->name, scores->item[0].metric,
                               scores->n > 1 ? " and others" : "");
    }
    return 0;
}

/* The program's word counts most: it may have done more to the weights. Else what our own merge came out as. */
static int settle_effective(const struct command *command, const struct place *place,
                            const struct evaluation *evaluation, struct scores *scores, struct err *err)
{
    size_t want = (size_t)evaluation->ratios_n;
    if (scores->effective_n > 0 && scores->effective_n != want)
        return err_set(err, ERR_EVALUATOR,
                       "the evaluator's answer: effective has %zu numbers, but there are %zu ratios",
                       scores->effective_n, want);
    if (scores->effective_n == 0 && command->spec.merge == MERGE_DIRECTORY) {
        memcpy(scores->effective, place->effective, want * sizeof *scores->effective);
        scores->effective_n = want;
    }
    return 0;
}

/* ---- slices: what the program says before it is done ---- */

struct conversation {
    const struct command *command;
    const struct evaluation *evaluation;
    struct scores last; /* of the newest slice; n = 0: none came */
    int first;          /* the first slice that was printed; 0: none was */
};

static int check_slice(const struct conversation *c, const struct scores *slice, struct err *err)
{
    int done = slice->slices_done;
    if (done <= c->last.slices_done)
        return err_set(err, ERR_EVALUATOR,
                       "the evaluator printed slice %d after slice %d; each is printed once, in their order",
                       done, c->last.slices_done);
    if (slice->items < c->last.items)
        return err_set(
            err, ERR_EVALUATOR,
            "slice %d has %lld items, and the one before it %lld; scores and items are those of all "
            "slices so far",
            done, (long long)slice->items, (long long)c->last.items);
    int rc = need_objectives(c->command, slice, err);
    return rc ? err_prefix(err, rc, "slice %d", done) : 0;
}

/* The last slice is not heard: the answer says the same. */
static int hear_line(void *ctx, const char *line, size_t n, struct err *err)
{
    struct conversation *c = ctx;
    struct scores slice;
    int of = slices_of(c->evaluation), done;
    int rc = answer_parse_slice(line, n, of, &done, &slice, err);
    if (rc || !done)
        return rc;
    c->first = c->first ? c->first : done;
    slice.slices = of;
    slice.slices_done = done;
    if ((rc = check_slice(c, &slice, err)) || done == of) {
        scores_fini(&slice);
        return rc;
    }
    scores_fini(&c->last);
    c->last = slice;
    c->evaluation->hearer->hear(c->evaluation->hearer->ctx, &c->last);
    return 0;
}

static bool is_enough(void *ctx)
{
    const struct conversation *c = ctx;
    int after = c->evaluation->stop_after;
    if (after > 0 && c->last.slices_done >= after)
        return true;
    return c->last.n > 0 && c->evaluation->hearer->stop(c->evaluation->hearer->ctx, 0);
}

/* A program that goes on says so with its first slice: one behind those that were done. */
static void settle_resumed(const struct conversation *c, struct scores *scores)
{
    const struct resume *resume = &c->evaluation->resume;
    if (!resumes(c->evaluation) || c->first <= resume->slices_done || scores->items < resume->items)
        return;
    scores->resumed = resume->slices_done;
    scores->resumed_items = resume->items;
}

/* What the program said last is the result: of its newest slice when it was told to stop, else its answer. */
static int settle_scores(const struct process_end *end, struct conversation *c, struct scores *scores,
                         struct err *err)
{
    if (end->asked) {
        *scores = c->last;
        c->last = (struct scores){0};
        return 0;
    }
    int rc = answer_parse(buf_str(&end->output), end->output.len, scores, err);
    if (rc)
        return rc;
    scores->slices = scores->slices_done = slices_of(c->evaluation);
    if (!scores->items)
        scores->items = answer_items(scores);
    return need_objectives(c->command, scores, err);
}

static int execute(const struct command *command, const struct evaluation *evaluation, struct place *place,
                   struct scores *scores, bool *logged, struct err *err)
{
    struct stop stop;
    struct process_end end;
    char **environment = whole_environment(place);
    struct conversation c = {.command = command, .evaluation = evaluation};
    const struct process_talk talk = {
        buf_str(&place->job_text), place->job_text.len, &c, hear_line, is_enough, STOP_WORD, STOP_GRACE_S};
    const struct process process = {.argv = command->argv,
                                    .environment = environment,
                                    .marker = environment[0],
                                    .input_fd = place->job_fd,
                                    .talk = slices_of(evaluation) > 1 ? &talk : NULL,
                                    .log_fd = place->log_fd,
                                    .log_max_bytes = LOG_BYTES_MAX,
                                    .output_max_bytes = OUTPUT_BYTES_MAX};
    stop_init(&stop, evaluation->cancel, command->spec.time_limit_s);
    int rc = process_run(&process, &stop, &end, err);
    if (!rc)
        rc = settle_scores(&end, &c, scores, err);
    if (!rc)
        rc = settle_effective(command, place, evaluation, scores, err);
    if (!rc)
        settle_resumed(&c, scores);
    if (rc)
        explain(rc, &end, place, err);
    *logged = end.logged_bytes > 0;
    scores_fini(&c.last);
    mem_free(environment);
    process_end_fini(&end);
    return rc;
}

int command_run(struct command *command, const struct evaluation *evaluation, struct scores *scores,
                struct err *err)
{
    struct place place = {.scratch.lock_fd = -1, .job_fd = -1, .log_fd = -1};
    buf_init(&place.job_text, JOB_BYTES_MAX);
    struct stop stop;
    double merge_s = 0, start_s;
    bool logged = false;
    int want = command->plan ? command->plan->ratios_n : command->spec.groups_n;
    *scores = (struct scores){0};
    if (evaluation->ratios_n != want)
        return err_set(err, ERR_INVALID, "this search has %d ratios, not %d", want, evaluation->ratios_n);
    int rc = prepare(command, evaluation, &place, &merge_s, err);
    stop_init(&stop, evaluation->cancel, 0); /* a merge may have taken long */
    if (!rc)
        rc = stop_check(&stop, err);
    start_s = stop_now_s();
    if (!rc)
        rc = execute(command, evaluation, &place, scores, &logged, err);
    if (rc)
        scores_fini(scores);
    scores->merge_s = merge_s;
    scores->evaluate_s = stop_now_s() - start_s;
    place_fini(&place, logged);
    return rc;
}
