#include "merge/output/stream_internal.h"

#include "proto/mem.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>

/* A part of one tensor, and the room it is worked in. */
struct block {
    size_t tensor, shard;         /* of the shards */
    uint64_t first, n;            /* elements */
    bool is_last;                 /* of its shard */
    bool is_done;                 /* worked: may be retired */
    char *room;                   /* [k] outputs */
    void **outs;                  /* [k], into room */
    struct merge_effect *effects; /* [k] */
};

/* The blocks that are out lie in a ring: retired .. taken is at most `blocks_n`. */
struct stream {
    const struct stream_job *job;
    struct stream_files files;
    struct merge_task *tasks; /* [shards->tensors_n] */
    double *ratios;           /* [shards->tensors_n][k] */
    size_t blocks_n;
    struct block *blocks; /* number i lies at i % blocks_n */

    pthread_mutex_t mutex; /* over all that follows */
    pthread_cond_t moved;  /* a block was retired, or it is over */
    uint64_t taken, retired;
    size_t next_tensor, next_shard;
    uint64_t next_element;
    bool is_retiring;
    uint64_t done_bytes;
    uint64_t left_element; /* of the tensor that is being retired: what is before it was left behind */
    int rc;                /* of the first failure; nothing is taken after it */
    struct err err;
};

/* --- the order of work --- */

static uint64_t block_elements(const struct merge_task *task)
{
    unsigned in = st_dtype_bits(task->base->dtype), out = st_dtype_bits(task->dtype);
    uint64_t n = (uint64_t)STREAM_BLOCK * 8 / (in > out ? in : out);
    return n - n % MERGE_BLOCK_N;
}

static uint64_t size_of(enum st_dtype dtype, uint64_t n)
{
    return n * st_dtype_bits(dtype) / 8;
}

/* The next part of the next tensor. false: there is none. A shard or tensor without bytes has one block too, of none. */
static bool take_next(struct stream *stream, struct block *block)
{
    const struct shards *shards = stream->job->shards;
    if (stream->next_tensor == shards->tensors_n)
        return false;
    const struct merge_task *task = &stream->tasks[stream->next_tensor];
    const struct shard *shard = &shards->shards[stream->next_shard];
    uint64_t left = task->base->elements - stream->next_element, most = block_elements(task);
    block->tensor = stream->next_tensor;
    block->shard = stream->next_shard;
    block->first = stream->next_element;
    block->n = left < most ? left : most;
    block->is_done = block->is_last = false;
    stream->next_element += block->n;
    if (stream->next_element == task->base->elements) {
        stream->next_element = 0;
        stream->next_tensor++;
        block->is_last = stream->next_tensor == shard->first + shard->n;
        stream->next_shard += block->is_last;
    }
    return true;
}

/* --- work --- */

/* Each part is asked for once: the first block of a tensor asks for those that come after it, others for one more. */
static void ask_ahead(const struct st_tensor *tensor, const struct block *block)
{
    uint64_t n = size_of(tensor->dtype, block->n);
    uint64_t from = size_of(tensor->dtype, block->first) + (block->first ? STREAM_AHEAD * n : n);
    uint64_t most = block->first ? n : STREAM_AHEAD * n;
    if (from < tensor->bytes)
        st_ahead(tensor, from, tensor->bytes - from < most ? tensor->bytes - from : most);
}

static const void *read_side(const struct st_tensor *tensor, const struct block *block, void *room,
                             struct err *err)
{
    ask_ahead(tensor, block);
    return st_read(tensor, size_of(tensor->dtype, block->first), size_of(tensor->dtype, block->n), room, err);
}

/* in: room for one block of base and one of tuned. */
static int work(struct stream *stream, struct block *block, char *in, struct err *err)
{
    const struct stream_job *job = stream->job;
    const struct merge_task *task = &stream->tasks[block->tensor];
    const struct shard_tensor *to = &job->shards->tensors[block->tensor];
    const void *base = read_side(task->base, block, in, err);
    const void *tuned = base ? read_side(task->tuned, block, in + STREAM_BLOCK, err) : NULL;
    if (!tuned)
        return err->code;
    memset(block->effects, 0, job->k * sizeof *block->effects);
    int rc = merge_span(task, base, tuned, block->first, block->n, job->k,
                        stream->ratios + block->tensor * job->k, block->outs, block->effects, err);
    uint64_t offset = to->offset + size_of(task->dtype, block->first);
    for (size_t c = 0; !rc && c < job->k; c++)
        rc = stream_files_write(&stream->files, c, block->shard, offset, block->outs[c],
                                size_of(task->dtype, block->n), err);
    return rc;
}

/* --- retiring --- */

/* Leaves what was read of a tensor behind, in large parts: every time, all threads wait for each other's page tables. */
static void leave(struct stream *stream, const struct block *block)
{
    const struct merge_task *task = &stream->tasks[block->tensor];
    unsigned bits = st_dtype_bits(task->base->dtype);
    uint64_t end = block->first + block->n, part = (uint64_t)STREAM_BEHIND * 8 / bits;
    if (end < task->base->elements && end - stream->left_element < part)
        return;
    uint64_t from = size_of(task->base->dtype, stream->left_element), to = size_of(task->base->dtype, end);
    st_behind(task->base, from, to - from);
    st_behind(task->tuned, from, to - from);
    stream->left_element = end < task->base->elements ? end : 0;
}

static int retire(struct stream *stream, const struct block *block, struct err *err)
{
    const struct stream_job *job = stream->job;
    size_t entry = job->shards->tensors[block->tensor].entry;
    uint64_t bytes = size_of(stream->tasks[block->tensor].dtype, block->n);
    for (size_t c = 0; c < job->k; c++) {
        struct merge_effect *sum = &job->effects[c * job->plan->entries_n + entry];
        sum->along += block->effects[c].along;
        sum->update += block->effects[c].update;
        hash_add(stream->files.hashes[c], block->outs[c], bytes);
    }
    leave(stream, block);
    if (block->is_last)
        stream_files_retire(&stream->files, block->shard);
    stream->done_bytes += bytes * job->k;
    const struct export_progress *progress = job->progress;
    if (progress && progress->tick &&
        progress->tick(progress->ctx, stream->done_bytes, job->shards->data * job->k))
        return err_set(err, ERR_CANCELLED, "the export was stopped");
    return 0;
}

static void fail(struct stream *stream, int rc, const struct err *err)
{
    if (stream->rc)
        return;
    stream->rc = rc;
    stream->err = *err;
}

/* Retires what is done and first in line, unless another thread is at it. With the mutex held. */
static void retire_done(struct stream *stream)
{
    struct err err = {0};
    if (stream->is_retiring)
        return;
    stream->is_retiring = true;
    while (!stream->rc && stream->retired < stream->taken) {
        struct block *block = &stream->blocks[stream->retired % stream->blocks_n];
        if (!block->is_done)
            break;
        pthread_mutex_unlock(&stream->mutex);
        int rc = retire(stream, block, &err);
        pthread_mutex_lock(&stream->mutex);
        if (rc)
            fail(stream, rc, &err);
        stream->retired++;
        pthread_cond_broadcast(&stream->moved);
    }
    stream->is_retiring = false;
}

/* --- threads --- */

/* The next block, NULL when there is none any more. With the mutex held. */
static struct block *take(struct stream *stream)
{
    while (!stream->rc && stream->taken - stream->retired == stream->blocks_n)
        pthread_cond_wait(&stream->moved, &stream->mutex);
    struct block *block = &stream->blocks[stream->taken % stream->blocks_n];
    if (stream->rc || !take_next(stream, block))
        return NULL;
    stream->taken++;
    return block;
}

static void *run(void *ctx)
{
    struct stream *stream = ctx;
    struct block *block;
    char *in = mem_zero(2, STREAM_BLOCK);
    pthread_mutex_lock(&stream->mutex);
    while ((block = take(stream))) {
        struct err err = {0};
        pthread_mutex_unlock(&stream->mutex);
        int rc = work(stream, block, in, &err);
        pthread_mutex_lock(&stream->mutex);
        block->is_done = !rc;
        if (rc) {
            fail(stream, rc, &err);
            pthread_cond_broadcast(&stream->moved);
        }
        retire_done(stream);
    }
    pthread_mutex_unlock(&stream->mutex);
    mem_free(in);
    return NULL;
}

static void run_all(struct stream *stream, int threads)
{
    pthread_t *others = mem_zero((size_t)threads, sizeof *others);
    int n = 0;
    while (n < threads - 1 && pthread_create(&others[n], NULL, run, stream) == 0)
        n++; /* fewer do the same work */
    run(stream);
    for (int i = 0; i < n; i++)
        pthread_join(others[i], NULL);
    mem_free(others);
}

/* --- a run --- */

static int make_tasks(struct stream *stream, struct err *err)
{
    const struct stream_job *job = stream->job;
    size_t n = job->shards->tensors_n;
    stream->tasks = mem_zero(n, sizeof *stream->tasks);
    stream->ratios = mem_zero(n * job->k, sizeof *stream->ratios);
    for (size_t i = 0; i < n; i++) {
        const struct plan_entry *entry = &job->plan->entries[job->shards->tensors[i].entry];
        const struct st_tensor *base = checkpoint_find(job->base, entry->tensor);
        const struct st_tensor *tuned = checkpoint_find(job->tuned, entry->tensor);
        if (!base || !tuned)
            return err_set(err, ERR_INVALID, "tensor \"%.200s\" of the plan is not in both checkpoints",
                           entry->tensor);
        const struct merge_how own = merge_how_for(job->how, entry);
        int rc = merge_begin(&stream->tasks[i], base, tuned, &own, err);
        if (rc)
            return rc;
        assert(stream->tasks[i].dtype == job->shards->tensors[i].tensor.dtype);
        for (size_t c = 0; c < job->k; c++)
            stream->ratios[i * job->k + c] = plan_ratio(job->plan, entry, job->targets[c].ratios);
    }
    return 0;
}

static void make_blocks(struct stream *stream, int threads)
{
    size_t k = stream->job->k, most = STREAM_MEMORY / STREAM_BLOCK / k;
    stream->blocks_n = 2 * (size_t)threads + 1;
    if (stream->blocks_n > most)
        stream->blocks_n = most ? most : 1;
    stream->blocks = mem_zero(stream->blocks_n, sizeof *stream->blocks);
    for (size_t i = 0; i < stream->blocks_n; i++) {
        struct block *block = &stream->blocks[i];
        block->room = mem_zero(k, STREAM_BLOCK);
        block->outs = mem_zero(k, sizeof *block->outs);
        block->effects = mem_zero(k, sizeof *block->effects);
        for (size_t c = 0; c < k; c++)
            block->outs[c] = block->room + c * STREAM_BLOCK;
    }
}

static void free_all(struct stream *stream)
{
    for (size_t i = 0; stream->blocks && i < stream->blocks_n; i++) {
        mem_free(stream->blocks[i].room);
        mem_free(stream->blocks[i].outs);
        mem_free(stream->blocks[i].effects);
    }
    mem_free(stream->blocks);
    mem_free(stream->tasks);
    mem_free(stream->ratios);
}

int stream_run(const struct stream_job *job, struct err *err)
{
    struct stream stream = {.job = job};
    int rc = make_tasks(&stream, err);
    if (!rc) {
        pthread_mutex_init(&stream.mutex, NULL);
        pthread_cond_init(&stream.moved, NULL);
        rc = stream_files_open(&stream.files, job, err);
        if (!rc) {
            make_blocks(&stream, job->threads);
            run_all(&stream, job->threads);
            rc = stream.rc;
            if (rc && err)
                *err = stream.err;
        }
        rc = stream_files_close(&stream.files, rc, err);
        pthread_cond_destroy(&stream.moved);
        pthread_mutex_destroy(&stream.mutex);
    }
    free_all(&stream);
    return rc;
}
