/* Where an evaluation happens: its scratch directory with the merged checkpoint and the job, its log. */
#include "worker/program.h"

#include "merge/output/export.h"
#include "proto/mem.h"
#include "worker/stop.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define QUOTE_BYTES 280 /* of the last words in a sentence */

static int make_log(const struct program *program, struct place *place, const struct evaluation *evaluation,
                    struct err *err)
{
    bool heldout = strcmp(evaluation->half, "search") != 0;
    place->log = mem_printf("%s/search-%" PRId64 "-trial-%d-attempt-%d%s%s.log", program->directory,
                            evaluation->search, evaluation->trial, evaluation->attempt, heldout ? "-" : "",
                            heldout ? evaluation->half : "");
    place->log_fd = open(place->log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    return place->log_fd >= 0 ? 0 : err_set(err, ERR_IO, "cannot write %s: %s", place->log, strerror(errno));
}

static int make_checkpoint(const struct program *program, const struct evaluation *evaluation,
                           struct place *place, struct err *err)
{
    double start_s = stop_now_s();
    place->checkpoint = mem_printf("%s/checkpoint", place->scratch.path);
    const struct export_progress progress = {stop_tick, (void *)(uintptr_t)evaluation->cancel};
    const struct export_target target = {
        .directory = place->checkpoint, .ratios = evaluation->ratios, .effective = place->effective};
    const struct export_options options = {.how = merge_how_of(&program->spec), .scratch = true};
    int rc = export_checkpoints(program->base, program->tuned, program->plan, &target, 1, &options, &progress,
                                err);
    place->merge_s = stop_now_s() - start_s;
    return rc;
}

int place_open(const struct program *program, const struct evaluation *evaluation, int64_t number,
               struct place *place, struct err *err)
{
    *place = (struct place){.scratch.lock_fd = -1, .log_fd = -1, .job_fd = -1};
    buf_init(&place->job_text, PROGRAM_JOB_BYTES_MAX);
    int rc = scratch_make(program->directory, &place->scratch, err);
    if (!rc && program->spec.merge == MERGE_DIRECTORY)
        rc = make_checkpoint(program, evaluation, place, err);
    if (rc)
        return rc;
    program_write_job(program, place->checkpoint, evaluation, number, &place->job_text);
    if (place->job_text.full)
        return err_set(err, ERR_TOO_LARGE,
                       "the plan of this search is larger than %d MiB; use evaluator.merge \"directory\"",
                       PROGRAM_JOB_BYTES_MAX >> 20);
    return make_log(program, place, evaluation, err);
}

int place_write_job(struct place *place, struct err *err)
{
    const struct buf *text = &place->job_text;
    place->job = mem_printf("%s/job.json", place->scratch.path);
    place->job_fd = open(place->job, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (place->job_fd < 0 || write(place->job_fd, text->data, text->len) != (ssize_t)text->len ||
        lseek(place->job_fd, 0, SEEK_SET) != 0)
        return err_set(err, ERR_IO, "cannot write %s: %s", place->job, strerror(errno));
    return 0;
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
    buf_fini(&place->job_text);
    mem_free(place->checkpoint);
    mem_free(place->job);
    mem_free(place->log);
    scratch_fini(&place->scratch);
}

/* The last lines of standard error, as one line. out: [QUOTE_BYTES + 1]. */
static void quote(const char *text, size_t n, char *out)
{
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

int place_explain(const struct place *place, int rc, const struct child_tail *tail, struct err *err)
{
    char words[QUOTE_BYTES + 1];
    if (!err || rc == ERR_CANCELLED)
        return rc;
    size_t used = strlen(err->text);
    quote(tail->text, tail->n, words);
    if (words[0])
        snprintf(err->text + used, sizeof err->text - used, "; its last words: %s (log: %s)", words,
                 place->log);
    else
        snprintf(err->text + used, sizeof err->text - used, "; it wrote nothing on standard error");
    return rc;
}
