/* WHAT   What is known of each search's pair beside its plan: which checkpoints they are, and what to be warned of.
 * WHO    submit.c and restore.c fill it; api_*.c and views.c read it.
 * UNITS  None.
 * MEMORY init by zero; facts_fini. Pointers are good until the next facts_add.
 * ERRORS None: what cannot be read is not known.
 * STATE  One entry a search that has a report or digests; in memory, read again from the database at a start. */
#ifndef DAEMON_FACTS_H
#define DAEMON_FACTS_H

#include "merge/files/hash.h"
#include "proto/json.h"

struct facts {
    int64_t search;
    char base[HASH_TEXT_MAX], tuned[HASH_TEXT_MAX]; /* digests; "" = not known */
    char *warnings; /* JSON members "{field,text},{field,text}"; NULL = none */
};

struct facts_table {
    struct facts *facts; /* [n], ascending search */
    size_t n;
};

/* preflight: what preflight_write wrote; digests: what preflight_write_digests wrote. Both may be NULL. Searches come
 * in ascending order. */
void facts_add(struct facts_table *table, int64_t search, const char *preflight, const char *digests);
/* NULL: nothing is known. */
const struct facts *facts_find(const struct facts_table *table, int64_t search);
bool facts_have_digests(const struct facts *facts); /* false for NULL */
void facts_fini(struct facts_table *table);

#endif
