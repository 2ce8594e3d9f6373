/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The calls of a DCE/RPC conversation as evidence: which interface it is about, and the requests for certificates in it.
 * GLib only.
 */
#ifndef TRANSPORT_RPC_CALLS_H
#define TRANSPORT_RPC_CALLS_H

#include "../flow/evidence.h"

/* Of one conversation; as long as it is read. */
typedef struct rpc_calls rpc_calls;

/* `has_begin` when its first octets are the first of the connection. */
rpc_calls *rpc_calls_new(flow_conversation *conversation, bool has_begin);
void       rpc_calls_free(rpc_calls *all);

/* Octets that `from` sent, and what was lost of them, in order. */
void rpc_calls_push(rpc_calls *all, flow_side from, flow_moment now, const uint8_t *data, size_t captured, size_t length);
void rpc_calls_gap(rpc_calls *all, flow_side from, flow_moment now, uint32_t missing);

/* True when certificates can be asked for in it. */
bool rpc_calls_are_for_certificates(const rpc_calls *all);

#endif
