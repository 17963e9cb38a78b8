#include "daemon/paretod.h"

#include "daemon/api.h"
#include "daemon/listen.h"
#include "daemon/modeller.h"
#include "daemon/persist.h"
#include "daemon/proposer.h"
#include "daemon/restore.h"
#include "proto/log.h"
#include "proto/mem.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

#define TICK_MS 200

struct now paretod_now(void)
{
    struct timespec wall;
    clock_gettime(CLOCK_REALTIME, &wall);
    return (struct now){(int64_t)(uv_hrtime() / 1000), (int64_t)wall.tv_sec * 1000000 + wall.tv_nsec / 1000};
}

/* A disk that refuses is met by every tick until it does not: said once, and again when it is over. */
static void note_disk(struct paretod *daemon, int rc, int64_t search, const struct err *err)
{
    if (rc && !daemon->disk_refuses)
        log_event(LOG_ERROR, "write_failed", "search=%lld code=%s reason=%s", (long long)search, err_name(rc),
                  LOG_QUOTE(err->text));
    if (!rc && daemon->disk_refuses)
        log_event(LOG_INFO, "write_works_again", "search=%lld", (long long)search);
    daemon->disk_refuses = rc != 0;
}

/* Attempts that failed, whoever says so: the worker, or its silence. The leases are still there: the write is applied
 * after it is durable. */
static void note_failures(struct paretod *daemon, const struct sched_write *write)
{
    char silence[64];
    snprintf(silence, sizeof silence, "no sign of life for %lld s", (long long)daemon->options->lease_s);
    for (size_t i = 0; i < write->leases_n; i++) {
        const struct lease_change *end = &write->leases[i];
        const struct lease *lease = lease_find(&daemon->sched.leases, end->token);
        if (!lease || (end->to != LEASE_FAILED && end->to != LEASE_EXPIRED))
            continue;
        log_event(LOG_WARN, "job_failed", "search=%lld trial=%d half=%s attempt=%d worker=%s reason=%s",
                  (long long)lease->search, lease->trial, half_name(lease->half), lease->attempt,
                  LOG_QUOTE(lease->worker), LOG_QUOTE(end->to == LEASE_EXPIRED ? silence : end->reason));
    }
}

static int persist(void *ctx, const struct sched_write *write, struct err *err)
{
    struct paretod *daemon = ctx;
    struct err own = {0};
    if (!err)
        err = &own;
    int rc = persist_write(daemon->store, write, err);
    note_disk(daemon, rc, write->search->id, err);
    if (!rc && write->new_state)
        log_event(LOG_INFO, "search_moved", "search=%lld state=%s reason=%s", (long long)write->search->id,
                  search_state_name(write->state), LOG_QUOTE(write->reason));
    if (!rc)
        note_failures(daemon, write);
    return rc;
}

static void wake(void *ctx)
{
    ((struct paretod *)ctx)->polls.jobs = true;
}

static void changed(void *ctx, int64_t search)
{
    (void)search;
    ((struct paretod *)ctx)->polls.views = true;
}

static void learnt(void *ctx, const struct search *search)
{
    modeller_learnt(((struct paretod *)ctx)->modeller, search);
}

static void hurry(void *ctx)
{
    modeller_hurry(((struct paretod *)ctx)->modeller);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct paretod *daemon = handle->data;
    log_event(LOG_INFO, "stopping", "signal=%d", number);
    daemon->stopping = true;
    uv_stop(&daemon->loop);
}

/* A worker that falls silent is said once, and so is its return. */
static void note_workers(struct paretod *daemon, int64_t now_us)
{
    for (int i = 0; i < daemon->sched.fleet.n; i++) {
        struct worker *worker = daemon->sched.fleet.worker[i];
        bool lost = sched_worker_lost(&daemon->sched, worker, now_us);
        if (lost && !worker->told_lost)
            log_event(LOG_WARN, "worker_lost", "worker=%s name=%s silent_s=%lld", worker->id,
                      LOG_QUOTE(worker->name), (long long)((now_us - worker->seen_us) / 1000000));
        if (!lost && worker->told_lost)
            log_event(LOG_INFO, "worker_back", "worker=%s name=%s", worker->id, LOG_QUOTE(worker->name));
        worker->told_lost = lost;
    }
}

static void on_tick(uv_timer_t *timer)
{
    struct paretod *daemon = timer->data;
    struct now now = paretod_now();
    note_workers(daemon, now.us); /* before it is forgotten */
    sched_tick(&daemon->sched, now);
    modeller_tick(daemon->modeller);
    polls_tick(daemon);
}

/* The last thing before the loop sleeps. */
static void on_prepare(uv_prepare_t *prepare)
{
    polls_serve(prepare->data);
}

static int make_directory(const char *path, struct err *err)
{
    if (mkdir(path, 0700) && errno != EEXIST)
        return err_set(err, ERR_IO, "--db %s: %s; make the directory above it", path, strerror(errno));
    return 0;
}

static int open_store(struct paretod *daemon, struct err *err)
{
    int rc = make_directory(daemon->options->db, err);
    if (rc)
        return rc;
    char *path = mem_printf("%s/paretod.db", daemon->options->db);
    rc = store_open(path, &daemon->store, err);
    mem_free(path);
    return rc;
}

static uint64_t chance(void)
{
    uint64_t seed = (uint64_t)paretod_now().wall_us;
    if (getrandom(&seed, sizeof seed, 0) != sizeof seed)
        log_event(LOG_WARN, "no_random", "seed=time");
    return seed;
}

static int listen_all(struct paretod *daemon, struct err *err)
{
    for (int i = 0; i < daemon->options->listen_n; i++) {
        int rc = http_listen(daemon->http, daemon->options->listen[i], daemon->address[i], err);
        if (rc)
            return rc;
        log_event(LOG_INFO, "listening", "address=%s", daemon->address[i]);
        if (address_is_open(daemon->address[i]))
            log_event(LOG_WARN, "open_address", "address=%s reason=%s", daemon->address[i],
                      LOG_QUOTE("whoever reaches it can run commands on the workers"));
    }
    return 0;
}

static void start_handles(struct paretod *daemon)
{
    uv_loop_init(&daemon->loop);
    uv_signal_init(&daemon->loop, &daemon->term);
    uv_signal_init(&daemon->loop, &daemon->interrupt);
    uv_timer_init(&daemon->loop, &daemon->tick);
    uv_timer_init(&daemon->loop, &daemon->held);
    uv_prepare_init(&daemon->loop, &daemon->prepare);
    daemon->term.data = daemon->interrupt.data = daemon->tick.data = daemon;
    daemon->held.data = daemon->prepare.data = daemon;
    uv_signal_start(&daemon->term, on_signal, SIGTERM);
    uv_signal_start(&daemon->interrupt, on_signal, SIGINT);
    uv_timer_start(&daemon->tick, on_tick, TICK_MS, TICK_MS);
    uv_prepare_start(&daemon->prepare, on_prepare);
}

static int start(struct paretod *daemon, struct err *err)
{
    int rc = 0;
    for (int i = 0; !rc && i < daemon->options->listen_n; i++)
        rc = listener_check(daemon->options->listen[i], err); /* before anything is made on disk */
    if (!rc)
        rc = open_store(daemon, err);
    if (rc)
        return rc;
    struct sched_ops ops = {daemon, persist, proposer_ask, wake, changed, learnt, hurry};
    struct now now = paretod_now();
    sched_init(&daemon->sched, &ops, (int64_t)daemon->options->lease_s * 1000000, chance());
    rc = restore_all(daemon->store, &daemon->sched, &daemon->facts, now, err);
    if (rc)
        return rc;
    log_event(LOG_INFO, "restored", "searches=%d leases=%d", daemon->sched.search_n, daemon->sched.leases.n);
    assets_load(&daemon->assets, daemon->options->assets);
    daemon->http = http_create(&daemon->loop, api_handle, api_lease_lost, daemon);
    rc = listen_all(daemon, err); /* after this, others may ask: everything is there */
    if (!rc)
        sched_start(&daemon->sched, paretod_now()); /* a large database took a while */
    return rc;
}

void paretod_close(struct paretod *daemon)
{
    if (!daemon)
        return;
    daemon->stopping = true;
    atomic_store(&daemon->cancel, true);
    submissions_fini(&daemon->submissions);
    http_close(daemon->http);
    uv_close((uv_handle_t *)&daemon->term, NULL);
    uv_close((uv_handle_t *)&daemon->interrupt, NULL);
    uv_close((uv_handle_t *)&daemon->tick, NULL);
    uv_close((uv_handle_t *)&daemon->held, NULL);
    uv_close((uv_handle_t *)&daemon->prepare, NULL);
    modeller_close(daemon->modeller);
    uv_run(&daemon->loop, UV_RUN_DEFAULT); /* jobs in the pool come home; their answers are dropped */
    uv_loop_close(&daemon->loop);
    modeller_destroy(daemon->modeller);
    polls_fini(&daemon->polls);
    view_cache_fini(&daemon->views);
    facts_fini(&daemon->facts);
    assets_fini(&daemon->assets);
    sched_fini(&daemon->sched);
    store_close(daemon->store);
    mem_free(daemon);
}

int paretod_open(const struct options *options, struct paretod **out, struct err *err)
{
    struct paretod *daemon = mem_zero(1, sizeof *daemon);
    daemon->options = options;
    start_handles(daemon);
    daemon->modeller = modeller_create(daemon);
    int rc = start(daemon, err);
    *out = rc ? NULL : daemon;
    if (rc)
        paretod_close(daemon);
    return rc;
}

int paretod_run(const struct options *options, struct err *err)
{
    struct paretod *daemon;
    /* Of a mapped file that somebody cuts short meanwhile, the next byte is SIGBUS: the end of every search. */
    setenv("PARETOD_READ", "pread", 0);
    int rc = paretod_open(options, &daemon, err);
    if (rc)
        return rc;
    uv_run(&daemon->loop, UV_RUN_DEFAULT);
    paretod_close(daemon);
    log_event(LOG_INFO, "stopped", NULL);
    return 0;
}
