/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What is between two sources. Octets are compared as ranges of the stream, as one packet here may be several there.
 * Packets without octets are compared by their numbers, those that look the same in their order.
 */
#include "ways.h"

#include <string.h>

#include "digest.h"
#include "ranges.h"

#define MICROSECOND INT64_C(1000)
#define SECOND      INT64_C(1000000000)

#define HORIZON (2 * SECOND)

/* Clocks that are known no better are taken as they are. */
#define MOST_UNCERTAIN (10 * SECOND)

/* Octets that are under way at the same time so many times: the first, and copies that were sent again. */
#define GENERATIONS 4

/* A packet meets so many others at most, and passes so many places where it meets none; of those that look the same, so
 * many are compared. */
#define MOST_MET    1024
#define MOST_PASSED 64
#define MOST_ALIKE  16

/* Delays are not all the same. */
#define JITTER (50 * MICROSECOND)

/* Nothing arrives so long before it was sent. */
#define TOO_EARLY (1000 * MICROSECOND)

/* Lengths of lost packets that are kept: the longest. */
#define LENGTHS 8

/* So many large packets must have been lost, each longer than so many octets, that it is not by chance: the
 * smallest MTU of IPv4 (RFC 791) without headers. */
#define AGAIN_AND_AGAIN 3
#define LARGE           536

typedef struct {
    range_queue queues[2][GENERATIONS]; /* by end */
    digest      delays;
    uint32_t    last_sent, last_arrived; /* numbers of the last packet that was sent of those that arrived */
    uint32_t    longest;                 /* that arrived */
    struct {
        uint32_t length, count;
    } lost[LENGTHS]; /* the longest first */
    int64_t     doubtful_until; /* something was given up early: what seems to be absent before this may not be */
} way_direction;

struct way {
    way_set                   *set;
    between_pair              *pair;
    const stream_conversation *ends[2];
    int64_t                    uncertainty;
    bool                       has_delays;
    way_direction              directions[2];
};

static void meet_ranges(way_direction *direction, passage *packet);
static void meet_alike(way_direction *direction, passage *packet);

/* --- packets that look the same --- */

static guint
hash_of_passage(gconstpointer key)
{
    static gsize    seed;
    const passage  *packet = key;

    if (g_once_init_enter(&seed))
        g_once_init_leave(&seed, (gsize)((uint64_t)g_random_int() << 32 | g_random_int()) | 1);

    uint64_t words[] = { (uintptr_t)packet->way, packet->begin,
                         (uint64_t)packet->sequence << 8 | packet->end << 1 | packet->from };
    uint64_t hash = seed;

    for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
        hash = (hash ^ words[i]) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 32;
        hash *= seed;
        hash ^= hash >> 29;
    }
    return (guint)(hash ^ hash >> 32);
}

/* The flags that stay what they are on the way. */
static unsigned
kind_of(const passage *packet)
{
    return packet->flags & WIRE_RST;
}

static gboolean
look_the_same(gconstpointer a, gconstpointer b)
{
    const passage *one = a, *other = b;

    return one->way == other->way && one->begin == other->begin && one->sequence == other->sequence &&
           one->end == other->end && one->from == other->from && kind_of(one) == kind_of(other);
}

void
way_set_init(way_set *set)
{
    set->alike = g_hash_table_new(hash_of_passage, look_the_same);
}

void
way_set_clear(way_set *set)
{
    g_hash_table_unref(set->alike);
    set->alike = NULL;
}

static void
add_alike(way_set *set, passage *packet)
{
    passage *first = g_hash_table_lookup(set->alike, packet);

    if (!first) {
        packet->next = packet->previous = packet;
        g_hash_table_add(set->alike, packet);
        return;
    }
    packet->next = first;
    packet->previous = first->previous;
    first->previous->next = packet;
    first->previous = packet;
}

static void
remove_alike(way_set *set, passage *packet)
{
    bool is_first = g_hash_table_lookup(set->alike, packet) == packet;

    if (packet->next == packet) {
        g_hash_table_remove(set->alike, packet);
        return;
    }
    if (is_first)
        g_hash_table_replace(set->alike, packet->next, packet->next);
    packet->next->previous = packet->previous;
    packet->previous->next = packet->next;
}

/* --- a way --- */

static bool
has_other_mss(const stream_conversation *one, const stream_conversation *other, stream_side side)
{
    unsigned a = one->directions[side].mss, b = other->directions[side].mss;

    return a != 0 && b != 0 && a != b;
}

way *
way_new(way_set *set, between_pair *pair, const stream_conversation *const ends[2], int64_t uncertainty,
        bool has_delays)
{
    way *way = g_new0(struct way, 1);

    way->set = set;
    way->pair = pair;
    way->ends[0] = ends[0];
    way->ends[1] = ends[1];
    way->uncertainty = CLAMP(uncertainty, 0, MOST_UNCERTAIN);
    way->has_delays = has_delays;
    for (int side = 0; side < 2; side++) {
        way->directions[side].doubtful_until = INT64_MIN;
        pair->directions[side].has_mss_changed = has_other_mss(ends[0], ends[1], side);
    }
    return way;
}

const between_pair *
way_pair(const way *way)
{
    return way->pair;
}

const stream_conversation *
way_conversation(const way *way, unsigned end)
{
    return way->ends[end];
}

int64_t
way_horizon(const way *way)
{
    return HORIZON + way->uncertainty;
}

static bool
is_at_sender(const passage *packet)
{
    return packet->end == packet->from;
}

int64_t
way_time_there(const way *way, const passage *packet, int64_t *uncertainty)
{
    const digest *delays = &way->directions[packet->from].delays;
    int64_t       delay = delays->count > 0 ? delays->least : 0;

    *uncertainty = way->uncertainty;
    return is_at_sender(packet) ? packet->time + delay : packet->time - delay;
}

void
way_see(passage *packet)
{
    way_direction *direction = &packet->way->directions[packet->from];

    packet->state = PASSAGE_OPEN;
    packet->twin_number = 0;
    if (packet->length > 0)
        meet_ranges(direction, packet);
    else
        meet_alike(direction, packet);
}

/* --- what arrived --- */

/* The packets, or parts of them, are the same. */
static void
note_twins(passage *one, passage *other)
{
    one->twin_number = other->number;
    one->twin_time = other->time;
    other->twin_number = one->number;
    other->twin_time = one->time;
    if (one->hops != other->hops)
        one->way->pair->directions[one->from].has_ttl_changed = true;
}

/* True when two packets were sent in one order and arrived in the other. */
static bool
is_reordered(const way_direction *direction, const passage *packet)
{
    return direction->last_sent != 0 && packet->number != direction->last_sent &&
           packet->twin_number != direction->last_arrived &&
           (packet->number > direction->last_sent) != (packet->twin_number > direction->last_arrived);
}

/* Everything of the packet was seen at the other end. */
static void
decide_seen(way_direction *direction, passage *packet)
{
    between_direction *told = &packet->way->pair->directions[packet->from];

    packet->state = PASSAGE_SEEN;
    if (!is_at_sender(packet))
        return;
    digest_add(&direction->delays, packet->twin_time - packet->time);
    direction->longest = MAX(direction->longest, packet->length);
    told->reordered += is_reordered(direction, packet);
    if (packet->number > direction->last_sent) {
        direction->last_sent = packet->number;
        direction->last_arrived = MAX(direction->last_arrived, packet->twin_number);
    }
}

/* How long a packet of the other end would have taken to become this one. */
static int64_t
delay_between(const passage *packet, const passage *other)
{
    return is_at_sender(packet) ? other->time - packet->time : packet->time - other->time;
}

/* Which of two copies a packet is: the one with its identification, else the one that left last of those that could
 * have been so fast; the other when there is no difference. */
static const passage *
likelier(const way_direction *direction, const passage *packet, const passage *one, const passage *other)
{
    const digest *delays = &direction->delays;
    int64_t       least = -packet->way->uncertainty;
    int64_t       by_one = delay_between(packet, one), by_other = delay_between(packet, other);

    if (delays->count > 0)
        least = delays->least - ABS(delays->least) / 8 - JITTER;
    if (packet->identification != 0 &&
        (one->identification == packet->identification) != (other->identification == packet->identification))
        return one->identification == packet->identification ? one : other;
    if ((by_one >= least) != (by_other >= least))
        return by_one >= least ? one : other;
    if (by_one >= least)
        return by_one < by_other ? one : other;
    return by_one > by_other ? one : other;
}

static bool
is_too_early(const passage *packet, const passage *other)
{
    const way *way = packet->way;

    return way->has_delays && delay_between(packet, other) < -2 * way->uncertainty - TOO_EARLY;
}

/* What the other end has, and as a whole, of just the octets of a packet, whether it had seen some of them before
 * or not. */
static range *
find_same(const way_direction *direction, const passage *packet)
{
    const range_queue *queues = direction->queues[!packet->end];
    range             *best = NULL;

    for (unsigned i = 0; i < 2 * GENERATIONS; i++) { /* with the first octet that is new here, and with the last */
        range *found = range_queue_find(&queues[i / 2], packet->begin + (i % 2 ? packet->length - 1 : 0));

        if (!found || !found->owner || found->left != found->length)
            continue;

        const passage *other = found->owner;

        if (other->whole_begin == packet->whole_begin && other->whole_length == packet->whole_length &&
            !is_too_early(packet, other) && (!best || likelier(direction, packet, other, best->owner) == other))
            best = found;
    }
    return best;
}

/* What the other end has of the octet at `at`; without any, `next` is where it may have something. What comes again
 * at one end only is no part of what was sent once: it would count twice. */
static range *
find_other(const way_direction *direction, const passage *packet, uint64_t at, uint64_t *next)
{
    const range_queue *queues = direction->queues[!packet->end];
    range             *best = NULL;

    for (unsigned i = packet->is_copy; i < GENERATIONS; i++) {
        range *found = range_queue_find(&queues[i], at);

        if (!found)
            continue;
        if (found->begin > at) {
            *next = MIN(*next, found->begin);
        } else if (!found->owner || is_too_early(packet, found->owner)) {
            *next = MIN(*next, found->begin + found->length);
        } else if (!best || likelier(direction, packet, found->owner, best->owner) == found->owner) {
            best = found;
        }
    }
    return best;
}

static void
keep_range(way_direction *direction, passage *packet, uint32_t left)
{
    range range = { packet->begin, packet->length, left, packet };

    for (unsigned i = packet->is_copy; i < GENERATIONS; i++) {
        if (range_queue_insert(&direction->queues[packet->end][i], range))
            return;
    }
    way_give_up(packet, false, true);
}

/* So many octets of both are the same. */
static void
meet(way_direction *direction, passage *packet, range *other, uint32_t octets)
{
    passage *owner = other->owner;

    other->left -= MIN(octets, other->left);
    note_twins(packet, owner);
    if (other->left == 0) {
        other->owner = NULL;
        decide_seen(direction, owner);
    }
}

/* Octets of the packet that the other end has not got. */
static uint32_t
meet_parts(way_direction *direction, passage *packet)
{
    uint64_t at = packet->begin, end = packet->begin + packet->length;
    uint32_t left = packet->length;
    unsigned met = 0, passed = 0;

    while (at < end && met < MOST_MET && passed < MOST_PASSED) {
        uint64_t next = end;
        range   *other = find_other(direction, packet, at, &next);

        if (other) {
            next = MIN(end, other->begin + other->length);
            left -= (uint32_t)(next - at);
            meet(direction, packet, other, (uint32_t)(next - at));
            met++;
        } else {
            passed++;
        }
        at = next;
    }
    return left;
}

static void
meet_ranges(way_direction *direction, passage *packet)
{
    range   *same = find_same(direction, packet);
    uint32_t left = 0;

    if (same)
        meet(direction, packet, same, same->length);
    else
        left = meet_parts(direction, packet);
    for (unsigned i = 0; i < GENERATIONS; i++)
        range_queue_tidy(&direction->queues[!packet->end][i]);
    if (left == 0)
        decide_seen(direction, packet);
    else
        keep_range(direction, packet, left);
}

/* Of those that look the same, the one that is the same, or the first. */
static passage *
choose_alike(const passage *packet, passage *first)
{
    passage *other = first, *best = NULL;

    for (unsigned i = 0; i < MOST_ALIKE; i++) {
        if (packet->identification != 0 && other->identification == packet->identification)
            return other;
        if (!best && other->window == packet->window)
            best = other;
        other = other->next;
        if (other == first)
            break;
    }
    return best ? best : first;
}

static void
meet_alike(way_direction *direction, passage *packet)
{
    way_set *set = packet->way->set;
    passage   key = *packet, *other;

    key.end = !packet->end;
    other = g_hash_table_lookup(set->alike, &key);
    if (!other) {
        add_alike(set, packet);
        return;
    }
    other = choose_alike(packet, other);
    remove_alike(set, other);
    note_twins(packet, other);
    decide_seen(direction, other);
    decide_seen(direction, packet);
}

/* --- what did not --- */

static void
forget(way_direction *direction, passage *packet)
{
    if (packet->length == 0) {
        remove_alike(packet->way->set, packet);
        return;
    }
    for (unsigned i = 0; i < GENERATIONS; i++) {
        range_queue *queue = &direction->queues[packet->end][i];
        range       *found = range_queue_find(queue, packet->begin);

        if (found && found->owner == packet) {
            found->owner = NULL;
            range_queue_tidy(queue);
            return;
        }
    }
}

static void
note_lost_length(way_direction *direction, uint32_t length)
{
    unsigned i = 0;

    while (i < LENGTHS && direction->lost[i].length > length)
        i++;
    if (i == LENGTHS)
        return;
    if (direction->lost[i].length != length) {
        memmove(&direction->lost[i + 1], &direction->lost[i], (LENGTHS - 1 - i) * sizeof direction->lost[0]);
        direction->lost[i].length = length;
        direction->lost[i].count = 0;
    }
    direction->lost[i].count++;
}

static void
count_absent(way_direction *direction, const passage *packet)
{
    between_pair      *pair = packet->way->pair;
    between_direction *told = &pair->directions[packet->from];
    bool               is_reset = packet->flags & WIRE_RST, counts = packet->length > 0 || is_reset;
    bool               is_partial = packet->twin_number != 0;

    if (!is_at_sender(packet)) {
        told->injected += counts && !is_partial;
        pair->is_reset_injected[packet->from] |= is_reset;
        return;
    }
    if (!counts) {
        told->lost_acknowledgements++;
        return;
    }
    told->lost++;
    if (!is_partial)
        note_lost_length(direction, packet->length);
}

void
way_give_up(passage *packet, bool is_expected, bool is_early)
{
    way_direction *direction = &packet->way->directions[packet->from];

    forget(direction, packet);
    packet->state = PASSAGE_UNJUDGED;
    if (is_early) {
        packet->way->pair->directions[packet->from].undecided++;
        direction->doubtful_until = MAX(direction->doubtful_until, packet->time + way_horizon(packet->way));
    } else if (is_expected && packet->time > direction->doubtful_until) {
        packet->state = packet->twin_number != 0 ? PASSAGE_SEEN : PASSAGE_ABSENT;
        count_absent(direction, packet);
    }
}

void
way_count_retransmitted(way *way, stream_side from, uint64_t count)
{
    way->pair->directions[from].retransmitted = count;
}

/* Whether large packets do not come through, and how many of the lost are as large as any that did. */
static void
judge_lengths(const way_direction *direction, between_direction *told)
{
    uint32_t larger = 0;

    for (unsigned i = 0; i < LENGTHS; i++) {
        if (direction->lost[i].count > 0 && direction->lost[i].length >= direction->longest)
            told->lost_large += direction->lost[i].count;
        if (direction->lost[i].length > MAX(direction->longest, LARGE))
            larger += direction->lost[i].count;
    }
    told->is_black_hole = larger >= AGAIN_AND_AGAIN && direction->delays.count > 0;
}

void
way_free(way *way)
{
    for (int side = 0; side < 2; side++) {
        way_direction     *direction = &way->directions[side];
        between_direction *told = &way->pair->directions[side];

        judge_lengths(direction, told);
        if (way->has_delays) {
            told->delay.count = direction->delays.count;
            told->delay.min = direction->delays.least;
            told->delay.max = direction->delays.most;
            told->delay.median = digest_median(&direction->delays);
        }
        digest_clear(&direction->delays);
        for (unsigned i = 0; i < 2 * GENERATIONS; i++)
            range_queue_clear(&direction->queues[i / GENERATIONS][i % GENERATIONS]);
    }
    g_free(way);
}
