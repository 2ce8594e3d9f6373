/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The stand-in for a CA: issues, lists and revokes with OpenSSL (RFC 5280, RFC 8894 section 4). */
#include "authority.h"

static const time_t year = 365 * 24 * 60 * 60;

X509 *load_certificate(const char *file, GError **error)
{
    g_autoptr(BIO) in = BIO_new_file(file, "r");
    X509 *certificate = in ? PEM_read_bio_X509(in, NULL, NULL, NULL) : NULL;

    if (!certificate)
        openssl_failed(error, file);
    return certificate;
}

EVP_PKEY *load_key(const char *file, GError **error)
{
    g_autoptr(BIO) in = BIO_new_file(file, "r");
    EVP_PKEY *key = in ? PEM_read_bio_PrivateKey(in, NULL, NULL, NULL) : NULL;

    if (!key)
        openssl_failed(error, file);
    return key;
}

GBytes *certificate_der(const X509 *certificate)
{
    unsigned char *der = NULL;
    int length = i2d_X509(certificate, &der);

    return openssl_take_der(der, length);
}

time_t authority_time(const struct authority *authority)
{
    return authority->now ? authority->now : time(NULL);
}

static gboolean add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    g_autoptr(X509_EXTENSION) extension = NULL;

    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    extension = X509V3_EXT_nconf_nid(NULL, &context, nid, value);
    return extension && X509_add_ext(certificate, extension, -1);
}

/* Copies the subjectAltName that was asked for, if any. */
static gboolean copy_alt_names(X509 *certificate, X509_REQ *request)
{
    STACK_OF(X509_EXTENSION) *asked = X509_REQ_get_extensions(request);
    int index = asked ? X509v3_get_ext_by_NID(asked, NID_subject_alt_name, -1) : -1;
    gboolean copied = index < 0 || X509_add_ext(certificate, X509v3_get_ext(asked, index), -1);

    sk_X509_EXTENSION_pop_free(asked, X509_EXTENSION_free);
    return copied;
}

/* A version 3 certificate for the PKCS#10, valid for a year from an hour ago; not signed. */
static X509 *unsigned_certificate(X509_REQ *request, long serial, const X509_NAME *issuer, time_t now)
{
    g_autoptr(X509) certificate = X509_new();

    if (X509_set_version(certificate, X509_VERSION_3)
        && ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial)
        && X509_set_issuer_name(certificate, issuer)
        && X509_set_subject_name(certificate, X509_REQ_get_subject_name(request))
        && X509_set_pubkey(certificate, X509_REQ_get0_pubkey(request))
        && ASN1_TIME_set(X509_getm_notBefore(certificate), now - 3600)
        && ASN1_TIME_set(X509_getm_notAfter(certificate), now + year)
        && copy_alt_names(certificate, request))
        return g_steal_pointer(&certificate);
    return NULL;
}

X509 *authority_issue(struct authority *authority, X509_REQ *request, GError **error)
{
    X509 *ca = authority->ca.certificate;
    g_autoptr(X509) certificate = unsigned_certificate(request, authority->next_serial, X509_get_subject_name(ca),
                                                       authority_time(authority));

    if (!certificate
        || !add_extension(certificate, ca, NID_key_usage, "critical,digitalSignature,keyEncipherment")
        || !add_extension(certificate, ca, NID_ext_key_usage, "clientAuth")
        || !add_extension(certificate, ca, NID_subject_key_identifier, "hash")
        || !add_extension(certificate, ca, NID_authority_key_identifier, "keyid")
        || !X509_sign(certificate, authority->ca.key, EVP_sha256())) {
        openssl_failed(error, "issuing");
        return NULL;
    }
    authority->next_serial++;
    X509_up_ref(certificate);
    g_ptr_array_add(authority->issued, certificate);
    return g_steal_pointer(&certificate);
}

X509 *authority_find(const struct authority *authority, const ASN1_INTEGER *serial)
{
    for (guint i = 0; i < authority->issued->len; i++) {
        X509 *certificate = g_ptr_array_index(authority->issued, i);

        if (ASN1_INTEGER_cmp(X509_get0_serialNumber(certificate), serial) == 0)
            return certificate;
    }
    return NULL;
}

X509 *self_signed(X509_REQ *request, EVP_PKEY *key, time_t now, GError **error)
{
    g_autoptr(X509) certificate = unsigned_certificate(request, 1, X509_REQ_get_subject_name(request), now);

    if (!certificate
        || !add_extension(certificate, certificate, NID_key_usage, "critical,digitalSignature,keyEncipherment")
        || !X509_sign(certificate, key, EVP_sha256())) {
        openssl_failed(error, "self-signing");
        return NULL;
    }
    return g_steal_pointer(&certificate);
}

GBytes *certs_only(X509 *const *certificates, X509_CRL *crl)
{
    g_autoptr(PKCS7) set = PKCS7_new();
    unsigned char *der = NULL;
    int length;

    PKCS7_set_type(set, NID_pkcs7_signed);
    PKCS7_content_new(set, NID_pkcs7_data);
    PKCS7_set_detached(set, 1);
    for (; *certificates; certificates++)
        PKCS7_add_certificate(set, *certificates);
    if (crl)
        PKCS7_add_crl(set, crl);
    length = i2d_PKCS7(set, &der);
    return openssl_take_der(der, length);
}

GBytes *authority_crl(const struct authority *authority, GError **error)
{
    X509 *const no_certificates[] = { NULL };
    time_t now = authority_time(authority);
    g_autoptr(X509_CRL) crl = X509_CRL_new();
    g_autoptr(ASN1_TIME) last = ASN1_TIME_set(NULL, now);
    g_autoptr(ASN1_TIME) next = ASN1_TIME_set(NULL, now + 7 * 24 * 60 * 60);
    g_autoptr(ASN1_INTEGER) number = ASN1_INTEGER_new();
    X509_REVOKED *revoked = X509_REVOKED_new();

    ASN1_INTEGER_set(number, 1);
    if (!X509_REVOKED_set_serialNumber(revoked, number) || !X509_REVOKED_set_revocationDate(revoked, last)
        || !X509_CRL_add0_revoked(crl, revoked)) {
        X509_REVOKED_free(revoked);
        openssl_failed(error, "CRL");
        return NULL;
    }
    if (!X509_CRL_set_version(crl, X509_CRL_VERSION_2)
        || !X509_CRL_set_issuer_name(crl, X509_get_subject_name(authority->ca.certificate))
        || !X509_CRL_set1_lastUpdate(crl, last) || !X509_CRL_set1_nextUpdate(crl, next)
        || !X509_CRL_add1_ext_i2d(crl, NID_crl_number, number, 0, 0)
        || !X509_CRL_sign(crl, authority->ca.key, EVP_sha256())) {
        openssl_failed(error, "CRL");
        return NULL;
    }
    return certs_only(no_certificates, crl);
}

GBytes *authority_ca_certificates(const struct authority *authority, gboolean *ra)
{
    gboolean one_ra = authority->recipient.certificate == authority->signer.certificate;
    X509 *const set[] = { authority->ca.certificate, authority->recipient.certificate,
                          one_ra ? NULL : authority->signer.certificate, NULL };

    *ra = authority->recipient.certificate != authority->ca.certificate;
    return *ra ? certs_only(set, NULL) : certificate_der(authority->ca.certificate);
}

GBytes *authority_next_ca(const struct authority *authority, GError **error)
{
    X509 *const set[] = { authority->next_ca.certificate, NULL };
    g_autoptr(GBytes) inner = certs_only(set, NULL);
    g_autoptr(BIO) in = BIO_new_mem_buf(g_bytes_get_data(inner, NULL), (int)g_bytes_get_size(inner));
    g_autoptr(BIO) out = BIO_new(BIO_s_mem());
    g_autoptr(CMS_ContentInfo) cms = CMS_sign(authority->ca.certificate, authority->ca.key, NULL, in,
                                              CMS_BINARY | CMS_NOSMIMECAP | CMS_NOATTR);

    if (!cms || !i2d_CMS_bio(out, cms)) {
        openssl_failed(error, "GetNextCACert");
        return NULL;
    }
    return openssl_bio_bytes(out);
}
