/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * From the lines that bounds allow to one for each piece, and how far the truth may be from it. Every line that no
 * event forbids may be the truth: the chosen ones are in the middle of them, and their uncertainty reaches to the
 * outermost.
 */
#include "clock_internal.h"

/* No packet is longer under way, unless it was kept somewhere. */
#define UNDER_WAY CLOCK_SECOND

/* What is so near that it is the same, in ns: more than rounding makes of it. */
#define SOON 1000

/* So many bounds are looked at together. Of these stretches, so many, and one of so many, may be unlike the others. */
#define STRETCH       16
#define ODD_STRETCHES 3
#define ONE_ODD_OF    20

/* One line for each piece, all with the same slope. Times are since the fit's first event. */
typedef struct {
    const clock_pieces *pieces;
    const clock_lines  *lines; /* that each piece allows */
    guint               count;
    clock_line         *chosen;
    long double        *times; /* when each piece begins, and the last ends */
    guint               at_middle;
    long double         middle;
} chosen_lines;

/* Chooses the line in the middle of all at a time. */
static void
choose(chosen_lines *chosen, guint piece, long double at, long double slope)
{
    clock_range range = clock_lines_at(&chosen->lines[piece], at);

    chosen->chosen[piece] = (clock_line){ (range.low + range.high) / 2 - slope * at, slope };
}

/* How long a packet was under way, by the line of a piece. */
static long double
delay_of(const chosen_lines *chosen, const clock_bound *bound, guint piece)
{
    clock_line  line = chosen->chosen[piece];
    long double above = bound->difference - line.height - line.slope * bound->at;

    return bound->is_upper ? above : -above;
}

/* When the other clock showed what it did, likewise. */
static long double
seen_at(const chosen_lines *chosen, const clock_bound *bound, guint piece)
{
    long double delay = delay_of(chosen, bound, piece) / (1 + chosen->chosen[piece].slope);

    return bound->is_upper ? bound->at + delay : bound->at - delay;
}

/* The time in which a step lies. */
typedef struct {
    long double before, after;
} gap;

static const clock_bound *
first_of(const chosen_lines *chosen, guint piece)
{
    return clock_bound_at(chosen->pieces, clock_piece_at(chosen->pieces, piece)->begin);
}

static const clock_bound *
last_of(const chosen_lines *chosen, guint piece)
{
    return clock_bound_at(chosen->pieces, clock_piece_at(chosen->pieces, piece)->end - 1);
}

/* Narrows the gap by a bound that is on the one side, or on the other. */
static void
narrow(gap *gap, long double at, bool is_before)
{
    if (at <= gap->before || at >= gap->after)
        return;
    if (is_before)
        gap->before = at;
    else
        gap->after = at;
}

/* Narrows the gap before a piece by a bound that fits one of the two pieces only, or (not `certain`) both: then it is
 * of the one by which it was under way for a shorter time. */
static void
narrow_by(gap *gap, const chosen_lines *chosen, guint piece, const clock_bound *bound, bool certain)
{
    long double before = delay_of(chosen, bound, piece - 1), after = delay_of(chosen, bound, piece);
    bool        fits_before = before >= -CLOCK_SLOPPY, fits_after = after >= -CLOCK_SLOPPY;
    bool        is_before = fits_before && (!fits_after || before < after);

    if ((certain && fits_before != fits_after) || (!certain && fits_before && fits_after))
        narrow(gap, seen_at(chosen, bound, is_before ? piece - 1 : piece), is_before);
}

/* Between the last event before a piece and its first, as the other clock saw them; of those that were left out as
 * well. */
static gap
gap_before(const chosen_lines *chosen, guint piece)
{
    const GArray *all = chosen->pieces->all;
    int64_t       begin = MAX(first_of(chosen, piece - 1)->at, last_of(chosen, piece - 1)->at - UNDER_WAY);
    int64_t       end = MIN(last_of(chosen, piece)->at, first_of(chosen, piece)->at + UNDER_WAY);
    gap           gap = { -HUGE_VALL, HUGE_VALL };

    for (unsigned round = 0; round < 2; round++)
        for (guint i = 0; i < all->len; i++) {
            const clock_bound *bound = &g_array_index(all, clock_bound, i);

            if (bound->at >= begin && bound->at <= end)
                narrow_by(&gap, chosen, piece, bound, round == 0);
        }
    if (gap.before == -HUGE_VALL)
        gap.before = last_of(chosen, piece - 1)->at;
    if (gap.after == HUGE_VALL)
        gap.after = first_of(chosen, piece)->at;
    return gap;
}

/* Halfway, when the other clock was put forward. When it was set back it shows the times before once more, of which
 * those in the gap are behind the step then: that is as early as can be. */
static long double
time_of_step(const chosen_lines *chosen, guint piece)
{
    gap         gap = gap_before(chosen, piece);
    long double halfway = (gap.before + gap.after) / 2;

    if (chosen->chosen[piece].height > chosen->chosen[piece - 1].height)
        return halfway;
    return MIN(halfway, gap.before + SOON);
}

static void
find_times(chosen_lines *chosen)
{
    chosen->at_middle = 0;
    for (guint i = 1; i < chosen->count; i++) {
        /* Where the reference was set back, one piece may come before another that was first. */
        chosen->times[i] = CLAMP(ceill(time_of_step(chosen, i)), chosen->times[i - 1], chosen->times[chosen->count]);
        chosen->at_middle += chosen->times[i] <= chosen->middle;
    }
}

static void
choose_all(chosen_lines *chosen, long double slope)
{
    for (guint i = 0; i < chosen->count; i++)
        choose(chosen, i, ((long double)first_of(chosen, i)->at + last_of(chosen, i)->at) / 2, slope);
    find_times(chosen);
    choose(chosen, chosen->at_middle, chosen->middle, slope);
    find_times(chosen);
}

/* How far the truth is at most: it is farthest where a piece begins or ends, as straight lines are. */
static long double
uncertainty_of(const chosen_lines *chosen)
{
    long double most = 0;

    for (guint i = 0; i < chosen->count; i++)
        for (guint j = i; j <= i + 1; j++) {
            clock_range range = clock_lines_at(&chosen->lines[i], chosen->times[j]);
            long double height = chosen->chosen[i].height + chosen->chosen[i].slope * chosen->times[j];

            most = MAX(most, MAX(range.high - height, height - range.low));
        }
    return most;
}

/* How much wider than all lines together are those that a stretch of bounds allows by itself, if their slope is known.
 * */
static long double
widening_of(const chosen_lines *chosen, guint piece, guint begin, long double slope_uncertainty)
{
    long double first = clock_bound_at(chosen->pieces, begin)->at;
    long double last = clock_bound_at(chosen->pieces, begin + STRETCH - 1)->at;
    long double least[2] = { HUGE_VALL, HUGE_VALL };
    clock_range range = clock_lines_at(&chosen->lines[piece], (first + last) / 2);

    for (guint i = begin; i < begin + STRETCH; i++) {
        const clock_bound *bound = clock_bound_at(chosen->pieces, i);

        least[bound->is_upper] = MIN(least[bound->is_upper], delay_of(chosen, bound, piece));
    }
    return least[0] + least[1] - fabsl(last - first) * slope_uncertainty - (range.high - range.low);
}

static gint
by_width(gconstpointer a, gconstpointer b)
{
    const long double *one = a, *other = b;

    return *one < *other ? -1 : *one > *other;
}

/* A step that is smaller than the round trip, or an event that is wrong by less, contradicts nothing, but makes what
 * all bounds allow narrower than what nearly every stretch of them does. By so much may the truth be farther away. */
static long double
hidden_of(const chosen_lines *chosen, long double slope_uncertainty)
{
    GArray     *widenings = g_array_new(FALSE, FALSE, sizeof(long double));
    long double hidden = 0;

    for (guint i = 0; i < chosen->count; i++)
        for (guint begin = clock_piece_at(chosen->pieces, i)->begin;
             begin + STRETCH <= clock_piece_at(chosen->pieces, i)->end; begin += STRETCH) {
            long double widening = widening_of(chosen, i, begin, slope_uncertainty);

            if (widening < HUGE_VALL) /* there are events in both directions */
                g_array_append_val(widenings, widening);
        }
    if (widenings->len > 2 * ODD_STRETCHES) {
        g_array_sort(widenings, by_width);
        hidden = g_array_index(widenings, long double, ODD_STRETCHES + widenings->len / ONE_ODD_OF);
    }
    g_array_unref(widenings);
    return MAX(hidden, 0);
}

/* Without what was left out, if anything was. */
static void
set_overlap(clock_estimate *estimate, const clock_pieces *pieces, int64_t first)
{
    if (pieces->left_out[0] + pieces->left_out[1] > 0) {
        estimate->begin = INT64_MAX;
        estimate->end = INT64_MIN;
        for (guint i = 0; i < pieces->bounds->len; i++) {
            estimate->begin = MIN(estimate->begin, first + clock_bound_at(pieces, i)->at);
            estimate->end = MAX(estimate->end, first + clock_bound_at(pieces, i)->at);
        }
    }
    estimate->middle = clock_middle(estimate->begin, estimate->end);
}

static void
set_drift(clock_estimate *estimate, clock_range slopes, long double hidden)
{
    const long double most = 1.0L / CLOCK_DRIFT_PART, nearly = most * (1 - 1e-9L);
    long double       uncertainty = (slopes.high - slopes.low) / 2;

    /* From a step that is hidden at one end to one at the other. */
    if (estimate->end > estimate->begin)
        uncertainty = MIN(uncertainty + 2 * hidden / (estimate->end - estimate->begin), most);
    estimate->drift = (double)((slopes.low + slopes.high) / 2 * CLOCK_BILLION);
    estimate->drift_uncertainty = (double)(uncertainty * CLOCK_BILLION);
    estimate->is_drift_known = slopes.low > -nearly && slopes.high < nearly;
}

static void
set_steps(clock_estimate *estimate, const chosen_lines *chosen, int64_t first)
{
    for (guint i = 1; i < chosen->count; i++) {
        clock_step step = { first + clock_rounded(chosen->times[i]),
                            clock_rounded(chosen->chosen[i].height - chosen->chosen[i - 1].height) };

        g_array_append_val(estimate->steps, step);
    }
}

void
clock_choose(clock_estimate *estimate, const clock_pieces *pieces, const clock_lines *lines, int64_t first)
{
    guint        count = pieces->pieces->len;
    chosen_lines chosen = { pieces, lines, count, g_new(clock_line, count), g_new(long double, count + 1), 0, 0 };
    clock_range  slopes = clock_lines_slopes(&lines[0]), range;
    long double  hidden;

    set_overlap(estimate, pieces, first);
    chosen.middle = estimate->middle - first;
    chosen.times[0] = estimate->begin - first;
    chosen.times[count] = estimate->end - first;
    choose_all(&chosen, (slopes.low + slopes.high) / 2);
    hidden = hidden_of(&chosen, (slopes.high - slopes.low) / 2);
    set_drift(estimate, slopes, hidden);
    range = clock_lines_at(&lines[chosen.at_middle], chosen.middle);
    estimate->offset = clock_rounded((range.low + range.high) / 2);
    estimate->uncertainty = clock_rounded_up(uncertainty_of(&chosen) + hidden, 1 + count);
    estimate->at_middle = MIN(clock_rounded_up((range.high - range.low) / 2 + 2 * hidden, 1), estimate->uncertainty);
    set_steps(estimate, &chosen, first);
    g_free(chosen.chosen);
    g_free(chosen.times);
}
