/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The facts of pkiMessages. What is expected is what captures/samples/made.md says was put into them, and for the
 * numbers drawn there what openssl prints:
 *   openssl asn1parse -inform DER -in FILE                     (attributes)
 *   openssl cms -cmsout -noout -print -inform DER -in FILE     (signer and algorithms; the envelope is in
 *   openssl cms -verify -nosigs -noverify -inform DER -in FILE -out ENVELOPE, for -cmsout in turn)
 */
#include <string.h>

#include "support.h"

#define CA     "CN=Contoso Issuing CA,O=Contoso,C=US"
#define RA     "CN=NDES01-MSCEP-RA,O=Contoso,C=US"
#define DEVICE "CN=device-1.contoso.com,O=Contoso"

/* serialNumber in hexadecimal: 24834 and 24835 are the RA's, see made.md. */
#define RA_ENCRYPTION "6102"
#define RA_SIGNING    "6103"

#define NONE 0xffffffff /* an absent number; none of the samples has it */

typedef struct {
    const char  *sample, *file;
    uint32_t     message_type, pki_status, fail_info, hresult;
    const char  *transaction_id, *sender_nonce, *recipient_nonce, *fail_info_text, *server_message;
    const char  *signer_issuer, *signer_serial, *signer_subject, *digest;
    scep_content content;
    const char  *recipient_issuer, *recipient_serial, *key_encryption, *cipher;
} expected_facts;

static const expected_facts expected[] = {
    { "made-ndes-success", "03-request.p7m", SCEP_PKCS_REQ, NONE, NONE, NONE,
      "5D0C9B2F6E714A83B1F7D2360E95CA48A77F1B02", "6e6da57c1a1d367718868f223ab23781", "", NULL, NULL,
      DEVICE, "01", DEVICE, "SHA-256", SCEP_CONTENT_ENVELOPED, CA, RA_ENCRYPTION, "rsaEncryption", "DES-EDE3-CBC" },
    { "made-ndes-success", "03-response.p7m", SCEP_CERT_REP, SCEP_SUCCESS, NONE, NONE,
      "5D0C9B2F6E714A83B1F7D2360E95CA48A77F1B02", "94e47107967579a24fcb2a8ac0ebd075",
      "6e6da57c1a1d367718868f223ab23781", NULL, "Issued", CA, RA_SIGNING, NULL, "SHA-1", SCEP_CONTENT_ENVELOPED,
      DEVICE, "01", "rsaesOaep", "AES-128-CBC" },
    { "made-ndes-failure", "03-response.p7m", SCEP_CERT_REP, SCEP_FAILURE, 2, 0x80070057,
      "9E1C47D20B6FA3358C04E7D91A52BB60F3348D17", "a15eda913f9a1ad936dbe2909898eade",
      "2475005d5246b190c9b1318b808e0c32", NULL, NULL, CA, RA_SIGNING, NULL, "SHA-1", SCEP_CONTENT_EMPTY,
      NULL, "", NULL, NULL },
    { "made-ios-ber", "03-request.p7m", SCEP_PKCS_REQ, NONE, NONE, NONE,
      "c2e8a0b7d14f9365be07218f4da6c95310e7fb42", "9bd7dcdc23b055ab44d3229133a48e20", "", NULL, NULL,
      DEVICE, "01", DEVICE, "SHA-512", SCEP_CONTENT_ENVELOPED, CA, RA_ENCRYPTION, "rsaEncryption", "DES-EDE3-CBC" },
    { "made-pending-poll", "03-response.p7m", SCEP_CERT_REP, SCEP_PENDING, NONE, NONE, "8A4F3C21D09E57B6",
      "c7755f7669d08e4b863c9b444c364c13", "25561972648da83cfa59f7b5bce2fb14", NULL, NULL, CA, RA_SIGNING, RA,
      "SHA-256", SCEP_CONTENT_ABSENT, NULL, "", NULL, NULL },
    { "made-pending-poll", "04-request.p7m", SCEP_CERT_POLL, NONE, NONE, NONE, "8A4F3C21D09E57B6",
      "1ff9983d60e05947c23e2b89f20fbef5", "", NULL, NULL, DEVICE, "01", DEVICE, "SHA-256", SCEP_CONTENT_ENVELOPED,
      CA, RA_ENCRYPTION, "rsaEncryption", "DES-EDE3-CBC" },
    { "made-pending-poll", "04-response.p7m", SCEP_CERT_REP, SCEP_PENDING, NONE, NONE, "8A4F3C21D09E57B6",
      "b623875b7b9c4b87f358d4150ca41228", "1ff9983d60e05947c23e2b89f20fbef5", NULL, NULL, CA, RA_SIGNING, RA,
      "SHA-256", SCEP_CONTENT_EMPTY, NULL, "", NULL, NULL },
    { "made-renewal", "03-request.p7m", SCEP_RENEWAL_REQ, NONE, NONE, NONE, "renewal-rfc8894",
      "14420d12a436cd5bf417d6b0a4eb9dbc", "", NULL, NULL, CA, "7001", DEVICE, "SHA-256", SCEP_CONTENT_ENVELOPED, CA,
      RA_ENCRYPTION, "rsaEncryption", "DES-EDE3-CBC" },
    { "made-getcert-getcrl-nextca", "05-request.p7m", SCEP_GET_CRL, NONE, NONE, NONE, "get-crl",
      "c4acdfdf942ce230fef4c6065ec5f5da", "", NULL, NULL, DEVICE, "01", DEVICE, "SHA-256", SCEP_CONTENT_ENVELOPED, CA,
      RA_ENCRYPTION, "rsaEncryption", "DES-EDE3-CBC" },
    { "made-all-failinfo", "08-response.p7m", SCEP_CERT_REP, SCEP_FAILURE, 3, NONE, "failInfo-3-text",
      "a0f7a22b5635fd694f9194105b35fc0a", "217248e35c392c9ccec4a278ab0722c0", "the signing time is too old", NULL, CA,
      RA_SIGNING, NULL, "SHA-256", SCEP_CONTENT_EMPTY, NULL, "", NULL, NULL },
    { "made-all-failinfo", "12-response.p7m", SCEP_CERT_REP, 7, NONE, NONE, "pkiStatus-7",
      "28b034c63280a7c8149d80b0cfa80b0a", "a91a368d3ac50d50392329abaf43e027", NULL, NULL, CA, RA_SIGNING, RA,
      "SHA-256", SCEP_CONTENT_ABSENT, NULL, "", NULL, NULL },
    { "made-odd-attributes", "03-request.p7m", SCEP_PKCS_REQ, NONE, NONE, NONE, "q0Xy3/8hT+ZbLk2mN5pWsA7dE1c=",
      "fa17a41ab5d73338", "", NULL, NULL, DEVICE, "01", DEVICE, "SHA-256", SCEP_CONTENT_ENVELOPED, CA, RA_ENCRYPTION,
      "rsaEncryption", "AES-128-CBC" },
    { "made-odd-attributes", "05-request.p7m", SCEP_PKCS_REQ, NONE, NONE, NONE, "PKQ4T-ZR7WM-2JHD9", "", "", NULL,
      NULL, DEVICE, "01", DEVICE, "SHA-256", SCEP_CONTENT_ENVELOPED, CA, RA_ENCRYPTION, "rsaEncryption",
      "AES-128-CBC" },
    { "made-odd-attributes", "03-response.p7m", SCEP_CERT_REP, SCEP_SUCCESS, NONE, NONE,
      "q0Xy3/8hT+ZbLk2mN5pWsA7dE1c=", "", "fa17a41ab5d73338", NULL, NULL, CA, RA_SIGNING, RA, "SHA-256",
      SCEP_CONTENT_ENVELOPED, DEVICE, "01", "rsaEncryption", "AES-128-CBC" },
    { "made-inconsistent", "07-request.p7m", SCEP_PKCS_REQ, NONE, NONE, NONE, "weak-algorithms",
      "3920c3089b6aed342c2d61be07586e63", "", NULL, NULL, DEVICE, "01", DEVICE, "MD5", SCEP_CONTENT_ENVELOPED, CA,
      RA_ENCRYPTION, "rsaEncryption", "DES-CBC" },
};

static void
assert_number(bool has, uint32_t value, uint32_t wanted)
{
    g_assert_cmpint(has, ==, wanted != NONE);
    if (has)
        g_assert_cmpuint(value, ==, wanted);
}

static void
test_facts(gconstpointer data)
{
    const expected_facts *facts = data;
    GBytes               *bytes = bytes_of_truth(facts->sample, facts->file);
    scep_message          message;
    scep_parts            parts;

    message_of(bytes, &message, &parts);
    g_assert_true(message.complete);
    g_assert_true(scep_message_is_scep(&message));
    assert_number(message.has_message_type, message.message_type, facts->message_type);
    assert_number(message.has_pki_status, message.pki_status, facts->pki_status);
    assert_number(message.has_fail_info, message.fail_info, facts->fail_info);
    assert_number(message.has_hresult, message.hresult, facts->hresult);
    g_assert_cmpstr(message.transaction_id, ==, facts->transaction_id);
    assert_hex(message.sender_nonce.data, message.sender_nonce.length, facts->sender_nonce);
    assert_hex(message.recipient_nonce.data, message.recipient_nonce.length, facts->recipient_nonce);
    g_assert_cmpstr(message.fail_info_text, ==, facts->fail_info_text);
    g_assert_cmpstr(message.server_message, ==, facts->server_message);
    g_assert_cmpstr(message.signer_issuer, ==, facts->signer_issuer);
    assert_hex(message.signer_serial.data, message.signer_serial.length, facts->signer_serial);
    g_assert_cmpstr(message.signer_subject, ==, facts->signer_subject);
    g_assert_false(message.signer_is_unnamed);
    g_assert_cmpstr(message.digest.name, ==, facts->digest);
    g_assert_cmpint(message.content, ==, facts->content);
    g_assert_cmpuint(message.recipients, ==, facts->content == SCEP_CONTENT_ENVELOPED);
    g_assert_false(message.recipient_is_password);
    g_assert_cmpstr(message.recipient_issuer, ==, facts->recipient_issuer);
    assert_hex(message.recipient_serial.data, message.recipient_serial.length, facts->recipient_serial);
    g_assert_cmpstr(message.key_encryption.name, ==, facts->key_encryption);
    g_assert_cmpstr(message.cipher.name, ==, facts->cipher);
    g_bytes_unref(bytes);
    support_free_scope();
}

/* A string, absent or the same. */
#define ASSERT_PART_OF(a, b)                                                                                           \
    G_STMT_START {                                                                                                     \
        if (a)                                                                                                         \
            g_assert_cmpstr(a, ==, b);                                                                                 \
    }                                                                                                                  \
    G_STMT_END

static void
assert_octets_part_of(scep_octets a, scep_octets b)
{
    if (a.length > 0)
        g_assert_cmpmem(a.data, a.length, b.data, b.length);
}

/* Cut anywhere, a message is not complete, and says nothing that the whole does not say. */
static void
test_truncation(gconstpointer data)
{
    const expected_facts *facts = data;
    GBytes               *bytes = bytes_of_truth(facts->sample, facts->file);
    scep_message          whole;
    scep_parts            whole_parts;

    message_of(bytes, &whole, &whole_parts);
    for (size_t length = 0; length < g_bytes_get_size(bytes); length++) {
        GBytes      *cut = bytes_cut(bytes, length);
        scep_message message;
        scep_parts   parts;
        bool         read;

        read = scep_message_read(support_scope(), support_scope(), slice_of(cut), &message, &parts);
        g_assert_false(message.complete);
        if (read) {
            g_assert_true(message.has_message_type <= whole.has_message_type);
            g_assert_true(message.has_pki_status <= whole.has_pki_status);
            g_assert_true(message.has_fail_info <= whole.has_fail_info);
            g_assert_true(message.has_hresult <= whole.has_hresult);
            g_assert_true(!message.has_message_type || message.message_type == whole.message_type);
            g_assert_true(!message.has_pki_status || message.pki_status == whole.pki_status);
            g_assert_true(!message.has_fail_info || message.fail_info == whole.fail_info);
            g_assert_true(!message.has_hresult || message.hresult == whole.hresult);
            ASSERT_PART_OF(message.transaction_id, whole.transaction_id);
            ASSERT_PART_OF(message.fail_info_text, whole.fail_info_text);
            ASSERT_PART_OF(message.server_message, whole.server_message);
            assert_octets_part_of(message.sender_nonce, whole.sender_nonce);
            assert_octets_part_of(message.recipient_nonce, whole.recipient_nonce);
            ASSERT_PART_OF(message.signer_issuer, whole.signer_issuer);
            assert_octets_part_of(message.signer_serial, whole.signer_serial);
            ASSERT_PART_OF(message.signer_subject, whole.signer_subject);
            ASSERT_PART_OF(message.digest.name, whole.digest.name);
            g_assert_false(message.signer_is_unnamed);
            g_assert_true(message.content != SCEP_CONTENT_ENVELOPED || whole.content == SCEP_CONTENT_ENVELOPED);
            g_assert_cmpuint(message.recipients, <=, whole.recipients);
            ASSERT_PART_OF(message.recipient_issuer, whole.recipient_issuer);
            assert_octets_part_of(message.recipient_serial, whole.recipient_serial);
            ASSERT_PART_OF(message.key_encryption.name, whole.key_encryption.name);
            ASSERT_PART_OF(message.cipher.name, whole.cipher.name);
            g_assert_true(!parts.is_whole || parts.encrypted_content.length == whole_parts.encrypted_content.length);
            g_assert_true(parts.signature.length == 0 || parts.signature.length == whole_parts.signature.length);
        }
        g_bytes_unref(cut);
    }
    g_bytes_unref(bytes);
    support_free_scope();
}

/* Facts come as far as the message goes, not all or nothing: of a request that lacks its last octet, which is the
 * signature's, nothing but the signature is missing. */
static void
test_last_octet(void)
{
    GBytes      *bytes = bytes_of_truth("made-ndes-success", "03-request.p7m");
    GBytes      *cut = bytes_cut(bytes, g_bytes_get_size(bytes) - 1);
    scep_message message;
    scep_parts   parts;

    message_of(cut, &message, &parts);
    g_assert_false(message.complete);
    g_assert_cmpuint(message.message_type, ==, SCEP_PKCS_REQ);
    g_assert_cmpstr(message.transaction_id, ==, "5D0C9B2F6E714A83B1F7D2360E95CA48A77F1B02");
    g_assert_cmpstr(message.signer_subject, ==, DEVICE);
    g_assert_cmpstr(message.cipher.name, ==, "DES-EDE3-CBC");
    g_assert_true(parts.is_whole);
    g_assert_cmpuint(parts.signed_attributes.length, >, 0);
    g_bytes_unref(cut);
    g_bytes_unref(bytes);
    support_free_scope();
}

/* Where facts stand: the octets there are the facts themselves. */
static void
assert_place(const scep_message *message, GBytes *bytes, scep_place place, const void *octets, size_t length)
{
    ber_slice whole = slice_of(bytes);
    scep_span where = message->where[place];

    g_assert_cmpuint(where.length, ==, length);
    g_assert_cmpuint((size_t)where.offset + where.length, <=, whole.length);
    g_assert_cmpmem(whole.data + where.offset, where.length, octets, length);
}

static void
test_places(void)
{
    GBytes      *bytes = bytes_of_truth("made-ndes-failure", "03-response.p7m");
    scep_message message;
    scep_parts   parts;

    message_of(bytes, &message, &parts);
    assert_place(&message, bytes, SCEP_AT_MESSAGE_TYPE, "3", 1);
    assert_place(&message, bytes, SCEP_AT_PKI_STATUS, "2", 1);
    assert_place(&message, bytes, SCEP_AT_FAIL_INFO, "2", 1);
    assert_place(&message, bytes, SCEP_AT_HRESULT, "-2147024809", 11);
    assert_place(&message, bytes, SCEP_AT_TRANSACTION_ID, "9E1C47D20B6FA3358C04E7D91A52BB60F3348D17", 40);
    assert_place(&message, bytes, SCEP_AT_SENDER_NONCE, message.sender_nonce.data, 16);
    assert_place(&message, bytes, SCEP_AT_RECIPIENT_NONCE, message.recipient_nonce.data, 16);
    assert_place(&message, bytes, SCEP_AT_SIGNER_SERIAL, "\x61\x03", 2);
    assert_place(&message, bytes, SCEP_AT_DIGEST, "\x2b\x0e\x03\x02\x1a", 5); /* 1.3.14.3.2.26 */
    g_assert_cmpuint(message.where[SCEP_AT_CIPHER].length, ==, 0);
    g_assert_cmpuint(message.where[SCEP_AT_SERVER_MESSAGE].length, ==, 0);
    g_bytes_unref(bytes);

    /* An envelope in segments has no one place in the message, its signer has. */
    bytes = bytes_of_truth("made-ios-ber", "03-request.p7m");
    message_of(bytes, &message, &parts);
    g_assert_cmpuint(message.where[SCEP_AT_CIPHER].length, ==, 0);
    assert_place(&message, bytes, SCEP_AT_MESSAGE_TYPE, "19", 2);
    g_bytes_unref(bytes);
    support_free_scope();
}

static void
assert_no_message(GBytes *bytes)
{
    scep_message message;
    scep_parts   parts;

    g_assert_false(scep_message_read(support_scope(), support_scope(), slice_of(bytes), &message, &parts));
    g_bytes_unref(bytes);
    support_free_scope();
}

static void
test_no_message(void)
{
    char *certificate = truth_path("made-ndes-success", "ca.crt");

    assert_no_message(bytes_of_hex(""));
    assert_no_message(bytes_of_hex("00 00 00 00"));
    assert_no_message(bytes_of_hex("30 80"));
    assert_no_message(bytes_of_truth("made-ndes-success", "01-response.txt"));
    assert_no_message(bytes_of_pem(certificate));
    g_free(certificate);
}

/* GetCACert of made.md: the CA and NDES's two RA certificates; no attributes, so nothing that only SCEP has. */
static void
test_certs_only(void)
{
    static const char *const files[] = { "ca.crt", "ra.crt", "ra-signing.crt" };
    GBytes      *bytes = bytes_of_truth("made-ndes-success", "02-response.p7b");
    scep_message message;
    scep_parts   parts;

    message_of(bytes, &message, &parts);
    g_assert_false(scep_message_is_scep(&message));
    g_assert_cmpint(message.content, ==, SCEP_CONTENT_ABSENT);
    g_assert_cmpuint(wmem_array_get_count(parts.certificates), ==, G_N_ELEMENTS(files));

    wmem_array_t *certificates = scep_certificates_read(support_scope(), slice_of(bytes));

    g_assert_cmpuint(wmem_array_get_count(certificates), ==, G_N_ELEMENTS(files));
    for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
        char  *path = truth_path("made-ndes-success", files[i]);
        GBytes *der = bytes_of_pem(path);
        bool    found = false;

        for (unsigned at = 0; at < G_N_ELEMENTS(files); at++) {
            const scep_certificate *certificate = *(scep_certificate **)wmem_array_index(certificates, at);

            found = found || (certificate->der.length == g_bytes_get_size(der) &&
                              memcmp(certificate->der.data, g_bytes_get_data(der, NULL), certificate->der.length) == 0);
        }
        g_assert_true(found);
        g_bytes_unref(der);
        g_free(path);
    }
    g_bytes_unref(bytes);
    support_free_scope();
}

static void
assert_one_certificate(GBytes *bytes, const char *sample, const char *file)
{
    char         *path = truth_path(sample, file);
    GBytes       *der = bytes_of_pem(path);
    wmem_array_t *certificates = scep_certificates_read(support_scope(), slice_of(bytes));

    g_assert_cmpuint(wmem_array_get_count(certificates), ==, 1);
    if (wmem_array_get_count(certificates) == 1) {
        const scep_certificate *certificate = *(scep_certificate **)wmem_array_index(certificates, 0);

        g_assert_cmpmem(certificate->der.data, certificate->der.length, g_bytes_get_data(der, NULL),
                        g_bytes_get_size(der));
    }
    g_bytes_unref(bytes);
    g_bytes_unref(der);
    g_free(path);
    support_free_scope();
}

/* One certificate by itself (RFC 8894 4.2.1.1), and a degenerate SignedData inside a signed one (4.7.1). */
static void
test_single_certificates(void)
{
    char *path = truth_path("made-ndes-success", "ca.crt");

    assert_one_certificate(bytes_of_pem(path), "made-ndes-success", "ca.crt");
    g_free(path);
    assert_one_certificate(bytes_of_truth("made-getcert-getcrl-nextca", "06-response.p7b"),
                           "made-getcert-getcrl-nextca", "next-ca.crt");
}

/* HRESULTs and the like are signed decimals (made.md); what is no number is none. */
static void
test_numbers(void)
{
    static const struct {
        const char *text; /* as long as the original, -2147024809 */
        bool        has;
        uint32_t    hresult;
    } cases[] = {
        { "-2147024809", true, 0x80070057 }, { "-2147483648", true, 0x80000000 }, { "-2147483649", false, 0 },
        { "00000000000", true, 0 },          { "04294967295", true, 0xffffffff }, { "04294967296", false, 0 },
        { "-0000000001", true, 0xffffffff }, { "0x80070057x", false, 0 },         { "2147024809 ", false, 0 },
        { "           ", false, 0 },
    };
    GBytes        *bytes = bytes_of_truth("made-ndes-failure", "03-response.p7m");
    gsize          length;
    const uint8_t *data = g_bytes_get_data(bytes, &length);
    const char    *original = "-2147024809";
    const uint8_t *at = memmem(data, length, original, strlen(original));

    g_assert_nonnull(at);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        uint8_t     *copy = g_memdup2(data, length);
        ber_slice    changed = { copy, length };
        scep_message message;
        scep_parts   parts;

        g_assert_cmpuint(strlen(cases[i].text), ==, strlen(original));
        memcpy(copy + (at - data), cases[i].text, strlen(original));
        g_assert_true(scep_message_read(support_scope(), support_scope(), changed, &message, &parts));
        g_test_message("%s", cases[i].text);
        g_assert_cmpint(message.has_hresult, ==, cases[i].has);
        g_assert_cmphex(message.hresult, ==, cases[i].hresult);
        g_free(copy);
        support_free_scope();
    }
    g_bytes_unref(bytes);
}

static void
add_tests(const char *name, GTestDataFunc function)
{
    for (size_t i = 0; i < G_N_ELEMENTS(expected); i++) {
        char *path = g_strdup_printf("/message/%s/%s/%s", name, expected[i].sample, expected[i].file);

        g_test_add_data_func(path, &expected[i], function);
        g_free(path);
    }
}

int
main(int argc, char **argv)
{
    support_init(&argc, &argv);
    add_tests("facts", test_facts);
    add_tests("truncation", test_truncation);
    g_test_add_func("/message/last-octet", test_last_octet);
    g_test_add_func("/message/places", test_places);
    g_test_add_func("/message/none", test_no_message);
    g_test_add_func("/message/certs-only", test_certs_only);
    g_test_add_func("/message/single-certificates", test_single_certificates);
    g_test_add_func("/message/numbers", test_numbers);
    return support_run();
}
