/* The report as JSON. */
#include "merge/preflight/preflight_internal.h"

#include "merge/floats.h"

#include <math.h>

static void write_findings(const struct preflight *p, struct json_out *out)
{
    static const char *const names[] = {"error", "warning", "note"};
    json_name(out, "findings");
    json_array(out);
    for (size_t i = 0; i < p->findings_n; i++) {
        json_object(out);
        json_put_text(out, "level", names[p->findings[i].level]);
        json_put_text(out, "field", p->findings[i].field);
        json_put_text(out, "text", p->findings[i].text);
        json_end_object(out);
    }
    json_end_array(out);
}

/* --- models --- */

static void write_dtypes(const struct checkpoint *ckpt, struct json_out *out)
{
    size_t n[ST_DTYPES_N] = {0};
    for (size_t i = 0; i < checkpoint_count(ckpt); i++)
        n[checkpoint_at(ckpt, i)->dtype]++;
    json_name(out, "dtypes");
    json_object(out);
    for (int dtype = 0; dtype < ST_DTYPES_N; dtype++)
        if (n[dtype])
            json_put_int(out, st_dtype_name((enum st_dtype)dtype), (int64_t)n[dtype]);
    json_end_object(out);
}

static void write_sizes(const struct checkpoint *ckpt, struct json_out *out)
{
    uint64_t parameters = 0, bytes = 0;
    for (size_t i = 0; i < checkpoint_count(ckpt); i++) {
        parameters += checkpoint_at(ckpt, i)->elements;
        bytes += checkpoint_at(ckpt, i)->bytes;
    }
    json_put_int(out, "tensors", (int64_t)checkpoint_count(ckpt));
    json_put_int(out, "parameters", (int64_t)parameters);
    json_put_int(out, "bytes", (int64_t)bytes);
}

static void write_model(const struct preflight *p, const char *name, const struct checkpoint *ckpt,
                        const struct digest *digest, struct json_out *out)
{
    char hex[HASH_TEXT_MAX];
    json_name(out, name);
    if (!ckpt) {
        json_null(out);
        return;
    }
    const struct json *config = checkpoint_config(ckpt);
    const char *first = json_string_or(json_first(json_get(config, "architectures")), NULL);
    const struct st_tensor *embeddings = naming_embeddings(ckpt);
    hash_print(digest->whole, hex);
    json_object(out);
    json_put_text(out, "directory", checkpoint_directory(ckpt));
    json_put_text(out, "digest", p->has_digests ? hex : NULL);
    json_put_text(out, "architecture", first ? first : json_string_or(json_get(config, "model_type"), NULL));
    json_put_double(out, "layers", p->plan ? p->plan->layers_n : NAN);
    json_put_double(out, "vocabulary", embeddings && embeddings->rank ? (double)embeddings->shape[0] : NAN);
    json_put_bool(out, "tied", naming_tied(ckpt));
    write_sizes(ckpt, out);
    write_dtypes(ckpt, out);
    json_end_object(out);
}

/* --- groups --- */

static void write_effective(const struct preflight *p, int group, struct json_out *out)
{
    double got[SURVEY_RATIOS_N];
    json_name(out, "effective");
    if (!p->survey || group < 0) {
        json_null(out);
        return;
    }
    json_object(out);
    survey_effective(p->survey, p->plan, group, false, got);
    json_put_doubles(out, "nearest", got, SURVEY_RATIOS_N);
    survey_effective(p->survey, p->plan, group, true, got);
    json_put_doubles(out, "stochastic", got, SURVEY_RATIOS_N);
    json_end_object(out);
}

static void write_group(const struct preflight *p, int g, struct json_out *out)
{
    struct preflight_group group;
    preflight_group(p, g, &group);
    double n = p->survey && group.floats ? (double)group.floats : NAN;
    if (g < 0 && group.tensors == 0)
        return;
    json_object(out);
    json_put_text(out, "name", group.name);
    json_put_int(out, "tensors", (int64_t)group.tensors);
    json_put_int(out, "parameters", (int64_t)group.parameters);
    json_put_double(out, "changed", (double)group.tally.changed / n);
    json_put_double(out, "update_rms", sqrt(group.tally.square / n));
    json_put_double(out, "update_ulps",
                    group.tally.square_ulp > 0 ? sqrt(group.tally.square / group.tally.square_ulp) : NAN);
    write_effective(p, g, out);
    json_end_object(out);
}

static void write_groups(const struct preflight *p, struct json_out *out)
{
    json_name(out, "groups");
    json_array(out);
    for (int g = 0; p->plan && g < p->plan->ratios_n; g++)
        write_group(p, g, out);
    for (int g = PLAN_MEAN; p->plan && g >= PLAN_TUNED; g--)
        write_group(p, g, out);
    json_end_array(out);
    json_put_doubles(out, "ratios", survey_ratios, SURVEY_RATIOS_N);
    json_put_bool(out, "sampled", p->survey && p->survey->sampled);
}

/* --- needs --- */

struct preflight_needs preflight_needs(const struct preflight *p)
{
    double parameters = 0, written = 0;
    for (size_t i = 0; p->plan && i < p->plan->entries_n; i++) {
        const struct plan_entry *entry = &p->plan->entries[i];
        const struct merge_how own = merge_how_for(&p->how, entry);
        parameters += (double)entry->elements;
        written += (double)entry->elements * st_dtype_bits(merge_dtype(&own, entry->dtype)) / 8;
    }
    return (struct preflight_needs){p->survey ? (double)p->survey->bytes : NAN, p->plan ? written : NAN,
                                    p->plan && p->is_native ? 4 * parameters : NAN,
                                    p->survey ? p->survey->merge_s : NAN};
}

static void write_needs(const struct preflight *p, struct json_out *out)
{
    struct preflight_needs needs = preflight_needs(p);
    json_name(out, "needs");
    json_object(out);
    json_put_double(out, "read_bytes", needs.read_bytes);
    json_put_double(out, "export_bytes", needs.export_bytes);
    json_put_double(out, "free_bytes", p->free_bytes);
    json_put_double(out, "memory_bytes", needs.memory_bytes);
    json_put_double(out, "merge_s", needs.merge_s);
    json_put_int(out, "trials", p->trials);
    json_end_object(out);
}

void preflight_write(const struct preflight *p, struct json_out *out)
{
    json_object(out);
    json_put_bool(out, "ok", preflight_count(p, PREFLIGHT_ERROR) == 0);
    write_findings(p, out);
    json_name(out, "models");
    json_object(out);
    write_model(p, "base", p->base, &p->base_digest, out);
    write_model(p, "tuned", p->tuned, &p->tuned_digest, out);
    json_end_object(out);
    write_groups(p, out);
    write_needs(p, out);
    json_end_object(out);
}

void preflight_write_digests(const struct preflight *p, struct json_out *out)
{
    if (!p->has_digests) {
        json_null(out);
        return;
    }
    json_object(out);
    json_name(out, "base");
    digest_write(p->base, &p->base_digest, out);
    json_name(out, "tuned");
    digest_write(p->tuned, &p->tuned_digest, out);
    json_end_object(out);
}
