#include "client/front_internal.h"

#include "client/table.h"
#include "client/text.h"
#include "proto/mem.h"

#include <math.h>
#include <stdio.h>

#define HELD_OUT " held-out"
#define LEGEND_MAX_BYTES ((SPEC_GROUPS_MAX + 2) * 72) /* a name is at most 63 bytes */

/* What of a table is printed: on a narrow terminal less, and the held-out scores in a table of their own. */
struct layout {
    bool both; /* the held-out scores beside the others, when there are both */
    bool fit;  /* posterior means beside the scores */
    bool mean, kind;
    int ratios; /* columns of ratios at most */
};

/* From everything to little: the first that fits is taken, else the last. The CSV has all in any case. */
static const struct layout layouts[] = {
    {true, true, true, true, 8},     {false, true, true, true, 8},   {false, true, false, true, 8},
    {false, true, false, true, 4},   {false, false, false, true, 4}, {false, false, false, true, 2},
    {false, false, false, false, 2},
};
static const struct layout everything = {true, true, true, true, SPEC_GROUPS_MAX + 1};

static bool has_both(const struct front *front, const struct front_view *view)
{
    return !view->heldout && front_has_heldout(front);
}

/* of: what kind of scores, " held-out". */
static void add_score_heads(const struct front *front, const char *of, struct table *table)
{
    char head[160];
    for (int k = 0; k < front->objectives_n; k++) {
        snprintf(head, sizeof head, "%s%s %s", front->objectives[k].name, of,
                 front->objectives[k].minimise ? "↓" : "↑");
        table_column(table, head, TABLE_LEFT);
    }
}

static void add_heads(const struct front *front, const struct front_view *view, const struct layout *layout,
                      struct table *table)
{
    table_column(table, "trial", TABLE_RIGHT);
    if (layout->kind)
        table_column(table, "kind", TABLE_LEFT);
    if (view->all)
        table_column(table, "front", TABLE_LEFT);
    table_column(table, "ratios", TABLE_LEFT);
    if (layout->mean)
        table_column(table, "mean ratio", TABLE_RIGHT);
    if (front->has_confidence)
        table_column(table, "confidence", TABLE_LEFT);
    add_score_heads(front, view->heldout ? HELD_OUT : "", table);
    if (layout->fit && front->has_confidence)
        add_score_heads(front, " fit", table);
    if (layout->both && has_both(front, view))
        add_score_heads(front, HELD_OUT, table);
}

/* The three kinds of scores of a point; NULL: it has none. */
enum kind { SHOWN, FIT, HELD, KINDS_N };

static const struct front_score *scores_of(const struct front_point *point, const struct front_view *view,
                                           enum kind kind)
{
    if (kind == FIT)
        return point->has_posterior ? point->posterior : NULL;
    if (kind == HELD)
        return point->has_heldout ? point->heldout : NULL;
    return front_shown_scores(point, view);
}

/* How the numbers of a column are written, so that they stand below each other. */
struct column {
    int decimals; /* 0: each as text_score writes it, for they are of no everyday size */
    int width;    /* of the widest mean */
};

/* [KINDS_N][objectives] */
struct columns {
    struct column of[KINDS_N][SPEC_OBJECTIVES_MAX];
};

/* Two digits of the smallest error, but three decimals at least, and six at most. */
static struct column measure(const struct front_ranked *ranked, size_t n, const struct front_view *view,
                             enum kind kind, int k)
{
    struct column column = {3, 0};
    double largest = 0;
    for (size_t i = 0; i < n; i++) {
        const struct front_score *s = scores_of(ranked[i].point, view, kind);
        if (!s || isnan(s[k].mean))
            continue;
        largest = fmax(largest, fabs(s[k].mean));
        if (s[k].stderr_of > 0 && s[k].stderr_of < 0.01)
            column.decimals = (int)fmin(6, fmax(column.decimals, 1 - floor(log10(s[k].stderr_of))));
    }
    if (largest != 0 && (largest < 0.01 || largest >= 10000))
        return (struct column){0, 0};
    for (size_t i = 0; i < n; i++) {
        const struct front_score *s = scores_of(ranked[i].point, view, kind);
        if (s && !isnan(s[k].mean))
            column.width = (int)fmax(column.width, snprintf(NULL, 0, "%.*f", column.decimals, s[k].mean));
    }
    return column;
}

static void measure_all(const struct front *front, const struct front_ranked *ranked, size_t n,
                        const struct front_view *view, struct columns *columns)
{
    for (int kind = 0; kind < KINDS_N; kind++)
        for (int k = 0; k < front->objectives_n; k++)
            columns->of[kind][k] = measure(ranked, n, view, (enum kind)kind, k);
}

static void add_score_cells(const struct front_score *scores, const struct column *columns, int n,
                            struct table *table)
{
    struct buf text;
    buf_init(&text, 256);
    for (int k = 0; k < n; k++) {
        double mean = scores ? scores[k].mean : NAN, stderr_of = scores ? scores[k].stderr_of : NAN;
        buf_clear(&text);
        if (isnan(mean) || !columns[k].decimals) {
            text_score(&text, mean, stderr_of);
        } else {
            buf_printf(&text, "%*.*f", columns[k].width, columns[k].decimals, mean);
            if (!isnan(stderr_of))
                buf_printf(&text, " ± %.*f", columns[k].decimals, stderr_of);
        }
        table_cell(table, buf_str(&text));
    }
    buf_fini(&text);
}

static void add_confidence(const struct front_point *point, struct table *table)
{
    if (isnan(point->confidence))
        table_cell(table, NULL);
    else
        table_cellf(table, "%.0f %%%s%s", 100 * point->confidence, *point->verdict ? " " : "",
                    point->verdict);
}

/* True when a ratio came out otherwise than asked for. */
static bool add_point(const struct front *front, const struct front_view *view, const struct layout *layout,
                      const struct columns *columns, const struct front_point *point, struct table *table)
{
    struct buf text;
    buf_init(&text, 4096);
    table_cellf(table, "%lld", (long long)point->trial);
    if (layout->kind)
        table_cell(table, point->kind);
    if (view->all)
        table_cell(table, point->on_front ? "yes" : "");
    bool strays =
        text_ratios(&text, point->ratios, point->effective, (size_t)front->groups_n, (size_t)layout->ratios);
    table_cell(table, buf_str(&text));
    if (layout->mean)
        table_cellf(table, "%.3f", point->mean_ratio);
    if (front->has_confidence)
        add_confidence(point, table);
    add_score_cells(scores_of(point, view, SHOWN), columns->of[SHOWN], front->objectives_n, table);
    if (layout->fit && front->has_confidence)
        add_score_cells(scores_of(point, view, FIT), columns->of[FIT], front->objectives_n, table);
    if (layout->both && has_both(front, view))
        add_score_cells(scores_of(point, view, HELD), columns->of[HELD], front->objectives_n, table);
    buf_fini(&text);
    return strays;
}

/* "ratios: layers 0-2 | layers 3-5": what the numbers in the column of ratios belong to. */
static void print_legend(const struct front *front, const struct front_view *view,
                         const struct layout *layout, struct buf *out)
{
    struct buf line;
    buf_init(&line, LEGEND_MAX_BYTES);
    buf_text(&line, "ratios: ");
    for (int g = 0; g < front->groups_n && g < layout->ratios; g++)
        buf_printf(&line, "%s%s", g ? " | " : "", front->groups[g]);
    if (front->groups_n > layout->ratios)
        buf_printf(&line, " | … of %d", front->groups_n);
    if (view->columns)
        text_cut(out, buf_str(&line), (size_t)view->columns);
    else
        text_clean(out, buf_str(&line));
    buf_text(out, "\n");
    buf_fini(&line);
}

static void print_heldout(const struct front *front, const struct front_ranked *ranked, size_t n,
                          const struct columns *columns, struct buf *out)
{
    struct table table;
    table_init(&table);
    table_column(&table, "trial", TABLE_RIGHT);
    add_score_heads(front, HELD_OUT, &table);
    for (size_t i = 0; i < n; i++) {
        const struct front_point *point = ranked[i].point;
        table_cellf(&table, "%lld", (long long)point->trial);
        add_score_cells(point->has_heldout ? point->heldout : NULL, columns->of[HELD], front->objectives_n,
                        &table);
    }
    buf_text(out, "\n");
    table_print(&table, out);
    table_fini(&table);
}

void front_table(const struct front *front, const struct front_view *view, struct buf *out)
{
    const size_t layouts_n = sizeof layouts / sizeof layouts[0];
    const struct layout *layout = &everything;
    struct table table;
    size_t n;
    bool strays = false;
    struct columns columns;
    struct front_ranked *ranked = front_rank(front, view, &n);
    measure_all(front, ranked, n, view, &columns);
    for (size_t try = 0;; try++) {
        if (view->columns)
            layout = &layouts[try];
        table_init(&table);
        add_heads(front, view, layout, &table);
        for (size_t i = 0; i < n; i++)
            strays |= add_point(front, view, layout, &columns, ranked[i].point, &table);
        if (!view->columns || try == layouts_n - 1 || table_width(&table) <= (size_t)view->columns)
            break;
        table_fini(&table);
    }
    if (front->groups_n)
        print_legend(front, view, layout, out);
    table_print(&table, out);
    if (strays)
        text_ratios_note(out);
    if (!layout->both && has_both(front, view))
        print_heldout(front, ranked, n, &columns, out);
    table_fini(&table);
    mem_free(ranked);
}

/* An empty field for what is not known, so that no reader takes it for a number. */
static void csv_number(struct buf *out, double x)
{
    if (isfinite(x))
        buf_printf(out, ",%.17g", x);
    else
        buf_text(out, ",");
}

/* The columns that trials.csv of the daemon has too bear its names, so that the two can be joined. */
static void csv_head(const struct front *front, struct buf *out)
{
    static const char *const parts[] = {"", " stderr", " heldout", " heldout stderr"};
    char name[160];
    buf_text(out, "trial,kind,on_front,mean_ratio");
    for (int g = 0; g < front->groups_n; g++) {
        snprintf(name, sizeof name, "ratio %s", front->groups[g]);
        buf_text(out, ",");
        text_csv(out, name);
    }
    for (int g = 0; g < front->groups_n; g++) {
        snprintf(name, sizeof name, "effective %s", front->groups[g]);
        buf_text(out, ",");
        text_csv(out, name);
    }
    for (int k = 0; k < front->objectives_n; k++)
        for (size_t p = 0; p < sizeof parts / sizeof parts[0]; p++) {
            snprintf(name, sizeof name, "%s%s", front->objectives[k].name, parts[p]);
            buf_text(out, ",");
            text_csv(out, name);
        }
    buf_text(out, ",confidence,verdict,share,path,repeat_of");
    for (int k = 0; k < 2 * front->objectives_n; k++) {
        snprintf(name, sizeof name, "%s posterior%s", front->objectives[k / 2].name, k % 2 ? " sd" : "");
        buf_text(out, ",");
        text_csv(out, name);
    }
    buf_text(out, "\n");
}

static void csv_insight(const struct front *front, const struct front_point *p, struct buf *out)
{
    csv_number(out, p->confidence);
    buf_text(out, ",");
    text_csv(out, p->verdict);
    csv_number(out, p->share);
    buf_text(out, ",");
    text_csv(out, p->path);
    csv_number(out, p->repeat_of < 0 ? NAN : (double)p->repeat_of);
    for (int k = 0; k < front->objectives_n; k++) {
        csv_number(out, p->has_posterior ? p->posterior[k].mean : NAN);
        csv_number(out, p->has_posterior ? p->posterior[k].stderr_of : NAN);
    }
}

void front_csv(const struct front *front, const struct front_view *view, struct buf *out)
{
    size_t n;
    struct front_ranked *ranked = front_rank(front, view, &n);
    csv_head(front, out);
    for (size_t i = 0; i < n; i++) {
        const struct front_point *p = ranked[i].point;
        buf_printf(out, "%lld,", (long long)p->trial);
        text_csv(out, p->kind);
        buf_text(out, p->on_front ? ",true" : ",false");
        csv_number(out, p->mean_ratio);
        for (int g = 0; g < front->groups_n; g++)
            csv_number(out, p->ratios[g]);
        for (int g = 0; g < front->groups_n; g++)
            csv_number(out, p->effective ? p->effective[g] : NAN);
        for (int k = 0; k < front->objectives_n; k++) {
            csv_number(out, p->scores[k].mean);
            csv_number(out, p->scores[k].stderr_of);
            csv_number(out, p->has_heldout ? p->heldout[k].mean : NAN);
            csv_number(out, p->has_heldout ? p->heldout[k].stderr_of : NAN);
        }
        csv_insight(front, p, out);
        buf_text(out, "\n");
    }
    mem_free(ranked);
}
