/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What X.509 certificates, PKCS #10 requests and distinguished names say, read by GnuTLS.
 */
#ifndef SCEP_CERTIFICATE_H
#define SCEP_CERTIFICATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <wsutil/wmem/wmem.h>

#include "ber.h"

#define SCEP_THUMBPRINT_SIZE 20 /* SHA-1 */

/* Octets that belong to the same scope as the structure they stand in. */
typedef struct {
    const uint8_t *data;
    size_t         length;
} scep_octets;

/* One certificate. Everything it points to has the scope given to scep_certificate_read(). */
typedef struct {
    const char *subject; /* RFC 4514 */
    const char *issuer;
    scep_octets serial;  /* magnitude, without a sign octet */
    time_t      not_before, not_after;
    uint8_t     thumbprint[SCEP_THUMBPRINT_SIZE];
    uint8_t     key_id[SCEP_THUMBPRINT_SIZE]; /* SHA-1 of the public key, as gnutls_pubkey_get_key_id() forms it */
    unsigned    key_usage; /* GNUTLS_KEY_..., 0 when the extension is absent */
    bool        is_ca;     /* basicConstraints */
    unsigned    key_bits;
    scep_octets der;
} scep_certificate;

/* One PKCS #10 request, in the scope given to scep_request_read(). */
typedef struct {
    const char  *subject; /* RFC 4514; "" when empty */
    const char **sans;    /* "DNS:…", "IP:…", "email:…", "URI:…", "UPN:…"; NULL-terminated */
    const char  *key;     /* "RSA 2048", "EC 256" */
    const char  *challenge_password; /* NULL when absent. A secret. */
    uint8_t      key_id[SCEP_THUMBPRINT_SIZE]; /* as that of a certificate for the same key */
} scep_request;

/* Reads one DER certificate. Returns NULL when GnuTLS cannot. */
scep_certificate *scep_certificate_read(wmem_allocator_t *scope, ber_slice der);

/* True when `certificate` has this issuer name and serial number. */
bool scep_certificate_is(const scep_certificate *certificate, const char *issuer, scep_octets serial);

/* True when keys may be encrypted to `certificate`: keyEncipherment, dataEncipherment, or no keyUsage at all
 * (RFC 8894 3.3). */
bool scep_certificate_may_encrypt(const scep_certificate *certificate);

/* Reads one DER PKCS #10 request. Returns NULL when GnuTLS cannot. */
scep_request *scep_request_read(wmem_allocator_t *scope, ber_slice der);

/* The RFC 4514 form of the Name whose encoding is `der`; "" for an empty one, NULL when GnuTLS cannot read it. */
const char *scep_name_read(wmem_allocator_t *scope, ber_slice der);

/* Overwrites with '*' the value of every challengePassword attribute in the PKCS #10 request `der`, in place. */
void scep_request_mask_password(uint8_t *der, size_t length);

scep_octets scep_octets_copy(wmem_allocator_t *scope, const void *data, size_t length);
bool        scep_octets_equal(scep_octets a, scep_octets b);

#endif
