/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Where a clock was set: no line goes on from the bounds before to those behind. Taking from the left as many bounds as
 * have a line in common, then as many again, gives the fewest pieces, and ends each as late as possible; from the
 * right, each begins as early as possible. In between, a bound fits both, as that of a packet that took long fits
 * everything.
 */
#include "clock_internal.h"

/* With more steps, the clock was not set but wanders. */
#define MAX_STEPS 16

/* Of the events, the part that may contradict; two always. Not all of them are wrong: when the other clock is set back,
 * what is under way to it seems to arrive before it was sent. */
#define FEW_WRONG 4

/* Events that contradict all around them are looked for in so many rounds; each is of all that show. */
#define ROUNDS 8

/* No step is told from one event alone: it is tried so often whether one explains it. */
#define TRIES 64

static bool
is_allowed(clock_lines *lines, const clock_bound *bound, long double relaxed)
{
    long double apart = bound->is_upper ? relaxed : -relaxed;

    return clock_lines_bound(lines, bound->at, bound->difference + apart, bound->is_upper);
}

static void
begin_lines(clock_lines *lines, const clock_bound *bound, long double relaxed)
{
    clock_lines_all(lines);
    is_allowed(lines, bound, relaxed);
}

static const clock_bound *
bound_at(const GArray *bounds, guint index)
{
    return &g_array_index(bounds, clock_bound, index);
}

/* Where pieces begin, of guint, from the left, with the bound `without` left out. */
static GArray *
begins_of(const GArray *bounds, long double relaxed, guint without)
{
    GArray     *begins = g_array_new(FALSE, FALSE, sizeof(guint));
    clock_lines lines;

    lines.count = 0;
    for (guint i = 0; i < bounds->len; i++) {
        if (i == without || (lines.count > 0 && is_allowed(&lines, bound_at(bounds, i), relaxed)))
            continue;
        g_array_append_val(begins, i);
        begin_lines(&lines, bound_at(bounds, i), relaxed);
    }
    return begins;
}

/* Where pieces end, each the first that is not in it, from the right: the last piece comes first. */
static GArray *
ends_of(const GArray *bounds, long double relaxed)
{
    GArray     *ends = g_array_new(FALSE, FALSE, sizeof(guint));
    clock_lines lines;

    lines.count = 0;
    for (guint i = bounds->len; i > 0; i--) {
        if (lines.count > 0 && is_allowed(&lines, bound_at(bounds, i - 1), relaxed))
            continue;
        g_array_append_val(ends, i);
        begin_lines(&lines, bound_at(bounds, i - 1), relaxed);
    }
    return ends;
}

static GArray *
divide(const GArray *bounds, long double relaxed)
{
    GArray *begins = begins_of(bounds, relaxed, G_MAXUINT), *ends = ends_of(bounds, relaxed);
    GArray *pieces = g_array_new(FALSE, FALSE, sizeof(clock_piece));

    for (guint i = 0; i < begins->len; i++) {
        clock_piece piece = { g_array_index(begins, guint, i), bounds->len };

        if (i + 1 < begins->len) {
            guint next = g_array_index(begins, guint, i + 1);
            guint end = begins->len == ends->len ? g_array_index(ends, guint, ends->len - 1 - i) : next;

            /* A short piece may be in one of two places; then it is in the first. */
            piece.end = end > piece.begin && end <= next ? end : next;
        }
        g_array_append_val(pieces, piece);
    }
    g_array_unref(begins);
    g_array_unref(ends);
    return pieces;
}

static void
set_pieces(clock_pieces *pieces, GArray *found)
{
    g_array_unref(pieces->pieces);
    pieces->pieces = found;
}

static bool
has_both_directions(const clock_pieces *pieces, const clock_piece *piece)
{
    bool is_upper = clock_bound_at(pieces, piece->begin)->is_upper;

    for (guint i = piece->begin + 1; i < piece->end; i++)
        if (clock_bound_at(pieces, i)->is_upper != is_upper)
            return true;
    return false;
}

/* What has bounds on one side only says nothing of a clock that was set, and set back: these events are wrong. Returns
 * whether there were any. */
static bool
leave_out_one_sided(clock_pieces *pieces)
{
    guint kept = 0, next = 0;

    for (guint i = 0; i < pieces->pieces->len; i++) {
        const clock_piece *piece = clock_piece_at(pieces, i);
        bool               is_fine = has_both_directions(pieces, piece);
        guint              end = i + 1 < pieces->pieces->len ? piece[1].begin : pieces->bounds->len;

        for (; next < end; next++) {
            clock_bound bound = *clock_bound_at(pieces, next);

            if (is_fine || next >= piece->end)
                g_array_index(pieces->bounds, clock_bound, kept++) = bound;
            else
                pieces->left_out[!bound.is_upper]++;
        }
    }
    g_array_set_size(pieces->bounds, kept);
    return kept < next;
}

/* Whether there are fewer pieces without one of the bounds that tell a step; that is left out then. */
static bool
leave_out_one(clock_pieces *pieces, long double relaxed, guint *tries)
{
    for (guint i = 1; i < pieces->pieces->len; i++) {
        const guint suspects[] = { clock_piece_at(pieces, i)->begin, clock_piece_at(pieces, i - 1)->end - 1 };

        for (guint j = 0; j < G_N_ELEMENTS(suspects) && *tries > 0; j++) {
            GArray *begins = begins_of(pieces->bounds, relaxed, suspects[j]);
            bool    is_wrong = begins->len < pieces->pieces->len;

            (*tries)--;
            g_array_unref(begins);
            if (is_wrong) {
                pieces->left_out[!clock_bound_at(pieces, suspects[j])->is_upper]++;
                g_array_remove_index(pieces->bounds, suspects[j]);
                return true;
            }
        }
    }
    return false;
}

/* The lines of each piece, all with slopes in common, or false. */
static bool
find_lines(const clock_pieces *pieces, long double relaxed, clock_lines *lines)
{
    /* Where slopes meet in one, corners would be lost in rounding. Over a day this makes a hundredth of a ns. */
    const long double rounding = 1e-16L;
    clock_range       common = { -1, 1 };

    for (guint i = 0; i < pieces->pieces->len; i++) {
        clock_range slopes;

        clock_lines_all(&lines[i]);
        for (guint j = clock_piece_at(pieces, i)->begin; j < clock_piece_at(pieces, i)->end; j++)
            if (!is_allowed(&lines[i], clock_bound_at(pieces, j), relaxed))
                return false;
        slopes = clock_lines_slopes(&lines[i]);
        common.low = MAX(common.low, slopes.low);
        common.high = MIN(common.high, slopes.high);
    }
    if (common.low > common.high)
        return false;
    common.low -= rounding;
    common.high += rounding;
    for (guint i = 0; i < pieces->pieces->len; i++)
        if (!clock_lines_bound_slope(&lines[i], common))
            return false;
    return true;
}

static bool
has_few_steps(const clock_pieces *pieces)
{
    return pieces->pieces->len > 1 && pieces->pieces->len <= MAX_STEPS + 1;
}

static GArray *
copy(const GArray *bounds)
{
    GArray *copy = g_array_sized_new(FALSE, FALSE, sizeof(clock_bound), bounds->len);

    g_array_append_vals(copy, bounds->data, bounds->len);
    return copy;
}

/* Divides bounds in the order in which they are given. */
static void
find_in_order(clock_pieces *pieces, const GArray *bounds, long double relaxed)
{
    guint tries = TRIES;

    pieces->bounds = copy(bounds);
    pieces->left_out[0] = pieces->left_out[1] = 0;
    pieces->pieces = divide(bounds, relaxed);
    for (unsigned round = 0; round < ROUNDS && pieces->pieces->len > 1 && leave_out_one_sided(pieces); round++)
        set_pieces(pieces, divide(pieces->bounds, relaxed));
    while (has_few_steps(pieces) && leave_out_one(pieces, relaxed, &tries))
        set_pieces(pieces, divide(pieces->bounds, relaxed));
}

static guint
left_out(const clock_pieces *pieces)
{
    return pieces->left_out[0] + pieces->left_out[1];
}

static bool
is_plausible(const clock_pieces *pieces)
{
    if (pieces->pieces->len == 0 || pieces->pieces->len > MAX_STEPS + 1 ||
        left_out(pieces) > MAX(2, pieces->all->len / FEW_WRONG))
        return false;
    for (guint i = 0; i < pieces->pieces->len; i++)
        if (!has_both_directions(pieces, clock_piece_at(pieces, i)))
            return false;
    return true;
}

static void
clear_division(clock_pieces *pieces)
{
    g_array_unref(pieces->bounds);
    g_array_unref(pieces->pieces);
}

/* Replaces what was found by what is found in another order of the bounds, if that is simpler. */
static void
find_simpler(clock_pieces *pieces, const GArray *bounds, long double relaxed)
{
    clock_pieces others = { .all = pieces->all };

    find_in_order(&others, bounds, relaxed);
    if (is_plausible(&others) && (!is_plausible(pieces) || others.pieces->len + left_out(&others) <
                                                               pieces->pieces->len + left_out(pieces))) {
        clear_division(pieces);
        *pieces = others;
    } else {
        clear_division(&others);
    }
}

static gint
by_time(gconstpointer a, gconstpointer b)
{
    const clock_bound *one = a, *other = b;

    return one->at < other->at ? -1 : one->at > other->at;
}

/* In order of time; or as they came, which is better when the reference was set back. Clocks that seem to be set all
 * the time are given more room, until they do not. */
void
clock_pieces_find(clock_pieces *pieces, const GArray *came, long double lost)
{
    pieces->all = copy(came);
    g_array_sort(pieces->all, by_time);
    for (long double relaxed = CLOCK_SLOPPY;; relaxed *= 4) {
        find_in_order(pieces, pieces->all, lost + relaxed);
        if (pieces->pieces->len != 1 || left_out(pieces) > 0)
            find_simpler(pieces, came, lost + relaxed);
        if (is_plausible(pieces))
            break;
        clear_division(pieces);
    }
}

void
clock_pieces_clear(clock_pieces *pieces)
{
    clear_division(pieces);
    g_array_unref(pieces->all);
}

static gint
by_width(gconstpointer a, gconstpointer b)
{
    const int64_t *one = a, *other = b;

    return *one < *other ? -1 : *one > *other;
}

/* A round trip that is rather short: what one of four pairs of bounds which are next to each other does not exceed. */
static long double
round_trip(const clock_pieces *pieces)
{
    GArray *widths = g_array_new(FALSE, FALSE, sizeof(int64_t));
    int64_t quarter = 0;

    for (guint i = 0; i < pieces->pieces->len; i++)
        for (guint j = clock_piece_at(pieces, i)->begin + 1; j < clock_piece_at(pieces, i)->end; j++) {
            const clock_bound *one = clock_bound_at(pieces, j - 1), *next = clock_bound_at(pieces, j);
            int64_t            width = (one->difference - next->difference) * (one->is_upper ? 1 : -1);

            if (one->is_upper != next->is_upper)
                g_array_append_val(widths, width);
        }
    if (widths->len > 0) {
        g_array_sort(widths, by_width);
        quarter = g_array_index(widths, int64_t, widths->len / 4);
    }
    g_array_unref(widths);
    return MAX(quarter, 0);
}

/* Bounds that cross by 2r after a round trip of R are wrong by 2r + R together: their stamps, or the drift, which is
 * never quite constant. If it is one of the two, and its packet took half of the round trip, it excludes the truth by
 * 2r + R/2. */
clock_lines *
clock_pieces_lines(const clock_pieces *pieces, long double lost)
{
    clock_lines *lines = g_new(clock_lines, pieces->pieces->len);
    long double  relaxed = 0;

    while (!find_lines(pieces, lost + relaxed, lines))
        relaxed = relaxed == 0 ? CLOCK_SLOPPY / 64 : 2 * relaxed;
    if (relaxed > 0)
        find_lines(pieces, lost + 2 * relaxed + round_trip(pieces) / 2, lines);
    return lines;
}
