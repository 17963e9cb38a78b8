/* The job: what the program is told. */
#include "worker/program.h"

#include "proto/json.h"

#include <inttypes.h>
#include <stdio.h>

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

static void write_models(const struct program *program, const char *checkpoint, const double *ratios,
                         struct json_out *out)
{
    json_put_text(out, "base", checkpoint_directory(program->base));
    json_put_text(out, "tuned", checkpoint_directory(program->tuned));
    if (program->spec.merge == MERGE_DIRECTORY) {
        json_put_text(out, "checkpoint", checkpoint);
        return;
    }
    search_spec_write_output(&program->spec, out); /* a program that merges by itself must do so too */
    json_name(out, "plan");
    plan_write(program->plan, out);
    json_name(out, "tensors");
    json_object(out);
    for (size_t i = 0; i < program->plan->entries_n; i++) {
        const struct plan_entry *entry = &program->plan->entries[i];
        json_put_double(out, entry->tensor, plan_ratio(program->plan, entry, ratios));
    }
    json_end_object(out);
}

int program_slices(const struct evaluation *evaluation)
{
    return evaluation->hearer && evaluation->slices > 1 ? evaluation->slices : 1;
}

bool program_resumes(const struct evaluation *evaluation)
{
    return evaluation->resume.state && program_slices(evaluation) > 1 &&
           evaluation->resume.slices == program_slices(evaluation);
}

static void write_shard(const struct shard *shard, struct json_out *out)
{
    json_name(out, "shard");
    json_object(out);
    json_put_int(out, "index", shard->index);
    json_put_int(out, "of", shard->of);
    json_end_object(out);
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

void program_write_job(const struct program *program, const char *checkpoint,
                       const struct evaluation *evaluation, int64_t number, struct buf *buf)
{
    struct json_out out;
    char seed[24];
    json_begin(&out, buf);
    json_object(&out);
    json_put_int(&out, "version", 1);
    if (number > 0)
        json_put_int(&out, "job", number);
    json_put_int(&out, "search", evaluation->search);
    json_put_int(&out, "trial", evaluation->trial);
    json_put_int(&out, "attempt", evaluation->attempt);
    json_put_text(&out, "half", evaluation->half);
    snprintf(seed, sizeof seed, "%" PRIu64, evaluation->seed); /* may be above INT64_MAX */
    json_name(&out, "seed");
    json_raw(&out, seed);
    if (evaluation->repeat > 0)
        json_put_int(&out, "repeat", evaluation->repeat);
    if (evaluation->shard.of > 1)
        write_shard(&evaluation->shard, &out);
    if (search_spec_wants_written(&program->spec))
        json_put_bool(&out, "written", true);
    if (program_slices(evaluation) > 1)
        json_put_int(&out, "slices", program_slices(evaluation));
    if (program_resumes(evaluation))
        write_resume(&evaluation->resume, &out);
    json_put_doubles(&out, "ratios", evaluation->ratios, (size_t)evaluation->ratios_n);
    if (program->plan)
        write_models(program, checkpoint, evaluation->ratios, &out);
    write_objectives(&program->spec, &out);
    json_end_object(&out);
    buf_text(buf, "\n");
}
