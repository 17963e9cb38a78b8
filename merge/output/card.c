#include "merge/output/card.h"

#include "merge/output/manifest.h"
#include "merge/recipe/yaml.h"
#include "proto/json_scan.h"
#include "proto/mem.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <strings.h>

/* --- text of others --- */

/* Text between our own words in a line or a table cell: it neither ends the line nor means anything. GitHub makes a link
 * of what begins with "www." too. */
static void put_text(struct buf *out, const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    size_t left = strlen(text), all = left;
    while (left) {
        size_t n = utf8_sequence(s, left);
        bool control = n == 0 || *s < 0x20 || *s == 0x7f || (n == 2 && s[0] == 0xc2 && s[1] < 0xa0) ||
                       (n == 3 && s[0] == 0xe2 && s[1] == 0x80 && (s[2] == 0xa8 || s[2] == 0xa9));
        if (control)
            buf_text(out, "?");
        else if (n == 1 &&
                 (strchr("\\`*_{}[]<>#|~&!$:@", *s) ||
                  (*s == '.' && all - left >= 3 && strncasecmp((const char *)s - 3, "www", 3) == 0)))
            buf_printf(out, "\\%c", *s);
        else
            buf_add(out, s, n);
        s += n ? n : 1;
        left -= n ? n : 1;
    }
}

static bool is_hub_part(const char *s, size_t n)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    return n > 0 && *s != '.' && strspn(s, allowed) >= n;
}

/* "owner/name", which is a name on a hub rather than a path. */
static bool is_hub_name(const char *s)
{
    const char *slash = strchr(s, '/');
    return slash && is_hub_part(s, (size_t)(slash - s)) && !strchr(slash + 1, '/') &&
           is_hub_part(slash + 1, strlen(slash + 1));
}

static void put_model(struct buf *out, const char *name)
{
    size_t n = strlen(name);
    buf_text(out, "- ");
    while (n > 1 && name[n - 1] == '/')
        n--;
    const char *slash = is_hub_name(name) ? NULL : memrchr(name, '/', n);
    size_t skip = slash ? (size_t)(slash - name) + 1 : 0;
    char *last = mem_strndup(name + skip, n - skip);
    yml_quote(out, last);
    mem_free(last);
    buf_text(out, "\n");
}

static void put_number(struct buf *out, double x)
{
    struct json_out json;
    json_begin(&json, out);
    json_double(&json, x);
}

/* --- the parts --- */

static void put_front(struct buf *out, const struct export_lineage *lineage)
{
    buf_text(out, "---\n");
    if (lineage->base && lineage->tuned) {
        buf_text(out, "base_model:\n");
        put_model(out, lineage->base);
        put_model(out, lineage->tuned);
        buf_text(out, "base_model_relation: merge\n");
    }
    buf_text(out, "library_name: transformers\ntags:\n- merge\n- paretod\n---\n\n");
}

static void put_head(struct buf *out, const struct export_lineage *lineage)
{
    buf_text(out, "# ");
    put_text(out, lineage->search ? lineage->search : "Merged checkpoint");
    if (lineage->trial >= 0)
        buf_printf(out, ", trial %d", lineage->trial);
    buf_text(out, "\n\nA weighted average of two checkpoints, *base* (before alignment) and *tuned* (after "
                  "it), with one "
                  "ratio for each\ngroup of layers:\n\n"
                  "    merged = base + ratio * (tuned - base)        ratio 0 = base, ratio 1 = tuned\n\n");
}

static void put_checkpoint(struct buf *out, const char *role, const char *name, const char *digest)
{
    buf_printf(out, "| %s | ", role);
    put_text(out, name ? name : "-");
    buf_text(out, " | ");
    put_text(out, digest ? digest : "-");
    buf_text(out, " |\n");
}

static void put_checkpoints(struct buf *out, const struct export_lineage *lineage)
{
    if (!lineage->base && !lineage->tuned && !lineage->base_digest && !lineage->tuned_digest)
        return;
    buf_text(out, "| checkpoint | name | digest of its content (XXH3-128) |\n|---|---|---|\n");
    put_checkpoint(out, "base", lineage->base, lineage->base_digest);
    put_checkpoint(out, "tuned", lineage->tuned, lineage->tuned_digest);
    buf_text(out, "\n");
}

struct tally {
    uint64_t tensors, elements;
};

static struct tally count(const struct plan *plan, int group)
{
    struct tally tally = {0};
    for (size_t i = 0; i < plan->entries_n; i++)
        if (plan->entries[i].group == group) {
            tally.tensors++;
            tally.elements += plan->entries[i].elements;
        }
    return tally;
}

static void put_tally(struct buf *out, struct tally tally)
{
    buf_printf(out, " | %" PRIu64 " | %" PRIu64 " |\n", tally.tensors, tally.elements);
}

/* What is in no group of its own: ends at the mean, or from one of the checkpoints. */
static void put_rest(struct buf *out, const struct plan *plan, const double *ratios)
{
    static const struct {
        int group;
        const char *name;
    } rest[] = {{PLAN_MEAN, "(the mean of the groups)"}, {PLAN_BASE, "(base)"}, {PLAN_TUNED, "(tuned)"}};
    for (size_t i = 0; i < sizeof rest / sizeof *rest; i++) {
        struct tally tally = count(plan, rest[i].group);
        const struct plan_entry one = {.group = rest[i].group};
        if (!tally.tensors)
            continue;
        buf_printf(out, "| %s | %.6g | -", rest[i].name, plan_ratio(plan, &one, ratios));
        put_tally(out, tally);
    }
}

static void put_groups(struct buf *out, const struct plan *plan, const struct export_target *target)
{
    buf_text(out, "| group | ratio | effective ratio | tensors | parameters |\n|---|---|---|---|---|\n");
    for (int i = 0; i < plan->ratios_n; i++) {
        buf_text(out, "| ");
        put_text(out, plan->names[i]);
        buf_text(out, " | ");
        put_number(out, target->ratios[i]);
        if (target->effective && isfinite(target->effective[i]))
            buf_printf(out, " | %.4f", target->effective[i]);
        else
            buf_text(out, " | -");
        put_tally(out, count(plan, i));
    }
    put_rest(out, plan, target->ratios);
    buf_text(
        out,
        "\nThe effective ratio is what the written numbers really moved from base to tuned: the projection "
        "of "
        "*merged - base*\non *tuned - base*. It differs from the ratio where the stored dtype cannot hold "
        "the average.\n\n");
}

static void put_dtypes(struct buf *out, const struct plan *plan, const struct merge_how *how)
{
    uint64_t tensors[ST_DTYPES_N] = {0};
    bool first = true;
    for (size_t i = 0; i < plan->entries_n; i++) {
        const struct merge_how own = merge_how_for(how, &plan->entries[i]);
        tensors[merge_dtype(&own, plan->entries[i].dtype)]++;
    }
    for (int i = 0; i < ST_DTYPES_N; i++) {
        if (!tensors[i])
            continue;
        buf_printf(out, "%s%s (%" PRIu64 " tensors)", first ? "" : ", ", st_dtype_name((enum st_dtype)i),
                   tensors[i]);
        first = false;
    }
}

static void put_how(struct buf *out, const struct plan *plan, const struct merge_how *how)
{
    buf_text(out, "Averages are computed in float32 (float64 for F64) and rounded once, ");
    if (how->rounding == ROUND_STOCHASTIC)
        buf_printf(out, "stochastically with seed %" PRIu64, how->seed);
    else
        buf_text(out, "to the nearest");
    buf_text(out, ".\nWritten as ");
    put_dtypes(out, plan, how);
    buf_text(out, ".\nTokenizer, chat template and configuration are those of *tuned*.\n\n");
}

static void put_scores(struct buf *out, const struct export_lineage *lineage)
{
    if (!lineage->scores_n)
        return;
    buf_text(out,
             "## Scores\n\nOn the half of the items that the search used to choose; choosing flatters the "
             "chosen.\n\n| objective | better | score | standard error |\n|---|---|---|---|\n");
    for (size_t i = 0; i < lineage->scores_n; i++) {
        const struct export_score *score = &lineage->scores[i];
        buf_text(out, "| ");
        put_text(out, score->name);
        buf_printf(out, " | %s", !score->goal ? "-" : strcmp(score->goal, "min") == 0 ? "lower" : "higher");
        buf_printf(out, isfinite(score->mean) ? " | %.6g" : " | -", score->mean);
        buf_printf(out, isfinite(score->stderr_) ? " | %.3g |\n" : " | - |\n", score->stderr_);
    }
    buf_text(out, "\n");
}

static void put_recipe(struct buf *out, const struct export_lineage *lineage)
{
    buf_text(out, "## Make it again, verify it\n\n");
    buf_text(out, lineage->base_digest && lineage->tuned_digest
                      ? "The same bytes come out wherever the two checkpoints have the digests above."
                      : "The same bytes come out of the same two checkpoints.");
    if (lineage->search && lineage->trial >= 0) {
        buf_text(out, " With the number of the search\n\"");
        put_text(out, lineage->search);
        buf_printf(out, "\" in place of ID:\n\n    paretoctl export ID %d --out DIR", lineage->trial);
    }
    buf_text(out, "\n\nWhether the files here are still what was written:\n\n    paretoctl verify DIR\n\n"
                  "`paretod.json` has ratios, plan and digests for programs, `" MANIFEST_NAME
                  "` the size and hash of every file.\n");
}

void card_write(const struct plan *plan, const struct export_target *target, const struct merge_how *how,
                struct buf *out)
{
    static const struct export_lineage nothing = {.trial = -1};
    static const struct merge_how plainly = {0};
    const struct export_lineage *lineage = target->lineage ? target->lineage : &nothing;
    put_front(out, lineage);
    put_head(out, lineage);
    put_checkpoints(out, lineage);
    buf_text(out, "## Groups\n\n");
    put_groups(out, plan, target);
    put_how(out, plan, how ? how : &plainly);
    put_scores(out, lineage);
    put_recipe(out, lineage);
}
