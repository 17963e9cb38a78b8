/* WHAT   The front and the hypervolumes of one search, kept as its trials are done.
 * WHO    daemon/core/search feeds it; the views read it.
 * UNITS  Hypervolume in endpoint-normalised units: of the two ends of the sweep, the worse is 0 and the
 *        better 1 in every objective; reference -0.1 in each or the user's own. NaN = null (an endpoint is
 *        missing, m > 4).
 * MEMORY init/fini.
 * ERRORS None.
 * STATE  front: grows with each done trial. history and numbers: computed when asked for, kept by revision. */
#ifndef DAEMON_CORE_TALLY_H
#define DAEMON_CORE_TALLY_H

#include <stdbool.h>
#include <stdint.h>

struct search;

struct tally_numbers {
    double hypervolume, sweep_hypervolume;
    double heldout_hypervolume, heldout_sweep_hypervolume;
    bool has_heldout; /* the search is done and has held-out scores */
};

struct tally {
    int *front; /* [front_n] numbers of the non-dominated trials; equal points are all members */
    int front_n, front_cap;
    double *history; /* [history_n] hypervolume after the first i + 1 done trials; room for plan.trials */
    int history_n;
    int *history_front; /* [history_front_n] front at that moment */
    int history_front_n;
    int64_t revision; /* of numbers; -1 = none */
    struct tally_numbers numbers;
};

void tally_init(struct tally *tally);
void tally_fini(struct tally *tally);

/* The trial `number` of `search` is DONE now and its means are set. O(front). */
void tally_add(struct search *search, int number);
bool tally_on_front(const struct search *search, int number);

/* Kept until the revision changes. */
const struct tally_numbers *tally_numbers(struct search *search);
/* history[i]: hypervolume of the first i + 1 done trials, n of them; n = 0 while an endpoint is missing. */
const double *tally_history(struct search *search, int *n);

#endif
