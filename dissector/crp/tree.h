/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * How a call of the registration point is shown: fields, expert items, columns.
 */
#ifndef CRP_TREE_H
#define CRP_TREE_H

#include "exchange.h"

void crp_tree_register(int proto);

/* Adds `record` to `tree` (which may be NULL) with the bytes of its body, `tvb` (NULL when it has none), and writes the
 * columns. `show_secrets` shows the challenge. */
void crp_tree_add(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, const crp_record *record, bool show_secrets);

/* What happened, in one line for the Info column. In the scope of the packet. */
const char *crp_summary(packet_info *pinfo, const crp_record *record);

#endif
