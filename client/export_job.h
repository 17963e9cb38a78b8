/* WHAT   One export: what is asked for, the pair here, and the vectors that are written.
 * WHO    commands_export.c, which runs the parts below in their order; the parts are export_*.c.
 * UNITS  Bytes. Ratio = weight of tuned.
 * MEMORY The caller's struct, zeroed; export_job_fini.
 * ERRORS Functions that give an int give an exit code (enum client_exit) and have said the sentence when it is not
 *        CLIENT_OK.
 * STATE  asked -> read (vectors, names) -> opened (pair, plan) -> checked (digests) -> written. */
#ifndef CLIENT_EXPORT_JOB_H
#define CLIENT_EXPORT_JOB_H

#include "client/args.h"
#include "client/client.h"
#include "client/pair.h"
#include "merge/files/digest.h"
#include "merge/output/export.h"

#define EXPORT_TRIALS_MAX 64 /* in one pass over the pair */

/* One vector of ratios and where it goes. */
struct export_item {
    int64_t trial;   /* -1: a recipe's */
    char state[16];  /* of the trial; "" for a recipe */
    char *directory; /* NULL with a recipe that is printed */
    double *ratios, *effective;
    size_t ratios_n; /* as the daemon has them; the plan must have as many */
    struct export_score scores[SPEC_OBJECTIVES_MAX];
    char score_names[SPEC_OBJECTIVES_MAX][64];
    size_t scores_n;
};

struct export_job {
    /* asked */
    const char *out;                    /* --out, or NULL */
    const char *base_here, *tuned_here; /* --base, --tuned, or NULL */
    const char *recipe_file;            /* --from-yaml, or NULL: then a search's */
    struct export_options options;
    int64_t id;
    /* read */
    struct search_spec *spec;           /* with a search: its, but the models are paths here */
    char *base, *tuned;                 /* as search or recipe names them */
    const char *base_read, *tuned_read; /* the directories that were opened */
    struct recipe *recipe;
    struct export_item *items; /* [items_n] */
    size_t items_n;
    bool made_out; /* DIR of several trials did not exist */
    /* opened, checked */
    struct pair pair;
    char base_digest[HASH_TEXT_MAX], tuned_digest[HASH_TEXT_MAX];
};

void export_job_fini(struct export_job *job);
/* A new item at the end, zeroed but for trial. */
struct export_item *export_job_add(struct export_job *job, int64_t trial);

/* export_trials.c: the search and its trials, from the daemon; the pair of both and what the daemon knows of it. */
int export_read_trials(struct client *client, struct export_job *job);
int export_open_pair(struct client *client, struct export_job *job);
/* Of the pair here, for the lineage; a search's are held against those that the daemon keeps. */
int export_check_digests(struct client *client, struct export_job *job);

/* export_recipe.c: a linear recipe of mergekit, its pair and its one vector; and a trial as such a recipe. */
int export_read_recipe(struct client *client, struct export_job *job);
int export_write_mergekit(struct client *client, struct export_job *job);

/* export_write.c: the directories, in one pass; then what was written. */
int export_write(struct client *client, struct export_job *job);

#endif
