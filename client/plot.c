#include "client/plot.h"

#include "client/text.h"
#include "proto/mem.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Lines that are not canvas: the name of y, the x axis, its numbers, the legend. */
#define FRAME_ROWS 4

/* A cell is 2 dots wide and 4 high, as a braille character is. */
#define DOTS_X 2
#define DOTS_Y 4

struct cell {
    unsigned char dots; /* braille bits: U+2800 + dots */
    signed char series; /* whose mark stands here, -1 for none */
    signed char line;   /* whose line runs here, for its colour */
};

struct axis {
    double low, high;
    int decimals;                    /* enough to tell the ends apart */
    char labels[3][TEXT_NUMBER_MAX]; /* low, middle, high */
};

struct canvas {
    int columns, rows, margin; /* margin: columns left of the axis */
    struct axis x, y;
    struct cell *cells; /* [rows * columns], row 0 on top */
};

static int clamp(int value, int low, int high)
{
    return value < low ? low : value > high ? high : value;
}

/* Far below the largest double, so that a range and its padding stay finite. */
#define DRAWN_MAX 1e300

static bool is_drawn(struct plot_point p)
{
    return fabs(p.x) < DRAWN_MAX && fabs(p.y) < DRAWN_MAX; /* false for NaN */
}

/* Widens [low, high] by a 20th on both sides, so that no mark sits on the frame, and writes the labels. */
static void set_axis(struct axis *axis, double low, double high)
{
    double pad = high > low ? (high - low) / 20 : fabs(low) / 20;
    if (high - low + pad < DBL_MIN) /* one point at 0, or so near that a 20th of it is nothing */
        pad = 0.5;
    axis->low = low - pad;
    axis->high = high + pad;
    axis->decimals = clamp((int)ceil(-log10(axis->high - axis->low)) + 2, 0, 9);
    const double at[3] = {axis->low, (axis->low + axis->high) / 2, axis->high};
    bool plain = fmax(fabs(axis->low), fabs(axis->high)) < 1e7;
    for (int i = 0; i < 3; i++)
        snprintf(axis->labels[i], sizeof axis->labels[i], plain ? "%.*f" : "%.*g", plain ? axis->decimals : 6,
                 at[i]);
}

/* Sets both axes from all points; false when there are none. */
static bool set_ranges(const struct plot *plot, struct canvas *canvas)
{
    double low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY};
    for (int s = 0; s < plot->series_n; s++)
        for (size_t i = 0; i < plot->series[s].n; i++) {
            struct plot_point p = plot->series[s].points[i];
            if (!is_drawn(p))
                continue;
            low[0] = fmin(low[0], p.x);
            high[0] = fmax(high[0], p.x);
            low[1] = fmin(low[1], p.y);
            high[1] = fmax(high[1], p.y);
        }
    if (low[0] > high[0])
        return false;
    set_axis(&canvas->x, low[0], high[0]);
    set_axis(&canvas->y, low[1], high[1]);
    return true;
}

/* The dot of a value on an axis of `dots` dots, 0 at the low end. */
static int to_dot(const struct axis *axis, double value, int dots)
{
    double share = (value - axis->low) / (axis->high - axis->low);
    return clamp((int)floor(share * dots), 0, dots - 1);
}

static struct cell *cell_at(struct canvas *canvas, int dot_x, int dot_y)
{
    int row = canvas->rows - 1 - dot_y / DOTS_Y;
    return &canvas->cells[row * canvas->columns + dot_x / DOTS_X];
}

static void set_dot(struct canvas *canvas, int x, int y, int series)
{
    /* Bit of a dot, [from the top][from the left]: Unicode 15, chapter 21.1, Braille. */
    static const unsigned char bits[DOTS_Y][DOTS_X] = {
        {0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
    struct cell *cell = cell_at(canvas, x, y);
    cell->dots |= bits[DOTS_Y - 1 - y % DOTS_Y][x % DOTS_X];
    cell->line = (signed char)series;
}

static void draw_line(struct canvas *canvas, int x0, int y0, int x1, int y1, int series)
{
    int steps = abs(x1 - x0) > abs(y1 - y0) ? abs(x1 - x0) : abs(y1 - y0);
    for (int i = 0; i <= steps; i++) {
        double share = steps ? (double)i / steps : 0;
        set_dot(canvas, (int)lround(x0 + share * (x1 - x0)), (int)lround(y0 + share * (y1 - y0)), series);
    }
}

static void draw_series(const struct plot_series *series, int index, struct canvas *canvas)
{
    int old_x = -1, old_y = -1;
    for (size_t i = 0; i < series->n; i++) {
        if (!is_drawn(series->points[i]))
            continue;
        int x = to_dot(&canvas->x, series->points[i].x, canvas->columns * DOTS_X);
        int y = to_dot(&canvas->y, series->points[i].y, canvas->rows * DOTS_Y);
        if (series->joined && old_x >= 0)
            draw_line(canvas, old_x, old_y, x, y, index);
        cell_at(canvas, x, y)->series = (signed char)index;
        old_x = x;
        old_y = y;
    }
}

static void coloured(struct buf *out, const struct plot *plot, int series, const char *text)
{
    if (plot->colour)
        buf_printf(out, "\033[%sm%s\033[0m", plot->series[series].sgr, text);
    else
        buf_text(out, text);
}

static void print_cell(const struct plot *plot, const struct cell *cell, struct buf *out)
{
    if (cell->series >= 0) {
        coloured(out, plot, cell->series, plot->series[cell->series].mark);
    } else if (cell->dots) {
        /* U+2800 + dots in UTF-8: E2 A0 80 and the eight bits spread over the last two bytes. */
        char braille[4] = {(char)0xE2, (char)(0xA0 | cell->dots >> 6), (char)(0x80 | (cell->dots & 0x3F)), 0};
        coloured(out, plot, cell->line, braille);
    } else
        buf_text(out, " ");
}

static void print_rows(const struct plot *plot, const struct canvas *canvas, struct buf *out)
{
    for (int row = 0; row < canvas->rows; row++) {
        const char *label = "";
        if (row == 0)
            label = canvas->y.labels[2];
        else if (row == (canvas->rows - 1) / 2) /* the row that the middle value falls into */
            label = canvas->y.labels[1];
        else if (row == canvas->rows - 1)
            label = canvas->y.labels[0];
        buf_printf(out, "%*s %s", canvas->margin, label, *label ? "┤" : "│");
        for (int column = 0; column < canvas->columns; column++)
            print_cell(plot, &canvas->cells[row * canvas->columns + column], out);
        text_end_line(out);
    }
}

/* The x axis, and under it low on the left, the name in the middle, high on the right. */
static void print_x_axis(const struct plot *plot, const struct canvas *canvas, struct buf *out)
{
    buf_printf(out, "%*s └", canvas->margin, "");
    for (int i = 0; i < canvas->columns; i++)
        buf_text(out, "─");
    struct buf name;
    buf_init(&name, 1024);
    text_clean(&name, plot->x_name);
    int low = (int)strlen(canvas->x.labels[0]), high = (int)strlen(canvas->x.labels[2]);
    int blanks = canvas->columns - low - high - (int)text_width(buf_str(&name));
    int before = blanks > 2 ? blanks / 2 : 1, after = blanks > 2 ? blanks - before : 1;
    buf_printf(out, "\n%*s  %s%*s%s%*s%s\n", canvas->margin, "", canvas->x.labels[0], before, "",
               buf_str(&name), after, "", canvas->x.labels[2]);
    buf_fini(&name);
}

static void print_legend(const struct plot *plot, const struct canvas *canvas, struct buf *out)
{
    buf_printf(out, "%*s ", canvas->margin, "");
    for (int s = plot->series_n - 1; s >= 0; s--) {
        buf_text(out, " ");
        coloured(out, plot, s, plot->series[s].mark);
        buf_printf(out, " %s%s", plot->series[s].name, s ? " " : "");
    }
    buf_text(out, "\n");
}

void plot_draw(const struct plot *plot, struct buf *out)
{
    assert(plot->series_n <= PLOT_SERIES_MAX);
    struct canvas canvas = {0};
    if (!set_ranges(plot, &canvas)) {
        buf_text(out, "nothing to draw yet: no trial has scores\n");
        return;
    }
    for (int i = 0; i < 3; i++)
        canvas.margin = clamp((int)strlen(canvas.y.labels[i]), canvas.margin, TEXT_NUMBER_MAX);
    canvas.rows = clamp(plot->rows, PLOT_ROWS_MIN, PLOT_ROWS_MAX) - FRAME_ROWS;
    canvas.columns = clamp(plot->columns, PLOT_COLUMNS_MIN, PLOT_COLUMNS_MAX) - canvas.margin - 2;
    canvas.cells = mem_zero((size_t)(canvas.rows * canvas.columns), sizeof *canvas.cells);
    for (int i = 0; i < canvas.rows * canvas.columns; i++)
        canvas.cells[i].series = -1;
    for (int s = 0; s < plot->series_n; s++)
        draw_series(&plot->series[s], s, &canvas);
    buf_printf(out, "%*s ", canvas.margin, "");
    text_clean(out, plot->y_name);
    buf_text(out, "\n");
    print_rows(plot, &canvas, out);
    print_x_axis(plot, &canvas, out);
    print_legend(plot, &canvas, out);
    mem_free(canvas.cells);
}
