/* daemon/core/history.h: a copy that is kept and brought up to date says what a new one says. */
#include "core.h"

#include "optimizer/optimizer.h"

#define TRIALS 100

static void same_doubles(const double *a, const double *b, int n)
{
    for (int i = 0; i < n; i++)
        if (a[i] != b[i] && !(isnan(a[i]) && isnan(b[i])))
            fail_msg("%d: %g is not %g", i, a[i], b[i]);
}

static void same(const struct search *search, const struct opt_history *a, const struct opt_history *b)
{
    assert_int_equal(a->n, b->n);
    for (int i = 0; i < a->n; i++) {
        assert_int_equal(a->state[i], b->state[i]);
        if (a->state[i] != OPT_ABSENT)
            same_doubles(a->ratios + i * search->k, b->ratios + i * search->k, search->k);
        if (a->state[i] == OPT_DONE)
            same_doubles(a->scores + i * search->m, b->scores + i * search->m, search->m);
    }
    assert_int_equal(a->events_n, b->events_n);
    for (int i = 0; i < a->events_n; i++) {
        const struct opt_event *x = &a->event[i], *y = &b->event[i];
        assert_true(x->trial == y->trial && x->kind == y->kind && x->share == y->share);
        assert_int_equal(x->means == NULL, y->means == NULL);
        if (!x->means)
            continue;
        same_doubles(x->means, y->means, search->m);
        same_doubles(x->stderrs, y->stderrs, search->m);
    }
}

/* What a job does to its copy. */
static void mess_up(const struct search *search, struct history *kept, struct rng *rng)
{
    for (int i = 0; i < kept->known.n; i++)
        if (kept->state[i] == OPT_ABSENT && rng_uniform(rng) < 0.3) {
            kept->state[i] = OPT_PENDING;
            for (int j = 0; j < search->k; j++)
                kept->ratios[i * search->k + j] = NAN;
        }
    if (rng_uniform(rng) < 0.5)
        history_cut(kept, &search->plan, search->plan.streams_n - 1,
                    search->plan.streams[search->plan.streams_n - 1].first, kept->known.events_n / 2);
}

/* One thing happens to one trial. */
static void happen(struct search *search, struct rng *rng)
{
    int s = (int)(rng_uniform(rng) * search->plan.streams_n);
    const double x[2] = {rng_uniform(rng), rng_uniform(rng)};
    if (search->streams[s].proposed < search->plan.streams[s].quota && rng_uniform(rng) < 0.5) {
        search_trial_add(search, s, x, &origin_direct, 1);
        return;
    }
    int number = search_next_ready(search, HALF_SEARCH);
    if (number < 0)
        return;
    struct search_event event = {.trial = number, .share = 1, .means = x, .stderrs = x};
    search_trial_move(search, number, HALF_SEARCH, TRIAL_LEASED);
    double chance = rng_uniform(rng);
    if (chance < 0.1) {
        search_trial_move(search, number, HALF_SEARCH, TRIAL_QUARANTINED);
        event = (struct search_event){.trial = number, .kind = OPT_EVENT_FAILED};
    } else if (chance < 0.6) {
        search_trial_move(search, number, HALF_SEARCH, TRIAL_READY);
        event.kind = OPT_EVENT_SLICE;
        event.share = 0.5;
    } else {
        memcpy(search->means[HALF_SEARCH] + number * search->m, x, sizeof x);
        search_trial_move(search, number, HALF_SEARCH, TRIAL_DONE);
        event.kind = OPT_EVENT_DONE;
    }
    search_event_add(search, &event);
}

static void test_a_kept_copy_is_a_new_one(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct search *search = core_search(1, STRATEGY_BAYES, 5, TRIALS);
        struct history kept = {0};
        struct rng rng;
        rng_seed(&rng, seed, 0);
        for (int i = 0; i < 6 * TRIALS; i++) {
            happen(search, &rng);
            if (rng_uniform(&rng) < 0.5)
                continue; /* several things at a time */
            struct history fresh = {0};
            search_history(search, &fresh);
            search_history(search, &kept);
            same(search, &kept.known, &fresh.known);
            history_fini(&fresh);
            mess_up(search, &kept, &rng);
        }
        assert_true(search->log.n > 64); /* it had to grow */
        history_fini(&kept);
        search_destroy(search);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_kept_copy_is_a_new_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
