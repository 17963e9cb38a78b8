/* rtuning identify */
#include "client/commands.h"

#include "client/identify.h"
#include "client/identify_key.h"
#include "client/outfile.h"
#include "client/rtuning.h"
#include "client/submit.h"
#include "client/text.h"
#include "proto/limits.h"
#include "proto/mem.h"
#include "proto/search_spec.h"
#include "rtuning/certainty.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SHARD_QUESTIONS 100 /* few enough that a lost worker costs little, many enough to outweigh a merge */

struct identifying {
    const char *questions, *out;
    char *bundle, *model; /* absolute */
    size_t shards;
    int64_t seed, search;
    bool unsupervised;
    struct question_set set;
    struct bad_rows bad;
    struct identify identify;
    size_t without; /* questions that the bundle does not have */
    size_t unkept;  /* shards of which texts were not kept */
    size_t cut;     /* questions of which a text was cut */
    size_t torn, certain_n, uncertain_n;
};

/* ---- what is asked ---- */

static int read_directory(const struct args *args, const char *flag, char **out, struct err *err)
{
    const char *path = args_value(args, flag);
    char *real = realpath(path, NULL);
    if (!real)
        return err_set(err, ERR_NOT_FOUND, "%s %s: %s", flag, path, strerror(errno));
    *out = mem_strdup(real);
    free(real);
    return 0;
}

static int read_flags(const struct args *args, struct identifying *w, int64_t *shards, struct err *err)
{
    static const char *const needed[] = {"--questions", "--bundle", "--out"};
    static const char *const submitted[] = {"--model", "--shards", "--again", "--seed"};
    bool is_made = args_has(args, "--search");
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (!args_has(args, needed[i]))
            return err_set(err, ERR_INVALID, "%s is missing: paretoctl %s %s", needed[i], args->command->name,
                           args->command->usage);
    for (size_t i = 0; is_made && i < sizeof submitted / sizeof *submitted; i++)
        if (args_has(args, submitted[i]))
            return err_set(err, ERR_INVALID, "%s is of a search that is made now; leave it out, or --search",
                           submitted[i]);
    if (!is_made && !args_has(args, "--model"))
        return err_set(err, ERR_INVALID, "--model DIR is missing, or --search ID of a search that is there");
    w->questions = args_value(args, "--questions");
    w->out = args_value(args, "--out");
    w->unsupervised = args_has(args, "--unsupervised");
    w->seed = 1;
    int rc = rtuning_whole(args, "--search", 1, &w->search, err);
    if (!rc)
        rc = rtuning_whole(args, "--shards", 1, shards, err);
    return rc ? rc : rtuning_whole(args, "--seed", 0, &w->seed, err);
}

static int choose_shards(struct identifying *w, int64_t asked, struct err *err)
{
    size_t most = identify_shards_max(&w->identify);
    size_t suits = (w->identify.n + SHARD_QUESTIONS - 1) / SHARD_QUESTIONS;
    most = most < SPEC_TRIALS_MAX ? most : SPEC_TRIALS_MAX;
    w->shards = asked ? (size_t)asked : suits < most ? suits : most;
    if (w->shards <= most)
        return 0;
    return err_set(err, ERR_INVALID,
                   "--shards %" PRId64 " are more than there can be: %zu, for every shard has a "
                   "question of each half",
                   asked, most);
}

/* Reads both files and finds the question of every item. */
static int read_both(const struct args *args, struct identifying *w, int64_t shards, struct err *err)
{
    int rc = read_directory(args, "--bundle", &w->bundle, err);
    if (!rc)
        rc = w->search ? 0 : read_directory(args, "--model", &w->model, err);
    if (!rc)
        rc = question_set_read(&w->set, w->questions, &w->bad, err);
    if (!rc)
        rc = identify_open(w->bundle, args_value(args, "--task"), &w->identify, err);
    if (!rc)
        rc = identify_join(&w->identify, &w->set, &w->without, err);
    if (!rc && w->unsupervised && !w->identify.has_entropy)
        rc = err_set(
            err, ERR_INVALID,
            "--unsupervised needs the metric \"entropy\", which task \"%s\" of the bundle has not; make the "
            "bundle with --samples 10",
            w->identify.task);
    return rc ? rc : choose_shards(w, shards, err);
}

/* ---- the search ---- */

static void write_search(const struct identifying *w, struct buf *text)
{
    struct json_out out;
    json_begin(&out, text);
    json_object(&out);
    json_put_text(&out, "name", "identify");
    json_name(&out, "models");
    json_object(&out);
    json_put_text(&out, "base", w->model);
    json_put_text(&out, "tuned", w->model);
    json_end_object(&out);
    json_name(&out, "groups");
    json_raw(&out, "{\"count\":1}");
    json_name(&out, "objectives");
    json_array(&out);
    for (int i = 0; i < w->identify.metrics_n; i++) {
        json_object(&out);
        json_put_text(&out, "metric", w->identify.metrics[i]);
        json_put_text(&out, "goal", "max");
        json_end_object(&out);
    }
    json_end_array(&out);
    json_name(&out, "evaluator");
    json_object(&out);
    json_put_text(&out, "type", "native");
    json_put_text(&out, "bundle", w->bundle);
    json_end_object(&out);
    json_name(&out, "strategy");
    json_raw(&out, "{\"type\":\"identify\",\"ratio\":0}");
    json_name(&out, "budget");
    json_object(&out);
    json_put_int(&out, "trials", (int64_t)w->shards);
    json_end_object(&out);
    json_put_bool(&out, "held_out", w->identify.half_n[1] > 0);
    json_put_int(&out, "seed", w->seed);
    json_end_object(&out);
}

static int say_search(struct client *client, const struct json *answer, struct identifying *w, bool is_new)
{
    struct buf text;
    if (!json_whole(json_get(answer, "id"), 1, INT64_MAX / 2, &w->search)) {
        client_say(client, "the daemon's answer is not a search: \"id\" is missing");
        return CLIENT_REFUSED;
    }
    if (client->json)
        return CLIENT_OK;
    buf_init(&text, 4096);
    buf_printf(&text, "search %" PRId64 ": %zu questions in %zu shards%s\n", w->search, w->identify.n,
               w->shards, is_new ? "" : ", as before with the same files");
    int code = client_print(client, &text);
    buf_fini(&text);
    return code;
}

static int submit(struct client *client, const struct args *args, struct identifying *w)
{
    char key[SUBMIT_KEY_MAX];
    struct err err = {0};
    struct buf body;
    struct json *answer = NULL;
    struct http_response response = {0};
    buf_init(&body, CLIENT_BYTES_MAX);
    write_search(w, &body);
    if (args_has(args, "--again"))
        submit_key(key);
    int code = !args_has(args, "--again") && identify_key(&w->identify, w->bundle, w->model, &body, key, &err)
                   ? client_refuse(client, &err)
                   : submit_post(client, buf_str(&body), key, true, &response);
    if (!code)
        code = response.status == 422 ? submit_say_fields(client, w->bundle, &response)
                                      : client_parse(client, &response, &answer);
    if (!code)
        code = say_search(client, answer, w, response.status == 201);
    json_free(answer);
    http_response_fini(&response);
    buf_fini(&body);
    return code;
}

/* A search that somebody made: of another evaluator, or of one vector of an earlier search. */
static int check_made(struct identifying *w, const struct json *search, struct err *err)
{
    const struct json *spec = json_get(search, "spec");
    int64_t shards = 0;
    if (strcmp(json_string_or(json_get(search, "strategy"), ""), "identify") != 0 ||
        !json_whole(json_get(json_get(spec, "budget"), "trials"), 1, SPEC_TRIALS_MAX, &shards))
        return err_set(err, ERR_INVALID, "--search %" PRId64 ": its strategy is \"%s\", not \"identify\"",
                       w->search, json_string_or(json_get(search, "strategy"), "?"));
    w->shards = (size_t)shards;
    if (w->shards > identify_shards_max(&w->identify))
        return err_set(err, ERR_INVALID,
                       "--search %" PRId64 " has %zu shards, and the bundle questions for %zu: "
                       "it is about another bundle",
                       w->search, w->shards, identify_shards_max(&w->identify));
    if (w->identify.half_n[1] && !json_bool_or(json_get(spec, "held_out"), false))
        return err_set(err, ERR_INVALID,
                       "--search %" PRId64 " asks no held-out items, and the bundle has %zu; make it "
                       "with \"held_out\": true",
                       w->search, w->identify.half_n[1]);
    return 0;
}

static int find_made(struct client *client, struct identifying *w)
{
    struct err err = {0};
    struct json *search;
    int code = client_get_search(client, w->search, "", &search);
    if (!code && check_made(w, search, &err))
        code = client_refuse(client, &err);
    json_free(search);
    return code;
}

/* ---- what was found ---- */

/* *lost: trials without a result; the first one is said. */
static int take_trial(struct client *client, struct identifying *w, size_t trial, size_t *lost)
{
    char part[64];
    struct json *answer;
    struct err err = {0};
    snprintf(part, sizeof part, "/trials/%zu", trial);
    int code = client_get_search(client, w->search, part, &answer);
    if (code)
        return code;
    bool is_done = strcmp(json_string_or(json_get(answer, "state"), "?"), "done") == 0;
    const char *reason = json_string_or(json_get(answer, "reason"), NULL);
    int rc = is_done ? identify_take(&w->identify, w->shards, trial, answer, &err) : 0;
    if (!is_done || (rc && reason)) { /* of a half that failed there is a reason */
        if ((*lost)++ == 0)
            client_say(client, "trial %zu of search %" PRId64 " has no result: %s", trial, w->search,
                       reason ? reason : "no reason was kept");
    } else if (rc) {
        err_prefix(&err, err.code, "trial %zu of search %" PRId64, trial, w->search);
        code = client_refuse(client, &err);
    }
    json_free(answer);
    return code;
}

static int take_written(struct client *client, struct identifying *w, size_t trial)
{
    char part[64];
    struct json *answer;
    struct err err = {0};
    bool kept = false;
    snprintf(part, sizeof part, "/trials/%zu/written", trial);
    int code = client_get_search(client, w->search, part, &answer);
    if (code)
        return code;
    if (identify_take_written(&w->identify, w->shards, trial, answer, &kept, &w->cut, &err)) {
        err_prefix(&err, err.code, "trial %zu of search %" PRId64, trial, w->search);
        code = client_refuse(client, &err);
    }
    w->unkept += !kept;
    json_free(answer);
    return code;
}

static int take_all(struct client *client, struct identifying *w)
{
    size_t lost = 0;
    int code = CLIENT_OK;
    for (size_t t = 0; t < w->shards && !code && !client_is_interrupted(client); t++)
        code = take_trial(client, w, t, &lost);
    for (size_t t = 0; t < w->shards && !code && !lost && !client_is_interrupted(client); t++)
        code = take_written(client, w, t);
    if (!code && lost) {
        client_say(
            client,
            "%zu of %zu shards have no result and nothing is written; mend what went wrong, then give the "
            "same command with --again",
            lost, w->shards);
        code = CLIENT_REFUSED;
    }
    return code;
}

/* By the right answers, or by the entropies of the questions that were asked. */
static int decide(struct identifying *w, bool *certain, struct err *err)
{
    double *entropy = mem_zero(w->identify.n + 1, sizeof *entropy);
    for (size_t i = 0; i < w->identify.n; i++) {
        certain[i] = w->identify.items[i].certain == 1;
        entropy[i] = w->identify.items[i].entropy;
    }
    int rc = w->unsupervised ? certainty_split(entropy, w->identify.n, false, certain, &w->torn, err) : 0;
    mem_free(entropy);
    return rc;
}

/* Nothing older stays beside what was found now. */
static void put_written(struct question *q, struct identify_item *item)
{
    question_forget_written(q);
    q->output = item->output;
    q->samples = item->samples;
    q->samples_n = item->samples_n;
    item->output = NULL;
    item->samples = NULL;
    item->samples_n = 0;
}

static void say_written(const struct client *client, const struct identifying *w)
{
    if (w->unkept)
        client_say(client,
                   "%zu of %zu shards came without what the model wrote, and their questions have no "
                   "\"output\"; where it is larger than %zu MiB a shard, use more --shards",
                   w->unkept, w->shards, LIMIT_WRITTEN_BYTES >> 20);
    if (w->cut)
        client_say(client, "questions of which a text is longer than %d bytes, and is cut: %zu",
                   LIMIT_WRITTEN_TEXT_BYTES, w->cut);
}

static int mark(struct client *client, struct identifying *w)
{
    struct err err = {0};
    bool *certain = mem_zero(w->identify.n + 1, sizeof *certain);
    int code = decide(w, certain, &err) ? client_refuse(client, &err) : CLIENT_OK;
    for (size_t i = 0; i < w->identify.n && !code; i++) {
        struct question *q = &w->set.items[w->identify.items[i].question];
        q->certain = certain[i] ? QUESTION_CERTAIN : QUESTION_UNCERTAIN;
        q->entropy = w->identify.items[i].entropy;
        put_written(q, &w->identify.items[i]);
        w->certain_n += certain[i];
        w->uncertain_n += !certain[i];
    }
    if (w->torn)
        client_say(client,
                   "%zu questions are as uncertain as the one in the middle; their order in the bundle "
                   "decides who is "
                   "certain",
                   w->torn);
    mem_free(certain);
    return code;
}

static int write_questions(struct client *client, const struct identifying *w)
{
    struct err err = {0};
    struct outfile out;
    struct buf line;
    buf_init(&line, CLIENT_BYTES_MAX);
    int code = outfile_open(&out, w->out, &err) ? client_refuse(client, &err) : CLIENT_OK;
    for (size_t i = 0; i < w->set.n && !code; i++) {
        struct json_out json;
        json_begin(&json, &line);
        question_write(&w->set.items[i], &json);
        buf_text(&line, "\n");
        outfile_add(&out, &line);
    }
    if (!code && client_is_interrupted(client))
        err_set(&err, ERR_CANCELLED, "interrupted");
    else if (!code)
        outfile_publish(&out, &err);
    if (!code && err.code)
        code = client_refuse(client, &err);
    outfile_close(&out);
    buf_fini(&line);
    return code;
}

static int say_identified(struct client *client, const struct identifying *w)
{
    struct buf text;
    struct json_out json;
    size_t n = w->certain_n + w->uncertain_n;
    buf_init(&text, CLIENT_BYTES_MAX);
    if (client->json) {
        json_begin(&json, &text);
        json_object(&json);
        json_put_text(&json, "out", w->out);
        json_put_int(&json, "search", w->search);
        json_put_int(&json, "questions", (int64_t)w->set.n);
        json_put_int(&json, "certain", (int64_t)w->certain_n);
        json_put_int(&json, "uncertain", (int64_t)w->uncertain_n);
        json_put_int(&json, "not_asked", (int64_t)w->without);
        json_put_int(&json, "torn", (int64_t)w->torn);
        json_put_int(&json, "shards_without_texts", (int64_t)w->unkept);
        json_put_int(&json, "cut", (int64_t)w->cut);
        json_put_int(&json, "bad", (int64_t)w->bad.n);
        json_end_object(&json);
        buf_text(&text, "\n");
    } else {
        text_clean(&text, w->out);
        buf_printf(&text, ": %zu questions, %zu certain and %zu uncertain (%.1f %% certain)\n", w->set.n,
                   w->certain_n, w->uncertain_n, 100 * (double)w->certain_n / (double)n);
    }
    int code = client_print(client, &text);
    buf_fini(&text);
    return code;
}

/* ---- the command ---- */

/* Questions that the bundle does not have stay as they are. */
static int tell_without(const struct client *client, const struct args *args, const struct identifying *w)
{
    if (!w->without)
        return CLIENT_OK;
    client_say(client, "questions that the bundle does not have: %zu of %zu; %s", w->without, w->set.n,
               args_has(args, "--strict") ? "--strict was given and nothing is done"
                                          : "they stay as they are");
    return args_has(args, "--strict") ? CLIENT_REFUSED : CLIENT_OK;
}

static int identify(struct client *client, const struct args *args, struct identifying *w)
{
    int code = rtuning_tell_bad(client, args, &w->bad, w->set.n);
    if (!code)
        code = tell_without(client, args, w);
    if (!code)
        code = w->search ? find_made(client, w) : submit(client, args, w);
    if (!code)
        code = client->json ? watch_quietly(client, w->search) : watch_search(client, w->search);
    if (code == CLIENT_DETACHED)
        client_say(client, "the same command goes on where it was, and writes %s", w->out);
    if (code == CLIENT_ENDED)
        client_say(client, "nothing is written; the same command with --again makes a new search");
    if (!code)
        code = take_all(client, w);
    if (!code)
        say_written(client, w);
    if (!code)
        code = mark(client, w);
    if (!code)
        code = write_questions(client, w);
    return code ? code : say_identified(client, w);
}

int command_rtuning_identify(struct client *client, const struct args *args)
{
    struct err err = {0};
    struct identifying w = {0};
    int64_t shards = 0;
    if (read_flags(args, &w, &shards, &err)) {
        client_say(client, "%s", err.text);
        return CLIENT_USAGE;
    }
    client_catch_interrupt(client);
    int code = read_both(args, &w, shards, &err) ? client_refuse(client, &err) : identify(client, args, &w);
    question_set_fini(&w.set);
    bad_rows_fini(&w.bad);
    identify_fini(&w.identify);
    mem_free(w.bundle);
    mem_free(w.model);
    return code;
}
