/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a server's certificate says (RFC 5280), read by GnuTLS.
 */
#include "certificate.h"

#include <arpa/inet.h>
#include <string.h>

#include <gnutls/x509.h>

/* A certificate with more names than this is shown with the first ones. */
#define MAX_NAMES 100

/* The longest name that is looked at: of DNS, RFC 1035 2.3.4, with room to spare. */
#define MAX_NAME 512

/* Nanoseconds since 1970; dates beyond 2262 are as good as the last one that fits. */
static int64_t
nanoseconds(time_t time)
{
    const int64_t second = 1000000000;

    return (int64_t)time > INT64_MAX / second ? INT64_MAX : (int64_t)time * second;
}

static const char *
intern(flow_model *model, const char *text, size_t length)
{
    char       *valid = g_utf8_make_valid(text, (gssize)length);
    const char *kept = flow_intern(model, valid);

    g_free(valid);
    return kept;
}

static const char *
take(flow_model *model, int status, gnutls_datum_t *text)
{
    const char *kept;

    if (status < 0)
        return "?";
    kept = intern(model, (const char *)text->data, text->size);
    gnutls_free(text->data);
    return kept;
}

/* The DNS names and addresses that the certificate is for; without any, its common name (RFC 9525 leaves that out, old
 * clients do not). */
static const char *const *
read_names(flow_model *model, gnutls_x509_crt_t certificate)
{
    GPtrArray   *names = g_ptr_array_new();
    char         text[MAX_NAME];
    size_t       size = sizeof text;
    const char **kept;
    int          type;

    for (unsigned i = 0; i < MAX_NAMES; i++, size = sizeof text) {
        type = gnutls_x509_crt_get_subject_alt_name(certificate, i, text, &size, NULL);
        if (type == GNUTLS_E_SHORT_MEMORY_BUFFER)
            continue;
        if (type < 0)
            break;
        if (type == GNUTLS_SAN_DNSNAME) {
            g_ptr_array_add(names, (gpointer)intern(model, text, strnlen(text, size)));
        } else if (type == GNUTLS_SAN_IPADDRESS && (size == 4 || size == 16)) {
            char address[INET6_ADDRSTRLEN];

            if (inet_ntop(size == 4 ? AF_INET : AF_INET6, text, address, sizeof address))
                g_ptr_array_add(names, (gpointer)flow_intern(model, address));
        }
    }
    size = sizeof text;
    if (names->len == 0 &&
        gnutls_x509_crt_get_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME, 0, 0, text, &size) >= 0)
        g_ptr_array_add(names, (gpointer)intern(model, text, strnlen(text, size)));
    kept = g_new0(const char *, names->len + 1);
    for (guint i = 0; i < names->len; i++)
        kept[i] = names->pdata[i];
    g_ptr_array_unref(names);
    return kept;
}

void
certificate_read(flow_model *model, const uint8_t *der, size_t length, flow_certificate *certificate)
{
    gnutls_datum_t    datum = { (unsigned char *)der, (unsigned)length }, text;
    gnutls_x509_crt_t read;
    int               status;

    if (gnutls_x509_crt_init(&read) < 0)
        return;
    if (gnutls_x509_crt_import(read, &datum, GNUTLS_X509_FMT_DER) >= 0) {
        status = gnutls_x509_crt_get_dn3(read, &text, 0);
        certificate->subject = take(model, status, &text);
        status = gnutls_x509_crt_get_issuer_dn3(read, &text, 0);
        certificate->issuer = take(model, status, &text);
        certificate->names = read_names(model, read);
        certificate->not_before = nanoseconds(gnutls_x509_crt_get_activation_time(read));
        certificate->not_after = nanoseconds(gnutls_x509_crt_get_expiration_time(read));
        certificate->is_self_signed = gnutls_x509_crt_check_issuer(read, read) != 0;
    }
    gnutls_x509_crt_deinit(read);
}
