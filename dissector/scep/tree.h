/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * How a SCEP message is shown: fields, expert items, columns.
 */
#ifndef SCEP_TREE_H
#define SCEP_TREE_H

#include "exchange.h"

/* Registers the fields and expert items of the contract. */
void scep_tree_register(int proto);

/* Adds `record` to `tree` (which may be NULL) with the bytes of its body, `tvb` (NULL when it has none), and writes the
 * columns. `show_secrets` shows the challenge password. */
void scep_tree_add(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, const scep_record *record, bool show_secrets);

/* What happened, in one line for the Info column. In the scope of the packet. */
const char *scep_summary(packet_info *pinfo, const scep_record *record);

#endif
