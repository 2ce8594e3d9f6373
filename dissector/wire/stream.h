/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * One direction of a TCP connection put in order (RFC 9293 3.4): duplicates are dropped, segments that come early wait
 * for what is missing, and what never comes is a gap.
 */
#ifndef WIRE_STREAM_H
#define WIRE_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

/* Beyond either, the oldest hole is given up. */
#define WIRE_STREAM_MAX_PENDING  65536 /* octets */
#define WIRE_STREAM_MAX_SEGMENTS 64

/* What a segment turned out to be. */
typedef enum {
    WIRE_NOTHING,        /* no payload */
    WIRE_NEW,            /* next in order, wholly or in part */
    WIRE_EARLY,          /* something before it is missing */
    WIRE_RETRANSMISSION, /* nothing in it was new */
    WIRE_KEEP_ALIVE      /* one octet (or none) just before what is expected, RFC 9293 3.8.4 */
} wire_novelty;

/* Zeroed to begin with; to be cleared with wire_stream_clear(). */
typedef struct {
    bool      started;
    uint32_t  next;            /* sequence number expected next */
    uint64_t  octets;          /* handed on so far, gaps included */
    uint64_t  lost;            /* octets in gaps */
    unsigned  retransmissions; /* segments whose payload had come before */
    GArray   *pending;         /* early segments, in order; NULL when there are none */
    size_t    pending_octets;
} wire_stream;

/* Who gets the stream; neither may use the stream itself. `data`: `captured` octets, of `length` that were on the wire.
 * `gap`: octets that never came. */
typedef struct {
    void (*data)(void *user, const uint8_t *data, size_t captured, size_t length);
    void (*gap)(void *user, uint32_t missing);
} wire_stream_sink;

/* Takes one segment: `sequence` that of its first octet, `is_syn` when the SYN flag takes one number before the
 * payload. The first segment of a stream begins it wherever it stands. Of octets that come twice the first count. */
wire_novelty wire_stream_add(wire_stream *stream, const wire_stream_sink *sink, void *user, uint32_t sequence,
                             bool is_syn, const uint8_t *data, size_t captured, size_t length);

/* The other side has acknowledged everything before `acknowledgement`: what is missing below it was not captured, and
 * will not come. A single octet after all others may be the number of the FIN, and is no gap until more follows. */
void wire_stream_acknowledged(wire_stream *stream, const wire_stream_sink *sink, void *user, uint32_t acknowledgement);

/* Frees what waits. */
void wire_stream_clear(wire_stream *stream);

#endif
