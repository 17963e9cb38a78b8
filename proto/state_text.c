#include "proto/state_text.h"

#include "proto/limits.h"

/* A message has it within its own objects, and a reader's depth has an end. */
static bool deeper(const struct json *j, int depth)
{
    if (!json_is(j, JSON_ARRAY) && !json_is(j, JSON_OBJECT))
        return false;
    if (depth == 0)
        return true;
    for (const struct json *c = json_first(j); c; c = json_next(c))
        if (deeper(c, depth - 1))
            return true;
    return false;
}

int state_text(const struct json *state, char **out, struct err *err)
{
    struct buf buf;
    *out = NULL;
    if (deeper(state, LIMIT_STATE_DEPTH))
        return err_set(err, ERR_TOO_LARGE, "more than %d arrays and objects within each other",
                       LIMIT_STATE_DEPTH);
    buf_init(&buf, LIMIT_STATE_BYTES);
    if (json_write(&buf, state) || buf.full) {
        buf_fini(&buf);
        return err_set(err, ERR_TOO_LARGE, "larger than %zu KiB", LIMIT_STATE_BYTES >> 10);
    }
    *out = buf_take(&buf);
    return 0;
}
