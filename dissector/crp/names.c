/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the result codes of Intune's SCEP validation mean: IntuneScepServiceException of the libraries that Microsoft
 * publishes for certification authorities (github.com/microsoft/Intune-Resource-Access). And what IIS's statuses mean.
 */
#include "body.h"

#include <glib.h>

static const struct {
    const char *code, *meaning;
} codes[] = {
    { "Unknown", "a failure that Intune has no code for" },
    { "Success", "the request is valid" },
    { "CertificateRequestDecodingFailed", "the PKCS #10 request cannot be read" },
    { "ChallengePasswordMissing", "the request carries no challenge password" },
    { "ChallengeDeserializationError", "the challenge, decrypted, is not of the form expected" },
    { "ChallengeDecryptionError", "the challenge cannot be decrypted" },
    { "ChallengeDecodingError", "the challenge is not the encoding of a CMS message" },
    { "ChallengeInvalidTimestamp", "the challenge's time of issue cannot be right" },
    { "ChallengeExpired", "the challenge is older than it may be" },
    { "SubjectNameMissing", "the request names no subject" },
    { "SubjectNameMismatch", "the request's subject is not that of the SCEP profile" },
    { "SubjectAltNameMissing", "the request lacks the alternative names of the SCEP profile" },
    { "SubjectAltNameMismatch", "the request's alternative names are not those of the SCEP profile" },
    { "KeyUsageMismatch", "the request's key usage is not that of the SCEP profile" },
    { "KeyLengthMismatch", "the request's key is not as long as the SCEP profile says" },
    { "EnhancedKeyUsageMissing", "the request lacks the extended key usage of the SCEP profile" },
    { "EnhancedKeyUsageMismatch", "the request's extended key usage is not that of the SCEP profile" },
    { "AadKeyIdentifierListMissing", "the directory lists no registered keys of the device" },
    { "RegisteredKeyMismatch", "the request's key is not one that the device has registered" },
    { "SigningCertThumbprintMismatch", "the challenge was signed with another certificate than expected" },
    { "ScepProfileNoLongerTargetedToTheClient", "the SCEP profile is no longer assigned to this user or device" },
    { "SignatureValidationFailed", "a signature does not fit" },
    { "BadCertificateRequestIdInChallenge", "the challenge names a certificate request that Intune does not know" },
    { "BadDeviceIdInChallenge", "the challenge was issued for another device" },
    { "BadUserIdInChallenge", "the challenge was issued for another user" },
};

const char *
crp_code_meaning(const char *code)
{
    for (size_t i = 0; code && i < G_N_ELEMENTS(codes); i++) {
        if (g_ascii_strcasecmp(code, codes[i].code) == 0)
            return codes[i].meaning;
    }
    return NULL;
}

/* "HTTP status codes in IIS" of Microsoft's IIS documentation; those that a site of NDES or a registration point may
 * give. */
static const struct {
    unsigned    status, substatus;
    const char *meaning;
} statuses[] = {
    { 401, 1, "the user name or password is wrong" },
    { 401, 2, "the site's authentication settings do not let the caller in" },
    { 401, 3, "the caller's account has no permission for the file" },
    { 401, 4, "a filter does not let the caller in" },
    { 401, 5, "the application does not let the caller in" },
    { 403, 1, "execution is not allowed there" },
    { 403, 2, "reading is not allowed there" },
    { 403, 3, "writing is not allowed there" },
    { 403, 4, "HTTPS is required" },
    { 403, 5, "HTTPS with keys of 128 bits is required" },
    { 403, 6, "the caller's address is not let in" },
    { 403, 7, "a client certificate is required" },
    { 403, 8, "the caller's name is not let in" },
    { 403, 12, "no account is mapped to the client certificate" },
    { 403, 13, "the client certificate was revoked, or that cannot be found out" },
    { 403, 14, "listing the directory is not allowed" },
    { 403, 16, "the client certificate is not trusted, or invalid" },
    { 403, 17, "the client certificate has expired or is not valid yet" },
    { 403, 18, "the URL cannot be executed in this application pool" },
    { 404, 2, "the handler is not allowed on this server" },
    { 404, 3, "no handler takes this extension" },
    { 404, 4, "no handler is configured" },
    { 404, 5, "request filtering refuses a sequence in the URL" },
    { 404, 6, "request filtering refuses the method" },
    { 404, 7, "request filtering refuses the file's extension" },
    { 404, 8, "request filtering hides this part of the site" },
    { 404, 10, "a header is too long for request filtering" },
    { 404, 11, "the URL is escaped twice, which request filtering refuses" },
    { 404, 12, "request filtering refuses characters beyond ASCII" },
    { 404, 13, "the body is too long for request filtering" },
    { 404, 14, "the URL is too long for request filtering" },
    { 404, 15, "the query is too long for request filtering" },
    { 413, 1, "the body is too long for request filtering" },
    { 500, 11, "the application is shutting down" },
    { 500, 12, "the application is restarting" },
    { 500, 13, "the server is too busy" },
    { 500, 19, "the configuration is invalid" },
    { 500, 21, "a module is not known" },
    { 503, 2, "more requests at once than the application takes" },
    { 503, 3, "the application's queue is full" },
};

const char *
crp_status_meaning(unsigned status, unsigned substatus)
{
    for (size_t i = 0; i < G_N_ELEMENTS(statuses); i++) {
        if (statuses[i].status == status && statuses[i].substatus == substatus)
            return statuses[i].meaning;
    }
    return NULL;
}
