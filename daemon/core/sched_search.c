/* The life of a search as the scheduler leads it: proposals in, confirmation, end; pause, resume, cancel;
 * restart. */
#include "daemon/core/sched_internal.h"

#include "proto/mem.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int move(struct sched *sched, struct search *search, enum search_state to, struct now now,
                struct err *err)
{
    struct sched_write write = write_begin(search, now);
    write.new_state = true;
    write.state = to;
    write.reason = search->close_reason ? search->close_reason : search->reason;
    return write_commit(sched, search, &write, err);
}

static bool deserves_confirmation(const struct search *search, int number)
{
    const struct trial *trial = &search->trials[number];
    if (trial->job[HALF_SEARCH].state != TRIAL_DONE || trial->job[HALF_HELDOUT].state != TRIAL_ABSENT)
        return false;
    enum opt_kind kind = search->plan.streams[trial->stream].kind;
    return kind == OPT_SWEEP || kind == OPT_IDENTIFY || (kind != OPT_GIVEN && tally_on_front(search, number));
}

/* The front and the sweep are scored again on items the search has not seen. Who identifies sees those of this half too. */
static int confirm(struct sched *sched, struct search *search, struct now now)
{
    struct trial_change *changes = mem_zero((size_t)search->plan.trials, sizeof *changes);
    size_t n = 0;
    for (int i = 0; i < search->plan.trials; i++)
        if (deserves_confirmation(search, i))
            changes[n++] = (struct trial_change){i, HALF_HELDOUT, TRIAL_READY, 0, NULL};
    struct sched_write write = write_begin(search, now);
    write.trials = changes;
    write.trials_n = n;
    write.new_state = true;
    write.state = SEARCH_CONFIRMING;
    write.reason = search->close_reason;
    int rc = write_commit(sched, search, &write, NULL);
    mem_free(changes);
    if (!rc)
        sched->ops.wake(sched->ops.ctx);
    return rc;
}

/* What nobody works on yet is cancelled; `settles`: but for trials that go on. */
static int cancel_ready(struct sched *sched, struct search *search, const char *reason, bool settles,
                        struct now now)
{
    int ready = search->ready[HALF_SEARCH].n, n = 0;
    if (ready == 0 || (settles && search_ready_new(search) == 0))
        return 0;
    struct trial_change *changes = mem_zero((size_t)ready, sizeof *changes);
    for (int i = 0; i < ready; i++) {
        int number = search->ready[HALF_SEARCH].number[i];
        const struct trial *trial = &search->trials[number];
        if (!settles || !trial->reopened)
            changes[n++] = (struct trial_change){number, HALF_SEARCH, TRIAL_CANCELLED,
                                                 trial->job[HALF_SEARCH].attempts, reason};
    }
    struct sched_write write = write_begin(search, now);
    write.trials = changes;
    write.trials_n = (size_t)n;
    int rc = write_commit(sched, search, &write, NULL);
    mem_free(changes);
    return rc;
}

/* A budget is used up. settles: not so far that what is scored in part could not be completed. */
static int close_search(struct sched *sched, struct search *search, const char *reason, bool settles,
                        struct now now)
{
    char text[256];
    bool in_part = !settles && search->spec.screen > 0 &&
                   (search_may_complete(search) || search->count[HALF_SEARCH][TRIAL_LEASED] > 0 ||
                    search->ready[HALF_SEARCH].n > 0);
    int rc = cancel_ready(sched, search, reason, settles, now);
    if (rc)
        return rc;
    snprintf(text, sizeof text, "%s%s", reason,
             in_part ? "; trials that may belong on the front are scored in part" : "");
    if (!search->closed && (!settles || !search->settles))
        text_replace(&search->close_reason, text);
    search->settles = true;
    search->closed = search->closed || !settles;
    for (int s = 0; s < search->plan.streams_n; s++)
        proposals_clear(&search->streams[s].ready);
    return 0;
}

/* Closes what is spent; ERR_NOT_READY when there is nothing to close. */
static int close_spent(struct sched *sched, struct search *search, struct now now)
{
    char text[128];
    search_exhausted(search, now.us, text);
    bool settles = !*text && search->spec.screen > 0;
    if (!*text)
        search_spent(search, now.us, text);
    if (!*text)
        return ERR_NOT_READY;
    bool closed = settles ? search->settles : search->closed;
    int ready = settles ? search_ready_new(search)
                        : search->ready[HALF_SEARCH].n; /* a failed lease makes one ready again */
    return closed && ready == 0 ? ERR_NOT_READY : close_search(sched, search, text, settles, now);
}

static int fail(struct sched *sched, struct search *search, struct now now)
{
    const char *reason = "no trial could be scored";
    /* the first reason is as good as any: they are mostly the same */
    for (int i = 0; i < search->plan.trials; i++)
        if (search->trials[i].job[HALF_SEARCH].reason) {
            reason = search->trials[i].job[HALF_SEARCH].reason;
            break;
        }
    char *copy = mem_strdup(reason);
    int rc = write_stop(sched, search, SEARCH_FAILED, copy, now, NULL);
    mem_free(copy);
    return rc;
}

/* One step; 0 when it made one. */
static int advance_once(struct sched *sched, struct search *search, struct now now)
{
    if (search->state == SEARCH_CONFIRMING) {
        const int *count = search->count[HALF_HELDOUT];
        return count[TRIAL_READY] + count[TRIAL_LEASED] > 0 ? ERR_NOT_READY
                                                            : move(sched, search, SEARCH_DONE, now, NULL);
    }
    if (search->state != SEARCH_RUNNING)
        return ERR_NOT_READY;
    int rc = close_spent(sched, search, now);
    if (rc != ERR_NOT_READY)
        return rc;
    if (search_is_hopeless(search))
        return fail(sched, search, now);
    if (!search_half_complete(search))
        return ERR_NOT_READY;
    if (search_awaits_insight(search)) {
        sched->ops.learnt(sched->ops.ctx, search);
        return ERR_NOT_READY;
    }
    if (search->count[HALF_SEARCH][TRIAL_DONE] == 0)
        return fail(sched, search, now);
    return search->spec.held_out ? confirm(sched, search, now) : move(sched, search, SEARCH_DONE, now, NULL);
}

/* Proposals of modelled streams are held ready, not stored: they are made anew when more is known. */
static void fill_modelled(struct sched *sched, struct search *search, int want)
{
    for (int s = 0; s < search->plan.streams_n; s++)
        if (search_wants_model(search, s, want)) {
            search->streams[s].asking = want;
            sched->ops.ask(sched->ops.ctx, search, s, want);
        }
}

int sched_waiting(const struct sched *sched, const struct search *search)
{
    return search->spec.evaluator == EVALUATOR_EXTERNAL ? search->waiting : sched->waiting;
}

/* Keeps a job for every waiting poll and two in hand, so that a worker that comes finds one. */
void sched_fill(struct sched *sched, struct search *search)
{
    if (search->state != SEARCH_RUNNING || search->closed || search->settles)
        return;
    int want = sched_waiting(sched, search) + 2;
    fill_modelled(sched, search, want);
    for (;;) {
        int have = search->ready[HALF_SEARCH].n + search_asking(search);
        int s = have < want ? search_next_stream(search) : -1;
        if (s < 0)
            return;
        struct search_stream *stream = &search->streams[s];
        int left = search->plan.streams[s].quota - stream->proposed;
        int n = search->plan.streams[s].adaptive ? 1 : want - have < left ? want - have : left;
        stream->asking = n;
        stream->asked_done = search_known(search, s);
        sched->ops.ask(sched->ops.ctx, search, s, n);
    }
}

void sched_more(struct sched *sched)
{
    for (int i = 0; i < sched->search_n; i++)
        sched_fill(sched, sched->search[i]);
}

void sched_advance(struct sched *sched, struct search *search, struct now now)
{
    while (advance_once(sched, search, now) == 0)
        ;
    sched_fill(sched, search);
}

void sched_proposed(struct sched *sched, int64_t id, int stream, const double *ratios,
                    const struct origin *origins, int n, int rc, const char *why, struct now now)
{
    struct search *search = sched_search(sched, id);
    assert(search && search->streams[stream].asking >= n);
    struct search_stream *state = &search->streams[stream];
    state->asking = 0;
    if (search_state_is_final(search->state) || search->closed || search->settles)
        return;
    struct sched_write write = write_begin(search, now);
    write.add_stream = stream;
    write.add_n = n;
    write.add_ratios = ratios;
    write.add_origins = origins;
    if (n > 0 && write_commit(sched, search, &write, NULL))
        return; /* not durable: a tick asks again and gets the same */
    if (rc == ERR_NOT_READY)
        state->blocked_done = state->asked_done;
    else if (rc) {
        assert(state->proposed < search->plan.streams[stream].quota);
        state->dropped = true; /* not stored: the same question gets the same answer after a restart */
        text_replace(
            &search->trials[search->plan.streams[stream].first + state->proposed].job[HALF_SEARCH].reason,
            why);
    }
    if (n > 0)
        sched->ops.wake(sched->ops.ctx);
    sched_advance(sched, search, now);
}

void sched_prepared(struct sched *sched, int64_t id, int stream, const struct model_ask *ask,
                    const double *ratios, const struct origin *origins, int n, int rc, const char *why,
                    struct now now)
{
    struct search *search = sched_search(sched, id);
    assert(search && search->streams[stream].asking > 0);
    struct search_stream *state = &search->streams[stream];
    state->asking = 0;
    if (search_state_is_final(search->state) || search->closed || search->settles)
        return;
    search_ask_end(search, stream, ask, ratios, origins, n);
    if (rc == ERR_NOT_READY && n == 0)
        state->blocked_done = ask->watermark;
    else if (rc && rc != ERR_NOT_READY && n == 0) {
        state->dropped = true; /* not stored: the same question gets the same answer after a restart */
        text_replace(
            &search->trials[search->plan.streams[stream].first + state->proposed].job[HALF_SEARCH].reason,
            why);
    }
    sched->ops.wake(sched->ops.ctx); /* whatever came: nobody is held for it any more */
    sched_advance(sched, search, now);
}

void sched_looked(struct sched *sched, int64_t id, int watermark, struct now now)
{
    struct search *search = sched_search(sched, id);
    assert(search && watermark <= search->log.n);
    search->looked = watermark;
    if (!search_state_is_final(search->state))
        sched_advance(sched, search, now);
}

static int find(struct sched *sched, int64_t id, struct search **out, struct err *err)
{
    *out = sched_search(sched, id);
    return *out ? 0 : err_set(err, ERR_NOT_FOUND, "there is no search %lld", (long long)id);
}

static int refuse(const struct search *search, const char *verb, struct err *err)
{
    return err_set(err, ERR_CONFLICT, "search %lld is %s and cannot be %s", (long long)search->id,
                   search_state_name(search->state), verb);
}

int sched_pause(struct sched *sched, int64_t id, struct now now, struct err *err)
{
    struct search *search;
    int rc = find(sched, id, &search, err);
    if (rc)
        return rc;
    if (!search_may_move(search->state, SEARCH_PAUSED))
        return refuse(search, "paused", err);
    return move(sched, search, SEARCH_PAUSED, now, err);
}

int sched_resume(struct sched *sched, int64_t id, struct now now, struct err *err)
{
    struct search *search;
    int rc = find(sched, id, &search, err);
    if (rc)
        return rc;
    if (search->state != SEARCH_PAUSED)
        return refuse(search, "resumed", err);
    rc = move(sched, search, search_is_confirmed(search) ? SEARCH_CONFIRMING : SEARCH_RUNNING, now, err);
    if (rc)
        return rc;
    fleet_forgive(&sched->fleet, id);
    sched_advance(sched, search, now);
    sched->ops.wake(sched->ops.ctx);
    return 0;
}

int sched_cancel(struct sched *sched, int64_t id, struct now now, struct err *err)
{
    struct search *search;
    int rc = find(sched, id, &search, err);
    if (rc)
        return rc;
    if (!search_may_move(search->state, SEARCH_CANCELLED))
        return refuse(search, "cancelled", err);
    return write_stop(sched, search, SEARCH_CANCELLED, NULL, now, err);
}

void sched_restore_lease(struct sched *sched, const struct lease *lease)
{
    const struct search *search = sched_search(sched, lease->search);
    if (!search || lease->trial >= search->plan.trials)
        return;
    enum trial_state state = search->trials[lease->trial].job[lease->half].state;
    if ((state != TRIAL_READY && state != TRIAL_LEASED) || lease->state == LEASE_DONE)
        return; /* done: with its result the trial was stopped, and it has been reopened since */
    lease_add(&sched->leases, lease)->length_s = lease_token_length(lease->token);
}

/* By transaction a leased half has its lease; a database mended by hand may not. Runs before anything is
 * given out. */
static void mend_leases(struct sched *sched, struct search *search)
{
    for (int i = 0; i < search->plan.trials; i++)
        for (int h = 0; h < HALVES_N; h++)
            if (search->trials[i].job[h].state == TRIAL_LEASED &&
                !lease_active(&sched->leases, search->id, i, (enum half)h))
                search_trial_move(search, i, (enum half)h, TRIAL_READY);
}

void sched_start(struct sched *sched, struct now now)
{
    for (int i = 0; i < sched->leases.n; i++) { /* whoever still works on it may deliver */
        struct lease *lease = sched->leases.lease[i];
        lease->deadline_us = now.us + lease_length_us(sched, lease);
    }
    for (int i = 0; i < sched->search_n; i++)
        mend_leases(sched, sched->search[i]);
    for (int i = 0; i < sched->search_n; i++)
        if (!search_state_is_final(sched->search[i]->state))
            sched_advance(sched, sched->search[i], now);
    sched->ops.wake(sched->ops.ctx);
}

void sched_check(struct sched *sched)
{
    for (int i = 0; i < sched->search_n; i++) {
        const struct search *search = sched->search[i];
        search_check(search);
        for (int t = 0; t < search->plan.trials; t++)
            for (int h = 0; h < HALVES_N; h++) { /* trial.h (3) */
                bool leased = search->trials[t].job[h].state == TRIAL_LEASED;
                assert(leased == (lease_active(&sched->leases, search->id, t, (enum half)h) != NULL));
            }
    }
}
