/* WHAT   The two checkpoints of a search, opened on this machine, and their plan.
 * WHO    plan, export.
 * UNITS  None.
 * MEMORY open/close; the plan borrows from the checkpoints.
 * ERRORS Codes of merge/files/checkpoint.h and merge/plan/plan.h; ERR_UNSUPPORTED for a search without checkpoints.
 * STATE  Immutable after open. */
#ifndef CLIENT_PAIR_H
#define CLIENT_PAIR_H

#include "merge/plan/plan.h"

struct pair {
    struct checkpoint *base, *tuned;
    struct plan *plan;
};

int pair_open(const struct search_spec *spec, struct pair *pair, struct err *err);
void pair_close(struct pair *pair);

/* Compares the plan with one from the daemon (plan_write's JSON). ERR_CONFLICT names the first place where they
 * differ. A plan stored by a former version lacks "dropped" and some members of its tensors, and lists what is dropped
 * now as tensors: that is no difference. */
int pair_check(const struct pair *pair, const struct json *theirs, struct err *err);

#endif
