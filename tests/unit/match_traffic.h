/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the tests of scepmatch's conversations, and their fuzzer, share: frames made by the rules of the standards, and
 * sources that have them in memory, in place of captures/match/source.c.
 */
#ifndef TESTS_MATCH_TRAFFIC_H
#define TESTS_MATCH_TRAFFIC_H

#include "match/streams.h"

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

/* How many records there are. */
uint32_t traffic_count(const match_source *source);

/* Puts the records in the order of their times, as a capture has them; their numbers become others. */
void traffic_sort(match_source *source);

/* Makes source_rewind() fail. */
void traffic_break(match_source *source);

/* A TLS record with a hello of one kind (RFC 8446 4.1), and of it `fill` octets of padding: extension 21 (RFC 7685). */
GByteArray *traffic_hello(unsigned type, const uint8_t random[32], const char *session_id, size_t fill);

/* --- a conversation as several sources see it --- */

#define TRAFFIC_VIEWS 3

/* What one source sees of it. Without a source there is none. */
typedef struct {
    match_source *source;
    uint32_t      client, server;
    uint16_t      client_port, server_port;
    uint32_t      rewritten[2]; /* what is added to the sequence numbers of each stream_side */
    int64_t       after[2];     /* when it sees what each stream_side sent */
    uint8_t       hops[2];
    uint16_t      mss;          /* what becomes of it on the way; 0: nothing */
    int64_t       clock;        /* what it shows more than the true time */
    size_t        captured;     /* octets of a frame at most; 0: all */
} traffic_view;

typedef struct {
    traffic_view views[TRAFFIC_VIEWS];
    uint32_t     next[2];                /* sequence numbers of each stream_side; to begin with, the SYN's */
    uint16_t     identifications[2];     /* of the last packet; 0: there are none */
    int64_t      now, pause;             /* when the next packet is sent; how long after each */
    uint32_t     numbers[TRAFFIC_VIEWS]; /* of the last packet's records */
} traffic_conversation;

enum { SEEN_BY_FIRST = 1, SEEN_BY_SECOND = 2, SEEN_BY_THIRD = 4, SEEN_BY_ALL = 7 };

/* Sends a packet: `sequence` and `acknowledgement` are the next ones, unless the packet has them. */
void traffic_send(traffic_conversation *conversation, stream_side from, traffic_packet packet, unsigned seen_by);

void traffic_shake_hands(traffic_conversation *conversation, unsigned seen_by);
void traffic_say(traffic_conversation *conversation, stream_side from, const void *payload, size_t length,
                 unsigned seen_by);
void traffic_part(traffic_conversation *conversation, unsigned seen_by); /* FIN, FIN, ACK */

#endif
