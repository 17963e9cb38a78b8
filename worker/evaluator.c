#include "worker/evaluator.h"

#include "proto/mem.h"
#include "worker/command.h"
#include "worker/native.h"
#include "worker/resident.h"

/* One of the three is open. */
struct evaluator {
    struct native *native;
    struct command *command;
    struct resident *resident;
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
    int rc;
    if (spec->evaluator == EVALUATOR_NATIVE)
        rc = native_open(spec, &evaluator->native, err);
    else if (spec->evaluator == EVALUATOR_RESIDENT)
        rc = resident_open(spec, scratch_directory, &evaluator->resident, err);
    else
        rc = command_open(spec, scratch_directory, &evaluator->command, err);
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
    resident_close(evaluator->resident);
    mem_free(evaluator);
}

int evaluator_names(const struct evaluator *evaluator, const char *names[SPEC_RATIOS_MAX])
{
    if (evaluator->native)
        return native_names(evaluator->native, names);
    if (evaluator->resident)
        return resident_names(evaluator->resident, names);
    return command_names(evaluator->command, names);
}

int evaluator_run(struct evaluator *evaluator, const struct evaluation *evaluation, struct scores *scores,
                  struct err *err)
{
    if (evaluator->native)
        return native_run(evaluator->native, evaluation, scores, err);
    if (evaluator->resident)
        return resident_run(evaluator->resident, evaluation, scores, err);
    return command_run(evaluator->command, evaluation, scores, err);
}

void evaluator_rest(struct evaluator *evaluator)
{
    if (evaluator && evaluator->resident)
        resident_rest(evaluator->resident);
}
