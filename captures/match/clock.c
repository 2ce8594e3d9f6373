/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Clocks against each other: takes events as bounds on their difference, and says what is known of it.
 */
#include "clock_internal.h"

/* Stamps that are all multiples of so many ns, at most, are taken to be cut to that. */
#define COARSEST 1000

struct clock_fit {
    clock_bounds *bounds;
    uint64_t      events[2];
    uint64_t      left_out;
    int64_t       first, begin, end; /* the first that was added; the earliest and the latest, on the reference clock */
    int64_t       fineness[2];       /* the most that all stamps are multiples of: of the reference, of the other */
    int64_t       least_slack;
};

static const char *const quality_names[] = { "none", "coarse", "approximate", "accurate" };

const char *
clock_quality_name(clock_quality quality)
{
    return quality_names[quality];
}

clock_fit *
clock_fit_new(void)
{
    clock_fit *fit = g_new0(clock_fit, 1);

    fit->bounds = clock_bounds_new();
    fit->fineness[0] = fit->fineness[1] = COARSEST;
    fit->least_slack = INT64_MAX;
    return fit;
}

void
clock_fit_free(clock_fit *fit)
{
    if (!fit)
        return;
    clock_bounds_free(fit->bounds);
    g_free(fit);
}

static bool
is_time(int64_t time)
{
    return time >= 0 && time < CLOCK_LAST_TIME;
}

static void
fit_fineness(int64_t *fineness, int64_t time)
{
    while (time % *fineness != 0)
        *fineness /= 10;
}

void
clock_fit_add(clock_fit *fit, int64_t reference, int64_t other, bool to_other, int64_t slack)
{
    clock_bound bound;

    if (!is_time(reference) || !is_time(other)) {
        fit->left_out++;
        return;
    }
    slack = CLAMP(slack, 0, CLOCK_LAST_TIME);
    fit_fineness(&fit->fineness[0], reference);
    if (slack == 0)
        fit_fineness(&fit->fineness[1], other);
    fit->least_slack = MIN(fit->least_slack, slack);
    if (fit->events[0] + fit->events[1] == 0)
        fit->first = fit->begin = fit->end = reference;
    fit->begin = MIN(fit->begin, reference);
    fit->end = MAX(fit->end, reference);
    fit->events[!to_other]++;
    bound.at = reference - fit->first;
    /* No clocks differ by more than CLOCK_LAST_TIME anyway. */
    bound.difference = MIN(other - reference + (to_other ? slack : 0), CLOCK_LAST_TIME - 1);
    bound.is_upper = to_other;
    clock_bounds_add(fit->bounds, bound);
}

/* Stamps are cut or rounded, so that a bound may be wrong by what both have lost. */
static long double
lost_by_stamps(const clock_fit *fit)
{
    return fit->least_slack == 0 ? MAX(fit->fineness[0], fit->fineness[1]) : fit->fineness[0];
}

/* With events in one direction only, the clocks are as near as they can be. */
static void
set_bound(clock_estimate *estimate, const clock_fit *fit, const GArray *bounds)
{
    clock_lines lines;
    clock_range range;

    clock_lines_all(&lines);
    for (guint i = 0; i < bounds->len; i++) {
        const clock_bound *bound = &g_array_index(bounds, clock_bound, i);

        clock_lines_bound(&lines, bound->at, bound->difference, bound->is_upper);
    }
    estimate->middle = clock_middle(fit->begin, fit->end);
    range = clock_lines_at(&lines, estimate->middle - fit->first);
    estimate->offset = clock_rounded(fit->events[0] > 0 ? range.high : range.low);
}

static void
set_both(clock_estimate *estimate, const clock_fit *fit, const GArray *bounds)
{
    clock_pieces pieces;
    clock_lines *lines;

    clock_pieces_find(&pieces, bounds, lost_by_stamps(fit));
    lines = clock_pieces_lines(&pieces, lost_by_stamps(fit));
    clock_choose(estimate, &pieces, lines, fit->first);
    for (unsigned direction = 0; direction < 2; direction++) {
        estimate->events[direction] -= pieces.left_out[direction];
        estimate->left_out += pieces.left_out[direction];
    }
    estimate->quality = clock_quality_of(estimate);
    if (fit->least_slack >= CLOCK_SECOND)
        estimate->quality = MIN(estimate->quality, CLOCK_COARSE);
    g_free(lines);
    clock_pieces_clear(&pieces);
}

void
clock_fit_estimate(const clock_fit *fit, clock_estimate *estimate)
{
    GArray *bounds = clock_bounds_all(fit->bounds);

    clock_estimate_init(estimate);
    estimate->left_out = fit->left_out;
    memcpy(estimate->events, fit->events, sizeof estimate->events);
    estimate->begin = fit->begin;
    estimate->end = fit->end;
    if (fit->events[0] > 0 && fit->events[1] > 0)
        set_both(estimate, fit, bounds);
    else if (bounds->len > 0)
        set_bound(estimate, fit, bounds);
    g_array_unref(bounds);
}

void
clock_estimate_init(clock_estimate *estimate)
{
    memset(estimate, 0, sizeof *estimate);
    estimate->uncertainty = estimate->at_middle = CLOCK_UNBOUNDED;
    estimate->drift_uncertainty = (double)(CLOCK_BILLION / CLOCK_DRIFT_PART);
    estimate->steps = g_array_new(FALSE, FALSE, sizeof(clock_step));
}

void
clock_estimate_clear(clock_estimate *estimate)
{
    if (estimate->steps)
        g_array_unref(estimate->steps);
    estimate->steps = NULL;
}

clock_quality
clock_quality_of(const clock_estimate *estimate)
{
    if (estimate->uncertainty == CLOCK_UNBOUNDED)
        return CLOCK_NONE;
    if (estimate->uncertainty > CLOCK_SECOND)
        return CLOCK_COARSE;
    return estimate->uncertainty > CLOCK_MILLISECOND || !estimate->is_drift_known ? CLOCK_APPROXIMATE : CLOCK_ACCURATE;
}

int64_t
clock_rounded_up(long double uncertainty, guint roundings)
{
    return clock_rounded(ceill(uncertainty) + roundings);
}
