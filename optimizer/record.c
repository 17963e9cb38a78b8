#include "optimizer/record.h"

#include "proto/mem.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* NLopt's models square what they are shown, so nothing near the largest double may reach it. */
#define VALUE_MAX 1e100

static uint32_t hash_ratios(const double *ratios, int k)
{
    uint64_t h = 0x9e3779b97f4a7c15u;
    for (int i = 0; i < k; i++) {
        uint64_t bits;
        memcpy(&bits, &ratios[i], sizeof bits);
        h = (h ^ bits) * 0xff51afd7ed558ccdu;
        h ^= h >> 32;
    }
    return (uint32_t)h;
}

static uint32_t find_slot(const struct record *record, const double *ratios)
{
    uint32_t slot = hash_ratios(ratios, record->k) & (record->slots_n - 1);
    while (record->slots[slot] >= 0 &&
           memcmp(record->ratios[record->slots[slot]], ratios, sizeof *ratios * (size_t)record->k) != 0)
        slot = (slot + 1) & (record->slots_n - 1);
    return slot;
}

int record_find(const struct record *record, const double *ratios)
{
    return record->slots[find_slot(record, ratios)];
}

static double tame(double value)
{
    return isnan(value) ? VALUE_MAX : value > VALUE_MAX ? VALUE_MAX : value < -VALUE_MAX ? -VALUE_MAX : value;
}

/* The first entry with given ratios keeps them: a later equal one is only a repeat. */
static void add(struct record *record, int entry, const double *ratios, double value)
{
    record->ratios[entry] = ratios;
    record->values[entry] = value;
    uint32_t slot = find_slot(record, ratios);
    if (record->slots[slot] < 0)
        record->slots[slot] = entry;
}

struct filling {
    const struct opt_history *history;
    int k, m;
    record_value *value;
    const void *arg;
    bool any;
    double worst; /* of the done trials so far */
};

static double value_of(struct filling *f, int number)
{
    if (f->history->state[number] == OPT_FAILED)
        return f->any ? f->worst : 0;
    double value = tame(f->value(f->arg, &f->history->scores[(size_t)number * (size_t)f->m]));
    f->worst = f->any ? fmax(f->worst, value) : value;
    f->any = true;
    return value;
}

static const double *ratios_of(const struct filling *f, int number)
{
    return &f->history->ratios[(size_t)number * (size_t)f->k];
}

static int check_ready(const struct opt_plan *plan, const struct opt_history *history, int stream, int *own_n,
                       struct err *err)
{
    for (int s = 0; s < plan->streams_n; s++) {
        const struct opt_stream *st = &plan->streams[s];
        for (int i = st->first; st->phase == 0 && i < st->first + st->quota; i++)
            if (history->state[i] != OPT_DONE && history->state[i] != OPT_FAILED)
                return err_set(err, ERR_NOT_READY, "the sweep is not complete: trial %d has no result yet",
                               i);
    }
    const struct opt_stream *own = &plan->streams[stream];
    for (*own_n = 0; *own_n < own->quota; ++*own_n) {
        enum opt_state state = history->state[own->first + *own_n];
        if (state == OPT_ABSENT)
            return 0;
        if (state == OPT_PENDING)
            return err_set(err, ERR_NOT_READY, "trial %d has no result yet, and stream %d builds on it",
                           own->first + *own_n, stream);
    }
    return err_set(err, ERR_NOT_READY, "stream %d has used up its %d trials", stream, own->quota);
}

static void fill(struct record *record, const struct opt_plan *plan, struct filling *f, int own_first)
{
    int entry = 0;
    /* First pass: the worst value of phase 0, so that its failed trials have one whatever the order. */
    for (int pass = 0; pass < 2; pass++) {
        entry = 0;
        for (int s = 0; s < plan->streams_n; s++) {
            const struct opt_stream *st = &plan->streams[s];
            for (int i = st->first; st->phase == 0 && i < st->first + st->quota; i++) {
                double value = value_of(f, i);
                if (pass == 1)
                    add(record, entry++, ratios_of(f, i), value);
            }
        }
    }
    for (int i = 0; i < record->own_n; i++)
        add(record, entry++, ratios_of(f, own_first + i), value_of(f, own_first + i));
}

int record_init(struct record *record, const struct opt_problem *problem, const struct opt_plan *plan,
                const struct opt_history *history, int stream, record_value *value, const void *arg,
                struct err *err)
{
    *record = (struct record){.k = problem->k};
    int rc = check_ready(plan, history, stream, &record->own_n, err);
    if (rc)
        return rc;
    for (int s = 0; s < plan->streams_n; s++)
        if (plan->streams[s].phase == 0)
            record->base_n += plan->streams[s].quota;
    size_t n = (size_t)record->base_n + (size_t)record->own_n + 1;
    for (record->slots_n = 16; record->slots_n < 2 * n; record->slots_n *= 2)
        ;
    record->ratios = mem_zero(n, sizeof *record->ratios);
    record->values = mem_zero(n, sizeof *record->values);
    record->slots = mem_zero(record->slots_n, sizeof *record->slots);
    for (uint32_t i = 0; i < record->slots_n; i++)
        record->slots[i] = -1;
    struct filling f = {history, problem->k, problem->m, value, arg, false, 0};
    fill(record, plan, &f, plan->streams[stream].first);
    return 0;
}

void record_fini(struct record *record)
{
    if (!record)
        return;
    mem_free(record->ratios);
    mem_free(record->values);
    mem_free(record->slots);
    *record = (struct record){0};
}

enum record_answer record_ask(struct record *record, const double *ratios, double *value)
{
    int entry = record_find(record, ratios);
    if (entry >= 0) {
        *value = record->values[entry];
        int own = entry - record->base_n;
        if (own >= record->cursor) {
            record->cursor = own + 1;
            record->diverged = false;
        }
        return RECORD_KNOWN;
    }
    if (record->cursor == record->own_n || record->diverged)
        return RECORD_NEW;
    record->diverged = true;
    return RECORD_DIVERGED;
}
