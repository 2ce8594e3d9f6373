/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SCEP messages, built and read with OpenSSL: RFC 8894 section 3, with the deviations that real peers show. */
#ifndef RECORD_SCEPMSG_H
#define RECORD_SCEPMSG_H

#include "openssl_auto.h"

/* What the SignedData carries: an EnvelopedData, or what peers put into a FAILURE or PENDING in its place. */
enum scep_content {
    SCEP_CONTENT_ENVELOPE,
    SCEP_CONTENT_ABSENT,     /* RFC 8894 */
    SCEP_CONTENT_EMPTY,      /* present, length zero */
    SCEP_CONTENT_ZERO_BYTE,  /* NDES: one byte 0x00 */
};

/*
 * A message to build. Strings and objects are borrowed; a NULL attribute is left out. Everything that is zero is the
 * plain RFC 8894 way with SHA-256, AES-128-CBC, rsaEncryption, DER and the signer's certificate.
 */
struct scep_message {
    const char *message_type;  /* decimal text, so that unknown ones can be made */
    const char *transaction_id;
    const char *pki_status;
    const char *fail_info;
    const char *fail_info_text;
    const char *server_message;  /* Microsoft 1.3.6.1.4.1.311.21.38 */
    const char *hresult;         /* Microsoft 1.3.6.1.4.1.311.21.33, signed decimal */
    GBytes *sender_nonce;
    GBytes *recipient_nonce;
    GBytes *random_nonce;  /* 1.2.840.113549.1.9.25.3, an attribute that SCEP does not know */
    X509 *signer;
    EVP_PKEY *signer_key;
    enum scep_content content;
    GBytes *payload;  /* goes into the envelope */
    X509 *recipient;
    const char *digest;        /* OpenSSL's name: MD5, SHA1, SHA256, SHA512 */
    const char *cipher;        /* OpenSSL's name: DES-CBC, DES-EDE3-CBC, AES-128-CBC, … */
    gboolean oaep;             /* RSAES-OAEP with SHA-1, its default */
    gboolean no_certificates;  /* as NDES */
    gboolean ber;              /* indefinite lengths and constructed OCTET STRINGs, as iOS */
    gboolean break_signature;  /* DER only: the signature is the last thing in it */
    time_t signing_time;       /* 0: now */
};

/* Returns the pkiMessage, or NULL with *error. */
GBytes *scep_message_build(const struct scep_message *message, GError **error);

/* A message that was read. Owns everything; an attribute that was not there is NULL. */
typedef struct {
    char *message_type;
    char *transaction_id;
    char *pki_status;
    char *fail_info;
    GBytes *sender_nonce;
    GBytes *recipient_nonce;
    X509 *signer;            /* NULL when no certificate of it is known */
    gboolean signature_valid;
    const char *digest;      /* OpenSSL's static name */
    GBytes *content;         /* the eContent; NULL when absent */
    GBytes *payload;         /* set by scep_received_open */
    const char *cipher;      /* set by scep_received_open, OpenSSL's static name */
    gboolean oaep;           /* set by scep_received_open */
} scep_received;

/* Reads a pkiMessage, BER or DER. KNOWN_SIGNER (may be NULL) is tried when the message carries no certificate. */
scep_received *scep_received_read(GBytes *bytes, X509 *known_signer, GError **error);

/* Opens the envelope into RECEIVED->payload. */
gboolean scep_received_open(scep_received *received, X509 *recipient, EVP_PKEY *key, GError **error);

void scep_received_free(scep_received *received);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(scep_received, scep_received_free)

/* The payload of CertPoll: IssuerAndSubject (RFC 8894 3.3.3), and of GetCert and GetCRL: IssuerAndSerialNumber (3.3.4). */
GBytes *scep_issuer_and_subject(const X509_NAME *issuer, const X509_NAME *subject);
GBytes *scep_issuer_and_serial(const X509_NAME *issuer, const ASN1_INTEGER *serial);

/* The serial number of an IssuerAndSerialNumber; NULL when it is none. */
ASN1_INTEGER *scep_serial_of(GBytes *issuer_and_serial);

/* A PKCS#10 for COMMON_NAME with challengePassword and subjectAltName in OpenSSL's notation, either may be NULL. */
GBytes *scep_pkcs10(const char *common_name, EVP_PKEY *key, const char *challenge, const char *alt_names, GError **error);

/* The challengePassword of a PKCS#10; NULL when there is none. */
char *scep_challenge_of(X509_REQ *request);

/* Loads OpenSSL's legacy provider beside the default one: single DES is there. False when it is not installed. */
gboolean scep_enable_legacy_ciphers(void);

#endif
