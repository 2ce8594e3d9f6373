/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Media types that have a dissector of their own and that bodies we look for have too: whoever shares one is called in
 * the owner's place, and calls the owner.
 */
#ifndef TRANSPORT_MEDIA_H
#define TRANSPORT_MEDIA_H

#include <epan/packet.h>

/* Dissects a body; `data` is for the owner. Returns what a dissector returns. */
typedef int (*media_visitor)(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data, dissector_handle_t owner);

/* Shares the media type `name`, if it has an owner, which may be somebody who shares it already. At handoff. */
void media_share(const char *name, media_visitor visitor);

#endif
