/* What the program says: slices while it runs, and the answer at its end. */
#include "worker/program.h"

#include "worker/answer.h"

#include <string.h>

static int need_objectives(const struct program *program, const struct scores *scores, struct err *err)
{
    for (int i = 0; i < program->spec.objectives_n; i++) {
        const struct spec_objective *objective = &program->spec.objectives[i];
        for (int m = 0; m < objective->metrics_n; m++)
            if (!answer_find(scores, objective->metrics[m]))
                return err_set(err, ERR_EVALUATOR,
                               "the evaluator's answer has no score \"%s\", which objective \"%s\" needs; it "
                               "has \"%s\"%s",
                               objective->metrics[m], objective->name, scores->item[0].metric,
                               scores->n > 1 ? " and others" : "");
    }
    return 0;
}

/* The program's word counts most: it may have done more to the weights. Else what our own merge came out as. */
static int settle_effective(const struct program *program, const struct place *place,
                            const struct evaluation *evaluation, struct scores *scores, struct err *err)
{
    size_t want = (size_t)evaluation->ratios_n;
    if (scores->effective_n > 0 && scores->effective_n != want)
        return err_set(err, ERR_EVALUATOR,
                       "the evaluator's answer: effective has %zu numbers, but there are %zu ratios",
                       scores->effective_n, want);
    if (scores->effective_n == 0 && program->spec.merge == MERGE_DIRECTORY) {
        memcpy(scores->effective, place->effective, want * sizeof *scores->effective);
        scores->effective_n = want;
    }
    return 0;
}

static int check_slice(const struct conversation *c, const struct scores *slice, struct err *err)
{
    int done = slice->slices_done;
    if (done <= c->last.slices_done)
        return err_set(err, ERR_EVALUATOR,
                       "the evaluator printed slice %d after slice %d; each is printed once, in their order",
                       done, c->last.slices_done);
    if (slice->items < c->last.items)
        return err_set(
            err, ERR_EVALUATOR,
            "slice %d has %lld items, and the one before it %lld; scores and items are those of all "
            "slices so far",
            done, (long long)slice->items, (long long)c->last.items);
    int rc = need_objectives(c->program, slice, err);
    return rc ? err_prefix(err, rc, "slice %d", done) : 0;
}

int conversation_slice(struct conversation *c, int done, struct scores *slice, struct err *err)
{
    c->first = c->first ? c->first : done;
    slice->slices = program_slices(c->evaluation);
    slice->slices_done = done;
    int rc = check_slice(c, slice, err);
    if (rc || done == slice->slices) {
        scores_fini(slice);
        return rc;
    }
    scores_fini(&c->last);
    c->last = *slice;
    *slice = (struct scores){0};
    c->evaluation->hearer->hear(c->evaluation->hearer->ctx, &c->last);
    return 0;
}

bool conversation_is_enough(void *ctx)
{
    const struct conversation *c = ctx;
    int after = c->evaluation->stop_after;
    if (after > 0 && c->last.slices_done >= after)
        return true;
    return c->last.n > 0 && c->evaluation->hearer->stop(c->evaluation->hearer->ctx, 0);
}

/* A program that goes on says so with its first slice: one behind those that were done. */
static void settle_resumed(const struct conversation *c, struct scores *scores)
{
    const struct resume *resume = &c->evaluation->resume;
    if (!program_resumes(c->evaluation) || c->first <= resume->slices_done || scores->items < resume->items)
        return;
    scores->resumed = resume->slices_done;
    scores->resumed_items = resume->items;
}

int conversation_settle(struct conversation *c, bool told, const struct place *place, struct scores *scores,
                        struct err *err)
{
    int rc = 0;
    if (told) {
        scores_fini(scores);
        *scores = c->last;
        c->last = (struct scores){0};
    } else {
        scores->slices = scores->slices_done = program_slices(c->evaluation);
        scores->items = scores->items ? scores->items : answer_items(scores);
        rc = need_objectives(c->program, scores, err);
    }
    if (!rc)
        rc = settle_effective(c->program, place, c->evaluation, scores, err);
    if (!rc)
        settle_resumed(c, scores);
    return rc;
}
