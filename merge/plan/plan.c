#include "merge/plan/plan.h"

#include "merge/plan/plan_internal.h"
#include "proto/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int plan_make(const struct search_spec *spec, const struct checkpoint *base, const struct checkpoint *tuned,
              struct plan **out, struct err *err)
{
    struct plan *plan = mem_zero(1, sizeof *plan);
    *out = NULL;
    int rc = plan_list(plan, spec, base, tuned, err);
    if (!rc)
        rc = plan_assign(plan, spec, err);
    if (rc) {
        plan_free(plan);
        return rc;
    }
    *out = plan;
    return 0;
}

void plan_free(struct plan *plan)
{
    if (!plan)
        return;
    mem_free(plan->entries);
    mem_free(plan->dropped);
    mem_free(plan->names);
    mem_free(plan);
}

static int by_tensor(const void *key, const void *entry)
{
    return strcmp(key, ((const struct plan_entry *)entry)->tensor);
}

const struct plan_entry *plan_find(const struct plan *plan, const char *tensor)
{
    return bsearch(tensor, plan->entries, plan->entries_n, sizeof *plan->entries, by_tensor);
}

double plan_ratio(const struct plan *plan, const struct plan_entry *entry, const double *ratios)
{
    if (entry->group >= 0) {
        assert(entry->group < plan->ratios_n);
        return ratios[entry->group];
    }
    if (entry->group == PLAN_BASE)
        return 0;
    if (entry->group == PLAN_TUNED)
        return 1;
    double sum = 0;
    for (int i = 0; i < plan->groups_n; i++)
        sum += ratios[i];
    return sum / plan->groups_n;
}
