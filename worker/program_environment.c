/* The environment of a program: the worker's, and what it is told of its search and evaluation. */
#include "worker/program.h"

#include "proto/mem.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

extern char **environ;

static void tell(struct environment *environment, char *name_and_value)
{
    assert(environment->n < ENVIRONMENT_OWN_MAX);
    environment->own[environment->n++] = name_and_value;
}

void environment_init(const struct program *program, int64_t search, const char *scratch,
                      struct environment *environment)
{
    *environment = (struct environment){0};
    tell(environment, mem_printf("PARETOD_SCRATCH=%s", scratch)); /* first: the marker */
    tell(environment, mem_printf("PARETOD_SEARCH=%" PRId64, search));
    if (program->plan) {
        tell(environment, mem_printf("PARETOD_BASE=%s", checkpoint_directory(program->base)));
        tell(environment, mem_printf("PARETOD_TUNED=%s", checkpoint_directory(program->tuned)));
    }
}

void environment_add(struct environment *environment, const struct place *place,
                     const struct evaluation *evaluation)
{
    tell(environment, mem_printf("PARETOD_JOB=%s", place->job));
    tell(environment, mem_printf("PARETOD_TRIAL=%d", evaluation->trial));
    tell(environment, mem_printf("PARETOD_ATTEMPT=%d", evaluation->attempt));
    tell(environment, mem_printf("PARETOD_HALF=%s", evaluation->half));
    tell(environment, mem_printf("PARETOD_SEED=%" PRIu64, evaluation->seed));
    if (place->checkpoint)
        tell(environment, mem_printf("PARETOD_CHECKPOINT=%s", place->checkpoint));
}

char **environment_whole(const struct environment *environment)
{
    size_t n = 0, used = 0;
    while (environ[n])
        n++;
    char **all = mem_zero(n + ENVIRONMENT_OWN_MAX + 1, sizeof *all);
    for (int i = 0; i < environment->n; i++)
        all[used++] = environment->own[i];
    for (size_t i = 0; i < n; i++)
        if (strncmp(environ[i], "PARETOD_", 8) != 0)
            all[used++] = environ[i];
    return all;
}

void environment_fini(struct environment *environment)
{
    for (int i = 0; i < environment->n; i++)
        mem_free(environment->own[i]);
    environment->n = 0;
}
