/* export */
#include "client/commands.h"

#include "client/pair.h"
#include "client/progress.h"
#include "client/text.h"
#include "merge/export.h"
#include "proto/mem.h"

#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

/* What is written, from where. */
struct job {
    int64_t id, number;
    const char *directory;
    struct search_spec *spec;
    char state[16]; /* of the trial */
    double ratios[SPEC_GROUPS_MAX + 1];
    size_t ratios_n;
    struct pair pair;
};

static int read_words(const struct client *client, const struct args *args, struct job *job)
{
    struct err err = {0};
    struct stat there;
    int code = command_search_id(client, args, &job->id);
    if (code)
        return code;
    job->directory = args_value(args, "--out");
    if (args_number(args, 1, "trial", 0, &job->number, &err) == 0 && (!job->directory || !*job->directory))
        err_set(&err, ERR_INVALID, "--out DIR is missing: where is the checkpoint to be written?");
    if (err.code) {
        client_say(client, "%s", err.text);
        return CLIENT_USAGE;
    }
    if (lstat(job->directory, &there) != 0)
        return CLIENT_OK;
    client_say(client, "%s is there already and stays as it is: give --out a name that is not taken",
               job->directory);
    return CLIENT_REFUSED;
}

static int read_spec(struct client *client, struct job *job)
{
    char path[96];
    struct json *j;
    snprintf(path, sizeof path, "/v1/searches/%" PRId64, job->id);
    int code = client_get(client, path, &j);
    if (code)
        return code;
    struct spec_errors *errors = mem_zero(1, sizeof *errors);
    if (search_spec_parse(json_get(j, "spec"), job->spec, errors)) {
        client_say(client,
                   "the daemon's search cannot be read here: %s: %s; use the paretoctl of its version",
                   errors->item[0].field, errors->item[0].text);
        code = CLIENT_REFUSED;
    }
    mem_free(errors);
    json_free(j);
    return code;
}

static int read_trial(struct client *client, struct job *job)
{
    char path[128];
    struct json *j;
    snprintf(path, sizeof path, "/v1/searches/%" PRId64 "/trials/%" PRId64, job->id, job->number);
    int code = client_get(client, path, &j);
    if (code)
        return code;
    const struct json *ratios = json_get(j, "ratios");
    snprintf(job->state, sizeof job->state, "%s", json_string_or(json_get(j, "state"), "?"));
    bool ok = json_is(ratios, JSON_ARRAY) && json_len(ratios) <= SPEC_GROUPS_MAX + 1;
    for (const struct json *r = json_first(ratios); r && ok; r = json_next(r)) {
        ok = json_is(r, JSON_NUMBER);
        job->ratios[job->ratios_n++] = json_number_or(r, 0);
    }
    json_free(j);
    if (ok)
        return CLIENT_OK;
    client_say(client, "the daemon's trial %" PRId64 " has no ratios that can be read", job->number);
    return CLIENT_REFUSED;
}

/* Opens the pair and makes sure that it is the one the search was about. */
static int open_pair(struct client *client, struct job *job)
{
    char path[96];
    struct json *theirs;
    struct err err = {0};
    if (pair_open(job->spec, &job->pair, &err)) {
        if (err.code == ERR_NOT_FOUND || err.code == ERR_IO)
            client_say(
                client,
                "export opens the checkpoints of the search on this machine, under the search's paths");
        return client_refuse(client, &err);
    }
    snprintf(path, sizeof path, "/v1/searches/%" PRId64 "/plan", job->id);
    int code = client_get(client, path, &theirs);
    if (code)
        return code;
    int rc = pair_check(&job->pair, theirs, &err);
    json_free(theirs);
    if (!rc && job->ratios_n != (size_t)job->pair.plan->ratios_n)
        rc = err_set(&err, ERR_CONFLICT, "trial %" PRId64 " has %zu ratios and the plan %d groups",
                     job->number, job->ratios_n, job->pair.plan->ratios_n);
    return rc ? client_refuse(client, &err) : CLIENT_OK;
}

struct bar {
    const struct client *client;
    bool drawn;
    int64_t drawn_permille; /* a bar for every tensor would slow the terminal down */
};

static void draw(struct bar *bar, uint64_t done_bytes, uint64_t total_bytes)
{
    char done[TEXT_NUMBER_MAX], total[TEXT_NUMBER_MAX];
    int64_t permille = total_bytes ? (int64_t)((double)done_bytes / (double)total_bytes * 1000) : 1000;
    struct buf line;
    if (permille == bar->drawn_permille)
        return;
    bar->drawn_permille = permille;
    buf_init(&line, 4096);
    text_bytes(done, (double)done_bytes);
    text_bytes(total, (double)total_bytes);
    buf_text(&line, "\r\033[Kwriting ");
    progress_bar(&line, (double)done_bytes, (double)total_bytes, 40);
    buf_printf(&line, " %s of %s", done, total);
    client_print(bar->client, &line);
    buf_fini(&line);
}

/* Ctrl-C stops between two tensors, so that no half-written directory is left. */
static int tick(void *ctx, uint64_t done_bytes, uint64_t total_bytes)
{
    struct bar *bar = ctx;
    if (bar->drawn)
        draw(bar, done_bytes, total_bytes);
    return client_is_interrupted(bar->client);
}

static int write_checkpoint(struct client *client, const struct job *job)
{
    struct err err = {0};
    struct bar bar = {client, client->tty && !client->json, -1};
    struct export_progress progress = {tick, &bar};
    client_catch_interrupt(client);
    const struct export_target target = {.directory = job->directory, .ratios = job->ratios};
    const struct export_options options = {.how = merge_how_of(job->spec)};
    int rc = export_checkpoints(job->pair.base, job->pair.tuned, job->pair.plan, &target, 1, &options,
                                &progress, &err);
    if (bar.drawn) {
        fputs("\r\033[K", client->out);
        fflush(client->out);
    }
    return rc ? client_refuse(client, &err) : CLIENT_OK;
}

static void write_json(const struct job *job, struct buf *out)
{
    struct json_out json;
    json_begin(&json, out);
    json_object(&json);
    json_put_text(&json, "directory", job->directory);
    json_put_int(&json, "search", job->id);
    json_put_int(&json, "trial", job->number);
    json_name(&json, "groups");
    json_array(&json);
    for (size_t i = 0; i < job->ratios_n; i++)
        json_text(&json, job->pair.plan->names[i]);
    json_end_array(&json);
    json_put_doubles(&json, "ratios", job->ratios, job->ratios_n);
    json_put_text(&json, "base", job->spec->base);
    json_put_text(&json, "tuned", job->spec->tuned);
    json_put_int(&json, "tensors", (int64_t)job->pair.plan->entries_n);
    json_end_object(&json);
    buf_text(out, "\n");
}

static void write_lines(const struct job *job, struct buf *out)
{
    buf_printf(out, "wrote %s: trial %" PRId64 " of search %" PRId64 " \"", job->directory, job->number,
               job->id);
    text_clean(out, job->spec->name);
    buf_printf(out, "\", %zu tensors\n", job->pair.plan->entries_n);
    for (size_t i = 0; i < job->ratios_n; i++) {
        buf_text(out, "  ");
        text_clean(out, job->pair.plan->names[i]);
        buf_printf(out, ": %.6g of tuned\n", job->ratios[i]);
    }
    buf_text(out, "  base   ");
    text_clean(out, job->spec->base);
    buf_text(out, "\n  tuned  ");
    text_clean(out, job->spec->tuned);
    buf_printf(out, "\n  lineage in %s/paretod.json\n", job->directory);
}

static int say_written(struct client *client, const struct job *job)
{
    struct buf text;
    buf_init(&text, CLIENT_BYTES_MAX);
    if (client->json)
        write_json(job, &text);
    else
        write_lines(job, &text);
    if (strcmp(job->state, "done") != 0)
        client_say(client, "trial %" PRId64 " is %s: nothing says how good this checkpoint is", job->number,
                   job->state);
    int code = client_print(client, &text);
    buf_fini(&text);
    return code;
}

int command_export(struct client *client, const struct args *args)
{
    struct job job = {0};
    int code = read_words(client, args, &job);
    if (code)
        return code;
    job.spec = mem_zero(1, sizeof *job.spec);
    code = read_spec(client, &job);
    if (!code)
        code = read_trial(client, &job);
    if (!code)
        code = open_pair(client, &job);
    if (!code)
        code = write_checkpoint(client, &job);
    if (!code)
        code = say_written(client, &job);
    pair_close(&job.pair);
    search_spec_fini(job.spec);
    mem_free(job.spec);
    return code;
}
