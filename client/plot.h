/* WHAT   A scatter plot in characters: marks in cells, joined series as a thin braille line behind them.
 * WHO    front --plot, watch.
 * UNITS  Terminal columns and rows; values in the objectives' own units.
 * MEMORY Appends to the caller's buffer.
 * ERRORS None; points that are not finite are left out.
 * STATE  None. */
#ifndef CLIENT_PLOT_H
#define CLIENT_PLOT_H

#include "proto/buf.h"

#include <stdbool.h>
#include <stddef.h>

#define PLOT_COLUMNS_MIN 32
#define PLOT_COLUMNS_MAX 240
#define PLOT_ROWS_MIN 10
#define PLOT_ROWS_MAX 80
#define PLOT_SERIES_MAX 4

struct plot_point {
    double x, y;
};

struct plot_series {
    const char *name; /* in the legend */
    const char *mark; /* one column wide */
    const char *sgr;  /* its colour as an SGR parameter, "32" */
    bool joined;      /* by a line, in the order of points */
    const struct plot_point *points;
    size_t n;
};

struct plot {
    const char *x_name, *y_name;
    int columns, rows; /* of the whole picture with axes and legend; clamped to the limits above */
    bool colour;
    int series_n;
    struct plot_series series[PLOT_SERIES_MAX]; /* later ones are drawn over earlier ones */
};

/* Every line ends with a newline; exactly `rows` lines, or one line that says there is nothing to draw. */
void plot_draw(const struct plot *plot, struct buf *out);

#endif
