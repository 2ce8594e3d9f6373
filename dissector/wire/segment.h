/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * From a captured frame to its TCP segment, without libwireshark: Ethernet (IEEE 802.3, 802.1Q), Linux cooked captures,
 * IEEE 802.11 data, IPv4 (RFC 791), IPv6 (RFC 8200), TCP (RFC 9293).
 */
#ifndef WIRE_SEGMENT_H
#define WIRE_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
    WIRE_LINK_UNKNOWN,
    WIRE_LINK_ETHERNET,
    WIRE_LINK_RAW_IP,   /* begins with the IP header */
    WIRE_LINK_NULL,     /* BSD loopback: address family of four octets in either order */
    WIRE_LINK_SLL,      /* Linux cooked, DLT_LINUX_SLL */
    WIRE_LINK_SLL2,     /* DLT_LINUX_SLL2 */
    WIRE_LINK_IEEE80211 /* data frames whose payload is in clear */
} wire_link;

enum { WIRE_FIN = 0x01, WIRE_SYN = 0x02, WIRE_RST = 0x04, WIRE_PSH = 0x08, WIRE_ACK = 0x10 };

/* One TCP segment. Points into the frame; valid as long as that is. */
typedef struct {
    unsigned       ip_version;              /* 4 or 6 */
    const uint8_t *source, *destination;    /* 4 or 16 octets */
    uint16_t       source_port, destination_port;
    uint32_t       sequence, acknowledgement;
    uint16_t       window;                  /* as sent, not scaled */
    uint8_t        flags;                   /* of WIRE_FIN … */
    uint8_t        hops;                    /* TTL or hop limit */
    uint16_t       maximum_segment;         /* MSS option of a SYN, or 0 */
    const uint8_t *payload;
    size_t         captured;                /* octets of the payload that are in the frame */
    size_t         length;                  /* of the payload on the wire, never less than `captured` */
    uint16_t       point;                   /* where it was captured: a number that the caller may set, 0 from here */
} wire_segment;

/* Reads the TCP segment of a frame: `captured` octets at `frame` of `length` that were on the wire. An IPv4 total
 * length or IPv6 payload length of 0 means what is there (TCP segmentation offload). Ethernet padding is not payload.
 * False when the frame holds no TCP segment whose header was captured whole: other protocols, fragments, damage. */
bool wire_segment_read(wire_link link, const uint8_t *frame, size_t captured, size_t length, wire_segment *segment);

#endif
