/* Every tensor in which the checkpoints differ, when they do not make a plan. */
#include "merge/preflight/preflight_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct shape_text {
    char text[160];
};

static struct shape_text shape_of(const struct st_tensor *tensor)
{
    struct shape_text out;
    size_t used = (size_t)snprintf(out.text, sizeof out.text, "%s [", st_dtype_name(tensor->dtype)),
           size = sizeof out.text;
    for (int i = 0; i < tensor->rank && used < size; i++)
        used +=
            (size_t)snprintf(out.text + used, size - used, i ? ",%" PRIu64 : "%" PRIu64, tensor->shape[i]);
    if (used < size)
        snprintf(out.text + used, size - used, "]");
    return out;
}

static bool same_shape(const struct st_tensor *a, const struct st_tensor *b)
{
    return a->rank == b->rank && memcmp(a->shape, b->shape, (size_t)a->rank * sizeof *a->shape) == 0;
}

/* More tensors than this that differ in dtype alone, and all in the same way, are one mistake. */
#define DTYPES_APART_MAX 3

struct walk {
    const struct st_tensor *embeddings, *head; /* of base */
    bool vocabulary_said, dtypes_said;
    size_t missing, shapes, dtypes;
};

static void say_missing(struct preflight *p, struct walk *walk, const struct st_tensor *tensor, bool in_base)
{
    const struct checkpoint *has = in_base ? p->base : p->tuned;
    if (naming_surplus(has, tensor) || !preflight_one_more(&walk->missing))
        return;
    bool head = tensor == naming_head(has);
    preflight_say(p, PREFLIGHT_ERROR, in_base ? "models.tuned" : "models.base",
                  "lacks tensor \"%.150s\", which models.%s has; %s", tensor->name,
                  in_base ? "base" : "tuned",
                  head ? "one has a head of its own, the other uses its embeddings: untie that one first"
                       : "base and tuned must be one architecture, and complete");
}

static void compare(struct preflight *p, struct walk *walk, const struct st_tensor *base,
                    const struct st_tensor *tuned)
{
    struct shape_text b = shape_of(base), t = shape_of(tuned);
    if (naming_surplus(p->base, base))
        return;
    if (!same_shape(base, tuned)) {
        if (!(walk->vocabulary_said && (base == walk->embeddings || base == walk->head)) &&
            preflight_one_more(&walk->shapes))
            preflight_say(
                p, PREFLIGHT_ERROR, "models",
                "tensor \"%.150s\" is %s in models.base and %s in models.tuned; the shapes must be equal",
                base->name, b.text, t.text);
    } else if (base->dtype != tuned->dtype && !walk->dtypes_said && preflight_one_more(&walk->dtypes))
        preflight_say(
            p, PREFLIGHT_ERROR, "models",
            "tensor \"%.150s\" is %s in models.base and %s in models.tuned; save one of them again in "
            "the other's dtype",
            base->name, b.text, t.text);
}

/* True when it was said of all of them at once. */
static bool say_dtypes(struct preflight *p)
{
    const struct st_tensor *first_base = NULL, *first_tuned = NULL;
    size_t n = 0;
    for (size_t i = 0; i < checkpoint_count(p->base); i++) {
        const struct st_tensor *b = checkpoint_at(p->base, i), *t = checkpoint_find(p->tuned, b->name);
        if (!t || b->dtype == t->dtype || !same_shape(b, t) || naming_surplus(p->base, b))
            continue;
        if (n++ == 0) {
            first_base = b;
            first_tuned = t;
        } else if (b->dtype != first_base->dtype || t->dtype != first_tuned->dtype)
            return false;
    }
    if (n <= DTYPES_APART_MAX)
        return false;
    preflight_say(
        p, PREFLIGHT_ERROR, "models",
        "%zu tensors are %s in models.base and %s in models.tuned, the first \"%.150s\"; save one of "
        "the checkpoints again in the other's dtype",
        n, st_dtype_name(first_base->dtype), st_dtype_name(first_tuned->dtype), first_base->name);
    return true;
}

void preflight_tensors(struct preflight *p, bool vocabulary_said)
{
    struct walk walk = {naming_embeddings(p->base), naming_head(p->base), .vocabulary_said = vocabulary_said};
    walk.dtypes_said = say_dtypes(p);
    for (size_t i = 0, j = 0; i < checkpoint_count(p->base) || j < checkpoint_count(p->tuned);) {
        const struct st_tensor *b = checkpoint_at(p->base, i), *t = checkpoint_at(p->tuned, j);
        int order = !b ? 1 : !t ? -1 : strcmp(b->name, t->name);
        if (order)
            say_missing(p, &walk, order < 0 ? b : t, order < 0);
        else
            compare(p, &walk, b, t);
        i += order <= 0;
        j += order >= 0;
    }
    preflight_say_rest(p, PREFLIGHT_ERROR, "models", walk.missing, "tensors that only one of them has");
    preflight_say_rest(p, PREFLIGHT_ERROR, "models", walk.shapes, "tensors whose shapes differ");
    preflight_say_rest(p, PREFLIGHT_ERROR, "models", walk.dtypes, "tensors whose dtypes differ");
}
