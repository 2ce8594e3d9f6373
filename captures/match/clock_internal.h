/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the parts of clock.c share. In the order in which an event meets them: clock_bounds.c keeps the events that bound
 * the difference of the clocks, clock_lines.c has the straight lines that some of them allow, clock_steps.c tells where
 * no line goes on.
 *
 * An event at the time r of the reference clock and o of the other tells one thing of C, what the other clock shows at
 * times of the reference clock. If the packet left the reference at r, the other clock had not passed o yet: C(r) <= o, and
 * the difference C(r) - r is at most o - r. If it arrived at the reference at r, the other clock had shown o before: the
 * difference is at least o - r. How long it was on its way only makes the bound worse, never wrong.
 */
#ifndef MATCH_CLOCK_INTERNAL_H
#define MATCH_CLOCK_INTERNAL_H

#include "clock.h"

/* The most that a clock gains on another: one in so many, 200 ppm. Quartz in computers is specified to 50 ppm, and 100 with
 * its age and the cold; at worst one gains that and the other loses it. */
#define CLOCK_DRIFT_PART 5000

/* Bounds that cross by less are stamps that are a little wrong, such as those of captures in which packets stand in the
 * wrong order; more than that is a step. By so much may each of the two be wrong. */
#define CLOCK_SLOPPY INT64_C(64000)

/* --- clock_bounds.c --- */

typedef struct {
    int64_t at;         /* on the reference clock, since the fit's first event */
    int64_t difference; /* the other clock less the reference: it was at most (or at least) so much */
    bool    is_upper;
} clock_bound;

typedef struct clock_bounds clock_bounds;

clock_bounds *clock_bounds_new(void);
void          clock_bounds_free(clock_bounds *bounds);

/* |at| is to be less than 2^62, |difference| less than 2^62. */
void clock_bounds_add(clock_bounds *bounds, clock_bound bound);

/* All that there are, of clock_bound, in the order in which they were added. */
GArray *clock_bounds_all(const clock_bounds *bounds);

/* --- clock_lines.c --- */

/* How the difference of the clocks may go on. */
typedef struct {
    long double height; /* at time 0 */
    long double slope;
} clock_line;

/* Drawn with heights across and slopes up, the lines that some bounds allow are a convex polygon: each bound cuts off what
 * is on one side of a straight line. With none left, `count` is 0. */
#define CLOCK_CORNERS 128

typedef struct {
    unsigned   count;
    clock_line corners[CLOCK_CORNERS];
} clock_lines;

typedef struct {
    long double low, high;
} clock_range;

/* All lines that two clocks could have. */
void clock_lines_all(clock_lines *lines);

/* Leaves what is at most (or at least) `difference` at a time. Returns false when that is nothing. */
bool clock_lines_bound(clock_lines *lines, long double at, long double difference, bool is_upper);
bool clock_lines_bound_slope(clock_lines *lines, clock_range slopes);

/* Of lines of which there are some. */
clock_range clock_lines_at(const clock_lines *lines, long double at);
clock_range clock_lines_slopes(const clock_lines *lines);

/* --- clock_steps.c --- */

/* Bounds between two steps. */
typedef struct {
    guint begin, end; /* for certain: from `begin` up to and not including `end` */
    guint first;      /* probably: from here on, those that fit the piece before as well included */
} clock_piece;

typedef struct {
    GArray *bounds;      /* of clock_bound, those that were left out taken away */
    GArray *pieces;      /* of clock_piece, at least one */
    guint   left_out[2]; /* by direction as in clock_estimate */
} clock_pieces;

/* Divides bounds, in the order in which they come, into as few pieces as possible, each with lines that all of its bounds
 * allow when they are moved apart by `relaxed`. */
void clock_pieces_find(clock_pieces *pieces, const GArray *bounds, int64_t relaxed);
void clock_pieces_clear(clock_pieces *pieces);

/* The lines of each piece, all with slopes in common, in `lines`, which has room for as many. Returns false when there are
 * none for one of them. */
bool clock_pieces_lines(const clock_pieces *pieces, int64_t relaxed, clock_lines *lines);

#endif
