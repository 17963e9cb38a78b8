/* WHAT   What the files of the modeller share: jobs.
 * WHO    daemon/modeller*.c, replay.c alone.
 * UNITS  As modeller.h.
 * MEMORY A job owns its copies; modeller.c frees it after `finish`.
 * ERRORS As modeller.h.
 * STATE  `run` is called in a thread of the pool and sees the job alone; `finish` in the loop, unless the daemon stops. */
#ifndef DAEMON_MODELLER_INTERNAL_H
#define DAEMON_MODELLER_INTERNAL_H

#include "daemon/modeller.h"
#include "daemon/paretod.h"

struct replay;

struct model_job {
    uv_work_t work;
    struct paretod *daemon;
    int64_t search;
    struct opt_problem problem;
    struct opt_plan plan;
    struct history history;
    struct opt_model *model; /* the search's, this job's until it is finished */
    void (*run)(struct model_job *job);
    void (*finish)(struct model_job *job);
    /* proposals */
    int stream;
    struct model_ask ask;
    double *ratios;         /* [ask.n][k] */
    struct origin *origins; /* [ask.n] */
    int got, rc;
    struct err err;
    /* promise */
    int trial;
    double promise;
    /* insight */
    struct insight *insight;
    bool ends;       /* screening is over: what the front needs is completed */
    int *unfinished; /* [unfinished_n] trials that it needs; NULL unless `ends` */
    int unfinished_n, unfinished_rc;
    /* replay */
    struct replay *replay;
};

void model_job_propose(struct model_job *job, const struct search *search, int stream, int want);
void model_job_promise(struct model_job *job, const struct search *search, int trial);
void model_job_insight(struct model_job *job, const struct search *search);
void model_job_replay(struct model_job *job, const struct search *search, struct replay *replay);

/* The insight of a finished job becomes the search's. */
void modeller_keep(struct modeller *modeller, struct model_job *job);
/* A model or a copy of the history waits for the next job. For tests. */
bool modeller_has_caches(const struct modeller *modeller, int64_t search);

struct replay *replay_create(const struct search *search, int from, int count, uint64_t exchange);
void replay_destroy(struct replay *replay);
int64_t replay_search(const struct replay *replay);
/* It has derived its last trial. */
bool replay_is_over(const struct replay *replay);
void replay_answer(struct paretod *daemon, struct replay *replay);

#endif
