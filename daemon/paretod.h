/* WHAT   The running daemon: what its parts need of each other.
 * WHO    daemon's I/O files; core/ never sees it.
 * UNITS  Seconds in *_s.
 * MEMORY paretod_run owns everything for its duration.
 * ERRORS As the parts.
 * STATE  One struct, one loop thread. The pool thread of a proposal or a submission sees copies only. */
#ifndef DAEMON_PARETOD_H
#define DAEMON_PARETOD_H

#include "daemon/assets.h"
#include "daemon/core/sched.h"
#include "daemon/facts.h"
#include "daemon/http.h"
#include "daemon/options.h"
#include "daemon/polls.h"
#include "daemon/submit.h"
#include "daemon/view_cache.h"
#include "store/store.h"

#include <stdatomic.h>
#include <uv.h>

struct paretod {
    const struct options *options;
    uv_loop_t loop;
    uv_signal_t term, interrupt;
    uv_timer_t tick, held; /* held: polls.c, for those that wait for newer proposals */
    uv_prepare_t prepare;  /* offers jobs to waiting polls before the loop sleeps */
    struct store *store;
    struct sched sched;
    struct http *http;
    struct polls polls;
    struct assets assets;
    struct view_cache views;
    struct facts_table facts;
    struct submissions submissions;
    struct modeller *modeller;
    char address[LISTEN_MAX][160]; /* where it really listens */
    bool stopping;
    atomic_bool cancel; /* the same, for the threads of the pool */
    bool disk_refuses;  /* the last write failed */
};

struct now paretod_now(void);

/* Opens the store, rebuilds everything and listens; the caller runs daemon->loop. close accepts NULL. */
int paretod_open(const struct options *options, struct paretod **out, struct err *err);
void paretod_close(struct paretod *daemon);
/* Runs until a signal. 0, or the code of what did not start, with a sentence. */
int paretod_run(const struct options *options, struct err *err);

#endif
