/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Answers that end with their TLS connection (RFC 9112 6.3, case 8): Wireshark 4.0 waits for more and shows nothing.
 */
#ifndef SCEP_TAIL_H
#define SCEP_TAIL_H

#include <epan/packet.h>

void scep_tail_init(int proto);

/* The HTTP answer that the end of the connection in this frame completes and that HTTP did not dissect, or NULL. To be
 * asked for every frame on its first visit, after everything else; later visits get what the first one found. `tvb` is
 * the frame. */
tvbuff_t *scep_tail_answer(tvbuff_t *tvb, packet_info *pinfo);

/* True when the frame may add to such an answer, or has one: else scep_tail_answer() need not be called. */
bool scep_tail_has_business(packet_info *pinfo);

#endif
