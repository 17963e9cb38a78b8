#include "client/pair.h"

#include "client/client.h"

#include <string.h>

int pair_open(const struct search_spec *spec, struct pair *pair, struct err *err)
{
    *pair = (struct pair){0};
    if (!spec->has_models)
        return err_set(err, ERR_UNSUPPORTED,
                       "search \"%s\" has no checkpoints (its evaluator merges nothing): there is no plan",
                       spec->name);
    int rc = checkpoint_open(spec->base, &pair->base, err);
    if (!rc)
        rc = checkpoint_open(spec->tuned, &pair->tuned, err);
    if (!rc)
        rc = plan_make(spec, pair->base, pair->tuned, &pair->plan, err);
    if (rc)
        pair_close(pair);
    return rc;
}

void pair_close(struct pair *pair)
{
    if (pair->plan)
        plan_free(pair->plan);
    if (pair->base)
        checkpoint_close(pair->base);
    if (pair->tuned)
        checkpoint_close(pair->tuned);
    *pair = (struct pair){0};
}

static bool is_same(const struct json *a, const struct json *b)
{
    struct buf x, y;
    buf_init(&x, CLIENT_BYTES_MAX);
    buf_init(&y, CLIENT_BYTES_MAX);
    json_write(&x, a);
    json_write(&y, b);
    bool same = !x.full && !y.full && x.len == y.len && memcmp(buf_str(&x), buf_str(&y), x.len) == 0;
    buf_fini(&x);
    buf_fini(&y);
    return same;
}

/* Where two plans differ: the first tensor, else the member. */
static int tell_difference(const struct json *ours, const struct json *theirs, struct err *err)
{
    static const char *const members[] = {"layers", "ratios", "groups"};
    const struct json *a = json_first(json_get(ours, "tensors")),
                      *b = json_first(json_get(theirs, "tensors"));
    for (; a && b; a = json_next(a), b = json_next(b))
        if (!is_same(a, b))
            return err_set(
                err, ERR_CONFLICT,
                "the checkpoints here are not those of the search: tensor %s (group %s) is tensor %s "
                "(group %s) in the daemon's plan",
                json_string_or(json_get(a, "name"), "?"), json_string_or(json_get(a, "group"), "?"),
                json_string_or(json_get(b, "name"), "?"), json_string_or(json_get(b, "group"), "?"));
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        if (!json_get(theirs, members[i]) ||
            !is_same(json_get(ours, members[i]), json_get(theirs, members[i])))
            return err_set(
                err, ERR_CONFLICT,
                "the checkpoints here are not those of the search: \"%s\" differs from the daemon's plan",
                members[i]);
    return err_set(err, ERR_CONFLICT, "the checkpoints here have %s tensors than the daemon's plan",
                   a ? "more" : "fewer");
}

int pair_check(const struct pair *pair, const struct json *theirs, struct err *err)
{
    struct buf text;
    struct json_out out;
    struct json *ours = NULL;
    buf_init(&text, CLIENT_BYTES_MAX);
    json_begin(&out, &text);
    plan_write(pair->plan, &out);
    int rc = json_parse(buf_str(&text), text.len, &ours, err);
    if (!rc && !is_same(ours, theirs))
        rc = tell_difference(ours, theirs, err);
    json_free(ours);
    buf_fini(&text);
    return rc;
}
