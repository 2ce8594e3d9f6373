/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The stand-in for a CA: keys from files, certificates, CRLs and the certificate sets of RFC 8894 section 4. */
#ifndef RECORD_AUTHORITY_H
#define RECORD_AUTHORITY_H

#include "scepmsg.h"

/* A certificate with its private key. */
struct identity {
    X509 *certificate;
    EVP_PKEY *key;
};

/* Lives as long as the program. Without RA the CA's own certificate is recipient and signer. */
struct authority {
    struct identity ca;
    struct identity recipient;  /* opens the requests' envelopes */
    struct identity signer;     /* signs the CertReps */
    struct identity next_ca;    /* certificate NULL: no GetNextCACert */
    GPtrArray *issued;          /* X509, for GetCert */
    long next_serial;
    time_t now;                 /* 0: the clock */
};

X509 *load_certificate(const char *file, GError **error);
EVP_PKEY *load_key(const char *file, GError **error);

GBytes *certificate_der(const X509 *certificate);

/* The time by AUTHORITY's clock. */
time_t authority_time(const struct authority *authority);

/* Issues what the PKCS#10 asks for: subject, key and subjectAltName. The certificate is also kept in AUTHORITY. */
X509 *authority_issue(struct authority *authority, X509_REQ *request, GError **error);

/* The certificate with SERIAL, borrowed; NULL when there is none. */
X509 *authority_find(const struct authority *authority, const ASN1_INTEGER *serial);

/* A self-signed certificate over the PKCS#10's subject and key, as clients make it for their first request. */
X509 *self_signed(X509_REQ *request, EVP_PKEY *key, time_t now, GError **error);

/* A degenerate SignedData with CERTIFICATES (NULL-terminated, may be empty) and CRL (may be NULL). */
GBytes *certs_only(X509 *const *certificates, X509_CRL *crl);

/* A degenerate SignedData with a fresh CRL, in which the CA's first serial number is revoked. */
GBytes *authority_crl(const struct authority *authority, GError **error);

/* The body of GetCACert: one certificate, or CA and RA certificates; sets *RA accordingly. */
GBytes *authority_ca_certificates(const struct authority *authority, gboolean *ra);

/* The body of GetNextCACert: the next CA's certificate in a SignedData by the current CA. */
GBytes *authority_next_ca(const struct authority *authority, GError **error);

#endif
