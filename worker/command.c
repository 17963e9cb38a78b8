#include "worker/command_internal.h"

#include "proto/mem.h"
#include "worker/stop.h"

#include <stdio.h>
#include <string.h>

#define OUTPUT_BYTES_MAX (16 << 20)
#define LOG_BYTES_MAX (1 << 20)
#define QUOTE_BYTES 280 /* of the last words in a sentence */
#define STOP_WORD "{\"stop\":true}\n"
#define STOP_GRACE_S 10.0

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

/* ---- a run ---- */

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

static int execute(const struct command *command, const struct evaluation *evaluation, struct place *place,
                   struct scores *scores, bool *logged, struct err *err)
{
    struct stop stop;
    struct process_end end;
    char **environment = place_environment(place);
    struct conversation c = {.command = command, .evaluation = evaluation};
    const struct process_talk talk = {
        buf_str(&place->job_text), place->job_text.len, &c,          conversation_hear,
        conversation_is_enough,    STOP_WORD,           STOP_GRACE_S};
    const struct process process = {.argv = command->argv,
                                    .environment = environment,
                                    .marker = environment[0],
                                    .input_fd = place->job_fd,
                                    .talk = command_slices(evaluation) > 1 ? &talk : NULL,
                                    .log_fd = place->log_fd,
                                    .log_max_bytes = LOG_BYTES_MAX,
                                    .output_max_bytes = OUTPUT_BYTES_MAX};
    stop_init(&stop, evaluation->cancel, command->spec.time_limit_s);
    int rc = process_run(&process, &stop, &end, err);
    if (!rc)
        rc = conversation_settle(&c, &end, place, scores, err);
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
    int rc = place_open(command, evaluation, &place, &merge_s, err);
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
    place_close(&place, logged);
    return rc;
}
