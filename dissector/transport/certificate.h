/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a server's certificate says, for the flow; read by GnuTLS.
 */
#ifndef TRANSPORT_CERTIFICATE_H
#define TRANSPORT_CERTIFICATE_H

#include "../flow/evidence.h"

/* Reads the DER of a certificate (a flow_read_certificate). Leaves `certificate` empty when GnuTLS cannot. */
void certificate_read(flow_model *model, const uint8_t *der, size_t length, flow_certificate *certificate);

#endif
