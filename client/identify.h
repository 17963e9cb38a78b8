/* WHAT   Which questions the trials of a search of strategy "identify" are about, and what they found of each.
 * WHO    commands_rtuning_identify.
 * UNITS  Entropy in nats, NaN where none was taken.
 * MEMORY identify_open / identify_fini.
 * ERRORS ERR_INVALID, ERR_NOT_FOUND of the bundle, with a sentence that names file and line; ERR_CORRUPT of an answer.
 * STATE  Items in the bundle's order.
 *
 * (1) The r-th item of a half, r from 0, is number r / shards of trial r % shards: as worker/shard.h deals them. */
#ifndef CLIENT_IDENTIFY_H
#define CLIENT_IDENTIFY_H

#include "proto/json.h"
#include "rtuning/question.h"

#define IDENTIFY_METRICS_MAX 8

struct identify_item {
    char *id;
    bool held_out;
    size_t rank;     /* among the items of its half */
    size_t question; /* in the set that identify_join was given */
    double certain;  /* 0 or 1; NaN: not known yet */
    double entropy;
    char *output; /* NULL: not kept */
    char **samples;
    size_t samples_n;
};

struct identify {
    char *task, *file, *vocab; /* of the bundle: the task's name, the paths of its items and of its tokens */
    char *metrics[IDENTIFY_METRICS_MAX]; /* "task.metric" */
    int metrics_n;
    bool has_entropy;
    struct identify_item *items;
    size_t n, cap;
    size_t half_n[2]; /* search, heldout */
};

/* task: NULL for the only one of type "identify". */
int identify_open(const char *bundle, const char *task, struct identify *out, struct err *err);
void identify_fini(struct identify *identify); /* zero is fine */

/* Finds the question of every item. *without: questions that have none. ERR_INVALID: an item without a question. */
int identify_join(struct identify *identify, const struct question_set *set, size_t *without,
                  struct err *err);

/* As many as there can be: every trial has an item of every half that has some. */
size_t identify_shards_max(const struct identify *identify);

/* Takes what a done trial found. answer: as GET /v1/searches/ID/trials/N says. */
int identify_take(struct identify *identify, size_t shards, size_t trial, const struct json *answer,
                  struct err *err);

/* Takes what its model wrote. answer: as GET /v1/searches/ID/trials/N/written says. *kept: there are texts of every half that
 * has items; *cut_n grows by the items of which one was cut. ERR_CORRUPT: texts of other items, or not one an item. */
int identify_take_written(struct identify *identify, size_t shards, size_t trial, const struct json *answer,
                          bool *kept, size_t *cut_n, struct err *err);

#endif
