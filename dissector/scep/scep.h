/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The SCEP dissector (RFC 8894), and what it hands to taps.
 */
#ifndef SCEP_SCEP_H
#define SCEP_SCEP_H

#include "exchange.h"

/* What the taps "scep" and "scep_eo" get for every SCEP message, on every visit of its frame. Packet scope. */
typedef struct {
    const scep_record *record;
    tvbuff_t          *body; /* the decoded body, NULL when there is none */
    bool               show_secrets;
} scep_tap_data;

/* The part of a post-dissector: shows requests by GET, and answers that hold nothing of SCEP. Costs next to nothing in
 * frames that have neither. `has_new_http`: HTTP/1 is in the frame, and this is its first visit. */
void scep_meet_frame(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, bool has_new_http);

/* True when the user wants to see challenge passwords. */
bool scep_shows_secrets(void);

void proto_register_scep(void);
void proto_reg_handoff_scep(void);

#endif
