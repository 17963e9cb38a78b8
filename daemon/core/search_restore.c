#include "daemon/core/search_restore.h"

#include "proto/mem.h"

#include <stdlib.h>
#include <string.h>

struct target {
    int number;
    enum trial_state state[HALVES_N];
    bool scored[HALVES_N];
    int64_t done_us;
};

struct restore {
    struct search *search;
    struct target *targets; /* [plan.trials], by number; number -1 = no record */
};

struct restore *restore_begin(struct search *search)
{
    struct restore *restore = mem_zero(1, sizeof *restore);
    restore->search = search;
    restore->targets = mem_zero((size_t)search->plan.trials, sizeof *restore->targets);
    for (int i = 0; i < search->plan.trials; i++)
        restore->targets[i].number = -1;
    return restore;
}

int restore_trial(struct restore *restore, const struct trial_record *record, struct err *err)
{
    struct search *search = restore->search;
    int s = record->stream;
    if (s < 0 || s >= search->plan.streams_n || record->step != search->streams[s].proposed ||
        record->step >= search->plan.streams[s].quota ||
        record->number != search->plan.streams[s].first + record->step || record->state == TRIAL_ABSENT)
        return err_set(err, ERR_CORRUPT, "trial %d of search %lld does not fit the plan of its strategy",
                       record->number, (long long)search->id);
    search_trial_add(search, s, record->ratios, &record->origin, record->created_us);
    struct trial *trial = &search->trials[record->number];
    trial->job[HALF_SEARCH].attempts = record->attempts;
    text_replace(&trial->job[HALF_SEARCH].reason, record->reason);
    text_replace(&trial->worker, record->worker);
    trial->done_us = record->done_us;
    trial->merge_s = record->merge_s;
    trial->evaluate_s = record->evaluate_s;
    trial->wall_s = record->wall_s;
    doubles_replace(&trial->effective, record->effective, (size_t)search->k);
    restore->targets[record->number] = (struct target){
        record->number, {record->state, record->heldout_state}, {false, false}, record->done_us};
    return 0;
}

/* The scores of a given trial are stored by objective: nobody knows of what they were made. */
static int restore_given(struct search *search, int number, const struct score *scores, size_t n,
                         struct err *err)
{
    size_t at = (size_t)number * (size_t)search->m;
    for (size_t j = 0; j < (size_t)search->m; j++) {
        size_t i = 0;
        while (i < n && strcmp(scores[i].metric, search->spec.objectives[j].name))
            i++;
        if (i == n)
            return err_set(err, ERR_CORRUPT, "given trial %d of search %lld has no score of objective \"%s\"",
                           number, (long long)search->id, search->spec.objectives[j].name);
        search->means[HALF_SEARCH][at + j] = scores[i].mean;
        search->stderrs[HALF_SEARCH][at + j] = scores[i].stderr_;
    }
    return 0;
}

int restore_scores(struct restore *restore, int number, enum half half, const struct score *scores, size_t n,
                   struct err *err)
{
    struct search *search = restore->search;
    if (number < 0 || number >= search->plan.trials || restore->targets[number].number < 0)
        return err_set(err, ERR_CORRUPT, "search %lld has scores of trial %d, which it has not",
                       (long long)search->id, number);
    size_t at = (size_t)number * (size_t)search->m;
    restore->targets[number].scored[half] = true;
    if (search->plan.streams[search->trials[number].stream].kind == OPT_GIVEN)
        return restore_given(search, number, scores, n, err);
    return search_objectives(search, scores, n, search->means[half] + at, search->stderrs[half] + at, err);
}

int restore_event(struct restore *restore, int seq, const struct search_event *event, struct err *err)
{
    struct search *search = restore->search;
    struct search_event known = *event;
    double minimised[OPT_M_MAX];
    bool scored = event->kind != OPT_EVENT_REOPENED && event->kind != OPT_EVENT_FAILED;
    if (seq != search->log.n || event->trial < 0 || event->trial >= search->plan.trials ||
        restore->targets[event->trial].number < 0)
        return err_set(err, ERR_CORRUPT, "event %d of search %lld does not fit the log of %d before it", seq,
                       (long long)search->id, search->log.n);
    if (event->kind == OPT_EVENT_DONE) {
        if (!restore->targets[event->trial].scored[HALF_SEARCH])
            return err_set(err, ERR_CORRUPT, "event %d of search %lld: trial %d is done but has no scores",
                           seq, (long long)search->id, event->trial);
        search_minimised(search, search_means(search, HALF_SEARCH, event->trial), minimised);
        known.means = minimised;
        known.stderrs = search_stderrs(search, HALF_SEARCH, event->trial);
    }
    if (scored != (known.means && known.stderrs))
        return err_set(err, ERR_CORRUPT, "event %d of search %lld (%s) has %s scores", seq,
                       (long long)search->id, event_kind_name(event->kind), scored ? "no" : "");
    search_event_add(search, &known);
    return 0;
}

static int by_completion(const void *a, const void *b)
{
    const struct target *x = a, *y = b;
    if (x->done_us != y->done_us)
        return x->done_us < y->done_us ? -1 : 1;
    return (x->number > y->number) - (x->number < y->number);
}

/* From READY to where the record says, along the table of moves. */
static void walk(struct search *search, int number, enum half half, enum trial_state to)
{
    if (to == TRIAL_QUARANTINED)
        search_trial_move(search, number, half, TRIAL_LEASED);
    if (to != TRIAL_READY)
        search_trial_move(search, number, half, to);
}

static int finish(struct restore *restore, struct err *err)
{
    struct search *search = restore->search;
    qsort(restore->targets, (size_t)search->plan.trials, sizeof *restore->targets, by_completion);
    for (int i = 0; i < search->plan.trials; i++) {
        const struct target *t = &restore->targets[i];
        if (t->number < 0)
            continue;
        for (int h = 0; h < HALVES_N; h++)
            if ((t->state[h] == TRIAL_DONE) != t->scored[h])
                return err_set(err, ERR_CORRUPT,
                               "trial %d of search %lld is %s but its %s half has %s scores", t->number,
                               (long long)search->id, trial_state_name(t->state[h]), half_name((enum half)h),
                               t->scored[h] ? "" : "no");
        walk(search, t->number, HALF_SEARCH, t->state[HALF_SEARCH]);
        if (t->state[HALF_SEARCH] == TRIAL_DONE)
            search->last_done_us = t->done_us;
        if (t->state[HALF_HELDOUT] == TRIAL_ABSENT)
            continue;
        if (t->state[HALF_SEARCH] != TRIAL_DONE)
            return err_set(err, ERR_CORRUPT, "trial %d of search %lld is held out before it is done",
                           t->number, (long long)search->id);
        search_trial_move(search, t->number, HALF_HELDOUT, TRIAL_READY);
        walk(search, t->number, HALF_HELDOUT, t->state[HALF_HELDOUT]);
    }
    int rc = search_log_check(search, err);
    return rc ? err_prefix(err, rc, "search %lld", (long long)search->id) : 0;
}

int restore_finish(struct restore *restore, struct err *err)
{
    int rc = finish(restore, err);
    mem_free(restore->targets);
    mem_free(restore);
    return rc;
}
