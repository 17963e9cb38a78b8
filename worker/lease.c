#include "worker/lease.h"

#include "proto/limits.h"
#include "proto/mem.h"
#include "proto/state_text.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static int parse_ratios(const struct json *list, struct lease *lease, struct err *err)
{
    if (!json_is(list, JSON_ARRAY) || json_len(list) > SPEC_GROUPS_MAX + 1)
        return err_set(err, ERR_INVALID, "the lease has no usable \"ratios\"");
    for (const struct json *c = json_first(list); c; c = json_next(c)) {
        if (!json_is(c, JSON_NUMBER))
            return err_set(err, ERR_INVALID, "the lease has a ratio that is not a number");
        lease->ratios[lease->ratios_n++] = json_number_or(c, 0);
    }
    return 0;
}

static int parse_spec(const struct json *j, struct lease *lease, struct err *err)
{
    struct spec_errors errors;
    struct buf text;
    if (search_spec_parse(j, &lease->spec, &errors))
        return err_set(err, ERR_INVALID,
                       "this worker (version " PARETOD_VERSION ") cannot read the search: %s: %s",
                       errors.item[0].field, errors.item[0].text);
    buf_init(&text, LIMIT_BODY_BYTES);
    int rc = json_write(&text, j);
    lease->spec_text = buf_take(&text);
    return rc ? err_set(err, rc, "the search is larger than %zu MiB", LIMIT_BODY_BYTES >> 20) : 0;
}

bool lease_word(const char *text)
{
    const char *at = text;
    while (*at && (isalnum((unsigned char)*at) || strchr("-_.", *at)))
        at++;
    return at > text && !*at;
}

/* What names the lease. */
static int parse_names(const struct json *root, struct lease *lease, struct err *err)
{
    int64_t trial = 0, attempt = 0, seed = 0, repeat = 0;
    const struct json *again = json_get(root, "repeat");
    const char *token = json_string_or(json_get(root, "lease"), "");
    const char *half = json_string_or(json_get(root, "half"), "");
    if (lease_word(token) && strlen(token) < sizeof lease->token)
        snprintf(lease->token, sizeof lease->token, "%s", token);
    bool whole = json_whole(json_get(root, "search"), 1, INT64_MAX, &lease->search) &&
                 json_whole(json_get(root, "trial"), 0, INT32_MAX, &trial) &&
                 json_whole(json_get(root, "attempt"), 1, INT32_MAX, &attempt) &&
                 json_whole(json_get(root, "seed"), 0, (int64_t)1 << 53, &seed) &&
                 (!again || json_whole(again, 0, INT32_MAX, &repeat));
    lease->trial = (int)trial;
    lease->attempt = (int)attempt;
    lease->seed = (uint64_t)seed;
    lease->repeat = (int)repeat;
    if (!whole || !*lease->token || (strcmp(half, "search") != 0 && strcmp(half, "heldout") != 0))
        return err_set(err, ERR_INVALID,
                       "the daemon's lease has other fields than this worker (version " PARETOD_VERSION
                       ") knows; run the same version of paretod and pareto-worker");
    snprintf(lease->half, sizeof lease->half, "%s", half);
    return 0;
}

static int parse_digest(const struct json *models, const char *side, char out[HASH_TEXT_MAX], struct err *err)
{
    struct hash128 hash;
    if (!hash_read(json_string_or(json_get(models, side), ""), &hash))
        return err_set(err, ERR_INVALID, "the lease's models.%s is no digest", side);
    hash_print(hash, out);
    return 0;
}

/* Absent when the daemon does not know which checkpoints the search was made with. */
static int parse_models(const struct json *models, struct lease *lease, struct err *err)
{
    if (!models)
        return 0;
    int rc = parse_digest(models, "base", lease->base_digest, err);
    return rc ? rc : parse_digest(models, "tuned", lease->tuned_digest, err);
}

/* Absent when the trial begins anew. Nothing in it is worth refusing a lease for: what cannot be read is ignored. */
static void parse_resume(const struct json *resume, struct lease *lease)
{
    int64_t done, slices, items;
    const struct json *state = json_get(resume, "state");
    if (state && json_whole(json_get(resume, "slices"), 2, SPEC_SLICES_MAX, &slices) &&
        json_whole(json_get(resume, "slices_done"), 1, slices - 1, &done) &&
        json_whole(json_get(resume, "items"), 0, INT64_C(1) << 53, &items) &&
        state_text(state, &lease->state, NULL) == 0)
        lease->resume = (struct resume){(int)done, (int)slices, items, lease->state};
}

/* Fewer than all slices, and more than are done. Whoever does not heed it is told to stop with the answer to a slice. */
static void parse_stop_after(const struct json *after, struct lease *lease)
{
    int64_t slices;
    int all = lease->resume.state ? lease->resume.slices : lease->spec.slices;
    if (json_whole(after, lease->resume.slices_done + 1, all - 1, &slices))
        lease->stop_after = (int)slices;
}

int lease_parse(const char *body, size_t len, struct lease *lease, struct err *err)
{
    struct json *root;
    *lease = (struct lease){0};
    int rc = json_parse(body, len, &root, err);
    if (rc)
        return err_prefix(err, rc, "the daemon's lease");
    rc = parse_names(root, lease, err);
    if (!rc)
        rc = parse_ratios(json_get(root, "ratios"), lease, err);
    if (!rc)
        rc = parse_models(json_get(root, "models"), lease, err);
    if (!rc)
        rc = parse_spec(json_get(root, "spec"), lease, err);
    if (!rc)
        parse_resume(json_get(root, "resume"), lease);
    if (!rc)
        parse_stop_after(json_get(root, "stop_after"), lease);
    json_free(root);
    return rc;
}

void lease_fini(struct lease *lease)
{
    if (!lease)
        return;
    search_spec_fini(&lease->spec);
    mem_free(lease->spec_text);
    mem_free(lease->state);
    *lease = (struct lease){0};
}

static void write_score(const struct score *score, bool items, struct json_out *out)
{
    json_object(out);
    json_put_text(out, "metric", score->metric);
    json_put_double(out, "mean", score->mean);
    json_put_double(out, "stderr", score->stderr_); /* NaN becomes null: not known */
    json_put_int(out, "n", score->n);
    if (items && score->items)
        json_put_doubles(out, "items", score->items, score->items_n);
    json_end_object(out);
}

static void write_scores(const struct scores *scores, bool items, struct json_out *out)
{
    json_put_int(out, "slices_done", scores->slices_done);
    json_put_int(out, "slices", scores->slices);
    json_put_int(out, "items", scores->items);
    json_name(out, "scores");
    json_array(out);
    for (size_t i = 0; i < scores->n; i++)
        write_score(&scores->item[i], items, out);
    json_end_array(out);
}

void lease_write_slice(const struct scores *scores, struct buf *buf)
{
    struct json_out out;
    json_begin(&out, buf);
    json_object(&out);
    write_scores(scores, false, &out);
    json_end_object(&out);
}

/* A state, or what was written, must not be what makes a result too large. */
static bool fits(const struct buf *buf, const char *text)
{
    return buf->max - buf->len > strlen(text) + 16; /* its name, and the end */
}

void lease_write_result(const struct scores *scores, struct buf *buf)
{
    struct json_out out;
    json_begin(&out, buf);
    json_object(&out);
    write_scores(scores, true, &out);
    json_put_double(&out, "merge_s", scores->merge_s);
    json_put_double(&out, "evaluate_s", scores->evaluate_s);
    if (scores->effective_n)
        json_put_doubles(&out, "effective", scores->effective, scores->effective_n); /* NaN becomes null */
    if (scores->state && fits(buf, scores->state)) {
        json_name(&out, "state");
        json_raw(&out, scores->state);
    }
    if (scores->written && fits(buf, scores->written)) {
        json_name(&out, "written");
        json_raw(&out, scores->written);
    }
    json_end_object(&out);
}

void lease_write_refusal(const char *reason, struct buf *buf)
{
    struct json_out out;
    json_begin(&out, buf);
    json_object(&out);
    json_put_text(&out, "refused", reason);
    json_end_object(&out);
}

void lease_write_failure(int code, const char *reason, struct buf *buf)
{
    struct json_out out;
    json_begin(&out, buf);
    json_object(&out);
    json_put_text(&out, "reason", reason);
    json_put_text(&out, "code", err_name(code));
    json_end_object(&out);
}
