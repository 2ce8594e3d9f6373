/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Private keys that open envelopes, from the files named in the preferences.
 */
#ifndef SCEP_KEYS_H
#define SCEP_KEYS_H

#include <gcrypt.h>
#include <glib.h>

#include "certificate.h"

/* One RSA private key. Lives as long as the preferences that name its file. */
typedef struct {
    gcry_sexp_t rsa;
    uint8_t     key_id[SCEP_THUMBPRINT_SIZE]; /* equals scep_certificate.key_id of its certificate */
} scep_key;

/* A new array of scep_key * that owns its keys; free with g_ptr_array_unref(). */
GPtrArray *scep_keys_new(void);

/* Adds the RSA key of `file`, PEM or DER (PKCS #1, PKCS #8) or PKCS #12, to `keys`. `password` may be NULL or "".
 * Returns NULL, or a message of what is wrong with the file, to be freed with g_free(). */
char *scep_keys_add_file(GPtrArray *keys, const char *file, const char *password);

#endif
