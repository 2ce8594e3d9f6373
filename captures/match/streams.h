/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The TCP conversations of one source, and what identifies them anywhere: TLS randoms and session ids, initial sequence
 * numbers, the first octets of payload. Ranges of the stream count, not packets: offloading and duplicates do not matter.
 * GLib and dissector/wire only.
 */
#ifndef MATCH_STREAMS_H
#define MATCH_STREAMS_H

#include "source.h"

typedef enum { STREAM_CLIENT, STREAM_SERVER } stream_side;

/* When a certain octet of the stream was captured first. Both sides of a pair have the same ones, however their segments
 * were cut: those at multiples of a stride that doubles when there are too many. */
typedef struct {
    uint64_t offset; /* in the direction's stream; 0 is the SYN */
    int64_t  time;   /* of the source's clock */
    uint32_t number; /* of the record */
} stream_mark;

#define STREAM_MARKS 32

typedef struct {
    uint32_t     isn;           /* of the SYN, or one less than the first sequence number seen */
    bool         has_isn;       /* it is that of a SYN */
    uint64_t     length;        /* octets seen, up to the highest */
    uint32_t     payload_hash;  /* of the first 64 octets of payload, 0: none */
    unsigned     stride;        /* of marks, a power of two */
    unsigned     count;         /* of marks */
    stream_mark  marks[STREAM_MARKS];
    uint16_t     mss;           /* of the SYN; 0: none */
    uint8_t      ttl;           /* of the first packet */
} stream_direction;

/* A conversation. Lives as long as the table. */
typedef struct {
    unsigned         source, index;  /* of the source; within it, from 0 */
    uint8_t          ip_version;     /* 4 or 6 */
    uint8_t          client[16], server[16];
    uint16_t         client_port, server_port;
    int64_t          first_time, last_time;
    uint32_t         first_number, last_number;
    uint32_t         packets, duplicates; /* duplicates: the same packet captured again at once (Windows layers) */
    uint64_t         client_random[4], server_random[4]; /* all 0: none seen */
    uint64_t         session_id;     /* hash of it, 0: none */
    bool             has_start, is_reset, has_fin[2];
    stream_direction directions[2];
} stream_conversation;

typedef struct stream_table stream_table;

stream_table *stream_table_new(unsigned source);
void          stream_table_free(stream_table *table);

/* Takes a record: the conversation it belongs to and who sent it, or NULL (no TCP, or nothing that can be read). Ports that
 * are used again make another conversation. */
stream_conversation *stream_table_add(stream_table *table, const match_record *record, const wire_segment *segment,
                                      stream_side *from);

/* All of them, in the order of their first packets (of stream_conversation *). */
const GPtrArray *stream_table_conversations(const stream_table *table);

#endif
