/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Private keys that open envelopes. GnuTLS reads the files; libgcrypt, which knows RSAES-OAEP in every release, uses
 * the keys.
 */
#include "keys.h"

#include <string.h>

#include <gnutls/pkcs12.h>

/* No key file is larger; a capture chosen by mistake is. */
#define MAX_FILE_SIZE (1 << 20)

static void
key_free(gpointer data)
{
    scep_key *key = data;

    gcry_sexp_release(key->rsa);
    g_free(key);
}

GPtrArray *
scep_keys_new(void)
{
    return g_ptr_array_new_with_free_func(key_free);
}

/* The key as libgcrypt wants it: p < q, else its CRT goes wrong now and then, and u = p^-1 mod q. */
static gcry_sexp_t
export_rsa(gnutls_x509_privkey_t privkey)
{
    enum { N, E, D, P, Q, U, COUNT };
    gnutls_datum_t raw[COUNT];
    gcry_mpi_t     number[COUNT] = { NULL };
    gcry_sexp_t    sexp = NULL;
    bool           read = true;

    if (gnutls_x509_privkey_export_rsa_raw(privkey, &raw[N], &raw[E], &raw[D], &raw[P], &raw[Q], &raw[U]) < 0)
        return NULL;
    for (int i = 0; i < COUNT; i++) {
        read = read && gcry_mpi_scan(&number[i], GCRYMPI_FMT_USG, raw[i].data, raw[i].size, NULL) == 0;
        gnutls_memset(raw[i].data, 0, raw[i].size);
        gnutls_free(raw[i].data);
    }
    if (read && gcry_mpi_cmp(number[P], number[Q]) > 0)
        gcry_mpi_swap(number[P], number[Q]);
    if (read && gcry_mpi_invm(number[U], number[P], number[Q]) &&
        gcry_sexp_build(&sexp, NULL, "(private-key (rsa (n %m) (e %m) (d %m) (p %m) (q %m) (u %m)))", number[N],
                        number[E], number[D], number[P], number[Q], number[U]) != 0)
        sexp = NULL;
    for (int i = 0; i < COUNT; i++)
        gcry_mpi_release(number[i]);
    return sexp;
}

static int
import_pkcs12(const gnutls_datum_t *data, const char *password, gnutls_x509_privkey_t *privkey)
{
    gnutls_pkcs12_t pkcs12;
    int             status = gnutls_pkcs12_init(&pkcs12);

    if (status < 0)
        return status;
    status = gnutls_pkcs12_import(pkcs12, data, GNUTLS_X509_FMT_DER, 0);
    if (status >= 0)
        status = gnutls_pkcs12_verify_mac(pkcs12, password);
    if (status >= 0) {
        status = gnutls_pkcs12_simple_parse(pkcs12, password, privkey, NULL, NULL, NULL, NULL, NULL, 0);
        if (status >= 0 && !*privkey)
            status = GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE;
    }
    gnutls_pkcs12_deinit(pkcs12);
    return status;
}

static int
import_key(const gnutls_datum_t *data, const char *password, gnutls_x509_privkey_t *privkey)
{
    bool is_pem = g_strstr_len((const char *)data->data, (gssize)data->size, "-----BEGIN") != NULL;
    int  status;

    if (!is_pem) { /* PKCS #12 first: its DER is also readable as a broken key */
        status = import_pkcs12(data, password, privkey);
        if (status >= 0 || status == GNUTLS_E_MAC_VERIFY_FAILED)
            return status;
    }
    status = gnutls_x509_privkey_init(privkey);
    if (status >= 0) {
        status = gnutls_x509_privkey_import2(*privkey, data, is_pem ? GNUTLS_X509_FMT_PEM : GNUTLS_X509_FMT_DER,
                                             *password ? password : NULL, 0);
        if (status < 0) {
            gnutls_x509_privkey_deinit(*privkey);
            *privkey = NULL;
        }
    }
    return status;
}

char *
scep_keys_add_file(GPtrArray *keys, const char *file, const char *password)
{
    gnutls_x509_privkey_t privkey = NULL;
    gnutls_datum_t        data;
    char                 *contents, *problem = NULL;
    gsize                 length;
    GError               *error = NULL;
    int                   status;

    if (!g_file_get_contents(file, &contents, &length, &error)) {
        problem = g_strdup(error->message);
        g_error_free(error);
        return problem;
    }
    if (length > MAX_FILE_SIZE) {
        g_free(contents);
        return g_strdup_printf("%s: too large to be a key file", file);
    }
    data.data = (unsigned char *)contents;
    data.size = (unsigned)length;
    status = import_key(&data, password ? password : "", &privkey);
    if (status < 0) {
        problem = g_strdup_printf("%s: no private key can be read, expected PEM or PKCS #12: %s", file,
                                  gnutls_strerror(status));
    } else {
        scep_key *key = g_new0(scep_key, 1);
        size_t    size = sizeof key->key_id;

        key->rsa = export_rsa(privkey);
        if (key->rsa && gnutls_x509_privkey_get_key_id(privkey, GNUTLS_KEYID_USE_SHA1, key->key_id, &size) >= 0) {
            g_ptr_array_add(keys, key);
        } else {
            key_free(key);
            problem = g_strdup_printf("%s: not an RSA key", file);
        }
        gnutls_x509_privkey_deinit(privkey);
    }
    gnutls_memset(contents, 0, length);
    g_free(contents);
    return problem;
}
