/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Where evidence comes from: what Wireshark knows of a frame is handed to the flow, once, on the frame's first visit.
 */
#ifndef TRANSPORT_FLOW_TRACK_H
#define TRANSPORT_FLOW_TRACK_H

#include <epan/packet.h>

#include "../flow/flow.h"
#include "../flow/logs.h"

/* Registers what is kept for a file; preferences of protocol `proto` ("scepflow"). */
void flow_track_register(int proto);
void flow_track_init(void);

/* The conversation of the frame that is being dissected, and who sent it; NULL when it is none of TCP. `frame` is the
 * whole frame. On its first visit hands on what the frame tells. */
const flow_conversation *flow_track_visit(tvbuff_t *frame, packet_info *pinfo, flow_side *from);

/* A record of a log in the frame that is being dissected, whose format is "iis", "httperr", "cmtrace" or "svclog"; on its
 * first visit it becomes evidence. The conversation that it tells of is what flow_track_visit() gives for the frame. */
void flow_track_log(packet_info *pinfo, const char *format, const flow_log_line *line);

/* What is known by now: everything, once all frames were visited. Never NULL; valid until the next call. */
const flow_result *flow_track_result(void);

/* The same for a frame on its way through the first pass, which may be a little behind in large files. */
const flow_result *flow_track_result_so_far(void);

#endif
