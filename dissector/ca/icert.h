/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Names and parameters of the calls that ask a Windows CA for certificates, for Wireshark's DCE/RPC dissector.
 */
#ifndef CA_ICERT_H
#define CA_ICERT_H

#include <epan/packet.h>

#include "../scep/certificate.h"

/* The PKCS #10 with which a CA was asked for a certificate in a call that ends in this frame, or NULL. File scope. */
const scep_request *icert_request(packet_info *pinfo);

void proto_register_icert(void);
void proto_reg_handoff_icert(void);

#endif
