/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What two sources have in common of a conversation: which of their octets are the same, which of them is nearer to the
 * client, and events that tell how their clocks stand to each other.
 */
#include <string.h>

#include "pairs.h"

#define MILLISECOND INT64_C(1000000)

/* What comes back within this time is compared with what it answers; later, two clocks have moved against each
 * other. */
#define TURN (200 * MILLISECOND)

/* Octets or an acknowledgement that both have captured. */
typedef struct {
    int64_t     times[2]; /* of the one, of the other */
    stream_side from;
} common;

#define MOST_COMMON (4 * STREAM_MARKS)

/* An event for the clocks. */
typedef struct {
    int64_t reference, other;
    bool    to_other;
} clock_event;

bool
pairs_shift(const pair_group *group, const stream_conversation *one, const stream_conversation *other, stream_side side,
            int64_t *shift)
{
    const stream_direction *a = &one->directions[side], *b = &other->directions[side];

    *shift = 0;
    if (a->has_isn && b->has_isn)
        return true;
    /* Where sequence numbers are why they are a pair, they are the same; elsewhere they may have been rewritten. */
    if (group->basis != PAIR_SEQUENCE && a->hashed > 0 && a->hashed == b->hashed &&
        a->payload_hash == b->payload_hash) {
        *shift = (int64_t)(a->payload_at - b->payload_at);
        return true;
    }
    if (group->basis == PAIR_PAYLOAD)
        return false;

    /* How often the numbers went round is not known: the ends are next to each other. */
    int64_t apart = (int64_t)(stream_end(a) - stream_end(b));

    *shift = apart + (int32_t)(b->isn - a->isn - (uint32_t)apart);
    return true;
}

/* --- who is nearer to the client --- */

/* Appends the octets that both have marked. */
static unsigned
find_octets(const stream_marks *one, const stream_marks *other, int64_t shift, stream_side from, common *found)
{
    unsigned count = 0;

    for (unsigned i = 0, k = 0; i < one->count && k < other->count;) {
        uint64_t a = one->marks[i].offset, b = other->marks[k].offset + (uint64_t)shift;

        if (a == b)
            found[count++] = (common){ { one->marks[i].time, other->marks[k].time }, from };
        i += a <= b;
        k += b <= a;
    }
    return count;
}

/* False for another packet with the same acknowledgement: one source has not captured the first that had it. */
static bool
is_same_packet(const stream_mark *one, const stream_mark *other, int64_t shift)
{
    return one->sequence == other->sequence + (uint32_t)shift &&
           (one->identification == 0 || other->identification == 0 || one->identification == other->identification);
}

/* Appends the acknowledgements that both have marked. `shifts`: of what is acknowledged, and of the stream that
 * says so. */
static unsigned
find_acknowledgements(const stream_marks *one, const stream_marks *other, const int64_t shifts[2], stream_side from,
                      common *found)
{
    unsigned count = 0;

    for (unsigned i = 0, k = 0; i < one->count && k < other->count;) {
        const stream_mark *mark = &one->marks[i], *other_mark = &other->marks[k];
        uint64_t           a = mark->offset, b = other_mark->offset + (uint64_t)shifts[0];

        if (a == b && is_same_packet(mark, other_mark, shifts[1]))
            found[count++] = (common){ { mark->time, other_mark->time }, from };
        i += a <= b;
        k += b <= a;
    }
    return count;
}

static int
by_first_time(const void *a, const void *b)
{
    const common *one = a, *other = b;

    return one->times[0] < other->times[0] ? -1 : one->times[0] > other->times[0];
}

static unsigned
common_of(const pair_group *group, const stream_conversation *one, const stream_conversation *other, common *found)
{
    unsigned count = 0;

    for (int side = 0; side < 2; side++) {
        const stream_direction *a = &one->directions[side], *b = &other->directions[side];
        int64_t                 shifts[2];

        if (!pairs_shift(group, one, other, side, &shifts[1]))
            continue;
        count += find_octets(&a->octets, &b->octets, shifts[1], side, found + count);
        if (pairs_shift(group, one, other, !side, &shifts[0]))
            count += find_acknowledgements(&a->acknowledged, &b->acknowledged, shifts, side, found + count);
    }
    qsort(found, count, sizeof *found, by_first_time);
    return count;
}

/* Who is nearer to the client waits longer for the answer, by the way to the other and back: whatever their clocks
 * say. More than 0 for the one, as in pairs_order(). */
static int
order_by_turns(const pair_group *group, const stream_conversation *one, const stream_conversation *other)
{
    common   found[MOST_COMMON];
    unsigned count = common_of(group, one, other, found);
    int      order = 0;

    for (unsigned i = 1; i < count; i++) {
        const common *request = &found[i - 1], *answer = &found[i];

        if (request->from == answer->from || answer->times[0] - request->times[0] > TURN)
            continue;

        int64_t longer = (answer->times[0] - request->times[0]) - (answer->times[1] - request->times[1]);

        if (request->from == STREAM_SERVER)
            longer = -longer;
        order += (longer > 0) - (longer < 0);
    }
    return order;
}

int
pairs_order(const pair_group *group, const stream_conversation *one, const stream_conversation *other)
{
    int order = 0, by_turns;

    for (int side = 0; side < 2; side++) {
        const stream_direction *a = &one->directions[side], *b = &other->directions[side];
        int                     more = a->packets > 0 && b->packets > 0 ? (a->ttl > b->ttl) - (a->ttl < b->ttl) : 0;

        order += side == STREAM_CLIENT ? more : -more;
    }
    if (ABS(order) == 2)
        return order;
    by_turns = order_by_turns(group, one, other);
    return by_turns != 0 ? by_turns : order;
}

unsigned
pairs_nearer(const GPtrArray *groups, unsigned one, unsigned other)
{
    int64_t votes = 0;

    for (guint i = 0; i < groups->len; i++) {
        const pair_group          *group = groups->pdata[i];
        const stream_conversation *a = pairs_seen_by(group, one), *b = pairs_seen_by(group, other);
        int                        order = a && b ? pairs_order(group, a, b) : 0;

        votes += (order > 0) - (order < 0);
    }
    return votes >= 0 ? one : other;
}

/* --- events --- */

static void
add_event(GArray *events, int64_t sent, int64_t arrived, bool to_other)
{
    clock_event event = { to_other ? sent : arrived, to_other ? arrived : sent, to_other };

    g_array_append_val(events, event);
}

/* An octet that the sender's side had before it was sent on was not captured at the other side any earlier; nor was any
 * octet behind it. */
static void
add_octets(GArray *events, const stream_marks *sent, const stream_marks *arrived, int64_t shift, bool to_other)
{
    int64_t last = -1;

    for (unsigned i = 0, k = 0; i < sent->count; i++) {
        while (k < arrived->count && arrived->marks[k].offset + (uint64_t)shift < sent->marks[i].offset)
            k++;
        if (k == arrived->count)
            return;
        if (sent->marks[i].time != last) /* else the same packet, which another octet of it has told of */
            add_event(events, sent->marks[i].time, arrived->marks[k].time, to_other);
        last = sent->marks[i].time;
    }
}

/* Of acknowledgements, which are not kept in order by being sent again, only those count that both have. */
static void
add_acknowledgements(GArray *events, const stream_marks *sent, const stream_marks *arrived, const int64_t shifts[2],
                     bool to_other)
{
    common   found[STREAM_MARKS];
    unsigned count = find_acknowledgements(sent, arrived, shifts, STREAM_CLIENT, found);

    for (unsigned i = 0; i < count; i++)
        add_event(events, found[i].times[0], found[i].times[1], to_other);
}

/* `near` is nearer to the client than `far`; `is_reference_near` tells which of them is the reference. */
static void
add_events(GArray *events, const pair_group *group, const stream_conversation *near, const stream_conversation *far,
           bool is_reference_near)
{
    for (int side = 0; side < 2; side++) {
        bool                       is_from_near = side == STREAM_CLIENT;
        const stream_conversation *from = is_from_near ? near : far, *to = is_from_near ? far : near;
        const stream_direction    *sent = &from->directions[side], *arrived = &to->directions[side];
        bool                       to_other = is_from_near == is_reference_near;
        int64_t                    shifts[2];

        if (!pairs_shift(group, from, to, side, &shifts[1]))
            continue;
        add_octets(events, &sent->octets, &arrived->octets, shifts[1], to_other);
        if (pairs_shift(group, from, to, !side, &shifts[0]))
            add_acknowledgements(events, &sent->acknowledged, &arrived->acknowledged, shifts, to_other);
    }
}

static gint
by_reference_time(gconstpointer a, gconstpointer b)
{
    const clock_event *one = a, *other = b;

    return one->reference < other->reference ? -1 : one->reference > other->reference;
}

unsigned
pairs_events(const GPtrArray *groups, unsigned reference, unsigned other, clock_fit *fit)
{
    unsigned nearer = pairs_nearer(groups, reference, other);
    GArray  *events = g_array_new(FALSE, FALSE, sizeof(clock_event));

    for (guint i = 0; i < groups->len; i++) {
        const pair_group          *group = groups->pdata[i];
        const stream_conversation *a = pairs_seen_by(group, reference), *b = pairs_seen_by(group, other);
        int                        order = a && b ? pairs_order(group, a, b) : 0;
        bool                       is_reference_near = order > 0 || (order == 0 && nearer == reference);

        if (a && b)
            add_events(events, group, is_reference_near ? a : b, is_reference_near ? b : a, is_reference_near);
    }
    g_array_sort(events, by_reference_time);
    for (guint i = 0; i < events->len; i++) {
        const clock_event *event = &g_array_index(events, clock_event, i);

        clock_fit_add(fit, event->reference, event->other, event->to_other, 0);
    }
    g_array_unref(events);
    return nearer;
}
