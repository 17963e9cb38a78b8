/* WHAT   A progress bar and the speed behind it.
 * WHO    watch (trials), byte_bar (bytes).
 * UNITS  Columns of a terminal; seconds and microseconds as named.
 * MEMORY The caller's struct and buffer.
 * ERRORS None.
 * STATE  struct progress_speed keeps the last few readings. */
#ifndef CLIENT_PROGRESS_H
#define CLIENT_PROGRESS_H

#include "proto/buf.h"

#include <stdbool.h>
#include <stdint.h>

/* Appends "█████░░░░░", `columns` wide: full cells for done / total, never all of them before done ==
 * total. */
void progress_bar(struct buf *out, double done, double total, int columns);

#define PROGRESS_READINGS_MAX 32
#define PROGRESS_SPAN_US 2000000

/* Speed over the last readings: a search that was quick an hour ago says nothing about now. What was done before
 * the first reading does not count, nor does the first step after it: results that had waited come at once. */
struct progress_speed {
    bool is_begun, is_moved; /* a reading was seen; one with more done than before was */
    double before;           /* of the last reading until then */
    int64_t at_us[PROGRESS_READINGS_MAX];
    double done[PROGRESS_READINGS_MAX];
    int n, next; /* a ring: the newest reading is at next - 1 */
};

void progress_note(struct progress_speed *speed, int64_t now_us, double done);
/* Things a second between the oldest and the newest reading kept; NaN when nothing was done between them, or they
 * are less than PROGRESS_SPAN_US apart: a few things in a moment are no speed. */
double progress_per_s(const struct progress_speed *speed);

#endif
