/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * From TCP segments to what a conversation tells: connections told apart, streams put in order, TLS read as far as it is
 * in clear, and requests and answers recognised in what is not. GLib only.
 */
#ifndef TRANSPORT_TRACK_H
#define TRANSPORT_TRACK_H

#include "../flow/evidence.h"
#include "../wire/segment.h"

typedef struct track track;

/* One file's conversations. `read` reads certificates; it may be NULL. */
typedef struct tracker tracker;

tracker *tracker_new(flow_model *model, flow_read_certificate read);
void     tracker_free(tracker *all);

/* Where a segment belongs: the conversation, and who sent it. */
typedef struct {
    track    *track;
    flow_side from;
    bool      is_new; /* this segment begins it */
} track_place;

/* The conversation of a segment in frame `now`, made when it is new: by a SYN after the end of the one before, or by
 * anything between two ends that were not met before. A connection whose SYN is captured again at another point (`point` of
 * the segment) is another conversation there: two captures of it were merged. */
track_place tracker_place(tracker *all, const wire_segment *segment, flow_moment now);

/* The same for a frame that was met before; `track` is NULL when it belongs to none. */
track_place tracker_find(const tracker *all, const wire_segment *segment, uint32_t frame);

/* Takes what the segment adds. Once for each frame, in order. */
void track_segment(track_place place, const wire_segment *segment, flow_moment now);

flow_conversation *track_conversation(const track *track);

/* The track of the same connection at the point where it was captured first, `track` itself when it was only there. */
track *track_original(track *track);

/* The stream number and the interface of a new conversation. */
void track_name(track *track, unsigned tcp_stream, const char *vantage);

/* Handshake octets and alerts that were decrypted elsewhere. */
void track_decrypted_handshake(track_place place, const uint8_t *data, size_t length, flow_moment now);
void track_decrypted_alert(track_place place, unsigned level, unsigned description, flow_moment now);

/* Notes how many octets a request that was read, or its answer, had on TCP, and in which frame they begin: those that its
 * side sent since the last. */
void track_count_request(track *track, flow_exchange *exchange);
void track_count_answer(track *track, flow_exchange *exchange);

/* Its HTTP is read: nothing is to be inferred any more. */
void track_is_read(track *track);

#endif
