/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SCEP messages, built and read with OpenSSL: a SignedData around an EnvelopedData (RFC 8894 section 3, RFC 5652). */
#include "scepmsg.h"

#include <openssl/asn1t.h>
#include <openssl/provider.h>
#include <string.h>

/* RFC 8894 3.2.1, then Microsoft's, then one that SCEP does not define. */
#define OID_MESSAGE_TYPE    "2.16.840.1.113733.1.9.2"
#define OID_PKI_STATUS      "2.16.840.1.113733.1.9.3"
#define OID_FAIL_INFO       "2.16.840.1.113733.1.9.4"
#define OID_SENDER_NONCE    "2.16.840.1.113733.1.9.5"
#define OID_RECIPIENT_NONCE "2.16.840.1.113733.1.9.6"
#define OID_TRANSACTION_ID  "2.16.840.1.113733.1.9.7"
#define OID_FAIL_INFO_TEXT  "1.3.6.1.5.5.7.24.1"
#define OID_HRESULT         "1.3.6.1.4.1.311.21.33"
#define OID_SERVER_MESSAGE  "1.3.6.1.4.1.311.21.38"
#define OID_RANDOM_NONCE    "1.2.840.113549.1.9.25.3"

static GBytes *envelope(const struct scep_message *message, GError **error);
static GBytes *finish(CMS_ContentInfo *cms, GBytes *content, gboolean ber, GError **error);
static gboolean add_attributes(CMS_SignerInfo *signer, const struct scep_message *message);
static ASN1_STRING *signed_attribute(CMS_SignerInfo *signer, const char *oid);

/* --- building --- */

GBytes *scep_message_build(const struct scep_message *message, GError **error)
{
    static const unsigned char zero = 0;
    unsigned int flags = CMS_PARTIAL | CMS_BINARY;
    const EVP_MD *digest = EVP_get_digestbyname(message->digest ? message->digest : "SHA256");
    g_autoptr(GBytes) content = NULL;
    g_autoptr(CMS_ContentInfo) cms = NULL;
    CMS_SignerInfo *signer;
    GBytes *built;

    if (message->content == SCEP_CONTENT_ENVELOPE) {
        content = envelope(message, error);
        if (!content)
            return NULL;
    } else {
        content = g_bytes_new(&zero, message->content == SCEP_CONTENT_ZERO_BYTE ? 1 : 0);
    }

    if (message->content == SCEP_CONTENT_ABSENT)
        flags |= CMS_DETACHED;
    if (message->ber)
        flags |= CMS_STREAM;
    cms = CMS_sign(NULL, NULL, NULL, NULL, flags);
    signer = cms && digest ? CMS_add1_signer(cms, message->signer, message->signer_key, digest,
                                             CMS_PARTIAL | CMS_NOSMIMECAP | (message->no_certificates ? CMS_NOCERTS : 0))
                           : NULL;
    if (!signer || !add_attributes(signer, message)) {
        openssl_failed(error, "signing");
        return NULL;
    }
    built = finish(cms, content, message->ber, error);
    if (built && message->break_signature) {
        gsize size;
        guint8 *der = g_bytes_unref_to_data(built, &size);

        der[size - 1] ^= 1;
        built = g_bytes_new_take(der, size);
    }
    return built;
}

/* Wraps the payload for the recipient. */
static GBytes *envelope(const struct scep_message *message, GError **error)
{
    unsigned int flags = CMS_PARTIAL | CMS_BINARY | (message->ber ? CMS_STREAM : 0);
    const EVP_CIPHER *cipher = EVP_get_cipherbyname(message->cipher ? message->cipher : "AES-128-CBC");
    g_autoptr(CMS_ContentInfo) cms = cipher ? CMS_encrypt(NULL, NULL, cipher, flags) : NULL;
    CMS_RecipientInfo *recipient = cms ? CMS_add1_recipient_cert(cms, message->recipient, CMS_KEY_PARAM) : NULL;

    if (!recipient || (message->oaep && EVP_PKEY_CTX_set_rsa_padding(CMS_RecipientInfo_get0_pkey_ctx(recipient),
                                                                     RSA_PKCS1_OAEP_PADDING) <= 0)) {
        openssl_failed(error, "enveloping");
        return NULL;
    }
    return finish(cms, message->payload, message->ber, error);
}

/* Computes what is open in CMS over CONTENT and encodes it. OpenSSL's streaming output is the BER that iOS sends. */
static GBytes *finish(CMS_ContentInfo *cms, GBytes *content, gboolean ber, GError **error)
{
    g_autoptr(BIO) in = BIO_new(BIO_s_mem());
    g_autoptr(BIO) out = BIO_new(BIO_s_mem());
    gsize size = 0;
    const void *data = g_bytes_get_data(content, &size);
    int done;

    BIO_set_mem_eof_return(in, 0);
    if (size > 0)
        BIO_write(in, data, (int)size);
    done = ber ? i2d_CMS_bio_stream(out, cms, in, CMS_BINARY | CMS_STREAM)
               : CMS_final(cms, in, NULL, CMS_BINARY) && i2d_CMS_bio(out, cms);
    if (!done) {
        openssl_failed(error, "encoding");
        return NULL;
    }
    return openssl_bio_bytes(out);
}

static gboolean add_text(CMS_SignerInfo *signer, const char *oid, int type, const char *text)
{
    return !text || CMS_signed_add1_attr_by_txt(signer, oid, type, text, (int)strlen(text));
}

static gboolean add_bytes(CMS_SignerInfo *signer, const char *oid, GBytes *bytes)
{
    return !bytes || CMS_signed_add1_attr_by_txt(signer, oid, V_ASN1_OCTET_STRING, g_bytes_get_data(bytes, NULL),
                                                 (int)g_bytes_get_size(bytes));
}

static gboolean add_attributes(CMS_SignerInfo *signer, const struct scep_message *message)
{
    g_autoptr(ASN1_TIME) time_signed = ASN1_TIME_set(NULL, message->signing_time ? message->signing_time : time(NULL));

    return CMS_signed_add1_attr_by_NID(signer, NID_pkcs9_signingTime, ASN1_STRING_type(time_signed), time_signed, -1)
        && add_text(signer, OID_MESSAGE_TYPE, V_ASN1_PRINTABLESTRING, message->message_type)
        && add_text(signer, OID_TRANSACTION_ID, V_ASN1_PRINTABLESTRING, message->transaction_id)
        && add_text(signer, OID_PKI_STATUS, V_ASN1_PRINTABLESTRING, message->pki_status)
        && add_text(signer, OID_FAIL_INFO, V_ASN1_PRINTABLESTRING, message->fail_info)
        && add_text(signer, OID_FAIL_INFO_TEXT, V_ASN1_UTF8STRING, message->fail_info_text)
        && add_text(signer, OID_HRESULT, V_ASN1_PRINTABLESTRING, message->hresult)
        && add_text(signer, OID_SERVER_MESSAGE, V_ASN1_UTF8STRING, message->server_message)
        && add_bytes(signer, OID_SENDER_NONCE, message->sender_nonce)
        && add_bytes(signer, OID_RECIPIENT_NONCE, message->recipient_nonce)
        && add_bytes(signer, OID_RANDOM_NONCE, message->random_nonce);
}

/* --- reading --- */

static GBytes *attribute_bytes(CMS_SignerInfo *signer, const char *oid)
{
    ASN1_STRING *value = signed_attribute(signer, oid);

    return value ? g_bytes_new(ASN1_STRING_get0_data(value), (gsize)ASN1_STRING_length(value)) : NULL;
}

static char *attribute_text(CMS_SignerInfo *signer, const char *oid)
{
    ASN1_STRING *value = signed_attribute(signer, oid);

    return value ? g_strndup((const char *)ASN1_STRING_get0_data(value), (gsize)ASN1_STRING_length(value)) : NULL;
}

/* The value of a signed attribute, of any of the string types that peers use; NULL when it is missing or something else. */
static ASN1_STRING *signed_attribute(CMS_SignerInfo *signer, const char *oid)
{
    ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
    int index = CMS_signed_get_attr_by_OBJ(signer, object, -1);
    X509_ATTRIBUTE *attribute = index < 0 ? NULL : CMS_signed_get_attr(signer, index);
    ASN1_TYPE *value = attribute ? X509_ATTRIBUTE_get0_type(attribute, 0) : NULL;

    ASN1_OBJECT_free(object);
    if (!value)
        return NULL;
    switch (ASN1_TYPE_get(value)) {
    case V_ASN1_PRINTABLESTRING:
    case V_ASN1_IA5STRING:
    case V_ASN1_UTF8STRING:
    case V_ASN1_OCTET_STRING:
        return value->value.asn1_string;
    default:
        return NULL;
    }
}

static CMS_ContentInfo *parse(GBytes *bytes)
{
    gsize size;
    const unsigned char *der = g_bytes_get_data(bytes, &size);

    return size <= LONG_MAX ? d2i_CMS_ContentInfo(NULL, &der, (long)size) : NULL;
}

scep_received *scep_received_read(GBytes *bytes, X509 *known_signer, GError **error)
{
    g_autoptr(CMS_ContentInfo) cms = parse(bytes);
    g_autoptr(BIO) nothing = BIO_new(BIO_s_mem());
    g_autoptr(BIO) out = BIO_new(BIO_s_mem());
    STACK_OF(CMS_SignerInfo) *signers;
    STACK_OF(X509) *known = NULL;
    CMS_SignerInfo *signer;
    ASN1_OCTET_STRING **content;
    X509_ALGOR *digest = NULL;
    X509 *certificate = NULL;
    scep_received *received;

    if (!cms || OBJ_obj2nid(CMS_get0_type(cms)) != NID_pkcs7_signed) {
        openssl_failed(error, "not a SignedData");
        return NULL;
    }
    signers = CMS_get0_SignerInfos(cms);
    if (sk_CMS_SignerInfo_num(signers) < 1) {
        openssl_failed(error, "no signer");
        return NULL;
    }
    signer = sk_CMS_SignerInfo_value(signers, 0);

    received = g_new0(scep_received, 1);
    content = CMS_get0_content(cms);
    if (content && *content)
        received->content = g_bytes_new(ASN1_STRING_get0_data(*content), (gsize)ASN1_STRING_length(*content));
    if (known_signer) {
        known = sk_X509_new_null();
        sk_X509_push(known, known_signer);
    }
    BIO_set_mem_eof_return(nothing, 0);
    received->signature_valid = CMS_verify(cms, known, NULL, received->content ? NULL : nothing, out,
                                           CMS_BINARY | CMS_NO_SIGNER_CERT_VERIFY) == 1;
    sk_X509_free(known);
    ERR_clear_error();

    CMS_SignerInfo_get0_algs(signer, NULL, &certificate, &digest, NULL);
    if (certificate && X509_up_ref(certificate))
        received->signer = certificate;
    received->digest = OBJ_nid2sn(OBJ_obj2nid(digest->algorithm));
    received->message_type = attribute_text(signer, OID_MESSAGE_TYPE);
    received->transaction_id = attribute_text(signer, OID_TRANSACTION_ID);
    received->pki_status = attribute_text(signer, OID_PKI_STATUS);
    received->fail_info = attribute_text(signer, OID_FAIL_INFO);
    received->sender_nonce = attribute_bytes(signer, OID_SENDER_NONCE);
    received->recipient_nonce = attribute_bytes(signer, OID_RECIPIENT_NONCE);
    return received;
}

gboolean scep_received_open(scep_received *received, X509 *recipient, EVP_PKEY *key, GError **error)
{
    g_autoptr(CMS_ContentInfo) cms = received->content ? parse(received->content) : NULL;
    g_autoptr(PKCS7) plain = NULL;
    g_autoptr(BIO) out = BIO_new(BIO_s_mem());
    STACK_OF(CMS_RecipientInfo) *recipients = cms ? CMS_get0_RecipientInfos(cms) : NULL;
    X509_ALGOR *transport = NULL;
    const unsigned char *der;

    if (!recipients)
        return openssl_failed(error, "not an EnvelopedData");
    if (!CMS_decrypt(cms, key, recipient, NULL, out, CMS_BINARY))
        return openssl_failed(error, "the envelope does not open");
    received->payload = openssl_bio_bytes(out);

    if (sk_CMS_RecipientInfo_num(recipients) > 0
        && CMS_RecipientInfo_type(sk_CMS_RecipientInfo_value(recipients, 0)) == CMS_RECIPINFO_TRANS) {
        CMS_RecipientInfo_ktri_get0_algs(sk_CMS_RecipientInfo_value(recipients, 0), NULL, NULL, &transport);
        received->oaep = transport && OBJ_obj2nid(transport->algorithm) == NID_rsaesOaep;
    }
    /* OpenSSL's CMS types keep the content cipher to themselves; its PKCS #7 types show it. */
    der = g_bytes_get_data(received->content, NULL);
    plain = d2i_PKCS7(NULL, &der, (long)g_bytes_get_size(received->content));
    if (plain && PKCS7_type_is_enveloped(plain))
        received->cipher = OBJ_nid2sn(OBJ_obj2nid(plain->d.enveloped->enc_data->algorithm->algorithm));
    ERR_clear_error();
    return TRUE;
}

void scep_received_free(scep_received *received)
{
    g_free(received->message_type);
    g_free(received->transaction_id);
    g_free(received->pki_status);
    g_free(received->fail_info);
    g_clear_pointer(&received->sender_nonce, g_bytes_unref);
    g_clear_pointer(&received->recipient_nonce, g_bytes_unref);
    g_clear_pointer(&received->content, g_bytes_unref);
    g_clear_pointer(&received->payload, g_bytes_unref);
    X509_free(received->signer);
    g_free(received);
}

/* --- payloads --- */

typedef struct {
    X509_NAME *issuer;
    X509_NAME *subject;
} ISSUER_AND_SUBJECT;

ASN1_SEQUENCE(ISSUER_AND_SUBJECT) = {
    ASN1_SIMPLE(ISSUER_AND_SUBJECT, issuer, X509_NAME),
    ASN1_SIMPLE(ISSUER_AND_SUBJECT, subject, X509_NAME),
} static_ASN1_SEQUENCE_END(ISSUER_AND_SUBJECT)

GBytes *scep_issuer_and_subject(const X509_NAME *issuer, const X509_NAME *subject)
{
    g_autoptr(X509_NAME) issuer_copy = X509_NAME_dup(issuer);
    g_autoptr(X509_NAME) subject_copy = X509_NAME_dup(subject);
    ISSUER_AND_SUBJECT value = { issuer_copy, subject_copy };
    unsigned char *der = NULL;
    int length = ASN1_item_i2d((const ASN1_VALUE *)&value, &der, ASN1_ITEM_rptr(ISSUER_AND_SUBJECT));

    return openssl_take_der(der, length);
}

GBytes *scep_issuer_and_serial(const X509_NAME *issuer, const ASN1_INTEGER *serial)
{
    PKCS7_ISSUER_AND_SERIAL *value = PKCS7_ISSUER_AND_SERIAL_new();
    unsigned char *der = NULL;
    int length;

    X509_NAME_set(&value->issuer, issuer);
    ASN1_INTEGER_free(value->serial);
    value->serial = ASN1_INTEGER_dup(serial);
    length = i2d_PKCS7_ISSUER_AND_SERIAL(value, &der);
    PKCS7_ISSUER_AND_SERIAL_free(value);
    return openssl_take_der(der, length);
}

ASN1_INTEGER *scep_serial_of(GBytes *issuer_and_serial)
{
    gsize size;
    const unsigned char *der = g_bytes_get_data(issuer_and_serial, &size);
    PKCS7_ISSUER_AND_SERIAL *value = d2i_PKCS7_ISSUER_AND_SERIAL(NULL, &der, (long)size);
    ASN1_INTEGER *serial = value ? ASN1_INTEGER_dup(value->serial) : NULL;

    PKCS7_ISSUER_AND_SERIAL_free(value);
    ERR_clear_error();
    return serial;
}

static gboolean add_alt_names(X509_REQ *request, const char *alt_names)
{
    g_autoptr(X509_EXTENSION) extension = X509V3_EXT_nconf_nid(NULL, NULL, NID_subject_alt_name, alt_names);
    STACK_OF(X509_EXTENSION) *extensions = sk_X509_EXTENSION_new_null();
    gboolean added = extension && sk_X509_EXTENSION_push(extensions, extension)
                  && X509_REQ_add_extensions(request, extensions);

    sk_X509_EXTENSION_free(extensions);
    return added;
}

GBytes *scep_pkcs10(const char *common_name, EVP_PKEY *key, const char *challenge, const char *alt_names, GError **error)
{
    g_autoptr(X509_REQ) request = X509_REQ_new();
    X509_NAME *subject = X509_REQ_get_subject_name(request);
    unsigned char *der = NULL;
    int length;

    /* A challenge may be longer than PKCS #9's 255 characters (Intune's is), so its type is given, not deduced. */
    if (!X509_NAME_add_entry_by_txt(subject, "O", MBSTRING_UTF8, (const unsigned char *)"Contoso", -1, -1, 0)
        || !X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)common_name, -1, -1, 0)
        || !X509_REQ_set_pubkey(request, key)
        || (challenge && !X509_REQ_add1_attr_by_NID(request, NID_pkcs9_challengePassword, V_ASN1_PRINTABLESTRING,
                                                    (const unsigned char *)challenge, (int)strlen(challenge)))
        || (alt_names && !add_alt_names(request, alt_names))
        || !X509_REQ_sign(request, key, EVP_sha256())) {
        openssl_failed(error, "PKCS #10");
        return NULL;
    }
    length = i2d_X509_REQ(request, &der);
    return openssl_take_der(der, length);
}

char *scep_challenge_of(X509_REQ *request)
{
    int index = X509_REQ_get_attr_by_NID(request, NID_pkcs9_challengePassword, -1);
    X509_ATTRIBUTE *attribute = index < 0 ? NULL : X509_REQ_get_attr(request, index);
    ASN1_TYPE *value = attribute ? X509_ATTRIBUTE_get0_type(attribute, 0) : NULL;
    unsigned char *text = NULL;
    char *challenge = NULL;
    int length;

    if (!value || !(ASN1_tag2bit(ASN1_TYPE_get(value)) & (B_ASN1_DIRECTORYSTRING | B_ASN1_IA5STRING)))
        return NULL;
    length = ASN1_STRING_to_UTF8(&text, value->value.asn1_string);
    if (length >= 0)
        challenge = g_strndup((const char *)text, (gsize)length);
    OPENSSL_free(text);
    return challenge;
}

gboolean scep_enable_legacy_ciphers(void)
{
    return OSSL_PROVIDER_load(NULL, "default") && OSSL_PROVIDER_load(NULL, "legacy");
}
