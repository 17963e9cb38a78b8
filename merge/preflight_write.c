/* The report as JSON. */
#include "merge/preflight_internal.h"

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

void preflight_write(const struct preflight *p, struct json_out *out)
{
    json_object(out);
    json_put_bool(out, "ok", preflight_count(p, PREFLIGHT_ERROR) == 0);
    write_findings(p, out);
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
