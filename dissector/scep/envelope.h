/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Opening the envelope of a pkiMessage with a private key (RFC 5652 6), and checking its signature (5.4).
 */
#ifndef SCEP_ENVELOPE_H
#define SCEP_ENVELOPE_H

#include "keys.h"
#include "message.h"

/* Opens the envelope described by `message` and `parts` with one of `keys`, that with `key_id` first (NULL when it is
 * not known whose it is). Returns its content in `scope`, always a SEQUENCE; length 0 when no key fits or something is
 * missing. */
scep_octets scep_envelope_open(wmem_allocator_t *scope, const GPtrArray *keys, const uint8_t *key_id,
                               const scep_message *message, const scep_parts *parts);

typedef enum {
    SCEP_SIGNATURE_UNCHECKED, /* parts are missing, or the algorithm is not known */
    SCEP_SIGNATURE_VALID,
    SCEP_SIGNATURE_INVALID,   /* made by another key, or over other attributes */
    SCEP_SIGNATURE_OTHER_CONTENT, /* messageDigest is not that of the content */
} scep_signature;

/* Checks the signature of a message against the signer's certificate `der`. */
scep_signature scep_signature_check(ber_slice der, const scep_message *message, const scep_parts *parts);

#endif
