#include "daemon/core/trial.h"

#include "proto/mem.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define BIT(state) (1u << TRIAL_##state)

/* moves[from]: the states a half may go to. */
static const unsigned moves[TRIAL_STATES_N] = {
    [TRIAL_ABSENT] = BIT(READY),
    [TRIAL_READY] = BIT(LEASED) | BIT(DONE) | BIT(CANCELLED) | BIT(STOPPED),
    [TRIAL_LEASED] = BIT(READY) | BIT(DONE) | BIT(QUARANTINED) | BIT(CANCELLED) | BIT(STOPPED),
    [TRIAL_STOPPED] = BIT(READY),
};

static const char *const names[TRIAL_STATES_N] = {"absent",      "ready",     "leased", "done",
                                                  "quarantined", "cancelled", "stopped"};
static const char *const path_names[] = {[OPT_PATH_DIRECT] = "direct",
                                         [OPT_PATH_DESIGN] = "design",
                                         [OPT_PATH_MODEL] = "model",
                                         [OPT_PATH_REPEAT] = "repeat",
                                         [OPT_PATH_FILL] = "fill"};
const struct origin origin_direct = {0, OPT_PATH_DIRECT, -1, NAN};
static const char *const half_names[HALVES_N] = {"search", "heldout"};

void trial_fini(struct trial *trial)
{
    if (!trial)
        return;
    for (int h = 0; h < HALVES_N; h++)
        mem_free(trial->job[h].reason);
    mem_free(trial->worker);
    mem_free(trial->effective);
    *trial = (struct trial){0};
}

bool trial_may_move(enum trial_state from, enum trial_state to)
{
    return (moves[from] & (1u << to)) != 0;
}

void trial_move(struct trial *trial, enum half half, enum trial_state to)
{
    assert(trial_may_move(trial->job[half].state, to));
    assert(half == HALF_SEARCH ||
           (trial->job[HALF_SEARCH].state == TRIAL_DONE && to != TRIAL_STOPPED)); /* by (5) */
    trial->job[half].state = to;
}

bool trial_is_final(enum trial_state state)
{
    return state != TRIAL_ABSENT && moves[state] == 0;
}

bool trial_is_settled(enum trial_state state)
{
    return state == TRIAL_STOPPED || trial_is_final(state);
}

const char *trial_state_name(enum trial_state state)
{
    return names[state];
}

bool trial_state_read(const char *word, enum trial_state *out)
{
    for (int i = 0; i < TRIAL_STATES_N; i++)
        if (!strcmp(word, names[i])) {
            *out = (enum trial_state)i;
            return true;
        }
    return false;
}

const char *path_name(enum opt_path path)
{
    return path_names[path];
}

bool path_read(const char *word, enum opt_path *out)
{
    for (size_t i = 0; i < sizeof path_names / sizeof *path_names; i++)
        if (!strcmp(word, path_names[i])) {
            *out = (enum opt_path)i;
            return true;
        }
    return false;
}

const char *half_name(enum half half)
{
    return half_names[half];
}

bool half_read(const char *word, enum half *out)
{
    for (int i = 0; i < HALVES_N; i++)
        if (!strcmp(word, half_names[i])) {
            *out = (enum half)i;
            return true;
        }
    return false;
}

void doubles_replace(double **slot, const double *x, size_t n)
{
    double *copy = x ? mem_zero(n, sizeof *copy) : NULL; /* first: x may be *slot itself */
    if (copy)
        memcpy(copy, x, n * sizeof *copy);
    mem_free(*slot);
    *slot = copy;
}

void text_replace(char **slot, const char *text)
{
    char *copy = text ? mem_strdup(text) : NULL; /* first: text may be *slot itself */
    mem_free(*slot);
    *slot = copy;
}
