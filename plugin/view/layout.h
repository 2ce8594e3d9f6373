/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Text for a terminal of 100 columns: wrapped prose, rows of cells, times and durations. GLib only. Whatever a packet
 * said may stand in it: what is not printable comes out as U+FFFD, white space of any kind as a blank (U+00A0 as one at
 * which no line ends).
 */
#ifndef VIEW_LAYOUT_H
#define VIEW_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

#define LAYOUT_WIDTH 100

/* Appends `indent` blanks, `label` and `text`; further lines are indented as far as the text. Ends with a line end. */
void layout_prose(GString *out, unsigned indent, const char *label, const char *text);

/* The width of a column in cells of the terminal. */
typedef struct {
    unsigned width;
    bool     is_right; /* aligned */
} layout_column;

/* Appends a row of `count` cells, two blanks between them, after `indent` blanks. A cell that is wider than its column
 * goes on in the next line; NULL is an empty one. */
void layout_row(GString *out, unsigned indent, const layout_column *columns, unsigned count, const char *const *cells);

/* `text` on one line of at most `width`, cut with an ellipsis; free with g_free(). */
char *layout_cut(const char *text, unsigned width);

/* Nanoseconds since 1970 as 2016-06-10T02:44:06.000000Z; NULL when that is no date. Free with g_free(). */
char *layout_time(int64_t time);

/* Nanoseconds as 48 µs, 12.3 ms, 6.502 s, 17 min, 2 h 5 min; free with g_free(). */
char *layout_duration(int64_t duration);

/* Appends nanoseconds as seconds with six decimals, whatever the locale. */
void layout_append_seconds(GString *out, int64_t duration);

/* An address and port as 192.0.2.10:443, [2001:db8::1]:443, without the port when it is 0; NULL without an address.
 * Free with g_free(). */
char *layout_endpoint(const char *address, uint16_t port);

#endif
