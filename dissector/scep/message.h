/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The facts of a pkiMessage (RFC 8894 3): SignedData with SCEP's attributes around EnvelopedData. Read with the
 * bounded cursor of ber.h, so that they are there without a tree, on the first pass, and as far as a cut message
 * goes.
 */
#ifndef SCEP_MESSAGE_H
#define SCEP_MESSAGE_H

#include "certificate.h"
#include "names.h"

/* An algorithm identifier in a message: its name for display (the dotted OID when unknown) and what is known of it. */
typedef struct {
    const char           *name; /* NULL when the message does not get that far */
    const scep_algorithm *known;
} scep_algorithm_use;

/* Whether something stands where the envelope belongs. */
typedef enum {
    SCEP_CONTENT_ABSENT,
    SCEP_CONTENT_EMPTY,     /* present, of no or one octet: NDES's way in FAILURE and PENDING */
    SCEP_CONTENT_ENVELOPED, /* EnvelopedData */
    SCEP_CONTENT_OTHER,     /* something else: old clients left encryption out */
} scep_content;

/* What of a message has a place in its bytes. */
typedef enum {
    SCEP_AT_TRANSACTION_ID,
    SCEP_AT_MESSAGE_TYPE,
    SCEP_AT_PKI_STATUS,
    SCEP_AT_FAIL_INFO,
    SCEP_AT_FAIL_INFO_TEXT,
    SCEP_AT_SERVER_MESSAGE,
    SCEP_AT_HRESULT,
    SCEP_AT_SENDER_NONCE,
    SCEP_AT_RECIPIENT_NONCE,
    SCEP_AT_SIGNER_ISSUER,
    SCEP_AT_SIGNER_SERIAL,
    SCEP_AT_DIGEST,
    SCEP_AT_RECIPIENT_ISSUER,
    SCEP_AT_RECIPIENT_SERIAL,
    SCEP_AT_KEY_ENCRYPTION,
    SCEP_AT_CIPHER,
    SCEP_PLACES,
} scep_place;

/* A stretch of the message; length 0 when there is none, as in an envelope cut into segments. */
typedef struct {
    uint32_t offset, length;
} scep_span;

/* What a pkiMessage says. Allocated in the scope given to scep_message_read(), which the first pass makes the file's:
 * kept small, without the message itself. Absent strings are NULL, absent octets have length 0. */
typedef struct {
    bool        has_message_type, has_pki_status, has_fail_info, has_hresult;
    uint32_t    message_type, pki_status, fail_info, hresult;
    const char *transaction_id;
    const char *fail_info_text;
    const char *server_message;
    scep_octets sender_nonce, recipient_nonce;

    const char        *signer_issuer;
    scep_octets        signer_serial;
    const char        *signer_subject; /* from the signer's certificate, when the message holds it */
    scep_algorithm_use digest;
    bool               signer_is_unnamed; /* identified by key identifier instead of issuer and serial */

    scep_content       content;
    unsigned           recipients;
    bool               recipient_is_password; /* PasswordRecipientInfo, RFC 8894 3.1 */
    const char        *recipient_issuer;      /* of the first recipient */
    scep_octets        recipient_serial;
    scep_algorithm_use key_encryption;
    scep_algorithm_use cipher;
    bool               complete; /* false when the message ends early */
    scep_span          where[SCEP_PLACES];
} scep_message;

/* The RSA-OAEP parameters of a recipient (RFC 8017 A.2.1), as libgcrypt's digest number. */
typedef struct {
    bool is_oaep;
    int  digest; /* also of MGF1; 0 when the two differ or are unknown, and the key cannot be opened */
} scep_oaep;

/* What opening the envelope and checking the signature need, in the scope of the packet. Slices point into the message
 * or into `scratch`. */
typedef struct {
    ber_slice   whole;             /* the message */
    ber_slice   signed_attributes; /* encoding of the [0] SignedAttributes, empty when absent */
    ber_slice   signature;
    const char *signature_algorithm; /* dotted */
    ber_slice   message_digest;      /* value of the messageDigest attribute */
    ber_slice   content;             /* octets that were signed */
    bool        has_content;
    ber_slice   encrypted_key;       /* of the first RSA recipient */
    scep_oaep   oaep;
    ber_slice   initialization_vector;
    ber_slice   encrypted_content;
    bool        is_whole; /* encrypted_content is complete */
    wmem_array_t *certificates; /* of ber_slice, the encodings in SignedData.certificates */
} scep_parts;

/* Reads the facts of the pkiMessage `data` into `message` (strings and octets in `scope`) and its parts into `parts`
 * (in `scratch`). Returns false when `data` is no SignedData, or one that has neither SCEP attributes nor certificates:
 * then nothing in `message` counts. */
bool scep_message_read(wmem_allocator_t *scope, wmem_allocator_t *scratch, ber_slice data, scep_message *message,
                       scep_parts *parts);

/* True when `message` carries an attribute that only SCEP uses: enough to call a CMS message SCEP without its
 * request. */
bool scep_message_is_scep(const scep_message *message);

/* Reads the certificates of a GetCACert or GetNextCACert answer or an opened CertRep: one certificate, a certs-only
 * SignedData, or a SignedData whose content is one (RFC 8894 4.2, 4.7). Returns an array of scep_certificate *, in
 * `scope`, in the order of the answer; empty when there are none. */
wmem_array_t *scep_certificates_read(wmem_allocator_t *scope, ber_slice data);

#endif
