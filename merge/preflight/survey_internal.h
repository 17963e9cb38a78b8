/* What survey.c (the pass) and survey_look.c (one tensor) share. Nobody else includes this. */
#ifndef MERGE_SURVEY_INTERNAL_H
#define MERGE_SURVEY_INTERNAL_H

#include "merge/preflight/survey.h"

#include <pthread.h>

#define SURVEY_THREADS_MAX 8
#define SURVEY_TICK_BYTES (16u << 20)
#define SURVEY_SPAN_N (4 * MERGE_BLOCK_N) /* elements tried at all ratios in one go */

/* One name: the tensor of base, of tuned, or both. */
struct survey_work {
    const struct st_tensor *of[2]; /* NULL: not there */
    struct hash128 *hash[2];
    struct survey_tensor *seen; /* NULL: not merged */
};

struct survey_pass {
    const struct digest_progress *progress;
    struct merge_how how;
    struct survey *survey;
    struct hash128 *hashes[2];
    struct survey_work *work; /* [work_n], in the order of reading */
    size_t work_n;
    uint64_t stride; /* every how manyth span is tried; 1: all */

    pthread_mutex_t lock; /* of what follows */
    size_t next;
    uint64_t done, told;
    double merge_s; /* merging all floats once: of the sample, multiplied */
    int rc;
    struct err err;
};

/* What one thread works with. */
struct survey_hands;
struct survey_hands *survey_hands_create(void);
double survey_hands_destroy(struct survey_hands *hands); /* gives seconds for merge_s */

int survey_look(struct survey_pass *pass, struct survey_hands *hands, struct survey_work *work,
                struct err *err);

/* Counts bytes as read. Non-zero: stop. */
int survey_advance(struct survey_pass *pass, uint64_t bytes, struct err *err);

#endif
