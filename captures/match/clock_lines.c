/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The straight lines that bounds allow, as a polygon that each bound clips (Sutherland and Hodgman, 1974). This is the
 * dual of the lines between two convex hulls (Poirier, Roy, Dagenais, 2010), with all that is asked of them in its
 * corners: what is the least and the most of a linear function is so in a corner.
 */
#include "clock_internal.h"

/* More than clocks may differ, in ns; and what is too little to matter. */
#define FAR     0x1p64L
#define NOTHING 1e-3L

void
clock_lines_all(clock_lines *lines)
{
    const long double slope = 1.0L / CLOCK_DRIFT_PART;

    lines->count = 4;
    lines->corners[0] = (clock_line){ -FAR, -slope };
    lines->corners[1] = (clock_line){ FAR, -slope };
    lines->corners[2] = (clock_line){ FAR, slope };
    lines->corners[3] = (clock_line){ -FAR, slope };
}

/* Where the way from one corner to another meets a limit. Taken from the limit, a height is exact where the other
 * corner is far away. */
static clock_line
between(clock_line from, clock_line to, long double part, clock_line weight, long double limit)
{
    clock_line met = { from.height + part * (to.height - from.height), from.slope + part * (to.slope - from.slope) };

    if (weight.height != 0)
        met.height = (limit - met.slope * weight.slope) / weight.height;
    return met;
}

/* Leaves the lines with height * weight.height + slope * weight.slope <= limit; what exceeds it by less than `nothing`
 * is on it. Without that, bounds that meet in one corner would leave many corners there, as numbers are rounded. */
static bool
clip(clock_lines *lines, clock_line weight, long double limit, long double nothing)
{
    long double excess[CLOCK_CORNERS];
    clock_line  old[CLOCK_CORNERS];
    unsigned    count = lines->count, outside = 0;

    for (unsigned i = 0; i < count; i++) {
        excess[i] = lines->corners[i].height * weight.height + lines->corners[i].slope * weight.slope - limit;
        outside += excess[i] > nothing;
    }
    /* A polygon that has no room left is as good as it needs to be: not to cut off one of many corners more is safe. */
    if (outside == 0 || (outside == 1 && count == CLOCK_CORNERS))
        return true;
    lines->count = 0;
    if (outside == count)
        return false;
    memcpy(old, lines->corners, count * sizeof *old);
    for (unsigned i = 0; i < count && lines->count < CLOCK_CORNERS; i++) {
        unsigned next = (i + 1) % count;

        if (excess[i] <= nothing)
            lines->corners[lines->count++] = old[i];
        if (MAX(excess[i], excess[next]) > nothing && MIN(excess[i], excess[next]) < -nothing &&
            lines->count < CLOCK_CORNERS)
            lines->corners[lines->count++] =
                between(old[i], old[next], excess[i] / (excess[i] - excess[next]), weight, limit);
    }
    return true;
}

bool
clock_lines_bound(clock_lines *lines, long double at, long double difference, bool is_upper)
{
    if (is_upper)
        return clip(lines, (clock_line){ 1, at }, difference, NOTHING);
    return clip(lines, (clock_line){ -1, -at }, -difference, NOTHING);
}

bool
clock_lines_bound_slope(clock_lines *lines, clock_range slopes)
{
    return clip(lines, (clock_line){ 0, 1 }, slopes.high, 0) && clip(lines, (clock_line){ 0, -1 }, -slopes.low, 0);
}

static clock_range
range(const clock_lines *lines, clock_line weight)
{
    clock_range range = { 0, 0 };

    for (unsigned i = 0; i < lines->count; i++) {
        long double value = lines->corners[i].height * weight.height + lines->corners[i].slope * weight.slope;

        range.low = i == 0 ? value : MIN(range.low, value);
        range.high = i == 0 ? value : MAX(range.high, value);
    }
    return range;
}

clock_range
clock_lines_at(const clock_lines *lines, long double at)
{
    return range(lines, (clock_line){ 1, at });
}

clock_range
clock_lines_slopes(const clock_lines *lines)
{
    return range(lines, (clock_line){ 0, 1 });
}
