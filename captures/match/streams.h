/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The TCP conversations of one source, and what identifies them anywhere: TLS randoms and session ids, initial
 * sequence numbers, the first octets of payload. Ranges of the stream count, not packets: offloading and duplicates do
 * not matter. GLib and dissector/wire only.
 */
#ifndef MATCH_STREAMS_H
#define MATCH_STREAMS_H

#include "source.h"

typedef enum { STREAM_CLIENT, STREAM_SERVER } stream_side;

/* When something that both sides of a pair can see was captured first. */
typedef struct {
    uint64_t offset;   /* in the direction's stream, or in the other's for acknowledgements; 0 is the SYN */
    int64_t  time;     /* of the source's clock */
    uint32_t number;   /* of the record */
    uint32_t sequence; /* the record's own offset, modulo 2^32 */
    uint16_t identification;
} stream_mark;

#define STREAM_MARKS 32

/* Both sides of a pair have the same ones, however their segments were cut: where a multiple of `stride` is passed,
 * which doubles when there are too many. In the order of their offsets, and of their times. What was captured
 * again, or only then when more had been, has none: nobody knows which copy the other side's is. */
typedef struct {
    uint64_t     stride;
    unsigned     count;
    stream_mark *marks;
} stream_marks;

typedef struct {
    uint32_t     packets;       /* 0: known by what the other side acknowledges, or not at all */
    uint32_t     isn;           /* of the SYN, which is offset 0; 0 when none was captured */
    bool         has_isn;       /* it is that of a SYN; else offsets are sequence numbers with 2^32 added */
    uint64_t     first;         /* the lowest offset that was seen */
    uint64_t     length;        /* from there to the end of the highest octet seen; SYN and FIN count one each */
    uint64_t     payload_at;    /* offset of the octets that were hashed */
    uint32_t     payload_hash;  /* of the first 64 octets of payload, or as many as there are, 0: none */
    uint32_t     head_hash;     /* of the first 16, 0: not so many */
    unsigned     hashed;        /* octets in payload_hash */
    stream_marks octets;        /* when an octet of the stream was captured first */
    stream_marks acknowledged;  /* when an acknowledgement was, the other direction's offsets */
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
    uint32_t         packets, duplicates; /* of those: the same packet captured again at once (Windows layers) */
    uint64_t         client_random[4], server_random[4]; /* all 0: none seen */
    uint64_t         session_id;     /* hash of it, 0: none */
    bool             has_start, is_reset, has_fin[2];
    stream_direction directions[2];
} stream_conversation;

typedef struct stream_table stream_table;

stream_table *stream_table_new(unsigned source);
void          stream_table_free(stream_table *table);

/* Takes a record: the conversation it belongs to and who sent it, or NULL (no TCP, or nothing that can be read).
 * Ports that are used again make another conversation. The segment points into the record. The same records in the
 * same order make the same conversations. */
stream_conversation *stream_table_add(stream_table *table, const match_record *record, const wire_segment *segment,
                                      stream_side *from);

/* All of them, in the order of their first packets (of stream_conversation *). */
const GPtrArray *stream_table_conversations(const stream_table *table);

/* Frees a conversation that gets no more packets, by who knows the file already: NULL stands in its place. */
void stream_table_drop(stream_table *table, stream_conversation *conversation);

/* Whether a record has a time that a clock could show; others count as having none. */
bool stream_has_time(const match_record *record);

/* Who sent a segment of the conversation. */
stream_side stream_side_of(const stream_conversation *conversation, const wire_segment *segment);

/* IPv4's identification, which routers leave alone and copies of a packet share; 0: none. */
uint16_t stream_identification(const match_record *record, const wire_segment *segment);

/* The offset of a sequence number, of all it may be the one next to `near`. False when it lies before the stream. */
static inline bool
stream_offset(const stream_direction *direction, uint32_t sequence, uint64_t near, uint64_t *offset)
{
    int32_t ahead = (int32_t)(sequence - direction->isn - (uint32_t)near);

    *offset = near + (uint64_t)(int64_t)ahead;
    return ahead >= 0 || near >= (uint64_t) - (int64_t)ahead;
}

static inline uint64_t
stream_end(const stream_direction *direction)
{
    return direction->first + direction->length;
}

#endif
