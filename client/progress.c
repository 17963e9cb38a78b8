#include "client/progress.h"

#include <math.h>

void progress_bar(struct buf *out, double done, double total, int columns)
{
    double share = total > 0 ? done / total : 0;
    if (!(share > 0))
        share = 0;
    int full = share >= 1 ? columns : (int)(share * columns);
    for (int i = 0; i < columns; i++)
        buf_text(out, i < full ? "█" : "░");
}

void progress_note(struct progress_speed *speed, int64_t now_us, double done)
{
    if (!speed->is_moved) {
        speed->is_moved = speed->is_begun && done > speed->before;
        speed->is_begun = true;
        speed->before = done;
        if (!speed->is_moved)
            return;
    }
    speed->at_us[speed->next] = now_us;
    speed->done[speed->next] = done;
    speed->next = (speed->next + 1) % PROGRESS_READINGS_MAX;
    if (speed->n < PROGRESS_READINGS_MAX)
        speed->n++;
}

double progress_per_s(const struct progress_speed *speed)
{
    if (speed->n < 2)
        return NAN;
    int newest = (speed->next + PROGRESS_READINGS_MAX - 1) % PROGRESS_READINGS_MAX;
    int oldest = (speed->next + PROGRESS_READINGS_MAX - speed->n) % PROGRESS_READINGS_MAX;
    int64_t span_us = speed->at_us[newest] - speed->at_us[oldest];
    double done = speed->done[newest] - speed->done[oldest];
    return span_us < PROGRESS_SPAN_US || !(done > 0) ? NAN : done * 1e6 / (double)span_us;
}
