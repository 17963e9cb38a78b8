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

/* --- our plan and the daemon's, both as JSON --- */

static const char *text_of(const struct json *j, const char *key)
{
    return json_string_or(json_get(j, key), "?");
}

/* The tensor differs in a member that theirs has: a plan of a former version has fewer. */
static bool differs(const struct json *ours, const struct json *theirs)
{
    for (const struct json *m = json_first(theirs); m; m = json_next(m)) {
        const struct json *mine = json_get(ours, json_key(m));
        if (!mine || !is_same(mine, m))
            return true;
    }
    return false;
}

static int tell_tensors(const struct json *ours, const struct json *theirs, struct err *err)
{
    return err_set(
        err, ERR_CONFLICT,
        "the checkpoints here are not those of the search: tensor %s (group %s) is tensor %s (group %s) in "
        "the daemon's plan",
        text_of(ours, "name"), text_of(ours, "group"), text_of(theirs, "name"), text_of(theirs, "group"));
}

static int tell_count(bool more, struct err *err)
{
    return err_set(err, ERR_CONFLICT, "the checkpoints here have %s tensors than the daemon's plan",
                   more ? "more" : "fewer");
}

static bool is_dropped(const struct json *plan, const char *tensor)
{
    for (const struct json *d = json_first(json_get(plan, "dropped")); d; d = json_next(d))
        if (strcmp(text_of(d, "name"), tensor) == 0)
            return true;
    return false;
}

/* Walks both lists. *forgiven: the former version kept as tensors what we do without. */
static int compare_tensors(const struct json *ours, const struct json *theirs, bool *forgiven,
                           struct err *err)
{
    bool former = !json_get(theirs, "dropped");
    const struct json *a = json_first(json_get(ours, "tensors")),
                      *b = json_first(json_get(theirs, "tensors"));
    while (b) {
        if (a && !differs(a, b)) {
            a = json_next(a);
        } else if (former && is_dropped(ours, text_of(b, "name"))) {
            *forgiven = true;
        } else {
            return a ? tell_tensors(a, b, err) : tell_count(false, err);
        }
        b = json_next(b);
    }
    return a ? tell_count(true, err) : 0;
}

static int compare_members(const struct json *ours, const struct json *theirs, bool forgiven, struct err *err)
{
    static const char *const members[] = {"layers", "ratios", "groups", "dropped"};
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        const struct json *a = json_get(ours, members[i]), *b = json_get(theirs, members[i]);
        bool is_former = !b && strcmp(members[i], "dropped") == 0;
        if (is_former || (forgiven && strcmp(members[i], "groups") == 0) || (a && b && is_same(a, b)))
            continue;
        return err_set(
            err, ERR_CONFLICT,
            "the checkpoints here are not those of the search: \"%s\" differs from the daemon's plan",
            members[i]);
    }
    return 0;
}

int pair_check(const struct pair *pair, const struct json *theirs, struct err *err)
{
    struct buf text;
    struct json_out out;
    struct json *ours = NULL;
    bool forgiven = false;
    buf_init(&text, CLIENT_BYTES_MAX);
    json_begin(&out, &text);
    plan_write(pair->plan, &out);
    int rc = json_parse(buf_str(&text), text.len, &ours, err);
    if (!rc)
        rc = compare_tensors(ours, theirs, &forgiven, err);
    if (!rc)
        rc = compare_members(ours, theirs, forgiven, err);
    json_free(ours);
    buf_fini(&text);
    return rc;
}
