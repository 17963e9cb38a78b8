#include "merge/preflight/survey.h"

#include "merge/files/once.h"
#include "merge/preflight/survey_internal.h"
#include "proto/mem.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

const double survey_ratios[SURVEY_RATIOS_N] = {0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9};

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* --- the work --- */

/* As the tensors of base lie in their files; those that only tuned has come last. */
static int by_place(const void *a, const void *b)
{
    const struct survey_work *v = a, *w = b;
    const struct st_tensor *x = v->of[0] ? v->of[0] : v->of[1], *y = w->of[0] ? w->of[0] : w->of[1];
    if (!v->of[0] != !w->of[0])
        return v->of[0] ? -1 : 1;
    if (x->disk != y->disk)
        return (uintptr_t)x->disk < (uintptr_t)y->disk ? -1 : 1;
    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* One piece a tensor name of either checkpoint; walks both sorted lists side by side. */
static void list_work(struct survey_pass *pass, const struct checkpoint *base, const struct checkpoint *tuned)
{
    size_t nb = checkpoint_count(base), nt = checkpoint_count(tuned);
    pass->work = mem_zero(nb + nt, sizeof *pass->work);
    for (size_t i = 0, j = 0; i < nb || j < nt;) {
        const struct st_tensor *b = checkpoint_at(base, i), *t = checkpoint_at(tuned, j);
        int order = !b ? 1 : !t ? -1 : strcmp(b->name, t->name);
        struct survey_work *work = &pass->work[pass->work_n++];
        if (order <= 0) {
            work->of[0] = b;
            work->hash[0] = &pass->hashes[0][i++];
            pass->survey->bytes += b->bytes;
        }
        if (order >= 0) {
            work->of[1] = t;
            work->hash[1] = &pass->hashes[1][j++];
            pass->survey->bytes += t->bytes;
        }
    }
    qsort(pass->work, pass->work_n, sizeof *pass->work, by_place);
}

/* Every how manyth span of a tensor is tried at all ratios. */
static void choose_sample(struct survey_pass *pass, const struct plan *plan, uint64_t sample_n)
{
    uint64_t elements = 0;
    for (size_t i = 0; i < plan->entries_n; i++)
        elements += plan->entries[i].elements;
    pass->stride = elements <= sample_n ? 1 : (elements + sample_n - 1) / sample_n;
    pass->survey->sampled = pass->stride > 1;
}

static void tie_to_plan(struct survey_pass *pass, const struct plan *plan)
{
    for (size_t i = 0; i < pass->work_n; i++) {
        struct survey_work *work = &pass->work[i];
        const struct plan_entry *entry =
            work->of[0] && work->of[1] ? plan_find(plan, work->of[0]->name) : NULL;
        if (entry)
            work->seen = &pass->survey->tensors[entry - plan->entries];
    }
}

/* --- the threads --- */

static void *work_on(void *arg)
{
    struct survey_pass *pass = arg;
    struct survey_hands *hands = survey_hands_create();
    for (;;) {
        pthread_mutex_lock(&pass->lock);
        struct survey_work *work =
            pass->rc == 0 && pass->next < pass->work_n ? &pass->work[pass->next++] : NULL;
        pthread_mutex_unlock(&pass->lock);
        struct err err = {0};
        int rc = work ? survey_look(pass, hands, work, &err) : 0;
        if (!work)
            break;
        pthread_mutex_lock(&pass->lock);
        if (rc && !pass->rc) {
            pass->rc = rc;
            pass->err = err;
        }
        pthread_mutex_unlock(&pass->lock);
    }
    pthread_mutex_lock(&pass->lock);
    pass->merge_s += survey_hands_destroy(hands);
    pthread_mutex_unlock(&pass->lock);
    return NULL;
}

/* With fewer threads than were asked for when the system has no more. */
static void work_together(struct survey_pass *pass, int threads)
{
    pthread_t others[SURVEY_THREADS_MAX];
    int n = 0;
    while (n < threads - 1 && n < SURVEY_THREADS_MAX && pthread_create(&others[n], NULL, work_on, pass) == 0)
        n++;
    work_on(pass);
    for (int i = 0; i < n; i++)
        pthread_join(others[i], NULL);
}

int survey_advance(struct survey_pass *pass, uint64_t bytes, struct err *err)
{
    const struct digest_progress *progress = pass->progress;
    pthread_mutex_lock(&pass->lock);
    pass->done += bytes;
    int stop = pass->rc;
    if (!stop && progress && progress->tick &&
        (pass->done - pass->told >= SURVEY_TICK_BYTES || pass->done == pass->survey->bytes)) {
        pass->told = pass->done;
        if (progress->tick(progress->ctx, pass->done, pass->survey->bytes))
            stop = err_set(err, ERR_CANCELLED, "reading the pair was stopped");
    }
    pthread_mutex_unlock(&pass->lock);
    return stop;
}

/* --- the pass --- */

static void destroy(void *value)
{
    struct survey *survey = value;
    if (!survey)
        return;
    mem_free(survey->tensors);
    mem_free(survey);
}

static int make(const struct checkpoint *base, const struct checkpoint *tuned, const struct plan *plan,
                struct survey_pass *pass, uint64_t sample_n, int threads, struct err *err)
{
    struct survey *survey = pass->survey;
    double began_s = now_s();
    survey->n = plan->entries_n;
    survey->tensors = mem_zero(survey->n, sizeof *survey->tensors);
    pass->hashes[0] = mem_zero(checkpoint_count(base), sizeof **pass->hashes);
    pass->hashes[1] = mem_zero(checkpoint_count(tuned), sizeof **pass->hashes);
    pthread_mutex_init(&pass->lock, NULL);
    list_work(pass, base, tuned);
    choose_sample(pass, plan, sample_n);
    tie_to_plan(pass, plan);
    work_together(pass, threads);
    survey->read_s = now_s() - began_s;
    survey->merge_s = pass->merge_s;
    int rc = pass->rc ? err_set(err, pass->rc, "%s", pass->err.text) : 0;
    if (!rc)
        rc = digest_keep(base, pass->hashes[0], err);
    if (!rc)
        rc = digest_keep(tuned, pass->hashes[1], err);
    pthread_mutex_destroy(&pass->lock);
    mem_free(pass->hashes[0]);
    mem_free(pass->hashes[1]);
    mem_free(pass->work);
    return rc;
}

static struct once cache = ONCE_INIT(destroy);

/* The names of the entries are those that both files have, but for what the plan drops. */
static struct hash128 key_of(const struct checkpoint *base, const struct checkpoint *tuned,
                             const struct plan *plan, const struct merge_how *how, uint64_t sample_n)
{
    struct hash128 files[2] = {checkpoint_identity(base), checkpoint_identity(tuned)};
    const uint64_t more[] = {plan->entries_n, (uint64_t)how->dtype, how->seed, sample_n};
    struct hash_stream *stream = hash_create();
    hash_add(stream, files, sizeof files);
    hash_add(stream, more, sizeof more);
    struct hash128 key = hash_value(stream);
    hash_destroy(stream);
    return key;
}

int survey_hold(const struct checkpoint *base, const struct checkpoint *tuned, const struct plan *plan,
                const struct merge_how *how, uint64_t sample_n, int threads,
                const struct digest_progress *progress, const struct survey **out, struct err *err)
{
    struct hash128 key = key_of(base, tuned, plan, how, sample_n);
    struct survey *survey = once_hold(&cache, key);
    int rc = 0;
    if (!survey) {
        struct survey_pass pass = {.progress = progress, .how = *how};
        pass.survey = survey = mem_zero(1, sizeof *survey);
        rc = make(base, tuned, plan, &pass, sample_n, threads, err);
        if (rc) {
            destroy(survey);
            survey = NULL;
        }
        once_settle(&cache, key, survey);
    }
    *out = survey;
    return rc;
}

void survey_release(const struct survey *survey)
{
    once_release(&cache, (void *)survey);
}

/* --- figures --- */

/* A sample stands for its tensor by the share of the update that it saw. */
static double weight_of(const struct survey *survey, const struct survey_tensor *tensor,
                        const struct merge_effect *effect)
{
    return survey->sampled && effect->update > 0 ? tensor->tally.square / effect->update : 1;
}

void survey_effective(const struct survey *survey, const struct plan *plan, int group, bool stochastic,
                      double out[SURVEY_RATIOS_N])
{
    for (size_t r = 0; r < SURVEY_RATIOS_N; r++) {
        struct merge_effect sum = {0};
        for (size_t i = 0; i < survey->n; i++) {
            const struct survey_tensor *tensor = &survey->tensors[i];
            const struct merge_effect *effect = stochastic ? &tensor->stochastic[r] : &tensor->nearest[r];
            if (plan->entries[i].group != group)
                continue;
            sum.along += effect->along * weight_of(survey, tensor, effect);
            sum.update += effect->update * weight_of(survey, tensor, effect);
        }
        out[r] = merge_effective(&sum);
    }
}
