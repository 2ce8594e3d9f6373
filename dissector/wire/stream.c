/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * One direction of a TCP connection put in order. The early segments lie apart from one another, in the order of their
 * sequence numbers, and the first of them begins after `next`: what touches it is handed on at once.
 */
#include "stream.h"

#include "octets.h"

/* The largest window there is (RFC 7323 2.3): nothing honest is further away. */
#define MAX_WINDOW (UINT32_C(1) << 30)

/* Octets of a segment. In `pending` they are a copy, which the stream owns. */
typedef struct {
    uint32_t       sequence;
    const uint8_t *data;
    size_t         captured;
    size_t         length;
} piece;

static bool hand_on(wire_stream *stream, const wire_stream_sink *sink, void *user, piece segment);
static bool keep(wire_stream *stream, piece segment);
static void give_up_hole(wire_stream *stream, const wire_stream_sink *sink, void *user);
static void give_up(wire_stream *stream, const wire_stream_sink *sink, void *user, uint32_t end);

/* How far `sequence` lies after `other`, modulo 2^32; negative when before. */
static int32_t
distance(uint32_t sequence, uint32_t other)
{
    return (int32_t)(sequence - other);
}

static const piece *
first_pending(const wire_stream *stream)
{
    return stream->pending ? &g_array_index(stream->pending, piece, 0) : NULL;
}

wire_novelty
wire_stream_add(wire_stream *stream, const wire_stream_sink *sink, void *user, uint32_t sequence, bool is_syn,
                const uint8_t *data, size_t captured, size_t length)
{
    piece segment = { sequence + is_syn, data, captured, length };

    if (!stream->started) {
        stream->started = true;
        stream->next = segment.sequence;
    }

    int32_t ahead = distance(segment.sequence, stream->next);

    if (length <= 1 && ahead == -1 && !is_syn)
        return WIRE_KEEP_ALIVE;
    if (length == 0 || length > MAX_WINDOW)
        return WIRE_NOTHING;
    if (ahead > 0 && keep(stream, segment)) {
        while (stream->pending &&
               (stream->pending_octets > WIRE_STREAM_MAX_PENDING || stream->pending->len > WIRE_STREAM_MAX_SEGMENTS))
            give_up_hole(stream, sink, user);
        return WIRE_EARLY;
    }
    if (ahead <= 0 && ahead >= -(int32_t)MAX_WINDOW && hand_on(stream, sink, user, segment))
        return WIRE_NEW;
    stream->retransmissions++;
    return WIRE_RETRANSMISSION;
}

void
wire_stream_acknowledged(wire_stream *stream, const wire_stream_sink *sink, void *user, uint32_t acknowledgement)
{
    if (!stream->started || distance(acknowledgement, stream->next) > (int32_t)MAX_WINDOW)
        return;
    while (distance(acknowledgement, stream->next) > 0) {
        const piece *first = first_pending(stream);

        if (first && distance(acknowledgement, first->sequence) > 0) {
            give_up_hole(stream, sink, user);
            continue;
        }
        if (first || acknowledgement - stream->next != 1) /* else it may be the number of the FIN */
            give_up(stream, sink, user, acknowledgement);
        return;
    }
}

void
wire_stream_clear(wire_stream *stream)
{
    if (!stream->pending)
        return;
    for (unsigned i = 0; i < stream->pending->len; i++)
        g_free((gpointer)g_array_index(stream->pending, piece, i).data);
    g_array_free(stream->pending, TRUE);
    stream->pending = NULL;
    stream->pending_octets = 0;
}

/* Takes the first `length` octets off. */
static piece
split(piece *segment, size_t length)
{
    piece       head = { segment->sequence, segment->data, MIN(segment->captured, length), length };
    wire_octets octets = { segment->data, segment->captured }, taken;

    wire_take(&octets, head.captured, &taken);
    segment->sequence += (uint32_t)length;
    segment->data = octets.data;
    segment->captured = octets.length;
    segment->length -= length;
    return head;
}

/* Takes off what lies before `start`. Returns false when nothing is left. */
static bool
trim(piece *segment, uint32_t start)
{
    int32_t before = distance(start, segment->sequence);

    if (before > 0)
        split(segment, MIN((size_t)before, segment->length));
    return segment->length > 0;
}

static void
emit(wire_stream *stream, const wire_stream_sink *sink, void *user, piece segment)
{
    stream->next += (uint32_t)segment.length;
    stream->octets += segment.length;
    sink->data(user, segment.data, segment.captured, segment.length);
}

/* Hands on the early segments that are early no longer. */
static void
hand_on_pending(wire_stream *stream, const wire_stream_sink *sink, void *user)
{
    unsigned done = 0;

    if (!stream->pending)
        return;
    for (; done < stream->pending->len; done++) {
        piece waiting = g_array_index(stream->pending, piece, done);

        if (waiting.sequence != stream->next)
            break;
        stream->pending_octets -= waiting.length;
        emit(stream, sink, user, waiting);
        g_free((gpointer)waiting.data);
    }
    if (done == stream->pending->len) {
        g_array_free(stream->pending, TRUE);
        stream->pending = NULL;
    } else if (done > 0) {
        g_array_remove_range(stream->pending, 0, done);
    }
}

/* Hands on a segment that does not begin after `next`, and the early segments that it leads to. Those came first, so
 * that their octets count where both have them. Returns false when nothing in it is new. */
static bool
hand_on(wire_stream *stream, const wire_stream_sink *sink, void *user, piece segment)
{
    bool is_new = false;

    while (trim(&segment, stream->next)) {
        const piece *first = first_pending(stream);
        size_t       room = first ? first->sequence - stream->next : segment.length;

        emit(stream, sink, user, split(&segment, MIN(room, segment.length)));
        hand_on_pending(stream, sink, user);
        is_new = true;
    }
    return is_new;
}

static void
insert(wire_stream *stream, unsigned place, piece segment)
{
    segment.data = g_memdup2(segment.data, segment.captured);
    g_array_insert_val(stream->pending, place, segment);
    stream->pending_octets += segment.length;
}

/* Keeps what no other early segment has of an early segment. Returns false when that is nothing. */
static bool
keep(wire_stream *stream, piece segment)
{
    unsigned place = 0;
    bool     is_new = false;

    if (!stream->pending)
        stream->pending = g_array_new(FALSE, FALSE, sizeof(piece));
    for (; place < stream->pending->len && segment.length > 0; place++) {
        piece   other = g_array_index(stream->pending, piece, place);
        int32_t room = distance(other.sequence, segment.sequence);

        if (room > 0) {
            insert(stream, place++, split(&segment, MIN((size_t)room, segment.length)));
            is_new = true;
        }
        trim(&segment, other.sequence + (uint32_t)other.length);
    }
    if (segment.length > 0) {
        insert(stream, place, segment);
        is_new = true;
    }
    return is_new;
}

static void
give_up(wire_stream *stream, const wire_stream_sink *sink, void *user, uint32_t end)
{
    uint32_t missing = end - stream->next;

    stream->next = end;
    stream->octets += missing;
    stream->lost += missing;
    sink->gap(user, missing);
    hand_on_pending(stream, sink, user);
}

/* What is missing before the first early segment will not come. */
static void
give_up_hole(wire_stream *stream, const wire_stream_sink *sink, void *user)
{
    give_up(stream, sink, user, first_pending(stream)->sequence);
}
