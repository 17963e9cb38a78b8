/* Where a run happens: its scratch directory with the job and the merged checkpoint, its log, its environment. */
#include "worker/command_internal.h"

#include "merge/output/export.h"
#include "proto/mem.h"
#include "worker/stop.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

/* Standard input is this file, so a program that never reads it cannot block us; with slices a pipe that is written to as
 * it is read. */
static int make_job(const struct command *command, struct place *place, const struct evaluation *evaluation,
                    struct err *err)
{
    struct buf *buf = &place->job_text;
    command_write_job(command, place->checkpoint, evaluation, buf);
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

char **place_environment(const struct place *place)
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

int place_open(const struct command *command, const struct evaluation *evaluation, struct place *place,
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

void place_close(struct place *place, bool keep_log)
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
