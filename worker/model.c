#include "worker/model.h"

#include "merge/key.h"
#include "proto/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One tensor of the model and where its floats go: into `matrix` from row first_row on, or to `plain`, or both. */
struct place {
    char name[96];
    size_t rows, columns; /* shape [rows, columns], or [columns] when rows is 0 */
    struct matrix *matrix;
    size_t first_row;
    float *plain;
};

typedef int visit_place(void *ctx, const struct place *place, struct err *err);

static int visit(visit_place *fn, void *ctx, struct place place, struct err *err, int layer, const char *name)
{
    if (layer >= 0)
        snprintf(place.name, sizeof place.name, "model.layers.%d.%s", layer, name);
    else
        snprintf(place.name, sizeof place.name, "%s", name);
    return fn(ctx, &place, err);
}

/* A projection's weight and, when the model has one, its bias. name: "self_attn.q_proj". */
static int visit_linear(visit_place *fn, void *ctx, struct err *err, int layer, const char *name,
                        struct matrix *matrix, size_t first_row, size_t rows, float *bias)
{
    char full[64];
    snprintf(full, sizeof full, "%s.weight", name);
    int rc = visit(
        fn, ctx, (struct place){.rows = rows, .columns = matrix->k, .matrix = matrix, .first_row = first_row},
        err, layer, full);
    if (rc || !bias)
        return rc;
    snprintf(full, sizeof full, "%s.bias", name);
    return visit(fn, ctx, (struct place){.columns = rows, .plain = bias + first_row}, err, layer, full);
}

static int visit_layer(struct model *model, int i, visit_place *fn, void *ctx, struct err *err)
{
    const struct model_config *c = &model->config;
    struct model_layer *l = &model->layers[i];
    size_t hidden = (size_t)c->hidden, inner = (size_t)c->intermediate;
    size_t q = (size_t)c->heads * (size_t)c->head_dim, kv = (size_t)c->kv_heads * (size_t)c->head_dim;
    struct place attention_norm = {.columns = hidden, .plain = l->attention_norm};
    struct place mlp_norm = {.columns = hidden, .plain = l->mlp_norm};
    int rc;
    if ((rc = visit(fn, ctx, attention_norm, err, i, "input_layernorm.weight")) ||
        (rc = visit_linear(fn, ctx, err, i, "self_attn.q_proj", &l->qkv, 0, q, l->qkv_bias)) ||
        (rc = visit_linear(fn, ctx, err, i, "self_attn.k_proj", &l->qkv, q, kv, l->qkv_bias)) ||
        (rc = visit_linear(fn, ctx, err, i, "self_attn.v_proj", &l->qkv, q + kv, kv, l->qkv_bias)) ||
        (rc = visit_linear(fn, ctx, err, i, "self_attn.o_proj", &l->o, 0, hidden, l->o_bias)) ||
        (rc = visit(fn, ctx, mlp_norm, err, i, "post_attention_layernorm.weight")) ||
        (rc = visit_linear(fn, ctx, err, i, "mlp.gate_proj", &l->gate_up, 0, inner, l->gate_up_bias)) ||
        (rc = visit_linear(fn, ctx, err, i, "mlp.up_proj", &l->gate_up, inner, inner, l->gate_up_bias)))
        return rc;
    return visit_linear(fn, ctx, err, i, "mlp.down_proj", &l->down, 0, hidden, l->down_bias);
}

/* Calls fn for every tensor of the model until one call fails. */
static int visit_all(struct model *model, visit_place *fn, void *ctx, struct err *err)
{
    const struct model_config *c = &model->config;
    size_t vocab = (size_t)c->vocab, hidden = (size_t)c->hidden;
    bool tied = c->tied && model->head_kind == HEAD_LANGUAGE;
    struct place embeddings = {
        .rows = vocab, .columns = hidden, .plain = model->embeddings, .matrix = tied ? &model->head : NULL};
    int rc = visit(fn, ctx, embeddings, err, -1, "model.embed_tokens.weight");
    for (int i = 0; !rc && i < c->layers; i++)
        rc = visit_layer(model, i, fn, ctx, err);
    if (!rc)
        rc = visit(fn, ctx, (struct place){.columns = hidden, .plain = model->norm}, err, -1,
                   "model.norm.weight");
    if (rc || tied)
        return rc;
    return visit(fn, ctx, (struct place){.rows = model->head.n, .columns = hidden, .matrix = &model->head},
                 err, -1, model->head_kind == HEAD_SCORE ? "score.weight" : "lm_head.weight");
}

/* ---- open: the checkpoint has what the model needs, and nothing that would be forgotten ---- */

static int check_place(void *ctx, const struct place *place, struct err *err)
{
    const struct checkpoint *ckpt = ctx;
    const struct st_tensor *t = checkpoint_find(ckpt, place->name);
    if (!t)
        return err_set(err, ERR_INVALID, "%s: tensor %s is missing; config.json asks for it",
                       checkpoint_directory(ckpt), place->name);
    int rank = place->rows ? 2 : 1;
    bool fits =
        t->rank == rank && t->shape[rank - 1] == place->columns && (rank == 1 || t->shape[0] == place->rows);
    if (!fits && rank == 2)
        return err_set(err, ERR_INVALID, "%s: tensor %s must have shape [%zu, %zu] as config.json says",
                       checkpoint_directory(ckpt), place->name, place->rows, place->columns);
    if (!fits)
        return err_set(err, ERR_INVALID, "%s: tensor %s must have shape [%zu] as config.json says",
                       checkpoint_directory(ckpt), place->name, place->columns);
    return 0;
}

static int is_name(void *ctx, const struct place *place, struct err *err)
{
    (void)err;
    return strcmp(ctx, place->name) == 0;
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

/* Tensors that transformers ignores too: a head that is tied or not used, and tables old versions saved. */
static bool may_ignore(const struct model *model, const char *name)
{
    bool no_head = model->config.tied || model->head_kind == HEAD_SCORE;
    return (no_head && strcmp(name, "lm_head.weight") == 0) || ends_with(name, ".rotary_emb.inv_freq");
}

static int check_extra(struct model *model, const struct checkpoint *ckpt, struct err *err)
{
    for (size_t i = 0; i < checkpoint_count(ckpt); i++) {
        char *name = (char *)checkpoint_at(ckpt, i)->name;
        if (!visit_all(model, is_name, name, err) && !may_ignore(model, name))
            return err_set(
                err, ERR_UNSUPPORTED,
                "%s: tensor %s is not part of the model that config.json describes; use an evaluator "
                "of type command",
                checkpoint_directory(ckpt), name);
    }
    return 0;
}

static float *floats(size_t n)
{
    return mem_zero(n, sizeof(float));
}

static void allocate(struct model *model)
{
    const struct model_config *c = &model->config;
    size_t hidden = (size_t)c->hidden, inner = (size_t)c->intermediate, vocab = (size_t)c->vocab;
    size_t q = (size_t)c->heads * (size_t)c->head_dim,
           qkv = q + 2 * (size_t)c->kv_heads * (size_t)c->head_dim;
    model->embeddings = floats(vocab * hidden);
    model->norm = floats(hidden);
    matrix_init(&model->head, model->head_kind == HEAD_SCORE ? 1 : vocab, hidden);
    model->layers = mem_zero((size_t)c->layers, sizeof *model->layers);
    for (int i = 0; i < c->layers; i++) {
        struct model_layer *l = &model->layers[i];
        l->attention_norm = floats(hidden);
        l->mlp_norm = floats(hidden);
        matrix_init(&l->qkv, qkv, hidden);
        matrix_init(&l->o, hidden, q);
        matrix_init(&l->gate_up, 2 * inner, hidden);
        matrix_init(&l->down, hidden, inner);
        l->qkv_bias = c->qkv_bias ? floats(qkv) : NULL;
        l->o_bias = c->o_bias ? floats(hidden) : NULL;
        l->gate_up_bias = c->mlp_bias ? floats(2 * inner) : NULL;
        l->down_bias = c->mlp_bias ? floats(hidden) : NULL;
    }
}

/* A config that asks for far more than the files hold is refused before memory is taken for it. */
static int check_size(const struct model_config *c, const struct checkpoint *ckpt, struct err *err)
{
    double hidden = c->hidden, inner = c->intermediate, heads = c->heads + c->kv_heads;
    double asked = c->vocab * hidden + c->layers * (2 * heads * c->head_dim * hidden + 3 * inner * hidden);
    double held = 0;
    for (size_t i = 0; i < checkpoint_count(ckpt); i++)
        held += (double)checkpoint_at(ckpt, i)->elements;
    if (asked > held)
        return err_set(err, ERR_INVALID, "%s: config.json describes %.0f parameters, the tensors hold %.0f",
                       checkpoint_directory(ckpt), asked, held);
    return 0;
}

static int count_place(void *ctx, const struct place *place, struct err *err)
{
    (void)place;
    (void)err;
    ++*(size_t *)ctx;
    return 0;
}

int model_open(const struct checkpoint *ckpt, enum model_head head, struct model **out, struct err *err)
{
    *out = NULL;
    struct model *model = mem_zero(1, sizeof *model);
    model->head_kind = head;
    int rc = model_config_read(checkpoint_config(ckpt), &model->config, err);
    if (rc)
        err_prefix(err, rc, "%s", checkpoint_directory(ckpt));
    if (!rc)
        rc = check_size(&model->config, ckpt, err);
    if (!rc) {
        size_t places_n = 0;
        allocate(model);
        visit_all(model, count_place, &places_n, err);
        model->kept = mem_zero(places_n, sizeof *model->kept);
        rc = visit_all(model, check_place, (void *)ckpt, err);
    }
    if (!rc)
        rc = check_extra(model, ckpt, err);
    if (rc) {
        model_close(model);
        return rc;
    }
    *out = model;
    return 0;
}

void model_close(struct model *model)
{
    if (!model)
        return;
    for (int i = 0; model->layers && i < model->config.layers; i++) {
        struct model_layer *l = &model->layers[i];
        float *plain[] = {l->attention_norm, l->mlp_norm,     l->qkv_bias,
                          l->o_bias,         l->gate_up_bias, l->down_bias};
        for (size_t p = 0; p < sizeof plain / sizeof *plain; p++)
            mem_free(plain[p]);
        matrix_fini(&l->qkv);
        matrix_fini(&l->o);
        matrix_fini(&l->gate_up);
        matrix_fini(&l->down);
    }
    mem_free(model->layers);
    mem_free(model->kept);
    mem_free(model->embeddings);
    mem_free(model->norm);
    matrix_fini(&model->head);
    mem_free(model);
}

/* ---- load ---- */

struct loader {
    const struct weights *weights;
    const struct stop *stop;
    struct model_kept *next; /* of the next place */
    size_t merged_n;
    float *scratch; /* as large as the largest tensor that goes into a matrix */
    size_t scratch_n;
};

/* One tensor to be filled. */
struct source {
    const struct st_tensor *base, *tuned; /* tuned NULL: base alone */
    const struct plan_entry *entry;
    double ratio;
    struct hash128 key;
};

static int find_source(const struct weights *w, const char *name, struct source *out, struct err *err)
{
    *out = (struct source){.base = checkpoint_find(w->base, name)};
    if (!w->tuned)
        return 0;
    out->tuned = checkpoint_find(w->tuned, name);
    out->entry = plan_find(w->plan, name);
    if (!out->tuned || !out->entry)
        return err_set(err, ERR_INVALID, "tensor %s is not in the plan of both checkpoints", name);
    out->ratio = plan_ratio(w->plan, out->entry, w->ratios);
    const struct hash128 unknown = {0};
    if (!hash_equal(w->base_id, unknown) || !hash_equal(w->tuned_id, unknown))
        out->key = merge_key(w->base_id, w->tuned_id, name, out->ratio, &w->how);
    return 0;
}

/* The tensor's numbers into the model. `kept` is void until they are all there. */
static int fill(struct loader *loader, const struct place *place, const struct source *source,
                struct model_kept *kept, struct err *err)
{
    size_t n = (place->rows ? place->rows : 1) * place->columns;
    *kept = (struct model_kept){0};
    if (!place->plain && n > loader->scratch_n) {
        loader->scratch = mem_grow(loader->scratch, n, sizeof *loader->scratch);
        loader->scratch_n = n;
    }
    float *to = place->plain ? place->plain : loader->scratch;
    struct merge_effect effect = {0};
    int rc = source->tuned ? merge_tensor_f32(source->base, source->tuned, source->ratio,
                                              &loader->weights->how, to, &effect, err)
                           : tensor_to_f32(source->base, 0, source->base->elements, to, err);
    if (rc)
        return rc;
    if (place->matrix)
        matrix_pack(place->matrix, place->first_row, place->rows, to);
    *kept = (struct model_kept){source->key, effect};
    loader->merged_n++;
    return 0;
}

static int load_place(void *ctx, const struct place *place, struct err *err)
{
    struct loader *loader = ctx;
    const struct weights *w = loader->weights;
    struct model_kept *kept = loader->next++;
    struct source source;
    int rc = stop_check(loader->stop, err);
    if (!rc)
        rc = find_source(w, place->name, &source, err);
    if (rc)
        return rc;
    bool stands = hash_equal(kept->key, source.key) && !hash_equal(kept->key, (struct hash128){0});
    if (!stands)
        rc = fill(loader, place, &source, kept, err);
    if (!rc && w->effects && source.entry)
        w->effects[source.entry - w->plan->entries] = kept->effect;
    return rc;
}

int model_load(struct model *model, const struct weights *weights, const struct stop *stop, struct err *err)
{
    struct loader loader = {.weights = weights, .stop = stop, .next = model->kept};
    if (weights->effects)
        memset(weights->effects, 0, weights->plan->entries_n * sizeof *weights->effects);
    int rc = visit_all(model, load_place, &loader, err);
    model->merged_n = loader.merged_n;
    mem_free(loader.scratch);
    return rc;
}
