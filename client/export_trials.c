/* What the daemon knows of a search and its trials, and whether the files here are those it was about. */
#include "client/export_job.h"

#include "client/byte_bar.h"
#include "proto/mem.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static int read_spec(struct client *client, struct export_job *job)
{
    struct json *j;
    int code = client_get_search(client, job->id, "", &j);
    if (code)
        return code;
    struct spec_errors *errors = mem_zero(1, sizeof *errors);
    job->spec = mem_zero(1, sizeof *job->spec);
    if (search_spec_parse(json_get(j, "spec"), job->spec, errors)) {
        client_say(client,
                   "the daemon's search cannot be read here: %s: %s; use the paretoctl of its version",
                   errors->item[0].field, errors->item[0].text);
        code = CLIENT_REFUSED;
    }
    mem_free(errors);
    json_free(j);
    job->base = mem_strdup(job->spec->base);
    job->tuned = mem_strdup(job->spec->tuned);
    return code;
}

/* Puts a directory of this machine in place of the search's. */
static int relocate(struct client *client, const char *flag, const char *here, char path[SPEC_PATH_MAX])
{
    if (!here)
        return CLIENT_OK;
    if (strlen(here) >= SPEC_PATH_MAX) {
        client_say(client, "%s: the path is longer than %d bytes", flag, SPEC_PATH_MAX - 1);
        return CLIENT_USAGE;
    }
    memcpy(path, here, strlen(here) + 1);
    return CLIENT_OK;
}

static const char *goal_of(const struct search_spec *spec, const char *objective)
{
    for (int i = 0; i < (int)spec->objectives_n; i++)
        if (strcmp(spec->objectives[i].name, objective) == 0)
            return spec->objectives[i].minimise ? "min" : "max";
    return NULL;
}

static void read_scores(const struct search_spec *spec, const struct json *list, struct export_item *item)
{
    if (json_len(list) > SPEC_OBJECTIVES_MAX)
        return;
    for (const struct json *o = json_first(list); o; o = json_next(o)) {
        size_t i = item->scores_n++;
        snprintf(item->score_names[i], sizeof item->score_names[i], "%s",
                 json_string_or(json_get(o, "name"), "?"));
        item->scores[i].goal = goal_of(spec, item->score_names[i]);
        item->scores[i].mean = json_number_or(json_get(o, "mean"), NAN);
        item->scores[i].stderr_ = json_number_or(json_get(o, "stderr"), NAN);
    }
}

static bool read_ratios(const struct json *list, struct export_item *item)
{
    size_t n = json_len(list);
    if (!json_is(list, JSON_ARRAY) || n > SPEC_RATIOS_MAX)
        return false;
    item->ratios = mem_zero(SPEC_RATIOS_MAX, sizeof *item->ratios);
    for (const struct json *r = json_first(list); r; r = json_next(r)) {
        if (!json_is(r, JSON_NUMBER))
            return false;
        item->ratios[item->ratios_n++] = json_number_or(r, 0);
    }
    return true;
}

static int read_trial(struct client *client, const struct export_job *job, struct export_item *item)
{
    char part[64];
    struct json *j;
    snprintf(part, sizeof part, "/trials/%" PRId64, item->trial);
    int code = client_get_search(client, job->id, part, &j);
    if (code)
        return code;
    snprintf(item->state, sizeof item->state, "%s", json_string_or(json_get(j, "state"), "?"));
    read_scores(job->spec, json_get(j, "objectives"), item);
    bool ok = read_ratios(json_get(j, "ratios"), item);
    json_free(j);
    if (ok)
        return CLIENT_OK;
    client_say(client, "the daemon's trial %" PRId64 " has no ratios that can be read", item->trial);
    return CLIENT_REFUSED;
}

int export_read_trials(struct client *client, struct export_job *job)
{
    int code = read_spec(client, job);
    if (!code)
        code = relocate(client, "--base", job->base_here, job->spec->base);
    if (!code)
        code = relocate(client, "--tuned", job->tuned_here, job->spec->tuned);
    for (size_t i = 0; !code && i < job->items_n; i++)
        code = read_trial(client, job, &job->items[i]);
    if (!code)
        job->options.how = merge_how_of(job->spec);
    return code;
}

/* Whether the sentence is of a file in this directory, or of itself. */
static bool is_of(const struct err *err, const char *directory)
{
    size_t n = strlen(directory);
    return strncmp(err->text, directory, n) == 0 && strchr("/: ", err->text[n]);
}

/* The error first; then, if nothing was put in place of the search's directory, that it can be. */
static int refuse_pair(struct client *client, const struct export_job *job, const struct err *err)
{
    int code = client_refuse(client, err);
    bool base = !job->base_here && is_of(err, job->spec->base),
         tuned = !job->tuned_here && is_of(err, job->spec->tuned);
    if ((err->code == ERR_NOT_FOUND || err->code == ERR_IO) && (base || tuned))
        client_say(client,
                   "export opens the checkpoints of the search on this machine, under the search's paths; "
                   "where they lie elsewhere, say so with --base DIR and --tuned DIR");
    return code;
}

int export_open_pair(struct client *client, struct export_job *job)
{
    struct json *theirs;
    struct err err = {0};
    if (pair_open(job->spec, &job->pair, &err))
        return refuse_pair(client, job, &err);
    job->base_read = job->spec->base;
    job->tuned_read = job->spec->tuned;
    int code = client_get_search(client, job->id, "/plan", &theirs);
    if (code)
        return code;
    int rc = pair_check(&job->pair, theirs, &err);
    json_free(theirs);
    for (size_t i = 0; !rc && i < job->items_n; i++)
        if (job->items[i].ratios_n != (size_t)job->pair.plan->ratios_n)
            rc = err_set(&err, ERR_CONFLICT, "trial %" PRId64 " has %zu ratios and the plan %d groups",
                         job->items[i].trial, job->items[i].ratios_n, job->pair.plan->ratios_n);
    return rc ? client_refuse(client, &err) : CLIENT_OK;
}

/* *out is NULL when the search has none. */
static int read_digests(struct client *client, const struct export_job *job, struct json **out)
{
    char path[96];
    struct err err = {0};
    struct http_response response = {0};
    snprintf(path, sizeof path, "/v1/searches/%" PRId64 "/digests", job->id);
    struct http_request request = {.method = "GET", .path = path, .cancel = client->interrupted};
    *out = NULL;
    int rc = client_call(client, &request, &response, &err), code = CLIENT_OK;
    if (rc)
        code = client_refuse(client, &err);
    else if (response.status != 404)
        code = client_parse(client, &response, out);
    http_response_fini(&response);
    return code;
}

/* Makes the digest and holds it against theirs, if there is one. */
static int check_one(struct client *client, const char *what, const char *verb, const struct checkpoint *ckpt,
                     const struct json *theirs, char text[HASH_TEXT_MAX])
{
    struct err err = {0};
    struct digest ours = {0};
    struct byte_bar bar;
    byte_bar_begin(&bar, client, verb);
    const struct digest_progress progress = {byte_bar_tick, &bar};
    int rc = digest_make(ckpt, &progress, &ours, &err);
    byte_bar_end(&bar);
    if (!rc && theirs)
        rc = digest_compare(what, ckpt, &ours, theirs, &err);
    if (!rc)
        hash_print(ours.whole, text);
    digest_fini(&ours);
    return rc ? client_refuse(client, &err) : CLIENT_OK;
}

/* theirs: of the search, or NULL. */
static int check_both(struct client *client, struct export_job *job, const struct json *theirs)
{
    int code = check_one(client, "models.base", theirs ? "checking base" : "reading base", job->pair.base,
                         json_get(theirs, "base"), job->base_digest);
    return code ? code
                : check_one(client, "models.tuned", theirs ? "checking tuned" : "reading tuned",
                            job->pair.tuned, json_get(theirs, "tuned"), job->tuned_digest);
}

int export_check_digests(struct client *client, struct export_job *job)
{
    struct json *theirs = NULL;
    int code = job->spec ? read_digests(client, job, &theirs) : CLIENT_OK;
    if (code)
        return code;
    if (job->spec && !theirs)
        client_say(client,
                   "search %" PRId64
                   " has no digests, for it is older than they are: whether the files here are still "
                   "those it was about is not checked",
                   job->id);
    code = check_both(client, job, theirs);
    json_free(theirs);
    return code;
}
