/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the parts of clock.c share. In the order in which an event meets them: clock_bounds.c keeps the events that
 * bound the difference of the clocks, clock_steps.c divides them into pieces that have straight lines in common,
 * clock_lines.c has the lines that some of them allow, clock_choice.c chooses among those; clock_convert.c goes from
 * one clock to another.
 *
 * An event at the time r of the reference clock and o of the other tells one thing of C, what the other clock shows at
 * times of the reference clock. If the packet left the reference at r, the other clock had not passed o yet: C(r) <= o,
 * and the difference C(r) - r is at most o - r. If it arrived at the reference at r, the other clock had shown o
 * before: the difference is at least o - r. How long it was on its way only makes the bound worse, never wrong.
 */
#ifndef MATCH_CLOCK_INTERNAL_H
#define MATCH_CLOCK_INTERNAL_H

#include <math.h>
#include <string.h>

#include "clock.h"

/* Times that a clock could show are before 2116: differences of such, and of those, are no more than 64 bits hold. */
#define CLOCK_LAST_TIME (INT64_C(1) << 62)

#define CLOCK_SECOND      INT64_C(1000000000)
#define CLOCK_MILLISECOND INT64_C(1000000)

#define CLOCK_BILLION 1e9L

/* The most that a clock gains on another: one in so many, 200 ppm. Quartz in computers is specified to 50 ppm, and 100
 * with its age and the cold; at worst one gains that and the other loses it. */
#define CLOCK_DRIFT_PART 5000

/* Bounds that cross by less are stamps that are a little wrong, such as those of captures in which packets stand in the
 * wrong order; more than that is a step. By so much may each of the two be wrong. */
#define CLOCK_SLOPPY 64000

static inline int64_t
clock_saturated(__int128 value)
{
    return value > INT64_MAX ? INT64_MAX : value < INT64_MIN ? INT64_MIN : (int64_t)value;
}

static inline int64_t
clock_rounded(long double value)
{
    if (value >= 0x1p63L)
        return INT64_MAX;
    return value <= -0x1p63L ? INT64_MIN : (int64_t)llrintl(value);
}

static inline int64_t
clock_middle(int64_t begin, int64_t end)
{
    return (int64_t)(begin + ((__int128)end - begin) / 2);
}

static inline clock_step *
clock_step_at(const clock_estimate *estimate, guint index)
{
    return &g_array_index(estimate->steps, clock_step, index);
}

/* --- clock_bounds.c --- */

typedef struct {
    int64_t at;         /* on the reference clock, since the fit's first event */
    int64_t difference; /* the other clock less the reference: it was at most (or at least) so much */
    bool    is_upper;
} clock_bound;

typedef struct clock_bounds clock_bounds;

clock_bounds *clock_bounds_new(void);
void          clock_bounds_free(clock_bounds *bounds);

/* Both numbers are less than CLOCK_LAST_TIME, and more than what is as much below 0. */
void clock_bounds_add(clock_bounds *bounds, clock_bound bound);

/* All that there are, of clock_bound, in the order in which they were added. */
GArray *clock_bounds_all(const clock_bounds *bounds);

/* --- clock_lines.c --- */

/* How the difference of the clocks may go on. */
typedef struct {
    long double height; /* at time 0 */
    long double slope;
} clock_line;

/* Drawn with heights across and slopes up, the lines that some bounds allow are a convex polygon: each bound cuts off
 * what is on one side of a straight line. With none left, `count` is 0. */
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

/* Bounds between two steps: from `begin` up to and not including `end`. Those between two pieces fit both. */
typedef struct {
    guint begin, end;
} clock_piece;

typedef struct {
    GArray *all;         /* of clock_bound, in order of time */
    GArray *bounds;      /* likewise, but those that were left out, in the order in which they were divided */
    GArray *pieces;      /* of clock_piece; one at least has been found in the end */
    guint   left_out[2]; /* by direction as in clock_estimate */
} clock_pieces;

static inline const clock_piece *
clock_piece_at(const clock_pieces *pieces, guint index)
{
    return &g_array_index(pieces->pieces, clock_piece, index);
}

static inline const clock_bound *
clock_bound_at(const clock_pieces *pieces, guint index)
{
    return &g_array_index(pieces->bounds, clock_bound, index);
}

/* Divides bounds of both directions into as few pieces as possible, each with lines that all of its bounds allow;
 * stamps have lost up to so much of what they were. */
void clock_pieces_find(clock_pieces *pieces, const GArray *came, long double lost);
void clock_pieces_clear(clock_pieces *pieces);

/* The lines of each piece, all with slopes in common, with no more indulgence than necessary. Free with g_free(). */
clock_lines *clock_pieces_lines(const clock_pieces *pieces, long double lost);

/* --- clock_choice.c --- */

/* Sets all but events, what was left out and quality: by the lines of all pieces, times since `first`. */
void clock_choose(clock_estimate *estimate, const clock_pieces *pieces, const clock_lines *lines, int64_t first);

/* --- clock.c --- */

/* An estimate that says nothing. */
void clock_estimate_init(clock_estimate *estimate);

clock_quality clock_quality_of(const clock_estimate *estimate);

/* An uncertainty in whole numbers, of what was rounded so often. */
int64_t clock_rounded_up(long double uncertainty, guint roundings);

#endif
