#include "worker/native.h"

#include "proto/limits.h"
#include "proto/log.h"
#include "proto/mem.h"
#include "worker/task_state.h"
#include "worker/task_texts.h"

#include <stdio.h>
#include <string.h>

#define ROWS 256     /* tokens computed together: their activations stay in the processor's second cache */
#define SLOTS 64     /* sequences under way at once */
#define PATIENCE 0.1 /* of a slice's time, for the answer to its scores */

struct judge { /* a reward model */
    struct checkpoint *ckpt;
    struct model *model;
    struct forward *forward;
};

struct native {
    struct checkpoint *base, *tuned;
    struct plan *plan;
    struct bundle *bundle;
    unsigned *
        needed; /* [bundle->tasks_n] bit m: some objective names metric m of the task; 0: the task is left out */
    struct judge *judges; /* [bundle->tasks_n], zero for tasks without */
    struct model *model;
    struct forward *forward;
    struct merge_how how;
    struct hash128 bundle_id;
    struct hash128 base_id, tuned_id; /* which files; they stay open, so their contents need not be hashed */
    struct merge_effect *effects;     /* [plan->entries_n] of the last merge */
    uint64_t seed;
    double time_limit_s;
    bool keeps_texts;
};

/* ---- which tasks ---- */

/* The task that has "task.metric", and which of its metrics that is; -1 when none does. */
static int find_metric(const struct bundle *bundle, const char *metric, int *which)
{
    for (int t = 0; t < bundle->tasks_n; t++) {
        const struct bundle_task *task = &bundle->tasks[t];
        for (int m = 0; m < task->metrics_n; m++) {
            char name[sizeof task->name + 16];
            snprintf(name, sizeof name, "%s.%s", task->name, metric_name(task->metrics[m]));
            *which = m;
            if (strcmp(name, metric) == 0)
                return t;
        }
    }
    return -1;
}

static int refuse_metric(const struct bundle *bundle, int objective, const char *metric, struct err *err)
{
    struct buf names;
    buf_init(&names, 300);
    for (int t = 0; t < bundle->tasks_n; t++) {
        for (int m = 0; m < bundle->tasks[t].metrics_n; m++)
            buf_printf(&names, "%s%s.%s", names.len ? ", " : "", bundle->tasks[t].name,
                       metric_name(bundle->tasks[t].metrics[m]));
    }
    int rc = err_set(err, ERR_INVALID, "objectives[%d]: the bundle has no metric \"%s\"; it has %s",
                     objective, metric, buf_str(&names));
    buf_fini(&names);
    return rc;
}

static int choose_tasks(struct native *native, const struct search_spec *spec, struct err *err)
{
    native->needed = mem_zero((size_t)native->bundle->tasks_n, sizeof *native->needed);
    for (int t = 0; t < native->bundle->tasks_n && spec->objectives_n == 0; t++)
        native->needed[t] = (1u << native->bundle->tasks[t].metrics_n) - 1;
    for (int o = 0; o < spec->objectives_n; o++) {
        for (int m = 0; m < spec->objectives[o].metrics_n; m++) {
            int which, t = find_metric(native->bundle, spec->objectives[o].metrics[m], &which);
            if (t < 0)
                return refuse_metric(native->bundle, o, spec->objectives[o].metrics[m], err);
            native->needed[t] |= 1u << which;
        }
    }
    return 0;
}

/* ---- models ---- */

static int most(int a, int b)
{
    return a > b ? a : b;
}

/* A model is fit for the bundle when its vocabulary holds the bundle's ids and its positions the longest sequence. */
static int check_fit(const struct model *model, const struct bundle *bundle, int longest,
                     const char *directory, struct err *err)
{
    const struct model_config *c = &model->config;
    if (c->vocab < bundle->vocab_n)
        return err_set(err, ERR_INVALID,
                       "%s: vocab_size is %d, the bundle's vocabulary has %d tokens; make the bundle "
                       "with this model's tokenizer",
                       directory, c->vocab, bundle->vocab_n);
    if (c->positions_max < longest)
        return err_set(err, ERR_INVALID,
                       "%s: max_position_embeddings is %d, the bundle's longest sequence is %d tokens",
                       directory, c->positions_max, longest);
    if (c->window && c->window < longest)
        return err_set(err, ERR_UNSUPPORTED,
                       "%s: sliding_window is %d and the bundle's longest sequence is %d tokens; "
                       "use an evaluator of type command",
                       directory, c->window, longest);
    return 0;
}

static int open_models(struct native *native, struct err *err)
{
    int longest = 0;
    for (int t = 0; t < native->bundle->tasks_n; t++)
        longest = native->needed[t] ? most(longest, native->bundle->tasks[t].longest) : longest;
    const char *directory = checkpoint_directory(native->base);
    int rc = model_open(native->base, HEAD_LANGUAGE, &native->model, err);
    struct model_config tuned;
    if (!rc && (rc = model_config_read(checkpoint_config(native->tuned), &tuned, err)))
        err_prefix(err, rc, "%s", checkpoint_directory(native->tuned));
    if (!rc)
        rc = model_config_equal(&native->model->config, &tuned, err);
    if (!rc)
        rc = check_fit(native->model, native->bundle, longest, directory, err);
    if (!rc)
        forward_open(native->model, kernel_best(), most(ROWS, longest), SLOTS, longest, &native->forward);
    return rc;
}

static int open_judge(const struct bundle *bundle, const struct bundle_task *task, struct judge *judge,
                      struct err *err)
{
    int rc = checkpoint_open(task->reward_model, &judge->ckpt, err);
    if (!rc)
        rc = model_open(judge->ckpt, HEAD_SCORE, &judge->model, err);
    if (!rc)
        rc = check_fit(judge->model, bundle, task->longest, task->reward_model, err);
    if (!rc)
        rc = model_load(judge->model, &(struct weights){.base = judge->ckpt}, NULL, err);
    if (rc)
        return err_prefix(err, rc, "reward model of task %s", task->name);
    forward_open(judge->model, kernel_best(), most(ROWS, task->longest), FORWARD_LOGIT_ROWS, task->longest,
                 &judge->forward);
    return 0;
}

static int open_judges(struct native *native, struct err *err)
{
    const struct bundle *bundle = native->bundle;
    native->judges = mem_zero((size_t)bundle->tasks_n, sizeof *native->judges);
    int rc = 0;
    for (int t = 0; t < bundle->tasks_n && !rc; t++) {
        if (native->needed[t] && bundle->tasks[t].type == TASK_REWARD)
            rc = open_judge(bundle, &bundle->tasks[t], &native->judges[t], err);
    }
    return rc;
}

int native_open(const struct search_spec *spec, struct native **out, struct err *err)
{
    *out = NULL;
    struct native *native = mem_zero(1, sizeof *native);
    native->seed = spec->seed;
    native->how = merge_how_of(spec);
    native->time_limit_s = spec->time_limit_s;
    native->keeps_texts = search_spec_wants_written(spec);
    int rc = bundle_open(spec->bundle, &native->bundle, err);
    if (!rc)
        rc = choose_tasks(native, spec, err);
    if (!rc)
        native->bundle_id = bundle_digest(native->bundle);
    if (!rc)
        rc = checkpoint_open(spec->base, &native->base, err);
    if (!rc)
        rc = checkpoint_open(spec->tuned, &native->tuned, err);
    if (!rc)
        rc = plan_make(spec, native->base, native->tuned, &native->plan, err);
    if (!rc) {
        native->base_id = checkpoint_identity(native->base);
        native->tuned_id = checkpoint_identity(native->tuned);
        native->effects = mem_zero(native->plan->entries_n, sizeof *native->effects);
        rc = open_models(native, err);
    }
    if (!rc)
        rc = open_judges(native, err);
    if (rc) {
        native_close(native);
        return rc;
    }
    *out = native;
    return 0;
}

void native_close(struct native *native)
{
    if (!native)
        return;
    for (int t = 0; native->judges && t < native->bundle->tasks_n; t++) {
        forward_close(native->judges[t].forward);
        model_close(native->judges[t].model);
        checkpoint_close(native->judges[t].ckpt);
    }
    mem_free(native->judges);
    mem_free(native->needed);
    forward_close(native->forward);
    model_close(native->model);
    mem_free(native->effects);
    plan_free(native->plan);
    checkpoint_close(native->tuned);
    checkpoint_close(native->base);
    bundle_close(native->bundle);
    mem_free(native);
}

int native_names(const struct native *native, const char *names[SPEC_RATIOS_MAX])
{
    for (int i = 0; i < native->plan->ratios_n; i++)
        names[i] = native->plan->names[i];
    return native->plan->ratios_n;
}

/* ---- run ---- */

static int check_evaluation(const struct native *native, const struct evaluation *evaluation, struct err *err)
{
    if (evaluation->ratios_n != native->plan->ratios_n)
        return err_set(err, ERR_INVALID, "the trial has %d ratios, the plan %d", evaluation->ratios_n,
                       native->plan->ratios_n);
    if (strcmp(evaluation->half, "search") != 0 && strcmp(evaluation->half, "heldout") != 0)
        return err_set(err, ERR_INVALID, "half must be \"search\" or \"heldout\", not \"%s\"",
                       evaluation->half);
    return 0;
}

/* What one run holds. */
struct run {
    struct native *native;
    const struct evaluation *evaluation;
    struct stop stop;
    struct task *tasks; /* [tasks_n] the wanted ones */
    int tasks_n, slices;
    int resumed; /* slices */
    int64_t resumed_items;
    bool told; /* there were scores of a slice to tell */
};

static int open_tasks(struct run *run, struct err *err)
{
    struct native *native = run->native;
    const struct evaluation *evaluation = run->evaluation;
    int rc = 0;
    run->slices = evaluation->hearer ? most(1, evaluation->slices) : 1;
    run->tasks = mem_zero((size_t)native->bundle->tasks_n, sizeof *run->tasks);
    for (int t = 0; t < native->bundle->tasks_n && !rc; t++) {
        if (!native->needed[t])
            continue;
        struct task_run about = {.bundle = native->bundle,
                                 .task = &native->bundle->tasks[t],
                                 .held_out = strcmp(evaluation->half, "heldout") == 0,
                                 .model = native->forward,
                                 .reward = native->judges[t].forward,
                                 .seed = evaluation->repeat ? evaluation->seed : native->seed,
                                 .stop = &run->stop,
                                 .shard = evaluation->shard,
                                 .needed = native->needed[t],
                                 .keeps_texts = native->keeps_texts};
        rc = task_open(&about, run->slices, &run->tasks[run->tasks_n++], err);
    }
    return rc;
}

/* ---- going on where an earlier evaluation was ended ---- */

static struct state_owner owner_of(const struct run *run)
{
    return (struct state_owner){.bundle = run->native->bundle_id,
                                .ratios = run->evaluation->ratios,
                                .ratios_n = run->evaluation->ratios_n,
                                .slices = run->slices};
}

/* The slices that need not be evaluated again. */
static int resume(struct run *run)
{
    const struct evaluation *evaluation = run->evaluation;
    const struct resume *from = &evaluation->resume;
    const struct state_owner owner = owner_of(run);
    struct err err = {0};
    if (!from->state)
        return 0;
    int rc = from->slices == run->slices
                 ? task_state_read(from->state, &owner, from->slices_done, run->tasks, run->tasks_n, &err)
                 : err_set(&err, ERR_INVALID, "it is of %d slices, not of %d", from->slices, run->slices);
    if (rc)
        log_event(LOG_WARN, "state_ignored", "search=%lld trial=%d reason=%s", (long long)evaluation->search,
                  evaluation->trial, LOG_QUOTE(err.text));
    return rc ? 0 : from->slices_done;
}

/* What the next evaluation goes on from; without it, it begins anew. */
static char *state_of(const struct run *run)
{
    const struct state_owner owner = owner_of(run);
    struct buf buf;
    buf_init(&buf, LIMIT_STATE_BYTES);
    task_state_write(&owner, run->tasks, run->tasks_n, &buf);
    if (!buf.full)
        return buf_take(&buf);
    log_event(LOG_WARN, "state_left_out", "search=%lld trial=%d reason=\"larger than %zu KiB\"",
              (long long)run->evaluation->search, run->evaluation->trial, LIMIT_STATE_BYTES >> 10);
    buf_fini(&buf);
    return NULL;
}

static char *texts_of(const struct run *run)
{
    bool too_large;
    char *texts = task_texts_write(run->tasks, run->tasks_n, &too_large);
    if (too_large)
        log_event(LOG_WARN, "written_left_out", "search=%lld trial=%d reason=\"larger than %zu MiB\"",
                  (long long)run->evaluation->search, run->evaluation->trial, LIMIT_WRITTEN_BYTES >> 20);
    return texts;
}

static void close_tasks(struct run *run)
{
    for (int t = 0; t < run->tasks_n; t++)
        task_close(&run->tasks[t]);
    mem_free(run->tasks);
}

/* Scores of the items so far; scores->item must be empty. */
static int sum_up(const struct run *run, int done, struct scores *scores, struct err *err)
{
    int rc = 0;
    scores->slices = run->slices;
    scores->slices_done = done;
    scores->items = 0;
    scores->resumed = run->resumed;
    scores->resumed_items = run->resumed_items;
    for (int t = 0; t < run->tasks_n && !rc; t++) {
        rc = task_scores(&run->tasks[t], scores, err);
        scores->items += (int64_t)task_items_done(&run->tasks[t]);
    }
    return rc;
}

/* Tells the scores so far; true when that is enough. An answer may take a tenth of what the slice took: then waiting for
 * it costs little, and an evaluation that shall end does not begin another slice. Scores that are not defined by so few
 * items may be by more: nothing is told then, and the evaluation goes on. */
static bool ask(struct run *run, int done, double slice_s)
{
    const struct slice_hearer *hearer = run->evaluation->hearer;
    struct scores so_far = {0};
    bool defined = sum_up(run, done, &so_far, NULL) == 0, last = done == run->evaluation->stop_after;
    if (defined && !last)
        hearer->hear(hearer->ctx, &so_far);
    scores_fini(&so_far);
    run->told = run->told || defined;
    return defined && (last || hearer->stop(hearer->ctx, PATIENCE * slice_s));
}

/* The slice under way was given up: what was scored before it is enough. */
static bool was_enough(const struct run *run, int rc)
{
    const atomic_bool *cancel = run->evaluation->cancel;
    return rc == ERR_CANCELLED && run->stop.enough && atomic_load(run->stop.enough) &&
           !(cancel && atomic_load(cancel));
}

static int begin(struct run *run, struct err *err)
{
    int rc = open_tasks(run, err);
    run->resumed = rc ? 0 : resume(run);
    for (int t = 0; t < run->tasks_n && run->resumed; t++)
        run->resumed_items += (int64_t)task_items_done(&run->tasks[t]);
    return rc;
}

/* How many slices come next, at once where nothing can be learnt from stopping between them: the daemon says beforehand that
 * it wants no more than so many, and a trial that goes on is not stopped again. */
static int slices_next(const struct run *run, int done)
{
    if (run->evaluation->stop_after > done)
        return run->evaluation->stop_after - done;
    return run->resumed ? run->slices - done : 1;
}

static int run_tasks(struct run *run, struct scores *scores, struct err *err)
{
    int rc = begin(run, err), done = run->resumed;
    bool enough = false;
    while (!rc && done < run->slices && !enough) {
        double start_s = stop_now_s();
        int next = slices_next(run, done);
        rc = tasks_slices(run->tasks, run->tasks_n, next, err);
        if (was_enough(run, rc)) {
            rc = 0;
            break;
        }
        done += next;
        if (!rc && done < run->slices)
            enough = ask(run, done, stop_now_s() - start_s);
        run->stop.enough =
            run->told ? run->evaluation->hearer->stopped : NULL; /* not before there are scores */
    }
    if (!rc)
        rc = sum_up(run, done, scores, err);
    if (!rc)
        scores->state = done < run->slices ? state_of(run) : NULL;
    if (!rc && done == run->slices)
        scores->written = texts_of(run);
    close_tasks(run);
    return rc;
}

int native_run(struct native *native, const struct evaluation *evaluation, struct scores *scores,
               struct err *err)
{
    *scores = (struct scores){0};
    struct run run = {.native = native, .evaluation = evaluation};
    stop_init(&run.stop, evaluation->cancel, native->time_limit_s);
    struct weights weights = {.base = native->base,
                              .tuned = native->tuned,
                              .plan = native->plan,
                              .ratios = evaluation->ratios,
                              .how = native->how,
                              .base_id = native->base_id,
                              .tuned_id = native->tuned_id,
                              .effects = native->effects};
    double start_s = stop_now_s();
    int rc = check_evaluation(native, evaluation, err);
    if (!rc)
        rc = model_load(native->model, &weights, &run.stop, err);
    scores->merge_s = stop_now_s() - start_s;
    if (!rc) {
        merge_effective_ratios(native->plan, native->effects, scores->effective);
        scores->effective_n = (size_t)native->plan->ratios_n;
    }
    start_s = stop_now_s();
    if (!rc)
        rc = run_tasks(&run, scores, err);
    scores->evaluate_s = stop_now_s() - start_s;
    if (rc)
        scores_fini(scores);
    return rc;
}
