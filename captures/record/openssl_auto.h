/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lets g_autoptr free OpenSSL's objects, and turns OpenSSL's last complaint into a GError. */
#ifndef RECORD_OPENSSL_AUTO_H
#define RECORD_OPENSSL_AUTO_H

#include <gio/gio.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ASN1_INTEGER, ASN1_INTEGER_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ASN1_TIME, ASN1_TIME_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BIO, BIO_free_all)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CMS_ContentInfo, CMS_ContentInfo_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_PKEY, EVP_PKEY_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PKCS7, PKCS7_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(X509, X509_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(X509_CRL, X509_CRL_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(X509_EXTENSION, X509_EXTENSION_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(X509_NAME, X509_NAME_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(X509_REQ, X509_REQ_free)

/* Sets *error to WHAT and the newest entry of OpenSSL's error queue, and empties the queue. Always returns false. */
static inline gboolean openssl_failed(GError **error, const char *what)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;

    g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "%s: %s", what, reason ? reason : "not possible");
    ERR_clear_error();
    return FALSE;
}

/* Gives the bytes that were written to a memory BIO. */
static inline GBytes *openssl_bio_bytes(BIO *bio)
{
    char *data = NULL;
    long length = BIO_get_mem_data(bio, &data);

    return g_bytes_new(data, length > 0 ? (gsize)length : 0);
}

/* Takes over what an i2d function allocated; NULL when it failed. */
static inline GBytes *openssl_take_der(unsigned char *der, int length)
{
    GBytes *bytes = length > 0 ? g_bytes_new(der, (gsize)length) : NULL;

    OPENSSL_free(der);
    return bytes;
}

#endif
