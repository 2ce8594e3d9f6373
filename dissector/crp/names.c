/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the result codes of Intune's SCEP validation mean: IntuneScepServiceException of the libraries that Microsoft
 * publishes for certification authorities (github.com/microsoft/Intune-Resource-Access).
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
