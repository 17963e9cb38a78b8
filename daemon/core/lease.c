#include "daemon/core/lease.h"

#include "proto/mem.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *const names[LEASE_STATES_N] = {"active", "done", "failed", "expired", "released"};

void lease_table_fini(struct lease_table *table)
{
    for (int i = 0; i < table->n; i++)
        mem_free(table->lease[i]);
    mem_free(table->lease);
    *table = (struct lease_table){0};
}

void lease_token_write(struct lease *lease, uint64_t chance)
{
    int n = snprintf(lease->token, sizeof lease->token, "%" PRId64 "-%d-%c-%d-%016" PRIx64, lease->search,
                     lease->trial, lease->half == HALF_SEARCH ? 's' : 'h', lease->attempt, chance);
    if (lease->length_s > 0)
        n += snprintf(lease->token + n, sizeof lease->token - (size_t)n, "-%d", lease->length_s);
    assert(n > 0 && n < LEASE_TOKEN_MAX);
}

/* Reads "SEARCH-TRIAL-HALF-ATTEMPT-CHANCE", with or without "-SECONDS" (else 0) behind it. */
static bool scan(const char *token, int64_t *search, int *trial, char *letter, int *length_s)
{
    char end;
    int attempt, used = 0;
    uint64_t chance;
    *length_s = 0;
    if (strlen(token) >= LEASE_TOKEN_MAX || sscanf(token, "%9" SCNd64 "-%9d-%c-%9d-%16" SCNx64 "%n", search,
                                                   trial, letter, &attempt, &chance, &used) != 5)
        return false;
    return !token[used] || (sscanf(token + used, "-%9d%c", length_s, &end) == 1 && *length_s > 0);
}

int lease_token_length(const char *token)
{
    int64_t search;
    int trial, length_s;
    char letter;
    return scan(token, &search, &trial, &letter, &length_s) ? length_s : 0;
}

bool lease_token_read(const char *token, int64_t *search, int *trial, enum half *half)
{
    int length_s;
    char letter;
    if (!scan(token, search, trial, &letter, &length_s))
        return false;
    *half = letter == 's' ? HALF_SEARCH : HALF_HELDOUT;
    return *search >= 0 && *trial >= 0 && (letter == 's' || letter == 'h');
}

struct lease *lease_add(struct lease_table *table, const struct lease *lease)
{
    if (table->n == table->cap) {
        table->cap = table->cap ? 2 * table->cap : 16;
        table->lease = mem_grow(table->lease, (size_t)table->cap, sizeof(struct lease *));
    }
    return table->lease[table->n++] = mem_copy(lease, sizeof *lease);
}

struct lease *lease_find(struct lease_table *table, const char *token)
{
    for (int i = 0; i < table->n; i++)
        if (!strcmp(table->lease[i]->token, token))
            return table->lease[i];
    return NULL;
}

struct lease *lease_active(struct lease_table *table, int64_t search, int trial, enum half half)
{
    for (int i = 0; i < table->n; i++) {
        struct lease *l = table->lease[i];
        if (l->state == LEASE_ACTIVE && l->search == search && l->trial == trial && l->half == half)
            return l;
    }
    return NULL;
}

int lease_of_worker(struct lease_table *table, const char *worker, struct lease **oldest)
{
    int n = 0;
    struct lease *first = NULL;
    for (int i = 0; i < table->n; i++) {
        struct lease *l = table->lease[i];
        if (l->state != LEASE_ACTIVE || strcmp(l->worker, worker))
            continue;
        n++;
        if (!first || l->deadline_us < first->deadline_us)
            first = l;
    }
    if (oldest)
        *oldest = first;
    return n;
}

void lease_drop_job(struct lease_table *table, int64_t search, int trial, enum half half)
{
    int kept = 0;
    for (int i = 0; i < table->n; i++) {
        struct lease *l = table->lease[i];
        if (l->search == search && l->trial == trial && l->half == half)
            mem_free(l);
        else
            table->lease[kept++] = l;
    }
    table->n = kept;
}

const char *lease_state_name(enum lease_state state)
{
    return names[state];
}

bool lease_state_read(const char *word, enum lease_state *out)
{
    for (int i = 0; i < LEASE_STATES_N; i++)
        if (!strcmp(word, names[i])) {
            *out = (enum lease_state)i;
            return true;
        }
    return false;
}
