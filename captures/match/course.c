/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A conversation on its course. Each source's offsets become those of the first one, and of each packet it is found out
 * which of its octets the source had not seen before.
 */
#include "course.h"

#include <string.h>

#define MOST_HOLES 32

typedef struct hole {
    uint64_t begin, end;
} hole;

/* --- beginning and end --- */

/* True when something bounds the clock, if only on one side. */
static bool
is_known(const clock_estimate *clocks, unsigned source)
{
    return source == 0 || clocks[source].quality != CLOCK_NONE ||
           clocks[source].events[0] + clocks[source].events[1] > 0;
}

static bool
is_bounded(const clock_estimate *clocks, unsigned source)
{
    return source == 0 || clocks[source].quality != CLOCK_NONE;
}

static int64_t
uncertainty_of(const clock_estimate *clocks, const unsigned sources[2])
{
    int64_t sum = 0;

    for (int end = 0; end < 2; end++) {
        if (sources[end] != 0 && is_bounded(clocks, sources[end]))
            sum += CLAMP(clocks[sources[end]].uncertainty, 0, INT64_MAX / 4);
    }
    return sum;
}

static void
add_way(way_set *set, between_pair *pair, course_member *near, course_member *far, const clock_estimate *clocks)
{
    const stream_conversation *ends[2] = { near->conversation, far->conversation };
    bool has_delays = is_bounded(clocks, pair->sources[0]) && is_bounded(clocks, pair->sources[1]);

    if (is_known(clocks, pair->sources[0]) && is_known(clocks, pair->sources[1]))
        near->ways[STREAM_SERVER] = far->ways[STREAM_CLIENT] =
            way_new(set, pair, ends, uncertainty_of(clocks, pair->sources), has_delays);
}

static void
set_shifts(course_member *member, const course_member *before, const pair_group *group)
{
    for (int side = 0; side < 2; side++) {
        const stream_conversation *one = before ? before->conversation : member->conversation;
        int64_t                    shift;

        member->has_shifts[side] = pairs_shift(group, one, member->conversation, side, &shift) &&
                                   (!before || before->has_shifts[side]);
        member->shifts[side] = before ? before->shifts[side] + shift : 0;
    }
}

course *
course_new(way_set *set, between_pair *const *pairs, const clock_estimate *clocks)
{
    const pair_group *group = pairs[0]->group;
    course           *course = g_malloc0(sizeof *course + group->seen->len * sizeof course->members[0]);

    course->left = course->count = group->seen->len;
    for (unsigned i = 0; i < course->count; i++) {
        course_member *member = &course->members[i], *before = i > 0 ? member - 1 : NULL;

        member->conversation = pairs_seen_by(group, i > 0 ? pairs[i - 1]->sources[1] : pairs[0]->sources[0]);
        set_shifts(member, before, group);
        if (before)
            add_way(set, pairs[i - 1], before, member, clocks);
    }
    return course;
}

void
course_free(course *course)
{
    for (unsigned i = 0; i < course->count; i++) {
        course_member *member = &course->members[i];

        /* What the client sent again, the way to the server's side tells, and the other way round. */
        for (int side = 0; side < 2; side++) {
            if (member->ways[!side])
                way_count_retransmitted(member->ways[!side], side, member->directions[side].retransmitted);
            if (member->directions[side].holes)
                g_array_unref(member->directions[side].holes);
        }
    }
    for (unsigned i = 0; i < course->count; i++) {
        if (course->members[i].ways[STREAM_SERVER])
            way_free(course->members[i].ways[STREAM_SERVER]);
    }
    g_free(course);
}

course_member *
course_member_of(course *course, unsigned source)
{
    course_member *member = course->members;

    while (member->conversation->source != source)
        member++;
    return member;
}

/* --- what a source has seen so far --- */

static void
add_hole(course_seen *seen, uint64_t begin, uint64_t end)
{
    hole hole = { begin, end };

    if (!seen->holes)
        seen->holes = g_array_new(FALSE, FALSE, sizeof hole);
    if (seen->holes->len == MOST_HOLES)
        g_array_remove_index(seen->holes, 0);
    g_array_append_val(seen->holes, hole);
}

/* Octets that fill a hole, or a part of one, come late but for the first time. */
static bool
fill_hole(course_seen *seen, uint64_t *begin, uint64_t *end)
{
    for (guint i = 0; seen->holes && i < seen->holes->len; i++) {
        hole hole = g_array_index(seen->holes, struct hole, i);

        if (*end <= hole.begin || *begin >= hole.end)
            continue;
        *begin = MAX(*begin, hole.begin);
        *end = MIN(*end, hole.end);
        g_array_remove_index(seen->holes, i);
        if (hole.begin < *begin)
            add_hole(seen, hole.begin, *begin);
        if (*end < hole.end)
            add_hole(seen, *end, hole.end);
        return true;
    }
    return false;
}

/* Takes octets, and leaves of them those that the source had not seen before; false when there are none: then it is
 * a copy, and they stay as they are. */
static bool
take_octets(course_seen *seen, uint64_t *begin, uint64_t *end)
{
    if (*end <= seen->next)
        return fill_hole(seen, begin, end);
    if (*begin > seen->next)
        add_hole(seen, seen->next, *begin);
    *begin = MAX(*begin, seen->next);
    seen->next = *end;
    return true;
}

/* --- packets --- */

/* True for the octet before the next one, RFC 9293 3.8.4. */
static bool
is_keep_alive(const course_seen *seen, const wire_segment *segment, uint64_t begin)
{
    return segment->length <= 1 && !(segment->flags & (WIRE_SYN | WIRE_FIN)) && begin + 1 == seen->next;
}

static bool
shifted(const course_member *member, stream_side side, uint64_t offset, uint64_t *common)
{
    *common = offset + (uint64_t)member->shifts[side];
    return (int64_t)*common >= 0;
}

/* The octets of a segment that takes some, in the group's offsets. False when they cannot be compared. */
static bool
octets_of(course_member *member, stream_side from, const wire_segment *segment, uint32_t span, passage *passage)
{
    const stream_direction *direction = &member->conversation->directions[from];
    course_seen            *seen = &member->directions[from];
    uint64_t                begin, end, whole_begin;
    bool                    is_new;

    if (!seen->is_begun)
        seen->next = direction->first;
    seen->is_begun = true;
    if (!stream_offset(direction, segment->sequence, seen->next, &begin))
        return false;
    whole_begin = begin;
    end = begin + span;
    if (is_keep_alive(seen, segment, begin)) {
        is_new = false;
    } else {
        is_new = take_octets(seen, &begin, &end);
        seen->retransmitted += !is_new;
    }
    passage->is_copy = !is_new;
    passage->length = (uint32_t)(end - begin);
    passage->whole_length = span;
    return member->has_shifts[from] && shifted(member, from, begin, &passage->begin) &&
           shifted(member, from, whole_begin, &passage->whole_begin);
}

/* The numbers of a segment that takes no octets, in the group's offsets. Those of a RST may be anything. */
static bool
numbers_of(const course_member *member, stream_side from, const wire_segment *segment, passage *passage)
{
    const stream_direction *own = &member->conversation->directions[from];
    const stream_direction *other = &member->conversation->directions[!from];
    uint64_t                near = MAX(member->directions[!from].next, other->first), acknowledged;

    if (!member->has_shifts[from])
        return false;
    passage->sequence = segment->sequence - own->isn + (uint32_t)member->shifts[from];
    passage->begin = 0;
    if (segment->flags & WIRE_RST)
        return true;
    return (segment->flags & WIRE_ACK) && member->has_shifts[!from] &&
           stream_offset(other, segment->acknowledgement, near, &acknowledged) &&
           shifted(member, !from, acknowledged, &passage->begin);
}

unsigned
course_take(course_member *member, const match_record *record, int64_t time, const wire_segment *segment,
            passage passages[2])
{
    stream_side from = stream_side_of(member->conversation, segment);
    passage     passage = { .time = time, .number = record->number, .from = from };
    unsigned    count = 0;
    uint32_t    span = (uint32_t)segment->length + !!(segment->flags & WIRE_SYN) + !!(segment->flags & WIRE_FIN);

    if (segment->flags & WIRE_RST)
        span = 0;
    if (!(span > 0 ? octets_of(member, from, segment, span, &passage) : numbers_of(member, from, segment, &passage)))
        return 0;
    passage.identification = stream_identification(record, segment);
    passage.window = segment->window;
    passage.flags = segment->flags;
    passage.hops = segment->hops;
    for (int i = 0; i < 2; i++) {
        stream_side towards = i == 0 ? !from : from;

        if (!member->ways[towards])
            continue;
        passages[count] = passage;
        passages[count].way = member->ways[towards];
        passages[count++].end = towards == STREAM_CLIENT; /* the other end is nearer to the client */
    }
    return count;
}
