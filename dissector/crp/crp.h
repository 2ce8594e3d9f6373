/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The dissector of the registration point's HTTP calls.
 */
#ifndef CRP_CRP_H
#define CRP_CRP_H

#include "exchange.h"

/* The part of a post-dissector: shows calls and answers without a body. Costs next to nothing in frames that have
 * neither. `has_new_http`: HTTP/1 is in the frame, and this is its first visit. */
void crp_meet_frame(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, bool has_new_http);

/* The paths of the preferences, as crp_target_read() takes them. */
const char *crp_paths(void);

void proto_register_crp(void);
void proto_reg_handoff_crp(void);

#endif
