/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * From a captured frame to its TCP segment. Each header is taken off in turn; every loop takes octets off and has a
 * bound of its own.
 */
#include "segment.h"

#include <glib.h>

#include "octets.h"

/* VLAN tags, PPPoE and SNAP headers between the first EtherType and IP. */
#define MAX_TAGS 4

/* IP datagrams in one another, the outermost included. */
#define MAX_DATAGRAMS 3

/* RFC 8200 4.1 knows of seven. */
#define MAX_EXTENSION_HEADERS 8

enum {
    TYPE_LONGEST_802_3 = 1500, /* up to here it is a length, and LLC follows */
    TYPE_IPV4 = 0x0800,
    TYPE_VLAN = 0x8100,
    TYPE_IPV6 = 0x86dd,
    TYPE_PPPOE_SESSION = 0x8864,
    TYPE_VLAN_SERVICE = 0x88a8,
    TYPE_VLAN_STACKED = 0x9100
};

enum {
    PROTOCOL_HOP_BY_HOP = 0,
    PROTOCOL_IPV4 = 4,
    PROTOCOL_TCP = 6,
    PROTOCOL_IPV6 = 41,
    PROTOCOL_ROUTING = 43,
    PROTOCOL_FRAGMENT = 44,
    PROTOCOL_GRE = 47,
    PROTOCOL_AUTHENTICATION = 51,
    PROTOCOL_DESTINATION_OPTIONS = 60
};

/* What is left of the frame: what was captured, and how long it was on the wire, which is never less. */
typedef struct {
    wire_octets captured;
    size_t      length;
} rest;

static unsigned find_ip(wire_link link, rest *in);
static bool     read_ipv4(rest *in, wire_segment *segment, unsigned *protocol);
static bool     read_ipv6(rest *in, wire_segment *segment, unsigned *protocol);
static unsigned find_inner_ip(rest *in, unsigned protocol);
static bool     read_tcp(rest *in, wire_segment *segment);

bool
wire_segment_read(wire_link link, const uint8_t *frame, size_t captured, size_t length, wire_segment *segment)
{
    rest     in = { { frame, captured }, MAX(captured, length) };
    unsigned version = find_ip(link, &in);

    for (unsigned datagrams = 0; version != 0 && datagrams < MAX_DATAGRAMS; datagrams++) {
        unsigned protocol;

        if (!(version == 4 ? read_ipv4 : read_ipv6)(&in, segment, &protocol))
            return false;
        if (protocol == PROTOCOL_TCP)
            return read_tcp(&in, segment);
        version = find_inner_ip(&in, protocol);
    }
    return false;
}

static bool
take(rest *in, size_t length, wire_octets *taken)
{
    if (!wire_take(&in->captured, length, taken))
        return false;
    in->length -= length;
    return true;
}

static bool
skip(rest *in, size_t length)
{
    wire_octets skipped;

    return take(in, length, &skipped);
}

/* What is left is `length` octets long. What lies behind them is padding; a frame that is shorter was cut. */
static void
set_length(rest *in, size_t length)
{
    in->length = length;
    in->captured.length = MIN(in->captured.length, length);
}

/* 4 or 6, by the first octet of an IP header; 0 when it is neither. */
static unsigned
version_of_header(const rest *in)
{
    unsigned version = wire_u8(in->captured, 0) >> 4;

    return version == 4 || version == 6 ? version : 0;
}

/* Passes over what stands between an EtherType and IP. Returns IP's version, 0 when something else comes. */
static unsigned
find_ip_after_type(rest *in, unsigned type)
{
    for (unsigned tags = 0; tags <= MAX_TAGS; tags++) {
        wire_octets header;

        switch (type) {
        case TYPE_IPV4:
            return 4;
        case TYPE_IPV6:
            return 6;
        case TYPE_VLAN:
        case TYPE_VLAN_SERVICE:
        case TYPE_VLAN_STACKED:
            if (!take(in, 4, &header))
                return 0;
            type = wire_u16(header, 2);
            break;
        case TYPE_PPPOE_SESSION: /* RFC 2516 4: version, code, session, length; then PPP's protocol */
            if (!take(in, 8, &header) || wire_u16(header, 0) != 0x1100)
                return 0;
            return wire_u16(header, 6) == 0x0021 ? 4 : wire_u16(header, 6) == 0x0057 ? 6 : 0;
        default: /* LLC and SNAP, RFC 1042; 00-00-f8 is the bridge tunnel encapsulation of IEEE 802.1H */
            if (type > TYPE_LONGEST_802_3 || !take(in, 8, &header) || wire_u24(header, 0) != 0xaaaa03 ||
                (wire_u24(header, 3) != 0 && wire_u24(header, 3) != 0x0000f8))
                return 0;
            type = wire_u16(header, 6);
        }
    }
    return 0;
}

static unsigned
find_ip_in_loopback(rest *in)
{
    wire_octets header;

    if (!take(in, 4, &header))
        return 0;

    uint32_t family = wire_u32(header, 0);

    switch (family > 0xffff ? GUINT32_SWAP_LE_BE(family) : family) {
    case 2:
        return 4;
    case 10: /* Linux */
    case 23: /* Windows */
    case 24: /* NetBSD, OpenBSD */
    case 28: /* FreeBSD */
    case 30: /* Darwin */
        return 6;
    default:
        return 0;
    }
}

/* IEEE 802.11-2020 9.2.4 and 9.3.2. A fragment, and an aggregate of frames (A-MSDU), is not looked into. */
static unsigned
find_ip_in_ieee80211(rest *in)
{
    enum { VERSION_AND_TYPE = 0x0f, DATA = 0x08, WITHOUT_DATA = 0x40, QOS = 0x80 };        /* first octet */
    enum { BOTH_DS = 0x03, MORE_FRAGMENTS = 0x04, PROTECTED = 0x40, HT_CONTROL = 0x80 }; /* second octet */
    enum { AGGREGATE = 0x80 };                                                             /* QoS control */

    wire_octets header, qos;

    if (!take(in, 24, &header))
        return 0;

    unsigned type = wire_u8(header, 0), flags = wire_u8(header, 1);
    bool     is_fragment = (flags & MORE_FRAGMENTS) || (wire_u8(header, 22) & 0x0f);

    if ((type & VERSION_AND_TYPE) != DATA || (type & WITHOUT_DATA) || (flags & PROTECTED) || is_fragment)
        return 0;
    if ((flags & BOTH_DS) == BOTH_DS && !skip(in, 6)) /* the fourth address */
        return 0;
    if (type & QOS) {
        if (!take(in, 2, &qos) || (wire_u8(qos, 0) & AGGREGATE))
            return 0;
        if ((flags & HT_CONTROL) && !skip(in, 4))
            return 0;
    }
    return find_ip_after_type(in, 0);
}

/* Takes off the header of the link. Returns the version of the IP header that follows, 0 when none does. */
static unsigned
find_ip(wire_link link, rest *in)
{
    wire_octets header;

    switch (link) {
    case WIRE_LINK_ETHERNET:
        return take(in, 14, &header) ? find_ip_after_type(in, wire_u16(header, 12)) : 0;
    case WIRE_LINK_RAW_IP:
        return version_of_header(in);
    case WIRE_LINK_NULL:
        return find_ip_in_loopback(in);
    case WIRE_LINK_SLL:
        return take(in, 16, &header) ? find_ip_after_type(in, wire_u16(header, 14)) : 0;
    case WIRE_LINK_SLL2:
        return take(in, 20, &header) ? find_ip_after_type(in, wire_u16(header, 0)) : 0;
    case WIRE_LINK_IEEE80211:
        return find_ip_in_ieee80211(in);
    case WIRE_LINK_UNKNOWN:
        break;
    }
    return 0;
}

static bool
read_ipv4(rest *in, wire_segment *segment, unsigned *protocol)
{
    enum { FIXED = 20, MORE_FRAGMENTS = 0x2000, FRAGMENT_OFFSET = 0x1fff };

    wire_octets header;

    if (!take(in, FIXED, &header))
        return false;

    size_t size = (wire_u8(header, 0) & 0x0f) * 4, total = wire_u16(header, 2);

    if (wire_u8(header, 0) >> 4 != 4 || size < FIXED || (total != 0 && total < size) ||
        (wire_u16(header, 6) & (MORE_FRAGMENTS | FRAGMENT_OFFSET)) || !skip(in, size - FIXED))
        return false;
    if (total != 0)
        set_length(in, total - size);
    segment->ip_version = 4;
    segment->hops = (uint8_t)wire_u8(header, 8);
    segment->source = wire_part(header, 12, 4).data;
    segment->destination = wire_part(header, 16, 4).data;
    *protocol = wire_u8(header, 9);
    return true;
}

/* Takes off the extension headers; `protocol` is the type of the first, and becomes that of what follows them. */
static bool
skip_extension_headers(rest *in, unsigned *protocol)
{
    for (unsigned headers = 0; headers < MAX_EXTENSION_HEADERS; headers++) {
        unsigned    type = *protocol;
        wire_octets header;
        size_t      size;

        switch (type) {
        case PROTOCOL_HOP_BY_HOP:
        case PROTOCOL_ROUTING:
        case PROTOCOL_DESTINATION_OPTIONS:
        case PROTOCOL_FRAGMENT:
        case PROTOCOL_AUTHENTICATION:
            break;
        default:
            return true;
        }
        if (!take(in, 8, &header))
            return false;
        if (type == PROTOCOL_FRAGMENT && (wire_u16(header, 2) & 0xfff9)) /* offset, and "more" */
            return false;
        if (type == PROTOCOL_FRAGMENT)
            size = 8;
        else if (type == PROTOCOL_AUTHENTICATION) /* RFC 4302 2.2 */
            size = (wire_u8(header, 1) + 2) * 4;
        else
            size = (wire_u8(header, 1) + 1) * 8;
        if (size < 8 || !skip(in, size - 8))
            return false;
        *protocol = wire_u8(header, 0);
    }
    return false;
}

static bool
read_ipv6(rest *in, wire_segment *segment, unsigned *protocol)
{
    wire_octets header;

    if (!take(in, 40, &header) || wire_u8(header, 0) >> 4 != 6)
        return false;
    if (wire_u16(header, 4) != 0)
        set_length(in, wire_u16(header, 4));
    segment->ip_version = 6;
    segment->hops = (uint8_t)wire_u8(header, 7);
    segment->source = wire_part(header, 8, 16).data;
    segment->destination = wire_part(header, 24, 16).data;
    *protocol = wire_u8(header, 6);
    return skip_extension_headers(in, protocol);
}

/* The version of the datagram that IP carries, its GRE header (RFC 2784, without options) taken off; 0 when none. */
static unsigned
find_inner_ip(rest *in, unsigned protocol)
{
    wire_octets header;

    switch (protocol) {
    case PROTOCOL_IPV4:
        return 4;
    case PROTOCOL_IPV6:
        return 6;
    case PROTOCOL_GRE:
        if (!take(in, 4, &header) || wire_u16(header, 0) != 0)
            return 0;
        return wire_u16(header, 2) == TYPE_IPV4 ? 4 : wire_u16(header, 2) == TYPE_IPV6 ? 6 : 0;
    default:
        return 0;
    }
}

/* The MSS among the options of a SYN (RFC 9293 3.2), or 0. */
static uint16_t
read_maximum_segment(wire_octets options)
{
    enum { END = 0, NO_OPERATION = 1, MAXIMUM_SEGMENT_SIZE = 2 };

    wire_octets option;

    while (wire_take(&options, 1, &option)) {
        unsigned kind = wire_u8(option, 0), size = wire_u8(options, 0);

        if (kind == END)
            break;
        if (kind == NO_OPERATION)
            continue;
        if (size < 2 || !wire_take(&options, size - 1, &option))
            break;
        if (kind == MAXIMUM_SEGMENT_SIZE && size == 4)
            return (uint16_t)wire_u16(option, 1);
    }
    return 0;
}

static bool
read_tcp(rest *in, wire_segment *segment)
{
    enum { FIXED = 20 };

    wire_octets header, options;

    if (!take(in, FIXED, &header))
        return false;

    size_t size = (wire_u8(header, 12) >> 4) * 4;

    if (size < FIXED || !take(in, size - FIXED, &options))
        return false;
    segment->source_port = (uint16_t)wire_u16(header, 0);
    segment->destination_port = (uint16_t)wire_u16(header, 2);
    segment->sequence = wire_u32(header, 4);
    segment->acknowledgement = wire_u32(header, 8);
    segment->flags = wire_u8(header, 13) & (WIRE_FIN | WIRE_SYN | WIRE_RST | WIRE_PSH | WIRE_ACK);
    segment->window = (uint16_t)wire_u16(header, 14);
    segment->maximum_segment = segment->flags & WIRE_SYN ? read_maximum_segment(options) : 0;
    segment->payload = in->captured.data;
    segment->captured = in->captured.length;
    segment->length = in->length;
    return true;
}
