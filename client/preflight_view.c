#include "client/preflight_view.h"

#include "client/table.h"
#include "client/text.h"
#include "proto/mem.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define OFF_MAX 0.02      /* as the daemon warns */
#define OFF_GROUPS_MAX 12 /* in the table of what ratios come out as; more would fill the screen */

/* A size without a unit: "512", "1.6 M", "6.7 G". */
static void cell_count(struct table *table, double n)
{
    static const char *const units[] = {"", " k", " M", " G", " T"};
    size_t unit = 0;
    for (; n >= (unit ? 999.5 : 9999.5) && unit + 1 < sizeof units / sizeof *units; unit++)
        n /= 1000;
    if (isnan(n))
        table_cell(table, NULL);
    else
        table_cellf(table, unit && n < 99.95 ? "%.1f%s" : "%.0f%s", n, units[unit]);
}

static double number(const struct json *object, const char *key)
{
    return json_number_or(json_get(object, key), NAN);
}

/* --- models --- */

static void cell_dtypes(struct table *table, const struct json *dtypes)
{
    struct buf text;
    buf_init(&text, 400);
    for (const struct json *d = json_first(dtypes); d; d = json_next(d))
        buf_printf(&text, "%s%s", text.len ? " " : "", json_key(d));
    table_cell(table, text.len ? buf_str(&text) : NULL);
    buf_fini(&text);
}

static void add_model(struct table *table, const char *name, const struct json *model)
{
    char bytes[TEXT_NUMBER_MAX];
    text_bytes(bytes, number(model, "bytes"));
    table_cell(table, name);
    table_cell(table, json_string_or(json_get(model, "architecture"), NULL));
    cell_count(table, number(model, "layers"));
    cell_count(table, number(model, "vocabulary"));
    cell_count(table, number(model, "tensors"));
    cell_count(table, number(model, "parameters"));
    cell_dtypes(table, json_get(model, "dtypes"));
    table_cell(table, model ? bytes : NULL);
    table_cell(table, json_string_or(json_get(model, "digest"), NULL));
}

static void view_models(const struct json *models, struct buf *out)
{
    static const char *const names[] = {"base", "tuned"};
    struct table table;
    for (int i = 0; i < 2; i++) {
        buf_printf(out, "%-6s ", names[i]);
        text_clean(out,
                   json_string_or(json_get(json_get(models, names[i]), "directory"), "cannot be opened"));
        buf_text(out, "\n");
    }
    buf_text(out, "\n");
    table_init(&table);
    table_column(&table, "model", TABLE_LEFT);
    table_column(&table, "architecture", TABLE_LEFT);
    table_column(&table, "layers", TABLE_RIGHT);
    table_column(&table, "vocabulary", TABLE_RIGHT);
    table_column(&table, "tensors", TABLE_RIGHT);
    table_column(&table, "parameters", TABLE_RIGHT);
    table_column(&table, "dtype", TABLE_LEFT);
    table_column(&table, "size", TABLE_RIGHT);
    table_column(&table, "digest", TABLE_LEFT);
    for (int i = 0; i < 2; i++)
        if (json_is(json_get(models, names[i]), JSON_OBJECT))
            add_model(&table, names[i], json_get(models, names[i]));
    if (table.cells_n)
        table_print(&table, out);
    table_fini(&table);
}

/* --- groups --- */

static void cell_if(struct table *table, const char *format, double x)
{
    char text[64];
    snprintf(text, sizeof text, format, x);
    table_cell(table, isnan(x) ? NULL : text);
}

static void view_groups(const struct json *groups, struct buf *out)
{
    struct table table;
    if (!json_first(groups))
        return;
    table_init(&table);
    table_column(&table, "group", TABLE_LEFT);
    table_column(&table, "tensors", TABLE_RIGHT);
    table_column(&table, "parameters", TABLE_RIGHT);
    table_column(&table, "changed", TABLE_RIGHT);
    table_column(&table, "update", TABLE_RIGHT);
    table_column(&table, "in ulps", TABLE_RIGHT);
    for (const struct json *g = json_first(groups); g; g = json_next(g)) {
        table_cell(&table, json_string_or(json_get(g, "name"), NULL));
        cell_count(&table, number(g, "tensors"));
        cell_count(&table, number(g, "parameters"));
        cell_if(&table, "%.1f%%", 100 * number(g, "changed"));
        cell_if(&table, "%.1e", number(g, "update_rms"));
        cell_if(&table, "%.2f", number(g, "update_ulps"));
    }
    buf_text(out, "\n");
    table_print(&table, out);
    table_fini(&table);
}

/* --- what ratios come out as --- */

/* The largest distance between asked and got in a group. */
static double worst_in(const struct json *report, const struct json *group, const char *rounding)
{
    const struct json *asked = json_first(json_get(report, "ratios"));
    const struct json *got = json_first(json_get(json_get(group, "effective"), rounding));
    double worst = 0;
    for (; asked && got; asked = json_next(asked), got = json_next(got)) {
        double off = fabs(json_number_or(got, NAN) - json_number_or(asked, NAN));
        worst = off > worst ? off : worst;
    }
    return worst;
}

static double worst_of(const struct json *report, const char *rounding)
{
    double worst = 0;
    for (const struct json *g = json_first(json_get(report, "groups")); g; g = json_next(g)) {
        double off = worst_in(report, g, rounding);
        worst = off > worst ? off : worst;
    }
    return worst;
}

static bool has_effective(const struct json *report)
{
    for (const struct json *g = json_first(json_get(report, "groups")); g; g = json_next(g))
        if (json_is(json_get(g, "effective"), JSON_OBJECT))
            return true;
    return false;
}

static void add_effective(struct table *table, const struct json *group, const char *rounding)
{
    const struct json *got = json_first(json_get(json_get(group, "effective"), rounding));
    table_cell(table, json_string_or(json_get(group, "name"), NULL));
    table_cell(table, rounding);
    for (; got; got = json_next(got))
        cell_if(table, "%.3f", json_number_or(got, NAN));
}

static void view_table(const struct json *report, struct buf *out)
{
    struct table table;
    table_init(&table);
    table_column(&table, "group", TABLE_LEFT);
    table_column(&table, "rounding", TABLE_LEFT);
    for (const struct json *r = json_first(json_get(report, "ratios")); r && table.columns_n < 16;
         r = json_next(r)) {
        char head[32];
        snprintf(head, sizeof head, "%.1f", json_number_or(r, NAN));
        table_column(&table, head, TABLE_RIGHT);
    }
    size_t width = (size_t)table.columns_n - 2, shown = 0, more = 0;
    for (const struct json *g = json_first(json_get(report, "groups")); g; g = json_next(g)) {
        const struct json *effective = json_get(g, "effective");
        if (json_len(json_get(effective, "nearest")) != width ||
            json_len(json_get(effective, "stochastic")) != width ||
            fmax(worst_in(report, g, "nearest"), worst_in(report, g, "stochastic")) <= OFF_MAX)
            continue;
        if (shown++ < OFF_GROUPS_MAX) {
            add_effective(&table, g, "nearest");
            add_effective(&table, g, "stochastic");
        } else
            more++;
    }
    table_print(&table, out);
    table_fini(&table);
    if (more)
        buf_printf(out, "… and %zu more groups; --json has all of them\n", more);
}

/* Only groups where something is off; for the others it would say each number twice. */
static void view_effective(const struct json *report, struct buf *out)
{
    double nearest = worst_of(report, "nearest"), stochastic = worst_of(report, "stochastic");
    const char *sampled =
        json_bool_or(json_get(report, "sampled"), false) ? " (of a sample of the weights)" : "";
    if (!has_effective(report))
        return;
    if (nearest <= OFF_MAX && stochastic <= OFF_MAX) {
        buf_printf(
            out,
            "\nRatios 0.1 to 0.9 come out as asked%s: within %.4f rounded to nearest, %.4f stochastically.\n",
            sampled, nearest, stochastic);
        return;
    }
    buf_printf(out, "\nWhat the ratios 0.1 to 0.9 come out as%s:\n", sampled);
    view_table(report, out);
}

/* --- needs --- */

static void put_bytes(struct buf *out, double bytes)
{
    char text[TEXT_NUMBER_MAX];
    text_bytes(text, bytes);
    buf_text(out, text);
}

static void view_needs(const struct json *needs, struct buf *out)
{
    double merge_s = number(needs, "merge_s"), trials = number(needs, "trials");
    char one[TEXT_NUMBER_MAX], all[TEXT_NUMBER_MAX];
    if (isnan(number(needs, "export_bytes")))
        return;
    buf_text(out, "\nan export   ");
    put_bytes(out, number(needs, "export_bytes"));
    if (!isnan(number(needs, "free_bytes"))) {
        buf_text(out, " of the ");
        put_bytes(out, number(needs, "free_bytes"));
        buf_text(out, " that are free here");
    }
    if (!isnan(number(needs, "memory_bytes"))) {
        buf_text(out, "\nmemory      ");
        put_bytes(out, number(needs, "memory_bytes"));
        buf_text(out, " of weights a slot, evaluated natively");
    }
    if (!isnan(merge_s)) {
        text_duration(one, merge_s);
        text_duration(all, merge_s * trials);
        buf_printf(out, "\nmerging     about %s a trial in one thread, %s for %.0f trials", one, all, trials);
    }
    buf_text(out, "\n");
}

/* --- findings --- */

/* A sentence in lines of at most `columns`, of which the first `indent` are taken already; later lines begin with as
 * many blanks. One line when columns is 0. */
static void wrap(struct buf *out, const char *text, int columns, int indent)
{
    struct buf clean;
    buf_init(&clean, 4096);
    text_clean(&clean, text);
    int at = indent;
    for (const char *word = buf_str(&clean); *word;) {
        size_t n = strcspn(word, " ");
        char *one = mem_strndup(word, n);
        int width = (int)text_width(one);
        if (columns > indent + 20 && at > indent && at + 1 + width > columns) {
            buf_printf(out, "\n%*s", indent, "");
            at = indent;
        } else if (at > indent) {
            buf_text(out, " ");
            at++;
        }
        buf_text(out, one);
        at += width;
        mem_free(one);
        word += n + strspn(word + n, " ");
    }
    buf_text(out, "\n");
    buf_fini(&clean);
}

struct mark {
    const char *level, *sign, *colour;
};
static const struct mark marks[] = {{"error", "✗", "31"}, {"warning", "!", "33"}, {"note", "·", "2"}};

static void view_finding(const struct json *finding, int columns, bool colour, struct buf *out)
{
    const char *level = json_string_or(json_get(finding, "level"), "");
    const struct mark *mark = &marks[2];
    for (size_t i = 0; i < 3; i++)
        if (strcmp(marks[i].level, level) == 0)
            mark = &marks[i];
    char *line = mem_printf("%s: %s", json_string_or(json_get(finding, "field"), ""),
                            json_string_or(json_get(finding, "text"), ""));
    if (colour)
        buf_printf(out, "\033[%sm%s\033[0m ", mark->colour, mark->sign);
    else
        buf_printf(out, "%s ", mark->sign);
    wrap(out, line, columns, 2);
    mem_free(line);
}

static void view_findings(const struct json *findings, int columns, bool colour, struct buf *out)
{
    if (json_first(findings))
        buf_text(out, "\n");
    for (const struct json *f = json_first(findings); f; f = json_next(f))
        view_finding(f, columns, colour, out);
}

static size_t count(const struct json *findings, const char *level)
{
    size_t n = 0;
    for (const struct json *f = json_first(findings); f; f = json_next(f))
        n += strcmp(json_string_or(json_get(f, "level"), ""), level) == 0;
    return n;
}

/* What was looked at, and what only the daemon looks at. */
static void view_summary(const struct json *report, enum preflight_view_of of, struct buf *out)
{
    const struct json *findings = json_get(report, "findings");
    size_t errors = count(findings, "error"), warnings = count(findings, "warning");
    char warned[48] = "";
    if (warnings)
        snprintf(warned, sizeof warned, "%zu warning%s", warnings, warnings == 1 ? "" : "s");
    buf_text(out, "\n");
    if (errors)
        buf_printf(out, "%zu error%s%s%s: this search would be refused, or its trials would fail.\n", errors,
                   errors == 1 ? "" : "s", warnings ? ", " : "", warned);
    else if (of == PREFLIGHT_OF_SEARCH)
        buf_printf(out, "The search was submitted with %s.\n", warnings ? warned : "no warning");
    else
        buf_printf(out, "%s%s%s. What the strategy and the budget allow is checked at submit.\n",
                   warnings ? "The pair can be merged as asked" : "Ready: the pair can be merged as asked",
                   warnings ? "; " : "", warned);
}

void preflight_view(const struct json *report, enum preflight_view_of of, int columns, bool colour,
                    struct buf *out)
{
    view_models(json_get(report, "models"), out);
    view_groups(json_get(report, "groups"), out);
    view_effective(report, out);
    view_needs(json_get(report, "needs"), out);
    view_findings(json_get(report, "findings"), columns, colour, out);
    view_summary(report, of, out);
}
