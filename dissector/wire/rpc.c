/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Connection-oriented DCE/RPC (C706 12.6, [MS-RPCE] 2.2.2): PDUs put together from a stream.
 *
 * Of a PDU the header, the first octets of the body and those around the end of the stub are kept, in whatever pieces
 * they come; everything else passes by.
 */
#include "rpc.h"

#include <string.h>

#define HEADER      16 /* the fields that all PDUs share */
#define CALL_HEADER 8  /* of a request, response or fault after these */
#define OBJECT      16
#define SYNTAX      20 /* a UUID and a version */

/* sec_trailer, [MS-RPCE] 2.2.2.11, and the padding before it: at most to the next multiple of 16. */
#define TRAILER     8
#define MAX_PADDING 15
#define END         4 /* of the stub */

/* As much of a header as tells that it is one. */
#define ENOUGH 10

/* Octets of the body that are kept: of a call, and of a list of contexts. Sixteen with two transfer syntaxes each fit. */
#define MAX_CALL (CALL_HEADER + OBJECT + WIRE_RPC_MAX_STUB)
#define MAX_LIST (12 + WIRE_RPC_MAX_CONTEXTS * 64)

/* pfc_flags, C706 12.6.3.1 */
#define FIRST_FRAGMENT 0x01
#define LAST_FRAGMENT  0x02
#define OBJECT_UUID    0x80

/* C706 appendix O */
const wire_uuid wire_uuid_endpoint_mapper = { 0xe1af8308, 0x5d1f, 0x11c9,
                                              { 0x91, 0xa4, 0x08, 0x00, 0x2b, 0x14, 0xa0, 0xfa } };
/* [MS-DCOM] 1.9 */
const wire_uuid wire_uuid_oxid_resolver = { 0x99fcfec4, 0x5260, 0x101b,
                                            { 0xbb, 0xcb, 0x00, 0xaa, 0x00, 0x21, 0x34, 0x7a } };
const wire_uuid wire_uuid_system_activator = { 0x000001a0, 0x0000, 0x0000,
                                               { 0xc0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x46 } };
/* [MS-ICPR] 3.2.4.1 */
const wire_uuid wire_uuid_cert_passage = { 0x91ae6020, 0x9e3c, 0x11cf,
                                           { 0x8d, 0x7c, 0x00, 0xaa, 0x00, 0xc0, 0x91, 0xbe } };
/* [MS-WCCE] 1.9 */
const wire_uuid wire_uuid_cert_request = { 0xd99e6e70, 0xfc88, 0x11d0,
                                           { 0xb4, 0x98, 0x00, 0xa0, 0xc9, 0x03, 0x12, 0xf3 } };
const wire_uuid wire_uuid_cert_request2 = { 0x5422fd3a, 0xd4b8, 0x4cef,
                                            { 0xa1, 0x2e, 0xe8, 0x7d, 0x4c, 0xa2, 0x2e, 0x90 } };
/* [MS-RPCE] 2.2.5 */
const wire_uuid wire_uuid_ndr64 = { 0x71710533, 0xbeba, 0x4937, { 0x83, 0x19, 0xb5, 0xdb, 0xef, 0x9c, 0xcc, 0x36 } };

/* Octets of the stream: those that were captured, and how many there were, which is never less. */
typedef struct {
    wire_octets captured;
    size_t      length;
} stretch;

/* Where the parts of the PDU lie that is being read, by its header; counted from its begin. */
typedef struct {
    size_t length;
    size_t trailer;            /* begin of the sec_trailer, or the PDU's end */
    bool   has_trailer;
    size_t tail, tail_end;     /* what is kept around the stub's end */
} shape;

static bool find_header(wire_rpc_half *half, const stretch *in);
static bool read_header(wire_rpc_half *half, const wire_rpc_sink *sink, void *user, stretch *in);
static bool read_body(wire_rpc_half *half, const wire_rpc_sink *sink, void *user, stretch *in);
static void lose(wire_rpc_half *half, const wire_rpc_sink *sink, void *user, size_t missing);
static bool finish(wire_rpc_half *half, const wire_rpc_sink *sink, void *user);
static void read_call(const wire_rpc_half *half, const shape *at, size_t padding, wire_rpc_pdu *pdu);
static void read_contexts(wire_octets body, wire_rpc_pdu *pdu);
static void read_results(wire_octets body, wire_rpc_pdu *pdu);

bool
wire_uuid_equal(const wire_uuid *a, const wire_uuid *b)
{
    return a->time_low == b->time_low && a->time_mid == b->time_mid && a->time_high == b->time_high &&
           memcmp(a->rest, b->rest, sizeof a->rest) == 0;
}

void
wire_rpc_push(wire_rpc_half *half, const wire_rpc_sink *sink, void *user, const uint8_t *data, size_t captured,
              size_t length)
{
    stretch in = { { data, captured }, length };

    if (half->is_foreign || (half->is_lost && !find_header(half, &in)))
        return;
    while (in.captured.length > 0) {
        if (!(half->header_length == HEADER ? read_body : read_header)(half, sink, user, &in))
            return;
    }
    if (in.length > 0)
        lose(half, sink, user, in.length);
}

void
wire_rpc_gap(wire_rpc_half *half, const wire_rpc_sink *sink, void *user, uint32_t missing)
{
    if (!half->is_foreign && !half->is_lost && missing > 0)
        lose(half, sink, user, missing);
}

void
wire_rpc_half_clear(wire_rpc_half *half)
{
    if (half->body)
        g_byte_array_unref(half->body);
    half->body = NULL;
}

static uint32_t
number32(wire_octets in, size_t offset, bool is_little_endian)
{
    uint32_t number = wire_u32(in, offset);

    return is_little_endian ? GUINT32_SWAP_LE_BE(number) : number;
}

static unsigned
number16(wire_octets in, size_t offset, bool is_little_endian)
{
    uint16_t number = (uint16_t)wire_u16(in, offset);

    return is_little_endian ? GUINT16_SWAP_LE_BE(number) : number;
}

uint32_t
wire_rpc_number(const wire_rpc_pdu *pdu, size_t offset)
{
    return number32(pdu->stub, offset, pdu->is_little_endian);
}

/* The first octet of the data representation, C706 14.1: integers in its upper half. */
static bool
is_little_endian(wire_octets header)
{
    return wire_u8(header, 4) >> 4 == 1;
}

static wire_rpc_sender
sender_of(unsigned type)
{
    switch (type) {
    case WIRE_RPC_REQUEST:
    case WIRE_RPC_BIND:
    case WIRE_RPC_ALTER_CONTEXT:
    case WIRE_RPC_AUTH3:
    case WIRE_RPC_CANCEL:
    case WIRE_RPC_ORPHANED:
        return WIRE_RPC_CLIENT;
    case WIRE_RPC_RESPONSE:
    case WIRE_RPC_FAULT:
    case WIRE_RPC_BIND_ACK:
    case WIRE_RPC_BIND_NAK:
    case WIRE_RPC_ALTER_CONTEXT_RESPONSE:
    case WIRE_RPC_SHUTDOWN:
        return WIRE_RPC_SERVER;
    default:
        return WIRE_RPC_NOBODY;
    }
}

/* True for a PDU's header, and for as much of one as there is. */
static bool
is_plausible(wire_octets header)
{
    bool   little = is_little_endian(header);
    size_t length = number16(header, 8, little), auth = number16(header, 10, little);

    if (wire_u8(header, 0) != 5 || (header.length > 1 && wire_u8(header, 1) > 1))
        return false;
    if (header.length > 2 && sender_of(wire_u8(header, 2)) == WIRE_RPC_NOBODY)
        return false;
    if (header.length > 4 && (wire_u8(header, 4) & 0xee) != 0) /* integers: 0, 1; characters: 0, 1 */
        return false;
    if (header.length > 5 && wire_u8(header, 5) > 3) /* floating-point numbers */
        return false;
    if (header.length >= 10 && length < HEADER)
        return false;
    return header.length < 12 || auth == 0 || HEADER + TRAILER + auth <= length;
}

wire_rpc_sender
wire_rpc_look(const uint8_t *data, size_t length)
{
    wire_octets header = { data, MIN(length, HEADER) };

    return length >= ENOUGH && is_plausible(header) ? sender_of(wire_u8(header, 2)) : WIRE_RPC_NOBODY;
}

static bool
find_header(wire_rpc_half *half, const stretch *in)
{
    if (wire_rpc_look(in->captured.data, in->captured.length) == WIRE_RPC_NOBODY)
        return false;
    half->is_lost = false;
    return true;
}

static void
end_pdu(wire_rpc_half *half)
{
    half->header_length = 0;
    half->tail_length = 0;
    half->position = 0;
    if (half->body)
        g_byte_array_set_size(half->body, 0);
}

static void
lose_track(wire_rpc_half *half)
{
    end_pdu(half);
    half->is_lost = true;
    half->is_adrift = true;
}

/* This is no PDU. After a loss it may be that the search for one was mistaken: it goes on. Returns false. */
static bool
reject(wire_rpc_half *half, const wire_rpc_sink *sink, void *user)
{
    if (half->is_adrift) {
        lose_track(half);
        return false;
    }
    half->is_foreign = true;
    if (sink->foreign)
        sink->foreign(user, half->header, half->header_length);
    wire_rpc_half_clear(half);
    return false;
}

/* Takes octets of a header. Returns false when this is none. */
static bool
read_header(wire_rpc_half *half, const wire_rpc_sink *sink, void *user, stretch *in)
{
    wire_octets part, header = { half->header, 0 };

    if (half->header_length == 0 && sink->begin)
        sink->begin(user);
    wire_take(&in->captured, MIN((size_t)HEADER - half->header_length, in->captured.length), &part);
    in->length -= part.length;
    memcpy(half->header + half->header_length, part.data, part.length);
    half->header_length += (uint8_t)part.length;
    header.length = half->header_length;
    if (!is_plausible(header))
        return reject(half, sink, user);
    if (half->header_length < HEADER)
        return true;
    half->is_rpc = true;
    half->position = HEADER;
    return number16(header, 8, is_little_endian(header)) > HEADER || finish(half, sink, user);
}

static shape
shape_of(const wire_rpc_half *half)
{
    wire_octets header = { half->header, HEADER };
    bool        little = is_little_endian(header);
    size_t      auth = number16(header, 10, little);
    shape       at = { .length = number16(header, 8, little), .has_trailer = auth > 0 };

    at.trailer = auth > 0 ? at.length - auth - TRAILER : at.length;
    at.tail_end = auth > 0 ? at.trailer + TRAILER : at.length;
    at.tail = at.tail_end - MIN(at.tail_end - HEADER, auth > 0 ? END + MAX_PADDING + TRAILER : END);
    return at;
}

static size_t
kept_length(unsigned type)
{
    switch (type) {
    case WIRE_RPC_REQUEST:
    case WIRE_RPC_RESPONSE:
    case WIRE_RPC_FAULT:
        return MAX_CALL;
    case WIRE_RPC_BIND:
    case WIRE_RPC_BIND_ACK:
    case WIRE_RPC_BIND_NAK:
    case WIRE_RPC_ALTER_CONTEXT:
    case WIRE_RPC_ALTER_CONTEXT_RESPONSE:
        return MAX_LIST;
    default:
        return 0;
    }
}

/* Keeps of `part`, which stands at the PDU's position, what lies at the body's begin. */
static void
keep_body(wire_rpc_half *half, wire_octets part)
{
    size_t wanted = kept_length(half->header[2]), offset = half->position - HEADER;

    if (offset >= wanted || offset != (half->body ? half->body->len : 0))
        return;
    if (!half->body)
        half->body = g_byte_array_sized_new(MAX_CALL);
    g_byte_array_append(half->body, part.data, (guint)MIN(part.length, wanted - offset));
}

/* Keeps of `part` what lies around the stub's end. */
static void
keep_tail(wire_rpc_half *half, const shape *at, wire_octets part)
{
    size_t begin = MAX(at->tail, half->position), end = MIN(at->tail_end, half->position + part.length);

    if (begin >= end || begin - at->tail != half->tail_length)
        return;
    part = wire_part(part, begin - half->position, end - begin);
    memcpy(half->tail + half->tail_length, part.data, part.length);
    half->tail_length += (uint8_t)part.length;
}

/* Takes octets of a body; there are some. Returns false when the PDU turns out to be none. */
static bool
read_body(wire_rpc_half *half, const wire_rpc_sink *sink, void *user, stretch *in)
{
    shape       at = shape_of(half);
    wire_octets part;

    wire_take(&in->captured, MIN(at.length - half->position, in->captured.length), &part);
    in->length -= part.length;
    keep_body(half, part);
    keep_tail(half, &at, part);
    half->position += (uint16_t)part.length;
    return half->position < at.length || finish(half, sink, user);
}

static void
lose(wire_rpc_half *half, const wire_rpc_sink *sink, void *user, size_t missing)
{
    if (half->header_length == HEADER) {
        shape  at = shape_of(half);
        size_t within = MIN(missing, at.length - half->position);

        half->is_adrift = true;
        half->position += (uint16_t)within;
        missing -= within;
        if (half->position == at.length && !finish(half, sink, user))
            return;
    }
    if (missing > 0)
        lose_track(half);
}

/* The PDU has come to its end. Returns false when it contradicts itself. */
static bool
finish(wire_rpc_half *half, const wire_rpc_sink *sink, void *user)
{
    wire_octets  header = { half->header, HEADER };
    wire_octets  body = { half->body ? half->body->data : NULL, half->body ? half->body->len : 0 };
    shape        at = shape_of(half);
    unsigned     flags = wire_u8(header, 3);
    size_t       padding = 0;
    wire_rpc_pdu pdu;

    memset(&pdu, 0, offsetof(wire_rpc_pdu, contexts));
    pdu.reason = 0;
    pdu.type = wire_u8(header, 2);
    pdu.is_first = (flags & FIRST_FRAGMENT) != 0;
    pdu.is_last = (flags & LAST_FRAGMENT) != 0;
    pdu.is_little_endian = is_little_endian(header);
    pdu.call_id = number32(header, 12, pdu.is_little_endian);
    pdu.length = (unsigned)at.length;
    if (at.has_trailer) {
        wire_octets tail = { half->tail, half->tail_length };

        pdu.auth_level = -1;
        if (half->tail_length == at.tail_end - at.tail) {
            tail = wire_part(tail, tail.length - TRAILER, TRAILER);
            pdu.auth_level = (int)wire_u8(tail, 1);
            padding = wire_u8(tail, 2);
        }
        if (padding > at.trailer - HEADER)
            return reject(half, sink, user);
    }
    switch (pdu.type) {
    case WIRE_RPC_REQUEST:
        pdu.has_object = (flags & OBJECT_UUID) != 0;
        pdu.operation = number16(body, 6, pdu.is_little_endian);
        /* fall through */
    case WIRE_RPC_RESPONSE:
    case WIRE_RPC_FAULT:
        if (HEADER + CALL_HEADER + (pdu.has_object ? OBJECT : 0) + padding > at.trailer)
            return reject(half, sink, user);
        read_call(half, &at, padding, &pdu);
        break;
    case WIRE_RPC_BIND:
    case WIRE_RPC_ALTER_CONTEXT:
        read_contexts(body, &pdu);
        break;
    case WIRE_RPC_BIND_ACK:
    case WIRE_RPC_ALTER_CONTEXT_RESPONSE:
        read_results(body, &pdu);
        break;
    case WIRE_RPC_BIND_NAK:
        pdu.reason = number16(body, 0, pdu.is_little_endian);
        break;
    default:
        break;
    }
    if (sink->pdu)
        sink->pdu(user, &pdu);
    end_pdu(half);
    return true;
}

static void
read_call(const wire_rpc_half *half, const shape *at, size_t padding, wire_rpc_pdu *pdu)
{
    wire_octets body = { half->body ? half->body->data : NULL, half->body ? half->body->len : 0 };
    wire_octets tail = { half->tail, half->tail_length };
    size_t      begin = HEADER + CALL_HEADER + (pdu->has_object ? OBJECT : 0), end = at->trailer - padding;
    size_t      before = at->tail_end - end + END; /* from the stub's last octets to the end of what is kept */

    pdu->context_id = number16(body, 4, pdu->is_little_endian);
    if (pdu->type == WIRE_RPC_FAULT)
        pdu->status = number32(body, CALL_HEADER, pdu->is_little_endian);
    if (pdu->type == WIRE_RPC_FAULT || pdu->auth_level < 0 || pdu->auth_level >= WIRE_RPC_PRIVACY)
        return;
    if (body.length > begin - HEADER)
        pdu->stub = wire_part(body, begin - HEADER,
                              MIN(MIN(end - begin, WIRE_RPC_MAX_STUB), body.length - (begin - HEADER)));
    if (end - begin >= END && half->tail_length == at->tail_end - at->tail && before <= tail.length) {
        pdu->has_end = true;
        pdu->end = number32(tail, tail.length - before, pdu->is_little_endian);
    }
}

static wire_uuid
read_uuid(wire_octets in, size_t offset, bool little)
{
    wire_octets rest = wire_part(in, offset + 8, 8);
    wire_uuid   uuid = { number32(in, offset, little), (uint16_t)number16(in, offset + 4, little),
                         (uint16_t)number16(in, offset + 6, little), { 0 } };

    if (rest.length > 0)
        memcpy(uuid.rest, rest.data, sizeof uuid.rest);
    return uuid;
}

/* p_cont_list_t, C706 12.6.3.1: as many as there are whole. */
static void
read_contexts(wire_octets body, wire_rpc_pdu *pdu)
{
    bool        little = pdu->is_little_endian;
    unsigned    count = MIN(wire_u8(body, 8), WIRE_RPC_MAX_CONTEXTS);
    wire_octets head, element;

    if (!wire_take(&body, 12, &head))
        return;
    while (pdu->count < count && wire_take(&body, 4, &head) &&
           wire_take(&body, SYNTAX + (size_t)wire_u8(head, 2) * SYNTAX, &element)) {
        wire_rpc_context *context = &pdu->contexts[pdu->count++];
        uint32_t          version = number32(element, 16, little);

        context->id = number16(head, 0, little);
        context->interface = read_uuid(element, 0, little);
        context->major = version & 0xffff;
        context->minor = version >> 16;
    }
}

/* p_result_list_t after the secondary address, which is a counted string; the list is aligned to four octets. */
static void
read_results(wire_octets body, wire_rpc_pdu *pdu)
{
    bool        little = pdu->is_little_endian;
    size_t      address = number16(body, 8, little);
    wire_octets head, element;

    if (!wire_take(&body, (8 + 2 + address + 3) & ~(size_t)3, &head) || !wire_take(&body, 4, &head))
        return;

    unsigned count = MIN(wire_u8(head, 0), WIRE_RPC_MAX_CONTEXTS);

    while (pdu->count < count && wire_take(&body, 4 + SYNTAX, &element)) {
        wire_rpc_result *result = &pdu->results[pdu->count++];

        result->result = number16(element, 0, little);
        result->reason = number16(element, 2, little);
        result->transfer_syntax = read_uuid(element, 4, little);
    }
}
