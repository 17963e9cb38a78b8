#include "worker/evaluator.h"

#include "proto/mem.h"
#include "worker/command.h"
#include "worker/native.h"

/* One of the two is open. */
struct evaluator {
    struct native *native;
    struct command *command;
};

void scores_fini(struct scores *scores)
{
    for (size_t i = 0; i < scores->n; i++)
        mem_free(scores->item[i].items);
    mem_free(scores->item);
    mem_free(scores->state);
    mem_free(scores->written);
    *scores = (struct scores){0};
}

int evaluator_open(const struct search_spec *spec, const char *scratch_directory, struct evaluator **out,
                   struct err *err)
{
    *out = NULL;
    struct evaluator *evaluator = mem_zero(1, sizeof *evaluator);
    int rc = spec->evaluator == EVALUATOR_NATIVE
                 ? native_open(spec, &evaluator->native, err)
                 : command_open(spec, scratch_directory, &evaluator->command, err);
    if (rc) {
        mem_free(evaluator);
        return rc;
    }
    *out = evaluator;
    return 0;
}

void evaluator_close(struct evaluator *evaluator)
{
    if (!evaluator)
        return;
    native_close(evaluator->native);
    command_close(evaluator->command);
    mem_free(evaluator);
}

int evaluator_names(const struct evaluator *evaluator, const char *names[SPEC_RATIOS_MAX])
{
    return evaluator->native ? native_names(evaluator->native, names)
                             : command_names(evaluator->command, names);
}

int evaluator_run(struct evaluator *evaluator, const struct evaluation *evaluation, struct scores *scores,
                  struct err *err)
{
    if (evaluator->native)
        return native_run(evaluator->native, evaluation, scores, err);
    return command_run(evaluator->command, evaluation, scores, err);
}
