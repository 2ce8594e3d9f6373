/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Certificates, requests, names, and masks of challenge passwords.
 */
#include <string.h>

#include "support.h"

#define CA     "CN=Contoso Issuing CA,O=Contoso,C=US"
#define RA     "CN=NDES01-MSCEP-RA,O=Contoso,C=US"
#define DEVICE "CN=device-1.contoso.com,O=Contoso"

/* Fixed certificates, as captures/record/keys/make-keys asked for them:
 *   openssl x509 -in FILE -noout -serial -dates -subject -issuer -nameopt RFC2253 -ext keyUsage,basicConstraints
 */
static const struct {
    const char *file, *subject, *issuer, *serial;
    time_t      not_before, not_after;
    unsigned    key_usage;
    bool        is_ca, may_encrypt;
} certificates[] = {
    { "ca.crt", CA, CA, "0c01", 1577836800, 2524521600,
      GNUTLS_KEY_DIGITAL_SIGNATURE | GNUTLS_KEY_KEY_ENCIPHERMENT | GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN, true,
      true },
    { "ra-encryption.crt", RA, CA, "6102", 1577836800, 2524521600, GNUTLS_KEY_KEY_ENCIPHERMENT, false, true },
    { "ra-signing.crt", RA, CA, "6103", 1577836800, 2524521600, GNUTLS_KEY_DIGITAL_SIGNATURE, false, false },
    { "ra-expired.crt", RA, CA, "6002", 1577836800, 1735603200, GNUTLS_KEY_KEY_ENCIPHERMENT, false, true },
    { "device-old.crt", DEVICE, CA, "7001", 1709251200, 2524521600,
      GNUTLS_KEY_DIGITAL_SIGNATURE | GNUTLS_KEY_KEY_ENCIPHERMENT, false, true },
};

static char *
key_path(const char *file)
{
    char *name = g_build_filename("captures/record/keys", file, NULL), *path = source_path(name);

    g_free(name);
    return path;
}

static void
test_certificates(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(certificates); i++) {
        char             *path = key_path(certificates[i].file);
        GBytes           *der = bytes_of_pem(path);
        ber_slice         slice = slice_of(der);
        scep_certificate *certificate = scep_certificate_read(support_scope(), slice);
        guint8            thumbprint[SCEP_THUMBPRINT_SIZE];
        gsize             size = sizeof thumbprint;
        GChecksum        *checksum = g_checksum_new(G_CHECKSUM_SHA1);

        g_assert_nonnull(certificate);
        g_assert_cmpstr(certificate->subject, ==, certificates[i].subject);
        g_assert_cmpstr(certificate->issuer, ==, certificates[i].issuer);
        assert_hex(certificate->serial.data, certificate->serial.length, certificates[i].serial);
        g_assert_cmpint(certificate->not_before, ==, certificates[i].not_before);
        g_assert_cmpint(certificate->not_after, ==, certificates[i].not_after);
        g_assert_cmpuint(certificate->key_usage, ==, certificates[i].key_usage);
        g_assert_cmpint(certificate->is_ca, ==, certificates[i].is_ca);
        g_assert_cmpint(scep_certificate_may_encrypt(certificate), ==, certificates[i].may_encrypt);
        g_assert_cmpuint(certificate->key_bits, ==, 2048);
        g_assert_cmpmem(certificate->der.data, certificate->der.length, slice.data, slice.length);
        g_checksum_update(checksum, slice.data, (gssize)slice.length);
        g_checksum_get_digest(checksum, thumbprint, &size);
        g_assert_cmpmem(certificate->thumbprint, sizeof certificate->thumbprint, thumbprint, size);
        g_assert_true(scep_certificate_is(certificate, certificates[i].issuer, certificate->serial));
        g_assert_false(scep_certificate_is(certificate, DEVICE, certificate->serial));
        g_assert_null(scep_certificate_read(support_scope(), (ber_slice){ slice.data, slice.length - 1 }));
        g_checksum_free(checksum);
        g_bytes_unref(der);
        g_free(path);
        support_free_scope();
    }
}

static void
assert_name(const char *hex, const char *expected)
{
    GBytes *der = bytes_of_hex(hex);

    g_assert_cmpstr(scep_name_read(support_scope(), slice_of(der)), ==, expected);
    g_bytes_unref(der);
    support_free_scope();
}

static void
test_names(void)
{
    /* Names from outermost to innermost; RFC 4514 2.1 writes them the other way round. */
    assert_name("30 1e 31 0b 30 09 06 03 55 04 06 13 02 55 53 31 0f 30 0d 06 03 55 04 03 0c 06 61 2c 62 2b 63 22",
                "CN=a\\,b\\+c\\\",C=US");
    assert_name("30 00", "");
    assert_name("", NULL);
    assert_name("30 03 31 01 00", NULL);
}

/* Writes a request as openssl makes it of this configuration; its DER. */
static GBytes *
request_of(const char *configuration)
{
    char *config = scratch_path("request.cnf"), *out = scratch_path("request.der"), *key = key_path("device.key");

    const char *const arguments[] = { "req", "-new", "-key", key, "-config", config, "-outform", "DER", "-out", out,
                                      NULL };
    GBytes           *der;

    g_assert_true(g_file_set_contents(config, configuration, -1, NULL));
    g_bytes_unref(openssl(arguments));
    der = bytes_of_file(out);
    g_free(config);
    g_free(out);
    g_free(key);
    return der;
}

#define CHALLENGE "A1B2C3D4E5F60718-not-for-everyone"

#define PLAIN_REQUEST                                                                                                  \
    "[req]\nprompt = no\nutf8 = yes\nstring_mask = utf8only\ndistinguished_name = dn\n"                                \
    "[dn]\nO = Contoso\nCN = device-1.contoso.com\n"
#define WHOLE_REQUEST                                                                                                  \
    "[req]\nprompt = no\ndistinguished_name = dn\nattributes = attributes\nreq_extensions = extensions\n"              \
    "[dn]\nO = Contoso\nCN = device-1.contoso.com\n"                                                                   \
    "[attributes]\nchallengePassword = " CHALLENGE "\nunstructuredName = device-1\n"                                   \
    "[extensions]\nkeyUsage = digitalSignature\nsubjectAltName = @sans\n"                                              \
    "[sans]\nDNS.1 = device-1.contoso.com\nDNS.2 = device-1\nIP.1 = 192.0.2.10\nIP.2 = 2001:db8::10\n"                 \
    "email.1 = user@contoso.com\nURI.1 = urn:device:1\notherName.1 = 1.3.6.1.4.1.311.20.2.3;UTF8:user@contoso.com\n"

static void
test_request(void)
{
    static const char *const sans[] = { "DNS:device-1.contoso.com", "DNS:device-1",         "IP:192.0.2.10",
                                        "IP:2001:db8:0:0:0:0:0:10", "email:user@contoso.com", "URI:urn:device:1",
                                        "UPN:user@contoso.com" };
    GBytes       *der = request_of(WHOLE_REQUEST);
    scep_request *request = scep_request_read(support_scope(), slice_of(der));

    g_assert_nonnull(request);
    g_assert_cmpstr(request->subject, ==, DEVICE);
    g_assert_cmpstr(request->key, ==, "RSA 2048");
    g_assert_cmpstr(request->challenge_password, ==, CHALLENGE);
    for (size_t i = 0; i < G_N_ELEMENTS(sans); i++)
        g_assert_cmpstr(request->sans[i], ==, sans[i]);
    g_assert_null(request->sans[G_N_ELEMENTS(sans)]);
    g_bytes_unref(der);
    support_free_scope();
}

static void
test_plain_request(void)
{
    GBytes       *der = request_of(PLAIN_REQUEST);
    ber_slice     slice = slice_of(der);
    scep_request *request = scep_request_read(support_scope(), slice);

    g_assert_nonnull(request);
    g_assert_cmpstr(request->subject, ==, DEVICE);
    g_assert_null(request->challenge_password);
    g_assert_null(request->sans[0]);
    g_assert_null(scep_request_read(support_scope(), (ber_slice){ slice.data, slice.length - 1 }));
    g_bytes_unref(der);
    support_free_scope();
}

/* Names that are no UTF-8 must not reach a user interface as they are. */
static void
test_invalid_text(void)
{
    static const char *const changed[] = { "device-1.contoso.com", "urn:device:1", CHALLENGE };
    GBytes                  *der = request_of(WHOLE_REQUEST);

    for (size_t i = 0; i < G_N_ELEMENTS(changed); i++) {
        gsize         length;
        uint8_t      *copy = g_memdup2(g_bytes_get_data(der, &length), g_bytes_get_size(der));
        uint8_t      *at = memmem(copy, length, changed[i], strlen(changed[i]));
        scep_request *request;

        g_assert_nonnull(at);
        *at = 0xff;
        request = scep_request_read(support_scope(), (ber_slice){ copy, length });
        g_assert_nonnull(request);
        g_assert_true(g_utf8_validate(request->subject, -1, NULL));
        g_assert_true(g_utf8_validate(request->challenge_password, -1, NULL));
        for (const char **san = request->sans; *san; san++)
            g_assert_true(g_utf8_validate(*san, -1, NULL));
        g_free(copy);
        support_free_scope();
    }
    g_bytes_unref(der);
}

/* The text that openssl makes of a request, whose signature no longer fits. */
static char *
text_of_request(const void *der, size_t length)
{
    char *path = scratch_path("masked.der");

    const char *const arguments[] = { "req", "-inform", "DER", "-in", path, "-noout", "-text", NULL };
    GBytes           *output;
    char             *text;

    g_assert_true(g_file_set_contents(path, der, (gssize)length, NULL));
    output = openssl(arguments);
    text = g_strndup(g_bytes_get_data(output, NULL), g_bytes_get_size(output));
    g_bytes_unref(output);
    g_free(path);
    return text;
}

static void
test_mask(void)
{
    GBytes  *der = request_of(WHOLE_REQUEST);
    gsize    length;
    uint8_t *copy = g_memdup2(g_bytes_get_data(der, &length), g_bytes_get_size(der));
    char    *before = text_of_request(copy, length), *after, *stars = g_strnfill(strlen(CHALLENGE), '*');
    char    *at = strstr(before, CHALLENGE);

    g_assert_nonnull(at);
    scep_request_mask_password(copy, length);
    g_assert_null(memmem(copy, length, CHALLENGE, strlen(CHALLENGE)));
    after = text_of_request(copy, length);
    memcpy(at, stars, strlen(stars)); /* nothing else is different */
    g_assert_cmpstr(after, ==, before);
    g_free(stars);
    g_free(before);
    g_free(after);
    g_free(copy);
    g_bytes_unref(der);
}

static void
test_mask_nothing(void)
{
    GBytes  *der = request_of(PLAIN_REQUEST);
    gsize    length;
    uint8_t *copy = g_memdup2(g_bytes_get_data(der, &length), g_bytes_get_size(der));

    scep_request_mask_password(copy, length);
    g_assert_cmpmem(copy, length, g_bytes_get_data(der, NULL), g_bytes_get_size(der));
    scep_request_mask_password(copy, 0);
    g_free(copy);
    g_bytes_unref(der);
}

/* Of a request that is cut no part of the password may be left either. */
static void
test_mask_truncated(void)
{
    GBytes        *der = request_of(WHOLE_REQUEST);
    gsize          length;
    const uint8_t *data = g_bytes_get_data(der, &length);
    const uint8_t *password = memmem(data, length, CHALLENGE, strlen(CHALLENGE));

    g_assert_nonnull(password);
    for (size_t cut = 0; cut <= length; cut++) {
        uint8_t *copy = g_memdup2(data, cut);

        scep_request_mask_password(copy, cut);
        for (size_t i = 0; i < cut; i++) {
            bool is_password = data + i >= password && data + i < password + strlen(CHALLENGE);

            g_assert_cmphex(copy[i], ==, is_password ? '*' : data[i]);
        }
        g_free(copy);
    }
    g_bytes_unref(der);
}

/* The same attribute in BER: SEQUENCE { challengePassword, SET { UTF8String } } with lengths left open, the string in
 * segments, and two values. */
static void
test_mask_ber(void)
{
    static const char *const encodings[] = {
        "30 80 06 09 2a 86 48 86 f7 0d 01 09 07 31 80 0c 06 73 65 63 72 65 74 00 00 00 00",
        "30 80 06 09 2a 86 48 86 f7 0d 01 09 07 31 80 2c 80 0c 06 73 65 63 72 65 74 00 00 00 00 00 00",
        "30 80 06 09 2a 86 48 86 f7 0d 01 09 07 31 0a 0c 00 0c 06 73 65 63 72 65 74 00 00",
        "30 1b 30 19 06 09 2a 86 48 86 f7 0d 01 09 07 31 0c 0c 02 41 41 0c 06 73 65 63 72 65 74",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(encodings); i++) {
        GBytes  *bytes = bytes_of_hex(encodings[i]);
        gsize    length;
        uint8_t *copy = g_memdup2(g_bytes_get_data(bytes, &length), g_bytes_get_size(bytes));

        scep_request_mask_password(copy, length);
        g_assert_null(memmem(copy, length, "secret", 6));
        g_assert_null(memmem(copy, length, "ecre", 4));
        g_assert_nonnull(memmem(copy, length, "******", 6));
        g_free(copy);
        g_bytes_unref(bytes);
    }
}

static void
test_octets(void)
{
    static const uint8_t data[] = { 1, 2, 3 };
    scep_octets          a = scep_octets_copy(support_scope(), data, sizeof data), none = { NULL, 0 };

    g_assert_true(a.data != data);
    g_assert_true(scep_octets_equal(a, (scep_octets){ data, 3 }));
    g_assert_false(scep_octets_equal(a, (scep_octets){ data, 2 }));
    g_assert_false(scep_octets_equal(a, none));
    g_assert_true(scep_octets_equal(none, (scep_octets){ data, 0 }));
    support_free_scope();
}

int
main(int argc, char **argv)
{
    support_init(&argc, &argv);
    g_test_add_func("/certificate/certificates", test_certificates);
    g_test_add_func("/certificate/names", test_names);
    g_test_add_func("/certificate/request", test_request);
    g_test_add_func("/certificate/plain-request", test_plain_request);
    g_test_add_func("/certificate/invalid-text", test_invalid_text);
    g_test_add_func("/certificate/mask", test_mask);
    g_test_add_func("/certificate/mask-nothing", test_mask_nothing);
    g_test_add_func("/certificate/mask-truncated", test_mask_truncated);
    g_test_add_func("/certificate/mask-ber", test_mask_ber);
    g_test_add_func("/certificate/octets", test_octets);
    return support_run();
}
