/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The numbers and object identifiers of SCEP with their names.
 */
#ifndef SCEP_NAMES_H
#define SCEP_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include <epan/value_string.h>

/* messageType, RFC 8894 3.2.1.2 */
enum {
    SCEP_CERT_REP = 3,
    SCEP_RENEWAL_REQ = 17,
    SCEP_PKCS_REQ = 19,
    SCEP_CERT_POLL = 20,
    SCEP_GET_CERT = 21,
    SCEP_GET_CRL = 22,
};

/* pkiStatus, RFC 8894 3.2.1.3 */
enum {
    SCEP_SUCCESS = 0,
    SCEP_FAILURE = 2,
    SCEP_PENDING = 3,
};

extern const value_string scep_message_types[];
extern const value_string scep_pki_statuses[];
extern const value_string scep_fail_infos[];
/* What each failInfo means, RFC 8894 3.2.1.4. */
extern const value_string scep_fail_info_meanings[];
/* HRESULTs that NDES and Windows clients report: symbol, then the system's sentence in short. */
extern const value_string scep_hresults[];

/* Attributes of a pkiMessage, RFC 8894 3.2.1, and Microsoft's (wincrypt.h: szOID_ENROLL_SCEP_...). */
#define OID_MESSAGE_TYPE        "2.16.840.1.113733.1.9.2"
#define OID_PKI_STATUS          "2.16.840.1.113733.1.9.3"
#define OID_FAIL_INFO           "2.16.840.1.113733.1.9.4"
#define OID_SENDER_NONCE        "2.16.840.1.113733.1.9.5"
#define OID_RECIPIENT_NONCE     "2.16.840.1.113733.1.9.6"
#define OID_TRANSACTION_ID      "2.16.840.1.113733.1.9.7"
#define OID_EXTENSION_REQ       "2.16.840.1.113733.1.9.8"
#define OID_FAIL_INFO_TEXT      "1.3.6.1.5.5.7.24.1"
#define OID_MS_SCEP_ERROR       "1.3.6.1.4.1.311.21.33"
#define OID_MS_SERVER_STATE     "1.3.6.1.4.1.311.21.34"
#define OID_MS_CHALLENGE_ANSWER "1.3.6.1.4.1.311.21.35"
#define OID_MS_CLIENT_REQUEST   "1.3.6.1.4.1.311.21.37"
#define OID_MS_SERVER_MESSAGE   "1.3.6.1.4.1.311.21.38"
#define OID_MS_SERVER_SECRET    "1.3.6.1.4.1.311.21.40"

/* CMS and PKCS #9, RFC 5652 and RFC 2985. */
#define OID_DATA               "1.2.840.113549.1.7.1"
#define OID_SIGNED_DATA        "1.2.840.113549.1.7.2"
#define OID_ENVELOPED_DATA     "1.2.840.113549.1.7.3"
#define OID_MESSAGE_DIGEST     "1.2.840.113549.1.9.4"
#define OID_CHALLENGE_PASSWORD "1.2.840.113549.1.9.7"
#define OID_RSA_ENCRYPTION     "1.2.840.113549.1.1.1"
#define OID_RSAES_OAEP         "1.2.840.113549.1.1.7"
#define OID_RSASSA_PSS         "1.2.840.113549.1.1.10"
#define OID_MGF1               "1.2.840.113549.1.1.8"
#define OID_P_SPECIFIED        "1.2.840.113549.1.1.9"

typedef enum {
    SCEP_ALGORITHM_DIGEST,
    SCEP_ALGORITHM_KEY_TRANSPORT,
    SCEP_ALGORITHM_CIPHER,
} scep_algorithm_kind;

typedef enum {
    SCEP_STRONG,
    SCEP_DATED,  /* still what NDES uses by default, no longer recommended: SHA-1, 3DES */
    SCEP_BROKEN, /* MD5, DES */
} scep_strength;

/* One algorithm as messages name it. Static data. */
typedef struct {
    const char         *oid;
    const char         *name;       /* as the fields show it */
    scep_algorithm_kind kind;
    scep_strength       strength;
    const char         *capability; /* the GetCACaps keyword that advertises it (RFC 8894 3.5.2), or NULL */
    int                 gcrypt;     /* libgcrypt's number of the digest or cipher, or 0 */
} scep_algorithm;

/* The algorithm with this dotted identifier, or NULL when it is not known. */
const scep_algorithm *scep_algorithm_by_oid(const char *oid);

/* The libgcrypt digest that algorithm parameters (OAEP, PSS) name by `oid`, or 0. */
int scep_digest_by_oid(const char *oid);

#endif
