/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What X.509 certificates, PKCS #10 requests and distinguished names say, read by GnuTLS.
 */
#include "certificate.h"

#include <string.h>

#include <gnutls/x509-ext.h>

#include "names.h"

/* A request with more alternative names than this shows the first ones. */
#define MAX_SANS 4096

#define OID_UPN              "1.3.6.1.4.1.311.20.2.3"
#define OID_SUBJECT_ALT_NAME "2.5.29.17"

/* Deeper than any PKCS #10 puts its attributes. */
#define MAX_MASK_DEPTH 8

scep_octets
scep_octets_copy(wmem_allocator_t *scope, const void *data, size_t length)
{
    scep_octets copy = { wmem_memdup(scope, data, length), length };

    return copy;
}

bool
scep_octets_equal(scep_octets a, scep_octets b)
{
    return a.length == b.length && (a.length == 0 || memcmp(a.data, b.data, a.length) == 0);
}

static gnutls_datum_t
datum_of(ber_slice slice)
{
    gnutls_datum_t datum = { (unsigned char *)slice.data, (unsigned)slice.length };

    return datum;
}

/* Octets that should be UTF-8, made so. */
static const char *
valid_text(wmem_allocator_t *scope, const void *data, size_t length)
{
    char       *valid = g_utf8_make_valid(length > 0 ? data : "", (gssize)length);
    const char *copy = wmem_strdup(scope, valid);

    g_free(valid);
    return copy;
}

/* Takes a string that GnuTLS allocated into `scope`. */
static const char *
take(wmem_allocator_t *scope, int status, gnutls_datum_t *text)
{
    const char *copy;

    if (status < 0)
        return "";
    copy = valid_text(scope, text->data, text->size);
    gnutls_free(text->data);
    return copy;
}

static scep_octets
magnitude_copy(wmem_allocator_t *scope, const uint8_t *data, size_t length)
{
    while (length > 1 && *data == 0) {
        data++;
        length--;
    }
    return scep_octets_copy(scope, data, length);
}

scep_certificate *
scep_certificate_read(wmem_allocator_t *scope, ber_slice der)
{
    gnutls_datum_t    datum = datum_of(der), text;
    gnutls_x509_crt_t crt;
    scep_certificate *certificate = NULL;
    unsigned char     serial[128];
    size_t            size;
    unsigned          ca, usage;

    if (gnutls_x509_crt_init(&crt) < 0)
        return NULL;
    if (gnutls_x509_crt_import(crt, &datum, GNUTLS_X509_FMT_DER) >= 0) {
        certificate = wmem_new0(scope, scep_certificate);
        certificate->der = scep_octets_copy(scope, der.data, der.length);
        certificate->subject = take(scope, gnutls_x509_crt_get_dn3(crt, &text, 0), &text);
        certificate->issuer = take(scope, gnutls_x509_crt_get_issuer_dn3(crt, &text, 0), &text);
        size = sizeof serial;
        if (gnutls_x509_crt_get_serial(crt, serial, &size) >= 0)
            certificate->serial = magnitude_copy(scope, serial, size);
        certificate->not_before = gnutls_x509_crt_get_activation_time(crt);
        certificate->not_after = gnutls_x509_crt_get_expiration_time(crt);
        size = sizeof certificate->thumbprint;
        gnutls_x509_crt_get_fingerprint(crt, GNUTLS_DIG_SHA1, certificate->thumbprint, &size);
        size = sizeof certificate->key_id;
        gnutls_x509_crt_get_key_id(crt, GNUTLS_KEYID_USE_SHA1, certificate->key_id, &size);
        if (gnutls_x509_crt_get_key_usage(crt, &usage, NULL) >= 0)
            certificate->key_usage = usage;
        certificate->is_ca = gnutls_x509_crt_get_basic_constraints(crt, NULL, &ca, NULL) >= 0 && ca;
        gnutls_x509_crt_get_pk_algorithm(crt, &certificate->key_bits);
    }
    gnutls_x509_crt_deinit(crt);
    return certificate;
}

bool
scep_certificate_is(const scep_certificate *certificate, const char *issuer, scep_octets serial)
{
    return strcmp(certificate->issuer, issuer) == 0 && scep_octets_equal(certificate->serial, serial);
}

bool
scep_certificate_may_encrypt(const scep_certificate *certificate)
{
    return certificate->key_usage == 0 ||
           (certificate->key_usage & (GNUTLS_KEY_KEY_ENCIPHERMENT | GNUTLS_KEY_DATA_ENCIPHERMENT));
}

/* The alternative name of `type` in words, or NULL when it is of a kind that is not shown. `oid` is that of an
 * otherName. */
static const char *
san_text(wmem_allocator_t *scope, int type, const char *oid, const unsigned char *value, size_t size)
{
    if (type == GNUTLS_SAN_IPADDRESS) {
        if (size == 4)
            return wmem_strdup_printf(scope, "IP:%u.%u.%u.%u", value[0], value[1], value[2], value[3]);
        if (size == 16) {
            wmem_strbuf_t *text = wmem_strbuf_new(scope, "IP:");

            for (size_t i = 0; i < size; i += 2)
                wmem_strbuf_append_printf(text, "%s%x", i ? ":" : "", value[i] << 8 | value[i + 1]);
            return wmem_strbuf_get_str(text);
        }
        return NULL;
    }

    const char *kind = type == GNUTLS_SAN_DNSNAME       ? "DNS"
                       : type == GNUTLS_SAN_RFC822NAME  ? "email"
                       : type == GNUTLS_SAN_URI         ? "URI"
                       : type == GNUTLS_SAN_DN          ? "DN"
                       : strcmp(oid, OID_UPN) == 0      ? "UPN"
                       : type == GNUTLS_SAN_OTHERNAME_XMPP ? "XMPP"
                                                        : NULL;
    ber_slice   inner = { value, size };
    ber_element string;

    if (!kind)
        return NULL;
    if (type == GNUTLS_SAN_OTHERNAME && ber_next(&inner, &string)) { /* the value is a DER string of its own */
        value = string.content.data;
        size = string.content.length;
    }
    return wmem_strdup_printf(scope, "%s:%s", kind, valid_text(scope, value, size));
}

static const char **
request_sans(wmem_allocator_t *scope, gnutls_x509_crq_t crq)
{
    wmem_array_t               *texts = wmem_array_new(scope, sizeof(const char *));
    gnutls_subject_alt_names_t  sans;
    gnutls_datum_t              extension, value, oid;
    unsigned                    type;
    const char                 *end = NULL;

    if (gnutls_subject_alt_names_init(&sans) < 0)
        sans = NULL;
    if (sans && gnutls_x509_crq_get_extension_by_oid2(crq, OID_SUBJECT_ALT_NAME, 0, &extension, NULL) >= 0) {
        gnutls_x509_ext_import_subject_alt_names(&extension, sans, 0);
        gnutls_free(extension.data);
    }
    for (unsigned i = 0; sans && i < MAX_SANS; i++) {
        oid.data = NULL;
        if (gnutls_subject_alt_names_get(sans, i, &type, &value, &oid) < 0)
            break;

        const char *text = san_text(scope, (int)type, oid.data ? (const char *)oid.data : "", value.data, value.size);

        if (text)
            wmem_array_append_one(texts, text);
    }
    if (sans)
        gnutls_subject_alt_names_deinit(sans);
    wmem_array_append_one(texts, end);
    return (const char **)wmem_array_get_raw(texts);
}

/* The challengePassword as it was sent: GnuTLS's own function escapes it like a part of a name. NULL when absent. */
static const char *
challenge_password(wmem_allocator_t *scope, gnutls_x509_crq_t crq)
{
    unsigned char der[16384]; /* Intune's challenge is a CMS message in base64, several kB long */
    size_t        size = sizeof der;
    const char   *password = NULL;
    ber_element   value;

    if (gnutls_x509_crq_get_attribute_by_oid(crq, OID_CHALLENGE_PASSWORD, 0, der, &size) >= 0) {
        ber_slice in = { der, size };

        if (ber_next(&in, &value) && value.complete) {
            char *wide = value.identifier == BER_BMP_STRING
                             ? g_convert((const char *)value.content.data, (gssize)value.content.length, "UTF-8",
                                         "UTF-16BE", NULL, NULL, NULL)
                             : NULL;

            password = wide ? wmem_strdup(scope, wide) : valid_text(scope, value.content.data, value.content.length);
            g_free(wide);
        }
    }
    gnutls_memset(der, 0, sizeof der);
    return password;
}

scep_request *
scep_request_read(wmem_allocator_t *scope, ber_slice der)
{
    gnutls_datum_t    datum = datum_of(der), text;
    gnutls_x509_crq_t crq;
    scep_request     *request = NULL;
    unsigned          bits = 0;
    size_t            size;

    if (gnutls_x509_crq_init(&crq) < 0)
        return NULL;
    if (gnutls_x509_crq_import(crq, &datum, GNUTLS_X509_FMT_DER) >= 0) {
        request = wmem_new0(scope, scep_request);
        request->subject = take(scope, gnutls_x509_crq_get_dn3(crq, &text, 0), &text);
        request->sans = request_sans(scope, crq);

        int algorithm = gnutls_x509_crq_get_pk_algorithm(crq, &bits);

        request->key = wmem_strdup_printf(scope, "%s %u",
                                          algorithm == GNUTLS_PK_EC ? "EC" : gnutls_pk_get_name(algorithm), bits);
        request->challenge_password = challenge_password(scope, crq);
        size = sizeof request->key_id;
        gnutls_x509_crq_get_key_id(crq, GNUTLS_KEYID_USE_SHA1, request->key_id, &size);
    }
    gnutls_x509_crq_deinit(crq);
    return request;
}

const char *
scep_name_read(wmem_allocator_t *scope, ber_slice der)
{
    gnutls_datum_t   datum = datum_of(der), text;
    gnutls_x509_dn_t dn;
    const char      *name = NULL;

    if (gnutls_x509_dn_init(&dn) < 0)
        return NULL;
    if (gnutls_x509_dn_import(dn, &datum) >= 0)
        name = take(scope, gnutls_x509_dn_get_str2(dn, &text, 0), &text);
    gnutls_x509_dn_deinit(dn);
    return name;
}

/* Masks in `der` what stands in `in`, a part of it. */
static void
mask_password(uint8_t *der, ber_slice in, unsigned depth)
{
    ber_element element;
    bool        is_challenge = false;

    while (ber_next(&in, &element)) {
        char oid[BER_OID_SIZE];

        if (ber_oid(&element, oid)) {
            is_challenge = strcmp(oid, OID_CHALLENGE_PASSWORD) == 0;
        } else if (is_challenge && element.identifier == BER_SET) {
            ber_slice   values = element.content;
            ber_element value;

            while (ber_next(&values, &value))
                memset(der + (value.content.data - der), '*', value.content.length);
        } else if ((element.identifier & BER_CONSTRUCTED) && depth > 0) {
            mask_password(der, element.content, depth - 1);
        }
    }
}

void
scep_request_mask_password(uint8_t *der, size_t length)
{
    ber_slice in = { der, length };

    mask_password(der, in, MAX_MASK_DEPTH);
}
