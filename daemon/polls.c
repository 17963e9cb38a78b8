#include "daemon/polls.h"

#include "daemon/api.h"
#include "daemon/modeller.h"
#include "daemon/paretod.h"
#include "proto/mem.h"

#include <stdio.h>
#include <string.h>

void polls_fini(struct polls *polls)
{
    mem_free(polls->lease);
    mem_free(polls->view);
    *polls = (struct polls){0};
}

/* For how many the scheduler should have a job each. */
static void count_waiting(struct paretod *daemon)
{
    struct sched *sched = &daemon->sched;
    const struct polls *polls = &daemon->polls;
    sched->waiting = 0;
    for (int i = 0; i < sched->search_n; i++)
        sched->search[i]->waiting = 0;
    for (int i = 0; i < polls->lease_n; i++) {
        int64_t id = polls->lease[i].search;
        struct search *search = id ? sched_search(sched, id) : NULL;
        if (search)
            search->waiting++;
        else
            sched->waiting++;
    }
}

static void on_held(uv_timer_t *timer)
{
    ((struct paretod *)timer->data)->polls.jobs = true;
}

/* Polls that are held back for newer proposals are tried again when they have waited enough. */
static void set_timer(struct paretod *daemon)
{
    int64_t first_us = 0, left_us;
    for (int i = 0; i < daemon->polls.lease_n; i++) {
        int64_t again_us = daemon->polls.lease[i].poll.again_us;
        if (again_us && (!first_us || again_us < first_us))
            first_us = again_us;
    }
    uv_timer_stop(&daemon->held);
    if (!first_us)
        return;
    left_us = first_us - paretod_now().us;
    uv_timer_start(&daemon->held, on_held, left_us > 0 ? (uint64_t)(left_us + 999) / 1000 : 0, 0);
}

static void add_lease(struct paretod *daemon, const struct lease_poll *poll)
{
    struct polls *polls = &daemon->polls;
    if (polls->lease_n == polls->lease_cap) {
        polls->lease_cap = polls->lease_cap ? 2 * polls->lease_cap : 16;
        polls->lease = mem_grow(polls->lease, (size_t)polls->lease_cap, sizeof *polls->lease);
    }
    polls->lease[polls->lease_n++] = *poll;
    count_waiting(daemon);
    sched_more(&daemon->sched);
    modeller_hurry(daemon->modeller); /* what was asked for before is waited for now */
    set_timer(daemon);
}

void polls_add_lease(struct paretod *daemon, uint64_t exchange, const char *worker, const struct poll *poll)
{
    struct lease_poll added = {.exchange = exchange, .poll = *poll};
    snprintf(added.worker, sizeof added.worker, "%s", worker);
    add_lease(daemon, &added);
}

void polls_add_ask(struct paretod *daemon, uint64_t exchange, int64_t search, const char *client, int lease_s,
                   const struct poll *poll)
{
    struct lease_poll added = {.exchange = exchange, .poll = *poll, .search = search, .lease_s = lease_s};
    snprintf(added.worker, sizeof added.worker, "%s", client);
    add_lease(daemon, &added);
}

void polls_add_view(struct paretod *daemon, uint64_t exchange, int64_t search, poll_view *view,
                    int64_t deadline_us)
{
    struct polls *polls = &daemon->polls;
    if (polls->view_n == polls->view_cap) {
        polls->view_cap = polls->view_cap ? 2 * polls->view_cap : 16;
        polls->view = mem_grow(polls->view, (size_t)polls->view_cap, sizeof *polls->view);
    }
    polls->view[polls->view_n++] = (struct view_poll){exchange, search, view, deadline_us};
}

static void end_without_content(struct exchange *x)
{
    http_answer(x, &(struct answer){.status = 204});
}

/* True when the poll is served or gone. */
static bool serve_lease(struct paretod *daemon, struct lease_poll *poll, struct now now)
{
    struct exchange *x = http_find(daemon->http, poll->exchange);
    bool alive = x && exchange_alive(x); /* a job for a closed connection would only come back */
    if (!x)
        return true;
    if (alive &&
        (poll->search ? api_ask(daemon, x, poll->search, poll->worker, poll->lease_s, &poll->poll, now)
                      : api_lease(daemon, x, poll->worker, &poll->poll, now)))
        return true;
    if (alive && now.us < poll->poll.until_us)
        return false;
    end_without_content(x);
    return true;
}

void polls_end_worker(struct paretod *daemon, const char *worker)
{
    struct polls *polls = &daemon->polls;
    int kept = 0;
    for (int i = 0; i < polls->lease_n; i++) {
        struct exchange *x = http_find(daemon->http, polls->lease[i].exchange);
        if (polls->lease[i].search || strcmp(polls->lease[i].worker, worker))
            polls->lease[kept++] = polls->lease[i];
        else if (x)
            end_without_content(x);
    }
    polls->lease_n = kept;
    count_waiting(daemon);
}

static void serve_leases(struct paretod *daemon)
{
    struct polls *polls = &daemon->polls;
    struct now now = paretod_now();
    int kept = 0;
    for (int i = 0; i < polls->lease_n; i++)
        if (!serve_lease(daemon, &polls->lease[i], now))
            polls->lease[kept++] = polls->lease[i];
    polls->lease_n = kept;
    count_waiting(daemon);
    set_timer(daemon);
}

static void serve_views(struct paretod *daemon)
{
    struct polls *polls = &daemon->polls;
    int64_t now_us = paretod_now().us;
    int kept = 0;
    for (int i = 0; i < polls->view_n; i++) {
        const struct view_poll *poll = &polls->view[i];
        struct exchange *x = http_find(daemon->http, poll->exchange);
        if (!x || poll->view(daemon, x, poll->search, now_us < poll->deadline_us && exchange_alive(x)))
            continue;
        polls->view[kept++] = *poll;
    }
    polls->view_n = kept;
}

void polls_serve(struct paretod *daemon)
{
    if (daemon->polls.jobs) {
        daemon->polls.jobs = false;
        serve_leases(daemon);
    }
    if (daemon->polls.views) {
        daemon->polls.views = false;
        serve_views(daemon);
    }
}

void polls_tick(struct paretod *daemon)
{
    if (daemon->polls.lease_n)
        serve_leases(daemon);
    if (daemon->polls.view_n)
        serve_views(daemon);
}
