/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The facts of a message, certificates, requests, and the mask of challenge passwords.
 */
#include <string.h>

#include "fuzz.h"
#include "scep/certificate.h"
#include "scep/message.h"

static wmem_allocator_t *scope;

int
LLVMFuzzerInitialize(int *argc G_GNUC_UNUSED, char ***argv G_GNUC_UNUSED)
{
    scope = wmem_allocator_new(WMEM_ALLOCATOR_SIMPLE);
    return 0;
}

static void
check_message(ber_slice data)
{
    scep_message message;
    scep_parts   parts;

    if (!scep_message_read(scope, scope, data, &message, &parts))
        return;
    scep_message_is_scep(&message);
    assert_text(message.transaction_id);
    assert_text(message.fail_info_text);
    assert_text(message.server_message);
    assert_text(message.signer_issuer);
    assert_text(message.signer_subject);
    assert_text(message.digest.name);
    assert_text(message.recipient_issuer);
    assert_text(message.key_encryption.name);
    assert_text(message.cipher.name);
    for (int place = 0; place < SCEP_PLACES; place++)
        g_assert_true((size_t)message.where[place].offset + message.where[place].length <= data.length);
    for (unsigned i = 0; i < wmem_array_get_count(parts.certificates); i++)
        assert_inside(*(ber_slice *)wmem_array_index(parts.certificates, i), data.data, data.length);
}

static void
check_certificates(ber_slice data)
{
    wmem_array_t *certificates = scep_certificates_read(scope, data);

    for (unsigned i = 0; i < wmem_array_get_count(certificates); i++) {
        const scep_certificate *certificate = *(scep_certificate **)wmem_array_index(certificates, i);

        assert_text(certificate->subject);
        assert_text(certificate->issuer);
        g_assert_true(scep_certificate_is(certificate, certificate->issuer, certificate->serial));
        scep_certificate_may_encrypt(certificate);
    }
}

/* A mask changes nothing but passwords, and what it leaves of them tells nothing. */
static void
check_request(ber_slice data)
{
    scep_request *request = scep_request_read(scope, data);
    uint8_t      *masked = g_memdup2(data.data, data.length);

    scep_request_mask_password(masked, data.length);
    for (size_t i = 0; i < data.length; i++)
        g_assert_true(masked[i] == data.data[i] || masked[i] == '*');
    if (request) {
        ber_slice     after = { masked, data.length };
        scep_request *again = scep_request_read(scope, after);

        assert_text(request->subject);
        assert_text(request->key);
        assert_text(request->challenge_password);
        for (const char **san = request->sans; *san; san++)
            assert_text(*san);
        if (again && again->challenge_password)
            g_assert_true(strspn(again->challenge_password, "*") == strlen(again->challenge_password));
    }
    g_free(masked);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ber_slice in = { data, size };

    check_message(in);
    check_certificates(in);
    check_request(in);
    scep_name_read(scope, in);
    wmem_free_all(scope);
    return 0;
}
