#include "worker/program.h"

#include "proto/mem.h"

#include <stdio.h>
#include <string.h>

int program_open(const struct search_spec *spec, const char *scratch_directory, struct program *program,
                 struct err *err)
{
    int rc = 0;
    *program = (struct program){.spec = *spec};
    program->spec.argv_n = 0;
    memset(program->spec.argv, 0, sizeof program->spec.argv); /* the caller's */
    program->directory = mem_strdup(scratch_directory);
    for (int i = 0; i < spec->argv_n; i++)
        program->argv[i] = mem_strdup(spec->argv[i]);
    for (int i = 0; i < SPEC_RATIOS_MAX; i++)
        snprintf(program->names[i], sizeof program->names[i], "group %d", i + 1);
    if (spec->argv_n == 0)
        rc = err_set(err, ERR_INVALID, "evaluator.argv must name a program");
    if (!rc && spec->merge != MERGE_NONE) {
        rc = checkpoint_open(spec->base, &program->base, err);
        if (!rc)
            rc = checkpoint_open(spec->tuned, &program->tuned, err);
        if (!rc)
            rc = plan_make(spec, program->base, program->tuned, &program->plan, err);
    }
    if (rc)
        program_close(program);
    else
        scratch_sweep(scratch_directory);
    return rc;
}

int program_names(const struct program *program, const char *names[SPEC_RATIOS_MAX])
{
    int n = program->plan ? program->plan->ratios_n : program->spec.groups_n;
    for (int i = 0; i < n; i++)
        names[i] = program->plan ? program->plan->names[i] : program->names[i];
    return n;
}

int program_check_ratios(const struct program *program, const struct evaluation *evaluation, struct err *err)
{
    int want = program->plan ? program->plan->ratios_n : program->spec.groups_n;
    if (evaluation->ratios_n == want)
        return 0;
    return err_set(err, ERR_INVALID, "this search has %d ratios, not %d", want, evaluation->ratios_n);
}

void program_close(struct program *program)
{
    plan_free(program->plan);
    checkpoint_close(program->tuned);
    checkpoint_close(program->base);
    for (int i = 0; program->argv[i]; i++)
        mem_free(program->argv[i]);
    mem_free(program->directory);
    *program = (struct program){0};
}
