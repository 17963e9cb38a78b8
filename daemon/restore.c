#include "daemon/restore.h"

#include "daemon/core/search_restore.h"
#include "proto/json.h"
#include "proto/mem.h"

#include <stdio.h>
#include <string.h>

struct context {
    struct store *store;
    struct sched *sched;
    struct facts_table *facts;
    struct now now;
    struct err *err;
};

static int read_groups(const char *text, const char *names[OPT_K_MAX], int *k, struct json **root,
                       struct err *err)
{
    int rc = json_parse(text, strlen(text), root, err);
    *k = 0;
    if (rc)
        return rc;
    for (const struct json *g = json_first(*root); g && *k < OPT_K_MAX; g = json_next(g))
        names[(*k)++] = json_string_or(g, "");
    return 0;
}

static int read_spec(const char *text, struct search_spec *spec, struct err *err)
{
    struct json *root;
    struct spec_errors errors;
    int rc = json_parse(text, strlen(text), &root, err);
    if (rc)
        return rc;
    rc = search_spec_parse(root, spec, &errors);
    if (rc)
        err_set(err, ERR_CORRUPT, "%s: %s", errors.item[0].field, errors.item[0].text);
    json_free(root);
    return rc;
}

static int on_search(void *ctx, const struct store_search *row)
{
    struct context *c = ctx;
    struct search_spec spec;
    struct search *search = NULL;
    struct json *groups = NULL;
    const char *names[OPT_K_MAX];
    int k;
    int rc = read_spec(row->spec, &spec, c->err);
    if (!rc) {
        rc = read_groups(row->groups, names, &k, &groups, c->err);
        if (!rc)
            rc = search_create(row->id, &spec, k, names, &search, c->err);
        if (rc)
            search_spec_fini(&spec);
    }
    json_free(groups);
    if (!rc && !search_state_read(row->state, &search->state)) {
        search_destroy(search);
        rc = err_set(c->err, ERR_CORRUPT, "its state is \"%s\"", row->state);
    }
    if (rc)
        return err_prefix(c->err, rc, "search %lld of the database", (long long)row->id);
    text_replace(&search->reason, row->reason);
    search->revision = row->revision;
    search->created_wall_us = row->created_us;
    search->ended_wall_us = row->ended_us;
    sched_add(c->sched, search, c->now);
    facts_add(c->facts, row->id, row->preflight, row->digests);
    return 0;
}

struct trials_context {
    struct restore *restore;
    struct err *err;
    int m;
    /* scores of one (trial, half), which come one after the other */
    int trial;
    enum half half;
    size_t n;
    struct score scores[SCORES_MAX];
};

static int on_trial(void *ctx, const struct store_trial *row)
{
    struct trials_context *c = ctx;
    struct trial_record record = {
        .number = row->number,
        .stream = row->stream,
        .step = row->step,
        .ratios = row->ratios,
        .heldout_state = TRIAL_ABSENT,
        .attempts = row->attempts,
        .reason = row->reason,
        .worker = row->worker,
        .created_us = row->created_us,
        .done_us = row->done_us,
        .merge_s = row->merge_s,
        .evaluate_s = row->evaluate_s,
        .wall_s = row->wall_s,
        .effective = row->effective,
        .origin = {.watermark = row->watermark, .repeat_of = row->repeat_of, .gain = row->gain}};
    if (!path_read(row->path, &record.origin.path) || !trial_state_read(row->state, &record.state) ||
        (row->heldout_state && !trial_state_read(row->heldout_state, &record.heldout_state)))
        return err_set(c->err, ERR_CORRUPT, "trial %d is in no state we know", row->number);
    return restore_trial(c->restore, &record, c->err);
}

static int flush_scores(struct trials_context *c)
{
    int rc = 0;
    if (c->n > 0)
        rc = restore_scores(c->restore, c->trial, c->half, c->scores, c->n, c->err);
    for (size_t i = 0; i < c->n; i++)
        mem_free((void *)(uintptr_t)c->scores[i].metric);
    c->n = 0;
    return rc;
}

static int on_score(void *ctx, int trial, const char *half_word, const struct store_score *row)
{
    struct trials_context *c = ctx;
    enum half half;
    if (!half_read(half_word, &half))
        return err_set(c->err, ERR_CORRUPT, "trial %d has scores of a half \"%s\"", trial, half_word);
    if (c->n > 0 && (trial != c->trial || half != c->half)) {
        int rc = flush_scores(c);
        if (rc)
            return rc;
    }
    if (c->n == SCORES_MAX)
        return err_set(c->err, ERR_CORRUPT, "trial %d has more than %d scores", trial, SCORES_MAX);
    c->trial = trial;
    c->half = half;
    c->scores[c->n++] = (struct score){mem_strdup(row->metric), row->mean, row->stderr_, row->n, NULL, 0};
    return 0;
}

static int on_event(void *ctx, const struct store_event *row)
{
    struct trials_context *c = ctx;
    struct search_event event = {.trial = row->trial,
                                 .share = row->share,
                                 .items = row->items,
                                 .means = row->means,
                                 .stderrs = row->stderrs};
    if (!event_kind_read(row->kind, &event.kind) || (row->m && row->m != c->m))
        return err_set(c->err, ERR_CORRUPT, "event %d (%s) has %d scores for %d objectives", row->seq,
                       row->kind, row->m, c->m);
    return restore_event(c->restore, row->seq, &event, c->err);
}

static int restore_search(struct context *c, struct search *search)
{
    struct trials_context *t = mem_zero(1, sizeof *t);
    t->restore = restore_begin(search);
    t->err = c->err;
    t->m = search->m;
    int rc = store_trial_each(c->store, search->id, on_trial, t, c->err);
    if (!rc)
        rc = store_scores_each(c->store, search->id, -1, false, on_score, t, c->err);
    int flushed = flush_scores(t); /* also after a failure: it frees */
    if (!rc)
        rc = flushed;
    if (!rc)
        rc = store_event_each(c->store, search->id, on_event, t, c->err);
    if (rc)
        restore_finish(t->restore, NULL);
    else
        rc = restore_finish(t->restore, c->err);
    mem_free(t);
    return rc ? err_prefix(c->err, rc, "search %lld of the database", (long long)search->id) : 0;
}

static int on_lease(void *ctx, const struct store_lease *row)
{
    struct context *c = ctx;
    struct lease lease = {.search = row->search, .trial = row->trial, .attempt = row->attempt};
    if (!lease_state_read(row->state, &lease.state) || !half_read(row->half, &lease.half))
        return err_set(c->err, ERR_CORRUPT, "lease %s of the database is in no state we know", row->token);
    struct search *search = sched_search(c->sched, row->search);
    if (!search || row->trial < 0 || row->trial >= search->plan.trials)
        return err_set(c->err, ERR_CORRUPT, "lease %s of the database is for a trial that is not there",
                       row->token);
    /* The row of a trial speaks of its search half only. */
    struct trial_job *job = &search->trials[row->trial].job[lease.half];
    if (lease.half == HALF_HELDOUT && (lease.state == LEASE_FAILED || lease.state == LEASE_EXPIRED) &&
        job->attempts < row->attempt) {
        job->attempts = row->attempt;
        text_replace(&job->reason, row->reason);
    }
    snprintf(lease.token, sizeof lease.token, "%s", row->token);
    snprintf(lease.worker, sizeof lease.worker, "%s", row->worker);
    lease.granted_us = c->now.us - (c->now.wall_us - row->granted_us);
    sched_restore_lease(c->sched, &lease);
    return 0;
}

int restore_all(struct store *store, struct sched *sched, struct facts_table *facts, struct now now,
                struct err *err)
{
    struct context c = {store, sched, facts, now, err};
    int rc = store_search_each(store, on_search, &c, err);
    for (int i = 0; i < sched->search_n && !rc; i++)
        rc = restore_search(&c, sched->search[i]);
    if (!rc)
        rc = store_lease_each(store, NULL, on_lease, &c, err);
    return rc;
}
