/* Grouped-query attention with rotary position embedding over the cache of forward_internal.h. */
#include "worker/forward_internal.h"

#include <math.h>
#include <string.h>

/* ---- rotary embedding (Su et al. 2021), in the layout of Hugging Face: dimensions i and i + d/2 are a pair ---- */

/* Frequencies that Llama 3.1 stretches: long waves by the factor, short ones not, a ramp between. */
static float stretch_llama3(const struct model_config *c, float inverse)
{
    double wave = 2 * M_PI / inverse;
    double low = c->rope_original / c->rope_low, high = c->rope_original / c->rope_high;
    if (wave < high)
        return inverse;
    if (wave > low)
        return (float)(inverse / c->rope_factor);
    double ramp = (c->rope_original / wave - c->rope_low) / (c->rope_high - c->rope_low);
    return (float)((1 - ramp) * inverse / c->rope_factor + ramp * inverse);
}

void attention_angles(struct forward *f)
{
    const struct model_config *c = &f->model->config;
    size_t half = (size_t)c->head_dim / 2;
    for (size_t i = 0; i < half; i++) {
        /* Frequency and angle are rounded to f32 as transformers does. The functions are the double ones,
         * whose rounded results do not depend on the C library's choice of code for the processor. */
        float power = (float)pow((float)c->rope_theta, (float)(2 * i) / (float)c->head_dim);
        float inverse = 1.0f / power;
        if (c->rope == ROPE_LINEAR)
            inverse = (float)(inverse / c->rope_factor);
        if (c->rope == ROPE_LLAMA3)
            inverse = stretch_llama3(c, inverse);
        for (size_t p = 0; p < f->keys; p++) {
            float angle = (float)p * inverse;
            f->cos[p * half + i] = (float)cos(angle);
            f->sin[p * half + i] = (float)sin(angle);
        }
    }
}

static void turn(float *x, const float *cosine, const float *sine, size_t half)
{
    for (size_t i = 0; i < half; i++) {
        float a = x[i], b = x[i + half];
        x[i] = a * cosine[i] - b * sine[i];
        x[i + half] = b * cosine[i] + a * sine[i];
    }
}

/* ---- cache ---- */

static size_t block(const struct forward *f, int layer, int slot, int kv_head)
{
    size_t kv_heads = (size_t)f->model->config.kv_heads;
    return ((size_t)layer * (size_t)f->slots_n + (size_t)slot) * kv_heads + (size_t)kv_head;
}

/* Turns the q and k heads of one row and stores k and v as key `place` of the slot. */
static void remember(struct forward *f, int layer, const struct segment *s, int j, int row)
{
    const struct model_config *c = &f->model->config;
    size_t dim = (size_t)c->head_dim, half = dim / 2, place = (size_t)(s->first + j);
    size_t at = (size_t)f->position[row] * half;
    float *q = f->qkv + (size_t)row * f->model->layers[0].qkv.n;
    float *k = q + (size_t)c->heads * dim, *v = k + (size_t)c->kv_heads * dim;
    for (int h = 0; h < c->heads + c->kv_heads; h++)
        turn(q + (size_t)h * dim, f->cos + at, f->sin + at, half);
    for (int g = 0; g < c->kv_heads; g++) {
        size_t b = block(f, layer, s->slot, g);
        float *keys = f->key_cache + b * f->key_size + place / PANEL * dim * PANEL + place % PANEL;
        float *values = f->value_cache + b * f->value_size + place * PANEL;
        for (size_t d = 0; d < dim; d++) {
            keys[d * PANEL] = k[(size_t)g * dim + d];
            values[d / PANEL * f->keys * PANEL + d % PANEL] = v[(size_t)g * dim + d];
        }
    }
}

void attention_copy(struct forward *f, int from, int to, int n)
{
    const struct model_config *c = &f->model->config;
    size_t dim = (size_t)c->head_dim, some = (size_t)n;
    size_t keys = (some + PANEL - 1) / PANEL * PANEL *
                  dim; /* what lies behind key n in its panel is written before it is seen */
    for (int layer = 0; layer < c->layers; layer++) {
        for (int g = 0; g < c->kv_heads; g++) {
            size_t a = block(f, layer, from, g), b = block(f, layer, to, g);
            memcpy(f->key_cache + b * f->key_size, f->key_cache + a * f->key_size, keys * sizeof(float));
            for (size_t d = 0; d < dim; d += PANEL) {
                size_t panel = d * f->keys;
                memcpy(f->value_cache + b * f->value_size + panel, f->value_cache + a * f->value_size + panel,
                       some * PANEL * sizeof(float));
            }
        }
    }
}

/* ---- attention of a few query rows of one key-value head ---- */

struct queries {
    const float *q; /* [rows] rows of dim floats, stride apart */
    size_t stride;
    float *out; /* [rows], out_stride apart */
    size_t out_stride;
    size_t rows;
    size_t first; /* place of the key of the first row */
    size_t step;  /* 1: row r is token first + r; 0: all rows are heads of the same token */
};

static void attend(struct forward *f, size_t cache_block, const struct segment *s, const struct queries *rows)
{
    size_t dim = (size_t)f->model->config.head_dim;
    size_t seen =
        rows->first + rows->step * (rows->rows - 1) + 1; /* keys that some row sees lie in [0, seen) */
    size_t width = (seen + PANEL - 1) / PANEL * PANEL;
    float scale = (float)(1.0 / sqrt((double)dim));
    f->kernel->multiply(rows->rows, width, dim, rows->q, rows->stride,
                        f->key_cache + cache_block * f->key_size, dim * PANEL, f->scores, width);
    for (size_t r = 0; r < rows->rows; r++)
        f->kernel->softmax(f->scores + r * width, width, (size_t)s->prefix, (size_t)s->first,
                           rows->first + rows->step * r + 1, scale);
    f->kernel->multiply(rows->rows, dim, seen, f->scores, width, f->value_cache + cache_block * f->value_size,
                        f->keys * PANEL, rows->out, rows->out_stride);
}

/* One decoded token: the query heads that share a key-value head are the rows. */
static void attend_token(struct forward *f, int layer, const struct segment *s, int row)
{
    const struct model_config *c = &f->model->config;
    size_t dim = (size_t)c->head_dim, group = (size_t)(c->heads / c->kv_heads);
    const float *q = f->qkv + (size_t)row * f->model->layers[0].qkv.n;
    float *out = f->mixed + (size_t)row * (size_t)c->heads * dim;
    for (int g = 0; g < c->kv_heads; g++) {
        size_t at = (size_t)g * group * dim;
        struct queries rows = {q + at, dim, out + at, dim, group, (size_t)s->first, 0};
        attend(f, block(f, layer, s->slot, g), s, &rows);
    }
}

/* Several tokens: for every query head the tokens are the rows, ATTENTION_ROWS at a time. */
static void attend_tokens(struct forward *f, int layer, const struct segment *s, int row)
{
    const struct model_config *c = &f->model->config;
    size_t dim = (size_t)c->head_dim, width = f->model->layers[0].qkv.n, mixed = (size_t)c->heads * dim;
    for (int h = 0; h < c->heads; h++) {
        size_t b = block(f, layer, s->slot, h / (c->heads / c->kv_heads));
        for (int j = 0; j < s->n; j += ATTENTION_ROWS) {
            int n = s->n - j < ATTENTION_ROWS ? s->n - j : ATTENTION_ROWS;
            size_t r = (size_t)(row + j), head = (size_t)h * dim;
            struct queries rows = {
                f->qkv + r * width + head, width, f->mixed + r * mixed + head, mixed, (size_t)n,
                (size_t)(s->first + j),    1};
            attend(f, b, s, &rows);
        }
    }
}

void attention_run(struct forward *f, int layer, const struct segment *segments, int segments_n)
{
    int row = 0;
    for (int i = 0; i < segments_n; i++) { /* all keys first: a segment may see another's */
        for (int j = 0; j < segments[i].n; j++)
            remember(f, layer, &segments[i], j, row++);
    }
    row = 0;
    for (int i = 0; i < segments_n; i++) {
        if (segments[i].n == 1)
            attend_token(f, layer, &segments[i], row);
        else
            attend_tokens(f, layer, &segments[i], row);
        row += segments[i].n;
    }
}
