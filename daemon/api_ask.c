/* The outsiders' side: programs of people who run their own loop ask for a trial of one search and tell its scores. */
#include "daemon/api.h"
#include "daemon/core/repeat.h"
#include "daemon/paretod.h"
#include "daemon/score_reader.h"
#include "proto/log.h"
#include "proto/mem.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define WAIT_MAX_S 60
#define LEASE_MIN_S 10
#define LEASE_MAX_S 86400
#define LEASE_USUAL_S 3600
#define REASON_MAX 2000
#define NAMES_MAX 4096    /* bytes of names in a sentence */
#define SHARE_STEPS 10000 /* a share is kept in steps of this fineness */

struct ask {
    char client[WORKER_NAME_MAX];
    int lease_s;
    double wait_s;
};

static void send_trial(struct exchange *x, const struct search *search, const struct lease *lease)
{
    const struct trial *trial = &search->trials[lease->trial];
    struct buf buf;
    struct json_out out;
    buf_init(&buf, ANSWER_MAX);
    json_begin(&out, &buf);
    json_object(&out);
    json_put_int(&out, "trial", lease->trial);
    json_put_text(&out, "lease", lease->token);
    json_put_int(&out, "lease_s", lease->length_s);
    json_put_doubles(&out, "ratios", search_ratios(search, lease->trial), (size_t)search->k);
    json_name(&out, "groups");
    json_array(&out);
    for (int i = 0; i < search->k; i++)
        json_text(&out, search->group_names[i]);
    json_end_array(&out);
    json_put_int(&out, "seed", (int64_t)repeat_seed(search, lease->trial));
    json_put_int(&out, "attempt", lease->attempt);
    json_name(&out, "repeat_of");
    if (trial->origin.repeat_of >= 0)
        json_int(&out, trial->origin.repeat_of);
    else
        json_null(&out);
    json_end_object(&out);
    log_event(LOG_DEBUG, "asked", "search=%lld trial=%d attempt=%d client=%s", (long long)search->id,
              lease->trial, lease->attempt, LOG_QUOTE(lease->worker));
    /* without a receipt: whoever did not get it asks again and gets the same */
    http_answer(x, &(struct answer){.status = 200, .bytes = buf_str(&buf), .len = buf.len});
    buf_fini(&buf);
}

bool api_ask(struct paretod *daemon, struct exchange *x, int64_t id, const char *client, int lease_s,
             struct poll *poll, struct now now)
{
    struct search *search = sched_search(&daemon->sched, id);
    const struct lease *lease;
    struct err err = {0};
    int rc = sched_ask(&daemon->sched, search, client, lease_s, now, poll, &lease, &err);
    if (rc == ERR_NOT_READY)
        return false;
    if (rc)
        api_error(x, rc, &err);
    else
        send_trial(x, search, lease);
    return true;
}

/* False after it answered 422. */
static bool read_ask(struct exchange *x, const struct json *root, struct ask *ask)
{
    const char *client = json_string_or(json_get(root, "client"), "");
    const struct json *wait = json_get(root, "wait_s"), *length = json_get(root, "lease_s");
    int64_t lease_s = LEASE_USUAL_S;
    ask->wait_s = json_number_or(wait, 0);
    if (!*client || strlen(client) >= sizeof ask->client)
        http_error(x, 422, "invalid",
                   "client: must be a name of 1 to %zu bytes; each has one trial at a time",
                   sizeof ask->client - 1);
    else if ((wait && !json_is(wait, JSON_NUMBER)) || ask->wait_s < 0)
        http_error(x, 422, "invalid", "wait_s: must be a number of seconds, 0 or more");
    else if (length && !json_whole(length, LEASE_MIN_S, LEASE_MAX_S, &lease_s))
        http_error(x, 422, "invalid", "lease_s: must be a whole number of seconds from %d to %d", LEASE_MIN_S,
                   LEASE_MAX_S);
    else {
        snprintf(ask->client, sizeof ask->client, "%s", client);
        ask->lease_s = (int)lease_s;
        ask->wait_s = fmin(ask->wait_s, WAIT_MAX_S);
        return true;
    }
    return false;
}

void api_search_ask(struct api_call *call)
{
    struct search *search = api_find_search(call);
    struct json *root = search ? api_body(call->x) : NULL;
    struct ask ask;
    if (!root)
        return;
    bool ok = read_ask(call->x, root, &ask);
    json_free(root);
    struct now now = paretod_now();
    struct poll poll = {.since_us = now.us, .until_us = now.us + (ok ? (int64_t)(ask.wait_s * 1e6) : 0)};
    if (!ok || api_ask(call->daemon, call->x, search->id, ask.client, ask.lease_s, &poll, now))
        return;
    if (ask.wait_s > 0)
        polls_add_ask(call->daemon, exchange_id(call->x), search->id, ask.client, ask.lease_s, &poll);
    else
        http_answer(call->x, &(struct answer){.status = 204});
}

/* --- tell --- */

enum telling { TELL_SCORES, TELL_PART, TELL_STOPPED, TELL_FAILED };

struct tale {
    enum telling kind;
    struct result result;
    int steps; /* of SHARE_STEPS */
    char *reason;
};

/* The metric that a told name stands for: itself, or the one that the objective of this name has. */
static const char *metric_of(const struct search_spec *spec, const char *name)
{
    for (int i = 0; i < spec->objectives_n; i++)
        for (int j = 0; j < spec->objectives[i].metrics_n; j++)
            if (!strcmp(spec->objectives[i].metrics[j], name))
                return name;
    for (int i = 0; i < spec->objectives_n; i++)
        if (spec->objectives[i].metrics_n == 1 && !strcmp(spec->objectives[i].name, name))
            return spec->objectives[i].metrics[0];
    return name;
}

/* A number, or {"mean", "stderr", "n"}. */
static int read_score(const struct search_spec *spec, const struct json *j, struct score *out,
                      struct err *err)
{
    const char *name = json_key(j);
    const struct json *mean = json_is(j, JSON_OBJECT) ? json_get(j, "mean") : j;
    const struct json *se = json_get(j, "stderr"), *n = json_get(j, "n");
    *out = (struct score){.metric = metric_of(spec, name), .n = 1};
    if (!*name || strlen(name) > 127)
        return err_set(err, ERR_INVALID, "scores: names have 1 to 127 bytes");
    for (const struct json *c = json_is(j, JSON_OBJECT) ? json_first(j) : NULL; c; c = json_next(c))
        if (strcmp(json_key(c), "mean") && strcmp(json_key(c), "stderr") && strcmp(json_key(c), "n"))
            return err_set(err, ERR_INVALID,
                           "scores.%s.%.40s: is not a known key; known here: mean, stderr, n", name,
                           json_key(c));
    if (!json_is(mean, JSON_NUMBER))
        return err_set(err, ERR_INVALID,
                       "scores.%s: must be a finite number, or {\"mean\", \"stderr\", \"n\"}", name);
    out->mean = json_number_or(mean, 0);
    if (se && !json_is(se, JSON_NULL) && !(json_number_or(se, -1) >= 0))
        return err_set(err, ERR_INVALID, "scores.%s.stderr: must be a number of 0 or more, or null", name);
    out->stderr_ = json_number_or(se, NAN);
    if (n && !json_whole(n, 1, INT64_C(1) << 53, &out->n))
        return err_set(err, ERR_INVALID, "scores.%s.n: must be the number of items, 1 or more", name);
    return 0;
}

static bool is_told(const struct result *result, const char *metric)
{
    for (size_t i = 0; i < result->scores_n; i++)
        if (!strcmp(result->scores[i].metric, metric))
            return true;
    return false;
}

static bool is_known(const struct search_spec *spec, const char *metric)
{
    for (int i = 0; i < spec->objectives_n; i++)
        for (int j = 0; j < spec->objectives[i].metrics_n; j++)
            if (!strcmp(spec->objectives[i].metrics[j], metric))
                return true;
    return false;
}

/* The names that were told and mean nothing here, and those that would. */
static int refuse_without(const struct search_spec *spec, const struct spec_objective *objective,
                          const char *metric, const struct result *result, struct err *err)
{
    struct buf told, known;
    buf_init(&told, NAMES_MAX);
    buf_init(&known, NAMES_MAX);
    for (size_t i = 0; i < result->scores_n; i++)
        if (!is_known(spec, result->scores[i].metric))
            buf_printf(&told, "%s\"%s\"", told.len ? ", " : "", result->scores[i].metric);
    for (int i = 0; i < spec->objectives_n; i++)
        buf_printf(&known, "%s\"%s\"", i ? ", " : "", spec->objectives[i].name);
    err_set(err, ERR_INVALID, "scores: no metric \"%s\" for the objective \"%s\"%s%s; the objectives are %s",
            metric, objective->name, told.len ? ", and not known: " : "", told.len ? buf_str(&told) : "",
            buf_str(&known));
    buf_fini(&told);
    buf_fini(&known);
    return ERR_INVALID;
}

/* Parts of trials and whole ones: each has every metric of every objective. */
static int check_metrics(const struct search_spec *spec, const struct result *result, struct err *err)
{
    for (int i = 0; i < spec->objectives_n; i++) {
        const struct spec_objective *o = &spec->objectives[i];
        for (int j = 0; j < o->metrics_n; j++)
            if (!is_told(result, o->metrics[j]))
                return refuse_without(spec, o, o->metrics[j], result, err);
    }
    return 0;
}

static int read_scores(const struct search_spec *spec, const struct json *root, struct result *result,
                       struct err *err)
{
    const struct json *scores = json_get(root, "scores");
    if (json_is(scores, JSON_ARRAY))
        return score_reader_read(root, result, err); /* as workers write them, values of items and all */
    if (!json_is(scores, JSON_OBJECT) || json_len(scores) == 0 || json_len(scores) > SCORES_MAX)
        return err_set(err, ERR_INVALID,
                       "scores: must be an object {\"OBJECTIVE\": number} of 1 to %d scores", SCORES_MAX);
    struct score *list = mem_zero(json_len(scores), sizeof *list);
    result->scores = list;
    for (const struct json *c = json_first(scores); c; c = json_next(c)) {
        int rc = read_score(spec, c, &list[result->scores_n], err);
        for (size_t i = 0; !rc && i < result->scores_n; i++)
            if (!strcmp(list[i].metric, list[result->scores_n].metric))
                rc = err_set(err, ERR_INVALID, "scores.%s: is \"%s\", which stands there already",
                             json_key(c), list[i].metric);
        if (rc)
            return rc;
        result->scores_n++;
    }
    return 0;
}

static int read_share(const struct json *root, struct tale *tale, struct err *err)
{
    const struct json *share = json_get(root, "share"), *stopped = json_get(root, "stopped");
    if (stopped && (!json_is(stopped, JSON_BOOL) || !share))
        return err_set(err, ERR_INVALID, "stopped: must be true or false, beside \"share\" and \"scores\"");
    if (!share)
        return 0;
    double x = json_number_or(share, 0);
    tale->steps = (int)lround(fmin(fmax(x, 0), 1) * SHARE_STEPS);
    if (tale->steps < 1 || tale->steps >= SHARE_STEPS)
        return err_set(
            err, ERR_INVALID,
            "share: must be more than 0 and less than 1; leave it out when the scores are complete");
    bool ends = json_bool_or(stopped, false);
    tale->kind = ends ? TELL_STOPPED : TELL_PART;
    tale->result.slices_done = tale->steps;
    tale->result.slices = SHARE_STEPS;
    return 0;
}

/* Leaves `tale` fit for free_tale in any case. */
static int read_tale(const struct search_spec *spec, const struct json *root, struct tale *tale,
                     struct err *err)
{
    static const char *const known[] = {"lease", "trial", "scores", "failed", "share", "stopped"};
    const struct json *failed = json_get(root, "failed");
    *tale = (struct tale){0};
    for (const struct json *c = json_first(root); c; c = json_next(c)) {
        size_t i = 0;
        while (i < sizeof known / sizeof *known && strcmp(known[i], json_key(c)))
            i++;
        if (i == sizeof known / sizeof *known)
            return err_set(
                err, ERR_INVALID,
                "%.40s: is not a known key; known here: lease, trial, scores, failed, share, stopped",
                json_key(c));
    }
    if (!failed == !json_get(root, "scores"))
        return err_set(err, ERR_INVALID, "give either \"scores\", or \"failed\" with the reason");
    if (failed) {
        const char *reason = json_string_or(failed, "");
        if (!*reason)
            return err_set(err, ERR_INVALID, "failed: must be a sentence that says why");
        tale->kind = TELL_FAILED;
        tale->reason = mem_printf("%.*s", REASON_MAX, reason);
        return 0;
    }
    int rc = read_scores(spec, root, &tale->result, err);
    if (!rc)
        rc = check_metrics(spec, &tale->result, err);
    return rc ? rc : read_share(root, tale, err);
}

static void free_tale(struct tale *tale)
{
    score_reader_free(&tale->result);
    mem_free(tale->reason);
}

/* The lease that is spoken of, by its token or by its trial. *token is "" when *told. */
static int find_lease(struct paretod *daemon, const struct search *search, const struct json *root,
                      char *token, int *trial_n, bool *told, struct err *err)
{
    const struct json *lease = json_get(root, "lease"), *trial = json_get(root, "trial");
    const char *found = json_string_or(lease, "");
    int64_t number, id;
    enum half half;
    *told = false;
    if (!lease == !trial)
        return err_set(err, ERR_INVALID,
                       "give either the \"lease\" or the \"trial\" that the ask was answered with");
    if (trial) {
        if (!json_whole(trial, 0, SPEC_TRIALS_MAX + SPEC_GIVEN_MAX, &number))
            return err_set(err, ERR_INVALID, "trial: must be the number of a trial");
        *trial_n = (int)number;
        int rc = sched_told_as(&daemon->sched, search, *trial_n, &found, told, err);
        if (rc)
            return rc;
    } else if (!lease_token_read(found, &id, trial_n, &half) || id != search->id) {
        return err_set(err, ERR_INVALID, "lease: \"%.60s\" is no lease of search %lld", found,
                       (long long)search->id);
    }
    snprintf(token, LEASE_TOKEN_MAX, "%s", found ? found : "");
    return 0;
}

/* Whether what is told of a trial that is done already is what it has. */
static int check_again(const struct search *search, int trial, const struct tale *tale, struct err *err)
{
    if (tale->kind == TELL_PART || tale->kind == TELL_STOPPED)
        return 0; /* of a part: it may have been on its way while the rest came */
    return sched_told_again(search, trial, tale->kind == TELL_FAILED ? NULL : &tale->result, err);
}

static int tell(struct paretod *daemon, const char *token, const struct tale *tale, bool *duplicate,
                bool *stop, struct err *err)
{
    struct sched *sched = &daemon->sched;
    struct now now = paretod_now();
    if (tale->kind == TELL_FAILED) {
        const struct lease *lease = lease_find(&sched->leases, token);
        *duplicate = !lease || lease->state != LEASE_ACTIVE;
        return sched_failure(sched, token, tale->reason, now, err);
    }
    if (tale->kind != TELL_PART)
        return sched_result(sched, token, &tale->result, now, duplicate, err);
    const struct slice_report report = {.scores = tale->result.scores,
                                        .scores_n = tale->result.scores_n,
                                        .slices_done = tale->steps,
                                        .slices = SHARE_STEPS};
    return sched_slice(sched, token, &report, now, stop, err);
}

void api_search_tell(struct api_call *call)
{
    struct search *search = api_find_search(call);
    struct json *root = search ? api_body(call->x) : NULL;
    struct err err = {0};
    struct tale tale = {0};
    char token[LEASE_TOKEN_MAX], json[64];
    bool duplicate = false, stop = false;
    int trial = -1;
    if (!root)
        return;
    int rc = sched_is_external(search, &err);
    if (!rc)
        rc = read_tale(&search->spec, root, &tale, &err);
    if (!rc)
        rc = find_lease(call->daemon, search, root, token, &trial, &duplicate, &err);
    if (!rc)
        rc = check_again(search, trial, &tale, &err);
    if (!rc && !duplicate)
        rc = tell(call->daemon, token, &tale, &duplicate, &stop, &err);
    snprintf(json, sizeof json, "{\"duplicate\":%s,\"stop\":%s}", duplicate ? "true" : "false",
             stop ? "true" : "false");
    api_lease_answer(call->x, rc, &err, json);
    free_tale(&tale);
    json_free(root);
}
