/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Names and parameters of the calls that ask a Windows CA for certificates, for Wireshark's DCE/RPC dissector.
 */
#ifndef CA_ICERT_H
#define CA_ICERT_H

void proto_register_icert(void);
void proto_reg_handoff_icert(void);

#endif
