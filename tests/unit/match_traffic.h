/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the tests of scepmatch's conversations, and their fuzzer, share: frames made by the rules of the standards, and
 * sources that have them in memory, in place of captures/match/source.c.
 */
#ifndef TESTS_MATCH_TRAFFIC_H
#define TESTS_MATCH_TRAFFIC_H

#include "match/source.h"

#define MICROSECOND INT64_C(1000)
#define MILLISECOND INT64_C(1000000)
#define SECOND      INT64_C(1000000000)

/* 2016-06-10 02:44:06 UTC. */
#define START (INT64_C(1465526646) * SECOND)

/* A packet. Zero means what is usual: IPv4, 64 hops, a window of 64240; `identification` 0 is none. */
typedef struct {
    unsigned    version;
    uint32_t    source, destination; /* the last four octets of addresses that otherwise are all zero */
    uint16_t    source_port, destination_port;
    uint32_t    sequence, acknowledgement;
    uint8_t     flags, hops;
    uint16_t    identification, window, mss;
    uint32_t    options;  /* not 0: a timestamp option (RFC 7323) with this value */
    const void *payload;  /* NULL: zeros */
    size_t      length;   /* of it */
    size_t      captured; /* octets of the frame at most; 0: all */
    bool        is_offloaded; /* the length in the IP header is 0 */
} traffic_packet;

/* The Ethernet frame; as much of it as is captured. `length` is that of the whole. */
GBytes *traffic_frame(const traffic_packet *packet, size_t *length);

/* A source without records. `source_close()` frees it. */
match_source *traffic_source(const char *name);

/* Appends a record; the number that it has. Of a log, when `packet` is NULL. `time` < 0: it has none. */
uint32_t traffic_add(match_source *source, int64_t time, const traffic_packet *packet);

/* Likewise of a frame, which is kept. */
uint32_t traffic_add_frame(match_source *source, int64_t time, GBytes *frame, size_t length);

/* Makes source_rewind() fail. */
void traffic_break(match_source *source);

/* A TLS record with a hello of one kind (RFC 8446 4.1), and of it `fill` octets of padding: extension 21 (RFC 7685). */
GByteArray *traffic_hello(unsigned type, const uint8_t random[32], const char *session_id, size_t fill);

#endif
