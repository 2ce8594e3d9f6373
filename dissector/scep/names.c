/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The numbers and object identifiers of SCEP with their names.
 * RFC 8894 3.2.1 (attributes), 3.5.2 (capabilities); winerror.h's published constants for the HRESULTs.
 */
#include "names.h"

#include <string.h>

#include <gcrypt.h>

const value_string scep_message_types[] = {
    { 0, "Reserved" },
    { SCEP_CERT_REP, "CertRep" },
    { SCEP_RENEWAL_REQ, "RenewalReq" },
    { 18, "UpdateReq" }, /* drafts only */
    { SCEP_PKCS_REQ, "PKCSReq" },
    { SCEP_CERT_POLL, "CertPoll (GetCertInitial)" },
    { SCEP_GET_CERT, "GetCert" },
    { SCEP_GET_CRL, "GetCRL" },
    { 0, NULL },
};

const value_string scep_pki_statuses[] = {
    { SCEP_SUCCESS, "SUCCESS" },
    { SCEP_FAILURE, "FAILURE" },
    { SCEP_PENDING, "PENDING" },
    { 0, NULL },
};

const value_string scep_fail_infos[] = {
    { 0, "badAlg" },
    { 1, "badMessageCheck" },
    { 2, "badRequest" },
    { 3, "badTime" },
    { 4, "badCertId" },
    { 0, NULL },
};

const value_string scep_fail_info_meanings[] = {
    { 0, "algorithm not recognised or not supported" },
    { 1, "integrity check of the message failed" },
    { 2, "transaction not permitted or supported" },
    { 3, "signing time too far from the server's clock" },
    { 4, "no certificate matches what was asked for" },
    { 0, NULL },
};

const value_string scep_hresults[] = {
    { 0x00000000, "S_OK" },
    { 0x80004005, "E_FAIL, unspecified error" },
    { 0x80070002, "ERROR_FILE_NOT_FOUND, file not found" },
    { 0x80070005, "E_ACCESSDENIED, access denied" },
    { 0x8007000d, "ERROR_INVALID_DATA, invalid data" },
    { 0x8007000e, "E_OUTOFMEMORY, out of memory" },
    { 0x80070057, "E_INVALIDARG, invalid parameter" },
    { 0x800700ea, "ERROR_MORE_DATA, more data is available" },
    { 0x80070490, "ERROR_NOT_FOUND, element not found" },
    { 0x8007054b, "ERROR_NO_SUCH_DOMAIN, domain unknown or unreachable" },
    { 0x800706ba, "RPC_S_SERVER_UNAVAILABLE, RPC server unavailable" },
    { 0x80072ee2, "ERROR_WINHTTP_TIMEOUT, time-out" },
    { 0x80072ee7, "ERROR_WINHTTP_NAME_NOT_RESOLVED, name not resolved" },
    { 0x80072efd, "ERROR_WINHTTP_CANNOT_CONNECT, cannot connect" },
    { 0x80072efe, "ERROR_WINHTTP_CONNECTION_ERROR, connection ended" },
    { 0x80072f8f, "ERROR_WINHTTP_SECURE_FAILURE, TLS failure" },
    { 0x80090005, "NTE_BAD_DATA, bad data" },
    { 0x80090006, "NTE_BAD_SIGNATURE, invalid signature" },
    { 0x80090008, "NTE_BAD_ALGID, invalid algorithm" },
    { 0x8009000b, "NTE_BAD_KEY_STATE, key not usable in this state" },
    { 0x80090016, "NTE_BAD_KEYSET, key set does not exist" },
    { 0x80090302, "SEC_E_UNSUPPORTED_FUNCTION, function not supported" },
    { 0x80090304, "SEC_E_INTERNAL_ERROR, internal error of the security package" },
    { 0x80090308, "SEC_E_INVALID_TOKEN, invalid token" },
    { 0x8009030c, "SEC_E_LOGON_DENIED, logon denied" },
    { 0x8009030e, "SEC_E_NO_CREDENTIALS, no credentials" },
    { 0x80090311, "SEC_E_NO_AUTHENTICATING_AUTHORITY, no authority to authenticate with" },
    { 0x80090318, "SEC_E_INCOMPLETE_MESSAGE, message incomplete" },
    { 0x80090322, "SEC_E_WRONG_PRINCIPAL, name of the target wrong" },
    { 0x80090324, "SEC_E_TIME_SKEW, clocks too far apart" },
    { 0x80090325, "SEC_E_UNTRUSTED_ROOT, root not trusted" },
    { 0x80090326, "SEC_E_ILLEGAL_MESSAGE, message not expected or badly formed" },
    { 0x80090327, "SEC_E_CERT_UNKNOWN, error while the certificate was processed" },
    { 0x80090328, "SEC_E_CERT_EXPIRED, certificate expired" },
    { 0x80090330, "SEC_E_DECRYPT_FAILURE, message cannot be decrypted" },
    { 0x80090331, "SEC_E_ALGORITHM_MISMATCH, no common algorithm" },
    { 0x80090349, "SEC_E_CERT_WRONG_USAGE, certificate not valid for this usage" },
    { 0x80091004, "CRYPT_E_INVALID_MSG_TYPE, invalid message type" },
    { 0x80091007, "CRYPT_E_HASH_VALUE, hash value not correct" },
    { 0x8009200c, "CRYPT_E_NO_DECRYPT_CERT, no certificate to decrypt with" },
    { 0x80092004, "CRYPT_E_NOT_FOUND, object not found" },
    { 0x80092010, "CRYPT_E_REVOKED, certificate revoked" },
    { 0x80092012, "CRYPT_E_NO_REVOCATION_CHECK, revocation cannot be checked" },
    { 0x80092013, "CRYPT_E_REVOCATION_OFFLINE, revocation server offline" },
    { 0x8009310b, "CRYPT_E_ASN1_BADTAG, ASN.1 bad tag value" },
    { 0x80094001, "CERTSRV_E_BAD_REQUESTSUBJECT, invalid or missing subject" },
    { 0x80094003, "CERTSRV_E_INVALID_CA_CERTIFICATE, CA certificate invalid" },
    { 0x80094004, "CERTSRV_E_SERVER_SUSPENDED, CA suspended" },
    { 0x80094009, "CERTSRV_E_RESTRICTEDOFFICER, not permitted for this subject" },
    { 0x80094011, "CERTSRV_E_ENROLL_DENIED, CA denies enrolment" },
    { 0x80094012, "CERTSRV_E_TEMPLATE_DENIED, template denies enrolment" },
    { 0x80094800, "CERTSRV_E_UNSUPPORTED_CERT_TYPE, template not supported by this CA" },
    { 0x80094801, "CERTSRV_E_NO_CERT_TYPE, no template in the request" },
    { 0x80094802, "CERTSRV_E_TEMPLATE_CONFLICT, conflicting template information" },
    { 0x80094803, "CERTSRV_E_SUBJECT_ALT_NAME_REQUIRED, subject alternative name missing" },
    { 0x80094809, "CERTSRV_E_SIGNATURE_POLICY_REQUIRED, application policy missing on signatures" },
    { 0x8009480a, "CERTSRV_E_SIGNATURE_COUNT, signature missing on the request" },
    { 0x8009480f, "CERTSRV_E_SUBJECT_DNS_REQUIRED, DNS name missing in directory" },
    { 0x80094811, "CERTSRV_E_KEY_LENGTH, key shorter than the template demands" },
    { 0x80096004, "TRUST_E_CERT_SIGNATURE, signature of the certificate not verified" },
    { 0x800b0100, "TRUST_E_NOSIGNATURE, no signature" },
    { 0x800b0101, "CERT_E_EXPIRED, certificate not within its validity" },
    { 0x800b0109, "CERT_E_UNTRUSTEDROOT, root not trusted" },
    { 0x800b010a, "CERT_E_CHAINING, chain cannot be built to a trusted root" },
    { 0x800b010c, "CERT_E_REVOKED, certificate revoked" },
    { 0x800b010f, "CERT_E_CN_NO_MATCH, certificate is for another name" },
    { 0x800b0110, "CERT_E_WRONG_USAGE, certificate not valid for this usage" },
    { 0, NULL },
};

static const scep_algorithm algorithms[] = {
    { "1.2.840.113549.2.5", "MD5", SCEP_ALGORITHM_DIGEST, SCEP_BROKEN, NULL, GCRY_MD_MD5 },
    { "1.3.14.3.2.26", "SHA-1", SCEP_ALGORITHM_DIGEST, SCEP_DATED, "SHA-1", GCRY_MD_SHA1 },
    { "2.16.840.1.101.3.4.2.4", "SHA-224", SCEP_ALGORITHM_DIGEST, SCEP_STRONG, "SHA-224", GCRY_MD_SHA224 },
    { "2.16.840.1.101.3.4.2.1", "SHA-256", SCEP_ALGORITHM_DIGEST, SCEP_STRONG, "SHA-256", GCRY_MD_SHA256 },
    { "2.16.840.1.101.3.4.2.2", "SHA-384", SCEP_ALGORITHM_DIGEST, SCEP_STRONG, "SHA-384", GCRY_MD_SHA384 },
    { "2.16.840.1.101.3.4.2.3", "SHA-512", SCEP_ALGORITHM_DIGEST, SCEP_STRONG, "SHA-512", GCRY_MD_SHA512 },
    { OID_RSA_ENCRYPTION, "rsaEncryption", SCEP_ALGORITHM_KEY_TRANSPORT, SCEP_STRONG, NULL, 0 },
    { OID_RSAES_OAEP, "rsaesOaep", SCEP_ALGORITHM_KEY_TRANSPORT, SCEP_STRONG, NULL, 0 },
    { "1.3.14.3.2.7", "DES-CBC", SCEP_ALGORITHM_CIPHER, SCEP_BROKEN, NULL, GCRY_CIPHER_DES },
    { "1.2.840.113549.3.7", "DES-EDE3-CBC", SCEP_ALGORITHM_CIPHER, SCEP_DATED, "DES3", GCRY_CIPHER_3DES },
    { "2.16.840.1.101.3.4.1.2", "AES-128-CBC", SCEP_ALGORITHM_CIPHER, SCEP_STRONG, "AES", GCRY_CIPHER_AES128 },
    { "2.16.840.1.101.3.4.1.22", "AES-192-CBC", SCEP_ALGORITHM_CIPHER, SCEP_STRONG, "AES", GCRY_CIPHER_AES192 },
    { "2.16.840.1.101.3.4.1.42", "AES-256-CBC", SCEP_ALGORITHM_CIPHER, SCEP_STRONG, "AES", GCRY_CIPHER_AES256 },
};

const scep_algorithm *
scep_algorithm_by_oid(const char *oid)
{
    for (size_t i = 0; i < G_N_ELEMENTS(algorithms); i++) {
        if (strcmp(algorithms[i].oid, oid) == 0)
            return &algorithms[i];
    }
    return NULL;
}

int
scep_digest_by_oid(const char *oid)
{
    const scep_algorithm *algorithm = scep_algorithm_by_oid(oid);

    return algorithm && algorithm->kind == SCEP_ALGORITHM_DIGEST ? algorithm->gcrypt : 0;
}
