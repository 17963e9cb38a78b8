#include "worker/shard.h"

struct shard shard_of(const struct search_spec *spec, int trial)
{
    switch (spec->strategy) {
    case STRATEGY_IDENTIFY:
        return shard_of_trials(spec->trials, trial);
    default:
        return (struct shard){.of = 1};
    }
}
