#include "merge/output/lineage.h"

#include <stdio.h>

static void put_known(struct json_out *out, const char *key, const char *text)
{
    if (text)
        json_put_text(out, key, text);
}

static void put_how(const struct merge_how *how, struct json_out *out)
{
    static const char *const dtypes[] = {
        [OUTPUT_SAME] = "same", [OUTPUT_F32] = "F32", [OUTPUT_BF16] = "BF16", [OUTPUT_F16] = "F16"};
    static const char *const others[] = {[OTHERS_EQUAL] = "equal",
                                         [OTHERS_BASE] = "base",
                                         [OTHERS_TUNED] = "tuned",
                                         [OTHERS_REFUSE] = "refuse"};
    json_name(out, "output");
    json_object(out);
    json_put_text(out, "rounding", how->rounding == ROUND_STOCHASTIC ? "stochastic" : "nearest");
    json_put_text(out, "dtype", dtypes[how->dtype]);
    json_put_text(out, "others", others[how->others]);
    if (how->rounding == ROUND_STOCHASTIC) {
        char seed[24]; /* all 64 bits */
        snprintf(seed, sizeof seed, "%llu", (unsigned long long)how->seed);
        json_name(out, "seed");
        json_raw(out, seed);
    }
    json_end_object(out);
}

static void put_scores(const struct export_lineage *lineage, struct json_out *out)
{
    json_name(out, "scores");
    json_array(out);
    for (size_t i = 0; i < lineage->scores_n; i++) {
        json_object(out);
        json_put_text(out, "name", lineage->scores[i].name);
        put_known(out, "goal", lineage->scores[i].goal);
        json_put_double(out, "mean", lineage->scores[i].mean);
        json_put_double(out, "stderr", lineage->scores[i].stderr_);
        json_end_object(out);
    }
    json_end_array(out);
}

void lineage_write(const struct plan *plan, const struct export_target *target, const struct merge_how *how,
                   struct buf *buf)
{
    const struct export_lineage *lineage = target->lineage;
    struct json_out out;
    json_begin(&out, buf);
    json_object(&out);
    json_put_text(&out, "format", "paretod-export-2");
    if (lineage) {
        put_known(&out, "search", lineage->search);
        if (lineage->trial >= 0)
            json_put_int(&out, "trial", lineage->trial);
        put_known(&out, "base", lineage->base);
        put_known(&out, "tuned", lineage->tuned);
        put_known(&out, "base_digest", lineage->base_digest);
        put_known(&out, "tuned_digest", lineage->tuned_digest);
    }
    json_put_text(&out, "ratio_of", "tuned"); /* others write the weight of the base under the same word */
    json_name(&out, "groups");
    json_array(&out);
    for (int i = 0; i < plan->ratios_n; i++)
        json_text(&out, plan->names[i]);
    json_end_array(&out);
    json_put_doubles(&out, "ratios", target->ratios, (size_t)plan->ratios_n);
    if (target->effective)
        json_put_doubles(&out, "effective", target->effective, (size_t)plan->ratios_n);
    put_how(how, &out);
    if (lineage && lineage->scores_n)
        put_scores(lineage, &out);
    json_name(&out, "plan");
    plan_write(plan, &out);
    json_end_object(&out);
    buf_text(buf, "\n");
}
