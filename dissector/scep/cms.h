/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Wireshark's own dissectors for CMS, PKCS #10 and certificates, called inside a SCEP message.
 */
#ifndef SCEP_CMS_H
#define SCEP_CMS_H

#include <epan/packet.h>

/* What a stretch of DER is. */
typedef enum {
    SCEP_DER_CMS,         /* ContentInfo */
    SCEP_DER_CERTIFICATE,
    SCEP_DER_REQUEST,     /* PKCS #10 */
    SCEP_DER_OTHER,
} scep_der;

/* Registers the field of SCEP's attributes; to be called with the protocol. */
void scep_cms_register(int proto);

/* Takes the OIDs that only make sense inside SCEP, and stands before the owner of id-data. To be called at handoff. */
void scep_cms_init(int proto);

/* Shows `tvb` in `tree` with the dissector for `kind`. Never throws: what is malformed is shown as such. */
void scep_cms_dissect(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, scep_der kind);

#endif
