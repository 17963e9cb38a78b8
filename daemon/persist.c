#include "daemon/persist.h"

#include <assert.h>

static struct store_trial row_of(const struct search *search, const struct trial *trial)
{
    const struct trial_job *job = trial->job;
    return (struct store_trial){
        .search = search->id,
        .number = trial->number,
        .stream = trial->stream,
        .step = trial->step,
        .k = search->k,
        .ratios = search_ratios(search, trial->number),
        .state = trial_state_name(job[HALF_SEARCH].state),
        .attempts = job[HALF_SEARCH].attempts,
        .reason = job[HALF_SEARCH].reason,
        .heldout_state =
            job[HALF_HELDOUT].state == TRIAL_ABSENT ? NULL : trial_state_name(job[HALF_HELDOUT].state),
        .created_us = trial->created_us,
        .done_us = trial->done_us,
        .merge_s = trial->merge_s,
        .evaluate_s = trial->evaluate_s,
        .wall_s = trial->wall_s,
        .worker = trial->worker,
        .effective = trial->effective,
    };
}

/* How a trial came to be, into its row. */
static void put_origin(const struct origin *origin, struct store_trial *row)
{
    row->watermark = origin->watermark;
    row->path = path_name(origin->path);
    row->repeat_of = origin->repeat_of;
    row->gain = origin->gain;
}

static int add_trials(struct store *store, const struct sched_write *write, struct err *err)
{
    const struct search *search = write->search;
    for (int i = 0; i < write->add_n; i++) {
        int step = search->streams[write->add_stream].proposed + i;
        struct store_trial row = {.search = search->id,
                                  .number = search->plan.streams[write->add_stream].first + step,
                                  .stream = write->add_stream,
                                  .step = step,
                                  .k = search->k,
                                  .ratios = write->add_ratios + (size_t)i * (size_t)search->k,
                                  .state = trial_state_name(TRIAL_READY),
                                  .created_us = write->now.wall_us};
        put_origin(&write->add_origins[i], &row);
        int rc = store_trial_insert(store, &row, err);
        if (rc)
            return rc;
    }
    return 0;
}

static int update_trial(struct store *store, const struct sched_write *write,
                        const struct trial_change *change, struct err *err)
{
    const struct trial *trial = &write->search->trials[change->number];
    struct store_trial row = row_of(write->search, trial);
    if (trial->job[HALF_SEARCH].state == TRIAL_ABSENT) /* it comes into being in this write */
        row.created_us = write->now.wall_us;
    if (change->half == HALF_HELDOUT) {
        row.heldout_state = trial_state_name(change->to);
    } else {
        row.state = trial_state_name(change->to);
        row.attempts = change->attempts;
        row.reason = change->reason ? change->reason : row.reason;
    }
    if (change->half == HALF_SEARCH && (change->to == TRIAL_DONE || change->to == TRIAL_STOPPED)) {
        row.merge_s = write->result->merge_s;
        row.evaluate_s = write->result->evaluate_s;
        row.wall_s = write->wall_s;
        row.done_us = write->now.wall_us;
        row.effective = write->result->effective;
    }
    if (change == write->trials && write->worker)
        row.worker = write->worker;
    return store_trial_update(store, &row, err);
}

static int insert_scores(struct store *store, const struct sched_write *write, struct err *err)
{
    const struct trial_change *change = &write->trials[0];
    struct store_score rows[SCORES_MAX];
    assert(write->result->scores_n <= SCORES_MAX);
    for (size_t i = 0; i < write->result->scores_n; i++) {
        const struct score *s = &write->result->scores[i];
        rows[i] = (struct store_score){s->metric, s->mean, s->stderr_, s->n, s->items, s->items_n};
    }
    return store_scores_insert(store, write->search->id, change->number, half_name(change->half), rows,
                               write->result->scores_n, err);
}

static int insert_written(struct store *store, const struct sched_write *write, struct err *err)
{
    const struct store_written row = {.search = write->search->id,
                                      .trial = write->trials[0].number,
                                      .half = half_name(write->trials[0].half),
                                      .texts = write->result->written};
    return row.texts ? store_written_insert(store, &row, err) : 0;
}

static int insert_events(struct store *store, const struct sched_write *write, struct err *err)
{
    for (size_t i = 0; i < write->events_n; i++) {
        const struct search_event *event = &write->events[i];
        bool kept =
            event->kind == OPT_EVENT_SLICE || event->kind == OPT_EVENT_STOPPED; /* else: table score */
        struct store_event row = {.search = write->search->id,
                                  .seq = write->search->log.n + (int)i,
                                  .trial = event->trial,
                                  .kind = event_kind_name(event->kind),
                                  .share = event->share,
                                  .items = event->items,
                                  .means = kept ? event->means : NULL,
                                  .stderrs = kept ? event->stderrs : NULL,
                                  .m = kept ? write->search->m : 0};
        int rc = store_event_insert(store, &row, err);
        if (rc)
            return rc;
    }
    return 0;
}

static int change_leases(struct store *store, const struct sched_write *write, struct err *err)
{
    const struct lease *grant = write->grant;
    if (grant) {
        struct store_lease row = {.token = grant->token,
                                  .search = grant->search,
                                  .trial = grant->trial,
                                  .half = half_name(grant->half),
                                  .worker = grant->worker,
                                  .attempt = grant->attempt,
                                  .state = lease_state_name(LEASE_ACTIVE),
                                  .granted_us = write->now.wall_us};
        int rc = store_lease_insert(store, &row, err);
        if (rc)
            return rc;
    }
    for (size_t i = 0; i < write->leases_n; i++) {
        const struct lease_change *end = &write->leases[i];
        int rc = store_lease_end(store, end->token, lease_state_name(end->to), end->reason,
                                 write->now.wall_us, err);
        if (rc)
            return rc;
    }
    return 0;
}

/* Is the half over for good, or was the state perhaps what it failed on? */
static bool needs_no_state(const struct sched_write *write, const struct trial_change *change)
{
    bool failed = write->leases_n > 0 && write->leases[0].to == LEASE_FAILED;
    return trial_is_settled(change->to) || (change->to == TRIAL_READY && failed);
}

static int keep_state(struct store *store, const struct sched_write *write, int trial, struct err *err)
{
    struct store_partial row = {.search = write->search->id,
                                .trial = trial,
                                .slices_done = write->result->slices_done,
                                .slices = write->result->slices,
                                .state = write->result->state};
    for (size_t i = 0; i < write->events_n; i++)
        if (write->events[i].trial == trial)
            row.items = write->events[i].items;
    return store_partial_put(store, &row, err);
}

/* What stopped trials go on from. */
static int keep_states(struct store *store, const struct sched_write *write, struct err *err)
{
    int64_t id = write->search->id;
    if (write->new_state && search_state_is_final(write->state))
        return store_partial_drop(store, id, -1, err);
    int rc = 0;
    for (size_t i = 0; i < write->trials_n && !rc; i++) {
        const struct trial_change *change = &write->trials[i];
        if (change->half != HALF_SEARCH)
            continue;
        if (change->to == TRIAL_STOPPED && write->result->state)
            rc = keep_state(store, write, change->number, err);
        else if (write->search->trials[change->number].reopened && needs_no_state(write, change))
            rc = store_partial_drop(store, id, change->number, err);
    }
    return rc;
}

static int write_all(struct store *store, const struct sched_write *write, struct err *err)
{
    int rc = add_trials(store, write, err);
    for (size_t i = 0; i < write->trials_n && !rc; i++)
        rc = update_trial(store, write, &write->trials[i], err);
    bool done = write->result && write->trials[0].to == TRIAL_DONE;
    if (!rc && done)
        rc = insert_scores(store, write, err);
    if (!rc && done)
        rc = insert_written(store, write, err);
    if (!rc)
        rc = insert_events(store, write, err);
    if (!rc)
        rc = keep_states(store, write, err);
    if (!rc)
        rc = change_leases(store, write, err);
    if (!rc && write->new_state)
        rc = store_search_set_state(store, write->search->id, search_state_name(write->state), write->reason,
                                    search_state_is_final(write->state) ? write->now.wall_us : 0, err);
    if (!rc)
        rc = store_search_set_revision(store, write->search->id, write->revision, err);
    return rc;
}

int persist_write(struct store *store, const struct sched_write *write, struct err *err)
{
    int rc = store_begin(store, err);
    if (rc)
        return rc;
    rc = write_all(store, write, err);
    if (!rc)
        rc = store_commit(store, err);
    if (rc)
        store_rollback(store);
    return rc;
}

static int insert_given(struct store *store, const struct search *search, int64_t id, int i, int64_t wall_us,
                        struct err *err)
{
    const struct spec_given *given = search->spec.given;
    struct store_trial row = {.search = id,
                              .number = i,
                              .stream = search->trials[i].stream,
                              .step = search->trials[i].step,
                              .k = search->k,
                              .ratios = given->ratios + (size_t)i * (size_t)search->k,
                              .state = trial_state_name(TRIAL_DONE),
                              .created_us = wall_us,
                              .done_us = wall_us + i,
                              .worker = *given->sources[i] ? given->sources[i] : NULL};
    struct store_score scores[OPT_M_MAX];
    struct store_event event = {
        .search = id, .seq = i, .trial = i, .kind = event_kind_name(OPT_EVENT_DONE), .share = 1};
    put_origin(&origin_direct, &row);
    for (int j = 0; j < search->m; j++) {
        size_t at = (size_t)i * (size_t)search->m + (size_t)j;
        scores[j] = (struct store_score){.metric = search->spec.objectives[j].name,
                                         .mean = given->means[at],
                                         .stderr_ = given->stderrs[at]};
    }
    int rc = store_trial_insert(store, &row, err);
    if (!rc)
        rc = store_scores_insert(store, id, i, half_name(HALF_SEARCH), scores, (size_t)search->m, err);
    return rc ? rc : store_event_insert(store, &event, err);
}

int persist_given(struct store *store, const struct search *search, int64_t id, int64_t wall_us,
                  struct err *err)
{
    int rc = 0;
    for (int i = 0; search->spec.given && i < search->spec.given->n && !rc; i++)
        rc = insert_given(store, search, id, i, wall_us, err);
    return rc;
}
