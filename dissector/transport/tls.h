/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What Wireshark's TLS dissector decrypted in a frame, without a tree.
 */
#ifndef TRANSPORT_TLS_H
#define TRANSPORT_TLS_H

#include <stdbool.h>

#include <epan/packet.h>

void tls_init(void);

/* Appends the decrypted application data of this frame to `data`, an array of uint8_t, as long as it stays below `limit`
 * octets. Sets `*closed` when the frame's sender ends the connection here: by close_notify (RFC 8446 6.1) or FIN.
 * Returns false when the frame has no decrypted records. */
bool tls_append_data(packet_info *pinfo, wmem_array_t *data, unsigned limit, bool *closed);

#endif
