#include "client/watch_view.h"

#include "client/plot.h"
#include "client/progress.h"
#include "client/text.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define BAR_COLUMNS_MAX 40

/* Lines of a frame that are not the picture: title, bar, confirmation, hypervolume, and the cursor's own. */
#define FRAME_OTHER_ROWS 5

static bool is_running(const struct front *front)
{
    return strcmp(front->state, "running") == 0 || strcmp(front->state, "confirming") == 0;
}

/* ", 2.1 trials/s, ETA 12 s", as far as it is known. */
static void add_speed(const struct front *front, double per_s, struct buf *out)
{
    char text[TEXT_NUMBER_MAX];
    if (!is_running(front))
        return;
    if (per_s > 0)
        buf_printf(out, ", %.3g trials/s", per_s);
    if (isnan(front->eta_s))
        return;
    text_duration(text, front->eta_s);
    buf_printf(out, ", ETA %s", text);
}

static void add_counts(const struct front_counts *counts, struct buf *out)
{
    buf_printf(out, "%" PRId64 "/%" PRId64 " done", counts->done, counts->total);
    if (counts->running)
        buf_printf(out, ", %" PRId64 " running", counts->running);
    if (counts->stopped)
        buf_printf(out, ", %" PRId64 " stopped", counts->stopped);
    if (counts->failed)
        buf_printf(out, ", %" PRId64 " failed", counts->failed);
}

void watch_line(const struct front *front, double per_s, struct buf *out)
{
    buf_printf(out, "search %" PRId64 " ", front->id);
    text_clean(out, front->state);
    buf_text(out, ": ");
    add_counts(&front->progress, out);
    if (front->confirm.total) {
        buf_text(out, ", held-out ");
        add_counts(&front->confirm, out);
    }
    add_speed(front, per_s, out);
    bool is_last = strcmp(front->state, "done") == 0; /* the line that says why there is none */
    if (!front->note && (is_last || !isnan(front->hypervolume))) {
        buf_text(out, ", ");
        front_headline(front, out);
    }
    buf_text(out, "\n");
    front_stalled(front, out);
}

static void add_bar(const char *what, const struct front_counts *counts, int columns, struct buf *out)
{
    int wide = columns - 64; /* what stands beside the bar */
    wide = wide < 10 ? 10 : wide > BAR_COLUMNS_MAX ? BAR_COLUMNS_MAX : wide;
    buf_printf(out, "%-8s ", what);
    progress_bar(out, (double)(counts->done + counts->failed + counts->stopped), (double)counts->total, wide);
    buf_text(out, " ");
    add_counts(counts, out);
}

/* Why nobody works on it, in as many lines as it takes, at most `most`; how many. The first is always there. */
static int add_stalled(const struct front *front, int columns, int most, struct buf *out)
{
    struct buf line;
    int n = 0, column = 0;
    buf_init(&line, 4096);
    front_stalled(front, &line);
    for (const char *p = buf_str(&line); *p && *p != '\n'; p++) {
        bool starts = (*p & 0xC0) != 0x80;
        if (starts && column == columns && n >= most)
            break;
        if (starts && column == columns) {
            buf_text(out, "\n");
            column = 0;
        }
        n += starts && column == 0;
        column += starts;
        buf_add(out, p, 1);
    }
    if (n)
        buf_text(out, "\n");
    buf_fini(&line);
    return n;
}

void watch_frame(const struct front *front, double per_s, int columns, int rows, bool colour, struct buf *out)
{
    const struct front_view view = {.all = true};
    buf_printf(out, "search %" PRId64 " \"", front->id);
    text_clean(out, front->name);
    buf_text(out, "\": ");
    text_clean(out, front->state);
    buf_text(out, "\n");
    rows -= add_stalled(front, columns, rows - FRAME_OTHER_ROWS, out);
    add_bar("trials", &front->progress, columns, out);
    add_speed(front, per_s, out);
    buf_text(out, "\n");
    if (front->confirm.total) {
        add_bar("held-out", &front->confirm, columns, out);
        buf_text(out, "\n");
    }
    if (front->note)
        return;
    front_headline(front, out);
    buf_text(out, "\n");
    int left = rows - FRAME_OTHER_ROWS;
    if (left >= PLOT_ROWS_MIN)
        front_picture(front, &view, columns - 1, left < 30 ? left : 30, colour, out);
}
