/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * From one clock to the other, and to the next.
 */
#include "clock_internal.h"

/* Records of a capture stand out of order by less. */
#define OUT_OF_ORDER CLOCK_MILLISECOND

static bool
is_after(const clock_estimate *estimate, guint step, int64_t reference)
{
    return reference >= clock_step_at(estimate, step)->at;
}

/* What the steps add after the first `passed` of them. */
static __int128
shift_of(const clock_estimate *estimate, guint passed)
{
    __int128 shift = 0;

    for (guint i = 0; i < estimate->steps->len; i++) {
        bool is_before_middle = is_after(estimate, i, estimate->middle);

        if (i < passed && !is_before_middle)
            shift += clock_step_at(estimate, i)->size;
        else if (i >= passed && is_before_middle)
            shift -= clock_step_at(estimate, i)->size;
    }
    return shift;
}

int64_t
clock_from_reference(const clock_estimate *estimate, int64_t reference)
{
    long double gained = estimate->drift * (long double)((__int128)reference - estimate->middle) / CLOCK_BILLION;
    guint       passed = 0;

    while (passed < estimate->steps->len && is_after(estimate, passed, reference))
        passed++;
    return clock_saturated((__int128)reference + estimate->offset + (__int128)rintl(gained) +
                           shift_of(estimate, passed));
}

/* As if there were no steps but the first `passed`, and they before. */
static int64_t
to_reference_after(const clock_estimate *estimate, int64_t other, guint passed)
{
    __int128    elapsed = (__int128)other - estimate->offset - estimate->middle - shift_of(estimate, passed);
    long double real = (long double)elapsed / (1 + estimate->drift / CLOCK_BILLION);

    return clock_saturated(estimate->middle + (__int128)rintl(real));
}

int64_t
clock_to_reference_after(const clock_estimate *estimate, int64_t other, int64_t previous)
{
    int64_t best = 0;
    bool    is_later = true; /* than the piece before */

    for (guint i = 0; i <= estimate->steps->len; i++) {
        int64_t time = to_reference_after(estimate, other, i);
        bool    has_begun = i == 0 || is_after(estimate, i - 1, time);
        bool    has_ended = i < estimate->steps->len && is_after(estimate, i, time);

        /* A time that the clock left out. */
        if (!has_begun && is_later) {
            time = clock_step_at(estimate, i - 1)->at;
            has_begun = true;
        }
        is_later = has_ended;
        if (!has_begun || has_ended)
            continue;
        best = time;
        if ((__int128)time >= (__int128)previous - OUT_OF_ORDER)
            break;
    }
    return best;
}

int64_t
clock_to_reference(const clock_estimate *estimate, int64_t other)
{
    return clock_to_reference_after(estimate, other, INT64_MIN);
}

int64_t
clock_uncertainty_at(const clock_estimate *estimate, int64_t reference)
{
    __int128    outside = MAX((__int128)estimate->begin - reference, (__int128)reference - estimate->end);
    long double added = estimate->drift_uncertainty * (long double)outside / CLOCK_BILLION;

    if (outside <= 0 || estimate->uncertainty == CLOCK_UNBOUNDED)
        return estimate->uncertainty;
    return clock_rounded_up(estimate->uncertainty + added, 1);
}

/* --- From one pair of clocks to the next --- */

/* A step of one of two estimates, on the reference clock of the first. */
typedef struct {
    clock_step step;
    bool       is_second;
} chained_step;

static gint
by_time_of_step(gconstpointer a, gconstpointer b)
{
    const chained_step *one = a, *other = b;

    return one->step.at < other->step.at ? -1 : one->step.at > other->step.at;
}

/* The clock in between was set: what one estimate gains the other loses. */
static bool
is_same(const chained_step *one, const chained_step *other, __int128 uncertainty)
{
    __int128 rest = (__int128)one->step.size + other->step.size;

    return one->is_second != other->is_second && ABS(rest) <= uncertainty;
}

static void
chain_steps(const clock_estimate *b_to_a, const clock_estimate *c_to_b, GArray *steps)
{
    GArray  *all = g_array_new(FALSE, FALSE, sizeof(chained_step));
    __int128 uncertainty = (__int128)b_to_a->uncertainty + c_to_b->uncertainty;

    for (guint i = 0; i < b_to_a->steps->len; i++) {
        chained_step chained = { *clock_step_at(b_to_a, i), false };

        /* What c's clock gains on b's it gains on a step of b's as well. */
        chained.step.size = clock_rounded(chained.step.size * (1 + c_to_b->drift / CLOCK_BILLION));
        g_array_append_val(all, chained);
    }
    for (guint i = 0; i < c_to_b->steps->len; i++) {
        chained_step chained = { *clock_step_at(c_to_b, i), true };

        chained.step.at = clock_to_reference(b_to_a, chained.step.at);
        g_array_append_val(all, chained);
    }
    g_array_sort(all, by_time_of_step);
    for (guint i = 0; i < all->len; i++) {
        chained_step *chained = &g_array_index(all, chained_step, i);

        if (i + 1 < all->len && is_same(chained, chained + 1, uncertainty))
            i++;
        else
            g_array_append_val(steps, chained->step);
    }
    g_array_unref(all);
}

/* How far the estimates are wrong together at a time of the first one's reference. */
static long double
chained_uncertainty(const clock_estimate *b_to_a, const clock_estimate *c_to_b, int64_t reference)
{
    int64_t between = clock_from_reference(b_to_a, reference);

    return clock_uncertainty_at(b_to_a, reference) * (1 + fabsl(c_to_b->drift / CLOCK_BILLION)) +
           clock_uncertainty_at(c_to_b, between) + 2;
}

void
clock_chain(const clock_estimate *b_to_a, const clock_estimate *c_to_b, clock_estimate *c_to_a)
{
    int64_t     begin = MAX(b_to_a->begin, clock_to_reference(b_to_a, c_to_b->begin));
    int64_t     end = MIN(b_to_a->end, clock_to_reference(b_to_a, c_to_b->end)), between;
    long double drifts = b_to_a->drift + c_to_b->drift + b_to_a->drift * c_to_b->drift / CLOCK_BILLION;
    long double uncertainty;

    clock_estimate_init(c_to_a);
    /* When they have no time in common, it is what lies between them. */
    c_to_a->begin = MIN(begin, end);
    c_to_a->end = MAX(begin, end);
    c_to_a->middle = clock_middle(c_to_a->begin, c_to_a->end);
    c_to_a->drift = (double)drifts;
    c_to_a->drift_uncertainty = b_to_a->drift_uncertainty + c_to_b->drift_uncertainty;
    c_to_a->is_drift_known = b_to_a->is_drift_known && c_to_b->is_drift_known;
    between = clock_from_reference(b_to_a, c_to_a->middle);
    c_to_a->offset = clock_saturated((__int128)clock_from_reference(c_to_b, between) - c_to_a->middle);
    c_to_a->left_out = b_to_a->left_out + c_to_b->left_out;
    for (unsigned direction = 0; direction < 2; direction++)
        c_to_a->events[direction] = MIN(b_to_a->events[direction], c_to_b->events[direction]);
    chain_steps(b_to_a, c_to_b, c_to_a->steps);
    if (b_to_a->uncertainty == CLOCK_UNBOUNDED || c_to_b->uncertainty == CLOCK_UNBOUNDED)
        return;
    uncertainty = MAX(chained_uncertainty(b_to_a, c_to_b, c_to_a->begin),
                      chained_uncertainty(b_to_a, c_to_b, c_to_a->end));
    c_to_a->uncertainty = clock_rounded_up(uncertainty, 1 + c_to_a->steps->len);
    c_to_a->at_middle = MIN(clock_rounded_up(chained_uncertainty(b_to_a, c_to_b, c_to_a->middle), 1),
                            c_to_a->uncertainty);
    c_to_a->quality = MIN(clock_quality_of(c_to_a), MIN(b_to_a->quality, c_to_b->quality));
}
