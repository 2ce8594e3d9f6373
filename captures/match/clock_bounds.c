/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The events of two clocks in bounded memory. What is left out only makes what is known of the clocks less exact, never
 * wrong: so events are gathered in windows that hold all that there are of few, and of many the corners of their hulls,
 * which are all that a line meets. Windows double in length as events come. Windows around a step are left as they are,
 * so that its place is known to an event.
 */
#include "clock_internal.h"

#define WINDOW_BOUNDS 16
#define MAX_WINDOWS   1024

/* Made smaller, there is room for as many more windows as half of those that are left. */
#define ENOUGH_WINDOWS (MAX_WINDOWS / 3 * 2)

typedef struct {
    uint64_t    events; /* gathered; as many as bounds while it holds all */
    uint8_t     count;
    bool        is_at_step; /* what is in it and beside it contradicts: it is to stay as it is */
    clock_bound bounds[WINDOW_BOUNDS];
} window;

struct clock_bounds {
    GArray  *windows;
    uint64_t length; /* of a window that is made of others, in events, at most */
};

/* Some bounds in order of time. */
typedef struct {
    guint       count;
    clock_bound bounds[2 * WINDOW_BOUNDS];
} few;

clock_bounds *
clock_bounds_new(void)
{
    clock_bounds *bounds = g_new0(clock_bounds, 1);

    bounds->windows = g_array_new(FALSE, FALSE, sizeof(window));
    bounds->length = 2 * WINDOW_BOUNDS;
    return bounds;
}

void
clock_bounds_free(clock_bounds *bounds)
{
    g_array_unref(bounds->windows);
    g_free(bounds);
}

static window *
window_at(const clock_bounds *bounds, guint index)
{
    return &g_array_index(bounds->windows, window, index);
}

GArray *
clock_bounds_all(const clock_bounds *bounds)
{
    GArray *all = g_array_sized_new(FALSE, FALSE, sizeof(clock_bound), bounds->windows->len * WINDOW_BOUNDS);

    for (guint i = 0; i < bounds->windows->len; i++)
        g_array_append_vals(all, window_at(bounds, i)->bounds, window_at(bounds, i)->count);
    return all;
}

/* Insertion, as bounds come in order or nearly so. */
static void
add_in_order(few *some, const clock_bound *bounds, guint count)
{
    for (guint i = 0; i < count; i++) {
        guint place = some->count++;

        for (; place > 0 && some->bounds[place - 1].at > bounds[i].at; place--)
            some->bounds[place] = some->bounds[place - 1];
        some->bounds[place] = bounds[i];
    }
}

static few
both(const window *one, const window *other)
{
    few some;

    some.count = 0;
    add_in_order(&some, one->bounds, one->count);
    add_in_order(&some, other->bounds, other->count);
    return some;
}

/* Whether two of them contradict: the difference was at most something and at least something else, which no drift
 * leads to. That is looked for from left to right, with what the earlier ones allow at most and at least at the time of
 * each. */
static bool
contradict(const few *some)
{
    int64_t most = INT64_MAX, least = INT64_MIN, before = 0;

    for (guint i = 0; i < some->count; i++) {
        const clock_bound *bound = &some->bounds[i];
        int64_t            drift = i == 0 ? 0 : (bound->at - before) / CLOCK_DRIFT_PART + 1;

        before = bound->at;
        if (most != INT64_MAX)
            most += drift;
        if (least != INT64_MIN)
            least -= drift;
        if (bound->is_upper)
            most = MIN(most, bound->difference);
        else
            least = MAX(least, bound->difference);
        if (most != INT64_MAX && least != INT64_MIN && least - 2 * CLOCK_SLOPPY > most)
            return true;
    }
    return false;
}

/* How a bound lies to others of its direction, as if all were upper ones. */
static int64_t
height(const clock_bound *bound)
{
    return bound->is_upper ? bound->difference : -bound->difference;
}

/* Whether the way from one bound to the next is less steep than from there to the third. */
static bool
is_corner(const clock_bound *one, const clock_bound *next, const clock_bound *third)
{
    return (__int128)(height(next) - height(one)) * (third->at - next->at) <
           (__int128)(height(third) - height(next)) * (next->at - one->at);
}

/* Whether clocks that run apart as fast as they can make the second bound needless after the first. */
static bool
covers(const clock_bound *one, const clock_bound *other)
{
    return (__int128)(height(other) - height(one)) * CLOCK_DRIFT_PART >= ABS(other->at - one->at);
}

/* The hull's corners that a line may meet, of the bounds of one direction, in order of time. */
static guint
hull_of(const few *some, bool is_upper, clock_bound *corners)
{
    guint count = 0;

    for (guint i = 0; i < some->count; i++) {
        const clock_bound *bound = &some->bounds[i];

        if (bound->is_upper != is_upper || (count > 0 && covers(&corners[count - 1], bound)))
            continue;
        while (count > 0 && (covers(bound, &corners[count - 1]) ||
                             (count > 1 && !is_corner(&corners[count - 2], &corners[count - 1], bound))))
            count--;
        corners[count++] = *bound;
    }
    return count;
}

/* What is lost with a corner: how far it is from the line between its neighbours. The outer ones stay. */
static long double
worth(const clock_bound *corners, guint count, guint index)
{
    const clock_bound *before, *corner = &corners[index], *after;

    if (index == 0 || index + 1 >= count)
        return HUGE_VALL;
    before = corner - 1;
    after = corner + 1;
    return (long double)(height(before) - height(corner)) +
           (long double)(height(after) - height(before)) * (long double)(corner->at - before->at) /
               (long double)(after->at - before->at);
}

static void
remove_least(clock_bound *corners, guint *count)
{
    guint least = 0;

    for (guint i = 1; i < *count; i++)
        if (worth(corners, *count, i) < worth(corners, *count, least))
            least = i;
    (*count)--;
    memmove(&corners[least], &corners[least + 1], (*count - least) * sizeof *corners);
}

/* Makes one window of two. */
static void
merge(window *into, const window *other)
{
    few         some = both(into, other), kept = { .count = 0 };
    clock_bound upper[2 * WINDOW_BOUNDS], lower[2 * WINDOW_BOUNDS];
    guint       uppers, lowers;

    into->events += other->events;
    if (some.count <= WINDOW_BOUNDS) {
        kept = some;
    } else {
        uppers = hull_of(&some, true, upper);
        lowers = hull_of(&some, false, lower);
        while (uppers + lowers > WINDOW_BOUNDS)
            remove_least(uppers > lowers ? upper : lower, uppers > lowers ? &uppers : &lowers);
        add_in_order(&kept, upper, uppers);
        add_in_order(&kept, lower, lowers);
    }
    into->count = (uint8_t)kept.count;
    memcpy(into->bounds, kept.bounds, kept.count * sizeof *kept.bounds);
}

static void
find_step(window *one, window *other)
{
    few some;

    if (one->is_at_step && other->is_at_step)
        return;
    some = both(one, other);
    if (contradict(&some))
        one->is_at_step = other->is_at_step = true;
}

/* Merges neighbours. The newest stays, as what comes next may contradict it. */
static void
merge_windows(clock_bounds *bounds, bool is_forced)
{
    guint kept = 0, newest = bounds->windows->len - 1;

    for (guint i = 1; i < newest; i++) {
        window *last = window_at(bounds, kept), *next = window_at(bounds, i);

        find_step(last, next);
        find_step(next, window_at(bounds, i + 1));
        if ((is_forced || (!last->is_at_step && !next->is_at_step)) &&
            last->events + next->events <= bounds->length)
            merge(last, next);
        else if (++kept != i)
            *window_at(bounds, kept) = *next;
    }
    *window_at(bounds, kept + 1) = *window_at(bounds, newest);
    g_array_set_size(bounds->windows, kept + 2);
}

static void
make_room(clock_bounds *bounds)
{
    uint64_t events = 0;

    for (guint i = 0; i < bounds->windows->len; i++)
        events += window_at(bounds, i)->events;
    merge_windows(bounds, false);
    while (bounds->windows->len > ENOUGH_WINDOWS) {
        bounds->length *= 2;
        /* Longer windows than that do not help when so many are at steps. */
        merge_windows(bounds, bounds->length > events / ENOUGH_WINDOWS * 8);
    }
}

void
clock_bounds_add(clock_bounds *bounds, clock_bound bound)
{
    window *last = bounds->windows->len > 0 ? window_at(bounds, bounds->windows->len - 1) : NULL;

    if (!last || last->count == WINDOW_BOUNDS || last->events != last->count) {
        if (bounds->windows->len == MAX_WINDOWS)
            make_room(bounds);
        g_array_set_size(bounds->windows, bounds->windows->len + 1);
        last = window_at(bounds, bounds->windows->len - 1);
        last->events = last->count = 0;
        last->is_at_step = false;
    }
    last->bounds[last->count++] = bound;
    last->events++;
}
