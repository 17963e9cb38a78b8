/* What is known of a search's pair, and what stands in its way: digests and warnings. */
#include "daemon/views.h"

#include "proto/mem.h"

static void put_digests(const struct facts *facts, struct json_out *out)
{
    json_name(out, "digests");
    if (!facts_have_digests(facts)) {
        json_null(out);
        return;
    }
    json_object(out);
    json_put_text(out, "base", facts->base);
    json_put_text(out, "tuned", facts->tuned);
    json_end_object(out);
}

static void put_warning(const char *field, const char *text, struct json_out *out)
{
    json_object(out);
    json_put_text(out, "field", field);
    json_put_text(out, "text", text);
    json_end_object(out);
}

static void put_refusals(const struct sched *sched, const struct search *search, struct json_out *out)
{
    for (int i = 0; i < sched->fleet.n; i++) {
        const struct worker *worker = sched->fleet.worker[i];
        const char *reason = worker_refusal(worker, search->id);
        if (!reason)
            continue;
        char *text = mem_printf("worker %s refuses this search: %s", worker->name, reason);
        put_warning("workers", text, out);
        mem_free(text);
    }
}

void view_facts(const struct facts *facts, const struct sched *sched, const struct search *search,
                int64_t now_us, struct json_out *out)
{
    put_digests(facts, out);
    json_name(out, "warnings");
    json_array(out);
    if (sched_stalled(sched, search, now_us))
        put_warning(
            "workers",
            "nobody works on this search: every worker that is there refuses it; give them the files "
            "that the search was submitted with, then start them again, or pause and resume the search",
            out);
    put_refusals(sched, search, out);
    if (facts && facts->warnings)
        json_raw(out, facts->warnings);
    json_end_array(out);
}
