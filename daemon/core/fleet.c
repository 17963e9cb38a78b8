#include "daemon/core/fleet.h"

#include "daemon/core/trial.h"
#include "proto/mem.h"

#include <stdio.h>
#include <string.h>

void fleet_init(struct fleet *fleet, uint32_t boot)
{
    *fleet = (struct fleet){.boot = boot, .next = 1};
}

static void forgive_all(struct worker *worker)
{
    for (int i = 0; i < worker->refused_n; i++)
        mem_free(worker->refused[i].reason);
    mem_free(worker->refused);
    worker->refused = NULL;
    worker->refused_n = 0;
}

static void destroy(struct worker *worker)
{
    forgive_all(worker);
    mem_free(worker);
}

void fleet_fini(struct fleet *fleet)
{
    for (int i = 0; i < fleet->n; i++)
        destroy(fleet->worker[i]);
    mem_free(fleet->worker);
    *fleet = (struct fleet){0};
}

struct worker *fleet_register(struct fleet *fleet, const char *name, int slots, const char *version,
                              int64_t now_us)
{
    char short_name[WORKER_NAME_MAX];
    snprintf(short_name, sizeof short_name, "%s", name);
    struct worker *worker = fleet_by_name(fleet, short_name);
    if (!worker) {
        if (fleet->n == fleet->cap) {
            fleet->cap = fleet->cap ? 2 * fleet->cap : 8;
            fleet->worker = mem_grow(fleet->worker, (size_t)fleet->cap, sizeof(struct worker *));
        }
        worker = fleet->worker[fleet->n++] = mem_zero(1, sizeof *worker);
        snprintf(worker->id, sizeof worker->id, "w%d.%08x", fleet->next++, fleet->boot);
        snprintf(worker->name, sizeof worker->name, "%s", short_name);
    }
    snprintf(worker->version, sizeof worker->version, "%s", version);
    forgive_all(worker);
    worker->slots = slots;
    worker->seen_us = now_us;
    return worker;
}

struct worker *fleet_find(struct fleet *fleet, const char *id)
{
    for (int i = 0; i < fleet->n; i++)
        if (!strcmp(fleet->worker[i]->id, id))
            return fleet->worker[i];
    return NULL;
}

struct worker *fleet_by_name(struct fleet *fleet, const char *name)
{
    for (int i = 0; i < fleet->n; i++)
        if (!strcmp(fleet->worker[i]->name, name))
            return fleet->worker[i];
    return NULL;
}

void fleet_forget(struct fleet *fleet, const char *id)
{
    for (int i = 0; i < fleet->n; i++)
        if (!strcmp(fleet->worker[i]->id, id)) {
            destroy(fleet->worker[i]);
            memmove(fleet->worker + i, fleet->worker + i + 1,
                    (size_t)(fleet->n - i - 1) * sizeof *fleet->worker);
            fleet->n--;
            return;
        }
}

void fleet_tick(struct fleet *fleet, int64_t now_us, int64_t forget_us)
{
    int kept = 0;
    for (int i = 0; i < fleet->n; i++) {
        if (now_us - fleet->worker[i]->seen_us < forget_us)
            fleet->worker[kept++] = fleet->worker[i];
        else
            destroy(fleet->worker[i]);
    }
    fleet->n = kept;
}

static struct refusal *find_refusal(const struct worker *worker, int64_t search)
{
    for (int i = 0; i < worker->refused_n; i++)
        if (worker->refused[i].search == search)
            return &worker->refused[i];
    return NULL;
}

void worker_refuse(struct worker *worker, int64_t search, const char *reason)
{
    struct refusal *refusal = find_refusal(worker, search);
    if (!refusal) {
        size_t n = (size_t)worker->refused_n + 1;
        worker->refused = mem_grow(worker->refused, n, sizeof *worker->refused);
        refusal = &worker->refused[worker->refused_n++];
        *refusal = (struct refusal){.search = search};
    }
    text_replace(&refusal->reason, reason);
}

const char *worker_refusal(const struct worker *worker, int64_t search)
{
    const struct refusal *refusal = find_refusal(worker, search);
    return refusal ? refusal->reason : NULL;
}

void fleet_forgive(struct fleet *fleet, int64_t search)
{
    for (int i = 0; i < fleet->n; i++) {
        struct worker *worker = fleet->worker[i];
        struct refusal *refusal = find_refusal(worker, search);
        if (!refusal)
            continue;
        mem_free(refusal->reason);
        *refusal = worker->refused[--worker->refused_n];
    }
}
