/* The two checkpoints side by side: which tensors are averaged, which the output does without, and what does not fit. */
#include "merge/plan/plan_internal.h"

#include "merge/floats.h"
#include "proto/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define CHUNK_BYTES ((size_t)1 << 20)

struct walk {
    struct plan *plan;
    const struct search_spec *spec;
    const struct checkpoint *base, *tuned;
    struct naming *naming;
    /* When the head is tied: it, and what it must be equal to. NULL where there is none. */
    const struct st_tensor *base_embeddings, *tuned_embeddings;
    const struct st_tensor *base_head, *tuned_head;
    struct err *err;
};

/* --- one tensor and its twin --- */

static int same_bytes(const struct st_tensor *a, const struct st_tensor *b, bool *same, struct err *err)
{
    void *rooms[2] = {st_read_copies(a) ? mem_zero(CHUNK_BYTES, 1) : NULL,
                      st_read_copies(b) ? mem_zero(CHUNK_BYTES, 1) : NULL};
    int rc = 0;
    *same = a->bytes == b->bytes;
    for (uint64_t at = 0; !rc && *same && at < a->bytes; at += CHUNK_BYTES) {
        size_t n = a->bytes - at < CHUNK_BYTES ? (size_t)(a->bytes - at) : CHUNK_BYTES;
        struct err why = {0};
        const void *x = st_read(a, at, n, rooms[0], &why);
        const void *y = x ? st_read(b, at, n, rooms[1], &why) : NULL;
        if (!y)
            rc = err_set(err, why.code, "%s", why.text);
        else
            *same = memcmp(x, y, n) == 0;
        st_behind(a, at, n);
        st_behind(b, at, n);
    }
    mem_free(rooms[0]);
    mem_free(rooms[1]);
    return rc;
}

static bool same_shape(const struct st_tensor *a, const struct st_tensor *b)
{
    return a->rank == b->rank && memcmp(a->shape, b->shape, (size_t)a->rank * sizeof *a->shape) == 0;
}

/* The same tensor, name aside. */
static int is_copy(const struct st_tensor *a, const struct st_tensor *b, bool *copy, struct err *err)
{
    *copy = a->dtype == b->dtype && same_shape(a, b);
    return *copy ? same_bytes(a, b, copy, err) : 0;
}

static void print_shape(const struct st_tensor *tensor, char *out, size_t size)
{
    size_t used = (size_t)snprintf(out, size, "%s [", st_dtype_name(tensor->dtype));
    for (int i = 0; i < tensor->rank && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, i ? ",%llu" : "%llu",
                                 (unsigned long long)tensor->shape[i]);
    if (used < size)
        snprintf(out + used, size - used, "]");
}

/* A table with a row a token, and only the number of rows differs. */
static bool is_vocabulary(const struct st_tensor *base, const struct st_tensor *tuned,
                          const struct tensor_role *role)
{
    bool table = role->kind == TENSOR_EMBEDDING || role->kind == TENSOR_HEAD;
    bool positions = strstr(base->name, "position") || strstr(base->name, "wpe");
    return table && !positions && base->rank == tuned->rank && base->rank > 0 &&
           base->shape[0] != tuned->shape[0] &&
           memcmp(base->shape + 1, tuned->shape + 1, (size_t)(base->rank - 1) * sizeof *base->shape) == 0;
}

static int refuse_shapes(const struct st_tensor *base, const struct st_tensor *tuned,
                         const struct tensor_role *role, struct err *err)
{
    char b[200], t[200];
    print_shape(base, b, sizeof b);
    print_shape(tuned, t, sizeof t);
    if (same_shape(base, tuned))
        return err_set(
            err, ERR_INVALID,
            "tensor \"%.100s\" is %s in models.base and %s in models.tuned; convert one of them to the "
            "other's dtype",
            base->name, b, t);
    if (!is_vocabulary(base, tuned, role))
        return err_set(
            err, ERR_INVALID,
            "tensor \"%.100s\" is %s in models.base and %s in models.tuned; the shapes must be equal",
            base->name, b, t);
    bool more = tuned->shape[0] > base->shape[0];
    uint64_t rows = more ? tuned->shape[0] : base->shape[0];
    return err_set(err, ERR_INVALID,
                   "the vocabularies differ: \"%.100s\" has %" PRIu64 " rows in models.base and %" PRIu64
                   " in models.tuned; resize that of models.%s to %" PRIu64
                   " (resize_token_embeddings in transformers) and save it under another name with the "
                   "tokenizer of models.%s",
                   base->name, base->shape[0], tuned->shape[0], more ? "base" : "tuned", rows,
                   more ? "tuned" : "base");
}

/* Tensors that are no floating-point numbers, by output.others. */
static int check_others(const struct walk *walk, const struct st_tensor *base, const struct st_tensor *tuned)
{
    bool same;
    if (walk->spec->others == OTHERS_REFUSE)
        return err_set(
            walk->err, ERR_INVALID,
            "output.others: tensor \"%.150s\" is %s, no floating-point number, and such tensors are to be "
            "refused",
            base->name, st_dtype_name(base->dtype));
    if (walk->spec->others != OTHERS_EQUAL)
        return 0;
    int rc = same_bytes(base, tuned, &same, walk->err);
    if (rc || same)
        return rc;
    return err_set(walk->err, ERR_INVALID,
                   "tensor \"%.150s\" of dtype %s differs between models.base and models.tuned and cannot be "
                   "averaged; convert both to BF16, F16 or F32, or choose a side with output.others",
                   base->name, st_dtype_name(base->dtype));
}

/* --- what the output does without --- */

static void drop(const struct walk *walk, const char *name, bool in_base, bool in_tuned, const char *why)
{
    struct plan *plan = walk->plan;
    plan->dropped = mem_grow(plan->dropped, plan->dropped_n + 1, sizeof *plan->dropped);
    plan->dropped[plan->dropped_n++] =
        (struct plan_dropped){.tensor = name, .in_base = in_base, .in_tuned = in_tuned, .why = why};
}

/* A head in a file whose config.json says that the head is the embeddings. A loader takes the embeddings, so the two must
 * be the same. */
static int check_tied(const struct walk *walk, const char *which, const struct st_tensor *head,
                      const struct st_tensor *embeddings)
{
    bool copy;
    int rc = head ? is_copy(head, embeddings, &copy, walk->err) : 0;
    if (rc || !head || copy)
        return rc;
    return err_set(walk->err, ERR_INVALID,
                   "config.json of models.%s ties the head to the embeddings, but \"%.100s\" differs from "
                   "\"%.100s\"; if this head is meant, set tie_word_embeddings to false in both, else delete "
                   "the tensor",
                   which, head->name, embeddings->name);
}

/* b, t: the tensor in base and in tuned, one of them may be NULL. *dropped: it needs no entry. */
static int try_drop(const struct walk *walk, const struct st_tensor *b, const struct st_tensor *t,
                    const struct tensor_role *role, bool *dropped)
{
    const struct st_tensor *any = b ? b : t;
    const struct st_tensor *head = b ? walk->base_head : walk->tuned_head;
    bool same = false;
    int rc = 0;
    *dropped = false;
    if (role->kind == TENSOR_BUFFER) {
        if (b && t)
            rc = is_copy(b, t, &same, walk->err);
        *dropped = !rc && !same;
        if (*dropped)
            drop(walk, any->name, b, t,
                 b && t ? "a table that programs compute; base and tuned have different ones"
                 : b    ? "a table that programs compute; only base has it"
                        : "a table that programs compute; only tuned has it");
    } else if (any == head && walk->base_embeddings && walk->tuned_embeddings) {
        rc = check_tied(walk, "base", b, walk->base_embeddings);
        if (!rc)
            rc = check_tied(walk, "tuned", t, walk->tuned_embeddings);
        *dropped = !rc;
        if (*dropped)
            drop(walk, any->name, b, t, "a copy of the embeddings, which are the head too");
    }
    return rc;
}

/* Old and new programs save the same model with and without the name of its trunk. */
static const char *other_name(const char *name, const struct checkpoint *other)
{
    static const char *const trunks[] = {"transformer.", "model.", "gpt_neox."};
    for (size_t i = 0; i < sizeof trunks / sizeof *trunks; i++) {
        size_t n = strlen(trunks[i]);
        const struct st_tensor *without =
            strncmp(name, trunks[i], n) == 0 ? checkpoint_find(other, name + n) : NULL;
        char *longer = mem_printf("%s%s", trunks[i], name);
        const struct st_tensor *with = checkpoint_find(other, longer);
        mem_free(longer);
        if (with || without)
            return with ? with->name : without->name;
    }
    return NULL;
}

static int lacks(const struct walk *walk, const struct st_tensor *tensor, bool in_base)
{
    const char *has = in_base ? "base" : "tuned", *has_not = in_base ? "tuned" : "base";
    const char *alias = other_name(tensor->name, in_base ? walk->tuned : walk->base);
    bool head = strcmp(tensor->name, "lm_head.weight") == 0;
    if (alias)
        return err_set(walk->err, ERR_INVALID,
                       "tensor \"%.120s\" of models.%s is called \"%.120s\" in models.%s; load both with one "
                       "version of transformers and save them again",
                       tensor->name, has, alias, has_not);
    return err_set(walk->err, ERR_INVALID,
                   "tensor \"%.150s\" is in models.%s but not in models.%s; base and tuned must be one "
                   "architecture%s",
                   tensor->name, has, has_not,
                   head ? " (one has a head of its own, the other uses the embeddings: untie it first)" : "");
}

/* --- all of them --- */

static int add(const struct walk *walk, const struct st_tensor *b, const struct st_tensor *t)
{
    struct plan *plan = walk->plan;
    struct tensor_role role;
    bool dropped;
    int rc = naming_role(walk->naming, b ? b : t, &role, walk->err);
    if (!rc)
        rc = try_drop(walk, b, t, &role, &dropped);
    if (rc || dropped)
        return rc;
    if (!b || !t)
        return lacks(walk, b ? b : t, b != NULL);
    if (b->dtype != t->dtype || !same_shape(b, t))
        return refuse_shapes(b, t, &role, walk->err);
    if (!floats_can(b->dtype) && role.kind != TENSOR_BUFFER && (rc = check_others(walk, b, t)))
        return rc;
    plan->entries[plan->entries_n++] = (struct plan_entry){
        .tensor = b->name,
        .place = role.place,
        .layer = role.layer,
        .kind = role.kind,
        .part = role.part,
        .dtype = b->dtype,
        .elements = b->elements,
    };
    if (role.layer >= plan->layers_n)
        plan->layers_n = role.layer + 1;
    return 0;
}

/* Walks both sorted lists side by side. */
static int walk_both(const struct walk *walk)
{
    int rc = 0;
    for (size_t i = 0, j = 0; !rc;) {
        const struct st_tensor *b = checkpoint_at(walk->base, i), *t = checkpoint_at(walk->tuned, j);
        if (!b && !t)
            break;
        int order = !b ? 1 : !t ? -1 : strcmp(b->name, t->name);
        i += order <= 0;
        j += order >= 0;
        rc = add(walk, order <= 0 ? b : NULL, order >= 0 ? t : NULL);
    }
    return rc;
}

/* A gap in the indices means that names were misread or a shard is missing. */
static int check_layers(const struct plan *plan, const struct search_spec *spec, struct err *err)
{
    if (plan->entries_n == 0)
        return err_set(err, ERR_INVALID, "models.base and models.tuned have no tensor in common");
    if (plan->layers_n == 0 && *spec->layer_pattern)
        return err_set(err, ERR_INVALID,
                       "groups.layer_pattern: \"%.120s\" finds a layer in no tensor; the first is \"%.150s\"",
                       spec->layer_pattern, plan->entries[0].tensor);
    if (plan->layers_n == 0)
        return err_set(err, ERR_INVALID,
                       "no tensor lies in a layer (\"layers.N\", \"h.N\", \"blocks.N\", \"block.N\" or "
                       "\"layer.N\"); the first is "
                       "\"%.200s\"; give groups.layer_pattern",
                       plan->entries[0].tensor);
    bool *seen = mem_zero((size_t)plan->layers_n, sizeof *seen);
    for (size_t i = 0; i < plan->entries_n; i++)
        if (plan->entries[i].layer >= 0)
            seen[plan->entries[i].layer] = true;
    int missing = 0;
    while (missing < plan->layers_n && seen[missing])
        missing++;
    mem_free(seen);
    if (missing == plan->layers_n)
        return 0;
    return err_set(err, ERR_INVALID,
                   "layer %d has no tensors, though layer %d has; a part of the checkpoint is missing",
                   missing, plan->layers_n - 1);
}

/* A reward model or another classifier, by its config or by a head that only they have. */
static bool is_classifier(const struct checkpoint *ckpt)
{
    const struct json *first = json_first(json_get(checkpoint_config(ckpt), "architectures"));
    return strstr(json_string_or(first, ""), "ForSequenceClassification") ||
           (checkpoint_find(ckpt, "score.weight") && !checkpoint_find(ckpt, "lm_head.weight"));
}

/* Mistakes in which directory was given, before any tensor is spoken of. */
static int check_kinds(const struct search_spec *spec, const struct checkpoint *base,
                       const struct checkpoint *tuned, struct err *err)
{
    /* whoever identifies asks one model */
    if (spec->strategy != STRATEGY_IDENTIFY && checkpoint_same_files(base, tuned))
        return err_set(
            err, ERR_INVALID,
            "models.base and models.tuned are the same checkpoint; give the one before alignment as base "
            "and the one after it as tuned");
    if (is_classifier(base) == is_classifier(tuned))
        return 0;
    bool which = is_classifier(tuned);
    return err_set(
        err, ERR_INVALID,
        "models.%s is a sequence classifier%s, not a language model; a reward model cannot be averaged with "
        "what it judges: give the directory of the model itself",
        which ? "tuned" : "base",
        checkpoint_find(which ? tuned : base, "score.weight") ? " (score.weight)" : "");
}

static int check_ties(const struct checkpoint *base, const struct checkpoint *tuned, struct err *err)
{
    bool b = naming_tied(base), t = naming_tied(tuned);
    if (b == t)
        return 0;
    return err_set(
        err, ERR_INVALID,
        "config.json: tie_word_embeddings is %s in models.base and %s in models.tuned; make them equal",
        b ? "true" : "false", t ? "true" : "false");
}

int plan_list(struct plan *plan, const struct search_spec *spec, const struct checkpoint *base,
              const struct checkpoint *tuned, struct err *err)
{
    struct walk walk = {.plan = plan, .spec = spec, .base = base, .tuned = tuned, .err = err};
    int rc = check_kinds(spec, base, tuned, err);
    if (!rc)
        rc = check_ties(base, tuned, err);
    if (!rc)
        rc = naming_open(spec, base, &walk.naming, err);
    if (rc)
        return rc;
    if (naming_tied(base)) {
        walk.base_embeddings = naming_embeddings(base);
        walk.tuned_embeddings = naming_embeddings(tuned);
        walk.base_head = naming_head(base);
        walk.tuned_head = naming_head(tuned);
    }
    plan->entries = mem_zero(checkpoint_count(base), sizeof *plan->entries);
    rc = walk_both(&walk);
    if (!rc)
        rc = check_layers(plan, spec, err);
    naming_close(walk.naming);
    return rc;
}
