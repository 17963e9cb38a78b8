#include "worker/command.h"

#include "proto/mem.h"
#include "worker/answer.h"
#include "worker/process.h"
#include "worker/program.h"
#include "worker/stop.h"

#define STOP_WORD "{\"stop\":true}\n"

struct command {
    struct program program;
};

int command_open(const struct search_spec *spec, const char *scratch_directory, struct command **out,
                 struct err *err)
{
    struct command *command = mem_zero(1, sizeof *command);
    int rc = program_open(spec, scratch_directory, &command->program, err);
    *out = rc ? NULL : command;
    if (rc)
        mem_free(command);
    return rc;
}

int command_names(const struct command *command, const char *names[SPEC_RATIOS_MAX])
{
    return program_names(&command->program, names);
}

void command_close(struct command *command)
{
    if (!command)
        return;
    program_close(&command->program);
    mem_free(command);
}

static int hear(void *ctx, const char *line, size_t n, struct err *err)
{
    struct conversation *c = ctx;
    struct scores slice;
    int done, rc = answer_parse_slice(line, n, program_slices(c->evaluation), &done, &slice, err);
    return rc || !done ? rc : conversation_slice(c, done, &slice, err);
}

static int settle(struct conversation *c, const struct process_end *end, const struct place *place,
                  struct scores *scores, struct err *err)
{
    int rc = end->asked ? 0
                        : answer_parse(buf_str(&end->output), end->output.len,
                                       search_spec_wants_written(&c->program->spec), scores, err);
    return rc ? rc : conversation_settle(c, end->asked, place, scores, err);
}

/* Standard input is a file, so a program that never reads it cannot block us; with slices a pipe that is written to as it
 * is read. */
static int execute(const struct program *program, const struct evaluation *evaluation, struct place *place,
                   struct scores *scores, bool *logged, struct err *err)
{
    struct stop stop;
    struct process_end end;
    struct environment environment;
    environment_init(program, evaluation->search, place->scratch.path, &environment);
    environment_add(&environment, place, evaluation);
    char **whole = environment_whole(&environment);
    struct conversation c = {.program = program, .evaluation = evaluation};
    const struct process_talk talk = {
        buf_str(&place->job_text), place->job_text.len, &c, hear, conversation_is_enough, STOP_WORD,
        PROGRAM_STOP_GRACE_S};
    const struct process process = {.argv = program->argv,
                                    .environment = whole,
                                    .marker = whole[0],
                                    .input_fd = place->job_fd,
                                    .talk = program_slices(evaluation) > 1 ? &talk : NULL,
                                    .log_fd = place->log_fd,
                                    .log_max_bytes = PROGRAM_LOG_BYTES_MAX,
                                    .output_max_bytes = PROGRAM_OUTPUT_BYTES_MAX};
    stop_init(&stop, evaluation->cancel, program->spec.time_limit_s);
    int rc = process_run(&process, &stop, &end, err);
    if (!rc)
        rc = settle(&c, &end, place, scores, err);
    if (rc)
        place_explain(place, rc, &end.tail, err);
    *logged = end.logged_bytes > 0;
    scores_fini(&c.last);
    mem_free(whole);
    environment_fini(&environment);
    process_end_fini(&end);
    return rc;
}

int command_run(struct command *command, const struct evaluation *evaluation, struct scores *scores,
                struct err *err)
{
    struct place place;
    struct stop stop;
    bool logged = false;
    *scores = (struct scores){0};
    int rc = program_check_ratios(&command->program, evaluation, err);
    if (rc)
        return rc;
    rc = place_open(&command->program, evaluation, 0, &place, err);
    if (!rc)
        rc = place_write_job(&place, err);
    stop_init(&stop, evaluation->cancel, 0); /* a merge may have taken long */
    if (!rc)
        rc = stop_check(&stop, err);
    double start_s = stop_now_s();
    if (!rc)
        rc = execute(&command->program, evaluation, &place, scores, &logged, err);
    if (rc)
        scores_fini(scores);
    scores->merge_s = place.merge_s;
    scores->evaluate_s = stop_now_s() - start_s;
    place_close(&place, logged);
    return rc;
}
