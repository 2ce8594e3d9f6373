/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Opening the envelope of a pkiMessage with a private key (RFC 5652 6), and checking its signature (5.4).
 */
#include "envelope.h"

#include <string.h>

/* Keys and blocks of every cipher in names.c fit. */
#define MAX_KEY_LENGTH   32
#define MAX_BLOCK_LENGTH 16

/* Undoes RSAES-PKCS1-v1_5 or RSAES-OAEP. Returns the length of the content-encryption key in `out`, 0 on failure. */
static size_t
decrypt_key(const scep_key *key, const scep_parts *parts, uint8_t out[MAX_KEY_LENGTH])
{
    gcry_sexp_t  sealed = NULL, opened = NULL, value;
    gcry_error_t failed;
    const char  *data;
    size_t       length = 0;

    if (parts->oaep.is_oaep)
        failed = gcry_sexp_build(&sealed, NULL, "(enc-val (flags oaep) (hash-algo %s) (rsa (a %b)))",
                                 gcry_md_algo_name(parts->oaep.digest), (int)parts->encrypted_key.length,
                                 parts->encrypted_key.data);
    else
        failed = gcry_sexp_build(&sealed, NULL, "(enc-val (flags pkcs1) (rsa (a %b)))",
                                 (int)parts->encrypted_key.length, parts->encrypted_key.data);
    if (!failed && !gcry_pk_decrypt(&opened, sealed, key->rsa)) {
        value = gcry_sexp_find_token(opened, "value", 0);
        data = value ? gcry_sexp_nth_data(value, 1, &length) : gcry_sexp_nth_data(opened, 0, &length);
        if (data && length <= MAX_KEY_LENGTH)
            memcpy(out, data, length);
        else
            length = 0;
        gcry_sexp_release(value);
    }
    gcry_sexp_release(opened);
    gcry_sexp_release(sealed);
    return length;
}

/* Undoes CBC and its padding (RFC 5652 6.3). */
static scep_octets
decrypt_content(wmem_allocator_t *scope, int cipher, const uint8_t *key, size_t key_length, const scep_parts *parts)
{
    gcry_cipher_hd_t handle;
    scep_octets      content = { NULL, 0 };
    size_t           block = gcry_cipher_get_algo_blklen(cipher), length = parts->encrypted_content.length;
    uint8_t         *plain;
    gcry_error_t     failed;

    if (key_length != gcry_cipher_get_algo_keylen(cipher) || parts->initialization_vector.length != block ||
        length == 0 || length % block != 0)
        return content;
    if (gcry_cipher_open(&handle, cipher, GCRY_CIPHER_MODE_CBC, 0) != 0)
        return content;
    plain = wmem_memdup(scope, parts->encrypted_content.data, length);
    failed = gcry_cipher_setkey(handle, key, key_length);
    if (!failed || gcry_err_code(failed) == GPG_ERR_WEAK_KEY)
        failed = gcry_cipher_setiv(handle, parts->initialization_vector.data, block);
    if (!failed)
        failed = gcry_cipher_decrypt(handle, plain, length, NULL, 0);
    gcry_cipher_close(handle);

    uint8_t padding = plain[length - 1];
    bool    good = !failed && padding >= 1 && padding <= block && padding < length;

    for (size_t i = 1; good && i <= padding; i++)
        good = plain[length - i] == padding;
    if (good && plain[0] == BER_SEQUENCE) {
        content.data = plain;
        content.length = length - padding;
    } else {
        wmem_free(scope, plain);
    }
    return content;
}

static scep_octets
open_with(wmem_allocator_t *scope, const scep_key *key, const scep_message *message, const scep_parts *parts)
{
    uint8_t     content_key[MAX_KEY_LENGTH];
    size_t      length = decrypt_key(key, parts, content_key);
    scep_octets content = { NULL, 0 };

    if (length > 0)
        content = decrypt_content(scope, message->cipher.known->gcrypt, content_key, length, parts);
    gnutls_memset(content_key, 0, sizeof content_key);
    return content;
}

scep_octets
scep_envelope_open(wmem_allocator_t *scope, const GPtrArray *keys, const uint8_t *key_id, const scep_message *message,
                   const scep_parts *parts)
{
    scep_octets content = { NULL, 0 };
    const char *transport = message->key_encryption.known ? message->key_encryption.known->oid : "";

    if ((strcmp(transport, OID_RSA_ENCRYPTION) != 0 && strcmp(transport, OID_RSAES_OAEP) != 0) ||
        (parts->oaep.is_oaep && !parts->oaep.digest) || !message->cipher.known ||
        message->cipher.known->kind != SCEP_ALGORITHM_CIPHER || parts->encrypted_key.length == 0 || !parts->is_whole)
        return content;
    for (int preferred = 1; preferred >= 0 && !content.data; preferred--) {
        for (guint i = 0; i < keys->len && !content.data; i++) {
            const scep_key *key = g_ptr_array_index(keys, i);
            bool            fits = key_id && memcmp(key_id, key->key_id, sizeof key->key_id) == 0;

            if (fits == (bool)preferred)
                content = open_with(scope, key, message, parts);
        }
    }
    return content;
}

/* True when the messageDigest attribute is the digest of the content, or of nothing when there is none. */
static bool
digest_matches(const scep_message *message, const scep_parts *parts)
{
    int     digest = message->digest.known->gcrypt;
    size_t  length = gcry_md_get_algo_dlen(digest);
    uint8_t value[64];

    if (length > sizeof value || parts->message_digest.length != length)
        return false;
    gcry_md_hash_buffer(digest, value, parts->has_content ? (const void *)parts->content.data : "",
                        parts->content.length);
    return memcmp(value, parts->message_digest.data, length) == 0;
}

static gnutls_sign_algorithm_t
signature_algorithm(gnutls_pubkey_t pubkey, const scep_message *message, const scep_parts *parts)
{
    gnutls_digest_algorithm_t digest = gnutls_oid_to_digest(message->digest.known->oid);
    int                       key = gnutls_pubkey_get_pk_algorithm(pubkey, NULL);

    if (strcmp(parts->signature_algorithm, OID_RSASSA_PSS) == 0)
        key = GNUTLS_PK_RSA_PSS;
    return gnutls_pk_to_sign((gnutls_pk_algorithm_t)key, digest);
}

scep_signature
scep_signature_check(ber_slice der, const scep_message *message, const scep_parts *parts)
{
    gnutls_datum_t  certificate = { (unsigned char *)der.data, (unsigned)der.length };
    gnutls_datum_t  signature = { (unsigned char *)parts->signature.data, (unsigned)parts->signature.length };
    gnutls_datum_t  attributes = { NULL, (unsigned)parts->signed_attributes.length };
    gnutls_x509_crt_t crt;
    gnutls_pubkey_t pubkey;
    scep_signature  result = SCEP_SIGNATURE_UNCHECKED;

    /* What is signed is the DER of the attributes as a SET (RFC 5652 5.4); an indefinite length is not DER. */
    if (!message->digest.known || message->digest.known->kind != SCEP_ALGORITHM_DIGEST || !parts->signature_algorithm ||
        signature.size == 0 || attributes.size < 2 || parts->signed_attributes.data[1] == 0x80)
        return result;
    if (!digest_matches(message, parts))
        return SCEP_SIGNATURE_OTHER_CONTENT;
    if (gnutls_x509_crt_init(&crt) < 0)
        return result;
    if (gnutls_pubkey_init(&pubkey) < 0) {
        gnutls_x509_crt_deinit(crt);
        return result;
    }
    if (gnutls_x509_crt_import(crt, &certificate, GNUTLS_X509_FMT_DER) >= 0 &&
        gnutls_pubkey_import_x509(pubkey, crt, 0) >= 0) {
        gnutls_sign_algorithm_t algorithm = signature_algorithm(pubkey, message, parts);

        if (algorithm != GNUTLS_SIGN_UNKNOWN) {
            int status;

            attributes.data = g_memdup2(parts->signed_attributes.data, attributes.size);
            attributes.data[0] = BER_SET;
            status = gnutls_pubkey_verify_data2(pubkey, algorithm, GNUTLS_VERIFY_ALLOW_BROKEN, &attributes, &signature);
            result = status >= 0                            ? SCEP_SIGNATURE_VALID
                     : status == GNUTLS_E_PK_SIG_VERIFY_FAILED ? SCEP_SIGNATURE_INVALID
                                                            : SCEP_SIGNATURE_UNCHECKED;
            g_free(attributes.data);
        }
    }
    gnutls_pubkey_deinit(pubkey);
    gnutls_x509_crt_deinit(crt);
    return result;
}
