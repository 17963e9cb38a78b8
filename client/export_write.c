/* The directories of an export, and what is said of them. */
#include "client/export_job.h"

#include "client/byte_bar.h"
#include "client/text.h"
#include "merge/output/outdir.h"
#include "proto/limits.h"
#include "proto/mem.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- writing --- */

static struct export_lineage lineage_of(const struct export_job *job, struct export_item *item)
{
    for (size_t i = 0; i < item->scores_n; i++)
        item->scores[i].name = item->score_names[i];
    return (struct export_lineage){
        .search = job->spec ? job->spec->name : NULL,
        .trial = (int)item->trial,
        .base = job->base,
        .tuned = job->tuned,
        .base_digest = job->base_digest,
        .tuned_digest = job->tuned_digest,
        .scores = item->scores,
        .scores_n = item->scores_n,
    };
}

/* The directory that the directories of several trials lie in. */
static int make_parent(struct client *client, struct export_job *job)
{
    struct stat there;
    if (job->items_n == 1 || (stat(job->out, &there) == 0 && S_ISDIR(there.st_mode)))
        return CLIENT_OK;
    job->made_out = mkdir(job->out, 0777) == 0;
    if (job->made_out)
        return CLIENT_OK;
    client_say(client, "%s: cannot be made: %m", job->out);
    return CLIENT_REFUSED;
}

static int write_all(struct client *client, struct export_job *job)
{
    struct err err = {0};
    struct byte_bar bar;
    byte_bar_begin(&bar, client, "writing");
    const struct export_progress progress = {byte_bar_tick, &bar};
    struct export_target *targets = mem_zero(job->items_n, sizeof *targets);
    struct export_lineage *lineages = mem_zero(job->items_n, sizeof *lineages);
    for (size_t i = 0; i < job->items_n; i++) {
        struct export_item *item = &job->items[i];
        item->effective = mem_zero((size_t)job->pair.plan->ratios_n, sizeof *item->effective);
        lineages[i] = lineage_of(job, item);
        targets[i] = (struct export_target){.directory = item->directory,
                                            .ratios = item->ratios,
                                            .lineage = &lineages[i],
                                            .effective = item->effective};
    }
    int rc = export_checkpoints(job->pair.base, job->pair.tuned, job->pair.plan, targets, job->items_n,
                                &job->options, &progress, &err);
    byte_bar_end(&bar);
    mem_free(targets);
    mem_free(lineages);
    if (rc && job->made_out)
        rmdir(job->out);
    return rc ? client_refuse(client, &err) : CLIENT_OK;
}

/* --- saying --- */

/* What the user can change. */
static const char *advice(const struct export_job *job)
{
    const struct merge_how *how = &job->options.how;
    if (!job->spec && how->dtype != OUTPUT_F32)
        return "the dtype cannot hold so small an update; out_dtype: float32 in the recipe keeps the ratio";
    if (how->dtype == OUTPUT_F32)
        return "the update is too small for any dtype";
    if (how->rounding == ROUND_STOCHASTIC)
        return "the dtype cannot hold so small an update; a search with output.dtype \"F32\" keeps the ratio";
    return "the dtype cannot hold so small an update; a search with output.rounding \"stochastic\" or "
           "output.dtype "
           "\"F32\" keeps the ratio";
}

/* Whether ratio i came out as another; appends what is to be said of it. */
static bool is_untrue(const struct export_job *job, const struct export_item *item, int i, struct buf *out)
{
    if (!(fabs(item->effective[i] - item->ratios[i]) > LIMIT_RATIO_ERROR)) /* nor NaN: no update there */
        return false;
    buf_printf(out, "%s: ratio %.4g was asked for, %.4g came out: %s", job->pair.plan->names[i],
               item->ratios[i], item->effective[i], advice(job));
    return true;
}

static void put_digests(const struct export_job *job, struct json_out *json)
{
    json_name(json, "digests");
    json_object(json);
    json_put_text(json, "base", job->base_digest);
    json_put_text(json, "tuned", job->tuned_digest);
    json_end_object(json);
}

static void put_item(const struct export_job *job, const struct export_item *item, struct json_out *json)
{
    json_object(json);
    json_name(json, "trial");
    if (item->trial < 0)
        json_null(json);
    else
        json_int(json, item->trial);
    json_put_text(json, "state", *item->state ? item->state : NULL);
    json_put_text(json, "directory", item->directory);
    json_put_doubles(json, "ratios", item->ratios, (size_t)job->pair.plan->ratios_n);
    json_put_doubles(json, "effective", item->effective, (size_t)job->pair.plan->ratios_n);
    json_name(json, "warnings");
    json_array(json);
    for (int i = 0; i < job->pair.plan->ratios_n; i++) {
        struct buf text;
        buf_init(&text, 4096);
        if (is_untrue(job, item, i, &text))
            json_text(json, buf_str(&text));
        buf_fini(&text);
    }
    json_end_array(json);
    json_end_object(json);
}

static void write_json(const struct export_job *job, struct buf *out)
{
    struct json_out json;
    json_begin(&json, out);
    json_object(&json);
    json_name(&json, "search");
    if (job->spec)
        json_int(&json, job->id);
    else
        json_null(&json);
    json_put_text(&json, "recipe", job->recipe_file);
    json_put_text(&json, "base", job->base);
    json_put_text(&json, "tuned", job->tuned);
    put_digests(job, &json);
    json_name(&json, "read");
    json_object(&json);
    json_put_text(&json, "base", job->base_read);
    json_put_text(&json, "tuned", job->tuned_read);
    json_end_object(&json);
    json_put_int(&json, "tensors", (int64_t)job->pair.plan->entries_n);
    json_name(&json, "groups");
    json_array(&json);
    for (int i = 0; i < job->pair.plan->ratios_n; i++)
        json_text(&json, job->pair.plan->names[i]);
    json_end_array(&json);
    json_name(&json, "exports");
    json_array(&json);
    for (size_t i = 0; i < job->items_n; i++)
        put_item(job, &job->items[i], &json);
    json_end_array(&json);
    json_end_object(&json);
    buf_text(out, "\n");
}

/* The ends that no group's ratio is for: "paper-code". */
static void write_fixed(const struct export_job *job, const struct export_item *item, struct buf *out)
{
    static const struct {
        int group;
        const char *name;
    } fixed[] = {{PLAN_BASE, "(base)"}, {PLAN_MEAN, "(the mean of the groups)"}, {PLAN_TUNED, "(tuned)"}};
    const struct plan *plan = job->pair.plan;
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++) {
        const struct plan_entry one = {.group = fixed[i].group};
        size_t tensors = 0;
        for (size_t e = 0; e < plan->entries_n; e++)
            tensors += plan->entries[e].group == fixed[i].group;
        if (tensors)
            buf_printf(out, "  %s: %.6g of tuned, %zu tensor%s\n", fixed[i].name,
                       plan_ratio(plan, &one, item->ratios), tensors, tensors == 1 ? "" : "s");
    }
}

static void write_item(const struct export_job *job, const struct export_item *item, struct buf *out)
{
    buf_text(out, "wrote ");
    text_clean(out, item->directory);
    if (job->spec) {
        buf_printf(out, ": trial %" PRId64 " of search %" PRId64 " \"", item->trial, job->id);
        text_clean(out, job->spec->name);
        buf_text(out, "\"");
    } else {
        buf_text(out, ": ");
        text_clean(out, job->recipe_file);
    }
    buf_printf(out, ", %zu tensors\n", job->pair.plan->entries_n);
    for (int i = 0; i < job->pair.plan->ratios_n; i++) {
        buf_text(out, "  ");
        text_clean(out, job->pair.plan->names[i]);
        buf_printf(out, ": %.6g of tuned", item->ratios[i]);
        if (isfinite(item->effective[i]))
            buf_printf(out, ", %.4f effective", item->effective[i]);
        buf_text(out, "\n");
    }
    write_fixed(job, item, out);
}

static void write_name(const char *role, const char *name, const char *read, struct buf *out)
{
    buf_printf(out, "  %-6s ", role);
    text_clean(out, name);
    if (strcmp(name, read) != 0) {
        buf_text(out, ", read from ");
        text_clean(out, read);
    }
    buf_text(out, "\n");
}

static void write_lines(const struct export_job *job, struct buf *out)
{
    for (size_t i = 0; i < job->items_n; i++)
        write_item(job, &job->items[i], out);
    write_name("base", job->base, job->base_read, out);
    write_name("tuned", job->tuned, job->tuned_read, out);
    buf_text(
        out,
        "  lineage in paretod.json, model card in README.md; \"paretoctl verify DIR\" checks the files\n");
}

static void say_warnings(struct client *client, const struct export_job *job, const struct export_item *item)
{
    if (*item->state && strcmp(item->state, "done") != 0)
        client_say(client, "trial %" PRId64 " is %s: nothing says how good this checkpoint is", item->trial,
                   item->state);
    for (int i = 0; i < job->pair.plan->ratios_n; i++) {
        struct buf text;
        buf_init(&text, 4096);
        if (is_untrue(job, item, i, &text))
            client_say(client, "%s: %s", item->directory, buf_str(&text));
        buf_fini(&text);
    }
}

static void say_left(void *ctx, const char *path)
{
    client_say(ctx, "%s: is what an export that was killed left behind; remove it", path);
}

/* What is said beside the answer, once it is written. */
static void say_all(struct client *client, const struct export_job *job)
{
    if (job->spec && job->tuned_here)
        client_say(client,
                   "note: tokenizer and chat template are those of %s; the daemon knows the weights and what "
                   "config.json says, but not these files",
                   job->tuned_here);
    for (size_t i = 0; i < job->items_n; i++) {
        say_warnings(client, job, &job->items[i]);
        outdir_leftovers(job->items[i].directory, say_left, client);
    }
}

int export_write(struct client *client, struct export_job *job)
{
    struct buf text;
    int code = make_parent(client, job);
    if (!code)
        code = write_all(client, job);
    if (code)
        return code;
    buf_init(&text, CLIENT_BYTES_MAX);
    if (client->json)
        write_json(job, &text);
    else
        write_lines(job, &text);
    say_all(client, job);
    code = client_print(client, &text);
    buf_fini(&text);
    return code;
}
