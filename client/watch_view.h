/* WHAT   How a search under way is shown: as a line, or as a frame for a terminal.
 * WHO    watch.
 * UNITS  Terminal columns and rows.
 * MEMORY Appends to the caller's buffer.
 * ERRORS None.
 * STATE  None. */
#ifndef CLIENT_WATCH_VIEW_H
#define CLIENT_WATCH_VIEW_H

#include "client/front.h"

/* per_s: trials a second, NaN when not known. With a newline. */
void watch_line(const struct front *front, double per_s, struct buf *out);

/* At most rows - 1 lines, each with a newline. */
void watch_frame(const struct front *front, double per_s, int columns, int rows, bool colour,
                 struct buf *out);

#endif
