/* WHAT   The steps of plan_make: which tensors there are, then which ratio each gets.
 * WHO    merge/plan/plan*.c alone.
 * UNITS  None.
 * MEMORY What they put into the plan is freed by plan_free, also after a failure.
 * ERRORS ERR_INVALID, ERR_IO, ERR_CORRUPT; the sentence names field or tensor.
 * STATE  None. */
#ifndef MERGE_PLAN_INTERNAL_H
#define MERGE_PLAN_INTERNAL_H

#include "merge/plan/plan.h"

/* Compares the checkpoints tensor by tensor; fills in entries (without groups), dropped and layers_n. */
int plan_list(struct plan *plan, const struct search_spec *spec, const struct checkpoint *base,
              const struct checkpoint *tuned, struct err *err);

/* Gives every entry its group; fills in names, groups_n and ratios_n. */
int plan_assign(struct plan *plan, const struct search_spec *spec, struct err *err);

#endif
