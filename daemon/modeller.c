#include "daemon/modeller_internal.h"

#include "proto/mem.h"

#include <string.h>

#define REPLAYS_MAX 64
/* Whoever tells a result asks for the next trial at once. Unless he waits for it (modeller_hurry), a job that began in between
 * would be about steps that have become trials when it comes home, and be thrown away. */
#define PAUSE_MS 20

/* What is wanted of one search. */
struct desk {
    int64_t search;
    struct opt_model *model; /* NULL while a job has it, and while the search does not run */
    struct history history;  /* what the last job was told: the next one is told what is new. Zero as above */
    int ask_stream;          /* -1 = nothing is asked */
    int *promise;            /* [promise_n] trials in order of their events */
    int promise_n, promise_cap;
    int seen; /* events that were looked at for promises */
    bool wants_insight;
    bool awaited; /* somebody waits for it */
    bool looks;   /* a job makes one */
    int tried;    /* watermark of the last attempt at an insight; -1 = none */
    struct insight *insight;
};

struct modeller {
    struct paretod *daemon;
    struct desk **desk; /* [desk_n] */
    int desk_n, desk_cap;
    struct replay *replay[REPLAYS_MAX]; /* [replay_n] in order of arrival */
    int replay_n;
    int64_t last_search; /* that was served last: searches take turns */
    uv_timer_t pause;    /* before the next job */
    bool busy;
};

struct modeller *modeller_create(struct paretod *daemon)
{
    struct modeller *modeller = mem_zero(1, sizeof *modeller);
    modeller->daemon = daemon;
    modeller->pause.data = modeller;
    uv_timer_init(&daemon->loop, &modeller->pause);
    return modeller;
}

void modeller_close(struct modeller *modeller)
{
    uv_close((uv_handle_t *)&modeller->pause, NULL);
}

static void free_caches(struct desk *desk)
{
    opt_model_destroy(desk->model);
    desk->model = NULL;
    history_fini(&desk->history);
}

void modeller_destroy(struct modeller *modeller)
{
    if (!modeller)
        return;
    for (int i = 0; i < modeller->desk_n; i++) {
        struct desk *desk = modeller->desk[i];
        free_caches(desk);
        insight_destroy(desk->insight);
        mem_free(desk->promise);
        mem_free(desk);
    }
    for (int i = 0; i < modeller->replay_n; i++)
        replay_destroy(modeller->replay[i]);
    mem_free(modeller->desk);
    mem_free(modeller);
}

static struct desk *desk_find(const struct modeller *modeller, int64_t search)
{
    for (int i = 0; i < modeller->desk_n; i++)
        if (modeller->desk[i]->search == search)
            return modeller->desk[i];
    return NULL;
}

static struct desk *desk_of(struct modeller *modeller, int64_t search)
{
    struct desk *desk = desk_find(modeller, search);
    if (desk)
        return desk;
    if (modeller->desk_n == modeller->desk_cap) {
        modeller->desk_cap = modeller->desk_cap ? 2 * modeller->desk_cap : 16;
        modeller->desk = mem_grow(modeller->desk, (size_t)modeller->desk_cap, sizeof(struct desk *));
    }
    desk = modeller->desk[modeller->desk_n++] = mem_zero(1, sizeof *desk);
    desk->search = search;
    desk->ask_stream = desk->tried = -1;
    return desk;
}

/* ---- jobs ---- */

/* What a desk wants most, the dearer the later. */
enum wish {
    WISH_NONE,
    WISH_INSIGHT,
    WISH_PROMISE,
    WISH_NEWER,  /* proposals that know more than those that are ready, or more in hand */
    WISH_EMPTY,  /* proposals; none is ready, and nobody shall have to wait */
    WISH_POLLED, /* proposals; more are waited for than are ready, or newer ones */
    WISH_READER, /* an insight that somebody waits for */
    WISH_BARE,   /* a proposal; somebody waits, and none is ready */
    WISH_END, /* the insight that says whether a search is over: it stands still until then, and asks but once */
};

static void begin_next(struct modeller *modeller);

static void on_pause_over(uv_timer_t *timer)
{
    begin_next(timer->data);
}

/* Of the search as it is now: polls come and go after the wish. */
static enum wish proposals_wish(const struct modeller *modeller, const struct desk *desk)
{
    struct sched *sched = &modeller->daemon->sched;
    const struct search *search = sched_search(sched, desk->search);
    const struct search_stream *stream = &search->streams[desk->ask_stream];
    int waiting = sched_waiting(sched, search);
    if (stream->ready.n == 0)
        return waiting > 0 && search->ready[HALF_SEARCH].n == 0 ? WISH_BARE : WISH_EMPTY;
    return stream->ready.n < waiting || (stream->held > 0 && waiting > 0) ? WISH_POLLED : WISH_NEWER;
}

static bool ends_with_it(const struct modeller *modeller, const struct desk *desk)
{
    const struct search *search = sched_search(&modeller->daemon->sched, desk->search);
    return search->state == SEARCH_RUNNING && search_awaits_insight(search);
}

static enum wish wish_of(const struct modeller *modeller, const struct desk *desk)
{
    enum wish other = desk->wants_insight && ends_with_it(modeller, desk) ? WISH_END
                      : desk->wants_insight && desk->awaited              ? WISH_READER
                      : desk->promise_n > 0                               ? WISH_PROMISE
                      : desk->wants_insight                               ? WISH_INSIGHT
                                                                          : WISH_NONE;
    enum wish proposals = desk->ask_stream >= 0 ? proposals_wish(modeller, desk) : WISH_NONE;
    return proposals > other ? proposals : other;
}

/* The desk with the dearest wish, of equals the one after the search served last. NULL: nobody wants anything. */
static struct desk *choose(const struct modeller *modeller, enum wish *wish)
{
    struct desk *best = NULL;
    *wish = WISH_NONE;
    for (int i = 0; i < modeller->desk_n; i++) {
        struct desk *desk = modeller->desk[i];
        enum wish mine = wish_of(modeller, desk);
        bool after = desk->search > modeller->last_search,
             best_after = best && best->search > modeller->last_search;
        if (mine > *wish ||
            (best && mine == *wish && (after != best_after ? after : desk->search < best->search))) {
            best = desk;
            *wish = mine;
        }
    }
    return best;
}

/* There is a wish: the next job begins soon, or at once when somebody waits for it. */
static void begin_soon(struct modeller *modeller)
{
    enum wish wish;
    if (modeller->busy || modeller->daemon->stopping)
        return; /* until it comes home */
    choose(modeller, &wish);
    if (wish >= WISH_EMPTY)
        begin_next(modeller);
    else if ((wish > WISH_NONE || modeller->replay_n > 0) && !uv_is_active((uv_handle_t *)&modeller->pause))
        uv_timer_start(&modeller->pause, on_pause_over, PAUSE_MS, 0);
}

/* Pool thread. */
static void run(uv_work_t *work)
{
    struct model_job *job = work->data;
    job->run(job);
}

static void job_free(struct model_job *job)
{
    history_fini(&job->history);
    opt_model_destroy(job->model);
    insight_destroy(job->insight);
    mem_free(job->ratios);
    mem_free(job->origins);
    mem_free(job->unfinished);
    mem_free(job);
}

/* The first replay goes to the back until it is over, so that a long one keeps no short one waiting. */
static void turn_replay(struct modeller *modeller)
{
    struct replay *replay = modeller->replay[0];
    memmove(modeller->replay, modeller->replay + 1, (size_t)--modeller->replay_n * sizeof(struct replay *));
    if (!replay_is_over(replay)) {
        modeller->replay[modeller->replay_n++] = replay;
        return;
    }
    replay_answer(modeller->daemon, replay);
    replay_destroy(replay);
}

/* Model and copy are caches. A search that does not run may never need them again. */
static bool keeps_caches(const struct search *search)
{
    return search->state == SEARCH_RUNNING;
}

static void return_caches(struct modeller *modeller, struct model_job *job)
{
    struct desk *desk = desk_of(modeller, job->search);
    if (!keeps_caches(sched_search(&modeller->daemon->sched, job->search)))
        return; /* freed with the job */
    desk->model = job->model;
    desk->history = job->history;
    job->model = NULL;
    job->history = (struct history){0};
}

static void came_home(uv_work_t *work, int status)
{
    struct model_job *job = work->data;
    struct paretod *daemon = job->daemon;
    struct modeller *modeller = daemon->modeller;
    if (status == 0 && !daemon->stopping) {
        job->finish(job);
        if (job->replay)
            turn_replay(modeller);
        else
            return_caches(modeller, job);
    }
    for (int i = 0; i < modeller->desk_n; i++) {
        daemon->polls.views |=
            modeller->desk[i]->looks;     /* their tag is another, or nothing is to be waited for */
        modeller->desk[i]->looks = false; /* one job runs at a time */
    }
    modeller->busy = false; /* not before: what it told may ask for more, and the model was not back yet */
    job_free(job);
    begin_soon(modeller);
}

/* Takes the wish off the desk and makes it a job. */
static void take_wish(struct desk *desk, enum wish wish, const struct search *search, struct model_job *job)
{
    job->model = desk->model ? desk->model : opt_model_create();
    desk->model = NULL;
    job->history = desk->history;
    desk->history = (struct history){0};
    if (wish == WISH_INSIGHT || wish == WISH_READER || wish == WISH_END) {
        desk->wants_insight = desk->awaited = false;
        desk->looks = true;
        desk->tried = search->log.n;
        model_job_insight(job, search);
    } else if (wish == WISH_PROMISE) {
        model_job_promise(job, search, desk->promise[0]);
        memmove(desk->promise, desk->promise + 1, (size_t)--desk->promise_n * sizeof *desk->promise);
    } else {
        int want = search->streams[desk->ask_stream].asking;
        model_job_propose(job, search, desk->ask_stream, want);
        desk->ask_stream = -1;
    }
}

static void take_replay(struct modeller *modeller, struct model_job *job)
{
    struct replay *replay = modeller->replay[0];
    job->search = replay_search(replay);
    model_job_replay(job, sched_search(&modeller->daemon->sched, job->search), replay);
}

static void begin_next(struct modeller *modeller)
{
    struct paretod *daemon = modeller->daemon;
    enum wish wish;
    struct desk *desk = choose(modeller, &wish);
    if (modeller->busy || daemon->stopping || (!desk && modeller->replay_n == 0))
        return;
    struct model_job *job = mem_zero(1, sizeof *job);
    job->daemon = daemon;
    job->work.data = job;
    if (desk) {
        const struct search *search = sched_search(&daemon->sched, desk->search);
        modeller->last_search = job->search = desk->search;
        job->problem = search->problem;
        job->plan = search->plan;
        take_wish(desk, wish, search, job);
    } else {
        take_replay(modeller, job);
    }
    modeller->busy = true;
    uv_timer_stop(&modeller->pause);
    uv_queue_work(&daemon->loop, &job->work, run, came_home);
}

/* ---- wishes ---- */

void modeller_ask(struct modeller *modeller, const struct search *search, int stream)
{
    desk_of(modeller, search->id)->ask_stream = stream;
    begin_soon(modeller);
}

/* A sweep's point is what others are read against, a repeat is made because the first time was not enough, and a trial that
 * goes on again does so for a reason: these are scored to their end. So is whatever screening does not stop by itself. */
static bool may_stop(const struct search *search, int trial)
{
    const struct trial *t = &search->trials[trial];
    enum opt_kind kind = search->plan.streams[t->stream].kind;
    return search->spec.early_stop > 0 && search->spec.screen <= 0 && kind != OPT_SWEEP &&
           kind != OPT_GIVEN && t->origin.repeat_of < 0 && !t->reopened;
}

static void want_promise(struct desk *desk, int trial)
{
    for (int i = 0; i < desk->promise_n; i++)
        if (desk->promise[i] == trial)
            return;
    if (desk->promise_n == desk->promise_cap) {
        desk->promise_cap = desk->promise_cap ? 2 * desk->promise_cap : 16;
        desk->promise = mem_grow(desk->promise, (size_t)desk->promise_cap, sizeof *desk->promise);
    }
    desk->promise[desk->promise_n++] = trial;
}

void modeller_hurry(struct modeller *modeller)
{
    begin_soon(modeller);
}

static bool is_modelled(const struct search *search)
{
    return search->problem.kind == OPT_BAYES || search->problem.kind == OPT_QUADRATIC;
}

/* An insight that tells more than the one there is. */
static void want_insight(struct desk *desk, const struct search *search)
{
    bool again =
        !desk->looks && search_awaits_completion(search); /* what was found could not be written, say */
    desk->wants_insight = (desk->tried != search->log.n || again) && search->m <= INSIGHT_OBJECTIVES_MAX &&
                          search_has_front(search);
}

void modeller_learnt(struct modeller *modeller, const struct search *search)
{
    if (!is_modelled(search))
        return;
    struct desk *desk = desk_of(modeller, search->id);
    for (; desk->seen < search->log.n; desk->seen++) {
        const struct search_event *event = &search->log.events[desk->seen];
        if (event->kind == OPT_EVENT_SLICE && may_stop(search, event->trial) &&
            search->trials[event->trial].job[HALF_SEARCH].state == TRIAL_LEASED)
            want_promise(desk, event->trial);
    }
    want_insight(desk, search);
    begin_soon(modeller);
}

void modeller_tick(struct modeller *modeller)
{
    for (int i = 0; i < modeller->desk_n; i++)
        if (!keeps_caches(sched_search(&modeller->daemon->sched, modeller->desk[i]->search)))
            free_caches(modeller->desk[i]);
}

bool modeller_has_caches(const struct modeller *modeller, int64_t search)
{
    const struct desk *desk = desk_find(modeller, search);
    return desk && (desk->model || desk->history.state);
}

const struct insight *modeller_insight(const struct modeller *modeller, int64_t search)
{
    const struct desk *desk = desk_find(modeller, search);
    return desk ? desk->insight : NULL;
}

const struct insight *modeller_look(struct modeller *modeller, const struct search *search)
{
    struct desk *desk = desk_of(modeller, search->id);
    if (!desk->wants_insight) {
        want_insight(desk, search);
        begin_soon(modeller);
    }
    return desk->insight;
}

bool modeller_owes(struct modeller *modeller, const struct search *search, bool anyway)
{
    struct desk *desk = desk_find(modeller, search->id);
    if (!desk || !search_state_is_final(search->state) || !(anyway || is_modelled(search)))
        return false;
    desk->awaited |= desk->wants_insight;
    return desk->wants_insight || (desk->looks && desk->tried == search->log.n);
}

void modeller_keep(struct modeller *modeller, struct model_job *job)
{
    struct desk *desk = desk_of(modeller, job->search);
    insight_destroy(desk->insight);
    desk->insight = job->insight;
    job->insight = NULL;
}

bool modeller_replay(struct modeller *modeller, const struct search *search, int from, int count,
                     uint64_t exchange)
{
    if (modeller->replay_n == REPLAYS_MAX)
        return false;
    modeller->replay[modeller->replay_n++] = replay_create(search, from, count, exchange);
    begin_soon(modeller);
    return true;
}
