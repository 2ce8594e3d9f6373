/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Tables and ladders are filled packet by packet and drawn by Wireshark, but what is to be in them is known when the
 * file has been read. The window, sharkd and tshark's second pass come back to every frame then, and their packet
 * callbacks find everything known. In tshark's only pass they find half of it; there they keep what they need, and this
 * has it completed before Wireshark draws.
 */
#ifndef VIEW_AT_END_H
#define VIEW_AT_END_H

#include <stdbool.h>

#include <epan/packet.h>
#include <epan/tap.h>

/* To be called for each frame before the tap is queued: when listeners are called, every frame counts as visited. */
void at_end_see(const packet_info *pinfo);

/* True when the frame that a listener gets was visited before, so that flow_track_result() is complete. */
bool at_end_is_reached(void);

/* What was kept for the listener of the tap "scepflow" with this `tapdata`: NULL at first. To be called in its packet
 * callback only. `complete` gets it, once, before the listener's draw callback. */
void **at_end(void *tapdata, void (*complete)(void *tapdata, void *kept));

#endif
