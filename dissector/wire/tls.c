/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a TLS connection says in clear: records (RFC 8446 5.1), handshake messages (4) and alerts (6). The readers of
 * single messages are in hello.c.
 *
 * Octets are kept in one case only: when a message does not lie whole in what came. What is kept begins with a number
 * of four octets: how many of a message are still to be passed over. The octets of the next message follow.
 */
#include "tls.h"

#include <string.h>

/* RFC 5246 6.2.3, which allows more than RFC 8446. */
#define MAX_FRAGMENT ((1 << 14) + 2048)

#define RECORD_HEADER    5
#define HANDSHAKE_HEADER 4
#define SKIP             4 /* octets of the number in front of what is kept */

/* As much of a hello as tells that it is in clear: its header and version. */
#define HELLO_HEAD 6

/* `wire_tls_half.content` */
enum {
    PASSED_OVER,
    ALERT,
    HANDSHAKE,
    DOUBTFUL /* a handshake record that may be encrypted, or begin within a message */
};

/* Octets of the stream: those that were captured, and how many there were, which is never less. */
typedef struct {
    wire_octets captured;
    size_t      length;
} stretch;

static bool find_record(wire_tls_half *half, const stretch *in);
static bool read_header(wire_tls_half *half, const wire_tls_sink *sink, void *user, stretch *in);
static void read_fragment(wire_tls_half *half, const wire_tls_sink *sink, void *user, stretch *in);
static void lose(wire_tls_half *half, const wire_tls_sink *sink, void *user, size_t missing);
static bool lose_handshake(GByteArray **kept, const wire_tls_sink *sink, void *user, size_t missing);
static void pass_over(GByteArray **kept, wire_octets *in);
static bool hand_on_whole(const wire_tls_sink *sink, void *user, wire_octets *in);
static void collect(GByteArray **kept, const wire_tls_sink *sink, void *user, wire_octets *in);
static void settle(GByteArray **kept, const wire_tls_sink *sink, void *user);

static size_t skip_of(const GByteArray *kept);
static void   set_skip(GByteArray **kept, size_t skip);
static size_t pending_length(const GByteArray *kept);
static void   append(GByteArray **kept, size_t most, wire_octets *in);
static void   forget(GByteArray **kept);

void
wire_tls_push(wire_tls_half *half, const wire_tls_sink *sink, void *user, const uint8_t *data, size_t captured,
              size_t length)
{
    stretch in = { { data, captured }, length };

    if (half->is_foreign || (half->is_lost && !find_record(half, &in)))
        return;
    while (in.captured.length > 0) {
        if (half->remaining > 0)
            read_fragment(half, sink, user, &in);
        else if (!read_header(half, sink, user, &in))
            return;
    }
    if (in.length > 0)
        lose(half, sink, user, in.length);
}

void
wire_tls_gap(wire_tls_half *half, uint32_t missing)
{
    static const wire_tls_sink nobody;

    if (!half->is_foreign && !half->is_lost && missing > 0)
        lose(half, &nobody, NULL, missing);
}

void
wire_tls_push_handshake(GByteArray **kept, const wire_tls_sink *sink, void *user, const uint8_t *data, size_t length)
{
    wire_octets in = { data, length };

    while (in.length > 0) {
        if (skip_of(*kept) > 0)
            pass_over(kept, &in);
        else if (pending_length(*kept) > 0 || !hand_on_whole(sink, user, &in))
            collect(kept, sink, user, &in);
    }
}

void
wire_tls_half_clear(wire_tls_half *half)
{
    forget(&half->message);
}

/* True for a record's header, and for as much of one as there is. */
static bool
is_plausible(wire_octets header)
{
    unsigned type = wire_u8(header, 0);

    return (type >= WIRE_TLS_CHANGE_CIPHER_SPEC && type <= WIRE_TLS_APPLICATION_DATA) &&
           (header.length < 2 || wire_u8(header, 1) == 3) && (header.length < 3 || wire_u8(header, 2) <= 4) &&
           (header.length < RECORD_HEADER || wire_u16(header, 3) <= MAX_FRAGMENT);
}

static bool
find_record(wire_tls_half *half, const stretch *in)
{
    wire_octets header = wire_part(in->captured, 0, RECORD_HEADER);

    if (header.length == 0 || !is_plausible(header))
        return false;
    half->is_lost = false;
    return true;
}

static void
lose_track(wire_tls_half *half)
{
    half->header_length = 0;
    half->remaining = 0;
    half->is_lost = true;
    half->is_adrift = true;
    forget(&half->message);
}

/* The first octets, `in` what came after those in the header. */
static void
tell_foreign(wire_tls_half *half, const wire_tls_sink *sink, void *user, wire_octets in)
{
    uint8_t     first[16];
    wire_octets more = wire_part(in, 0, MIN(in.length, sizeof first - half->header_length));

    half->is_foreign = true;
    if (!sink->foreign)
        return;
    memcpy(first, half->header, half->header_length);
    if (more.length > 0)
        memcpy(first + half->header_length, more.data, more.length);
    sink->foreign(user, first, half->header_length + more.length);
}

static void
begin_record(wire_tls_half *half, const wire_tls_sink *sink, void *user)
{
    wire_octets header = { half->header, RECORD_HEADER };
    unsigned    type = wire_u8(header, 0), length = wire_u16(header, 3);

    half->is_tls = true;
    half->header_length = 0;
    half->remaining = (uint16_t)length;
    half->content = PASSED_OVER;
    if (type == WIRE_TLS_HANDSHAKE) {
        half->content = half->is_encrypted || half->is_adrift ? DOUBTFUL : HANDSHAKE;
    } else {
        forget(&half->message);
        if (type == WIRE_TLS_ALERT && length == 2) /* nothing that is encrypted is so short */
            half->content = ALERT;
        else if (type != WIRE_TLS_ALERT)
            half->is_encrypted = true;
    }
    if (sink->record)
        sink->record(user, type, wire_u16(header, 1), length);
}

/* Takes octets of a record's header. Returns false when this is none. */
static bool
read_header(wire_tls_half *half, const wire_tls_sink *sink, void *user, stretch *in)
{
    wire_octets part, header = { half->header, 0 };

    wire_take(&in->captured, MIN((size_t)RECORD_HEADER - half->header_length, in->captured.length), &part);
    in->length -= part.length;
    memcpy(half->header + half->header_length, part.data, part.length);
    half->header_length += (uint8_t)part.length;
    header.length = half->header_length;
    if (!is_plausible(header)) {
        if (half->is_tls)
            lose_track(half);
        else
            tell_foreign(half, sink, user, in->captured);
        return false;
    }
    if (half->header_length == RECORD_HEADER)
        begin_record(half, sink, user);
    return true;
}

static void
read_alert(wire_tls_half *half, const wire_tls_sink *sink, void *user, wire_octets *in)
{
    append(&half->message, in->length, in);
    if (half->remaining > 0)
        return;

    wire_octets kept = { half->message->data, half->message->len };

    if (sink->alert)
        sink->alert(user, wire_u8(kept, SKIP), wire_u8(kept, SKIP + 1));
    forget(&half->message);
}

/* True when a message may begin so that is sent in clear. After a loss: random octets pass once in 15,000 times. */
static bool
may_be_message(wire_octets head)
{
    switch (wire_u8(head, 0)) {
    case WIRE_TLS_CLIENT_HELLO:
    case WIRE_TLS_SERVER_HELLO:
    case WIRE_TLS_NEW_SESSION_TICKET:
    case WIRE_TLS_CERTIFICATE:
    case WIRE_TLS_SERVER_KEY_EXCHANGE:
    case WIRE_TLS_CERTIFICATE_REQUEST:
    case WIRE_TLS_SERVER_HELLO_DONE:
    case WIRE_TLS_CERTIFICATE_VERIFY:
    case WIRE_TLS_CLIENT_KEY_EXCHANGE:
        return wire_u24(head, 1) <= WIRE_TLS_MAX_MESSAGE;
    default:
        return false;
    }
}

/* True when a record begins so that holds a hello and nothing else. */
static bool
is_hello(wire_octets head, size_t record_length)
{
    unsigned type = wire_u8(head, 0);

    return (type == WIRE_TLS_CLIENT_HELLO || type == WIRE_TLS_SERVER_HELLO) &&
           wire_u24(head, 1) + HANDSHAKE_HEADER == record_length && wire_u16(head, HANDSHAKE_HEADER) == 0x0303;
}

/* Takes the first octets of a doubtful record, and decides when there are enough. */
static void
judge(wire_tls_half *half, const wire_tls_sink *sink, void *user, wire_octets *in)
{
    size_t wanted = half->is_encrypted ? HELLO_HEAD : HANDSHAKE_HEADER, have = pending_length(half->message);

    append(&half->message, MIN(wanted - have, in->length), in);
    have = pending_length(half->message);
    if (have < wanted && half->remaining > 0)
        return;

    wire_octets kept = { half->message->data, half->message->len }, head = wire_part(kept, SKIP, wanted);
    wire_octets header = { half->header, RECORD_HEADER };

    if (half->is_encrypted ? is_hello(head, wire_u16(header, 3)) : may_be_message(head)) {
        half->content = HANDSHAKE;
        half->is_encrypted = false;
        half->is_adrift = false;
        settle(&half->message, sink, user);
    } else {
        half->content = PASSED_OVER;
        forget(&half->message);
    }
}

/* Takes octets of a record's fragment; there are some. */
static void
read_fragment(wire_tls_half *half, const wire_tls_sink *sink, void *user, stretch *in)
{
    wire_octets fragment;

    wire_take(&in->captured, MIN(half->remaining, in->captured.length), &fragment);
    in->length -= fragment.length;
    half->remaining -= (uint16_t)fragment.length;
    if (half->content == ALERT)
        read_alert(half, sink, user, &fragment);
    if (half->content == DOUBTFUL)
        judge(half, sink, user, &fragment);
    if (half->content == HANDSHAKE)
        wire_tls_push_handshake(&half->message, sink, user, fragment.data, fragment.length);
}

static void
lose(wire_tls_half *half, const wire_tls_sink *sink, void *user, size_t missing)
{
    size_t within = MIN(missing, half->remaining);

    if (missing > within) {
        if (half->content == HANDSHAKE)
            lose_handshake(&half->message, sink, user, within);
        lose_track(half);
        return;
    }
    half->remaining -= (uint16_t)within;
    if (half->content == HANDSHAKE) {
        if (lose_handshake(&half->message, sink, user, within))
            return;
        half->is_adrift = true;
    }
    half->content = PASSED_OVER;
    forget(&half->message);
}

/* `missing` octets of handshake messages are not there. A message that had begun is handed on without them. Returns
 * false when it is not known any more where the next one begins. */
static bool
lose_handshake(GByteArray **kept, const wire_tls_sink *sink, void *user, size_t missing)
{
    size_t skip = skip_of(*kept), have = pending_length(*kept);

    if (have >= HANDSHAKE_HEADER) {
        wire_octets octets = { (*kept)->data, (*kept)->len }, head = wire_part(octets, SKIP, HANDSHAKE_HEADER);
        size_t      total = wire_u24(head, 1);

        have -= HANDSHAKE_HEADER;
        if (sink->handshake)
            sink->handshake(user, wire_u8(head, 0), wire_part(octets, SKIP + HANDSHAKE_HEADER, have).data, have, total);
        skip = total - have;
    }
    if (missing > skip) {
        forget(kept);
        return false;
    }
    set_skip(kept, skip - missing);
    return true;
}

static void
pass_over(GByteArray **kept, wire_octets *in)
{
    size_t      skip = skip_of(*kept);
    wire_octets passed;

    wire_take(in, MIN(skip, in->length), &passed);
    set_skip(kept, skip - passed.length);
}

/* Hands on a message that lies whole at the begin of `in`, without a copy. Returns false when there is none. */
static bool
hand_on_whole(const wire_tls_sink *sink, void *user, wire_octets *in)
{
    wire_octets rest = *in, head, body;

    if (!wire_take(&rest, HANDSHAKE_HEADER, &head) || !wire_take(&rest, wire_u24(head, 1), &body))
        return false;
    *in = rest;
    if (sink->handshake)
        sink->handshake(user, wire_u8(head, 0), body.data, MIN(body.length, WIRE_TLS_MAX_MESSAGE), body.length);
    return true;
}

/* Length of the message whose header is kept. */
static size_t
total_of(const GByteArray *kept)
{
    wire_octets octets = { kept->data, kept->len };

    return wire_u24(octets, SKIP + 1);
}

static void
collect(GByteArray **kept, const wire_tls_sink *sink, void *user, wire_octets *in)
{
    size_t have = pending_length(*kept), wanted = HANDSHAKE_HEADER;

    if (have >= HANDSHAKE_HEADER)
        wanted += MIN(total_of(*kept), WIRE_TLS_MAX_MESSAGE);
    append(kept, wanted - have, in);
    settle(kept, sink, user);
}

/* Hands on the message that is kept when there is enough of it. */
static void
settle(GByteArray **kept, const wire_tls_sink *sink, void *user)
{
    if (pending_length(*kept) < HANDSHAKE_HEADER)
        return;

    size_t total = total_of(*kept), length = MIN(total, WIRE_TLS_MAX_MESSAGE);

    if (pending_length(*kept) < HANDSHAKE_HEADER + length)
        return;

    wire_octets octets = { (*kept)->data, (*kept)->len };

    if (sink->handshake)
        sink->handshake(user, wire_u8(octets, SKIP), wire_part(octets, SKIP + HANDSHAKE_HEADER, length).data, length,
                        total);
    set_skip(kept, total - length);
}

static size_t
skip_of(const GByteArray *kept)
{
    wire_octets octets = { kept ? kept->data : NULL, kept ? kept->len : 0 };

    return wire_u32(octets, 0);
}

/* Drops the message that is kept; `skip` octets are to be passed over before the next. */
static void
set_skip(GByteArray **kept, size_t skip)
{
    guint8 number[SKIP] = { (guint8)(skip >> 24), (guint8)(skip >> 16), (guint8)(skip >> 8), (guint8)skip };

    forget(kept);
    if (skip > 0)
        *kept = g_byte_array_append(g_byte_array_sized_new(SKIP), number, SKIP);
}

static size_t
pending_length(const GByteArray *kept)
{
    return kept ? kept->len - SKIP : 0;
}

/* Moves at most `most` octets of `in` to the end of what is kept. */
static void
append(GByteArray **kept, size_t most, wire_octets *in)
{
    static const guint8 nothing_to_skip[SKIP];
    wire_octets         octets;

    if (!*kept)
        *kept = g_byte_array_append(g_byte_array_new(), nothing_to_skip, SKIP);
    wire_take(in, MIN(most, in->length), &octets);
    g_byte_array_append(*kept, octets.data, (guint)octets.length);
}

static void
forget(GByteArray **kept)
{
    if (*kept) {
        g_byte_array_unref(*kept);
        *kept = NULL;
    }
}
