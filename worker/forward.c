#include "worker/forward_internal.h"

#include "proto/mem.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define NORM_LANES 16

static size_t round_up(size_t n)
{
    return (n + PANEL - 1) / PANEL * PANEL;
}

static float *floats(size_t n, size_t m)
{
    return mem_zero(n, m * sizeof(float));
}

void forward_open(const struct model *model, const struct kernel *kernel, int rows_max, int slots_max,
                  int keys_max, struct forward **out)
{
    const struct model_config *c = &model->config;
    struct forward *f = mem_zero(1, sizeof *f);
    size_t hidden = (size_t)c->hidden, dim = (size_t)c->head_dim, inner = (size_t)c->intermediate;
    size_t rows = (size_t)rows_max, group = (size_t)(c->heads / c->kv_heads);
    *f = (struct forward){
        .model = model, .kernel = kernel, .rows_max = rows_max, .keys = round_up((size_t)keys_max)};
    f->key_size = f->keys * dim;
    f->value_size = f->keys * round_up(dim);
    size_t slot = (size_t)c->layers * (size_t)c->kv_heads * (f->key_size + f->value_size) * sizeof(float);
    size_t fit = FORWARD_CACHE_MAX / slot;
    f->slots_n = fit < 1 ? 1 : fit < (size_t)slots_max ? (int)fit : slots_max;
    size_t blocks = (size_t)c->layers * (size_t)f->slots_n * (size_t)c->kv_heads;
    f->key_cache = floats(blocks, f->key_size);
    f->value_cache = floats(blocks, f->value_size);
    f->cos = floats(f->keys, dim / 2);
    f->sin = floats(f->keys, dim / 2);
    f->x = floats(rows, hidden);
    f->h = floats(rows, hidden);
    f->qkv = floats(rows, model->layers[0].qkv.n);
    f->mixed = floats(rows, (size_t)c->heads * dim);
    f->inner = floats(rows, 2 * inner);
    f->gated = floats(rows, inner);
    f->scores = floats(group > ATTENTION_ROWS ? group : ATTENTION_ROWS, f->keys);
    f->heads = floats(FORWARD_LOGIT_ROWS, hidden);
    f->position = mem_zero(rows, sizeof *f->position);
    attention_angles(f);
    *out = f;
}

void forward_close(struct forward *f)
{
    if (!f)
        return;
    float *all[] = {f->cos, f->sin,   f->key_cache, f->value_cache, f->x,      f->h,
                    f->qkv, f->mixed, f->inner,     f->gated,       f->scores, f->heads};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        mem_free(all[i]);
    mem_free(f->position);
    mem_free(f);
}

const struct model *forward_model(const struct forward *forward)
{
    return forward->model;
}

const struct kernel *forward_kernel(const struct forward *forward)
{
    return forward->kernel;
}

int forward_rows_max(const struct forward *forward)
{
    return forward->rows_max;
}

int forward_slots(const struct forward *forward)
{
    return forward->slots_n;
}

int forward_slot_keys(const struct forward *forward)
{
    return (int)forward->keys;
}

int forward_columns(const struct forward *forward)
{
    return (int)forward->model->head.n;
}

/* y = weight * x / sqrt(mean(x^2) + eps) (Zhang and Sennrich 2019), in the order transformers rounds. Squares
 * are summed in NORM_LANES strands, whose number is part of the definition: it fixes the rounding. */
static void norm_row(const float *x, const float *weight, size_t n, double eps, float *y)
{
    float strand[NORM_LANES] = {0};
    size_t i = 0;
    for (; i + NORM_LANES <= n; i += NORM_LANES) {
        for (size_t j = 0; j < NORM_LANES; j++)
            strand[j] += x[i + j] * x[i + j];
    }
    for (; i < n; i++)
        strand[i % NORM_LANES] += x[i] * x[i];
    double sum = 0;
    for (size_t j = 0; j < NORM_LANES; j++)
        sum += strand[j];
    float factor = (float)(1.0 / sqrt(sum / (double)n + eps));
    for (size_t j = 0; j < n; j++)
        y[j] = weight[j] * (x[j] * factor);
}

static void norm_rows(const struct forward *f, const float *weight, int rows)
{
    size_t hidden = (size_t)f->model->config.hidden;
    for (size_t r = 0; r < (size_t)rows; r++)
        norm_row(f->x + r * hidden, weight, hidden, f->model->config.eps, f->h + r * hidden);
}

/* y = a W^T + bias; y is as wide as W has rows. */
static void linear(const struct forward *f, const struct matrix *w, const float *bias, int rows,
                   const float *a, float *y)
{
    matrix_multiply(w, f->kernel, (size_t)rows, a, w->k, y, w->n);
    for (size_t r = 0; bias && r < (size_t)rows; r++) {
        for (size_t i = 0; i < w->n; i++)
            y[r * w->n + i] += bias[i];
    }
}

static void add_to_residual(struct forward *f, int rows)
{
    size_t n = (size_t)rows * (size_t)f->model->config.hidden;
    for (size_t i = 0; i < n; i++)
        f->x[i] += f->h[i];
}

static void run_layer(struct forward *f, int i, const struct segment *segments, int segments_n, int rows)
{
    const struct model_layer *l = &f->model->layers[i];
    size_t inner = (size_t)f->model->config.intermediate;
    norm_rows(f, l->attention_norm, rows);
    linear(f, &l->qkv, l->qkv_bias, rows, f->h, f->qkv);
    attention_run(f, i, segments, segments_n);
    linear(f, &l->o, l->o_bias, rows, f->mixed, f->h);
    add_to_residual(f, rows);
    norm_rows(f, l->mlp_norm, rows);
    linear(f, &l->gate_up, l->gate_up_bias, rows, f->h, f->inner);
    for (size_t r = 0; r < (size_t)rows; r++) {
        const float *gate = f->inner + r * 2 * inner;
        f->kernel->swiglu(inner, gate, gate + inner, f->gated + r * inner);
    }
    linear(f, &l->down, l->down_bias, rows, f->gated, f->h);
    add_to_residual(f, rows);
}

/* Embeds all tokens and notes their positions; returns the number of rows. */
static int embed(struct forward *f, const struct segment *segments, int segments_n)
{
    size_t hidden = (size_t)f->model->config.hidden;
    int row = 0;
    for (const struct segment *s = segments; s < segments + segments_n; s++) {
        assert(s->slot >= 0 && s->slot < f->slots_n && s->prefix <= s->first && s->n > 0);
        assert((size_t)(s->first + s->n) <= f->keys && row + s->n <= f->rows_max);
        for (int j = 0; j < s->n; j++, row++) {
            assert(s->ids[j] >= 0 && s->ids[j] < f->model->config.vocab);
            f->position[row] = s->prefix + j;
            memcpy(f->x + (size_t)row * hidden, f->model->embeddings + (size_t)s->ids[j] * hidden,
                   hidden * sizeof *f->x);
        }
    }
    return row;
}

int forward_run(struct forward *f, const struct segment *segments, int segments_n, const struct stop *stop,
                struct err *err)
{
    int rows = embed(f, segments, segments_n);
    for (int i = 0; i < f->model->config.layers; i++) {
        int rc = stop_check(stop, err);
        if (rc)
            return rc;
        run_layer(f, i, segments, segments_n, rows);
    }
    return 0;
}

void forward_logits(struct forward *f, const int *rows, int n, float *out)
{
    size_t hidden = (size_t)f->model->config.hidden;
    assert(n <= FORWARD_LOGIT_ROWS);
    for (size_t i = 0; i < (size_t)n; i++)
        norm_row(f->x + (size_t)rows[i] * hidden, f->model->norm, hidden, f->model->config.eps,
                 f->heads + i * hidden);
    linear(f, &f->model->head, NULL, n, f->heads, out);
}

void forward_copy(struct forward *forward, int from, int to, int n)
{
    assert(from != to && from >= 0 && from < forward->slots_n && to >= 0 && to < forward->slots_n);
    assert(n > 0 && (size_t)n <= forward->keys);
    attention_copy(forward, from, to, n);
}
