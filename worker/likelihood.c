#include "worker/likelihood.h"

#include "proto/mem.h"
#include "worker/logits.h"

#include <assert.h>

/* One logit row and what is asked of it: the log-probability of `token`, to be added to *sum. */
struct question {
    int row;
    int32_t token;
    double *sum;
};

struct batch {
    struct forward *forward;
    struct segment *segments;
    struct question *questions;
    int segments_n, segments_cap, questions_n, questions_cap;
    int slots_n, rows_n;
    float *logits, *scratch;
};

static void ask(struct batch *b, int row, int32_t token, double *sum)
{
    if (b->questions_n == b->questions_cap) {
        b->questions_cap = b->questions_cap ? 2 * b->questions_cap : 64;
        b->questions = mem_grow(b->questions, (size_t)b->questions_cap, sizeof *b->questions);
    }
    b->questions[b->questions_n++] = (struct question){row, token, sum};
}

/* Returns the row of the segment's first token. */
static int add(struct batch *b, struct segment segment)
{
    if (b->segments_n == b->segments_cap) {
        b->segments_cap = b->segments_cap ? 2 * b->segments_cap : 64;
        b->segments = mem_grow(b->segments, (size_t)b->segments_cap, sizeof *b->segments);
    }
    b->segments[b->segments_n++] = segment;
    b->rows_n += segment.n;
    return b->rows_n - segment.n;
}

static int rows_of(const struct likelihood *item)
{
    int rows = item->prompt->n;
    for (int c = 0; c < item->n; c++)
        rows += item->continuations[c].n - 1;
    return rows;
}

/* The prompt, then behind it each continuation but for its last token, as branches that share the prompt's
 * keys. Questions on the prompt's last row come one after another. */
static void place(struct batch *b, const struct likelihood *item)
{
    int slot = b->slots_n++, n = item->prompt->n, key = n;
    int last = add(b, (struct segment){.slot = slot, .n = n, .ids = item->prompt->id}) + n - 1;
    for (int c = 0; c < item->n; c++) {
        item->sums[c] = 0;
        ask(b, last, item->continuations[c].id[0], &item->sums[c]);
    }
    for (int c = 0; c < item->n; c++) {
        const struct ids *ids = &item->continuations[c];
        if (ids->n == 1)
            continue;
        int row = add(b, (struct segment){slot, n, key, ids->n - 1, ids->id});
        for (int j = 1; j < ids->n; j++)
            ask(b, row + j - 1, ids->id[j], &item->sums[c]);
        key += ids->n - 1;
    }
}

/* Answers the questions from `at` on that fit in one call of the head; returns where the next begin. */
static int answer_some(struct batch *b, int at, struct err *err, int *next)
{
    int rows[FORWARD_LOGIT_ROWS], n = 0, end = at, columns = forward_columns(b->forward);
    for (; end < b->questions_n; end++) {
        if (n && rows[n - 1] == b->questions[end].row)
            continue;
        if (n == FORWARD_LOGIT_ROWS)
            break;
        rows[n++] = b->questions[end].row;
    }
    forward_logits(b->forward, rows, n, b->logits);
    for (int i = 0, q = at; i < n; i++) {
        const float *logits = b->logits + (size_t)i * (size_t)columns;
        int rc = logits_check(logits, columns, err);
        if (rc)
            return rc;
        double logsum = logits_logsum(forward_kernel(b->forward), logits, columns, b->scratch);
        for (; q < end && b->questions[q].row == rows[i]; q++)
            *b->questions[q].sum += (double)logits[b->questions[q].token] - logsum;
    }
    *next = end;
    return 0;
}

static int answer(struct batch *b, struct err *err)
{
    int rc = 0;
    for (int at = 0; at < b->questions_n && !rc;)
        rc = answer_some(b, at, err, &at);
    return rc;
}

int likelihood_run(struct forward *forward, struct likelihood *all, size_t n, const struct stop *stop,
                   struct err *err)
{
    size_t columns = (size_t)forward_columns(forward);
    struct batch b = {.forward = forward};
    b.logits = mem_zero(FORWARD_LOGIT_ROWS * columns, sizeof *b.logits);
    b.scratch = mem_zero(columns, sizeof *b.scratch);
    int rc = 0;
    for (size_t i = 0; i < n && !rc;) {
        b.segments_n = b.questions_n = b.slots_n = b.rows_n = 0;
        while (i < n && b.slots_n < forward_slots(forward) &&
               b.rows_n + rows_of(&all[i]) <= forward_rows_max(forward))
            place(&b, &all[i++]);
        assert(b.slots_n > 0); /* rows_max has room for the longest item */
        if (!(rc = forward_run(forward, b.segments, b.segments_n, stop, err)))
            rc = answer(&b, err);
    }
    mem_free(b.segments);
    mem_free(b.questions);
    mem_free(b.logits);
    mem_free(b.scratch);
    return rc;
}

/* ---- scores of sequences ---- */

static int pooled(const struct ids *sequence, int pad_id)
{
    int last = sequence->n - 1;
    while (last > 0 && sequence->id[last] == pad_id)
        last--;
    return last;
}

int sequence_scores(struct forward *forward, const struct ids *sequences, size_t n, double *out,
                    const struct stop *stop, struct err *err)
{
    struct segment segments[FORWARD_LOGIT_ROWS];
    int rows[FORWARD_LOGIT_ROWS], most = forward_slots(forward);
    float scores[FORWARD_LOGIT_ROWS];
    int pad_id = forward_model(forward)->config.pad_id;
    assert(forward_columns(forward) == 1);
    most = most < FORWARD_LOGIT_ROWS ? most : FORWARD_LOGIT_ROWS;
    for (size_t i = 0; i < n;) {
        int taken = 0, rows_n = 0;
        for (; taken < most && i + (size_t)taken < n; taken++) {
            const struct ids *s = &sequences[i + (size_t)taken];
            if (rows_n + s->n > forward_rows_max(forward))
                break;
            segments[taken] = (struct segment){.slot = taken, .n = s->n, .ids = s->id};
            rows[taken] = rows_n + pooled(s, pad_id);
            rows_n += s->n;
        }
        assert(taken > 0);
        int rc = forward_run(forward, segments, taken, stop, err);
        if (rc)
            return rc;
        forward_logits(forward, rows, taken, scores);
        if ((rc = logits_check(scores, taken, err)))
            return rc;
        for (int t = 0; t < taken; t++)
            out[i++] = scores[t];
    }
    return 0;
}
