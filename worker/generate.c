#include "worker/generate.h"

#include "proto/mem.h"
#include "worker/logits.h"

#include <assert.h>

/* A slot of the cache and the continuation in it. */
struct seat {
    struct generation *who; /* NULL: free */
    int seen;               /* tokens whose keys are in the cache */
    int32_t next;           /* to be read in the next step */
    const int32_t
        *prompt; /* whose keys are the slot's first, also after the continuation's end; NULL: none yet */
    int prompt_n;
};

/* The keys of a seat that has the same prompt as another. */
struct copy {
    int from, to, n;
};

struct batch {
    struct forward *forward;
    struct seat *seats;
    struct segment *segments; /* what is run … */
    struct copy *copies;      /* … and copied afterwards */
    int *rows;                /* [n] whose logits are wanted … */
    int *seat_of;             /* … and for which seat */
    int n, rows_n, segments_n, copies_n;
    float *logits;  /* [FORWARD_LOGIT_ROWS][vocabulary] */
    float *scratch; /* [vocabulary] */
};

static void add(struct batch *b, int seat, const int32_t *ids, int n)
{
    struct seat *s = &b->seats[seat];
    b->segments[b->segments_n++] =
        (struct segment){.slot = seat, .prefix = s->seen, .first = s->seen, .n = n, .ids = ids};
    b->rows_n += n;
    b->rows[b->n] = b->rows_n - 1;
    b->seat_of[b->n++] = seat;
    s->seen += n;
}

/* The prompt of this seat is that of `from`, which was added in this step. */
static void add_copy(struct batch *b, int seat, int from, int row)
{
    struct seat *s = &b->seats[seat];
    s->seen = s->who->prompt_n;
    b->copies[b->copies_n++] = (struct copy){from, seat, s->seen};
    b->rows[b->n] = row;
    b->seat_of[b->n++] = seat;
}

/* A seat whose slot begins with the keys of this prompt; -1: there is none. */
static int find_prompt(const struct batch *b, const struct generation *g)
{
    for (int i = forward_slots(b->forward) - 1; i >= 0; i--)
        if (b->seats[i].prompt == g->prompt && b->seats[i].prompt_n == g->prompt_n)
            return i;
    return -1;
}

/* Begins a continuation in a free seat: with its whole prompt, or, when another seat has its keys, with its last token.
 * False when there is no room for these rows. */
static bool begin(struct batch *b, int seat, struct generation *g)
{
    int known = find_prompt(b, g), most = forward_rows_max(b->forward);
    int from = known < 0 ? 0 : g->prompt_n - 1;
    if (b->rows_n + g->prompt_n - from > most)
        return false;
    if (from && known != seat)
        forward_copy(b->forward, known, seat, from);
    b->seats[seat] = (struct seat){.who = g, .seen = from};
    add(b, seat, g->prompt + from, g->prompt_n - from);
    return true;
}

/* One token of every continuation under way, then as many new ones as there are seats and rows. Samples of one prompt follow
 * each other: it is run once for them. */
static void gather(struct batch *b, struct generation **waiting, const struct generation *end)
{
    const struct generation *newest = NULL; /* begun in this step … */
    int newest_seat = 0;                    /* … here, with the last row so far */
    b->n = b->rows_n = b->segments_n = b->copies_n = 0;
    int seats_n = forward_slots(b->forward);
    for (int i = 0; i < seats_n; i++) {
        if (b->seats[i].who)
            add(b, i, &b->seats[i].next, 1);
    }
    for (int i = 0; i < seats_n && *waiting < end; i++) {
        if (b->seats[i].who)
            continue;
        struct generation *g = *waiting;
        bool same = newest && g->prompt == newest->prompt && g->prompt_n == newest->prompt_n;
        if (same) {
            b->seats[i] = (struct seat){.who = g};
            add_copy(b, i, newest_seat, b->rows_n - 1);
        } else if (begin(b, i, g)) {
            newest = g;
            newest_seat = i;
        } else {
            break;
        }
        g->made_n = 0;
        g->logp = 0;
        ++*waiting;
    }
}

/* Chooses the next token of a seat; frees the seat when its continuation ends. */
static int advance(struct batch *b, int seat, const float *logits, struct err *err)
{
    struct seat *s = &b->seats[seat];
    struct generation *g = s->who;
    int n = g->rules->tokens_n;
    int columns = forward_columns(b->forward), rc = logits_check(logits, g->weighs ? columns : n, err);
    if (rc)
        return rc;
    s->next = g->temperature > 0 ? logits_draw(forward_kernel(b->forward), logits, n, g->temperature,
                                               rng_uniform(&g->rng), b->scratch)
                                 : logits_best(logits, n);
    bool ended = false;
    for (int i = 0; i < g->rules->stop_ids_n; i++)
        ended = ended || s->next == g->rules->stop_ids[i];
    if (g->weighs && (!ended || !g->made_n)) /* of all the model's tokens, as its likelihoods are */
        g->logp += logits[s->next] - logits_logsum(forward_kernel(b->forward), logits, columns, b->scratch);
    if (!ended)
        g->made[g->made_n++] = s->next;
    if (ended || g->made_n == g->max_new)
        s->who = NULL;
    return 0;
}

static int step(struct batch *b, const struct stop *stop, struct err *err)
{
    int rc = forward_run(b->forward, b->segments, b->segments_n, stop, err);
    for (int i = 0; i < b->copies_n && !rc; i++)
        forward_copy(b->forward, b->copies[i].from, b->copies[i].to, b->copies[i].n);
    for (int i = 0; i < b->n && !rc; i++) {
        struct seat *s = &b->seats[b->seat_of[i]];
        s->prompt = s->who->prompt;
        s->prompt_n = s->who->prompt_n;
    }
    for (int at = 0; at < b->n && !rc; at += FORWARD_LOGIT_ROWS) {
        int n = b->n - at < FORWARD_LOGIT_ROWS ? b->n - at : FORWARD_LOGIT_ROWS;
        forward_logits(b->forward, b->rows + at, n, b->logits);
        for (int i = 0; i < n && !rc; i++)
            rc = advance(b, b->seat_of[at + i], b->logits + (size_t)i * (size_t)forward_columns(b->forward),
                         err);
    }
    return rc;
}

int generate_run(struct forward *forward, struct generation *all, size_t n, const struct stop *stop,
                 struct err *err)
{
    size_t seats_n = (size_t)forward_slots(forward), columns = (size_t)forward_columns(forward);
    struct batch b = {.forward = forward};
    for (size_t i = 0; i < n; i++)
        assert((size_t)all[i].rules->tokens_n <= columns);
    b.seats = mem_zero(seats_n, sizeof *b.seats);
    b.segments = mem_zero(seats_n, sizeof *b.segments);
    b.copies = mem_zero(seats_n, sizeof *b.copies);
    b.rows = mem_zero(seats_n, sizeof *b.rows);
    b.seat_of = mem_zero(seats_n, sizeof *b.seat_of);
    b.logits = mem_zero(FORWARD_LOGIT_ROWS * columns, sizeof *b.logits);
    b.scratch = mem_zero(columns, sizeof *b.scratch);
    struct generation *waiting = all;
    int rc = 0;
    while (!rc) {
        gather(&b, &waiting, all + n);
        if (!b.n)
            break;
        rc = step(&b, stop, err);
    }
    mem_free(b.seats);
    mem_free(b.segments);
    mem_free(b.copies);
    mem_free(b.rows);
    mem_free(b.seat_of);
    mem_free(b.logits);
    mem_free(b.scratch);
    return rc;
}
