#include "daemon/submit.h"

#include "daemon/api.h"
#include "daemon/hash.h"
#include "daemon/paretod.h"
#include "daemon/persist.h"
#include "daemon/submission.h"
#include "daemon/views.h"
#include "proto/log.h"
#include "proto/mem.h"

#include <stdio.h>
#include <string.h>

#define KEY_MAX 200
#define READERS_MAX 2 /* of the pool's threads: 4, unless UV_THREADPOOL_SIZE says otherwise */

struct submit_job {
    uv_work_t work;
    struct paretod *daemon;
    uint64_t exchange;
    char *key; /* NULL = none */
    char hash[33];
    struct submission submission;
    int rc;                   /* ERR_CANCELLED: the daemon stops */
    char name[SPEC_NAME_MAX]; /* the spec is gone after the check */
    bool reads_pair;
    int64_t since_us;
    struct submit_job *next;
};

static void answer_fields(struct exchange *x, const struct spec_errors *errors)
{
    struct buf buf;
    struct json_out out;
    buf_init(&buf, (size_t)1 << 20);
    json_begin(&out, &buf);
    json_object(&out);
    char *sentence = submission_sentence(errors);
    json_put_text(&out, "error", sentence);
    mem_free(sentence);
    json_put_text(&out, "code", err_name(ERR_INVALID));
    json_name(&out, "fields");
    json_array(&out);
    for (int i = 0; i < errors->n; i++) {
        json_object(&out);
        json_put_text(&out, "field", errors->item[i].field);
        json_put_text(&out, "error", errors->item[i].text);
        json_end_object(&out);
    }
    json_end_array(&out);
    json_end_object(&out);
    http_answer(x, &(struct answer){.status = 422, .bytes = buf_str(&buf), .len = buf.len});
    buf_fini(&buf);
}

/* The reference point as it was fixed when the search began. */
static void write_reference(const struct search_spec *spec, struct buf *buf)
{
    struct json_out out;
    json_begin(&out, buf);
    json_object(&out);
    json_put_double(&out, "normalised", -0.1);
    json_name(&out, "raw");
    json_array(&out);
    for (int i = 0; i < spec->objectives_n; i++) {
        if (spec->objectives[i].has_reference)
            json_double(&out, spec->objectives[i].reference);
        else
            json_null(&out);
    }
    json_end_array(&out);
    json_end_object(&out);
}

static void write_groups(const struct search *search, struct buf *buf)
{
    struct json_out out;
    json_begin(&out, buf);
    json_array(&out);
    for (int i = 0; i < search->k; i++)
        json_text(&out, search->group_names[i]);
    json_end_array(&out);
}

static int insert_search(struct submit_job *job, struct now now, int64_t *id, struct err *err)
{
    struct submission *s = &job->submission;
    struct buf groups, reference;
    buf_init(&groups, 65536);
    buf_init(&reference, 65536);
    write_groups(s->search, &groups);
    write_reference(&s->search->spec, &reference);
    struct store_search row = {.key = job->key,
                               .key_hash = job->key ? job->hash : NULL,
                               .name = s->search->spec.name,
                               .spec = s->spec_text,
                               .plan = s->plan.len ? buf_str(&s->plan) : NULL,
                               .groups = buf_str(&groups),
                               .state = search_state_name(SEARCH_RUNNING),
                               .reference = buf_str(&reference),
                               .preflight = s->preflight.len ? buf_str(&s->preflight) : NULL,
                               .digests = s->digests.len ? buf_str(&s->digests) : NULL,
                               .revision = 1,
                               .created_us = now.wall_us};
    int rc = store_search_insert(job->daemon->store, &row, id, err);
    buf_fini(&groups);
    buf_fini(&reference);
    return rc;
}

/* Search and given trials in one transaction. *id: of a search with the same key, after ERR_CONFLICT. */
static int insert(struct submit_job *job, struct now now, int64_t *id, struct err *err)
{
    struct store *store = job->daemon->store;
    int rc = store_begin(store, err);
    if (rc)
        return rc;
    rc = insert_search(job, now, id, err);
    if (!rc)
        rc = persist_given(store, job->submission.search, *id, now.wall_us, err);
    if (!rc)
        rc = store_commit(store, err);
    if (rc)
        store_rollback(store);
    return rc;
}

struct same_key {
    int64_t id;
    const char *hash;
    bool same;
};

static int compare(void *ctx, const struct store_search *row)
{
    struct same_key *key = ctx;
    key->id = row->id;
    key->same = row->key_hash && !strcmp(row->key_hash, key->hash);
    return 0;
}

/* Answers a submission whose key was here before. False when it was not. */
static bool answer_repeat(struct paretod *daemon, struct exchange *x, const char *key, const char *hash)
{
    struct same_key found = {.hash = hash};
    struct err err = {0};
    int rc = store_search_get(daemon->store, 0, key, compare, &found, &err);
    if (rc == ERR_NOT_FOUND)
        return false;
    if (rc)
        api_error(x, rc, &err);
    else if (!found.same)
        http_error(x, 409, "conflict",
                   "the idempotency key was used for search %lld with another body; use a new key",
                   (long long)found.id);
    else
        api_summary(daemon, x, 200, found.id);
    return true;
}

static void start(struct submit_job *job)
{
    struct paretod *daemon = job->daemon;
    struct submission *s = &job->submission;
    struct exchange *x = http_find(daemon->http, job->exchange);
    struct now now = paretod_now();
    struct err err = {0};
    int64_t id = 0;
    if (s->errors.n > 0) {
        if (x)
            answer_fields(x, &s->errors);
        return;
    }
    int rc = insert(job, now, &id, &err);
    if (rc) {
        bool twin = x && rc == ERR_CONFLICT && answer_repeat(daemon, x, job->key, job->hash);
        if (x && !twin) /* whatever the store says of our own row, it is not the client's fault */
            api_error(x, ERR_IO, &err);
        return;
    }
    struct search *search = s->search;
    s->search = NULL;
    search->id = id;
    search->revision = 1;
    search->created_wall_us = now.wall_us;
    search_add_given(search, now.wall_us);
    facts_add(&daemon->facts, id, buf_str(&s->preflight), buf_str(&s->digests));
    sched_add(&daemon->sched, search, now);
    sched_more(&daemon->sched);
    log_event(LOG_INFO, "search_started", "search=%lld strategy=%s trials=%d groups=%d", (long long)id,
              spec_strategy_name(search->spec.strategy), search->plan.trials, search->k);
    if (x)
        api_summary(daemon, x, 201, id);
}

static void job_free(struct submit_job *job)
{
    submission_fini(&job->submission);
    mem_free(job->key);
    mem_free(job);
}

/* Pool thread. */
static void check(uv_work_t *work)
{
    struct submit_job *job = work->data;
    job->rc = submission_check(&job->submission, &job->daemon->cancel);
}

static void read_next(struct paretod *daemon);

static void checked(uv_work_t *work, int status)
{
    struct submit_job *job = work->data;
    struct paretod *daemon = job->daemon;
    if (job->reads_pair) {
        daemon->submissions.reading--;
        log_event(LOG_INFO, "pair_read", "name=%s errors=%d seconds=%.1f", LOG_QUOTE(job->name),
                  job->submission.errors.n, (double)(paretod_now().us - job->since_us) / 1e6);
    }
    if (status == 0 && job->rc == 0 && !daemon->stopping)
        start(job);
    job_free(job);
    if (!daemon->stopping)
        read_next(daemon);
}

static void begin(struct submit_job *job)
{
    uv_queue_work(&job->daemon->loop, &job->work, check, checked);
}

/* As many pairs as may be read at a time. */
static void read_next(struct paretod *daemon)
{
    struct submissions *all = &daemon->submissions;
    while (all->first && all->reading < READERS_MAX) {
        struct submit_job *job = all->first;
        all->first = job->next;
        if (!all->first)
            all->last = NULL;
        all->reading++;
        job->since_us = paretod_now().us;
        log_event(LOG_INFO, "reading_pair", "name=%s base=%s tuned=%s", LOG_QUOTE(job->name),
                  LOG_QUOTE(job->submission.spec.base), LOG_QUOTE(job->submission.spec.tuned));
        begin(job);
    }
}

static void enqueue(struct submit_job *job)
{
    struct submissions *all = &job->daemon->submissions;
    if (all->last)
        all->last->next = job;
    else
        all->first = job;
    all->last = job;
    read_next(job->daemon);
}

void submissions_fini(struct submissions *submissions)
{
    while (submissions->first) {
        struct submit_job *job = submissions->first;
        submissions->first = job->next;
        job_free(job);
    }
    submissions->last = NULL;
}

void submit(struct paretod *daemon, struct exchange *x)
{
    const struct buf *body = exchange_body(x);
    const char *key = exchange_header(x, "Idempotency-Key");
    if (key && (!*key || strlen(key) > KEY_MAX)) {
        http_error(x, 400, "invalid", "Idempotency-Key: use 1 to %d bytes", KEY_MAX);
        return;
    }
    char hash[33];
    snprintf(hash, sizeof hash, "%016llx%016llx", (unsigned long long)hash_fnv(0, buf_str(body), body->len),
             (unsigned long long)hash_fnv(body->len + 1, buf_str(body), body->len));
    if (key && answer_repeat(daemon, x, key, hash)) /* before any check: its checkpoints may be gone by now */
        return;
    struct json *root = api_body(x);
    if (!root)
        return;
    struct submit_job *job = mem_zero(1, sizeof *job);
    int rc = search_spec_parse(root, &job->submission.spec, &job->submission.errors);
    json_free(root);
    if (rc) {
        answer_fields(x, &job->submission.errors);
        mem_free(job);
        return;
    }
    job->submission.errors.n = 0;
    job->work.data = job;
    job->daemon = daemon;
    job->exchange = exchange_id(x);
    job->key = key ? mem_strdup(key) : NULL;
    memcpy(job->hash, hash, sizeof hash);
    memcpy(job->name, job->submission.spec.name, sizeof job->name);
    job->reads_pair = job->submission.spec.has_models;
    if (job->reads_pair)
        enqueue(job);
    else
        begin(job);
}
