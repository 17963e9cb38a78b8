#include "worker/stop.h"

#include <stddef.h>
#include <time.h>

double stop_now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void stop_init(struct stop *stop, const atomic_bool *cancel, double limit_s)
{
    *stop = (struct stop){.cancel = cancel, .limit_s = limit_s};
    if (limit_s > 0)
        stop->deadline_s = stop_now_s() + limit_s;
}

int stop_check(const struct stop *stop, struct err *err)
{
    if (!stop)
        return 0;
    if (stop->cancel && atomic_load_explicit(stop->cancel, memory_order_relaxed))
        return err_set(err, ERR_CANCELLED, "the evaluation was cancelled");
    if (stop->enough && atomic_load_explicit(stop->enough, memory_order_relaxed))
        return err_set(err, ERR_CANCELLED, "the evaluation need not go on");
    if (stop->limit_s > 0 && stop_now_s() > stop->deadline_s)
        return err_set(err, ERR_TIMEOUT, "the evaluation took longer than time_limit_s %g", stop->limit_s);
    return 0;
}

int stop_tick(void *cancel, uint64_t done_bytes, uint64_t total_bytes)
{
    (void)done_bytes;
    (void)total_bytes;
    return cancel && atomic_load((const atomic_bool *)cancel);
}
